// The pace of a leader's records: whether the gathered effects become a record now, or more are
// gathered first.
//
// A record costs every log server and every broker about the same, whatever its size. So a few
// large records are better than many small ones, as long as they delay no write. This is group
// commit, as in commit-pace.ts; there it waits for a disk, here for a quorum.
//
//   nothing is in flight          a record is sent at once, so a lone writer does not wait for
//                                 others
//     but replies have just left  their clients are likely to write again, so the record waits
//                                 about as long as the log takes to answer. Otherwise the clients
//                                 of a busy leader would split into two halves that take turns
//   records are in flight         effects gather until those are acknowledged
//     and many bytes gathered     a record is sent: large volumes need several in flight
//     and the last is long ago    a record is sent: over a slow link no effect waits for a whole
//                                 round trip before it is sent
//
// When the wait was in vain, the next groups do not wait: one the first time, then two, four and so
// on.

import { assert } from '../util/assert.ts'
import { CHECKED } from '../util/invariant.ts'
import type { Clock, Timer } from '../util/time/clock.ts'

/**
 * A record of this part of the largest size is sent whatever is in flight: 128 KiB of 1 MiB, as in
 * all logs so far.
 */
const MUCH_PART = 1 / 8
/**
 * The longest time between records: longer than a nearby log takes to answer when its machines are
 * busy.
 */
const APART_MS_MAX = 20
/** The wait for further writes lasts as long as an answer takes, but no longer than this. */
const COMPANY_MS_MAX = 8
/** A few clients do not write again at once: the wait was worth it when more than this part did. */
const COMPANY_PART = 3 / 4
/** At most this many groups do not wait after a wait in vain. */
const SKIPPED_GROUPS_MAX = 16
/** The average covers about this many answers. */
const AVERAGED_ANSWERS = 16

export class RecordPace {
  readonly #clock: Clock
  readonly #muchBytes: number
  /** Called when the wait is over. */
  readonly #wake: () => void
  /** The average time the log takes to answer; undefined before the first answer. */
  #answerMs: number | undefined = undefined
  /** When the last record was sent. This and all other times are monotonic. */
  #sentMs = Number.NEGATIVE_INFINITY
  /** How many waiting commands are expected when all clients have written again. */
  #expected = 0
  /** The wait for them lasts until then. */
  #companyUntilMs = Number.NEGATIVE_INFINITY
  /** How many more groups do not wait for further writes. */
  #skipped = 0
  /** How many groups will not wait after the next wait in vain. */
  #skippedNext = 1
  #timer: Timer | undefined = undefined
  #timerDueMs = Number.POSITIVE_INFINITY

  constructor(clock: Clock, recordBytesMax: number, wake: () => void) {
    this.#clock = clock
    this.#muchBytes = recordBytesMax * MUCH_PART
    this.#wake = wake
  }

  /**
   * Tells whether the gathered effects, which must not be empty, become a record now. If not, an
   * answer will come, or `wake` is called. `waited` is the number of commands in them whose clients
   * wait.
   */
  goes(waited: number, bytes: number, isUnderWay: boolean): boolean {
    if (CHECKED) assert(bytes > 0, 'the pace is asked while effects are gathered')
    if (CHECKED) assert(waited >= 0, 'commands that wait are counted')
    const now = this.#clock.monotonic()
    const goes = bytes >= this.#muchBytes || (isUnderWay ? this.#isLongAgo(now) : this.#isWhole(waited, now))
    if (goes) this.#sentMs = now
    return goes
  }

  /**
   * Called when nothing is in flight any more. The clients of `waited` commands may soon send as
   * many again.
   */
  answered(milliseconds: number, waited: number): void {
    assert(milliseconds >= 0, 'an answer comes after its record was sent')
    const average = this.#answerMs ?? milliseconds
    this.#answerMs = average + (milliseconds - average) / AVERAGED_ANSWERS
    this.#expected = 0
    assert(this.#skipped <= SKIPPED_GROUPS_MAX, 'a bounded number of groups does not wait')
    if (this.#skipped > 0) {
      this.#skipped--
      return
    }
    this.#expected = waited
    this.#companyUntilMs = this.#clock.monotonic() + Math.min(this.#answerMs, COMPANY_MS_MAX)
  }

  /** Stops calling `wake`. */
  stop(): void {
    this.#timer?.cancel()
  }

  #isLongAgo(now: number): boolean {
    const dueMs = this.#sentMs + APART_MS_MAX
    if (now < dueMs) this.#wakeAt(dueMs)
    return now >= dueMs
  }

  #isWhole(waited: number, now: number): boolean {
    if (waited >= this.#expected) {
      if (this.#expected > 0) this.#skippedNext = 1
      return true
    }
    if (now < this.#companyUntilMs) {
      this.#wakeAt(this.#companyUntilMs)
      return false
    }
    if (waited < this.#expected * COMPANY_PART) {
      this.#skipped = this.#skippedNext
      this.#skippedNext = Math.min(2 * this.#skippedNext, SKIPPED_GROUPS_MAX)
    }
    return true
  }

  #wakeAt(dueMs: number): void {
    if (this.#timerDueMs <= dueMs) return
    this.#timer?.cancel()
    this.#timerDueMs = dueMs
    this.#timer = this.#clock.after(dueMs - this.#clock.monotonic(), () => {
      this.#timerDueMs = Number.POSITIVE_INFINITY
      this.#wake()
    })
  }
}
