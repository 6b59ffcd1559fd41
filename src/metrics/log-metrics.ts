// A node of a replicated log: its part, its lease, its position, and the snapshots. A server
// without a log has no such samples.

import type { Engine } from '../commands/call.ts'
import type { LogNode } from '../engine/effects/replication.ts'
import type { MetricSources, Sample } from './metric-source.ts'

const STATES: readonly LogNode['state'][] = ['following', 'standing', 'leading', 'stopped']

export function addLogMetrics(readings: MetricSources, engine: Engine): void {
  readings.add({
    name: 'respite_log_state',
    help: "1 for the node's state, 0 for the other states.",
    type: 'gauge',
    read: () => states(engine),
  })
  readings.add({
    name: 'respite_log_leader_info',
    help: 'Always 1; the label names the leader that this node knows.',
    type: 'gauge',
    read: () => leader(engine),
  })
  const ofNode = (name: string, help: string, read: (node: LogNode) => number | undefined): void =>
    readings.add({ name, help, type: 'gauge', read: () => sampleOf(engine, read) })
  ofNode('respite_log_epoch', 'Epoch of the last record that was read or acknowledged.', ({ epoch }) => epoch)
  ofNode(
    'respite_log_position',
    'Position of the last record that was read or acknowledged.',
    ({ position }) => position,
  )
  ofNode('respite_log_lease_left_seconds', 'Time for which a leader may still reply.', ({ leaseLeftMs, state }) =>
    state === 'leading' ? leaseLeftMs / 1000 : undefined,
  )
  ofNode(
    'respite_log_records_in_flight',
    'Records that were sent and are not acknowledged.',
    ({ underWay }) => underWay,
  )
  ofNode(
    'respite_log_lag_seconds',
    'Age of the oldest effects of a leader that its log does not have; 0 = it has all.',
    ({ lagMs, state }) => (state === 'leading' ? lagMs / 1000 : undefined),
  )
  ofNode('respite_log_lag_bytes', 'Bytes of the effects that the log does not have.', ({ lagBytes, state }) =>
    state === 'leading' ? lagBytes : undefined,
  )
  ofNode('respite_log_failing', '1 while the node reports a failure of its log.', ({ failure }) =>
    Number(failure !== undefined),
  )
  addSnapshotMetrics(ofNode)
}

type OfNode = (name: string, help: string, read: (node: LogNode) => number | undefined) => void

function addSnapshotMetrics(ofNode: OfNode): void {
  ofNode(
    'respite_log_snapshot_made_position',
    'Position of the last snapshot that this node put into the store; 0 = none since its start.',
    ({ snapshots }) => snapshots?.made,
  )
  ofNode(
    'respite_log_snapshot_verified_position',
    'Position of the last snapshot of another node that this node verified; 0 = none since its start.',
    ({ snapshots }) => snapshots?.verified,
  )
  ofNode(
    'respite_log_truncated_position',
    'Position behind which this node truncated the log; 0 = never since its start.',
    ({ snapshots }) => snapshots?.truncatedBehind,
  )
}

function* sampleOf(engine: Engine, read: (node: LogNode) => number | undefined): Iterable<Sample> {
  const node = engine.parts.replication.node
  const value = node && read(node)
  if (value !== undefined) yield { labels: { shard: shardOf(engine) }, value }
}

function* states(engine: Engine): Iterable<Sample> {
  const node = engine.parts.replication.node
  if (node === undefined) return
  for (const state of STATES) yield { labels: { shard: shardOf(engine), state }, value: Number(node.state === state) }
}

function* leader(engine: Engine): Iterable<Sample> {
  const node = engine.parts.replication.node
  if (node !== undefined) yield { labels: { shard: shardOf(engine), leader: node.leaderAddress }, value: 1 }
}

const shardOf = ({ config }: Engine): string => config.get('shard-name')
