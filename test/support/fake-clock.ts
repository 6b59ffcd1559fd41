// Time that a test owns: nothing passes until `advance`.

import type { Clock, Timer } from '../../src/util/time/clock.ts'

interface Pending {
  dueMs: number
  run: () => void
  order: number
}

export class FakeClock implements Clock {
  #nowMs: number
  #startMs: number
  #pending: Pending[] = []
  #order = 0

  constructor(startMs = 1_700_000_000_000) {
    this.#nowMs = startMs
    this.#startMs = startMs
  }

  now(): number {
    return this.#nowMs
  }

  monotonic(): number {
    return this.#nowMs - this.#startMs
  }

  after(delayMs: number, run: () => void): Timer {
    const pending = { dueMs: this.#nowMs + delayMs, run, order: this.#order++ }
    this.#pending.push(pending)
    return {
      cancel: () => {
        this.#pending = this.#pending.filter((p) => p !== pending)
      },
    }
  }

  /** Lets time pass; timers fire in order, each seeing its own moment. */
  advance(ms: number): void {
    const end = this.#nowMs + ms
    while (true) {
      const due = this.#pending.filter((p) => p.dueMs <= end).sort((a, b) => a.dueMs - b.dueMs || a.order - b.order)[0]
      if (due === undefined) break
      this.#pending = this.#pending.filter((p) => p !== due)
      this.#nowMs = Math.max(this.#nowMs, due.dueMs)
      due.run()
    }
    this.#nowMs = end
  }

  get timers(): number {
    return this.#pending.length
  }
}
