// QUIT: ends this connection after its replies have left.

import { defineCommand } from '../define-command.ts'

export const quit = defineCommand({
  name: 'QUIT',
  summary: 'Ends the connection once everything has been replied.',
  group: 'connection',
  since: '1.0.0',
  complexity: 'O(1)',
  arity: -1,
  flags: ['noscript', 'loading', 'stale', 'fast', 'no_auth', 'allow_busy'],
  reply: 'status OK',
  deprecated: { since: '7.2.0', instead: 'just closing the connection' },
  duringMulti: 'ends',
  whileSubscribed: true,
  changesConnection: 'state',
  run(call) {
    call.reply.ok()
    call.engine.clients.connected.close(call.client, 'flushed')
  },
})
