// The interface through which the broker reaches the room that keeps messages (channels/). It says
// which listener stands in a subscriber's place, and which log a channel has.

import type { Bytes } from '../util/bytes/bytes.ts'
import type { Listener, MessageLog, Subscriber } from './subscriber.ts'
import type { ChannelKind, SubscriptionKind } from './subscription-kind.ts'

export interface MessageKeeper {
  /** Tells whether subscribing to these names would add positions to remember. */
  addsPlaces(subscriber: Subscriber, kind: SubscriptionKind, names: readonly string[]): boolean
  /** Throws a ReplyError if these positions would be too many. */
  checkPlaces(subscriber: Subscriber, kind: SubscriptionKind, names: readonly string[]): void
  /** Notes a subscription; returns its listener: the subscriber, or a reader on its behalf. */
  join(subscriber: Subscriber, kind: SubscriptionKind, name: string): Listener
  /** Notes the end of a subscription; returns the listener that it had. */
  leave(subscriber: Subscriber, kind: SubscriptionKind, name: string): Listener
  /** Notes that all subscriptions of a subscriber end because its connection is gone. */
  vanish(subscriber: Subscriber): void
  /**
   * Returns the log of a channel that a message is published to; null when no rule names the
   * channel.
   */
  logOf(channel: string, kind: ChannelKind): MessageLog | null
}

/** Knows which messages are kept, by this server or by the primary that it follows. */
export interface KeepingRules {
  /** Tells whether messages to a channel are kept. Remembers nothing about the name. */
  keeps(channel: Bytes): boolean
}
