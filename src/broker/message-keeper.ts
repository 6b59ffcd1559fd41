// What the broker needs of whoever keeps messages (channels/): who listens in a subscriber's place, and where messages are kept.

import type { Bytes } from '../util/bytes/bytes.ts'
import type { Listener, MessageLog, Subscriber } from './subscriber.ts'
import type { ChannelKind, SubscriptionKind } from './subscription-kind.ts'

export interface MessageKeeper {
  /** Tells whether places would be remembered that are not yet, if a client subscribed to all of these. */
  addsPlaces(subscriber: Subscriber, kind: SubscriptionKind, names: readonly string[]): boolean
  /** Throws a ReplyError if these would be too many. */
  checkPlaces(subscriber: Subscriber, kind: SubscriptionKind, names: readonly string[]): void
  /** Somebody subscribes; returns who listens: the subscriber, or a reader on its behalf. */
  join(subscriber: Subscriber, kind: SubscriptionKind, name: string): Listener
  /** A subscription ends; returns who has listened. */
  leave(subscriber: Subscriber, kind: SubscriptionKind, name: string): Listener
  /** All subscriptions of somebody are going to end without its asking for that. */
  vanish(subscriber: Subscriber): void
  /** Returns what stands beside a channel to which a message is published; null = nothing is to be known of its messages. */
  logOf(channel: string, kind: ChannelKind): MessageLog | null
}

/** Knows which messages are kept, here or by the server that this one follows. */
export interface KeepingRules {
  /** Tells whether messages to a channel of this name are kept; leaves nothing behind. */
  keeps(channel: Bytes): boolean
}
