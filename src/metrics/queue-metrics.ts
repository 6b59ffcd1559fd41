// Lengths of queues: keys that `metrics-queues` names, and BullMQ's queues under BullMQ's own
// metric name.

import type { Engine } from '../commands/call.ts'
import { KnownQueues, lengthOf } from '../monitoring/known-queues.ts'
import type { MetricSources, Sample } from './metric-source.ts'

/** Key suffix of a BullMQ queue → BullMQ's name for the state of its jobs. */
const BULLMQ_STATES: Readonly<Record<string, string>> = {
  wait: 'waiting',
  paused: 'paused',
  prioritized: 'prioritized',
  active: 'active',
  delayed: 'delayed',
  'waiting-children': 'waiting-children',
  completed: 'completed',
  failed: 'failed',
}

/** Registers them, and returns the walk that finds queues. */
export function addQueueMetrics(readings: MetricSources, engine: Engine): KnownQueues {
  const known = new KnownQueues(engine)
  readings.add({
    name: 'redis_key_size',
    help: 'Elements of the keys that metrics-queues names.',
    type: 'gauge',
    read: () => sizes(known),
  })
  readings.add({
    name: 'bullmq_job_count',
    help: 'Jobs of a BullMQ queue, by their state.',
    type: 'gauge',
    read: () => jobs(known),
  })
  return known
}

function* sizes(known: KnownQueues): Iterable<Sample> {
  for (const { db, name } of known.keys) {
    yield { labels: { db: `db${db.index}`, key: shown(name) }, value: lengthOf(db, name) }
  }
}

function* jobs(known: KnownQueues): Iterable<Sample> {
  for (const { db, name } of known.bullmq) {
    const colon = name.lastIndexOf(':')
    const labels = {
      db: `db${db.index}`,
      prefix: shown(name.slice(0, Math.max(0, colon))),
      queue: shown(name.slice(colon + 1)),
    }
    for (const [key, state] of Object.entries(BULLMQ_STATES)) {
      yield { labels: { ...labels, state }, value: lengthOf(db, `${name}:${key}`) }
    }
  }
}

/** Bytes as text: Prometheus requires UTF-8. */
function shown(latin1: string): string {
  return Buffer.from(latin1, 'latin1').toString('utf8')
}
