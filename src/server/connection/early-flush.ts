// Whether a read is likely to be the only one of its turn of the event loop.
//
// What clients are told leaves at the turn's end, which the loop says by an immediate: right for many clients, a detour for
// one that waits for its replies: without it a BullMQ job costs the server 3 to 5 % less, and a write that is synced before its reply is
// answered 4 to 10 % sooner. How many reads a turn brings changes seldom: one turn is watched, and the reads that follow are taken to come
// as those did. A read that comes at the heels of one that was taken to be alone came with it: nobody who waits for a reply is that quick.

import { type Clock, systemClock } from '../../util/time/clock.ts'
import { setImmediate } from '../../util/time/real-time.ts'

/** Reads expected to be alone after one that was, before a turn is watched again. */
const ALONE = 32
/** Reads expected to have company after one that had; to expect it in vain costs but the detour. */
const IN_COMPANY = 256
/** Reads of one turn follow each other within some 2 µs. A client that waits for its reply is read again after 20 µs at the earliest. */
const HEELS_MS = 0.005

export class EarlyFlush {
  /** Reads still expected to be alone; below 0, to have company; 0 = this turn is watched. */
  #expected = 0
  /** Reads of the turn that is watched. */
  #seen = 0
  /** When the last read that was taken to be alone was answered. */
  #answeredMs = Number.NEGATIVE_INFINITY
  readonly #clock: Pick<Clock, 'monotonic'>
  readonly #later: (run: () => void) => void
  readonly #turnEnded = (): void => {
    this.#expected = this.#seen === 1 ? ALONE : -IN_COMPANY
    this.#seen = 0
  }

  /** `later` runs a function at the end of the turn. */
  constructor(clock: Pick<Clock, 'monotonic'> = systemClock, later: (run: () => void) => void = setImmediate) {
    this.#clock = clock
    this.#later = later
  }

  /** Tells whether the read that has just come will be the only one of its turn; `answered` is called then. Wrong answers cost time, nothing else. */
  next(): boolean {
    if (this.#expected > 0) {
      if (this.#clock.monotonic() - this.#answeredMs > HEELS_MS) {
        this.#expected--
        return true
      }
      this.#expected = -IN_COMPANY
    }
    if (this.#expected < 0) this.#expected++
    else if (this.#seen++ === 0) this.#later(this.#turnEnded)
    return false
  }

  /** A read that was taken to be alone was answered. */
  answered(): void {
    this.#answeredMs = this.#clock.monotonic()
  }
}
