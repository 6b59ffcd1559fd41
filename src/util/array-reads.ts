// Reads of an array at an index that the caller knows to be within it.
//
// The compiler takes any `list[i]` for possibly undefined, and a `!` behind it proves nothing.
// These functions assert it in the checked build. The bundler writes `list[i]` for their calls
// (scripts/plain-reads.ts), so that the package pays nothing.

import { assert } from './assert.ts'
import { CHECKED } from './invariant.ts'

/** Returns the byte at an index within `bytes`. */
export function byteAt(bytes: Uint8Array, index: number): number {
  const byte = bytes[index]
  if (CHECKED) assert(byte !== undefined, 'the index is within the bytes')
  return byte!
}

/** Returns the number at an index within a typed array. */
export function numberAt(numbers: NumberArray, index: number): number {
  const number = numbers[index]
  if (CHECKED) assert(number !== undefined, 'the index is within the numbers')
  return number!
}

/**
 * Returns the item at an index within a list, or the part of a match that its pattern always has.
 */
export function itemAt<T>(list: readonly T[], index: number): T {
  const item = list[index]
  if (CHECKED) assert(item !== undefined, 'the index is within the list')
  return item!
}

type NumberArray = Int8Array | Int16Array | Uint16Array | Int32Array | Uint32Array | Float32Array | Float64Array
