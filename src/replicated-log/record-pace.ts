// The pace of a leader's records: whether what has gathered becomes a record now, or gathers on.
//
// A record costs every log server and every broker about the same, whatever it holds. So a few large records are better than many small ones,
// as long as no write takes longer because of that. This is group commit, as in commit-pace.ts; there a disk is waited for, here a quorum.
//
//   nothing is under way          a record goes at once, so a lone writer waits for nobody
//     but answers have just left  whoever got one is likely to write again, so it waits about as long as the log takes to answer.
//                                 If it did not, the clients of a busy leader would fall into two halves that take turns
//   records are under way         effects gather until those are answered
//     and much has gathered       a record goes: large volumes need several under way
//     and the last went long ago  a record goes: over a slow link nobody waits for a whole answer before being sent
//
// When it has waited and nobody came, the next groups do not wait: one the first time, then two, four and so on.

import type { Clock, Timer } from '../util/time/clock.ts'

/** This part of the largest record goes whatever is under way: 128 KiB where that is 1 MiB, as in all logs so far. */
const MUCH_PART = 1 / 8
/** Records follow one another after so long at the latest: longer than a log near by takes to answer when its machines are busy. */
const APART_MS_MAX = 20
/** Company is waited for as long as an answer takes, and no longer than this. */
const COMPANY_MS_MAX = 8
/** Of so many clients some stay away now and then: where more than this part came, waiting was not in vain. */
const COMPANY_PART = 3 / 4
/** So many groups at most do not wait after waiting was in vain. */
const SKIPPED_GROUPS_MAX = 16
/** Answers of which the average is made, roughly. */
const AVERAGED_ANSWERS = 16

export class RecordPace {
  readonly #clock: Clock
  readonly #muchBytes: number
  /** Runs when what gathers has gathered long enough. */
  readonly #wake: () => void
  /** How long the log takes to answer, averaged; undefined = it has not answered yet. */
  #answerMs: number | undefined = undefined
  /** When the last record was sent (monotonic), as all other times. */
  #sentMs = Number.NEGATIVE_INFINITY
  /** How many commands are likely to be waited for when everybody has come back. */
  #expected = 0
  /** For so long it waits for them. */
  #companyUntilMs = Number.NEGATIVE_INFINITY
  /** So many groups more do not wait for company. */
  #skipped = 0
  /** As many do not when the next wait is in vain. */
  #skippedNext = 1
  #timer: Timer | undefined = undefined
  #timerDueMs = Number.POSITIVE_INFINITY

  constructor(clock: Clock, recordBytesMax: number, wake: () => void) {
    this.#clock = clock
    this.#muchBytes = recordBytesMax * MUCH_PART
    this.#wake = wake
  }

  /**
   * Tells whether what has gathered, which is something, becomes a record now. If not, an answer will come, or `wake` is called. `waited`: so many
   * commands of it are waited for.
   */
  goes(waited: number, bytes: number, isUnderWay: boolean): boolean {
    const now = this.#clock.monotonic()
    const goes = bytes >= this.#muchBytes || (isUnderWay ? this.#isLongAgo(now) : this.#isWhole(waited, now))
    if (goes) this.#sentMs = now
    return goes
  }

  /** Nothing is under way any more. Those who waited, or wait, for so many commands may soon send as many again. */
  answered(milliseconds: number, waited: number): void {
    const average = this.#answerMs ?? milliseconds
    this.#answerMs = average + (milliseconds - average) / AVERAGED_ANSWERS
    this.#expected = 0
    if (this.#skipped > 0) {
      this.#skipped--
      return
    }
    this.#expected = waited
    this.#companyUntilMs = this.#clock.monotonic() + Math.min(this.#answerMs, COMPANY_MS_MAX)
  }

  /** Calls `wake` no more. */
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
