// What the broker needs of whoever has groups (channels/groups/groups.ts): who joins and leaves one, and which of them hear a message.

import type { Bytes } from '../util/bytes/bytes.ts'
import type { MessageLog, Subscriber } from './subscriber.ts'
import type { ChannelKind, SubscriptionKind } from './subscription-kind.ts'

/** Some subscribers that share what is published: each message goes to one of them. */
export interface SharingGroup {
  /**
   * Has one member hear the last message of a log, null = it has none; returns how many are going
   * to: 1, or 0 where nobody can.
   */
  share(channel: string, message: Bytes, log: MessageLog | null): number
}

export interface Sharing {
  /** Somebody has subscribed to the name of a group. */
  join(subscriber: Subscriber, kind: SubscriptionKind, name: string): void
  /** Such a subscription has ended. */
  leave(subscriber: Subscriber, kind: SubscriptionKind, name: string): void
  /** All subscriptions of somebody are going to end without its asking for that. */
  vanish(subscriber: Subscriber): void
  /** Returns the groups that hear a channel, those by pattern last; null = none. */
  groupsOf(channel: string, kind: ChannelKind): readonly SharingGroup[] | null
}
