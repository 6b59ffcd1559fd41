// Ziplists: what Redis used before listpacks (up to 6.2). Read only.
//
//   ziplist = [total bytes u32][offset of the last entry u32][elements u16][entry]…[255]
//   entry   = [bytes of the entry before: 1, or 254 and 4][encoding, integer or length][bytes]
//
//   00llllll  up to 63 bytes               11000000, 11010000, 11100000  integer of 16, 32, 64 bits
//   01llllll  up to 16383 bytes, 2 B       11110000, 11111110            integer of 24, 8 bits
//   10000000  length in 32 bits, big end   1111iiii                      integer iiii - 1, 0 … 12

import { byteAt } from '../../util/array-reads.ts'
import type { Source } from '../../util/bytes/bytes.ts'
import { RdbDamage } from './damage.ts'
import { integerOf, PackedReader } from './packed-reader.ts'

const HEADER_BYTES = 10
const COUNT_UNKNOWN = 65535
const LONG_PREVIOUS = 254
const END = 255

export class ZiplistReader extends PackedReader {
  protected check(source: Source, start: number, length: number): void {
    if (length < HEADER_BYTES + 1) throw new RdbDamage('a ziplist is too short')
    const { u8, view } = source
    const end = start + length - 1
    if (view.getUint32(start, true) !== length || u8[end] !== END) {
      throw new RdbDamage('a ziplist has not the length it names')
    }
    const named = view.getUint16(start + 8, true)
    let at = start + HEADER_BYTES
    let last = at
    let previousBytes = 0
    let count = 0
    while (at < end) {
      const long = u8[at] === LONG_PREVIOUS
      const head = at + (long ? 5 : 1)
      if (head >= end || u8[at] === END) throw new RdbDamage('a ziplist entry does not fit')
      const previous = long ? view.getUint32(at + 1, true) : byteAt(u8, at)
      if (previous !== previousBytes) throw new RdbDamage('a ziplist entry is not where the next one says')
      const next = head + entryBytes(source, head, end)
      if (next > end) throw new RdbDamage('a ziplist entry does not fit')
      previousBytes = next - at
      last = at
      at = next
      count++
    }
    if (view.getUint32(start + 4, true) !== last - start) throw new RdbDamage('a ziplist has not the end it names')
    if (named !== COUNT_UNKNOWN && named !== count) throw new RdbDamage('a ziplist has not the elements it names')
    this.count = count
    this.at = start + HEADER_BYTES
  }

  protected take(): void {
    const { u8, view } = this.source
    const at = this.at + (u8[this.at] === LONG_PREVIOUS ? 5 : 1)
    const head = byteAt(u8, at)
    this.at = at + entryBytes(this.source, at, Number.POSITIVE_INFINITY)
    if (head < 0x40) this.bytesAre(at + 1, head)
    else if (head < 0x80) this.bytesAre(at + 2, this.at - at - 2)
    else if (head === 0x80) this.bytesAre(at + 5, this.at - at - 5)
    else if (head === 0xc0) this.integerIs(view.getInt16(at + 1, true))
    else if (head === 0xd0) this.integerIs(view.getInt32(at + 1, true))
    else if (head === 0xe0) this.integerIs(integerOf(view, at + 1))
    else if (head === 0xf0) this.integerIs(view.getUint16(at + 1, true) | (view.getInt8(at + 3) << 16))
    else if (head === 0xfe) this.integerIs(view.getInt8(at + 1))
    else this.integerIs((head & 0x0f) - 1)
  }
}

/** Returns the bytes of an entry from its encoding on; Infinity when they reach beyond `end`. */
function entryBytes(source: Source, at: number, end: number): number {
  const { u8, view } = source
  const head = byteAt(u8, at)
  if (head < 0x40) return 1 + head
  if (head < 0x80) return at + 1 < end ? 2 + (((head & 0x3f) << 8) | byteAt(u8, at + 1)) : Number.POSITIVE_INFINITY
  if (head > 0xf0 && head < 0xfe) return 1
  switch (head) {
    case 0x80:
      return at + 5 <= end ? 5 + view.getUint32(at + 1, false) : Number.POSITIVE_INFINITY
    case 0xc0:
      return 3
    case 0xd0:
      return 5
    case 0xe0:
      return 9
    case 0xf0:
      return 4
    case 0xfe:
      return 2
    default:
      throw new RdbDamage('a ziplist entry is of no known kind')
  }
}
