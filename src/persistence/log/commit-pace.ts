// The pace of the group commit: where a group is synced, and how long it waits for more writers before.
//
//   here    on this thread, as redis-server does: no thread is woken, and none has to wake this one, which costs more
//           than a quick disk takes. Chosen while nobody is served who would not wait for the disk anyway, and while the disk is quick.
//   aside   on another thread: others are served meanwhile, and the next group gathers.
//
// Whether the disk is quick is known from syncs made here alone: how long one aside seems to take says as much about this loop
// as about the disk. So on a slow disk one is made here now and then, seldom enough that nobody notices.
//
// Without waiting, the clients of a busy server fall into two halves that take
// turns, each fdatasync covering one of them: half the throughput where the disk is
// slow. So a group that is smaller than the one before looks once more who has sent
// something, as long as each look finds somebody; and on a slow disk it waits a moment for those whose replies have just left,
// unless that was in vain the last time.
//
// The figures behind all this stand in docs/decisions/0042-where-a-group-is-synced.md.

import type { Served } from '../../engine/effects/journal.ts'
import type { Clock } from '../../util/time/clock.ts'

/** The loop waits for a disk that syncs in less, on average; a command that runs for as long is nothing unusual. */
const HERE_SYNC_MS_MAX = 1
/** As so long counts a sync that took longer: a quick disk that hesitates now and then is a quick disk. */
const HERE_SYNC_MS_COUNTED_MAX = 4 * HERE_SYNC_MS_MAX
/** A slower disk is tried here this seldom: the loop waits for it at most this part of the time. */
const TRIAL_SHARE = 1 / 50
/** Whoever was served without waiting for the disk is likely to come again: for so long all syncs are made aside. */
const OTHERS_MS = 100
/** Syncs of which the average is made, roughly. */
const AVERAGED_SYNCS = 16
/** Waiting for company lasts half an fdatasync, within these bounds; where that takes less it does not pay. */
const COMPANY_SYNC_MS_MIN = 1
const COMPANY_WAIT_MS_MIN = 1
const COMPANY_WAIT_MS_MAX = 2
/** Groups that are not made to wait after waiting was in vain. */
const COMPANY_GROUPS_SKIPPED = 16

export class CommitPace {
  readonly #clock: Clock
  readonly #mayBeHere: boolean
  /** Runs when a group has waited long enough. */
  readonly #wake: () => void
  /** How long an fdatasync takes here and aside, averaged. */
  #hereMs = Number.POSITIVE_INFINITY
  #asideMs = 0
  /** A slow disk is tried here again from then on (monotonic), as all other times. */
  #trialMs = 0
  #othersUntilMs = 0
  /** How many commands a group is likely to have when everybody has come back. */
  #expected = 0
  /** How many it had at the last look. */
  #seen = 0
  /** Until then a group waits for company; 0 = it does not. */
  #companyUntilMs = 0
  #companySkipped = 0

  /** `mayBeHere`: the loop serves nobody but clients of this journal. */
  constructor(clock: Clock, mayBeHere: boolean, wake: () => void) {
    this.#clock = clock
    this.#mayBeHere = mayBeHere
    this.#wake = wake
  }

  /** Hears of everybody whom a turn serves, where some wait for syncs. */
  serves(served: Served): void {
    if (this.#mayBeHere && served === 'others') this.#othersUntilMs = this.#clock.monotonic() + OTHERS_MS
  }

  /** Where the next group is to be synced. */
  get place(): 'here' | 'aside' {
    if (!this.#mayBeHere) return 'aside'
    const now = this.#clock.monotonic()
    if (now < this.#othersUntilMs) return 'aside'
    return this.#hereMs <= HERE_SYNC_MS_MAX || now >= this.#trialMs ? 'here' : 'aside'
  }

  /**
   * Tells whether a group of so many commands goes now; or is to be asked about again at once, when the loop has looked who has
   * sent something; or when `wake` is called.
   */
  verdict(commands: number): 'goes' | 'looks' | 'waits' {
    if (commands >= this.#expected) return this.#goes(commands)
    if (commands > this.#seen) {
      this.#seen = commands
      return 'looks'
    }
    if (this.#companyUntilMs === 0) return this.#goes(commands)
    if (this.#clock.monotonic() < this.#companyUntilMs) return 'waits'
    // Many did not come back: they have something else to do.
    if (4 * commands < 3 * this.#expected) this.#companySkipped = COMPANY_GROUPS_SKIPPED
    return this.#goes(commands)
  }

  #goes(commands: number): 'goes' {
    // One who stays away is not expected for long.
    this.#expected = Math.max(commands, this.#expected - (this.#expected >> 3) - 1)
    this.#seen = 0
    this.#companyUntilMs = 0
    return 'goes'
  }

  /** A group was synced here. */
  syncedHere(milliseconds: number): void {
    const counted = Math.min(milliseconds, HERE_SYNC_MS_COUNTED_MAX)
    this.#hereMs = this.#hereMs === Number.POSITIVE_INFINITY ? counted : averaged(this.#hereMs, counted)
    this.#trialMs = this.#clock.monotonic() + milliseconds / TRIAL_SHARE
  }

  /** An fdatasync aside that clients waited for has ended; they sent so many commands, and may soon send as many again. */
  syncedAside(milliseconds: number, commands: number): void {
    this.#asideMs = averaged(this.#asideMs, milliseconds)
    this.#expected = commands
    this.#seen = 0
    if (this.#asideMs < COMPANY_SYNC_MS_MIN) return
    if (this.#companySkipped > 0) {
      this.#companySkipped--
      this.#expected = 0
      return
    }
    const waitMs = Math.min(Math.max(this.#asideMs / 2, COMPANY_WAIT_MS_MIN), COMPANY_WAIT_MS_MAX)
    const untilMs = this.#clock.monotonic() + waitMs
    this.#companyUntilMs = untilMs
    this.#clock.after(waitMs, () => {
      // A timer may run up to a millisecond early. Nobody looks a second time, so the wait is over now.
      const now = this.#clock.monotonic()
      if (this.#companyUntilMs === untilMs && now < untilMs) this.#companyUntilMs = now
      this.#wake()
    })
  }
}

function averaged(average: number, milliseconds: number): number {
  return average + (milliseconds - average) / AVERAGED_SYNCS
}
