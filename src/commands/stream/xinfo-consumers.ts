// XINFO CONSUMERS: the consumers of a group.

import { ERR } from '../../protocol/errors.ts'
import { NEVER_ACTIVE } from '../../store/stream/stream-group.ts'
import { defineCommand } from '../define-command.ts'
import { askedStream, xinfoCommon } from './xinfo.ts'

export const xinfoConsumers = defineCommand({
  ...xinfoCommon,
  name: 'XINFO CONSUMERS',
  summary: 'Lists the consumers of a group.',
  complexity: 'O(N log N) with N consumers.',
  arity: 4,
  args: [
    { name: 'key', type: 'key' },
    { name: 'group', type: 'string' },
  ],
  tips: ['nondeterministic_output'],
  reply:
    'array: of each consumer a map: name, pending, idle (milliseconds since it asked), inactive (since it was given something, -1 never)',
  history: [['7.2.0', 'Tells since when a consumer was given nothing: inactive.']],
  run(call) {
    const { reply } = call
    const group = askedStream(call).groups.get(call.args.bytes(3))
    if (group === undefined) throw ERR.noGroupOfKey(call.args.string(2), call.args.string(3))
    const now = call.now()
    reply.array(group.consumers.count)
    for (const { name, pending, seenTime, activeTime } of group.consumers.sorted()) {
      reply.map(4)
      reply.text('name')
      reply.bulk(name)
      reply.text('pending')
      reply.integer(pending.count)
      reply.text('idle')
      reply.integer(Math.max(0, now - seenTime))
      reply.text('inactive')
      reply.integer(activeTime === NEVER_ACTIVE ? NEVER_ACTIVE : now - activeTime)
    }
  },
})
