// The delivery of messages to a client with one position for all of its subscriptions: a stream
// over HTTP.
//
// Messages of kept channels carry their ids and come in the order of their ids, over all of its
// subscriptions. The client is told of its own gaps. Acknowledgement works as for clients without
// ids.

export class OrderedDelivery {
  /**
   * Number of its subscriptions that are behind. While there is one, none is live: ids that are
   * read later may be lower than ids that are published now.
   */
  behind = 0
}
