// STRLEN: the length of a string.

import { Bytes } from '../../util/bytes/bytes.ts'
import { defineCommand } from '../define-command.ts'

const value = new Bytes()

export const strlen = defineCommand({
  name: 'STRLEN',
  summary: 'Returns the length of a string in bytes.',
  group: 'string',
  since: '2.2.0',
  complexity: 'O(1)',
  arity: 2,
  flags: ['readonly', 'fast'],
  keys: [{ first: 1, last: 1, step: 1, access: 'RO' }],
  args: [{ name: 'key', type: 'key' }],
  reply: 'integer: the length, 0 when the key does not exist',
  run(call) {
    call.reply.integer(call.db.readString(call.key(1), value) ? value.length : 0)
  },
})
