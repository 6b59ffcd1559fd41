// CLUSTER FAILOVER: a replica takes its primary's place in Redis, where the nodes vote. Here they
// do not talk with each other.

import { ERR } from '../../protocol/errors.ts'
import { defineCommand } from '../define-command.ts'
import { clusterOf } from './cluster-arguments.ts'

const NOT_A_REPLICA = ERR.of('You should send CLUSTER FAILOVER to a replica')
const NO_GOSSIP = ERR.of(
  'CLUSTER FAILOVER is not possible: nodes do not talk with each other, so no node would hear of it',
)

export const clusterFailover = defineCommand({
  name: 'CLUSTER FAILOVER',
  summary: 'Is refused: nodes do not talk with each other.',
  group: 'cluster',
  since: '3.0.0',
  complexity: 'O(1)',
  arity: -2,
  flags: ['admin', 'stale', 'no_async_loading'],
  args: [
    {
      name: 'options',
      type: 'oneof',
      optional: true,
      args: [
        { name: 'force', type: 'pure-token', token: 'FORCE' },
        { name: 'takeover', type: 'pure-token', token: 'TAKEOVER' },
      ],
    },
  ],
  reply: 'error',
  run(call) {
    const { myself } = clusterOf(call)
    const { args } = call
    if (args.length > 3) throw ERR.unknownSubcommand(args.string(1), 'CLUSTER')
    const isOption = args.length === 2 || args.equalsIgnoreCase(2, 'FORCE') || args.equalsIgnoreCase(2, 'TAKEOVER')
    if (!isOption) throw ERR.syntax
    throw myself.primary === undefined ? NOT_A_REPLICA : NO_GOSSIP
  },
})
