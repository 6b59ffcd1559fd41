// The notices of MIGRATE for clients that are told of maintenance: MIGRATING before keys leave, and
// MIGRATED when they have left.
//
// A tool that moves many keys sends one MIGRATE after the other. A pair of notices for each would
// flood all clients, so MIGRATED waits until no key has left for QUIET_MS.

import type { Maintenance } from '../engine/clients/maintenance.ts'
import { assert } from '../util/assert.ts'
import type { Clock, Timer } from '../util/time/clock.ts'

const QUIET_MS = 1000

export class MigrationNotices {
  readonly #maintenance: Maintenance
  readonly #workClock: Clock
  #underWay = 0
  #isTold = false
  #timer: Timer | undefined = undefined

  constructor(maintenance: Maintenance, workClock: Clock) {
    this.#maintenance = maintenance
    this.#workClock = workClock
  }

  /** A MIGRATE begins; it fails after `timeoutMs` without progress. */
  begin(timeoutMs: number): void {
    this.#underWay++
    this.#timer?.cancel()
    this.#timer = undefined
    if (this.#isTold) return
    this.#isTold = true
    this.#maintenance.announce({ type: 'MIGRATING', seconds: Math.ceil((timeoutMs + QUIET_MS) / 1000) })
  }

  /** A MIGRATE is over. */
  end(): void {
    assert(this.#underWay > 0, 'each end has its beginning')
    this.#underWay--
    if (this.#underWay > 0) return
    this.#timer = this.#workClock.after(QUIET_MS, () => {
      this.#timer = undefined
      this.#isTold = false
      this.#maintenance.announce({ type: 'MIGRATED' })
    })
  }

  stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }
}
