// SREM: remove members from a set.

import { MemberSet } from '../../store/set/member-set.ts'
import { defineCommand } from '../define-command.ts'

export const srem = defineCommand({
  name: 'SREM',
  summary: 'Removes members from a set.',
  group: 'set',
  since: '1.0.0',
  complexity: 'O(N) where N is the number of members to be removed.',
  arity: -3,
  flags: ['write', 'fast'],
  keys: [{ first: 1, last: 1, step: 1, access: 'RW', use: 'delete' }],
  args: [
    { name: 'key', type: 'key' },
    { name: 'member', type: 'string', multiple: true },
  ],
  reply: 'integer: how many members were removed',
  history: [['2.4.0', 'Accepts several members.']],
  run(call) {
    const { args } = call
    const key = call.key(1)
    const set = call.db.getForWrite(key, MemberSet)
    let removed = 0
    if (set !== undefined) {
      for (let i = 2; i < args.length; i++) if (set.remove(args.bytes(i))) removed++
      if (removed > 0) call.removed(key, 'srem', removed, set.length === 0)
    }
    call.reply.integer(removed)
  },
})
