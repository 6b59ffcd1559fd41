// The string that SETBIT and BITFIELD write into.

import type { Database } from '../../store/keyspace/database.ts'
import { NONE } from '../../store/keyspace/keyspace.ts'
import { Bytes } from '../../util/bytes/bytes.ts'

const empty = new Bytes()

/**
 * Points `window` at the string under a key for writing. The string is created, or lengthened with
 * zeros, so that it has byte `last`; returns true if that was necessary. Throws WRONGTYPE. The
 * encoding is raw from now on, even if no bit changes.
 */
export function openBits(db: Database, key: Bytes, last: number, window: Bytes): boolean {
  let entry = db.findForWrite(key)
  let length = 0
  if (entry === NONE) entry = db.writeString(key, empty)
  else ({ length } = db.strings.read(entry, window))
  db.strings.resize(entry, Math.max(length, last + 1), window)
  return last >= length
}
