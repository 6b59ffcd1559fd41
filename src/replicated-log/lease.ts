// A leader's lease: for how long answers may leave.
//
// A record that was sent at time t, and stands in the log, proves that nobody else had led up to t; and nobody does until a
// follower has heard nothing for `silenceMs`. So answers may leave until t + leaseMs.
//
// Two clocks must say so. The monotonic clock is the measure. On many systems it stands still while the machine is suspended,
// and others lead meanwhile; the clock of the day goes on. That one may be set at any time, forward or back: then the lease
// ends too early, and the next record renews it. A virtual machine that is paused with both clocks cannot notice that.

import type { Clock } from '../util/time/clock.ts'

/** When a record was sent, by both clocks. */
export interface SendingTime {
  readonly monotonicMs: number
  readonly wallMs: number
}

export function sendingTime(clock: Clock): SendingTime {
  return { monotonicMs: clock.monotonic(), wallMs: clock.now() }
}

export class Lease {
  readonly #clock: Clock
  readonly #leaseMs: number
  #since: SendingTime

  /** A record that was sent at this time stands in the log. */
  constructor(clock: Clock, leaseMs: number, since: SendingTime) {
    this.#clock = clock
    this.#leaseMs = leaseMs
    this.#since = since
  }

  /** So does a later one. */
  renew(since: SendingTime): void {
    this.#since = since
  }

  /** For so long answers may leave, in milliseconds; 0 = they may not. */
  get leftMs(): number {
    const { monotonicMs, wallMs } = this.#since
    const passedMs = this.#clock.now() - wallMs
    if (passedMs < 0 || passedMs >= this.#leaseMs) return 0
    return Math.max(0, monotonicMs + this.#leaseMs - this.#clock.monotonic())
  }
}
