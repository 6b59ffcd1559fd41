// CLUSTER NODES, CLUSTER REPLICAS, CLUSTER SLAVES: one line for each node.

import type { ClusterNode } from '../../engine/cluster-view/cluster-view.ts'
import { type AddressColumn, describeNodes } from '../../engine/cluster-view/describe-nodes.ts'
import { ipFor } from '../../engine/cluster-view/node-address.ts'
import { ERR } from '../../protocol/errors.ts'
import type { Call } from '../call.ts'
import { type CommandSpec, defineCommand } from '../define-command.ts'
import { clusterOf, nodeAt } from './cluster-arguments.ts'

const NOT_A_MASTER = ERR.of('The specified node is not a master')

/** Describes the address of a node, with the port that suits the asking client. */
function placeFor(call: Call): AddressColumn {
  const { client } = call
  const cluster = clusterOf(call)
  return (node) => {
    const port = client.connection.transport.isEncrypted ? node.tlsPort : node.port
    const hostname = node.hostname === '' ? '' : `,${node.hostname}`
    return `${ipFor(client, node, cluster)}:${port}@${node.busPort}${hostname}`
  }
}

export const clusterNodes = defineCommand({
  name: 'CLUSTER NODES',
  summary: 'Describes all nodes that this one knows.',
  group: 'cluster',
  since: '3.0.0',
  complexity: 'O(N) with N nodes and slots',
  arity: 2,
  flags: ['stale'],
  tips: ['nondeterministic_output'],
  reply: 'text: a line for each node',
  run(call) {
    call.reply.verbatim(describeNodes(clusterOf(call), placeFor(call)).join(''), 'txt')
  },
})

function replyReplicas(call: Call): void {
  const cluster = clusterOf(call)
  const node = nodeAt(call, 2)
  if (node.primary !== undefined) throw NOT_A_MASTER
  const replicas: ClusterNode[] = []
  for (const other of cluster.nodes.values()) if (other.primary === node) replicas.push(other)
  const lines = describeNodes(cluster, placeFor(call), replicas)
  call.reply.array(lines.length)
  for (const line of lines) call.reply.text(line.slice(0, -1))
}

const replicas = {
  group: 'cluster',
  complexity: 'O(N) with N nodes and slots',
  arity: 3,
  flags: ['admin', 'stale'],
  args: [{ name: 'node-id', type: 'string' }],
  tips: ['nondeterministic_output'],
  reply: 'array: a line for each replica',
  run: replyReplicas,
} as const satisfies Partial<CommandSpec>

export const clusterReplicas = defineCommand({
  ...replicas,
  name: 'CLUSTER REPLICAS',
  summary: 'Describes the replicas of a node.',
  since: '5.0.0',
})

export const clusterSlaves = defineCommand({
  ...replicas,
  name: 'CLUSTER SLAVES',
  summary: 'Describes the replicas of a node.',
  since: '3.0.0',
  deprecated: { since: '5.0.0', instead: '`CLUSTER REPLICAS`' },
})
