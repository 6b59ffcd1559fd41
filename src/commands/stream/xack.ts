// XACK: acknowledges entries that were delivered to a group.

import { itemAt } from '../../util/array-reads.ts'
import { defineCommand } from '../define-command.ts'
import { readIds, streamOfGroups } from './stream-arguments.ts'

export const xack = defineCommand({
  name: 'XACK',
  summary: 'Acknowledges entries: they are no longer pending in their group.',
  group: 'stream',
  since: '5.0.0',
  complexity: 'O(log N) for each id, with N pending entries.',
  arity: -4,
  flags: ['write', 'fast'],
  keys: [{ first: 1, last: 1, step: 1, access: 'RW', use: 'update' }],
  args: [
    { name: 'key', type: 'key' },
    { name: 'group', type: 'string' },
    { name: 'id', type: 'string', multiple: true },
  ],
  reply: 'integer: how many entries were pending and are no longer',
  run(call) {
    const key = call.key(1)
    const group = streamOfGroups(call, key)?.groups.get(call.args.bytes(2))
    if (group === undefined) return call.reply.integer(0)
    const ids = readIds(call, 3)
    let acknowledged = 0
    for (let i = 0; i < call.args.length - 3; i++) if (group.acknowledge(itemAt(ids, i))) acknowledged++
    if (acknowledged > 0) call.changedWithin(key, acknowledged)
    call.reply.integer(acknowledged)
  },
})
