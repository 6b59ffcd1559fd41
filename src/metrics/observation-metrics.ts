// What the server noted for its operator: slow commands, latency spikes, and the settings that
// redis_exporter shows.

import type { Engine } from '../commands/call.ts'
import type { MetricSources, Sample } from './metric-source.ts'

export function addObservationMetrics(readings: MetricSources, engine: Engine): void {
  const { slowLog } = engine.figures
  readings.gauge('redis_slowlog_length', 'Entries of the slow log.', () => slowLog.length)
  readings.gauge(
    'redis_slowlog_last_id',
    'Id of the newest entry of the slow log.',
    () => slowLog.newest(1)[0]?.id ?? 0,
  )
  readings.gauge(
    'redis_last_slow_execution_duration_seconds',
    'How long the command of the newest entry of the slow log took.',
    () => (slowLog.newest(1)[0]?.microseconds ?? 0) / 1e6,
  )
  addSpikeMetrics(readings, engine)
  addSettingMetrics(readings, engine)
}

/** Of the events that `latency-monitor-threshold` makes the server note. */
function addSpikeMetrics(readings: MetricSources, engine: Engine): void {
  readings.add({
    name: 'redis_latency_spike_last',
    help: 'Unix time of the last event that took longer than latency-monitor-threshold.',
    type: 'gauge',
    read: () => spikes(engine, ({ seconds }) => seconds),
  })
  readings.add({
    name: 'redis_latency_spike_duration_seconds',
    help: 'How long that event took.',
    type: 'gauge',
    read: () => spikes(engine, ({ milliseconds }) => milliseconds / 1000),
  })
}

interface Spike {
  readonly seconds: number
  readonly milliseconds: number
}

function* spikes({ figures: { latency } }: Engine, read: (spike: Spike) => number): Iterable<Sample> {
  for (const [event_name, { samples }] of latency.events) {
    const last = samples.at(-1)
    if (last !== undefined) yield { labels: { event_name }, value: read(last) }
  }
}

function addSettingMetrics(readings: MetricSources, { config }: Engine): void {
  readings.gauge('redis_config_maxmemory', 'Setting maxmemory, in bytes; 0 = no limit.', () => config.get('maxmemory'))
  readings.gauge('redis_config_maxclients', 'Setting maxclients.', () => config.get('maxclients'))
}
