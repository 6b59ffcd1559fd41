// The pace of the group commit: where a group is synced, and how long it waits for more writers
// before.
//
//   here    On this thread, as redis-server does: no thread is woken, and none has to wake this
//           one, which costs more than a quick disk takes. Chosen while every client that is served
//           would wait for the disk anyway, and while the disk is quick.
//   aside   On another thread: other clients are served meanwhile, and the next group gathers.
//
// Only syncs made here tell whether the disk is quick: the measured time of a sync aside says as
// much about this loop as about the disk. So on a slow disk a sync is made here now and then,
// seldom enough that no client notices.
//
// Without waiting, the clients of a busy server fall into two halves that take turns, and each
// fdatasync covers one half. That halves the throughput on a slow disk. So a group that is smaller
// than the one before looks once more for requests, as long as each look finds some. On a slow disk
// it also waits a moment for the clients whose replies have just left, unless that was in vain last
// time.
//
// The figures behind all this stand in docs/decisions/0042-where-a-group-is-synced.md.

import type { Served } from '../../engine/effects/journal.ts'
import { assert } from '../../util/assert.ts'
import type { Clock } from '../../util/time/clock.ts'

/**
 * The loop waits for a disk whose average sync takes no longer than this; commands often run as
 * long.
 */
const HERE_SYNC_MS_MAX = 1
/** A longer sync counts as this long: a quick disk that hesitates now and then is a quick disk. */
const HERE_SYNC_MS_COUNTED_MAX = 4 * HERE_SYNC_MS_MAX
/** The part of the time for which the loop waits at most for trials of a slow disk. */
const TRIAL_SHARE = 1 / 50
/**
 * A client that was served without waiting for the disk is likely to come again: for this long all
 * syncs are made aside.
 */
const OTHERS_MS = 100
/** Roughly how many syncs the average covers. */
const AVERAGED_SYNCS = 16
/**
 * The wait for company lasts half an fdatasync, within these bounds. For a quicker disk it does not
 * pay.
 */
const COMPANY_SYNC_MS_MIN = 1
const COMPANY_WAIT_MS_MIN = 1
const COMPANY_WAIT_MS_MAX = 2
/** Groups that do not wait after a wait that was in vain. */
const COMPANY_GROUPS_SKIPPED = 16

export class CommitPace {
  readonly #clock: Clock
  readonly #mayBeHere: boolean
  /** Runs when a group has waited long enough. */
  readonly #wake: () => void
  /** How long an fdatasync takes here and aside, on average. */
  #hereMs = Number.POSITIVE_INFINITY
  #asideMs = 0
  /** From this time on a slow disk is tried here again. All times are monotonic. */
  #trialMs = 0
  #othersUntilMs = 0
  /** How many commands a group is likely to have when all its clients have sent again. */
  #expected = 0
  /** How many commands it had at the last look. */
  #seen = 0
  /** A group waits for company until this time; 0 = it does not wait. */
  #companyUntilMs = 0
  #companySkipped = 0

  /** `mayBeHere`: the loop serves only clients of this journal. */
  constructor(clock: Clock, mayBeHere: boolean, wake: () => void) {
    this.#clock = clock
    this.#mayBeHere = mayBeHere
    this.#wake = wake
  }

  /** Is told which clients a turn serves, while some wait for syncs. */
  serves(served: Served): void {
    if (this.#mayBeHere && served === 'others') this.#othersUntilMs = this.#clock.monotonic() + OTHERS_MS
  }

  /** The thread on which the next group is to be synced. */
  get place(): 'here' | 'aside' {
    if (!this.#mayBeHere) return 'aside'
    const now = this.#clock.monotonic()
    if (now < this.#othersUntilMs) return 'aside'
    return this.#hereMs <= HERE_SYNC_MS_MAX || now >= this.#trialMs ? 'here' : 'aside'
  }

  /**
   * Tells whether a group of this many commands goes now. `looks`: ask again at once, when the loop
   * has looked for more requests. `waits`: `wake` is called when to ask again.
   */
  verdict(commands: number): 'goes' | 'looks' | 'waits' {
    if (commands >= this.#expected) return this.#goes(commands)
    if (commands > this.#seen) {
      this.#seen = commands
      return 'looks'
    }
    if (this.#companyUntilMs === 0) return this.#goes(commands)
    if (this.#clock.monotonic() < this.#companyUntilMs) return 'waits'
    // Many clients did not come back: they have something else to do.
    if (4 * commands < 3 * this.#expected) this.#companySkipped = COMPANY_GROUPS_SKIPPED
    return this.#goes(commands)
  }

  #goes(commands: number): 'goes' {
    // A client that stays away is not expected for long.
    this.#expected = Math.max(commands, this.#expected - (this.#expected >> 3) - 1)
    this.#seen = 0
    this.#companyUntilMs = 0
    return 'goes'
  }

  /** A group was synced here. */
  syncedHere(milliseconds: number): void {
    assert(this.#mayBeHere, 'the loop waits for the disk only where it serves no other clients')
    const counted = Math.min(milliseconds, HERE_SYNC_MS_COUNTED_MAX)
    this.#hereMs = this.#hereMs === Number.POSITIVE_INFINITY ? counted : averaged(this.#hereMs, counted)
    this.#trialMs = this.#clock.monotonic() + milliseconds / TRIAL_SHARE
  }

  /**
   * An fdatasync aside that clients waited for has ended. They had sent this many commands, and may
   * soon send as many again.
   */
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
      // A timer may run up to a millisecond early. There is no second look, so the wait is over
      // now.
      const now = this.#clock.monotonic()
      if (this.#companyUntilMs === untilMs && now < untilMs) this.#companyUntilMs = now
      this.#wake()
    })
  }
}

function averaged(average: number, milliseconds: number): number {
  return average + (milliseconds - average) / AVERAGED_SYNCS
}
