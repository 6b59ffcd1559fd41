// OBJECT ENCODING: the form in which Redis would hold the value.
//
// Here every string is held as bytes. Redis holds a canonical 64-bit integer as a number (int). It
// holds text together with its header (embstr) if both fit 64 bytes. A string that was changed in
// place is raw, however short.

import type { Database } from '../../store/keyspace/database.ts'
import { NONE } from '../../store/keyspace/keyspace.ts'
import { TYPE_STRING } from '../../store/structures/value.ts'
import { Bytes } from '../../util/bytes/bytes.ts'
import { parseInteger } from '../../util/numbers/numbers.ts'
import { defineCommand } from '../define-command.ts'
import { findAsked, objectCommon } from './object.ts'

const EMBSTR_BYTES_MAX = 44

const value = new Bytes()

export const objectEncoding = defineCommand({
  ...objectCommon,
  name: 'OBJECT ENCODING',
  summary: 'Names the form in which a value is held.',
  since: '2.2.3',
  reply: 'bulk string: the encoding; nil when the key does not exist',
  run(call) {
    const entry = findAsked(call)
    if (entry === NONE) return
    const { db } = call
    call.reply.text(db.typeOf(entry) === TYPE_STRING ? stringEncoding(db, entry) : db.structureOf(entry).encoding)
  },
})

/** Returns `int`, `embstr` or `raw`, as Redis would call the string of an entry. */
export function stringEncoding(db: Database, entry: number): 'int' | 'embstr' | 'raw' {
  const origin = db.strings.originOf(entry)
  if (origin === 'raw') return 'raw'
  db.strings.read(entry, value)
  if (origin === 'plain' && parseInteger(value) !== undefined) return 'int'
  return value.length <= EMBSTR_BYTES_MAX ? 'embstr' : 'raw'
}
