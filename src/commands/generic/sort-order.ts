// How SORT orders elements: by number or by bytes, of themselves or of what BY names for them.

import { Bytes, copyBytes, Source } from '../../util/bytes.ts'
import { parseDouble } from '../../util/numbers.ts'

const DOUBLE_NORMAL_MIN = 2 ** -1022

export interface Ordering {
  descending: boolean
  /** Bytes are compared as strcoll does in the C locale, up to a NUL; what is stored goes by all of them. */
  untilNul: boolean
  /** Equal ones are put in the order of the elements, which otherwise keep theirs. */
  breaksTies: boolean
}

/** Returns the indices of elements in the order of their scores, equal ones in that of their bytes. */
export function orderByScore(elements: readonly Bytes[], scores: Float64Array, ordering: Ordering): Uint32Array {
  const sign = ordering.descending ? -1 : 1
  return indices(elements).sort((a, b) => {
    const difference = scores[a]! - scores[b]!
    if (difference < 0) return -sign
    if (difference > 0) return sign
    // Two infinities have no difference, and are equal or told apart by comparing.
    if (scores[a]! < scores[b]!) return -sign
    if (scores[a]! > scores[b]!) return sign
    return sign * elements[a]!.compare(elements[b]!)
  })
}

/** Returns the indices of elements in the order of their weights; those without one come first. */
export function orderByBytes(
  elements: readonly Bytes[],
  weights: readonly (Bytes | undefined)[],
  ordering: Ordering,
): Uint32Array {
  const sign = ordering.descending ? -1 : 1
  const compare = ordering.untilNul ? compareUntilNul : compareAll
  return indices(elements).sort((a, b) => {
    const left = weights[a]
    const right = weights[b]
    let order = 0
    if (left === undefined || right === undefined) {
      if (left !== right) order = left === undefined ? -1 : 1
    } else {
      order = compare(left, right)
    }
    if (order === 0 && ordering.breaksTies) order = elements[a]!.compare(elements[b]!)
    return sign * order
  })
}

function indices(elements: readonly Bytes[]): Uint32Array {
  const order = new Uint32Array(elements.length)
  for (let i = 0; i < order.length; i++) order[i] = i
  return order
}

function compareAll(a: Bytes, b: Bytes): number {
  return a.compare(b)
}

function compareUntilNul(a: Bytes, b: Bytes): number {
  const { length } = a
  for (let i = 0; ; i++) {
    const left = i < length ? a.at(i) : 0
    const right = i < b.length ? b.at(i) : 0
    if (left !== right) return left - right
    if (left === 0) return 0
  }
}

/**
 * Reads a number as C's strtod does, which is how SORT does it: blanks before it are passed, a NUL ends it, nothing at all is 0.
 *
 * undefined when there is something else, NaN, or a number that no double comes near.
 */
export function readSortScore(bytes: Bytes): number | undefined {
  const { length } = bytes
  if (length <= 15) {
    const whole = readDigits(bytes)
    if (whole !== -1) return whole
  }
  let text = bytes.toString()
  const nul = text.indexOf('\0')
  if (nul !== -1) text = text.slice(0, nul)
  if (text === '') return 0
  const value = parseDouble(text.replace(/^[ \t\n\v\f\r]+/, ''))
  if (value === undefined || (value !== 0 && Math.abs(value) < DOUBLE_NORMAL_MIN)) return undefined
  return value
}

/** Reads digits alone, without making a string; -1 when there is anything else. */
function readDigits(bytes: Bytes): number {
  const { length } = bytes
  if (length === 0) return -1
  let value = 0
  for (let i = 0; i < length; i++) {
    const digit = bytes.at(i) - 48
    if (digit < 0 || digit > 9) return -1
    value = 10 * value + digit
  }
  return value
}

const CHUNK_BYTES = 64 * 1024

/** Keeps copies of bytes, many in one piece of memory. */
export class Copies {
  #source = Source.allocate(0)
  #at = 0

  keep(bytes: Bytes): Bytes {
    const { length } = bytes
    if (this.#at + length > this.#source.u8.length) {
      this.#source = Source.allocate(Math.max(length, CHUNK_BYTES))
      this.#at = 0
    }
    copyBytes(this.#source, this.#at, bytes.source, bytes.start, length)
    const copy = new Bytes(this.#source, this.#at, length)
    this.#at += length
    return copy
  }
}
