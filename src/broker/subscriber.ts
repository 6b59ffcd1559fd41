// What the broker needs to know of somebody who listens. The engine's client is one.

import type { Source } from '../util/bytes/bytes.ts'
import type { NameSet } from '../util/tables/name-map.ts'

/** Whoever stands in the list of a channel or pattern. */
export interface Listener {
  readonly protocol: 2 | 3
  /** Takes a message, bytes [start, end) of a source that stays unchanged until the broker's `recycle`. */
  deliver(source: Source, start: number, end: number): void
}

/** Whoever subscribes; mostly it listens itself. */
export interface Subscriber extends Listener {
  /** Names subscribed to; the broker keeps them up to date. */
  readonly channels: NameSet
  readonly patterns: NameSet
  readonly shardChannels: NameSet
}
