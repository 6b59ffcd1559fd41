// APPEND: adds bytes at the end of a string.

import { NONE } from '../../store/keyspace/keyspace.ts'
import { Bytes, copyBytes } from '../../util/bytes/bytes.ts'
import { defineCommand } from '../define-command.ts'
import { checkStringLength } from './string-length.ts'

const value = new Bytes()

export const append = defineCommand({
  name: 'APPEND',
  summary: 'Adds bytes at the end of a string, creating it if needed.',
  group: 'string',
  since: '2.0.0',
  complexity: 'O(1) amortized: the room doubles as the string grows.',
  arity: 3,
  flags: ['write', 'denyoom', 'fast'],
  keys: [{ first: 1, last: 1, step: 1, access: 'RW', use: 'insert' }],
  args: [
    { name: 'key', type: 'key' },
    { name: 'value', type: 'string' },
  ],
  reply: 'integer: the length of the string afterwards',
  run(call) {
    const key = call.key(1)
    const added = call.args.bytes(2)
    const { db } = call
    const entry = db.findForWrite(key)
    let { length } = added
    if (entry === NONE) {
      db.writeString(key, added)
    } else {
      db.strings.read(entry, value)
      const old = value.length
      length += old
      checkStringLength(call, length)
      db.strings.resize(entry, length, value)
      copyBytes(value.source, value.start + old, added.source, added.start, added.length)
    }
    call.changed(key, 'append')
    call.reply.integer(length)
  },
})
