// DEBUG POPULATE: many keys at once. As in Redis they are neither counted as changes nor journaled:
// a restart does not bring them back.

import { ERR } from '../../protocol/errors.ts'
import { NONE } from '../../store/keyspace/keyspace.ts'
import { itemAt } from '../../util/array-reads.ts'
import { Bytes } from '../../util/bytes/bytes.ts'
import { parseInteger } from '../../util/numbers/numbers.ts'
import type { Call } from '../call.ts'

/** Redis formats names and values in a buffer of 128 bytes, of which the last is 0. */
const TEXT_BYTES_MAX = 127

export function populate(call: Call): void {
  const { args, db } = call
  const count = positive(args.bytes(2), Number.MAX_SAFE_INTEGER)
  const size = args.length === 5 ? positive(args.bytes(4), call.stringBytesMax) : 0
  const prefix = args.length === 3 ? 'key' : itemAt(args.string(3).split('\0'), 0)
  for (let i = 0; i < count; i++) {
    const key = Bytes.from(`${prefix}:${i}`.slice(0, TEXT_BYTES_MAX))
    if (db.findForWrite(key) !== NONE) continue
    const text = `value:${i}`
    db.writeString(key, Bytes.from(size === 0 ? text : text.slice(0, size).padEnd(size, '\0')))
    call.changed(key, 'untold', 0)
  }
  call.reply.ok()
}

function positive(word: Bytes, max: number): number {
  const value = parseInteger(word)
  if (typeof value !== 'number' || value < 0 || value > max) throw ERR.mustBePositive
  return value
}
