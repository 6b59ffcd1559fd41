// SMEMBERS: all members of a set.

import { MemberSet } from '../../store/set/member-set.ts'
import { defineCommand } from '../define-command.ts'

export const smembers = defineCommand({
  name: 'SMEMBERS',
  summary: 'Returns all members of a set.',
  group: 'set',
  since: '1.0.0',
  complexity: 'O(N) where N is the number of members.',
  arity: 2,
  flags: ['readonly'],
  keys: [{ first: 1, last: 1, step: 1, access: 'RO', use: 'access' }],
  args: [{ name: 'key', type: 'key' }],
  tips: ['nondeterministic_output_order'],
  reply: 'set: the members, none when there is no set',
  run(call) {
    const set = call.db.getForRead(call.key(1), MemberSet)
    call.reply.set(set?.length ?? 0)
    set?.writeAll(call.reply)
  },
})
