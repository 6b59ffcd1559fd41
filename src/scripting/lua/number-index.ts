// Finds numbers among a table's keys.
//
// A JavaScript Map hashes numbers by a formula without a secret. An attacker who chooses a script's
// arguments could choose numbers that all collide: 20,000 of them took 70 times as long as others,
// and twice as many four times that. Here the hash depends on a secret. Keys never leave a shape,
// so open addressing is enough.

import { randomBytes } from 'node:crypto'
import { numberAt } from '../../util/array-reads.ts'

/** Initial number of slots, a power of two. At most half of them are used. */
const SLOTS_MIN = 32

const secrets = randomBytes(16)
const SECRET = secrets.readInt32LE(0)
const FIRST = secrets.readInt32LE(4) | 1
const SECOND = secrets.readInt32LE(8) | 1
const THIRD = secrets.readInt32LE(12) | 1
const double = new Float64Array(1)
const words = new Int32Array(double.buffer)

export class NumberIndex {
  /** The place of the key in each slot; 0 in a free slot. */
  #slots = new Int32Array(SLOTS_MIN)
  #count = 0

  /** Returns the place of a number among the keys; 0 when it has none. */
  find(key: number, keys: readonly unknown[]): number {
    const slots = this.#slots
    const mask = slots.length - 1
    let slot = hashNumber(key) & mask
    let place = numberAt(slots, slot)
    while (place !== 0 && keys[place] !== key) {
      slot = (slot + 1) & mask
      place = numberAt(slots, slot)
    }
    return place
  }

  /** Adds the place of a number that was not found. */
  add(place: number, keys: readonly unknown[]): void {
    const { length } = this.#slots
    if (2 * ++this.#count > length) {
      const old = this.#slots
      this.#slots = new Int32Array(2 * length)
      for (const place of old) if (place !== 0) this.#put(place, keys)
    }
    this.#put(place, keys)
  }

  #put(place: number, keys: readonly unknown[]): void {
    const slots = this.#slots
    const mask = slots.length - 1
    let slot = hashNumber(keys[place] as number) & mask
    while (slots[slot] !== 0) slot = (slot + 1) & mask
    slots[slot] = place
  }
}

/**
 * Multiplies by a secret and folds the upper half down, three times for each word, as V8 hashes
 * strings that are array indexes. The result is never visible, so the secret cannot be computed
 * from it. A whole HalfSipHash doubled the time of an access.
 */
function hashNumber(key: number): number {
  const integer = key | 0
  // 0 and -0 are one key.
  if (integer === key) return scramble(integer)
  double[0] = key
  return scramble(scramble(numberAt(words, 0)) + numberAt(words, 1))
}

function scramble(word: number): number {
  let hash = word ^ SECRET
  hash = Math.imul(hash ^ (hash >>> 15), FIRST)
  hash = Math.imul(hash ^ (hash >>> 15), SECOND)
  hash = Math.imul(hash ^ (hash >>> 15), THIRD)
  return hash ^ (hash >>> 15)
}
