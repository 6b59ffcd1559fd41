// Pauses of the whole process, for LATENCY: the events `event-loop` and `garbage-collection`.
//
// A timer that is due every tenth of a second comes late when something held the event loop up: a slow command, garbage, a
// machine that had other work, the program around an embedded broker. Collections the runtime tells of by itself. Both are
// looked at only while `latency-monitor-threshold` is above 0.

import { PerformanceObserver } from 'node:perf_hooks'
import type { Config } from '../../config/config.ts'
import type { Clock, Timer } from '../../util/time/clock.ts'
import type { LatencyMonitor } from './latency-monitor.ts'

const INTERVAL_MS = 100

export interface LoopStallsHost {
  readonly environment: {
    readonly workClock: Clock
  }
  readonly config: Config
  readonly figures: {
    readonly latency: LatencyMonitor
  }
}

export class LoopStalls {
  readonly #host: LoopStallsHost
  #timer: Timer | undefined = undefined
  #observer: PerformanceObserver | undefined = undefined
  #dueMs = 0

  constructor(host: LoopStallsHost) {
    this.#host = host
    host.config.onChange('latency-monitor-threshold', (threshold) => this.#follow(threshold > 0))
    this.#follow(host.config.get('latency-monitor-threshold') > 0)
  }

  #follow(watched: boolean): void {
    if (!watched) {
      this.stop()
    } else if (this.#timer === undefined) {
      this.#observer = new PerformanceObserver((list) => {
        for (const { duration } of list.getEntries()) this.#host.figures.latency.note('garbage-collection', duration)
      })
      this.#observer.observe({ entryTypes: ['gc'] })
      this.#wait()
    }
  }

  #wait(): void {
    const { workClock } = this.#host.environment
    this.#dueMs = workClock.monotonic() + INTERVAL_MS
    this.#timer = workClock.after(INTERVAL_MS, this.#look)
  }

  readonly #look = (): void => {
    const { latency } = this.#host.figures
    const { workClock } = this.#host.environment
    latency.note('event-loop', workClock.monotonic() - this.#dueMs)
    this.#wait()
  }

  stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#observer?.disconnect()
    this.#observer = undefined
  }
}
