// CLUSTER SHARDS: each primary with its replicas, and the slots that they serve.

import type { ClusterNode } from '../../engine/cluster-view/cluster-view.ts'
import { ipFor, preferredEndpoint } from '../../engine/cluster-view/node-address.ts'
import { type SlotRange, slotRanges } from '../../engine/cluster-view/slot-ranges.ts'
import type { Call } from '../call.ts'
import { defineCommand } from '../define-command.ts'
import { clusterOf } from './cluster-arguments.ts'

export const clusterShards = defineCommand({
  name: 'CLUSTER SHARDS',
  summary: 'Tells which slots and which nodes the shards have.',
  group: 'cluster',
  since: '7.0.0',
  complexity: 'O(N) with N nodes and slots',
  arity: 2,
  flags: ['loading', 'stale'],
  tips: ['nondeterministic_output'],
  reply: 'array: for each shard a map of slots and nodes',
  run(call) {
    const cluster = clusterOf(call)
    const shards = new Map<string, { slots: SlotRange[]; nodes: ClusterNode[] }>()
    for (const node of cluster.nodes.values()) {
      const shard = shards.get(node.shardId)
      if (shard === undefined) shards.set(node.shardId, { slots: [], nodes: [node] })
      else if (node.primary === undefined) shard.nodes.unshift(node)
      else shard.nodes.push(node)
    }
    for (const range of slotRanges({ ownerOf: (slot) => cluster.ownerOf(slot) })) {
      shards.get(range.owner.shardId)!.slots.push(range)
    }
    const { reply } = call
    reply.array(shards.size)
    for (const { slots, nodes } of shards.values()) {
      reply.map(2)
      reply.text('slots')
      reply.array(2 * slots.length)
      for (const { first, last } of slots) {
        reply.integer(first)
        reply.integer(last)
      }
      reply.text('nodes')
      reply.array(nodes.length)
      for (const node of nodes) replyNode(call, node)
    }
  },
})

function replyNode(call: Call, node: ClusterNode): void {
  const { client, reply } = call
  const ip = ipFor(client, node, clusterOf(call))
  const fields: (readonly [string, string | number | undefined])[] = [['id', node.id]]
  if (node.port !== 0) fields.push(['port', node.port])
  if (node.tlsPort !== 0) fields.push(['tls-port', node.tlsPort])
  fields.push(['ip', ip], ['endpoint', preferredEndpoint(node, call.engine.config, ip)])
  if (node.hostname !== '') fields.push(['hostname', node.hostname])
  fields.push(
    ['role', node.primary === undefined ? 'master' : 'replica'],
    ['replication-offset', node.replicationOffset],
    ['health', node.health],
  )
  reply.map(fields.length)
  for (const [name, value] of fields) {
    reply.text(name)
    if (value === undefined) reply.nil()
    else if (typeof value === 'number') reply.integer(value)
    else reply.text(value)
  }
}
