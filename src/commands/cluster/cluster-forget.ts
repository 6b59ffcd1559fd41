// CLUSTER FORGET: removes a node from the map.

import type { ClusterNode } from '../../engine/cluster-view/cluster-view.ts'
import { awaitWork } from '../../engine/waiting/async-commands.ts'
import { ERR } from '../../protocol/errors.ts'
import { defineCommand } from '../define-command.ts'
import { clusterOf, mapOf, nodeAt } from './cluster-arguments.ts'

const MYSELF = ERR.of("I tried hard but I can't forget myself...")
const MY_PRIMARY = ERR.of("Can't forget my master!")

export const clusterForget = defineCommand({
  name: 'CLUSTER FORGET',
  summary: 'Has this node forget another.',
  group: 'cluster',
  since: '3.0.0',
  complexity: 'O(N) with N slots',
  arity: 3,
  flags: ['admin', 'stale', 'no_async_loading'],
  args: [{ name: 'node-id', type: 'string' }],
  reply: 'status: OK',
  run(call) {
    const cluster = clusterOf(call)
    const named = (): ClusterNode => {
      const node = nodeAt(call, 2)
      if (node === cluster.myself) throw MYSELF
      if (node === cluster.myself.primary) throw MY_PRIMARY
      return node
    }
    const { moves } = cluster
    if (moves === undefined) mapOf(cluster).forget(named())
    // All nodes forget it, because they share one map.
    else if (awaitWork(call, () => moves.forget(named())) === undefined) return
    call.reply.ok()
  },
})
