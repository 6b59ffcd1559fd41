// The time of a simulated world: only scheduled events happen, in order of their times.

import type { Clock, Timer } from '../../src/util/time/clock.ts'

interface Event {
  readonly dueMs: number
  readonly order: number
  run: (() => void) | undefined
}

const DELAY_MS_MIN = 1e-6
/** The Unix time at which the world begins. */
const EPOCH_MS = 1_700_000_000_000

export class SimWorld implements Clock {
  nowMs = 0
  /** Functions that engines have put off until after this turn. */
  readonly #laters: (() => void)[] = []
  /** A binary heap, the earliest event on top. */
  readonly #events: Event[] = []
  #order = 0

  now(): number {
    return EPOCH_MS + Math.floor(this.nowMs)
  }

  monotonic(): number {
    return this.nowMs
  }

  after(delayMs: number, run: () => void): Timer {
    const event: Event = { dueMs: this.nowMs + Math.max(0, delayMs), order: this.#order++, run }
    this.#push(event)
    return {
      cancel() {
        event.run = undefined
      },
    }
  }

  later(run: () => void): void {
    this.#laters.push(run)
  }

  /** Runs all events that are due up to a moment. */
  async runTo(untilMs: number): Promise<void> {
    await this.#settle()
    while (this.#events.length > 0 && this.#events[0]!.dueMs <= untilMs) {
      const { dueMs, run } = this.#pop()
      if (run === undefined) continue
      this.nowMs = Math.max(this.nowMs, dueMs)
      run()
      await this.#settle()
    }
    this.nowMs = Math.max(this.nowMs, untilMs)
  }

  /** Waits until everything that needs no time has happened. */
  async #settle(): Promise<void> {
    do {
      for (let i = 0; i < this.#laters.length; i++) this.#laters[i]!()
      this.#laters.length = 0
      await new Promise((resolve) => setImmediate(resolve))
    } while (this.#laters.length > 0)
  }

  #push(event: Event): void {
    const events = this.#events
    let at = events.length
    events.push(event)
    while (at > 0) {
      const above = (at - 1) >> 1
      if (isBefore(events[above]!, event)) break
      events[at] = events[above]!
      at = above
    }
    events[at] = event
  }

  #pop(): Event {
    const events = this.#events
    const first = events[0]!
    const last = events.pop()!
    if (events.length === 0) return first
    let at = 0
    for (;;) {
      let below = 2 * at + 1
      if (below >= events.length) break
      if (below + 1 < events.length && isBefore(events[below + 1]!, events[below]!)) below++
      if (isBefore(last, events[below]!)) break
      events[at] = events[below]!
      at = below
    }
    events[at] = last
    return first
  }
}

function isBefore(one: Event, other: Event): boolean {
  return one.dueMs < other.dueMs || (one.dueMs === other.dueMs && one.order < other.order)
}

/**
 * The clock of one process: it may run a little fast or slow, and its timers do not run while the
 * process is paused.
 */
export class ProcessClock implements Clock {
  /** How far its wall clock is ahead. */
  wallOffsetMs = 0
  readonly #world: SimWorld
  readonly #rate: number
  #isPaused = false
  /** Since when its monotonic clock has been stopped; undefined = it runs. */
  #suspendedMs: number | undefined = undefined
  /** The total time for which it was stopped. */
  #uncountedMs = 0
  #isDead = false
  /** Timers that were due meanwhile. */
  #missed: (() => void)[] = []

  constructor(world: SimWorld, rate: number) {
    this.#world = world
    this.#rate = rate
  }

  /** Both clocks have the rate: the lease would not notice a slow one if the other were right. */
  now(): number {
    return this.#world.now() + this.#world.nowMs * (this.#rate - 1) + this.wallOffsetMs
  }

  monotonic(): number {
    return ((this.#suspendedMs ?? this.#world.nowMs) - this.#uncountedMs) * this.#rate
  }

  after(delayMs: number, run: () => void): Timer {
    let isCancelled = false
    const fire = (): void => {
      if (isCancelled || this.#isDead) return
      if (this.#isPaused) this.#missed.push(fire)
      else run()
    }
    // A rest of a delay due to rounding would let no time pass.
    const timer = this.#world.after(delayMs > 0 ? Math.max(DELAY_MS_MIN, delayMs / this.#rate) : 0, fire)
    return {
      cancel() {
        isCancelled = true
        timer.cancel()
      },
    }
  }

  pause(): void {
    this.#isPaused = true
  }

  /** Suspends its machine: the process is paused, and so is its monotonic clock. */
  suspend(): void {
    this.#isPaused = true
    this.#suspendedMs ??= this.#world.nowMs
  }

  /** Continues: missed timers run now, one after the other. */
  resume(): void {
    if (!this.#isPaused) return
    this.#isPaused = false
    if (this.#suspendedMs !== undefined) this.#uncountedMs += this.#world.nowMs - this.#suspendedMs
    this.#suspendedMs = undefined
    for (const fire of this.#missed.splice(0)) this.#world.after(0, fire)
  }

  /** The process is gone. */
  die(): void {
    this.#isDead = true
    this.#missed = []
  }
}
