// PUBSUB NUMSUB, PUBSUB SHARDNUMSUB: the numbers of subscribers of some channels.
//
// The reply is a flat array in RESP3, too: name, count, name, count.

import type { ChannelKind } from '../../broker/subscription-kind.ts'
import type { Call } from '../call.ts'
import { defineCommand } from '../define-command.ts'

function countEach({ args, engine, reply }: Call, kind: ChannelKind): void {
  reply.array(2 * (args.length - 2))
  for (let i = 2; i < args.length; i++) {
    reply.bulk(args.bytes(i))
    reply.integer(engine.clients.pubSub.subscribersOf(kind, args.string(i)))
  }
}

export const pubsubNumsub = defineCommand({
  name: 'PUBSUB NUMSUB',
  summary: 'Counts the subscribers of channels; those by pattern are not included.',
  group: 'pubsub',
  since: '2.8.0',
  complexity: 'O(N) where N is the number of channels asked for.',
  arity: -2,
  flags: ['pubsub', 'loading', 'stale'],
  args: [{ name: 'channel', type: 'string', optional: true, multiple: true }],
  reply: 'array: each channel followed by its number of subscribers',
  run: (call) => countEach(call, 'channel'),
})

export const pubsubShardNumsub = defineCommand({
  name: 'PUBSUB SHARDNUMSUB',
  summary: 'Counts the subscribers of shard channels.',
  group: 'pubsub',
  since: '7.0.0',
  complexity: 'O(N) where N is the number of shard channels asked for.',
  arity: -2,
  flags: ['pubsub', 'loading', 'stale'],
  args: [{ name: 'shardchannel', type: 'string', optional: true, multiple: true }],
  reply: 'array: each shard channel followed by its number of subscribers',
  run: (call) => countEach(call, 'shard'),
})
