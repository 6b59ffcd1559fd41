// One element of a list as bytes in a page: an entry, which can be walked from both ends.
//
//   entry = [head][element's bytes][head, mirrored]
//
// The head states the element's length in as few bytes as possible. The mirrored head states it
// again, for walks from the right:
//
//   0xxxxxxx                     up to 127 bytes          2 bytes of overhead
//   10xxxxxx xxxxxxxx            up to 16383              4
//   11000000 and 24 bits         longer                   8
//   11100000 and 32 bits         a large buffer           the number of that buffer, not a length

import { byteAt } from '../../util/array-reads.ts'
import { Bytes, copyBytes, type Source } from '../../util/bytes/bytes.ts'
import { INT64_MAX, INT64_MIN } from '../../util/numbers/numbers.ts'
import { RESTLESS } from '../../util/restless.ts'

/** The longest element whose entry has a head of one byte. */
export const SHORT_ELEMENT_BYTES_MAX = 127
/**
 * The longest element that lies in a page. With head, mirror and page header it fills the largest
 * block.
 */
export const INLINE_ELEMENT_BYTES_MAX = RESTLESS ? 8 * 1024 : 65520
/** Elements with at least this many bytes have a head of four. */
const LONG_ELEMENT_BYTES_MIN = RESTLESS ? INLINE_ELEMENT_BYTES_MAX + 1 : 16384
/** Bytes of an entry that names a large buffer. */
const LARGE_ENTRY_BYTES = 6

const window = new Bytes()

const LARGE_MARK = 0xe0
const LONG_MARK = 0xc0

/** Returns the bytes that an entry for an element of `length` bytes takes. */
export function entryBytes(length: number): number {
  if (length < 128) return length + 2
  if (length < LONG_ELEMENT_BYTES_MIN) return length + 4
  return length <= INLINE_ELEMENT_BYTES_MAX ? length + 8 : LARGE_ENTRY_BYTES
}

/** Returns the bytes of the entry that starts at `at`. */
export function entryBytesAt(u8: Buffer, at: number): number {
  const head = byteAt(u8, at)
  return head < 128 ? head + 2 : longEntryBytesAt(u8, at, head)
}

function longEntryBytesAt(u8: Buffer, at: number, head: number): number {
  if (head < LONG_MARK) return (((head & 0x3f) << 8) | byteAt(u8, at + 1)) + 4
  if (head === LONG_MARK) return (byteAt(u8, at + 1) | (byteAt(u8, at + 2) << 8) | (byteAt(u8, at + 3) << 16)) + 8
  return LARGE_ENTRY_BYTES
}

/** Returns the bytes of the entry that ends at `end`. */
export function entryBytesBefore(u8: Buffer, end: number): number {
  const head = byteAt(u8, end - 1)
  if (head < 128) return head + 2
  if (head < LONG_MARK) return (((head & 0x3f) << 8) | byteAt(u8, end - 2)) + 4
  if (head === LONG_MARK) return (byteAt(u8, end - 4) | (byteAt(u8, end - 3) << 8) | (byteAt(u8, end - 2) << 16)) + 8
  return LARGE_ENTRY_BYTES
}

/** Tells whether the entry at `at` names a large buffer. */
export function isLargeEntry(u8: Buffer, at: number): boolean {
  return u8[at] === LARGE_MARK
}

/** Returns the number of the large buffer that the entry at `at` names. */
export function largeIndexAt(source: Source, at: number): number {
  return source.view.getInt32(at + 1, true)
}

/** Points `window` at the element of the entry at `at`. The element must lie in the page. */
export function elementAt(source: Source, at: number, window: Bytes): void {
  const { u8 } = source
  const head = byteAt(u8, at)
  if (head < 128) window.set(source, at + 1, head)
  else if (head < LONG_MARK) window.set(source, at + 2, ((head & 0x3f) << 8) | byteAt(u8, at + 1))
  else window.set(source, at + 4, byteAt(u8, at + 1) | (byteAt(u8, at + 2) << 8) | (byteAt(u8, at + 3) << 16))
}

/** Writes an element of at most INLINE_ELEMENT_BYTES_MAX bytes as an entry at `at`. */
export function writeEntry(source: Source, at: number, element: Bytes): void {
  const { u8 } = source
  const { length } = element
  if (length < 128) {
    u8[at] = length
    copyBytes(source, at + 1, element.source, element.start, length)
    u8[at + 1 + length] = length
    return
  }
  if (length < 16384) {
    const head = 0x80 | (length >>> 8)
    u8[at] = head
    u8[at + 1] = length
    copyBytes(source, at + 2, element.source, element.start, length)
    u8[at + 2 + length] = length
    u8[at + 3 + length] = head
    return
  }
  u8[at] = LONG_MARK
  u8[at + 1] = length
  u8[at + 2] = length >>> 8
  u8[at + 3] = length >>> 16
  copyBytes(source, at + 4, element.source, element.start, length)
  const mirror = at + 4 + length
  u8[mirror] = length
  u8[mirror + 1] = length >>> 8
  u8[mirror + 2] = length >>> 16
  u8[mirror + 3] = LONG_MARK
}

/** Writes an entry that names the large buffer `index`. */
export function writeLargeEntry(source: Source, at: number, index: number): void {
  source.u8[at] = LARGE_MARK
  source.view.setInt32(at + 1, index, true)
  source.u8[at + 5] = LARGE_MARK
}

/** Bytes of a listpack around its entries: its header and its end mark. */
export const LISTPACK_FRAME_BYTES = 7

/**
 * Returns the bytes that an element takes in Redis's listpack. The size of a listpack decides what
 * OBJECT ENCODING says.
 */
export function listpackEntryBytes(source: Source, start: number, length: number): number {
  if (length <= 20 && length > 0) {
    const bytes = listpackIntegerBytes(source.u8, start, length)
    if (bytes !== 0) return bytes
  }
  const entry = length < 64 ? length + 1 : length < 4096 ? length + 2 : length + 5
  // Behind an entry is its length for walks from the right: seven bits in each byte.
  return entry + (entry < 128 ? 1 : entry < 16383 ? 2 : entry < 2097151 ? 3 : entry < 268435455 ? 4 : 5)
}

/**
 * Like listpackEntryBytes, for the element of the entry at `at`, which lies in the page. Short
 * elements, the usual case, need no window.
 */
export function listpackBytesAt(source: Source, at: number): number {
  const { u8 } = source
  const head = byteAt(u8, at)
  if (head < 64) {
    // Only an element that begins with a digit or a minus may be an integer.
    const first = byteAt(u8, at + 1)
    return head > 20 || head === 0 || first > 57 || first < 45 ? head + 2 : listpackEntryBytes(source, at + 1, head)
  }
  elementAt(source, at, window)
  return listpackEntryBytes(source, window.start, window.length)
}

/**
 * Like listpackEntryBytes, for canonical integers, which a listpack packs; 0 for all other
 * elements.
 */
function listpackIntegerBytes(u8: Buffer, start: number, length: number): number {
  let at = start
  const end = start + length
  const negative = u8[at] === 45
  if (negative && ++at === end) return 0
  const first = byteAt(u8, at) - 48
  if (first < 0 || first > 9 || (first === 0 && length > 1)) return 0
  const digits = end - at
  let value = 0
  // Nine digits fit 31 bits.
  if (digits <= 9) {
    for (; at < end; at++) {
      const digit = byteAt(u8, at) - 48
      if (digit < 0 || digit > 9) return 0
      value = (value * 10 + digit) | 0
    }
  }
  for (; at < end; at++) {
    const digit = byteAt(u8, at) - 48
    if (digit < 0 || digit > 9) return 0
    value = value * 10 + digit
  }
  if (negative) value = -value
  if (digits > 18) {
    const exact = BigInt(u8.toString('latin1', start, end))
    return exact > INT64_MAX || exact < INT64_MIN ? 0 : 10
  }
  if (value >= 0 && value <= 127) return 2
  if (value >= -4096 && value <= 4095) return 3
  if (value >= -32768 && value <= 32767) return 4
  if (value >= -8388608 && value <= 8388607) return 5
  return value >= -2147483648 && value <= 2147483647 ? 6 : 10
}
