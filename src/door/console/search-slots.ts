// How many searches run at a time: of one user, and of all.

import { HttpError } from '../exchanges/http-error.ts'

const OF_USER_MAX = 4
const ALL_MAX = 16

export class SearchSlots {
  readonly #ofUser = new Map<string, number>()
  #all = 0

  /** Takes a slot, which the function that is returned gives back. Throws HttpError. */
  take(user: string): () => void {
    const own = this.#ofUser.get(user) ?? 0
    if (own >= OF_USER_MAX || this.#all >= ALL_MAX)
      throw new HttpError(429, 'too many searches run at a time', { 'Retry-After': '1' })
    this.#ofUser.set(user, own + 1)
    this.#all++
    return () => {
      const left = (this.#ofUser.get(user) ?? 1) - 1
      if (left === 0) this.#ofUser.delete(user)
      else this.#ofUser.set(user, left)
      this.#all--
    }
  }
}
