// CHANNEL INFO: the rule of a channel, its kept messages and its subscribers.

import { formatChannelRules } from '../../config/channel-rules.ts'
import { inSlices } from '../../engine/waiting/sliced-answers.ts'
import type { Reply } from '../../protocol/reply.ts'
import type { StreamId } from '../../store/stream/stream-id.ts'
import { defineCommand } from '../define-command.ts'
import { channelCommon, channelsIn, readChannelKind, replyRows, SHARD_ARG } from './channel.ts'

export const channelInfo = defineCommand({
  ...channelCommon,
  name: 'CHANNEL INFO',
  summary: 'Tells about a channel: its rule, what it keeps and who listens.',
  complexity:
    'O(N+M) with N remembered subscribers of the channel and of patterns that match it, and M channels and patterns with remembered subscribers. Others are served meanwhile.',
  arity: -3,
  flags: ['readonly', 'pubsub'],
  channels: { first: 2, last: 2, are: 'names' },
  args: [{ name: 'channel', type: 'string' }, SHARD_ARG],
  reply: 'map: rule, messages, bytes, first-id, last-id, subscribers, remembered, away, scheduled, missed',
  run(call) {
    const name = call.args.string(2)
    const kind = readChannelKind(call, 3)
    const channels = channelsIn(call)
    const away = inSlices(call, () => channels.namedSubscribers.away(kind, name))
    if (away === undefined) return
    const { pubSub } = call.engine.clients
    const rule = channels.logs.ruleOf(name, kind)
    const missed = channels.logs.known(name, kind)?.missed ?? 0
    const stream = channels.namedSubscribers.messagesOf(name, kind)
    const isEmpty = stream === undefined || stream.length === 0
    replyRows(call.reply, [
      ['rule', (reply) => (rule === undefined ? reply.nil() : reply.text(formatChannelRules([rule])))],
      ['messages', (reply) => reply.integer(isEmpty ? 0 : stream.length)],
      ['bytes', (reply) => reply.integer(isEmpty ? 0 : stream.nodes.bytes)],
      ['first-id', (reply) => writeId(reply, isEmpty ? undefined : stream.firstId)],
      ['last-id', (reply) => writeId(reply, isEmpty ? undefined : stream.lastId)],
      ['subscribers', (reply) => reply.integer(pubSub.subscribersOf(kind, name))],
      ['remembered', (reply) => reply.integer(channels.positions.count(kind, name))],
      ['away', (reply) => reply.integer(away.count)],
      ['scheduled', (reply) => reply.integer(channels.schedule.count(kind, name))],
      ['missed', (reply) => reply.integer(missed)],
    ])
  },
})

function writeId(reply: Reply, id: StreamId | undefined): void {
  if (id === undefined) reply.nil()
  else reply.text(id.toString())
}
