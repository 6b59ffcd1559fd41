// ZCARD: the number of members in a sorted set.

import { SortedSet } from '../../store/sorted-set/sorted-set.ts'
import { defineCommand } from '../define-command.ts'

export const zcard = defineCommand({
  name: 'ZCARD',
  summary: 'Returns the number of members of a sorted set.',
  group: 'sorted-set',
  since: '1.2.0',
  complexity: 'O(1)',
  arity: 2,
  flags: ['readonly', 'fast'],
  keys: [{ first: 1, last: 1, step: 1, access: 'RO' }],
  args: [{ name: 'key', type: 'key' }],
  reply: 'integer: the number of members, 0 when there is no sorted set',
  run(call) {
    call.reply.integer(call.db.getForRead(call.key(1), SortedSet)?.length ?? 0)
  },
})
