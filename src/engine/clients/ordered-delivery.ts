// How a client hears messages that says how far it is with one id, whatever it subscribed to: a
// stream over HTTP.
//
// Messages of kept channels carry their ids and come in the order of their ids, over all of its
// subscriptions. It is told of its own gaps. What it was sent counts as heard as without ids.

export class OrderedDelivery {
  /**
   * Number of its subscriptions that are behind: while there is one, none is live, and the ids
   * that are read next may be lower than those that are published.
   */
  behind = 0
}
