// SCARD: the number of members in a set.

import { MemberSet } from '../../store/set/member-set.ts'
import { defineCommand } from '../define-command.ts'

export const scard = defineCommand({
  name: 'SCARD',
  summary: 'Returns the number of members of a set.',
  group: 'set',
  since: '1.0.0',
  complexity: 'O(1)',
  arity: 2,
  flags: ['readonly', 'fast'],
  keys: [{ first: 1, last: 1, step: 1, access: 'RO' }],
  args: [{ name: 'key', type: 'key' }],
  reply: 'integer: the number of members, 0 when there is no set',
  run(call) {
    call.reply.integer(call.db.getForRead(call.key(1), MemberSet)?.length ?? 0)
  },
})
