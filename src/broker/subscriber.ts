// What the broker needs to know of somebody who listens. The engine's client is one.

import type { Source } from '../util/bytes.ts'
import type { NameSet } from '../util/name-map.ts'

export interface Subscriber {
  readonly protocol: 2 | 3
  /** Names subscribed to; the broker keeps them up to date. */
  readonly channels: NameSet
  readonly patterns: NameSet
  readonly shardChannels: NameSet
  /** Takes a message, bytes [start, end) of a source that stays unchanged until the broker's `recycle`. */
  deliver(source: Source, start: number, end: number): void
}
