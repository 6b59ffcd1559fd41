// INCR, DECR, INCRBY, DECRBY: a string as a 64-bit counter.
//
// Digits are read and written in place, without making a string. Beyond 2^53 the arithmetic uses
// bigints.

import { ERR } from '../../protocol/errors.ts'
import { NONE } from '../../store/keyspace/keyspace.ts'
import { Bytes, Source } from '../../util/bytes/bytes.ts'
import { addInteger, INT64_MIN, parseInteger, writeInteger } from '../../util/numbers/numbers.ts'
import type { Call } from '../call.ts'
import { type CommandSpec, defineCommand } from '../define-command.ts'

const value = new Bytes()
/** Memory for the new digits: an int64 has at most 20 characters. */
const digits = new Bytes(Source.allocate(20))

function add(call: Call, delta: number | bigint): void {
  const key = call.key(1)
  const { db } = call
  const entry = db.findForWrite(key)
  let current: number | bigint | undefined = 0
  if (entry !== NONE) {
    current = parseInteger(db.strings.read(entry, value))
    if (current === undefined) throw ERR.notInteger
  }
  const sum = addInteger(current, delta)
  if (sum === undefined) throw ERR.overflow
  digits.length =
    typeof sum === 'number'
      ? writeInteger(sum, digits.source.u8, 0)
      : digits.source.u8.write(sum.toString(), 0, 'latin1')
  if (entry === NONE) db.writeString(key, digits)
  else db.strings.place(entry, digits, false)
  call.changed(key, 'incrby')
  call.reply.integer(sum)
}

const common = {
  group: 'string',
  since: '1.0.0',
  complexity: 'O(1)',
  flags: ['write', 'denyoom', 'fast'],
  keys: [{ first: 1, last: 1, step: 1, access: 'RW', use: ['access', 'update'] }],
  reply: 'integer: the value afterwards',
} as const satisfies Partial<CommandSpec>

export const incr = defineCommand({
  ...common,
  name: 'INCR',
  summary: 'Adds one to the integer under a key; a missing key counts as 0.',
  arity: 2,
  args: [{ name: 'key', type: 'key' }],
  run: (call) => add(call, 1),
})

export const decr = defineCommand({
  ...common,
  name: 'DECR',
  summary: 'Takes one from the integer under a key; a missing key counts as 0.',
  arity: 2,
  args: [{ name: 'key', type: 'key' }],
  run: (call) => add(call, -1),
})

export const incrby = defineCommand({
  ...common,
  name: 'INCRBY',
  summary: 'Adds an integer to the one under a key; a missing key counts as 0.',
  arity: 3,
  args: [
    { name: 'key', type: 'key' },
    { name: 'increment', type: 'integer' },
  ],
  run: (call) => add(call, call.args.integer(2)),
})

export const decrby = defineCommand({
  ...common,
  name: 'DECRBY',
  summary: 'Takes an integer from the one under a key; a missing key counts as 0.',
  arity: 3,
  args: [
    { name: 'key', type: 'key' },
    { name: 'decrement', type: 'integer' },
  ],
  run(call) {
    const decrement = call.args.integer(2)
    // The one integer that has no 64-bit opposite.
    if (decrement === INT64_MIN) throw ERR.decrementOverflow
    add(call, -decrement)
  },
})
