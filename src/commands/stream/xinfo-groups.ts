// XINFO GROUPS: the groups of a stream.

import { writeStreamId } from '../../store/stream/stream.ts'
import { defineCommand } from '../define-command.ts'
import { askedStream, writeProgress, xinfoCommon } from './xinfo.ts'

export const xinfoGroups = defineCommand({
  ...xinfoCommon,
  name: 'XINFO GROUPS',
  summary: 'Lists the groups of a stream.',
  complexity: 'O(N log N) with N groups.',
  arity: 3,
  args: [{ name: 'key', type: 'key' }],
  reply: 'array: of each group a map: name, consumers, pending, last-delivered-id, entries-read, lag',
  history: [['7.0.0', 'Tells entries-read and lag.']],
  run(call) {
    const { reply } = call
    const stream = askedStream(call)
    reply.array(stream.groups.count)
    for (const group of stream.groups.sorted()) {
      reply.map(6)
      reply.text('name')
      reply.bulk(group.name)
      reply.text('consumers')
      reply.integer(group.consumers.count)
      reply.text('pending')
      reply.integer(group.pending.count)
      reply.text('last-delivered-id')
      writeStreamId(reply, group.lastId)
      writeProgress(reply, stream, group)
    }
  },
})
