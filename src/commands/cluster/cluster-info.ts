// CLUSTER INFO: the state of the cluster, in figures. Nodes exchange no messages, so the counters
// of messages stay at 0.

import type { ClusterNode, ClusterView } from '../../engine/cluster-view/cluster-view.ts'
import { SLOT_COUNT } from '../../util/tables/hash-slot.ts'
import { defineCommand } from '../define-command.ts'
import { clusterOf } from './cluster-arguments.ts'

export const clusterInfo = defineCommand({
  name: 'CLUSTER INFO',
  summary: 'Tells how the cluster is, as this node sees it.',
  group: 'cluster',
  since: '3.0.0',
  complexity: 'O(N) with N slots',
  arity: 2,
  flags: ['stale'],
  tips: ['nondeterministic_output'],
  reply: 'text: lines of name and value',
  run(call) {
    call.reply.verbatim(describe(clusterOf(call)), 'txt')
  },
})

function describe(cluster: ClusterView): string {
  const lines = [`cluster_state:${cluster.isOk ? 'ok' : 'fail'}`]
  for (const [name, value] of clusterFigures(cluster)) lines.push(`${name}:${value}`)
  lines.push('cluster_stats_messages_sent:0', 'cluster_stats_messages_received:0')
  lines.push('total_cluster_links_buffer_limit_exceeded:0')
  return lines.map((line) => `${line}\r\n`).join('')
}

/** Returns the figures of a cluster that mean something here, under their names in CLUSTER INFO. */
export function clusterFigures(cluster: ClusterView): (readonly [name: string, value: number])[] {
  let assigned = 0
  let failing = 0
  const owners = new Set<ClusterNode>()
  for (let slot = 0; slot < SLOT_COUNT; slot++) {
    const owner = cluster.ownerOf(slot)
    if (owner === undefined) continue
    assigned++
    if (owner.health === 'fail') failing++
    owners.add(owner)
  }
  const { myself } = cluster
  return [
    ['cluster_slots_assigned', assigned],
    ['cluster_slots_ok', assigned - failing],
    ['cluster_slots_pfail', 0],
    ['cluster_slots_fail', failing],
    ['cluster_known_nodes', cluster.nodes.size],
    ['cluster_size', owners.size],
    ['cluster_current_epoch', cluster.epoch],
    ['cluster_my_epoch', (myself.primary ?? myself).epoch],
  ]
}
