// The bit library (LuaBitOp): operations on 32-bit integers with signed results.
//
// A number is converted by adding 2^52 + 2^51. The low half of the double is then its integer
// modulo 2^32, rounded to even; out of range it is whatever the addition leaves. The code does
// exactly that for numbers that are not 32-bit integers already.

import { numberAt } from '../../../util/array-reads.ts'
import { expectNumber, library } from '../library.ts'
import { meter } from '../script-meter.ts'
import type { LuaTable } from '../table.ts'
import type { LuaValue } from '../value.ts'

/** 2^52 + 2^51: pushes a double's integer part into its low bits. */
const MAGIC = 6755399441055744
const HEX_DIGITS = 8
/** Arguments per step, as a power of two. */
const VALUES_PER_STEP_BITS = 3

const double = new Float64Array(1)
const words = new Int32Array(double.buffer)

function bits(value: LuaValue, index: number, name: string, count: number): number {
  const number = typeof value === 'number' ? value : expectNumber(value, index, name, count)
  const integer = number | 0
  if (integer === number) return integer
  double[0] = number + MAGIC
  return numberAt(words, 0)
}

// Of several arguments the first is checked first, then the others from the last. Errors name the
// first one that fails.
export const bitLibrary: LuaTable = library({
  tobit(value) {
    return bits(value, 1, 'tobit', arguments.length)
  },
  bnot(value) {
    return ~bits(value, 1, 'bnot', arguments.length)
  },
  band(...values) {
    meter.spend(values.length >> VALUES_PER_STEP_BITS)
    let result = bits(values[0], 1, 'band', values.length)
    for (let i = values.length - 1; i > 0; i--) result &= bits(values[i], i + 1, 'band', values.length)
    return result
  },
  bor(...values) {
    meter.spend(values.length >> VALUES_PER_STEP_BITS)
    let result = bits(values[0], 1, 'bor', values.length)
    for (let i = values.length - 1; i > 0; i--) result |= bits(values[i], i + 1, 'bor', values.length)
    return result
  },
  bxor(...values) {
    meter.spend(values.length >> VALUES_PER_STEP_BITS)
    let result = bits(values[0], 1, 'bxor', values.length)
    for (let i = values.length - 1; i > 0; i--) result ^= bits(values[i], i + 1, 'bxor', values.length)
    return result
  },
  lshift(value, count) {
    const all = arguments.length
    return bits(value, 1, 'lshift', all) << bits(count, 2, 'lshift', all)
  },
  rshift(value, count) {
    const all = arguments.length
    return (bits(value, 1, 'rshift', all) >>> bits(count, 2, 'rshift', all)) | 0
  },
  arshift(value, count) {
    const all = arguments.length
    return bits(value, 1, 'arshift', all) >> bits(count, 2, 'arshift', all)
  },
  rol(value, count) {
    const all = arguments.length
    return rotateLeft(bits(value, 1, 'rol', all), bits(count, 2, 'rol', all))
  },
  ror(value, count) {
    const all = arguments.length
    return rotateLeft(bits(value, 1, 'ror', all), -bits(count, 2, 'ror', all))
  },
  bswap(value) {
    const x = bits(value, 1, 'bswap', arguments.length)
    return (x >>> 24) | ((x >> 8) & 0xff00) | ((x & 0xff00) << 8) | (x << 24)
  },
  tohex(value, count) {
    const x = bits(value, 1, 'tohex', arguments.length)
    // A negative count asks for capitals.
    const wanted = arguments.length < 2 ? HEX_DIGITS : bits(count, 2, 'tohex', arguments.length)
    const digits = (x >>> 0).toString(16).padStart(HEX_DIGITS, '0')
    const shown = digits.substring(HEX_DIGITS - Math.min(Math.abs(wanted), HEX_DIGITS))
    return wanted < 0 ? shown.toUpperCase() : shown
  },
})

function rotateLeft(x: number, count: number): number {
  return (x << count) | (x >>> -count)
}
