// The state of the runtime: delay of the event loop, garbage collection, heap. The names are those
// of prom-client's own metrics, so that dashboards for Node fit. prom-client's own would visit
// every open socket at each scrape.

import { constants, type IntervalHistogram, monitorEventLoopDelay, PerformanceObserver } from 'node:perf_hooks'
import { DurationCounts } from '../util/time/duration-counts.ts'
import { dateNow } from '../util/time/real-time.ts'
import type { MetricSources } from './metric-source.ts'

/** The resolution of the loop's delay: 50 samples a second have no measurable cost. */
const DELAY_RESOLUTION_MS = 20

const COLLECTIONS: Readonly<Record<number, string>> = {
  [constants.NODE_PERFORMANCE_GC_MINOR]: 'minor',
  [constants.NODE_PERFORMANCE_GC_MAJOR]: 'major',
  [constants.NODE_PERFORMANCE_GC_INCREMENTAL]: 'incremental',
  [constants.NODE_PERFORMANCE_GC_WEAKCB]: 'weakcb',
}

interface CollectionEntry {
  /** In milliseconds. */
  readonly duration: number
  readonly detail: { readonly kind: number }
}

export class RuntimeMetrics {
  readonly #delay: IntervalHistogram
  readonly #observer: PerformanceObserver
  /** Kind of collection → its durations. */
  readonly #collections = new Map<string, DurationCounts>()
  #memory = process.memoryUsage()
  #cpu = process.cpuUsage()

  constructor() {
    this.#delay = monitorEventLoopDelay({ resolution: DELAY_RESOLUTION_MS })
    this.#delay.enable()
    for (const kind of Object.values(COLLECTIONS)) this.#collections.set(kind, new DurationCounts())
    this.#observer = new PerformanceObserver((list) => {
      // The type lacks the kind.
      for (const { detail, duration } of list.getEntries() as unknown as readonly CollectionEntry[]) {
        const kind = COLLECTIONS[detail.kind]
        if (kind !== undefined) this.#collections.get(kind)!.note(duration / 1000)
      }
    })
    this.#observer.observe({ entryTypes: ['gc'] })
  }

  add(readings: MetricSources): void {
    this.#addDelay(readings)
    readings.histogram('nodejs_gc_duration_seconds', 'How long garbage collections took, by their kind.', () =>
      [...this.#collections].map(([kind, durations]) => [{ kind }, durations] as const),
    )
    const ofMemory = (name: string, help: string, field: 'rss' | 'heapTotal' | 'heapUsed' | 'external'): void =>
      readings.gauge(name, help, () => this.#memory[field])
    ofMemory('process_resident_memory_bytes', 'Resident memory of the process.', 'rss')
    ofMemory('nodejs_heap_size_total_bytes', "Size of the runtime's heap.", 'heapTotal')
    ofMemory('nodejs_heap_size_used_bytes', "Used part of the runtime's heap.", 'heapUsed')
    ofMemory('nodejs_external_memory_bytes', 'Memory of buffers, in which the data lies.', 'external')
    readings.counter('process_cpu_user_seconds_total', 'CPU time spent in the program.', () => this.#cpu.user / 1e6)
    readings.counter('process_cpu_system_seconds_total', 'CPU time spent in the system.', () => this.#cpu.system / 1e6)
    readings.counter('process_cpu_seconds_total', 'CPU time spent.', () => (this.#cpu.user + this.#cpu.system) / 1e6)
    const startedSeconds = Math.round(dateNow() / 1000 - process.uptime())
    readings.gauge('process_start_time_seconds', 'Unix time of the start of the process.', () => startedSeconds)
  }

  #addDelay(readings: MetricSources): void {
    const ofDelay = (name: string, help: string, read: (delay: IntervalHistogram) => number): void =>
      readings.gauge(name, `Delay of the event loop since the scrape before: ${help}.`, () => {
        const seconds = Math.max(0, read(this.#delay) / 1e9 - DELAY_RESOLUTION_MS / 1000)
        // Without samples the lowest and highest value have no meaning.
        return this.#delay.count === 0 || Number.isNaN(seconds) ? 0 : seconds
      })
    ofDelay('nodejs_eventloop_lag_mean_seconds', 'average', ({ mean }) => mean)
    ofDelay('nodejs_eventloop_lag_max_seconds', 'longest', ({ max }) => max)
    ofDelay('nodejs_eventloop_lag_p50_seconds', 'median', (delay) => delay.percentile(50))
    ofDelay('nodejs_eventloop_lag_p90_seconds', '90th percentile', (delay) => delay.percentile(90))
    ofDelay('nodejs_eventloop_lag_p99_seconds', '99th percentile', (delay) => delay.percentile(99))
  }

  /** Asks the system; call it before each scrape. */
  prepare(): void {
    this.#memory = process.memoryUsage()
    this.#cpu = process.cpuUsage()
  }

  /** The next scrape reports the delays from now on. */
  scraped(): void {
    this.#delay.reset()
  }

  stop(): void {
    this.#delay.disable()
    this.#observer.disconnect()
  }
}
