// CLUSTER REPLICATE: makes this node a replica of another that it knows. A client that has sent
// READONLY may then read here, and gets values that may be slightly old.

import { ERR } from '../../protocol/errors.ts'
import { defineCommand } from '../define-command.ts'
import { clusterOf, mapOf, nodeAt } from './cluster-arguments.ts'

const MYSELF = ERR.of("Can't replicate myself")
const A_REPLICA = ERR.of('I can only replicate a master, not a replica.')
const NOT_EMPTY = ERR.of('To set a master the node must be empty and without assigned slots.')
const NO_REPLICATION = ERR.of('CLUSTER REPLICATE is not possible here')

export const clusterReplicate = defineCommand({
  name: 'CLUSTER REPLICATE',
  summary: 'Makes this node a replica of another.',
  group: 'cluster',
  since: '3.0.0',
  complexity: 'O(1)',
  arity: 3,
  flags: ['admin', 'stale', 'no_async_loading'],
  args: [{ name: 'node-id', type: 'string' }],
  reply: 'status: OK',
  run(call) {
    const cluster = clusterOf(call)
    const {
      parts: { replication },
    } = call.engine
    const { myself } = cluster
    const node = nodeAt(call, 2)
    if (node === myself) throw MYSELF
    if (node.primary !== undefined) throw A_REPLICA
    if (myself.primary === undefined && (myself.slotCount > 0 || call.db.size > 0)) throw NOT_EMPTY
    if (replication === undefined) throw NO_REPLICATION
    mapOf(cluster).replicate(node)
    replication.follow({ host: node.ip, port: node.port })
    call.reply.ok()
  },
})
