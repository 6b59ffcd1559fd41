// CLUSTER COUNT-FAILURE-REPORTS: always 0, because nodes do not talk with each other.

import { defineCommand } from '../define-command.ts'
import { clusterOf, nodeAt } from './cluster-arguments.ts'

export const clusterCountFailureReports = defineCommand({
  name: 'CLUSTER COUNT-FAILURE-REPORTS',
  summary: 'Counts the nodes that report a node as failing: none, because nodes do not talk with each other.',
  group: 'cluster',
  since: '3.0.0',
  complexity: 'O(1)',
  arity: 3,
  flags: ['admin', 'stale'],
  args: [{ name: 'node-id', type: 'string' }],
  tips: ['nondeterministic_output'],
  reply: 'integer: 0',
  run(call) {
    clusterOf(call)
    nodeAt(call, 2)
    call.reply.integer(0)
  },
})
