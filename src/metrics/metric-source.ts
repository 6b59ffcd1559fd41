// A metric is read when it is scraped: the engine keeps its own counts, and nothing is counted
// twice.
//
// prom-client's own counters and histograms must be told of each event. Its registry accepts any
// object with `get`, and writes it in Prometheus' format, with labels escaped.

import type { Metric, Registry } from 'prom-client'

export type Labels = Readonly<Record<string, string | number>>

/** The contents of a histogram. */
export interface Distribution {
  readonly count: number
  readonly sum: number
  /** Upper bounds, each with the number of values at or below it; the last bound is Infinity. */
  cumulative(): Iterable<readonly [bound: number, count: number]>
}

/** One line of a scrape. */
export interface Sample {
  readonly value: number
  readonly labels?: Labels
  /**
   * Set when it differs from the metric's name: the lines of a histogram have names of their own.
   */
  readonly metricName?: string
}

export interface MetricSource {
  readonly name: string
  readonly type: 'counter' | 'gauge' | 'histogram' | 'summary'
  readonly help: string
  read(): Iterable<Sample>
}

/** Registers a group of metrics. */
export class MetricSources {
  readonly #registry: Pick<Registry, 'registerMetric'>

  constructor(registry: Pick<Registry, 'registerMetric'>) {
    this.#registry = registry
  }

  /** A number that goes up and down; undefined = there is none at present. */
  gauge(name: string, help: string, read: () => number | undefined): void {
    this.add({ name, help, type: 'gauge', read: () => single(read()) })
  }

  /** A number that only grows. */
  counter(name: string, help: string, read: () => number | undefined): void {
    this.add({ name, help, type: 'counter', read: () => single(read()) })
  }

  /** Distributions, by labels. */
  histogram(name: string, help: string, read: () => Iterable<readonly [Labels, Distribution]>): void {
    this.add({ name, help, type: 'histogram', read: () => histogramSamples(name, read()) })
  }

  add({ name, help, type, read }: MetricSource): void {
    const get = () => Promise.resolve({ name, help, type, values: [...read()], aggregator: 'sum' })
    this.#registry.registerMetric({ name, get } as unknown as Metric)
  }
}

function single(value: number | undefined): Sample[] {
  return value === undefined ? [] : [{ value }]
}

function* histogramSamples(name: string, all: Iterable<readonly [Labels, Distribution]>): Iterable<Sample> {
  for (const [labels, durations] of all) {
    for (const [bound, value] of durations.cumulative()) {
      const le = bound === Number.POSITIVE_INFINITY ? '+Inf' : bound
      yield { metricName: `${name}_bucket`, labels: { ...labels, le }, value }
    }
    yield { metricName: `${name}_sum`, labels, value: durations.sum }
    yield { metricName: `${name}_count`, labels, value: durations.count }
  }
}
