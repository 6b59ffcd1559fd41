// READONLY, READWRITE: whether this client accepts replies of a replica, which may be slightly old.

import { type CommandSpec, defineCommand } from '../define-command.ts'
import { clusterOf } from './cluster-arguments.ts'

const common = {
  group: 'cluster',
  since: '3.0.0',
  complexity: 'O(1)',
  acl: ['connection'],
  arity: 1,
  flags: ['loading', 'stale', 'fast'],
  reply: 'status: OK',
  changesConnection: 'state',
} as const satisfies Partial<CommandSpec>

export const readonly = defineCommand({
  ...common,
  name: 'READONLY',
  summary: 'Lets a replica answer, although what it knows may be older.',
  run(call) {
    clusterOf(call)
    call.client.requests.readsReplica = true
    call.reply.ok()
  },
})

export const readwrite = defineCommand({
  ...common,
  name: 'READWRITE',
  summary: 'Has replicas send this client to their primary again.',
  run(call) {
    clusterOf(call)
    call.client.requests.readsReplica = false
    call.reply.ok()
  },
})
