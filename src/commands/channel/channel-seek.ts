// CHANNEL SEEK: moves a remembered subscriber to another position. A connected subscriber goes on
// there at once.

import type { SeekTarget } from '../../channels/reading/named-subscribers.ts'
import { ERR } from '../../protocol/errors.ts'
import { StreamId } from '../../store/stream/stream-id.ts'
import { parseInteger } from '../../util/numbers/numbers.ts'
import type { Call } from '../call.ts'
import { defineCommand } from '../define-command.ts'
import { readId } from '../stream/stream-arguments.ts'
import {
  channelCommon,
  channelsIn,
  KIND_ARG,
  NO_SUBSCRIBER,
  namedBefore,
  placeOf,
  readKind,
  readSubscriber,
  SUBSCRIBER_ARGS,
} from './channel.ts'

function readAim(call: Call, i: number): SeekTarget {
  const { args } = call
  if (args.equalsIgnoreCase(i, 'FIRST')) return 'first'
  if (args.equalsIgnoreCase(i, 'LAST')) return 'last'
  const ms = parseInteger(args.bytes(i))
  if (ms === undefined) return { behind: readId(call, i, new StreamId()) }
  if (ms < 0 || typeof ms === 'bigint') throw ERR.streamId
  return { ms }
}

export const channelSeek = defineCommand({
  ...channelCommon,
  name: 'CHANNEL SEEK',
  summary: 'Has a remembered subscriber go on behind a message, at a time, at the first message, or behind the last.',
  complexity: 'O(log(N)) where N is the number of messages kept.',
  arity: -6,
  flags: ['write', 'pubsub'],
  channels: namedBefore(7),
  changesKey: placeOf(6),
  args: [
    { name: 'channel', type: 'string' },
    ...SUBSCRIBER_ARGS,
    {
      name: 'aim',
      type: 'oneof',
      args: [
        { name: 'id', type: 'string' },
        { name: 'unix-time-milliseconds', type: 'unix-time' },
        { name: 'first', type: 'pure-token', token: 'FIRST' },
        { name: 'last', type: 'pure-token', token: 'LAST' },
      ],
    },
    KIND_ARG,
  ],
  reply: 'OK',
  run(call) {
    const aim = readAim(call, 5)
    const kind = readKind(call, 6)
    if (!channelsIn(call).namedSubscribers.seek(kind, call.args.string(2), readSubscriber(call, 3), aim))
      throw NO_SUBSCRIBER
    call.reply.ok()
  },
})
