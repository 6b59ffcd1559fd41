// A clock that a test controls: it stands still until the test moves it, and then goes from one due
// timer to the next.
//
//   advance ─▶ quiet? ─▶ the next timer up to there: its moment, its work ─▶ quiet?
//           ─▶ … ─▶ the moment asked for
//
// A timer may have consequences. The engine takes turns, the disk syncs writes whose replies wait,
// and clients in this process hear of it and act. The clock is quiet when all these are over, and
// moves on only then. So a client acts at the moment of the timer that it heard of, and advancing
// by a and then by b equals advancing by a + b.
//
// A timer that is due at the present moment is not held back: it runs soon, without `advance`.

import { OptionError } from '../option-error.ts'
import type { Clock, Timer } from './clock.ts'
import { type Duration, durationOf } from './duration.ts'
import { dateNow, setImmediate } from './real-time.ts'

/** A moment: a Date, Unix time in milliseconds, or text that `Date` understands. */
export type PointInTime = Date | number | string

/** A clock that stands still until it is moved. One may serve several brokers and servers. */
export interface TestClock {
  /** Unix time in milliseconds, as `Date.now()`. */
  now(): number
  /**
   * Advances the clock by a duration. All due timers run at their own time, in order. Fulfilled
   * when all have run.
   */
  advance(duration: Duration): Promise<void>
  /** Like `advance`, up to a moment that is not in the past. */
  advanceTo(moment: PointInTime): Promise<void>
  /**
   * Jumps to a moment, as when a machine's clock is set: timers that fall due run late, at the new
   * time. May go back.
   */
  set(moment: PointInTime): Promise<void>
}

/**
 * The clock is quiet after this many turns of the loop without work. A client in this process that
 * uses a socket hears a reply in the first turn, and its next request arrives in the second.
 */
const QUIET_TURNS = 3
/** Timers without consequences that run before the loop turns once. */
const TIMERS_AT_A_STRETCH = 1000

interface Pending extends Timer {
  readonly dueMs: number
  readonly run: () => void
}

export class HeldClock implements Clock, TestClock {
  readonly #startMs: number
  #nowMs: number
  /** In the order in which they are due; timers of one moment in the order of their creation. */
  #pending: Pending[] = []
  /** Functions put off to the end of a turn that have not run yet. */
  #outstanding = 0
  readonly #waits: (() => boolean)[] = []
  #runsSoon = false
  /** Moves run one after the other. */
  #moved: Promise<void> = Promise.resolve()

  constructor(startMs: number) {
    this.#startMs = startMs
    this.#nowMs = startMs
  }

  // ── Clock ────────────────────────────────────────────────────────────────

  now(): number {
    return this.#nowMs
  }

  monotonic(): number {
    return this.#nowMs - this.#startMs
  }

  after(delayMs: number, run: () => void): Timer {
    const pending: Pending = {
      dueMs: this.#nowMs + Math.max(0, delayMs),
      run,
      cancel: () => {
        const at = this.#pending.indexOf(pending)
        if (at >= 0) this.#pending.splice(at, 1)
      },
    }
    const at = this.#pending.findLastIndex(({ dueMs }) => dueMs <= pending.dueMs) + 1
    this.#pending.splice(at, 0, pending)
    if (delayMs <= 0) this.#runSoon()
    return pending
  }

  // ── what it waits for ────────────────────────────────────────────────────

  /** Runs a function after the events of this turn of the loop. Time does not move before. */
  readonly later = (run: () => void): void => {
    this.#outstanding++
    setImmediate(() => {
      this.#outstanding--
      run()
    })
  }

  /** Does not move time while `isBusy` returns true. */
  waitFor(isBusy: () => boolean): void {
    this.#waits.push(isBusy)
  }

  // ── TestClock ────────────────────────────────────────────────────────────

  advance(duration: Duration): Promise<void> {
    const ms = durationOf(duration, 'advance')
    return this.#move(() => this.#advanceTo(this.#nowMs + ms))
  }

  advanceTo(moment: PointInTime): Promise<void> {
    const untilMs = momentMs(moment)
    return this.#move(() => {
      if (untilMs < this.#nowMs) throw new OptionError('a clock does not advance into the past: use set()')
      return this.#advanceTo(untilMs)
    })
  }

  set(moment: PointInTime): Promise<void> {
    const ms = momentMs(moment)
    return this.#move(async () => {
      await this.#quiet()
      this.#nowMs = ms
      await this.#advanceTo(ms)
    })
  }

  #move(move: () => Promise<void>): Promise<void> {
    const moved = this.#moved.then(move)
    // The caller gets the error; the next move runs all the same.
    this.#moved = moved.catch(() => undefined)
    return moved
  }

  async #advanceTo(untilMs: number): Promise<void> {
    await this.#quiet()
    for (let ran = 1; this.#runNext(untilMs); ran++) {
      if (this.#isBusy || ran % TIMERS_AT_A_STRETCH === 0) await this.#quiet()
    }
    this.#nowMs = untilMs
    await this.#quiet()
  }

  /**
   * Runs the next timer that is due by `untilMs`, at its own moment or, if that has passed, now.
   * False when there is none.
   */
  #runNext(untilMs: number): boolean {
    const next = this.#pending[0]
    if (next === undefined || next.dueMs > untilMs) return false
    this.#pending.shift()
    this.#nowMs = Math.max(this.#nowMs, next.dueMs)
    next.run()
    return true
  }

  #runSoon(): void {
    if (this.#runsSoon) return
    this.#runsSoon = true
    this.later(() => {
      this.#runsSoon = false
      // One at a time, as when time moves: the consequences of one end before the next begins.
      if (this.#runNext(this.#nowMs) && (this.#pending[0]?.dueMs ?? Number.POSITIVE_INFINITY) <= this.#nowMs)
        this.#runSoon()
    })
  }

  get #isBusy(): boolean {
    return this.#outstanding > 0 || this.#waits.some((isBusy) => isBusy())
  }

  async #quiet(): Promise<void> {
    for (let quiet = 0; quiet < QUIET_TURNS; quiet = this.#isBusy ? 0 : quiet + 1) {
      await new Promise<void>((resolve) => void setImmediate(resolve))
    }
  }
}

/**
 * Makes a clock that stands still, at the present moment or at `start`. Throws OptionError if that
 * is not a moment.
 */
export function testClock(start: PointInTime = dateNow()): TestClock {
  return new HeldClock(momentMs(start))
}

function momentMs(moment: PointInTime): number {
  const ms = typeof moment === 'number' ? moment : new Date(moment).getTime()
  if (!Number.isFinite(ms) || ms < 0)
    throw new OptionError('a moment is a Date, Unix time in milliseconds, or text such as 2030-01-01')
  return ms
}
