// A leader's lease: until when replies may leave.
//
// A record sent at time t that is in the log proves that no other node had taken over before t. No
// node takes over until it has heard nothing for `silenceMs`. So replies may leave until t +
// leaseMs.
//
// The lease is checked by two clocks. The monotonic clock measures it. On many systems that clock
// stops while the machine is suspended, and another node may lead meanwhile; the wall clock goes
// on. The wall clock can be set at any time, forward or back: then the lease ends too early, and
// the next record renews it. A virtual machine that is paused with both clocks cannot notice it.

import { assert } from '../util/assert.ts'
import { CHECKED } from '../util/invariant.ts'
import type { Clock } from '../util/time/clock.ts'

/** The time at which a record was sent, by both clocks. */
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

  /** `since` is the sending time of a record that is in the log. */
  constructor(clock: Clock, leaseMs: number, since: SendingTime) {
    assert(leaseMs > 0, 'a lease runs for some time')
    this.#clock = clock
    this.#leaseMs = leaseMs
    this.#since = since
  }

  /** Extends the lease: a record sent at `since` is in the log. */
  renew(since: SendingTime): void {
    assert(since.monotonicMs >= this.#since.monotonicMs, 'a lease is renewed by records in the order of their sending')
    this.#since = since
  }

  /** How long replies may still leave, in milliseconds; 0 = they may not. */
  get leftMs(): number {
    const { monotonicMs, wallMs } = this.#since
    const passedMs = this.#clock.now() - wallMs
    if (passedMs < 0 || passedMs >= this.#leaseMs) return 0
    const leftMs = monotonicMs + this.#leaseMs - this.#clock.monotonic()
    if (CHECKED) assert(leftMs <= this.#leaseMs, 'a lease runs from the sending of a record, which has passed')
    return Math.max(0, leftMs)
  }
}
