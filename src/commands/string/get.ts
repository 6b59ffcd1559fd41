// GET: the string under a key.

import { Bytes } from '../../util/bytes/bytes.ts'
import { defineCommand } from '../define-command.ts'

const value = new Bytes()

export const get = defineCommand({
  name: 'GET',
  summary: 'Returns the string under a key.',
  group: 'string',
  since: '1.0.0',
  complexity: 'O(1)',
  arity: 2,
  flags: ['readonly', 'fast'],
  keys: [{ first: 1, last: 1, step: 1, access: 'RO', use: 'access' }],
  args: [{ name: 'key', type: 'key' }],
  reply: 'bulk string: the value; nil when the key does not exist',
  run(call) {
    if (call.db.readString(call.key(1), value)) call.reply.bulk(value)
    else call.reply.nil()
  },
})
