// The pace of the group commit: how long the next group waits for more writers, and whether the loop may sleep meanwhile.
//
// Without waiting, the clients of a busy server fall into two halves that take
// turns, each fdatasync covering one of them: half the throughput where the disk is
// slow. So a group waits a moment for those whose replies have just left, unless
// that was in vain the last time.

import type { Clock } from '../util/clock.ts'

/** Waiting for company lasts half an fdatasync, within these bounds; it does not pay where that takes no time. */
const COMPANY_SYNC_MS_MIN = 0.1
const COMPANY_WAIT_MS_MIN = 1
const COMPANY_WAIT_MS_MAX = 2
/** Groups that are not made to wait after waiting was in vain. */
const COMPANY_GROUPS_SKIPPED = 16
/**
 * While an fdatasync is under way that takes less than this, the loop turns instead of sleeping: to be woken takes 50 µs and more,
 * by the clients and by the disk. LPUSH, 50 clients, a disk that syncs in 0.25 ms: 44,000 a second asleep, 52,000 awake, and 59,000
 * when those whose replies have just left are waited for too.
 */
const AWAKE_SYNC_MS_MAX = 1

export class CommitPace {
  readonly #clock: Clock
  /** How long an fdatasync takes, averaged. */
  #syncMs = 0
  /** The next group waits until it has so many commands, or until then (monotonic). */
  #companyCommands = 0
  #companyUntilMs = 0
  #companySkipped = 0
  /** Until then (monotonic) nobody sleeps while an fdatasync is under way; 0 = everybody may. */
  #awakeUntilMs = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Tells whether a group of so many commands had better wait a moment for those whose replies have just left. */
  waitsForCompany(commands: number): boolean {
    if (commands >= this.#companyCommands) return false
    if (this.#clock.monotonic() < this.#companyUntilMs) return true
    // Many did not come back: they have something else to do.
    if (4 * commands < 3 * this.#companyCommands) this.#companySkipped = COMPANY_GROUPS_SKIPPED
    this.#companyCommands = 0
    return false
  }

  /** An fdatasync begins, for which clients wait or not. */
  syncBegins(isAwaited: boolean): void {
    const staysAwake = isAwaited && this.#syncMs < AWAKE_SYNC_MS_MAX
    this.#awakeUntilMs = staysAwake ? this.#clock.monotonic() + 2 * AWAKE_SYNC_MS_MAX : 0
  }

  /** Tells whether the loop had better turn than sleep until the fdatasync has ended. */
  get staysAwake(): boolean {
    return this.#clock.monotonic() < this.#awakeUntilMs
  }

  /** An fdatasync that clients waited for has ended; they sent so many commands, and may soon send as many again. */
  syncEnded(syncMs: number, commands: number): void {
    this.#syncMs += (syncMs - this.#syncMs) / 8
    this.#companyCommands = 0
    if (this.#syncMs < COMPANY_SYNC_MS_MIN) return
    if (this.#companySkipped > 0) {
      this.#companySkipped--
      return
    }
    this.#companyCommands = commands
    const waitMs = Math.min(Math.max(this.#syncMs / 2, COMPANY_WAIT_MS_MIN), COMPANY_WAIT_MS_MAX)
    this.#companyUntilMs = this.#clock.monotonic() + waitMs
  }
}
