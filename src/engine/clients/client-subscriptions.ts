// The subscriptions of a client: their names, which the broker keeps, and how messages of kept
// channels come to it.

import type { SubscribedNames } from '../../broker/subscriber.ts'
import { NameSet } from '../../util/tables/name-map.ts'
import type { OrderedDelivery } from './ordered-delivery.ts'

export class ClientSubscriptions implements SubscribedNames {
  readonly channels = new NameSet()
  readonly patterns = new NameSet()
  readonly shardChannels = new NameSet()
  /**
   * Its later subscriptions to kept channels get messages with their ids (CLIENT CAPA message-ids).
   */
  wantsMessageIds = false
  /** It hears messages of kept channels in the order of their ids; null = as they come. */
  ordered: OrderedDelivery | null = null

  /** The number of subscriptions of all kinds. */
  get size(): number {
    return this.channels.size + this.patterns.size + this.shardChannels.size
  }

  /** Bytes of their names. */
  get bytes(): number {
    return this.channels.bytes + this.patterns.bytes + this.shardChannels.bytes
  }
}
