// BITPOS: finds the first bit that is set, or clear.
//
// A string counts as followed by endless zeros. So a search for a 0 in a string of ones finds the
// first bit behind it, unless the caller gave an end.

import { ERR } from '../../protocol/errors.ts'
import { findBit } from '../../util/bytes/bitops.ts'
import { Bytes } from '../../util/bytes/bytes.ts'
import { defineCommand } from '../define-command.ts'
import { fromBeginning, rangeUnit } from './bit-range.ts'

const value = new Bytes()

export const bitpos = defineCommand({
  name: 'BITPOS',
  summary: 'Finds the first bit of a string, or of a part of it, that is set or clear.',
  group: 'bitmap',
  since: '2.8.7',
  complexity: 'O(n), n being the number of bytes looked at.',
  arity: -3,
  flags: ['readonly'],
  keys: [{ first: 1, last: 1, step: 1, access: 'RO', use: 'access' }],
  args: [
    { name: 'key', type: 'key' },
    { name: 'bit', type: 'integer' },
    {
      name: 'range',
      type: 'block',
      optional: true,
      args: [
        { name: 'start', type: 'integer' },
        {
          name: 'end-unit-block',
          type: 'block',
          optional: true,
          args: [
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
    },
  ],
  reply: 'integer: the position, counted from the beginning of the string; -1 when there is none',
  history: [['7.0.0', 'The range may be given in bits: `BYTE|BIT`.']],
  run(call) {
    const { args, reply } = call
    const bit = args.integer(2)
    if (bit !== 0 && bit !== 1) throw ERR.bitArgument
    // Without a string Redis reads no further argument, right or wrong: BITPOS missing 1 x.
    if (!call.db.readString(call.key(1), value)) return reply.integer(bit === 1 ? -1 : 0)
    if (args.length > 6) throw ERR.syntax
    const first = args.length > 3 ? args.integer(3) : 0
    const unit = args.length > 5 ? rangeUnit(args.bytes(5)) : 'BYTE'
    const last = args.length > 4 ? args.integer(4) : -1
    const length = unit === 'BIT' ? 8 * value.length : value.length
    const start = fromBeginning(first, length)
    const end = Math.min(fromBeginning(last, length), length - 1)
    if (start > end) return reply.integer(-1)
    const scale = unit === 'BIT' ? 1 : 8
    const position = findBit(value.source, value.start, start * scale, (end + 1) * scale, bit)
    // A range with an explicit end is not followed by zeros.
    reply.integer(position === -1 && bit === 0 && args.length <= 4 ? 8 * value.length : position)
  },
})
