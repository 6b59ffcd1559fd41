// SETRANGE: overwrites part of a string. A gap between its end and the offset is filled with zeros.

import { ERR } from '../../protocol/errors.ts'
import { NONE } from '../../store/keyspace/keyspace.ts'
import { Bytes, copyBytes } from '../../util/bytes/bytes.ts'
import { defineCommand } from '../define-command.ts'
import { checkStringLength } from './string-length.ts'

const value = new Bytes()
const empty = new Bytes()

export const setrange = defineCommand({
  name: 'SETRANGE',
  summary: 'Overwrites part of a string from an offset on, lengthening it with zeros if needed.',
  group: 'string',
  since: '2.2.0',
  complexity: 'O(n), n being the length of the new part and of the zeros before it.',
  arity: 4,
  flags: ['write', 'denyoom'],
  keys: [{ first: 1, last: 1, step: 1, access: 'RW', use: 'update' }],
  args: [
    { name: 'key', type: 'key' },
    { name: 'offset', type: 'integer' },
    { name: 'value', type: 'string' },
  ],
  reply: 'integer: the length of the string afterwards',
  run(call) {
    const key = call.key(1)
    const part = call.args.bytes(3)
    const { db } = call
    const offset = Number(call.args.integer(2))
    if (offset < 0) throw ERR.offsetOutOfRange
    let entry = db.findForWrite(key)
    let length = 0
    if (entry !== NONE) length = db.strings.read(entry, value).length
    if (part.length === 0) return call.reply.integer(length)
    checkStringLength(call, offset + part.length)
    if (entry === NONE) entry = db.writeString(key, empty)
    length = Math.max(length, offset + part.length)
    db.strings.resize(entry, length, value)
    copyBytes(value.source, value.start + offset, part.source, part.start, part.length)
    call.changed(key, 'setrange')
    call.reply.integer(length)
  },
})
