// How often each command was called, how long its calls took, and how many errors were replied.

import type { Engine } from '../commands/call.ts'
import type { Command } from '../engine/spec/command.ts'
import { itemAt } from '../util/array-reads.ts'
import type { Distribution, Labels, MetricSources, Sample } from './metric-source.ts'

/**
 * Scripts can make up error codes: codes that do not look like Redis's are counted under this one.
 */
const OTHER_ERRORS = 'OTHER'
/**
 * The number of samples is that of the codes the engine keeps (`Stats`); each is no longer than
 * this.
 */
const ERROR_CODE = /^[A-Z][A-Z0-9_]{0,31}$/

/**
 * Bounds of LATENCY HISTOGRAM: powers of two from 1024 ns, each with the width of its bucket, in
 * whole microseconds.
 */
const LATENCY_BOUNDS_MICROSECONDS = [1, 4, 16, 66, 264, 1056, 4227, 16_908, 67_633, 270_532]

export function addCommandMetrics(readings: MetricSources, engine: Engine): void {
  const ofCommands = (name: string, help: string, read: (command: Command) => number): void =>
    readings.add({ name, help, type: 'counter', read: () => perCommand(engine, read) })
  ofCommands('redis_commands_total', 'Calls of a command.', ({ calls }) => calls)
  ofCommands(
    'redis_commands_duration_seconds_total',
    'Time spent in a command; of those that take constant time about every sixteenth call of a pipeline is timed.',
    (command) => engine.figures.times.microsecondsOf(command) / 1e6,
  )
  ofCommands(
    'redis_commands_rejected_calls_total',
    'Calls of a command that were refused before it ran.',
    ({ rejected }) => rejected,
  )
  ofCommands('redis_commands_failed_calls_total', 'Calls of a command that failed.', ({ failed }) => failed)
  readings.histogram('redis_commands_latencies_usec', 'How long calls of a command took, in microseconds.', () =>
    latencies(engine),
  )
  readings.add({
    name: 'redis_latency_percentiles_usec',
    help: 'Percentiles of how long calls of a command took, in microseconds.',
    type: 'summary',
    read: () => percentiles(engine),
  })
  readings.add({
    name: 'redis_errors_total',
    help: 'Errors that were replied, by their code.',
    type: 'counter',
    read: () => errors(engine),
  })
}

/** Commands without calls have no samples. */
function* perCommand(engine: Engine, read: (command: Command) => number): Iterable<Sample> {
  for (const command of engine.commands.used()) {
    if (command.calls === 0 && command.rejected === 0 && command.failed === 0) continue
    yield { labels: { cmd: command.name }, value: read(command) }
  }
}

/** The histograms of LATENCY HISTOGRAM, at every second bound. */
function* latencies({ commands, figures: { times } }: Engine): Iterable<readonly [Labels, Distribution]> {
  for (const command of commands.used()) {
    const histogram = times.latenciesOf(command)
    if (histogram === undefined) continue
    const { count } = histogram
    yield [
      { cmd: command.name },
      { count, sum: times.microsecondsOf(command), cumulative: () => atBounds([...histogram.cumulative()], count) },
    ]
  }
}

function* atBounds(
  steps: readonly (readonly [nanoseconds: number, count: number])[],
  all: number,
): Iterable<readonly [number, number]> {
  let at = 0
  let count = 0
  for (const bound of LATENCY_BOUNDS_MICROSECONDS) {
    for (; at < steps.length && itemAt(steps, at)[0] < (bound + 1) * 1000; at++) count = itemAt(steps, at)[1]
    yield [bound, count]
  }
  yield [Number.POSITIVE_INFINITY, all]
}

/** The percentiles of INFO latencystats. */
function* percentiles({ commands, config, figures: { times } }: Engine): Iterable<Sample> {
  if (!config.get('latency-tracking')) return
  const name = 'redis_latency_percentiles_usec'
  const percents = config.get('latency-tracking-info-percentiles')
  for (const command of commands.used()) {
    const histogram = times.latenciesOf(command)
    if (histogram === undefined) continue
    const cmd = command.name
    for (const percent of percents)
      yield { labels: { cmd, quantile: percent }, value: histogram.percentile(percent) / 1000 }
    yield { metricName: `${name}_sum`, labels: { cmd }, value: times.microsecondsOf(command) }
    yield { metricName: `${name}_count`, labels: { cmd }, value: histogram.count }
  }
}

function* errors({ figures: { stats } }: Engine): Iterable<Sample> {
  let others = 0
  for (const [code, value] of stats.errors) {
    if (ERROR_CODE.test(code) && code !== OTHER_ERRORS) yield { labels: { err: code }, value }
    else others += value
  }
  if (others > 0) yield { labels: { err: OTHER_ERRORS }, value: others }
}
