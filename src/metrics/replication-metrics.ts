// Replication: a replica's link to its primary, and a primary's replicas. The figures that INFO has
// as single fields are in info-metrics.ts.

import type { Engine } from '../commands/call.ts'
import type { Following, ReplicaStatus } from '../engine/effects/replication.ts'
import type { Labels, MetricSources, Sample } from './metric-source.ts'

export function addReplicationMetrics(readings: MetricSources, engine: Engine): void {
  addLinkMetrics(readings, engine)
  addReplicaMetrics(readings, engine)
}

/** Adds the metrics of a replica's link; a primary has no such samples. */
function addLinkMetrics(readings: MetricSources, engine: Engine): void {
  const ofLink = (name: string, help: string, read: (following: Following) => number | undefined): void =>
    readings.add({ name, help, type: 'gauge', read: () => linkSample(engine, read) })
  ofLink('redis_master_link_up', '1 while the stream of the primary is heard.', ({ linkUp }) => Number(linkUp))
  ofLink('redis_master_sync_in_progress', '1 while a full synchronisation is under way.', ({ sync }) =>
    Number(sync !== undefined),
  )
  ofLink(
    'redis_master_last_io_seconds_ago',
    'Seconds since the primary was last heard; -1 = the link is down.',
    ({ linkUp, lastHeardSeconds }) => (linkUp ? lastHeardSeconds : -1),
  )
  ofLink('redis_slave_repl_offset', 'Offset up to which the stream was applied.', ({ offset }) => offset)
  ofLink(
    'respite_slave_unapplied_bytes',
    'Bytes of the stream that were received and not applied.',
    ({ offset, readOffset }) => readOffset - offset,
  )
  ofLink(
    'respite_master_link_down_seconds',
    'Seconds for which the link has been down; 0 while it is up.',
    ({ unlinkedSeconds }) => unlinkedSeconds,
  )
  ofLink(
    'respite_master_sync_read_bytes',
    'Bytes of the full synchronisation under way that have come.',
    ({ sync }) => sync?.receivedBytes,
  )
  readings.add({
    name: 'redis_slave_info',
    help: 'Always 1 on a replica; the labels name its primary.',
    type: 'gauge',
    read: () => slaveInfo(engine),
  })
}

function* linkSample({ parts }: Engine, read: (following: Following) => number | undefined): Iterable<Sample> {
  const following = parts.replication.following
  const value = following && read(following)
  if (following !== undefined && value !== undefined) yield { labels: labelsOfLink(following), value }
}

function* slaveInfo({ config, parts }: Engine): Iterable<Sample> {
  const following = parts.replication.following
  if (following === undefined) return
  const read_only = config.get('replica-read-only') ? 1 : 0
  yield { labels: { ...labelsOfLink(following), read_only }, value: 1 }
}

function labelsOfLink({ host, port }: Following): Labels {
  return { master_host: host, master_port: port }
}

/** Of a server that has replicas, one sample for each. */
function addReplicaMetrics(readings: MetricSources, engine: Engine): void {
  const ofReplicas = (name: string, help: string, read: (replica: ReplicaStatus) => number): void =>
    readings.add({ name, help, type: 'gauge', read: () => perReplica(engine, read) })
  ofReplicas('redis_connected_slave_offset_bytes', 'Offset that a replica has acknowledged.', ({ offset }) => offset)
  ofReplicas(
    'redis_connected_slave_lag_seconds',
    'Seconds since a replica last acknowledged an offset.',
    ({ lagSeconds }) => lagSeconds,
  )
  ofReplicas(
    'respite_connected_slave_lag_bytes',
    'Bytes of the stream that a replica has not acknowledged.',
    ({ offset }) => Math.max(0, engine.effects.history.offset - offset),
  )
}

function* perReplica({ parts }: Engine, read: (replica: ReplicaStatus) => number): Iterable<Sample> {
  for (const replica of parts.replication.replicas.statuses) {
    const { address, port, state } = replica
    yield { labels: { slave_ip: address, slave_port: port, slave_state: state }, value: read(replica) }
  }
}
