// The interfaces of those that hear messages. The engine's client implements them.

import type { Bytes, Source } from '../util/bytes/bytes.ts'
import type { NameSet } from '../util/tables/name-map.ts'

/** The log of one channel. Each delivery names it. */
export interface MessageLog {
  /** True when messages are kept. False for a rule that only says how to treat slow subscribers. */
  readonly keeps: boolean
  /**
   * Keeps a message that is about to be delivered. Throws the store's errors; the message is then
   * not delivered.
   */
  record(message: Bytes): void
}

/** A member of a channel's or pattern's list. */
export interface Listener {
  readonly protocol: 2 | 3
  /**
   * Takes a message: the bytes [start, end) of a source that stays unchanged until the broker's
   * `recycle`.
   *
   * `log` is the log of a published message's channel; its last message is this one. null = the
   * channel has no log, or the message is sent to this listener alone.
   */
  deliver(source: Source, start: number, end: number, log: MessageLog | null): void
}

/** Names of a subscriber's subscriptions by kind. The broker keeps them up to date. */
export interface SubscribedNames {
  readonly channels: NameSet
  readonly patterns: NameSet
  readonly shardChannels: NameSet
}

/** The owner of subscriptions. Usually it is also their listener. */
export interface Subscriber extends Listener {
  readonly subscriptions: SubscribedNames
}
