// Room for the keys that are still to come from a long run of commands, whose part behind is known.
//
// The keys that the first commands made tell how many the others may make. Then all buckets are made
// at once: to split them one by one took a third of the processor time of reading 1,000,000 SETs
// from a log. Buckets for keys that did not come are given back at the end.

import { assert } from '../../util/assert.ts'
import type { Keyspace } from './keyspace.ts'

/** After so many keys the number of those to come can be guessed. */
const KEYS_TELLING = 4096
/** With more keys in place, to link each of them again would take too long. */
const KEYS_RELINKED_MAX = 64 * 1024
/** The most buckets that are made after a guess, which may be wrong: 16 MB. */
const BUCKETS_GUESSED_MAX = 4 * 1024 * 1024

export class ExpectedKeys {
  readonly #keys: Keyspace
  readonly #from: number
  readonly #to: number
  readonly #before: number
  #state: 'guessing' | 'waiting' | 'trimming' | 'done' = 'guessing'

  /** What is read begins behind `from` and ends with `to`, in any unit. */
  constructor(keys: Keyspace, from: number, to: number) {
    this.#keys = keys
    this.#from = from
    this.#to = to
    this.#before = keys.count
  }

  /** Everything up to a place was read. Takes a millisecond or two at most. */
  reached(place: number): void {
    assert(place >= this.#from, 'what is read lies behind its beginning')
    if (this.#state === 'guessing') this.#guess(place)
    if (place < this.#to || this.#state === 'done') return
    if (this.#state !== 'trimming') this.#state = this.#state === 'waiting' ? 'trimming' : 'done'
    if (this.#state === 'trimming' && this.#keys.trim()) this.#state = 'done'
  }

  #guess(place: number): void {
    const { count } = this.#keys
    const come = count - this.#before
    if (come < KEYS_TELLING || place === this.#from || place >= this.#to) return
    this.#state = 'done'
    if (count > KEYS_RELINKED_MAX) return
    const guessed = count + Math.floor((come * (this.#to - place)) / (place - this.#from))
    this.#keys.reserve(Math.min(guessed, BUCKETS_GUESSED_MAX))
    this.#state = 'waiting'
  }
}
