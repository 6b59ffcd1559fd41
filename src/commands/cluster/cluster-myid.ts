// CLUSTER MYID, CLUSTER MYSHARDID: the names of this node and of its shard.

import { type CommandSpec, defineCommand } from '../define-command.ts'
import { clusterOf } from './cluster-arguments.ts'

const common = {
  group: 'cluster',
  complexity: 'O(1)',
  arity: 2,
  flags: ['stale'],
} as const satisfies Partial<CommandSpec>

export const clusterMyid = defineCommand({
  ...common,
  name: 'CLUSTER MYID',
  summary: 'Returns the id of this node.',
  since: '3.0.0',
  reply: 'text: 40 hexadecimal digits',
  run: (call) => call.reply.text(clusterOf(call).myself.id),
})

export const clusterMyshardid = defineCommand({
  ...common,
  name: 'CLUSTER MYSHARDID',
  summary: 'Returns the id of the shard that this node is part of.',
  since: '7.2.0',
  tips: ['nondeterministic_output'],
  reply: 'text: 40 hexadecimal digits',
  run: (call) => call.reply.text(clusterOf(call).myself.shardId),
})
