// PUBLISH, SPUBLISH: send a message to whoever listens at this moment. It is kept where a rule says so (channels/): then it is a write.

import { defineCommand } from '../../engine/command.ts'
import type { Claims } from '../../engine/command-spec.ts'

/** What publishing to a channel claims whose messages are kept. */
const KEEPING: Claims = { isWrite: true, isDenyoom: true, mayReplicate: true, runsWhileLoading: false }

export const publish = defineCommand({
  name: 'PUBLISH',
  summary: 'Sends a message to the subscribers of a channel.',
  group: 'pubsub',
  since: '2.0.0',
  complexity:
    'O(N+M) where N is the number of receivers and M the number of patterns that share a literal prefix with the channel.',
  arity: 3,
  flags: ['pubsub', 'loading', 'stale', 'fast', 'may_replicate'],
  channels: { first: 1, last: 1, are: 'names' },
  args: [
    { name: 'channel', type: 'string' },
    { name: 'message', type: 'string' },
  ],
  declared: ({ pubSub }, args) => (pubSub.isKept(args.bytes(1), 'channel') ? KEEPING : undefined),
  reply: 'integer: how many received the message; a client that listens in two ways counts twice',
  run(call) {
    call.reply.integer(call.engine.pubSub.publish(call.args.bytes(1), call.args.bytes(2)))
    call.propagateMessage()
  },
})

export const spublish = defineCommand({
  name: 'SPUBLISH',
  summary: 'Sends a message to the subscribers of a shard channel.',
  group: 'pubsub',
  since: '7.0.0',
  complexity: 'O(N) where N is the number of receivers.',
  arity: 3,
  flags: ['pubsub', 'loading', 'stale', 'fast', 'may_replicate'],
  keys: [{ first: 1, last: 1, step: 1, access: 'RO', flags: ['not_key'] }],
  channels: { first: 1, last: 1, are: 'names' },
  args: [
    { name: 'shardchannel', type: 'string' },
    { name: 'message', type: 'string' },
  ],
  declared: ({ pubSub }, args) => (pubSub.isKept(args.bytes(1), 'shard') ? KEEPING : undefined),
  reply: 'integer: how many received the message',
  run(call) {
    call.reply.integer(call.engine.pubSub.publishShard(call.args.bytes(1), call.args.bytes(2)))
    call.propagateMessage()
  },
})
