// CLUSTER LINKS: always empty, because nodes do not talk with each other.

import { defineCommand } from '../define-command.ts'
import { clusterOf } from './cluster-arguments.ts'

export const clusterLinks = defineCommand({
  name: 'CLUSTER LINKS',
  summary: 'Describes the connections between this node and others: there are none.',
  group: 'cluster',
  since: '7.0.0',
  complexity: 'O(1)',
  arity: 2,
  flags: ['stale'],
  tips: ['nondeterministic_output'],
  reply: 'array: empty',
  run(call) {
    clusterOf(call)
    call.reply.array(0)
  },
})
