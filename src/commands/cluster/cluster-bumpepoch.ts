// CLUSTER BUMPEPOCH, CLUSTER SET-CONFIG-EPOCH: the epoch of this node. Of two claims for a slot,
// the one with the higher epoch counts.

import { ERR } from '../../protocol/errors.ts'
import { type CommandSpec, defineCommand } from '../define-command.ts'
import { clusterOf, mapOf } from './cluster-arguments.ts'

const KNOWS_OTHERS = ERR.of('The user can assign a config epoch only when the node does not know any other node.')
const HAS_ONE = ERR.of('Node config epoch is already non-zero')

const common = {
  group: 'cluster',
  since: '3.0.0',
  complexity: 'O(1)',
  flags: ['admin', 'stale', 'no_async_loading'],
} as const satisfies Partial<CommandSpec>

export const clusterBumpepoch = defineCommand({
  ...common,
  name: 'CLUSTER BUMPEPOCH',
  summary: 'Gives this node an epoch above all that it knows.',
  arity: 2,
  tips: ['nondeterministic_output'],
  reply: 'status: BUMPED or STILL, and the epoch',
  run(call) {
    const cluster = clusterOf(call)
    const word = mapOf(cluster).bumpEpoch() ? 'BUMPED' : 'STILL'
    call.reply.status(`${word} ${cluster.myself.epoch}`)
  },
})

export const clusterSetConfigEpoch = defineCommand({
  ...common,
  name: 'CLUSTER SET-CONFIG-EPOCH',
  summary: 'Gives a new node its epoch.',
  arity: 3,
  args: [{ name: 'config-epoch', type: 'integer' }],
  reply: 'status: OK',
  run(call) {
    const cluster = clusterOf(call)
    const epoch = call.args.integer(2)
    if (epoch < 0) throw ERR.of(`Invalid config epoch specified: ${epoch}`)
    if (cluster.nodes.size > 1) throw KNOWS_OTHERS
    if (cluster.myself.epoch !== 0) throw HAS_ONE
    mapOf(cluster).setEpoch(Number(epoch))
    call.reply.ok()
  },
})
