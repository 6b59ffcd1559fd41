// CLUSTER RESET: makes this node forget the cluster. A replica becomes an empty primary.

import { ERR } from '../../protocol/errors.ts'
import { defineCommand } from '../define-command.ts'
import { emptyAll } from '../server/flush.ts'
import { clusterOf, mapOf } from './cluster-arguments.ts'

const HAS_KEYS = ERR.of("CLUSTER RESET can't be called with master nodes containing keys")

export const clusterReset = defineCommand({
  name: 'CLUSTER RESET',
  summary: 'Has this node forget the cluster.',
  group: 'cluster',
  since: '3.0.0',
  complexity: 'O(N) with N nodes and slots',
  arity: -2,
  flags: ['admin', 'noscript', 'stale'],
  args: [
    {
      name: 'reset-type',
      type: 'oneof',
      optional: true,
      args: [
        { name: 'hard', type: 'pure-token', token: 'HARD' },
        { name: 'soft', type: 'pure-token', token: 'SOFT' },
      ],
    },
  ],
  reply: 'status: OK',
  run(call) {
    const cluster = clusterOf(call)
    const { args } = call
    if (args.length > 3) throw ERR.unknownSubcommand('reset', 'CLUSTER')
    const hard = args.length === 3 && args.equalsIgnoreCase(2, 'HARD')
    if (args.length === 3 && !hard && !args.equalsIgnoreCase(2, 'SOFT')) throw ERR.syntax
    if (cluster.myself.primary === undefined && call.db.size > 0) throw HAS_KEYS
    const wasReplica = cluster.myself.primary !== undefined
    mapOf(cluster).reset(hard)
    if (wasReplica) {
      call.engine.parts.replication?.followNobody()
      emptyAll(call, 'FLUSHALL')
    }
    call.reply.ok()
  },
})
