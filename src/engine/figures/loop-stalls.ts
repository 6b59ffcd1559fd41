// Stalls of the whole process, for LATENCY: the events `event-loop` and `garbage-collection`.
//
// A timer that is due every tenth of a second fires late when something held the loop up. The cause
// may be a slow command, a collection, other programs of the machine, or the program around an
// embedded broker. The runtime itself reports collections. Both are observed only while
// `latency-monitor-threshold` is above 0.

import { PerformanceObserver } from 'node:perf_hooks'
import type { Config } from '../../config/config.ts'
import type { Clock, Timer } from '../../util/time/clock.ts'
import type { LatencyMonitor } from './latency-monitor.ts'

const INTERVAL_MS = 100

export class LoopStalls {
  readonly #workClock: Clock
  readonly #latency: LatencyMonitor
  #timer: Timer | undefined = undefined
  #observer: PerformanceObserver | undefined = undefined
  #dueMs = 0

  constructor(config: Config, workClock: Clock, latency: LatencyMonitor) {
    this.#workClock = workClock
    this.#latency = latency
    config.onChange('latency-monitor-threshold', (threshold) => this.#follow(threshold > 0))
    this.#follow(config.get('latency-monitor-threshold') > 0)
  }

  #follow(watched: boolean): void {
    if (!watched) {
      this.stop()
    } else if (this.#timer === undefined) {
      this.#observer = new PerformanceObserver((list) => {
        for (const { duration } of list.getEntries()) this.#latency.note('garbage-collection', duration)
      })
      this.#observer.observe({ entryTypes: ['gc'] })
      this.#wait()
    }
  }

  #wait(): void {
    this.#dueMs = this.#workClock.monotonic() + INTERVAL_MS
    this.#timer = this.#workClock.after(INTERVAL_MS, this.#look)
  }

  readonly #look = (): void => {
    this.#latency.note('event-loop', this.#workClock.monotonic() - this.#dueMs)
    this.#wait()
  }

  stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#observer?.disconnect()
    this.#observer = undefined
  }
}
