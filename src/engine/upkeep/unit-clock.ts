// The time of a unit: one reading of the clock for a command, a script or an EXEC (invariant 2).

import type { Clock } from '../../util/time/clock.ts'

export class UnitClock {
  /** Whole seconds at the last `renew`: the coarse clock of accesses. */
  seconds: number
  readonly #clock: Clock
  /** 0 = the clock is read at the next call. */
  #nowMs = 0

  constructor(clock: Clock) {
    this.#clock = clock
    this.seconds = Math.floor(clock.now() / 1000)
  }

  /** Returns Unix milliseconds. The first call in a unit reads the clock. */
  now(): number {
    if (this.#nowMs === 0) this.#nowMs = this.#clock.now()
    return this.#nowMs
  }

  /** The time that was read in this unit; 0 = the clock was not read. */
  get reading(): number {
    return this.#nowMs
  }

  /** Ends the reading: the next call of `now` reads the clock. */
  pass(): void {
    this.#nowMs = 0
  }

  /** Reads the clock now, for work that no command has started. */
  renew(): number {
    this.#nowMs = 0
    const now = this.now()
    this.seconds = (now / 1000) | 0
    return now
  }
}
