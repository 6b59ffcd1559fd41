// Listpacks: small structures as Redis flattens them, one blob of entries.
//
//   listpack = [total bytes u32][elements u16, 65535 = count them][entry]…[255]
//   entry    = [encoding, with an integer or a length][bytes][length of both, read from the right]
//
//   0iiiiiii  7-bit integer          10llllll  up to 63 bytes
//   110iiiii  13-bit integer, 2 B    1110llll  up to 4095 bytes, 2 B
//   11110000  length in 32 bits      11110001 … 11110100  integer of 16, 24, 32, 64 bits

import { byteAt } from '../../util/array-reads.ts'
import { assert } from '../../util/assert.ts'
import { Bytes, copyBytes, Source } from '../../util/bytes/bytes.ts'
import { CHECKED } from '../../util/invariant.ts'
import { RdbDamage } from './damage.ts'
import { integerOf, PackedElements, PackedReader } from './packed-reader.ts'

const HEADER_BYTES = 6
const COUNT_UNKNOWN = 65535
const END = 255

export class ListpackReader extends PackedReader {
  protected check(source: Source, start: number, length: number): void {
    if (length < HEADER_BYTES + 1) throw new RdbDamage('a listpack is too short')
    const { u8, view } = source
    const end = start + length - 1
    if (view.getUint32(start, true) !== length || u8[end] !== END) {
      throw new RdbDamage('a listpack has not the length it names')
    }
    const named = view.getUint16(start + 4, true)
    let at = start + HEADER_BYTES
    let count = 0
    while (at < end) {
      const bytes = entryBytes(source, at, end)
      const back = backwardsBytes(bytes)
      if (bytes > end - at - back || !backwardsEquals(u8, at + bytes, back, bytes)) {
        throw new RdbDamage('a listpack entry does not fit')
      }
      at += bytes + back
      count++
    }
    if (named !== COUNT_UNKNOWN && named !== count) throw new RdbDamage('a listpack has not the elements it names')
    this.count = count
    this.at = start + HEADER_BYTES
  }

  protected take(): void {
    const { source, at } = this
    const { u8, view } = source
    const head = byteAt(u8, at)
    let bytes: number
    if (head < 0x80) {
      this.integerIs(head)
      bytes = 1
    } else if (head < 0xc0) {
      const length = head & 0x3f
      this.bytesAre(at + 1, length)
      bytes = 1 + length
    } else if (head < 0xe0) {
      const value = ((head & 0x1f) << 8) | byteAt(u8, at + 1)
      this.integerIs(value >= 4096 ? value - 8192 : value)
      bytes = 2
    } else if (head < 0xf0) {
      const length = ((head & 0x0f) << 8) | byteAt(u8, at + 1)
      this.bytesAre(at + 2, length)
      bytes = 2 + length
    } else if (head === 0xf0) {
      const length = view.getUint32(at + 1, true)
      this.bytesAre(at + 5, length)
      bytes = 5 + length
    } else if (head === 0xf1) {
      this.integerIs(view.getInt16(at + 1, true))
      bytes = 3
    } else if (head === 0xf2) {
      this.integerIs(view.getUint16(at + 1, true) | (view.getInt8(at + 3) << 16) | 0)
      bytes = 4
    } else if (head === 0xf3) {
      this.integerIs(view.getInt32(at + 1, true))
      bytes = 5
    } else {
      this.integerIs(integerOf(view, at + 1))
      bytes = 9
    }
    this.at = at + bytes + backwardsBytes(bytes)
  }
}

/** Returns an entry's bytes without its backward length; Infinity when they reach beyond `end`. */
function entryBytes(source: Source, at: number, end: number): number {
  const { u8, view } = source
  const head = byteAt(u8, at)
  if (head < 0x80) return 1
  if (head < 0xc0) return 1 + (head & 0x3f)
  if (head < 0xe0) return 2
  if (head < 0xf0) return at + 1 < end ? 2 + (((head & 0x0f) << 8) | byteAt(u8, at + 1)) : Number.POSITIVE_INFINITY
  switch (head) {
    case 0xf0:
      return at + 5 <= end ? 5 + view.getUint32(at + 1, true) : Number.POSITIVE_INFINITY
    case 0xf1:
      return 3
    case 0xf2:
      return 4
    case 0xf3:
      return 5
    case 0xf4:
      return 9
    default:
      throw new RdbDamage('a listpack entry is of no known kind')
  }
}

/** Bytes of the backward length of an entry of `bytes` bytes. */
function backwardsBytes(bytes: number): number {
  if (bytes <= 127) return 1
  if (bytes < 16383) return 2
  if (bytes < 2097151) return 3
  return bytes < 268435455 ? 4 : 5
}

function backwardsEquals(u8: Buffer, at: number, back: number, bytes: number): boolean {
  let value = bytes
  for (let i = back - 1; i >= 0; i--) {
    if (u8[at + i] !== ((value & 127) | (i === 0 ? 0 : 128))) return false
    value = Math.floor(value / 128)
  }
  return true
}

/** Builds one listpack after another in a buffer of its own. */
export class ListpackBuilder {
  readonly blob = new Bytes(Source.allocate(4096))
  count = 0

  /** Begins an empty listpack. */
  begin(): this {
    this.blob.length = HEADER_BYTES
    this.count = 0
    return this
  }

  /** Bytes so far, the end mark included. */
  get bytes(): number {
    return this.blob.length + 1
  }

  /** Adds an element; as an integer when it is one. */
  add(element: Bytes): this {
    const { length } = element
    if (length <= 20 && length > 0 && elements.parse(element)) return this.addInteger(elements.integer)
    const at = this.#reserve(length + 10)
    const { u8, view } = this.blob.source
    let head: number
    if (length < 64) {
      u8[at] = 0x80 | length
      head = 1
    } else if (length < 4096) {
      u8[at] = 0xe0 | (length >>> 8)
      u8[at + 1] = length
      head = 2
    } else {
      u8[at] = 0xf0
      view.setUint32(at + 1, length, true)
      head = 5
    }
    copyBytes(this.blob.source, at + head, element.source, element.start, length)
    this.#finish(at, head + length)
    return this
  }

  /** Adds a signed 64-bit integer. */
  addInteger(value: number | bigint): this {
    const at = this.#reserve(10)
    const { u8, view } = this.blob.source
    let bytes: number
    if (typeof value === 'bigint' || value > 0x7fffffff || value < -0x80000000) {
      u8[at] = 0xf4
      view.setBigInt64(at + 1, BigInt(value), true)
      bytes = 9
    } else if (value >= 0 && value <= 127) {
      u8[at] = value
      bytes = 1
    } else if (value >= -4096 && value <= 4095) {
      const bits = value & 0x1fff
      u8[at] = 0xc0 | (bits >>> 8)
      u8[at + 1] = bits
      bytes = 2
    } else if (value >= -32768 && value <= 32767) {
      u8[at] = 0xf1
      view.setInt16(at + 1, value, true)
      bytes = 3
    } else if (value >= -8388608 && value <= 8388607) {
      u8[at] = 0xf2
      view.setUint16(at + 1, value & 0xffff, true)
      view.setInt8(at + 3, value >> 16)
      bytes = 4
    } else {
      u8[at] = 0xf3
      view.setInt32(at + 1, value, true)
      bytes = 5
    }
    this.#finish(at, bytes)
    return this
  }

  /** Ends the listpack; the window is valid until the next `begin`. */
  end(): Bytes {
    const at = this.#reserve(1)
    const { u8, view } = this.blob.source
    u8[at] = END
    this.blob.length++
    view.setUint32(0, this.blob.length, true)
    view.setUint16(4, Math.min(this.count, COUNT_UNKNOWN), true)
    if (CHECKED) assert(new ListpackReader().open(this.blob).count === this.count, 'a listpack can be read back')
    return this.blob
  }

  #finish(at: number, bytes: number): void {
    const { u8 } = this.blob.source
    const back = backwardsBytes(bytes)
    let value = bytes
    for (let i = back - 1; i >= 0; i--) {
      u8[at + bytes + i] = (value & 127) | (i === 0 ? 0 : 128)
      value = Math.floor(value / 128)
    }
    this.blob.length += bytes + back
    this.count++
  }

  #reserve(length: number): number {
    const { blob } = this
    if (blob.length + length > blob.source.u8.length) {
      const grown = Source.allocate(Math.max(blob.length + length, 2 * blob.source.u8.length))
      blob.source.u8.copy(grown.u8, 0, 0, blob.length)
      blob.source = grown
    }
    return blob.length
  }
}

/** Room for the element under way: `parse` is read before the next one. */
const elements = new PackedElements()
