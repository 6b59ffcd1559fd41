// CHANNEL SUBSCRIBERS, CHANNEL LAG: the remembered subscribers of a channel or a pattern, and their
// unread messages.

import { inSlices } from '../../engine/waiting/sliced-answers.ts'
import { ERR } from '../../protocol/errors.ts'
import { defineCommand } from '../define-command.ts'
import {
  channelCommon,
  channelsIn,
  KIND_ARG,
  namedBefore,
  readKind,
  readSubscriber,
  replyRows,
  SUBSCRIBER_ARGS,
} from './channel.ts'

export const channelSubscribers = defineCommand({
  ...channelCommon,
  name: 'CHANNEL SUBSCRIBERS',
  summary: 'Lists who is remembered of a channel or a pattern, and how far each has heard.',
  complexity:
    'O(N+M+K) with N subscribers, M channels that the pattern matches, 1 without one, and K, in each of these the lesser of its messages and the subscribers within them. Others are served meanwhile.',
  arity: -3,
  flags: ['readonly', 'pubsub'],
  channels: namedBefore(4),
  args: [{ name: 'channel', type: 'string' }, KIND_ARG],
  tips: ['nondeterministic_output_order'],
  reply: 'array: a map for each: user, name, connected, connections, place, lag',
  run(call) {
    const kind = readKind(call, 3)
    const { namedSubscribers } = channelsIn(call)
    const listening = inSlices(call, () => namedSubscribers.list(kind, call.args.string(2)))
    if (listening === undefined) return
    call.reply.array(listening.length)
    for (const { user, name, connections, position, lag } of listening) {
      replyRows(call.reply, [
        ['user', (reply) => reply.text(user)],
        ['name', (reply) => reply.text(name)],
        ['connected', (reply) => reply.boolean(connections > 0)],
        ['connections', (reply) => reply.integer(connections)],
        ['place', (reply) => reply.text(position.id.toString())],
        ['lag', (reply) => reply.integer(lag)],
      ])
    }
  },
})

export const channelLag = defineCommand({
  ...channelCommon,
  name: 'CHANNEL LAG',
  summary: 'Counts the messages that a remembered subscriber, or each of them, has not heard yet.',
  complexity:
    'O(N+M+K) with N subscribers, M channels that the pattern matches, 1 without one, and K, in each of these the lesser of its messages and the subscribers within them. Others are served meanwhile.',
  arity: -3,
  flags: ['readonly', 'pubsub'],
  channels: namedBefore(4, 6),
  args: [
    { name: 'channel', type: 'string' },
    { name: 'subscriber', type: 'block', optional: true, args: SUBSCRIBER_ARGS },
    KIND_ARG,
  ],
  tips: ['nondeterministic_output_order'],
  reply: 'integer, nil where the subscriber is not remembered; without one array: user, name and count of each',
  run(call) {
    const { args, reply } = call
    const names = args.length >= 5
    if (args.length > 6) throw ERR.syntax
    const kind = readKind(call, names ? 5 : 3)
    const { namedSubscribers } = channelsIn(call)
    const subscriber = names ? readSubscriber(call, 3) : undefined
    const listening = inSlices(call, () => namedSubscribers.list(kind, args.string(2), subscriber))
    if (listening === undefined) return
    if (names) {
      const [one] = listening
      if (one === undefined) reply.nil()
      else reply.integer(one.lag)
      return
    }
    reply.array(listening.length)
    for (const { user, name, lag } of listening) {
      reply.array(3)
      reply.text(user)
      reply.text(name)
      reply.integer(lag)
    }
  },
})
