// The lag of the log: the age of the oldest effects that it lacks, and whether that is too long.
//
// Replies under `everysec` and `no` do not wait for the log. If the leader dies, such acknowledged
// writes are lost as far as the log lacks them. The setting `log-max-lag` bounds their age: beyond
// it `isTooLong` holds, and further writes are refused until the log has the oldest.
//
// One timer watches the oldest effects. When it ends, others may be the oldest; then it begins anew
// for these. So an acknowledgement sets no timer.

import type { Clock, Timer } from '../util/time/clock.ts'

export class LogLag {
  /** The log lacks effects that are older than the bound. */
  isTooLong = false
  readonly #clock: Clock
  #msMax: number
  /** Some client is told of its write before the log has it. */
  #isCounted = true
  /** Returns when the oldest effects that the log lacks were appended; undefined = it has all. */
  readonly #oldestMs: () => number | undefined
  /** Called when `isTooLong` has changed by time alone, or by a setting. */
  readonly #changed: () => void
  #timer: Timer | undefined = undefined
  #isStopped = false

  constructor(clock: Clock, msMax: number, oldestMs: () => number | undefined, changed: () => void) {
    this.#clock = clock
    this.#msMax = msMax
    this.#oldestMs = oldestMs
    this.#changed = changed
  }

  /** The age of the oldest effects that the log lacks, in milliseconds; 0 = it has all. */
  get ms(): number {
    const oldestMs = this.#oldestMs()
    return oldestMs === undefined ? 0 : Math.max(0, this.#clock.monotonic() - oldestMs)
  }

  /** Sets the bound, in milliseconds; 0 = none. */
  bound(msMax: number): void {
    this.#msMax = msMax
    this.#begin()
  }

  /** Tells whether some client is told of its write before the log has it. */
  counts(isCounted: boolean): void {
    this.#isCounted = isCounted
    this.#begin()
  }

  /** Called when effects are appended while none are gathered. */
  watch(): void {
    if (this.#timer !== undefined || this.#isStopped || !this.#isBounded) return
    this.#timer = this.#clock.after(this.#msMax, () => this.#begin())
  }

  /** Looks whether the lag is too long, when the log has acknowledged effects. */
  look(): void {
    if (this.isTooLong) this.#weigh()
  }

  stop(): void {
    this.#isStopped = true
    this.#timer?.cancel()
    this.#timer = undefined
  }

  get #isBounded(): boolean {
    return this.#msMax > 0 && this.#isCounted
  }

  #begin(): void {
    const wasTooLong = this.isTooLong
    this.#weigh()
    if (this.isTooLong !== wasTooLong) this.#changed()
  }

  /** Looks now, and sets the timer for the effects that are the oldest. */
  #weigh(): void {
    if (this.#isStopped) return
    this.#timer?.cancel()
    this.#timer = undefined
    const oldestMs = this.#oldestMs()
    this.isTooLong = this.#isBounded && oldestMs !== undefined && this.ms >= this.#msMax
    if (this.#isBounded && oldestMs !== undefined && !this.isTooLong)
      this.#timer = this.#clock.after(oldestMs + this.#msMax - this.#clock.monotonic(), () => this.#begin())
  }
}
