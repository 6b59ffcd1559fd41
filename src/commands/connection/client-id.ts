// CLIENT ID: the number of this connection.

import { defineCommand } from '../define-command.ts'

export const clientId = defineCommand({
  name: 'CLIENT ID',
  summary: 'Returns the number of this connection.',
  group: 'connection',
  since: '5.0.0',
  complexity: 'O(1)',
  arity: 2,
  flags: ['noscript', 'loading', 'stale'],
  acl: ['connection'],
  reply: 'integer; later connections have higher ones',
  run(call) {
    call.reply.integer(call.client.id)
  },
})
