// HINCRBY: a field of a hash as a 64-bit counter. It keeps the field's expiry.

import { ERR } from '../../protocol/errors.ts'
import { Hash } from '../../store/hash/hash.ts'
import { Bytes, Source } from '../../util/bytes/bytes.ts'
import { addInteger, parseInteger, writeInteger } from '../../util/numbers/numbers.ts'
import { defineCommand } from '../define-command.ts'
import { hashForAdding, setField } from './hash-arguments.ts'

const value = new Bytes()
/** Memory for the new digits: an int64 has at most 20 characters. */
const digits = new Bytes(Source.allocate(20))

export const hincrby = defineCommand({
  name: 'HINCRBY',
  summary: 'Adds an integer to the one in a field of a hash; a missing field counts as 0.',
  group: 'hash',
  since: '2.0.0',
  complexity: 'O(1)',
  arity: 4,
  flags: ['write', 'denyoom', 'fast'],
  keys: [{ first: 1, last: 1, step: 1, access: 'RW', use: ['access', 'update'] }],
  args: [
    { name: 'key', type: 'key' },
    { name: 'field', type: 'string' },
    { name: 'increment', type: 'integer' },
  ],
  reply: 'integer: the value afterwards',
  run(call) {
    const { args } = call
    const key = call.key(1)
    const increment = args.integer(3)
    const existing = call.db.getForWrite(key, Hash)
    let current: number | bigint | undefined = 0
    if (existing?.get(args.bytes(2), value) === true) {
      current = parseInteger(value)
      if (current === undefined) throw ERR.hashNotInteger
    }
    const sum = addInteger(current, increment)
    if (sum === undefined) throw ERR.overflow
    digits.length =
      typeof sum === 'number'
        ? writeInteger(sum, digits.source.u8, 0)
        : digits.source.u8.write(sum.toString(), 0, 'latin1')
    setField(call, key, existing ?? hashForAdding(call, key), args.bytes(2), digits, true)
    call.changed(key, 'hincrby')
    call.reply.integer(sum)
  },
})
