// LATENCY: what held the server up, by the kind of event, for as long as somebody wants to know.
//
// While `latency-monitor-threshold` is above 0, whoever does something that may take long tells how long it took. Of each kind
// of event the last 160 seconds in which one was too slow are kept, each with the slowest. Names of events are Redis's where
// Redis has such an event; `docs/operating.md` lists them.

import type { Config } from '../../config/config.ts'
import type { Clock } from '../../util/time/clock.ts'

/** Redis's: two lines of LATENCY GRAPH. */
const SAMPLES_MAX = 160

export type LatencyEvent =
  | 'command'
  | 'fast-command'
  | 'expire-cycle'
  | 'eviction-cycle'
  | 'aof-write'
  | 'aof-write-alone'
  | 'aof-write-pending-fsync'
  | 'aof-write-active-child'
  | 'aof-fsync-always'
  | 'snapshot-slice'
  | 'event-loop'
  | 'garbage-collection'

export interface LatencySample {
  /** Unix time. */
  readonly seconds: number
  milliseconds: number
}

/** What is kept of one kind of event. */
export class LatencySeries {
  /** The slowest ever, in milliseconds. */
  max = 0
  /** In order of time. */
  readonly samples: LatencySample[] = []

  note(seconds: number, milliseconds: number): void {
    this.max = Math.max(this.max, milliseconds)
    const last = this.samples.at(-1)
    if (last?.seconds === seconds) {
      last.milliseconds = Math.max(last.milliseconds, milliseconds)
      return
    }
    this.samples.push({ seconds, milliseconds })
    if (this.samples.length > SAMPLES_MAX) this.samples.shift()
  }
}

export interface LatencyMonitorHost {
  readonly config: Config
  readonly environment: {
    readonly clock: Clock
  }
}

export class LatencyMonitor {
  /** In the order in which each was first seen. */
  readonly events = new Map<LatencyEvent, LatencySeries>()
  readonly #clock: Clock
  #thresholdMs: number

  constructor({ environment: { clock }, config }: LatencyMonitorHost) {
    this.#clock = clock
    this.#thresholdMs = thresholdOf(config.get('latency-monitor-threshold'))
    config.onChange('latency-monitor-threshold', (threshold) => {
      this.#thresholdMs = thresholdOf(threshold)
    })
  }

  /** Milliseconds from which on an event is of interest; infinite while nothing is. */
  get thresholdMs(): number {
    return this.#thresholdMs
  }

  /** What is kept of the kind of event that somebody names; undefined = nothing. */
  seriesOf(event: string): LatencySeries | undefined {
    return this.events.get(event as LatencyEvent)
  }

  /** Notes how long something took. Events that are shorter than the threshold are not kept. */
  note(event: LatencyEvent, milliseconds: number): void {
    // Redis counts whole milliseconds.
    if (milliseconds < this.#thresholdMs) return
    let series = this.events.get(event)
    if (series === undefined) {
      series = new LatencySeries()
      this.events.set(event, series)
    }
    series.note(Math.floor(this.#clock.now() / 1000), Math.floor(milliseconds))
  }
}

function thresholdOf(setting: number): number {
  return setting === 0 ? Number.POSITIVE_INFINITY : setting
}
