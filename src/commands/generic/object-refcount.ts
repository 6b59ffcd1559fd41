// OBJECT REFCOUNT: how many names share a value.
//
// Here values are never shared. Redis shares the integers below 10000 among all keys and does not
// count their references, unless eviction needs the last use of each key.

import { NONE } from '../../store/keyspace/keyspace.ts'
import { TYPE_STRING } from '../../store/structures/value.ts'
import { Bytes } from '../../util/bytes/bytes.ts'
import type { Call } from '../call.ts'
import { defineCommand } from '../define-command.ts'
import { findAsked, objectCommon } from './object.ts'
import { stringEncoding } from './object-encoding.ts'

/** The largest shared integer is 9999. */
const SHARED_DIGITS_MAX = 4
const MINUS = 45
const SHARED_REFCOUNT = 2147483647

const value = new Bytes()

export const objectRefcount = defineCommand({
  ...objectCommon,
  name: 'OBJECT REFCOUNT',
  summary: 'Tells how many names share a value.',
  since: '2.2.3',
  reply: 'integer: 2147483647 for small integers, 1 for the rest; nil when the key does not exist',
  run(call) {
    const entry = findAsked(call)
    if (entry !== NONE) call.reply.integer(isShared(call, entry) ? SHARED_REFCOUNT : 1)
  },
})

function isShared(call: Call, entry: number): boolean {
  const { db, engine } = call
  if (db.typeOf(entry) !== TYPE_STRING || db.strings.isCopy(entry) || stringEncoding(db, entry) !== 'int') return false
  if (engine.config.get('maxmemory') !== 0 && /-l[rf]u$/.test(engine.config.get('maxmemory-policy'))) return false
  db.strings.read(entry, value)
  return value.length <= SHARED_DIGITS_MAX && value.at(0) !== MINUS
}
