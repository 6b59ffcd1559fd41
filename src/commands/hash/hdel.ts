// HDEL: removes fields of a hash.

import { Hash } from '../../store/hash/hash.ts'
import { defineCommand } from '../define-command.ts'

export const hdel = defineCommand({
  name: 'HDEL',
  summary: 'Removes fields of a hash.',
  group: 'hash',
  since: '2.0.0',
  complexity: 'O(N) where N is the number of fields to remove.',
  arity: -3,
  flags: ['write', 'fast'],
  keys: [{ first: 1, last: 1, step: 1, access: 'RW', use: 'delete' }],
  args: [
    { name: 'key', type: 'key' },
    { name: 'field', type: 'string', multiple: true },
  ],
  reply: 'integer: how many were removed',
  history: [['2.4.0', 'Accepts several fields.']],
  run(call) {
    const { args } = call
    const key = call.key(1)
    const hash = call.db.getForWrite(key, Hash)
    let removed = 0
    if (hash !== undefined) {
      for (let i = 2; i < args.length; i++) if (hash.delete(args.bytes(i))) removed++
      if (removed > 0) call.removed(key, 'hdel', removed, hash.isEmpty)
    }
    call.reply.integer(removed)
  },
})
