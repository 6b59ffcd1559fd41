// The slot of a key: CRC-16 (XMODEM) of its name, modulo 16384, as in Redis Cluster.
//
// In a name with braces only the part between the first `{` and the next `}` counts, unless it is
// empty. Keys that share such a *hash tag* are in one slot.

import { byteAt, numberAt } from '../array-reads.ts'
import type { Bytes } from '../bytes/bytes.ts'

export const SLOT_COUNT = 16384

const OPENING_BRACE = 123
const CLOSING_BRACE = 125

const TABLE = makeTable()

function makeTable(): Uint16Array {
  const table = new Uint16Array(256)
  for (let byte = 0; byte < 256; byte++) {
    let rest = byte << 8
    for (let bit = 0; bit < 8; bit++) rest = (rest & 0x8000) === 0 ? rest << 1 : (rest << 1) ^ 0x1021
    table[byte] = rest
  }
  return table
}

/** Returns the slot of a key. */
export function hashSlotOf({ source: { u8 }, start, length }: Bytes): number {
  const end = start + length
  let from = start
  let to = end
  const opening = find(u8, OPENING_BRACE, start, end)
  if (opening !== -1) {
    const closing = find(u8, CLOSING_BRACE, opening + 1, end)
    if (closing > opening + 1) {
      from = opening + 1
      to = closing
    }
  }
  let sum = 0
  for (let i = from; i < to; i++) sum = ((sum << 8) & 0xffff) ^ numberAt(TABLE, (sum >>> 8) ^ byteAt(u8, i))
  return sum & (SLOT_COUNT - 1)
}

/** Keys are short, so a loop is faster than a call into the runtime. */
function find(u8: Buffer, byte: number, from: number, end: number): number {
  for (let i = from; i < end; i++) if (u8[i] === byte) return i
  return -1
}
