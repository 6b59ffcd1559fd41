// HLEN: how many fields a hash has.

import { Hash } from '../../store/hash/hash.ts'
import { defineCommand } from '../define-command.ts'

export const hlen = defineCommand({
  name: 'HLEN',
  summary: 'Returns how many fields a hash has.',
  group: 'hash',
  since: '2.0.0',
  complexity: 'O(1)',
  arity: 2,
  flags: ['readonly', 'fast'],
  keys: [{ first: 1, last: 1, step: 1, access: 'RO' }],
  args: [{ name: 'key', type: 'key' }],
  reply: 'integer: the number of fields, 0 when there is no hash',
  run(call) {
    const hash = call.db.getForRead(call.key(1), Hash)
    call.reply.integer(hash === undefined ? 0 : hash.length)
  },
})
