// GETSET: replaces a string and returns the old one. Journaled as SET.

import { NONE } from '../../store/keyspace/keyspace.ts'
import { Bytes } from '../../util/bytes/bytes.ts'
import { defineCommand } from '../define-command.ts'

const value = new Bytes()

export const getset = defineCommand({
  name: 'GETSET',
  summary: 'Replaces the string under a key and returns the old one.',
  group: 'string',
  since: '1.0.0',
  complexity: 'O(1)',
  arity: 3,
  flags: ['write', 'denyoom', 'fast'],
  keys: [{ first: 1, last: 1, step: 1, access: 'RW', use: ['access', 'update'] }],
  args: [
    { name: 'key', type: 'key' },
    { name: 'value', type: 'string' },
  ],
  reply: 'bulk string: the old value; nil when the key did not exist',
  deprecated: { since: '6.2.0', instead: '`SET` with the `!GET` argument' },
  run(call) {
    const key = call.key(1)
    const { db } = call
    const entry = db.findForRead(key)
    if (entry === NONE) call.reply.nil()
    else call.reply.bulk(db.strings.read(entry, value))
    db.writeString(key, call.args.bytes(2), false, call.args.owns(2))
    call.propagate('SET', key, call.args.bytes(2))
    call.changed(key, 'set')
  },
})
