// What the broker needs to know of somebody who listens. The engine's client is one.

import type { Bytes, Source } from '../util/bytes/bytes.ts'
import type { NameSet } from '../util/tables/name-map.ts'

/**
 * The room of a channel whose messages are kept or watched. It says which message is being
 * delivered.
 */
export interface MessageLog {
  /** True when messages are kept, not only watched. */
  readonly keeps: boolean
  /**
   * Takes a message that is going to be delivered, and keeps it. Throws what the store throws; then
   * no subscriber hears of it.
   */
  record(message: Bytes): void
}

/** Whoever stands in the list of a channel or pattern. */
export interface Listener {
  readonly protocol: 2 | 3
  /**
   * Takes a message, bytes [start, end) of a source that stays unchanged until the broker's
   * `recycle`.
   *
   * `log` is the log of a published message's channel; its last message is this one. null = the
   * channel has no log, or the message is sent to this listener alone.
   */
  deliver(source: Source, start: number, end: number, log: MessageLog | null): void
}

/** Whoever subscribes; mostly it listens itself. */
export interface Subscriber extends Listener {
  /** Names subscribed to; the broker keeps them up to date. */
  readonly channels: NameSet
  readonly patterns: NameSet
  readonly shardChannels: NameSet
}
