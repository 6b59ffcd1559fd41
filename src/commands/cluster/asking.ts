// ASKING: lets the next request use a slot that is being imported.

import { CLIENT_ASKING } from '../../engine/clients/client.ts'
import { defineCommand } from '../define-command.ts'
import { clusterOf } from './cluster-arguments.ts'

export const asking = defineCommand({
  name: 'ASKING',
  summary: 'Says that the next request was sent here by another node (ASK).',
  group: 'cluster',
  since: '3.0.0',
  complexity: 'O(1)',
  acl: ['connection'],
  arity: 1,
  flags: ['fast'],
  reply: 'status: OK',
  changesConnection: 'state',
  run(call) {
    clusterOf(call)
    call.client.state |= CLIENT_ASKING
    call.reply.ok()
  },
})
