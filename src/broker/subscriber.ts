// The interfaces of those that hear messages. The engine's client implements them.

import type { Source } from '../util/bytes/bytes.ts'
import type { NameSet } from '../util/tables/name-map.ts'

/** A member of a channel's or pattern's list. */
export interface Listener {
  readonly protocol: 2 | 3
  /**
   * Takes a message: the bytes [start, end) of a source that stays unchanged until the broker's
   * `recycle`.
   */
  deliver(source: Source, start: number, end: number): void
}

/** The owner of subscriptions. Usually it is also their listener. */
export interface Subscriber extends Listener {
  /** Names of its subscriptions, kept up to date by the broker. */
  readonly channels: NameSet
  readonly patterns: NameSet
  readonly shardChannels: NameSet
}
