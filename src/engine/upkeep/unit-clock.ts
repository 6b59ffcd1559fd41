// The time as everything in one unit sees it: one reading of the clock for a command, a script or an EXEC (invariant 2).

import type { Clock } from '../../util/time/clock.ts'

export class UnitClock {
  /** Whole seconds of the last `renew`: the access clock, coarse. */
  seconds: number
  readonly #clock: Clock
  /** 0 = the clock is to be read. */
  #nowMs = 0

  constructor(clock: Clock) {
    this.#clock = clock
    this.seconds = Math.floor(clock.now() / 1000)
  }

  /** Unix milliseconds; the clock is read by who asks first. */
  now(): number {
    if (this.#nowMs === 0) this.#nowMs = this.#clock.now()
    return this.#nowMs
  }

  /** Ends the moment: the next who asks reads the clock. */
  pass(): void {
    this.#nowMs = 0
  }

  /** Reads the clock anew, for something that did not come with a command. */
  renew(): number {
    this.#nowMs = 0
    const now = this.now()
    this.seconds = (now / 1000) | 0
    return now
  }
}
