// SETNX: sets a string under a key that does not exist.

import { NONE } from '../../store/keyspace/keyspace.ts'
import { defineCommand } from '../define-command.ts'

export const setnx = defineCommand({
  name: 'SETNX',
  summary: 'Sets a key to a string if the key does not exist.',
  group: 'string',
  since: '1.0.0',
  complexity: 'O(1)',
  arity: 3,
  flags: ['write', 'denyoom', 'fast'],
  keys: [{ first: 1, last: 1, step: 1, access: 'OW', use: 'insert' }],
  args: [
    { name: 'key', type: 'key' },
    { name: 'value', type: 'string' },
  ],
  reply: 'integer: 1 when the key was set, 0 when it existed',
  deprecated: { since: '2.6.12', instead: '`SET` with the `NX` argument' },
  run(call) {
    const key = call.key(1)
    if (call.db.findForWrite(key) !== NONE) return call.reply.integer(0)
    call.db.writeString(key, call.args.bytes(2), false, call.args.owns(2))
    call.changed(key, 'set')
    call.reply.integer(1)
  },
})
