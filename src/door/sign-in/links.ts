// One-use links: a word in the address of the console that signs a user in, once, within minutes.
//
// The program that starts a broker prints one. The word stands behind `#`, so no browser sends it
// to a server before the page does.

import { randomBytes } from 'node:crypto'
import type { Clock } from '../../util/time/clock.ts'

export const LINK_MS_MAX = 10 * 60_000
const LINKS_MAX = 100
const WORD_BYTES = 24

interface Link {
  readonly user: string
  readonly endsMs: number
}

export class Links {
  readonly #clock: Clock
  /** In the order of their ends. */
  readonly #links = new Map<string, Link>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Makes the word of a link that signs in as a user. */
  issue(user: string): string {
    const [oldest] = this.#links.keys()
    if (this.#links.size >= LINKS_MAX && oldest !== undefined) this.#links.delete(oldest)
    const word = randomBytes(WORD_BYTES).toString('base64url')
    this.#links.set(word, { user, endsMs: this.#clock.monotonic() + LINK_MS_MAX })
    return word
  }

  /** Uses a link up, and returns its user; undefined = it was used, or is too old. */
  take(word: string): string | undefined {
    const link = this.#links.get(word)
    this.#links.delete(word)
    return link === undefined || link.endsMs <= this.#clock.monotonic() ? undefined : link.user
  }
}
