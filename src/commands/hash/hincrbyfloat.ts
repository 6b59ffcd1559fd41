// HINCRBYFLOAT: a field of a hash as a decimal number, in C's extended precision. It keeps the
// field's expiry.
//
// Journaled as HSET of the result, so that a replay on another machine cannot round otherwise.

import { ERR } from '../../protocol/errors.ts'
import { ABSENT, Hash, NEVER } from '../../store/hash/hash.ts'
import { Bytes } from '../../util/bytes/bytes.ts'
import { addLongDouble, formatLongDouble, type LongDouble, parseLongDouble } from '../../util/numbers/long-double.ts'
import { defineCommand } from '../define-command.ts'
import { hashForAdding, setField } from './hash-arguments.ts'

const value = new Bytes()
const ZERO: LongDouble = { negative: false, infinite: false, significand: 0n, exponent: 0 }

export const hincrbyfloat = defineCommand({
  name: 'HINCRBYFLOAT',
  summary: 'Adds a decimal number to the one in a field of a hash; a missing field counts as 0.',
  group: 'hash',
  since: '2.6.0',
  complexity: 'O(1)',
  arity: 4,
  flags: ['write', 'denyoom', 'fast'],
  keys: [{ first: 1, last: 1, step: 1, access: 'RW', use: ['access', 'update'] }],
  args: [
    { name: 'key', type: 'key' },
    { name: 'field', type: 'string' },
    { name: 'increment', type: 'double' },
  ],
  reply: 'bulk string: the value afterwards',
  run(call) {
    const { args } = call
    const key = call.key(1)
    const field = args.bytes(2)
    const increment = parseLongDouble(args.bytes(3))
    if (increment === undefined) throw ERR.notFloat
    if (increment.infinite) throw ERR.notFinite
    const existing = call.db.getForWrite(key, Hash)
    const slot = existing === undefined ? ABSENT : existing.find(field)
    const current = slot === ABSENT ? ZERO : parseLongDouble(existing!.valueOf(slot, value))
    if (current === undefined) throw ERR.hashNotFloat
    const sum = addLongDouble(current, increment)
    if (sum === undefined || sum.infinite) throw ERR.incrementNaN
    const expiry = slot === ABSENT ? NEVER : existing!.expiryOf(slot)
    const text = Bytes.from(formatLongDouble(sum))
    setField(call, key, existing ?? hashForAdding(call, key), field, text, true)
    call.propagate('HSET', key, field, text)
    // HSET removes the expiry time, which the field keeps here.
    if (expiry !== NEVER) call.propagate('HPEXPIREAT', key, expiry, 'FIELDS', 1, field)
    call.changed(key, 'hincrbyfloat')
    call.reply.bulk(text)
  },
})
