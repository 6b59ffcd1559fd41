// The kinds of subscription, as records: what differs between SUBSCRIBE, PSUBSCRIBE and SSUBSCRIBE
// besides how a message finds its way.

import type { NameSet } from '../util/tables/name-map.ts'
import type { Subscriber } from './subscriber.ts'

export type SubscriptionKind = 'channel' | 'pattern' | 'shard'

/** The kinds that a message is published to. Patterns hear messages of channels. */
export type ChannelKind = Exclude<SubscriptionKind, 'pattern'>

export type MessageKind = 'message' | 'pmessage' | 'smessage'

export interface KindOfSubscription {
  /** The word that opens the confirmation of a subscription. */
  readonly subscribed: string
  /** The word that opens the confirmation of its end. */
  readonly unsubscribed: string
  /** The word that opens a message. */
  readonly message: MessageKind
  /** Returns the names that a subscriber has of this kind. */
  names(subscriber: Subscriber): NameSet
  /**
   * Returns the number that confirmations tell: channels and patterns count together, shard
   * channels apart.
   */
  count(subscriber: Subscriber): number
}

const channelsAndPatterns = ({ subscriptions: { channels, patterns } }: Subscriber): number =>
  channels.size + patterns.size

export const SUBSCRIPTIONS: Readonly<Record<SubscriptionKind, KindOfSubscription>> = {
  channel: {
    subscribed: 'subscribe',
    unsubscribed: 'unsubscribe',
    message: 'message',
    names: ({ subscriptions: { channels } }) => channels,
    count: channelsAndPatterns,
  },
  pattern: {
    subscribed: 'psubscribe',
    unsubscribed: 'punsubscribe',
    message: 'pmessage',
    names: ({ subscriptions: { patterns } }) => patterns,
    count: channelsAndPatterns,
  },
  shard: {
    subscribed: 'ssubscribe',
    unsubscribed: 'sunsubscribe',
    message: 'smessage',
    names: ({ subscriptions: { shardChannels } }) => shardChannels,
    count: ({ subscriptions: { shardChannels } }) => shardChannels.size,
  },
}

export const SUBSCRIPTION_KINDS: readonly SubscriptionKind[] = ['channel', 'pattern', 'shard']
