// CLUSTER SLOTS: ranges of slots, and for each the nodes that serve it, the primary first.

import type { ClusterNode } from '../../engine/cluster-view/cluster-view.ts'
import { ipFor, preferredEndpoint } from '../../engine/cluster-view/node-address.ts'
import { slotRanges } from '../../engine/cluster-view/slot-ranges.ts'
import type { Call } from '../call.ts'
import { defineCommand } from '../define-command.ts'
import { clusterOf } from './cluster-arguments.ts'

export const clusterSlots = defineCommand({
  name: 'CLUSTER SLOTS',
  summary: 'Tells which nodes serve which slots.',
  group: 'cluster',
  since: '3.0.0',
  complexity: 'O(N) with N nodes and slots',
  arity: 2,
  flags: ['loading', 'stale'],
  tips: ['nondeterministic_output'],
  history: [
    ['4.0.0', 'Tells the ids of nodes.'],
    ['7.0.0', 'Tells other addresses of nodes.'],
  ],
  deprecated: { since: '7.0.0', instead: '`CLUSTER SHARDS`' },
  reply: 'array: for each range first and last slot, then the nodes',
  run(call) {
    const cluster = clusterOf(call)
    const ranges = slotRanges({ ownerOf: (slot) => cluster.ownerOf(slot) })
    const { reply } = call
    reply.array(ranges.length)
    for (const { first, last, owner } of ranges) {
      const replicas: ClusterNode[] = []
      for (const node of cluster.nodes.values()) {
        if (node.primary === owner && node.health !== 'fail') replicas.push(node)
      }
      reply.array(3 + replicas.length)
      reply.integer(first)
      reply.integer(last)
      replyNode(call, owner)
      for (const replica of replicas) replyNode(call, replica)
    }
  },
})

/**
 * Writes a node: its address in the form that clients prefer, its port, its id, and its other
 * addresses.
 */
function replyNode(call: Call, node: ClusterNode): void {
  const { client, reply } = call
  const { config } = call.engine
  const ip = ipFor(client, node, clusterOf(call))
  const endpoint = preferredEndpoint(node, config, ip)
  reply.array(4)
  if (endpoint === undefined) reply.nil()
  else reply.text(endpoint)
  reply.integer(client.connection.transport.isEncrypted ? node.tlsPort : node.port)
  reply.text(node.id)
  const type = config.get('cluster-preferred-endpoint-type')
  const tellsIp = type !== 'ip'
  const tellsHostname = type !== 'hostname' && node.hostname !== ''
  reply.map(Number(tellsIp) + Number(tellsHostname))
  if (tellsIp) {
    reply.text('ip')
    reply.text(ip)
  }
  if (tellsHostname) {
    reply.text('hostname')
    reply.text(node.hostname)
  }
}
