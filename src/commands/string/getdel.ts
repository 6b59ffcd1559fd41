// GETDEL: the string under a key, which is then removed. Journaled as DEL.

import { NONE } from '../../store/keyspace/keyspace.ts'
import { Bytes } from '../../util/bytes/bytes.ts'
import { defineCommand } from '../define-command.ts'

const value = new Bytes()

export const getdel = defineCommand({
  name: 'GETDEL',
  summary: 'Returns the string under a key and removes the key.',
  group: 'string',
  since: '6.2.0',
  complexity: 'O(1)',
  arity: 2,
  flags: ['write', 'fast'],
  keys: [{ first: 1, last: 1, step: 1, access: 'RW', use: ['access', 'delete'] }],
  args: [{ name: 'key', type: 'key' }],
  reply: 'bulk string: the value; nil when the key does not exist',
  run(call) {
    const key = call.key(1)
    const { db } = call
    const entry = db.findForRead(key)
    if (entry === NONE) return call.reply.nil()
    call.reply.bulk(db.strings.read(entry, value))
    db.delete(key)
    call.propagate('DEL', key)
    call.changed(key, 'del')
  },
})
