// CLUSTER MEET: introduces nodes to each other in Redis, where they talk on a bus of their own.
// Here they do not.

import { ERR } from '../../protocol/errors.ts'
import { parseInteger } from '../../util/numbers/numbers.ts'
import { defineCommand } from '../define-command.ts'
import { clusterOf } from './cluster-arguments.ts'

const NO_GOSSIP = ERR.of(
  'CLUSTER MEET is not possible: nodes do not talk with each other. Whom a node is to know stands in its cluster-config-file',
)

export const clusterMeet = defineCommand({
  name: 'CLUSTER MEET',
  summary: 'Is refused: the nodes that a node knows stand in its file.',
  group: 'cluster',
  since: '3.0.0',
  complexity: 'O(1)',
  arity: -4,
  flags: ['admin', 'stale', 'no_async_loading'],
  args: [
    { name: 'ip', type: 'string' },
    { name: 'port', type: 'integer' },
    { name: 'cluster-bus-port', type: 'integer', optional: true, since: '4.0.0' },
  ],
  history: [['4.0.0', 'Accepts the port of the bus.']],
  reply: 'error',
  run(call) {
    clusterOf(call)
    const port = call.args.string(3)
    if (parseInteger(call.args.bytes(3)) === undefined) throw ERR.of(`Invalid base port specified: ${port}`)
    throw NO_GOSSIP
  },
})
