// LATENCY: events that kept the server busy, by kind, while the settings ask for them.
//
// While `latency-monitor-threshold` is above 0, each part that does long work reports its duration.
// For each kind of event the last 160 seconds with a slow event are kept, each with its slowest.
// Names of events are Redis's where Redis has such an event; `docs/operating.md` lists them.

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

/** The samples of one kind of event. */
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

export class LatencyMonitor {
  /** In order of first occurrence. */
  readonly events = new Map<LatencyEvent, LatencySeries>()
  readonly #clock: Clock
  #thresholdMs: number

  constructor(config: Config, clock: Clock) {
    this.#clock = clock
    this.#thresholdMs = thresholdOf(config.get('latency-monitor-threshold'))
    config.onChange('latency-monitor-threshold', (threshold) => {
      this.#thresholdMs = thresholdOf(threshold)
    })
  }

  /** The least duration of a slow event in ms; infinite while the settings ask for none. */
  get thresholdMs(): number {
    return this.#thresholdMs
  }

  /** Returns the samples of a kind of event; undefined = there are none. */
  seriesOf(event: string): LatencySeries | undefined {
    return this.events.get(event as LatencyEvent)
  }

  /** Notes the duration of an event. Events shorter than the threshold are not kept. */
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
