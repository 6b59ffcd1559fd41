// ZREM: remove members from a sorted set.

import { SortedSet } from '../../store/sorted-set/sorted-set.ts'
import { defineCommand } from '../define-command.ts'

export const zrem = defineCommand({
  name: 'ZREM',
  summary: 'Removes members from a sorted set.',
  group: 'sorted-set',
  since: '1.2.0',
  complexity: 'O(M*log(N)) where N is the number of members and M the number of those to be removed.',
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
    const set = call.db.getForWrite(key, SortedSet)
    let removed = 0
    if (set !== undefined) {
      for (let i = 2; i < args.length; i++) if (set.remove(args.bytes(i))) removed++
      if (removed > 0) call.removed(key, 'zrem', removed, set.length === 0)
    }
    call.reply.integer(removed)
  },
})
