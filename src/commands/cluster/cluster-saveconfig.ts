// CLUSTER SAVECONFIG: writes the cluster's map to disk.

import { defineCommand } from '../define-command.ts'
import { clusterOf, mapOf } from './cluster-arguments.ts'

export const clusterSaveconfig = defineCommand({
  name: 'CLUSTER SAVECONFIG',
  summary: 'Writes what this node knows of the cluster to disk.',
  group: 'cluster',
  since: '3.0.0',
  complexity: 'O(N) with N slots',
  arity: 2,
  flags: ['admin', 'stale', 'no_async_loading'],
  reply: 'status: OK',
  run(call) {
    mapOf(clusterOf(call)).save()
    call.reply.ok()
  },
})
