// CHANNEL CANCEL: takes a scheduled message back.

import { defineCommand } from '../define-command.ts'
import { channelCommon, channelsIn, readChannelKind, SHARD_ARG, scheduledOf } from './channel.ts'

export const channelCancel = defineCommand({
  ...channelCommon,
  name: 'CHANNEL CANCEL',
  summary: 'Takes a scheduled message back.',
  complexity: 'O(log(N)) with N messages scheduled on the channel.',
  arity: -4,
  flags: ['write', 'pubsub', 'fast'],
  channels: { first: 2, last: 2, are: 'names' },
  changesKey: scheduledOf(4),
  args: [{ name: 'channel', type: 'string' }, { name: 'id', type: 'string' }, SHARD_ARG],
  reply: 'integer: 1; 0 when no message of this id waits',
  run(call) {
    const { args } = call
    const kind = readChannelKind(call, 4)
    call.reply.integer(channelsIn(call).schedule.cancel(kind, args.string(2), args.bytes(3)) ? 1 : 0)
  },
})
