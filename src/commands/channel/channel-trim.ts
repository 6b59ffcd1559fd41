// CHANNEL TRIM: removes old messages. A subscriber that has not read them is told about a gap, as
// if a rule had removed them.

import { ERR } from '../../protocol/errors.ts'
import type { Stream } from '../../store/stream/stream.ts'
import { StreamId } from '../../store/stream/stream-id.ts'
import type { Call } from '../call.ts'
import { defineCommand } from '../define-command.ts'
import { readId } from '../stream/stream-arguments.ts'
import { channelCommon, channelsIn, messagesOf, readChannelKind, SHARD_ARG } from './channel.ts'

function channelTrimRun(call: Call): void {
  const { args } = call
  let trim: (stream: Stream) => number
  if (args.equalsIgnoreCase(3, 'MAXLEN')) {
    const max = call.integer(4, 0, Number.MAX_SAFE_INTEGER, ERR.of('The MAXLEN argument must be >= 0.'))
    trim = (stream) => stream.trimToLength(max, false, 0)
  } else if (args.equalsIgnoreCase(3, 'MINID')) {
    const minId = readId(call, 4, new StreamId())
    trim = (stream) => stream.trimToId(minId, false, 0)
  } else {
    throw ERR.syntax
  }
  const kind = readChannelKind(call, 5)
  call.reply.integer(channelsIn(call).namedSubscribers.trim(args.string(2), kind, trim))
}

export const channelTrim = defineCommand({
  ...channelCommon,
  name: 'CHANNEL TRIM',
  summary: 'Removes old messages of a channel.',
  complexity: 'O(N) with N messages removed, but for whole nodes, which go at once.',
  arity: -5,
  flags: ['write', 'pubsub'],
  channels: { first: 2, last: 2, are: 'names' },
  changesKey: messagesOf(5),
  args: [
    { name: 'channel', type: 'string' },
    {
      name: 'strategy',
      type: 'oneof',
      args: [
        { name: 'count', type: 'integer', token: 'MAXLEN' },
        { name: 'id', type: 'string', token: 'MINID' },
      ],
    },
    SHARD_ARG,
  ],
  reply: 'integer: how many messages were removed',
  run: channelTrimRun,
})
