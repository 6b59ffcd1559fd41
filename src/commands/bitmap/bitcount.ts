// BITCOUNT: how many bits of a string are set, in the whole or in a range of bytes or bits.

import { ERR } from '../../protocol/errors.ts'
import { countBits } from '../../util/bytes/bitops.ts'
import { Bytes } from '../../util/bytes/bytes.ts'
import { defineCommand } from '../define-command.ts'
import { fromBeginning, rangeUnit } from './bit-range.ts'

const value = new Bytes()

export const bitcount = defineCommand({
  name: 'BITCOUNT',
  summary: 'Counts the bits that are set in a string or in a part of it.',
  group: 'bitmap',
  since: '2.6.0',
  complexity: 'O(n), n being the number of bytes looked at.',
  arity: -2,
  flags: ['readonly'],
  keys: [{ first: 1, last: 1, step: 1, access: 'RO', use: 'access' }],
  args: [
    { name: 'key', type: 'key' },
    {
      name: 'range',
      type: 'block',
      optional: true,
      args: [
        { name: 'start', type: 'integer' },
        { name: 'end', type: 'integer' },
        {
          name: 'unit',
          type: 'oneof',
          optional: true,
          since: '7.0.0',
          args: [
            { name: 'byte', type: 'pure-token', token: 'BYTE' },
            { name: 'bit', type: 'pure-token', token: 'BIT' },
          ],
        },
      ],
    },
  ],
  reply: 'integer: the number of bits that are set',
  history: [['7.0.0', 'The range may be given in bits: `BYTE|BIT`.']],
  run(call) {
    const { args, db, reply } = call
    // If there is nothing to count, Redis reads no further argument, right or wrong: BITCOUNT
    // missing 1.
    if (!db.readString(call.key(1), value)) return reply.integer(0)
    if (args.length === 2) return reply.integer(countBits(value.source, value.start, value.length))
    if (args.length !== 4 && args.length !== 5) throw ERR.syntax
    const first = args.integer(2)
    const last = args.integer(3)
    const unit = args.length === 5 ? rangeUnit(args.bytes(4)) : 'BYTE'
    // If both positions lie before the beginning, in the wrong order, the count is 0. Clamping both
    // to 0 would count the first byte.
    if (first < 0 && last < 0 && first > last) return reply.integer(0)
    const length = unit === 'BIT' ? 8 * value.length : value.length
    const start = fromBeginning(first, length)
    const end = Math.min(fromBeginning(last, length), length - 1)
    if (start > end) return reply.integer(0)
    if (unit === 'BYTE') return reply.integer(countBits(value.source, value.start + start, end - start + 1))

    const firstByte = Math.floor(start / 8)
    const lastByte = Math.floor(end / 8)
    const count = countBits(value.source, value.start + firstByte, lastByte - firstByte + 1)
    reply.integer(
      count - ones(value.at(firstByte) >>> (8 - (start % 8))) - ones(value.at(lastByte) & (0x7f >>> (end % 8))),
    )
  },
})

/** Counts the bits of a byte. */
function ones(byte: number): number {
  let count = 0
  for (let rest = byte; rest !== 0; rest &= rest - 1) count++
  return count
}
