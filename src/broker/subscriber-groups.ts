// The interface through which the broker reaches groups (channels/groups/groups.ts): it tells them
// about members, and asks which groups hear a message.

import type { Bytes } from '../util/bytes/bytes.ts'
import type { MessageLog, Subscriber } from './subscriber.ts'
import type { ChannelKind, SubscriptionKind } from './subscription-kind.ts'

/** Some subscribers that share messages: each message goes to one of them. */
export interface SubscriberGroup {
  /**
   * Sends the last message of a log, or one without a log (null), to one member. Returns the number
   * of receivers: 1, or 0 when no member can take it.
   */
  share(channel: string, message: Bytes, log: MessageLog | null): number
}

export interface SubscriberGroups {
  /** Notes a subscription to a group's name. */
  join(subscriber: Subscriber, kind: SubscriptionKind, name: string): void
  /** Notes the end of such a subscription. */
  leave(subscriber: Subscriber, kind: SubscriptionKind, name: string): void
  /** Notes that all subscriptions of a subscriber end because its connection is gone. */
  vanish(subscriber: Subscriber): void
  /**
   * Returns the groups that hear a channel, with groups of patterns last; null when there are none.
   */
  groupsOf(channel: string, kind: ChannelKind): readonly SubscriberGroup[] | null
}
