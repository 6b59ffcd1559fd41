// Publishing: the one function by which a message gets from its sender to all receivers.
//
//                                   subscribers here   replicas, log           other shards
//   a client's PUBLISH, a script's  yes                the request             yes
//   the stream of a primary         yes                the request             no: its shard did
//   replay                          yes                no                      no
//   the schedule, options of ours   yes                as PUBLISH              yes
//   a keyspace event                yes                no: each makes its own  by the primary
//
// SPUBLISH goes the same way, but shards do not tell each other of it. A notice of the server
// itself (`+switch-master`, the gaps of a channel) is for subscribers here alone: it calls
// `PubSub.publishTo`.

import type { ChannelKind } from '../../broker/subscription-kind.ts'
import type { Arguments } from '../../protocol/arguments.ts'
import type { Bytes } from '../../util/bytes/bytes.ts'

export interface PublishHost {
  readonly clients: {
    readonly pubSub: { publish(kind: ChannelKind, channel: Bytes, message: Bytes): number }
  }
  readonly effects: {
    readonly propagation: {
      message(database: number, args: Arguments): void
      published(kind: ChannelKind, channel: Bytes, message: Bytes): void
      announce(channel: Bytes, message: Bytes): void
    }
  }
}

/** The request that brought a message. */
export interface PublishRequest {
  readonly args: Arguments
  readonly db: { readonly index: number }
  readonly client: { readonly isObeyed: boolean }
  /** False while no sink takes effects, and for replay. */
  readonly propagates: boolean
}

/**
 * Publishes a message, kept or not, and returns how many subscribers here received it. If keeping
 * the message fails, this throws, and the message is published nowhere. `request` is the request
 * that carries the message word for word; undefined when there is none.
 */
export function publishMessage(
  { clients: { pubSub }, effects: { propagation } }: PublishHost,
  kind: ChannelKind,
  channel: Bytes,
  message: Bytes,
  request: PublishRequest | undefined,
): number {
  const receivers = pubSub.publish(kind, channel, message)
  if (request === undefined) propagation.published(kind, channel, message)
  else if (request.propagates) propagation.message(request.db.index, request.args)
  if (kind === 'channel' && request?.client.isObeyed !== true) propagation.announce(channel, message)
  return receivers
}
