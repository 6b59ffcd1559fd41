// SETBIT: sets or clears one bit of a string.

import { ERR } from '../../protocol/errors.ts'
import { byteAt } from '../../util/array-reads.ts'
import { Bytes } from '../../util/bytes/bytes.ts'
import { parseInteger } from '../../util/numbers/numbers.ts'
import { defineCommand } from '../define-command.ts'
import { bitOffset } from './bit-offset.ts'
import { openBits } from './writable-bits.ts'

const value = new Bytes()

export const setbit = defineCommand({
  name: 'SETBIT',
  summary: 'Sets or clears one bit of a string, lengthening it with zeros if needed.',
  group: 'bitmap',
  since: '2.2.0',
  complexity: 'O(1) amortized.',
  arity: 4,
  flags: ['write', 'denyoom'],
  keys: [{ first: 1, last: 1, step: 1, access: 'RW', use: ['access', 'update'] }],
  args: [
    { name: 'key', type: 'key' },
    { name: 'offset', type: 'integer' },
    { name: 'value', type: 'integer' },
  ],
  reply: 'integer: what the bit was before',
  run(call) {
    const key = call.key(1)
    const offset = bitOffset(call, 2)
    const bit = parseInteger(call.args.bytes(3))
    if (bit !== 0 && bit !== 1) throw ERR.bitValue
    const byte = Math.floor(offset / 8)
    const grown = openBits(call.db, key, byte, value)
    const { u8 } = value.source
    const at = value.start + byte
    const shift = 7 - (offset % 8)
    const old = (byteAt(u8, at) >>> shift) & 1
    if (grown || old !== bit) {
      u8[at] = (byteAt(u8, at) & ~(1 << shift)) | (bit << shift)
      call.changed(key, 'setbit')
    }
    call.reply.integer(old)
  },
})
