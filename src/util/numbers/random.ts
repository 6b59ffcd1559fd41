// Random numbers, handed in like time (invariant 2): xoshiro128** seeded from the system or by a
// test.

import { randomBytes } from 'node:crypto'
import { numberAt } from '../array-reads.ts'

export class Random {
  readonly #state: Uint32Array

  /** Without a seed, the system's entropy is used. */
  constructor(seed?: number) {
    this.#state = new Uint32Array(4)
    if (seed === undefined) {
      const bytes = randomBytes(16)
      for (let i = 0; i < 4; i++) this.#state[i] = bytes.readUInt32LE(4 * i)
    } else {
      // SplitMix spreads a small seed over the whole state.
      let x = seed >>> 0
      for (let i = 0; i < 4; i++) {
        x = (x + 0x9e3779b9) >>> 0
        let z = x
        z = Math.imul(z ^ (z >>> 16), 0x85ebca6b)
        z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35)
        this.#state[i] = z ^ (z >>> 16)
      }
    }
    this.#state[0]! |= 1
  }

  /** Returns 32 random bits as an unsigned integer. */
  uint32(): number {
    const s = this.#state
    const x = Math.imul(numberAt(s, 1), 5)
    const result = Math.imul((x << 7) | (x >>> 25), 9) >>> 0
    const t = numberAt(s, 1) << 9
    s[2]! ^= numberAt(s, 0)
    s[3]! ^= numberAt(s, 1)
    s[1]! ^= numberAt(s, 2)
    s[0]! ^= numberAt(s, 3)
    s[2]! ^= t
    s[3] = (numberAt(s, 3) << 11) | (numberAt(s, 3) >>> 21)
    return result
  }

  /** Returns a uniform integer in [0, bound), 1 ≤ bound ≤ 2^32. */
  below(bound: number): number {
    // Rejecting the incomplete last round keeps the result uniform.
    const limit = 4294967296 - (4294967296 % bound)
    let value = this.uint32()
    while (value >= limit) value = this.uint32()
    return value % bound
  }

  /** Returns `length` lower-case hexadecimal digits. */
  hex(length: number): string {
    let text = ''
    while (text.length < length) text += this.uint32().toString(16).padStart(8, '0')
    return text.slice(0, length)
  }
}
