// Time as the engine sees it: handed in, so that a test controls it (invariant 2).

import { clearTimeout, dateNow, performance, setTimeout } from './real-time.ts'

/** A timer that can be cancelled. */
export interface Timer {
  cancel(): void
}

export interface Clock {
  /** Unix time in milliseconds, fractions allowed. */
  now(): number
  /** Milliseconds since an arbitrary beginning, never going back; for durations. */
  monotonic(): number
  /** Calls `run` once, `delayMs` from now. A waiting timer does not keep the process alive. */
  after(delayMs: number, run: () => void): Timer
}

/** The machine's own clock. Every engine of the process shares it, so it cannot be changed. */
export const systemClock: Clock = Object.freeze({
  now: dateNow,
  monotonic: () => performance.now(),
  after(delayMs: number, run: () => void) {
    const timer = setTimeout(run, Math.min(delayMs, 0x7fffffff))
    timer.unref()
    return { cancel: () => clearTimeout(timer) }
  },
})
