// How often one address, or one user, may ask: a bucket of tokens for each, refilled with time.
//
// A bucket holds the tokens of one second. Buckets that are full again say nothing and are
// dropped, so their number is bounded by what came in the last second, and at most by
// BUCKETS_MAX.

import { NameMap } from '../../util/tables/name-map.ts'
import type { Clock } from '../../util/time/clock.ts'
import { HttpError } from './http-error.ts'

/**
 * Beyond this number the oldest bucket is given up: an attacker with so many addresses is not
 * slowed by any of them.
 */
const BUCKETS_MAX = 20_000

interface Bucket {
  tokens: number
  filledMs: number
}

export class RateLimits {
  readonly #clock: Clock
  readonly #buckets = new NameMap<Bucket>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Number of buckets. */
  get size(): number {
    return this.#buckets.size
  }

  /**
   * Takes a token of `name`, which gets `perSecond` a second; 0 = any number. Throws HttpError
   * where none is left.
   */
  take(name: string, perSecond: number): void {
    if (perSecond === 0) return
    const nowMs = this.#clock.monotonic()
    const bucket = this.#fill(name, perSecond, nowMs)
    if (bucket.tokens < 1) throw new HttpError(429, 'too many requests', { 'Retry-After': '1' })
    bucket.tokens--
  }

  /** Tells whether no token of `name` is left. */
  isSpent(name: string, perSecond: number): boolean {
    return this.#buckets.get(name) !== undefined && this.#fill(name, perSecond, this.#clock.monotonic()).tokens < 1
  }

  #fill(name: string, perSecond: number, nowMs: number): Bucket {
    const found = this.#buckets.get(name)
    if (found === undefined) {
      this.#makeRoom(nowMs)
      const made = { tokens: perSecond, filledMs: nowMs }
      this.#buckets.set(name, made)
      return made
    }
    found.tokens = Math.min(perSecond, found.tokens + ((nowMs - found.filledMs) / 1000) * perSecond)
    found.filledMs = nowMs
    return found
  }

  /** Drops buckets that were not asked for within a second, or else all. */
  #makeRoom(nowMs: number): void {
    if (this.#buckets.size < BUCKETS_MAX) return
    for (const name of [...this.#buckets.keys()]) {
      const bucket = this.#buckets.get(name)
      if (bucket !== undefined && nowMs - bucket.filledMs >= 1000) this.#buckets.delete(name)
    }
    if (this.#buckets.size >= BUCKETS_MAX) this.#buckets.clear()
  }
}
