// The struct library: numbers and strings in the layouts of C.
//
// A format is a row of letters, parsed at each call:
//
//   b B h H l L   signed and unsigned integers of 1, 2, 8 bytes      T   size_t: 8
//   i I           integers of the size that follows, 4 by default    x   a byte of padding
//   f d           float, double                                      s   a string with its NUL
//   c             a string of the size that follows, 1 by default; c0 is as long as the
//                 string when packing, as the number read before it when unpacking
//   < >           little and big endian                              !   alignment, 8 by default
//
// Sizes beyond 8 bytes hold no more than 64 bits; the rest is zero.

import { VALUES_MAX } from '../calling-convention.ts'
import { runtimeError } from '../errors.ts'
import { argumentError, argumentTypeError, expectInteger, expectString, library } from '../library.ts'
import { TextBuilder } from '../long-text.ts'
import { meter } from '../script-meter.ts'
import type { LuaTable } from '../table.ts'
import { type LuaResult, type LuaValue, toNumber, toStringCoerced } from '../value.ts'
import { castSigned, castUnsigned } from './c-integer-cast.ts'

const INTEGER_BYTES_MAX = 32
const ALIGNMENT_DEFAULT = 8
/** Integers up to this size are exact as doubles. */
const NUMBER_BYTES_MAX = 6
const INT_MAX = 0x7fffffff

const scratch = new DataView(new ArrayBuffer(8))

/** Walks over a format, one option a step, with its size and the padding before it. */
class StructFormat {
  readonly #text: string
  readonly #name: string
  #at = 0
  #alignment = 1
  littleEndian = true
  /** The letter of this step. */
  option = ''
  size = 0
  /** Bytes of padding before this option. */
  padding = 0

  constructor(text: string, name: string) {
    const nul = text.indexOf('\0')
    this.#text = nul < 0 ? text : text.substring(0, nul)
    this.#name = name
  }

  /** Moves to the next option, which begins at `offset` before alignment; false at the end. */
  next(offset: number): boolean {
    if (this.#at >= this.#text.length) return false
    if (--meter.steps < 0) meter.tick()
    this.option = this.#text.charAt(this.#at++)
    this.size = this.#optionSize()
    this.padding = this.#paddingAt(offset)
    return true
  }

  #optionSize(): number {
    switch (this.option) {
      case 'b':
      case 'B':
      case 'x':
        return 1
      case 'h':
      case 'H':
        return 2
      case 'f':
        return 4
      case 'l':
      case 'L':
      case 'T':
      case 'd':
        return 8
      case 'c':
        return this.#number(1)
      case 'i':
      case 'I': {
        const size = this.#number(4)
        if (size > INTEGER_BYTES_MAX) {
          runtimeError(`integral size ${size} is larger than limit of ${INTEGER_BYTES_MAX}`)
        }
        return size
      }
      default:
        return 0
    }
  }

  #paddingAt(offset: number): number {
    if (this.size === 0 || this.option === 'c') return 0
    const unit = Math.min(this.size, this.#alignment)
    // For sizes that are no power of two this is no alignment, but the original computes it so.
    return (unit - (offset & (unit - 1))) & (unit - 1)
  }

  #number(otherwise: number): number {
    if (!this.#isDigit()) return otherwise
    let value = 0
    while (this.#isDigit()) {
      if (--meter.steps < 0) meter.tick()
      value = value * 10 + (this.#text.charCodeAt(this.#at++) - 48)
      if (value > INT_MAX) runtimeError('integral size overflow')
    }
    return value
  }

  #isDigit(): boolean {
    const code = this.#text.charCodeAt(this.#at)
    return code >= 48 && code <= 57
  }

  /** Applies an option that is neither a value nor padding. */
  control(): void {
    switch (this.option) {
      case ' ':
        return
      case '<':
        this.littleEndian = true
        return
      case '>':
        this.littleEndian = false
        return
      case '!': {
        const alignment = this.#number(ALIGNMENT_DEFAULT)
        if (alignment <= 0 || (alignment & (alignment - 1)) !== 0) {
          runtimeError(`alignment ${alignment} is not a power of 2`)
        }
        this.#alignment = alignment
        return
      }
      default:
        argumentError(1, this.#name, `invalid format option '${this.option}'`)
    }
  }
}

function pack(...values: LuaValue[]): LuaResult {
  const format = new StructFormat(expectString(values[0], 1, 'pack', values.length), 'pack')
  const text = new TextBuilder()
  let used = 0
  // The original keeps a nil behind its arguments, and reads it when they run out.
  const available = values.length + 1
  const next = (): LuaValue => values[++used]
  while (format.next(text.length)) {
    if (format.padding > 0) text.add('\0'.repeat(format.padding))
    switch (format.option) {
      case 'b':
      case 'B':
      case 'h':
      case 'H':
      case 'l':
      case 'L':
      case 'T':
      case 'i':
      case 'I': {
        const number = toNumber(next()) ?? argumentTypeError(values[used], used + 1, 'pack', 'number', available)
        text.add(packInteger(number, format))
        break
      }
      case 'x':
        text.add('\0')
        break
      case 'f':
      case 'd': {
        const number = toNumber(next()) ?? argumentTypeError(values[used], used + 1, 'pack', 'number', available)
        text.add(packFloat(number, format))
        break
      }
      case 'c':
      case 's': {
        const string = toStringCoerced(next()) ?? argumentTypeError(values[used], used + 1, 'pack', 'string', available)
        // The error names the argument after the string, as in Redis.
        if (string.length < format.size) argumentError(used + 2, 'pack', 'string too short')
        const size = format.size === 0 ? string.length : format.size
        text.add(string.substring(0, size))
        if (format.option === 's') text.add('\0')
        break
      }
      default:
        format.control()
    }
  }
  return text.finish()
}

function packInteger(number: number, { size, littleEndian }: StructFormat): string {
  meter.spend(size)
  let rest = number < 0 ? castSigned(number) & 0xffffffffffffffffn : castUnsigned(number)
  let text = ''
  for (let i = 0; i < size; i++) {
    const byte = String.fromCharCode(Number(rest & 0xffn))
    text = littleEndian ? text + byte : byte + text
    rest >>= 8n
  }
  return text
}

function packFloat(number: number, { size, littleEndian }: StructFormat): string {
  if (size === 4) scratch.setFloat32(0, number, littleEndian)
  else scratch.setFloat64(0, number, littleEndian)
  // The NaN of 0/0 has its sign bit set on x86.
  if (Number.isNaN(number)) scratch.setUint8(littleEndian ? size - 1 : 0, 0xff)
  let text = ''
  for (let i = 0; i < size; i++) text += String.fromCharCode(scratch.getUint8(i))
  return text
}

function unpack(layout: LuaValue, packed: LuaValue, from: LuaValue): LuaResult {
  const count = arguments.length
  const format = new StructFormat(expectString(layout, 1, 'unpack', count), 'unpack')
  const data = expectString(packed, 2, 'unpack', count)
  const start = from === undefined ? 1 : expectInteger(from, 3, 'unpack', count)
  if (start === 0) argumentError(3, 'unpack', 'offset must be 1 or greater')
  // A negative offset is taken as unsigned, and is then beyond all data.
  let offset = start < 0 ? Number.MAX_SAFE_INTEGER : start - 1
  const values: LuaValue[] = []
  const demand = (size: number): void => {
    if (offset + size > data.length) argumentError(2, 'unpack', 'data string too short')
  }
  while (format.next(offset)) {
    offset += format.padding
    demand(format.size)
    if (values.length + 2 > VALUES_MAX) runtimeError('stack overflow (too many results)')
    let { size } = format
    switch (format.option) {
      case 'b':
      case 'B':
      case 'h':
      case 'H':
      case 'l':
      case 'L':
      case 'T':
      case 'i':
      case 'I':
        values.push(unpackInteger(data, offset, format))
        break
      case 'x':
        break
      case 'f':
      case 'd':
        values.push(unpackFloat(data, offset, format))
        break
      case 'c': {
        if (size === 0) {
          const last = values.length === 0 ? undefined : toNumber(values[values.length - 1])
          if (last === undefined) runtimeError("format 'c0' needs a previous size")
          values.pop()
          size = Number(castUnsigned(last))
          demand(size)
        }
        meter.charge(size)
        values.push(data.substring(offset, offset + size))
        break
      }
      case 's': {
        const end = data.indexOf('\0', offset)
        if (end < 0) runtimeError('unfinished string in data')
        size = end - offset + 1
        meter.charge(size)
        values.push(data.substring(offset, end))
        break
      }
      default:
        format.control()
    }
    offset += size
  }
  values.push(start < 0 ? start : offset + 1)
  return values.length === 1 ? values[0] : values
}

function unpackInteger(data: string, offset: number, { size, littleEndian, option }: StructFormat): number {
  const isSigned = option === 'b' || option === 'h' || option === 'l' || option === 'i'
  if (size > 0 && size <= NUMBER_BYTES_MAX) {
    let small = 0
    for (let i = 0; i < size; i++) {
      small = small * 256 + data.charCodeAt(littleEndian ? offset + size - 1 - i : offset + i)
    }
    return isSigned && small >= 2 ** (size * 8 - 1) ? small - 2 ** (size * 8) : small
  }
  meter.spend(size)
  let value = 0n
  for (let i = 0; i < size; i++) {
    const byte = data.charCodeAt(littleEndian ? offset + size - 1 - i : offset + i)
    value = ((value << 8n) | BigInt(byte)) & 0xffffffffffffffffn
  }
  if (!isSigned) return Number(value)
  // Any bit from the sign's on makes the number negative. Beyond 8 bytes the sign's position wraps,
  // as x86 shifts do.
  const signs = -1n << BigInt((size * 8 - 1) & 63)
  return Number(BigInt.asIntN(64, (value & signs) === 0n ? value : value | signs))
}

function unpackFloat(data: string, offset: number, { size, littleEndian }: StructFormat): number {
  for (let i = 0; i < size; i++) scratch.setUint8(i, data.charCodeAt(offset + i))
  return size === 4 ? scratch.getFloat32(0, littleEndian) : scratch.getFloat64(0, littleEndian)
}

/** Whether it is the code of a digit or an ASCII letter. */
function isWord(code: number): boolean {
  return (code >= 48 && code <= 57) || ((code | 32) >= 97 && (code | 32) <= 122)
}

function sizeOf(layout: LuaValue): LuaResult {
  const format = new StructFormat(expectString(layout, 1, 'size', arguments.length), 'size')
  let offset = 0
  while (format.next(offset)) {
    offset += format.padding + format.size
    if (format.option === 's') argumentError(1, 'size', "option 's' has no fixed size")
    if (format.option === 'c' && format.size === 0) argumentError(1, 'size', "option 'c0' has no fixed size")
    // Letters without a meaning are skipped here, as in Redis.
    if (!isWord(format.option.charCodeAt(0))) format.control()
  }
  return offset
}

export const structLibrary: LuaTable = library({ pack, unpack, size: sizeOf })
