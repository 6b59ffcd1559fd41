// Metrics without a single field in INFO: the build, messages, keys by database, the append-only
// file.

import { type } from 'node:os'
import type { Engine } from '../commands/call.ts'
import { averageTtl } from '../commands/server/info-table.ts'
import { REDIS_VERSION, RESPITE_VERSION } from '../config/version.ts'
import type { Database } from '../store/keyspace/database.ts'
import type { MetricSources, Sample } from './metric-source.ts'

/** Databases that are shown even when empty: Redis's default number of databases. */
const DATABASES_SHOWN = 16
/** `databases` may be set to billions. */
const DATABASES_MAX = 256

export function addEngineMetrics(readings: MetricSources, engine: Engine): void {
  readings.gauge('redis_up', 'Always 1: the server answers.', () => 1)
  readings.add({
    name: 'redis_instance_info',
    help: 'Always 1; the labels tell about the server.',
    type: 'gauge',
    read: () => [{ value: 1, labels: instanceLabels(engine) }],
  })
  readings.add({
    name: 'respite_build_info',
    help: 'Always 1; the labels tell what is running.',
    type: 'gauge',
    read: () => [{ value: 1, labels: { version: RESPITE_VERSION, node_version: process.versions.node } }],
  })
  readings.gauge('redis_start_time_seconds', 'Unix time of the start.', () => engine.environment.startedMs / 1000)

  addDatabaseMetrics(readings, engine)

  readings.counter(
    'respite_pubsub_messages_published_total',
    'Messages that were published, keyspace events included.',
    () => engine.clients.pubSub.published,
  )
  readings.counter(
    'respite_pubsub_messages_delivered_total',
    'How often a published message was handed to a subscriber.',
    () => engine.clients.pubSub.delivered,
  )

  const { stats } = engine.figures
  const { durability } = engine.effects
  readings.counter(
    'respite_aof_appended_bytes_total',
    'Bytes that were appended to the append-only file.',
    () => durability.progress.appended,
  )
  readings.gauge(
    'respite_aof_unsynced_bytes',
    'Bytes of the append-only file that a power cut could take.',
    () => durability.progress.appended - durability.progress.synced,
  )
  readings.gauge(
    'respite_clients_waiting_for_sync',
    'Clients whose replies wait for the disk.',
    () => durability.heldClients,
  )
  readings.histogram('respite_aof_fsync_duration_seconds', 'How long syncs of the append-only file take.', () => [
    [{}, stats.syncs],
  ])
}

function instanceLabels({
  config,
  parts: { cluster, host },
  effects: { history, role },
  environment: { runId },
}: Engine): NonNullable<Sample['labels']> {
  const place = host.describe?.()
  return {
    role: role.isReplica ? 'slave' : 'master',
    redis_version: REDIS_VERSION,
    redis_build_id: '0',
    redis_mode: cluster === null ? 'standalone' : 'cluster',
    os: type(),
    maxmemory_policy: config.text('maxmemory-policy'),
    tcp_port: place === undefined ? 0 : place.tcpPort || place.tlsPort,
    run_id: runId,
    process_id: process.pid,
    master_replid: history.id,
  }
}

function addDatabaseMetrics(readings: MetricSources, engine: Engine): void {
  const ofDatabases = (name: string, help: string, read: (db: Database) => number): void =>
    readings.add({ name, help, type: 'gauge', read: () => perDatabase(engine, read) })
  ofDatabases('redis_db_keys', 'Keys of a database.', (db) => db.size)
  ofDatabases('redis_db_keys_expiring', 'Keys of a database that expire.', (db) => db.keys.expiries.count)
  ofDatabases(
    'redis_db_avg_ttl_seconds',
    'Time to live of keys of a database that expire, averaged over a few.',
    (db) => averageTtl(db, engine.environment.unitClock.now()) / 1000,
  )
}

function* perDatabase({ databases }: Engine, read: (db: Database) => number): Iterable<Sample> {
  let shown = 0
  for (const db of databases) {
    if (db.index >= DATABASES_SHOWN && db.size === 0) continue
    yield { labels: { db: `db${db.index}` }, value: read(db) }
    if (++shown === DATABASES_MAX) return
  }
}
