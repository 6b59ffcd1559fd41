// CHANNEL ACK: tells how far a subscriber has read, if it acknowledges by itself (CLIENT CAPA
// message-ids).
//
// Another connection with the same user and name may send it, since many libraries send nothing
// else on a connection that subscribes.

import type { SubscriptionKind } from '../../broker/subscription-kind.ts'
import { ERR } from '../../protocol/errors.ts'
import { StreamId } from '../../store/stream/stream-id.ts'
import type { Call } from '../call.ts'
import { defineCommand } from '../define-command.ts'
import { readId } from '../stream/stream-arguments.ts'
import { channelCommon, channelsIn } from './channel.ts'

const NOT_ACKNOWLEDGING = ERR.of(
  'CHANNEL ACK is for subscribers that said CLIENT CAPA message-ids before they subscribed',
)

const id = new StreamId()

function channelAckRun(call: Call): void {
  const { args } = call
  readId(call, 3, id)
  let kind: SubscriptionKind = 'channel'
  let target = args.string(2)
  if (args.length === 5 && args.equalsIgnoreCase(4, 'SHARD')) {
    kind = 'shard'
  } else if (args.length === 6 && args.equalsIgnoreCase(4, 'PATTERN')) {
    kind = 'pattern'
    target = args.string(5)
  } else if (args.length > 4) {
    throw ERR.syntax
  }
  const moved = channelsIn(call).namedSubscribers.acknowledge(call.client, kind, target, id)
  if (moved === undefined) throw NOT_ACKNOWLEDGING
  call.reply.integer(moved ? 1 : 0)
}

export const channelAck = defineCommand({
  ...channelCommon,
  name: 'CHANNEL ACK',
  summary: 'Says that everything up to a message was heard.',
  complexity:
    'O(log(N)) where N is the number of messages kept, and O(M) with M messages since the one acknowledged before.',
  arity: -4,
  flags: ['write', 'pubsub', 'fast'],
  channels: { first: 2, last: 2, are: 'names' },
  args: [
    { name: 'channel', type: 'string' },
    { name: 'id', type: 'string' },
    {
      name: 'kind',
      type: 'oneof',
      optional: true,
      args: [
        { name: 'pattern', type: 'pattern', token: 'PATTERN' },
        { name: 'shard', type: 'pure-token', token: 'SHARD' },
      ],
    },
  ],
  reply: 'integer: 1, or 0 when as much was acknowledged before',
  whileSubscribed: true,
  run: channelAckRun,
})
