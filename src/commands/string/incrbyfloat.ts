// INCRBYFLOAT: a string as a decimal number, in C's extended precision.
//
// Journaled as SET of the result, so that a replay on another machine cannot round differently.

import { ERR } from '../../protocol/errors.ts'
import { NONE } from '../../store/keyspace/keyspace.ts'
import { Bytes } from '../../util/bytes/bytes.ts'
import { addLongDouble, formatLongDouble, type LongDouble, parseLongDouble } from '../../util/numbers/long-double.ts'
import { defineCommand } from '../define-command.ts'

const value = new Bytes()
const ZERO: LongDouble = { negative: false, infinite: false, significand: 0n, exponent: 0 }

export const incrbyfloat = defineCommand({
  name: 'INCRBYFLOAT',
  summary: 'Adds a decimal number to the one under a key; a missing key counts as 0.',
  group: 'string',
  since: '2.6.0',
  complexity: 'O(1)',
  arity: 3,
  flags: ['write', 'denyoom', 'fast'],
  keys: [{ first: 1, last: 1, step: 1, access: 'RW', use: ['access', 'update'] }],
  args: [
    { name: 'key', type: 'key' },
    { name: 'increment', type: 'double' },
  ],
  reply: 'bulk string: the value afterwards',
  run(call) {
    const key = call.key(1)
    const { db } = call
    const entry = db.findForWrite(key)
    const current = entry === NONE ? ZERO : parseLongDouble(db.strings.read(entry, value))
    if (current === undefined) throw ERR.notFloat
    const increment = parseLongDouble(call.args.bytes(2))
    if (increment === undefined) throw ERR.notFloat
    const sum = addLongDouble(current, increment)
    if (sum === undefined || sum.infinite) throw ERR.incrementNaN
    const text = Bytes.from(formatLongDouble(sum))
    db.strings.markText(db.writeString(key, text, true))
    call.propagate('SET', key, text, 'KEEPTTL')
    call.changed(key, 'incrbyfloat')
    call.reply.bulk(text)
  },
})
