// CHANNEL PENDING: the scheduled messages of a channel.

import type { Call } from '../call.ts'
import { defineCommand } from '../define-command.ts'
import { channelCommon, channelsIn, readChannelKind, SHARD_ARG } from './channel.ts'

function channelPendingRun(call: Call): void {
  const { args, reply } = call
  const counts = args.length > 4 && args.equalsIgnoreCase(3, 'COUNT')
  const max = counts ? call.integer(4, 0) : Number.POSITIVE_INFINITY
  const kind = readChannelKind(call, counts ? 5 : 3)
  const messages = channelsIn(call).schedule.first(kind, args.string(2), max)
  reply.array(messages.length)
  for (const { id, dueMs, text } of messages) {
    reply.array(3)
    reply.bulk(id)
    reply.integer(dueMs)
    reply.bulk(text)
  }
}

export const channelPending = defineCommand({
  ...channelCommon,
  name: 'CHANNEL PENDING',
  summary: 'Returns the scheduled messages of a channel, in the order in which they will be published.',
  complexity: 'O(N) with N messages returned.',
  arity: -3,
  flags: ['readonly', 'pubsub'],
  channels: { first: 2, last: 2, are: 'names' },
  args: [
    { name: 'channel', type: 'string' },
    { name: 'count', type: 'integer', token: 'COUNT', optional: true },
    SHARD_ARG,
  ],
  reply: 'array: the messages, each an array of its id, when it is due (Unix milliseconds) and its text',
  run: channelPendingRun,
})
