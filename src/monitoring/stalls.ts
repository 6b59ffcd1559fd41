// The last stalls of the loop, which kept all clients waiting, with their causes.
//
// A timer that fires late tells of a stall. Its cause is the slowest command that the slow log has
// got meanwhile, or a garbage collection, or work by the clock. Any other cause lies outside of the
// broker: other programs on the machine, or the program around an embedded broker.

import { PerformanceObserver } from 'node:perf_hooks'
import type { Engine } from '../commands/call.ts'
import type { Timer } from '../util/time/clock.ts'

export const STALL_MS_MIN = 50
const INTERVAL_MS = 100
const STALLS_MAX = 128
/** Entries of the slow log that are looked at. */
const LOOKED_AT_MAX = 32
/** A part of a stall that explains it. */
const MAIN_SHARE = 0.5

export interface Stall {
  /** Unix milliseconds of its end. */
  readonly at: number
  readonly ms: number
  readonly cause: 'command' | 'garbage-collection' | 'upkeep' | 'unknown'
  /** The name of a command. */
  readonly what: string | null
  readonly details: string | null
}

export class Stalls {
  readonly #engine: Engine
  readonly #observer: PerformanceObserver
  /** The newest last. */
  readonly #stalls: Stall[] = []
  #timer: Timer | undefined = undefined
  #dueMs = 0
  #collectionMs = 0
  #upkeepMs: number
  #slowId: number

  constructor(engine: Engine) {
    this.#engine = engine
    this.#upkeepMs = engine.figures.stats.upkeepMs
    this.#slowId = newestId(engine)
    this.#observer = new PerformanceObserver((list) => {
      for (const { duration } of list.getEntries()) this.#collectionMs += duration
    })
    this.#observer.observe({ entryTypes: ['gc'] })
    this.#wait()
  }

  /** The stalls, the newest first. */
  get newest(): readonly Stall[] {
    return this.#stalls.toReversed()
  }

  stop(): void {
    this.#timer?.cancel()
    this.#observer.disconnect()
  }

  #wait(): void {
    const { workClock } = this.#engine.environment
    this.#dueMs = workClock.monotonic() + INTERVAL_MS
    this.#timer = workClock.after(INTERVAL_MS, () => {
      const ms = workClock.monotonic() - this.#dueMs
      if (ms >= STALL_MS_MIN) this.#note(Math.round(ms))
      this.#collectionMs = 0
      this.#upkeepMs = this.#engine.figures.stats.upkeepMs
      this.#slowId = newestId(this.#engine)
      this.#wait()
    })
  }

  #note(ms: number): void {
    const at = Math.round(this.#engine.environment.clock.now())
    this.#stalls.push({ at, ms, ...this.#causeOf(ms) })
    if (this.#stalls.length > STALLS_MAX) this.#stalls.shift()
  }

  #causeOf(ms: number): Pick<Stall, 'cause' | 'details' | 'what'> {
    const { figures } = this.#engine
    const run = figures.slowLog.newest(LOOKED_AT_MAX).filter(({ id }) => id > this.#slowId)
    const slowest = run.toSorted((a, b) => b.microseconds - a.microseconds)[0]
    if (slowest !== undefined && slowest.microseconds / 1000 >= ms * MAIN_SHARE) {
      const [what = '', ...words] = slowest.words.map((word) => Buffer.from(word, 'latin1').toString('utf8'))
      return { cause: 'command', what: what.toUpperCase(), details: words.join(' ') }
    }
    if (this.#collectionMs >= ms * MAIN_SHARE) return { cause: 'garbage-collection', what: null, details: null }
    if (figures.stats.upkeepMs - this.#upkeepMs >= ms * MAIN_SHARE)
      return { cause: 'upkeep', what: null, details: null }
    return { cause: 'unknown', what: null, details: null }
  }
}

function newestId({ figures: { slowLog } }: Engine): number {
  return slowLog.newest(1)[0]?.id ?? -1
}
