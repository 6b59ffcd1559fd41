// All metrics of an engine, as the text that Prometheus reads.
//
// Scraping takes a small share of the event loop, however many clients ask: a text is reused for a
// multiple of the time that it took to make.

import { Registry } from 'prom-client'
import type { Engine } from '../commands/call.ts'
import { infoFigures } from '../commands/server/info.ts'
import type { KnownQueues } from '../monitoring/known-queues.ts'
import { performance } from '../util/time/real-time.ts'
import { addClusterMetrics } from './cluster-metrics.ts'
import { addCommandMetrics } from './command-metrics.ts'
import { addEngineMetrics } from './engine-metrics.ts'
import { addInfoMetrics, prepareInfo } from './info-metrics.ts'
import { addLogMetrics } from './log-metrics.ts'
import { MetricSources } from './metric-source.ts'
import { addObservationMetrics } from './observation-metrics.ts'
import { addQueueMetrics } from './queue-metrics.ts'
import { addReplicationMetrics } from './replication-metrics.ts'
import { RuntimeMetrics } from './runtime-metrics.ts'

/**
 * A text is reused for this many times the time it took, so scraping takes a tenth of the loop at
 * most.
 */
const REST_SHARE = 9

export class Scrape {
  readonly contentType: string
  readonly #engine: Engine
  readonly #registry = new Registry()
  readonly #runtime = new RuntimeMetrics()
  readonly #queues: KnownQueues
  #text: Promise<string> | undefined = undefined
  /** The text is reused until then (monotonic). */
  #goodUntilMs = 0
  /** How long the last text took to make. */
  #milliseconds = 0

  constructor(engine: Engine) {
    this.#engine = engine
    this.contentType = this.#registry.contentType
    const readings = new MetricSources(this.#registry)
    this.#queues = addMetrics(readings, engine, this.#runtime)
    readings.gauge(
      'respite_metrics_last_scrape_seconds',
      'How long the scrape before took.',
      () => this.#milliseconds / 1000,
    )
  }

  text(): Promise<string> {
    // The real clock: this measures work, not the time of the data.
    if (this.#text === undefined || performance.now() >= this.#goodUntilMs) this.#text = this.#make()
    return this.#text
  }

  async #make(): Promise<string> {
    const started = performance.now()
    this.#goodUntilMs = Number.POSITIVE_INFINITY
    try {
      // A scrape is not a command, so the clock's current reading may be old.
      this.#engine.environment.unitClock.renew()
      prepareInfo(infoFigures(this.#engine))
      this.#runtime.prepare()
      this.#queues.look()
      return await this.#registry.metrics()
    } finally {
      this.#runtime.scraped()
      const ended = performance.now()
      this.#milliseconds = ended - started
      this.#goodUntilMs = ended + this.#milliseconds * REST_SHARE
    }
  }

  stop(): void {
    this.#runtime.stop()
    this.#queues.stop()
  }
}

/** Registers all metrics of an engine and of the runtime; returns the walk that finds queues. */
export function addMetrics(readings: MetricSources, engine: Engine, runtime: RuntimeMetrics): KnownQueues {
  addEngineMetrics(readings, engine)
  addInfoMetrics(readings, infoFigures(engine))
  addCommandMetrics(readings, engine)
  addReplicationMetrics(readings, engine)
  addLogMetrics(readings, engine)
  addClusterMetrics(readings, engine)
  addObservationMetrics(readings, engine)
  const queues = addQueueMetrics(readings, engine)
  runtime.add(readings)
  return queues
}
