// HSETNX: sets a field that does not exist.

import { ABSENT, Hash } from '../../store/hash/hash.ts'
import { defineCommand } from '../define-command.ts'
import { hashForAdding, setFields } from './hash-arguments.ts'

export const hsetnx = defineCommand({
  name: 'HSETNX',
  summary: 'Sets a field of a hash if the field does not exist.',
  group: 'hash',
  since: '2.0.0',
  complexity: 'O(1)',
  arity: 4,
  flags: ['write', 'denyoom', 'fast'],
  keys: [{ first: 1, last: 1, step: 1, access: 'RW', use: 'insert' }],
  args: [
    { name: 'key', type: 'key' },
    { name: 'field', type: 'string' },
    { name: 'value', type: 'string' },
  ],
  reply: 'integer: 1 when set, 0 when the field exists',
  run(call) {
    const key = call.key(1)
    const existing = call.db.getForWrite(key, Hash)
    if (existing !== undefined && existing.find(call.args.bytes(2)) !== ABSENT) {
      call.reply.integer(0)
      return
    }
    setFields(call, existing ?? hashForAdding(call, key), 2, 1)
    call.changed(key, 'hset')
    call.reply.integer(1)
  },
})
