// GETBIT: one bit of a string.

import { Bytes } from '../../util/bytes/bytes.ts'
import { defineCommand } from '../define-command.ts'
import { bitOffset } from './bit-offset.ts'

const value = new Bytes()

export const getbit = defineCommand({
  name: 'GETBIT',
  summary: 'Returns one bit of a string.',
  group: 'bitmap',
  since: '2.2.0',
  complexity: 'O(1)',
  arity: 3,
  flags: ['readonly', 'fast'],
  keys: [{ first: 1, last: 1, step: 1, access: 'RO', use: 'access' }],
  args: [
    { name: 'key', type: 'key' },
    { name: 'offset', type: 'integer' },
  ],
  reply: 'integer: the bit, 0 beyond the end of the string',
  run(call) {
    const offset = bitOffset(call, 2)
    const byte = Math.floor(offset / 8)
    const found = call.db.readString(call.key(1), value) && byte < value.length
    call.reply.integer(found ? (value.at(byte) >>> (7 - (offset % 8))) & 1 : 0)
  },
})
