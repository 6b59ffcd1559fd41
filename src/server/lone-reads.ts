// Whether a read is likely to be the only one of its turn of the event loop.
//
// What clients are told leaves at the turn's end, which the loop says by an immediate: right for many clients, a detour for
// one that waits for its replies: without it a BullMQ job costs the server 3 to 5 % less. How many reads a turn brings
// changes seldom: one turn is watched, and the reads that follow are taken to come as those did.

import { setImmediate } from '../util/real-time.ts'

/** Reads expected to be alone after one that was, before a turn is watched again. */
const ALONE = 32
/** Reads expected to have company after one that had; to expect it in vain costs but the detour. */
const IN_COMPANY = 256

export class LoneReads {
  /** Reads still expected to be alone; below 0, to have company; 0 = this turn is watched. */
  #expected = 0
  /** Reads of the turn that is watched. */
  #seen = 0
  readonly #later: (run: () => void) => void
  readonly #turnEnded = (): void => {
    this.#expected = this.#seen === 1 ? ALONE : -IN_COMPANY
    this.#seen = 0
  }

  /** `later` runs a function at the end of the turn. */
  constructor(later: (run: () => void) => void = setImmediate) {
    this.#later = later
  }

  /** Tells whether the read that has just come will be the only one of its turn. Wrong answers cost time, nothing else. */
  next(): boolean {
    if (this.#expected > 0) {
      this.#expected--
      return true
    }
    if (this.#expected < 0) this.#expected++
    else if (this.#seen++ === 0) this.#later(this.#turnEnded)
    return false
  }
}
