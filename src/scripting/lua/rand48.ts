// The random numbers of `math.random`: Redis's 48-bit linear congruential generator.
//
// It starts in a fixed state and, as in Redis 7, continues from script to script. After
// `math.randomseed` it gives the numbers that redis-server gives for the same seed.

/** Exclusive bound of `next`. */
export const RANDOM_MAX = 0x7fffffff

export class Rand48 {
  // 48 bits as two halves of 24: x ← x × 0x5DEECE66D + 0xB.
  #high = 0x1234ab
  #low = 0xcd330e

  /** Starts the sequence that belongs to a seed. */
  seed(seed: number): void {
    const bits = seed >>> 0
    this.#high = bits >>> 8
    this.#low = ((bits & 0xff) << 16) | 0x330e
  }

  /** Returns the next number of the sequence, 31 bits. */
  next(): number {
    const product = this.#low * 0xece66d + 0xb
    const carry = Math.floor(product / 0x1000000)
    const upper = this.#low * 0x5de + carry + this.#high * 0xece66d
    this.#low = product % 0x1000000
    this.#high = upper % 0x1000000
    return this.#high * 0x80 + (this.#low >>> 17)
  }
}
