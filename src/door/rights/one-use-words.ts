// Words that open something once, within a time: a ticket for a stream, a link that signs in.

import { randomBytes } from 'node:crypto'
import type { Clock } from '../../util/time/clock.ts'

const WORD_BYTES = 24

export interface OneUseLimits {
  readonly msMax: number
  /** The most unused words; beyond it the oldest end early. */
  readonly countMax: number
}

interface Kept<T> {
  readonly opens: T
  readonly endsMs: number
}

export class OneUseWords<T> {
  readonly #clock: Clock
  readonly #limits: OneUseLimits
  /** In the order of their ends. */
  readonly #words = new Map<string, Kept<T>>()

  constructor(clock: Clock, limits: OneUseLimits) {
    this.#clock = clock
    this.#limits = limits
  }

  get size(): number {
    return this.#words.size
  }

  /** Makes a word. */
  issue(opens: T): string {
    this.#dropEnded()
    const word = randomBytes(WORD_BYTES).toString('base64url')
    this.#words.set(word, { opens, endsMs: this.#clock.monotonic() + this.#limits.msMax })
    return word
  }

  /** Uses a word up, and returns what it opens; undefined = it was used, or is too old. */
  take(word: string): T | undefined {
    const found = this.#words.get(word)
    this.#words.delete(word)
    return found === undefined || found.endsMs <= this.#clock.monotonic() ? undefined : found.opens
  }

  #dropEnded(): void {
    const nowMs = this.#clock.monotonic()
    for (const [word, { endsMs }] of this.#words) {
      if (endsMs > nowMs && this.#words.size < this.#limits.countMax) return
      this.#words.delete(word)
    }
  }
}
