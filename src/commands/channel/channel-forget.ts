// CHANNEL FORGET: removes the remembered position of a subscriber.

import { defineCommand } from '../define-command.ts'
import {
  channelCommon,
  channelsIn,
  KIND_ARG,
  namedBefore,
  placeOf,
  readKind,
  readSubscriber,
  SUBSCRIBER_ARGS,
} from './channel.ts'

export const channelForget = defineCommand({
  ...channelCommon,
  name: 'CHANNEL FORGET',
  summary: 'Forgets how far a subscriber has heard. One that is connected goes on hearing what is published.',
  complexity: 'O(1)',
  arity: -5,
  flags: ['write', 'pubsub', 'fast'],
  channels: namedBefore(6),
  changesKey: placeOf(5),
  args: [{ name: 'channel', type: 'string' }, ...SUBSCRIBER_ARGS, KIND_ARG],
  reply: 'integer: 1, or 0 when nothing was remembered of it',
  run(call) {
    const kind = readKind(call, 5)
    const forgotten = channelsIn(call).namedSubscribers.forget(kind, call.args.string(2), readSubscriber(call, 3))
    call.reply.integer(forgotten ? 1 : 0)
  },
})
