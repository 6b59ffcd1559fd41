// ACL WHOAMI: the name of this connection's user.

import { defineCommand } from '../define-command.ts'

export const aclWhoami = defineCommand({
  name: 'ACL WHOAMI',
  summary: 'Tells the name of the user of this connection.',
  group: 'server',
  since: '6.0.0',
  complexity: 'O(1)',
  arity: 2,
  flags: ['noscript', 'loading', 'stale'],
  reply: 'text: the name',
  run(call) {
    call.reply.text(call.client.identity.user.name)
  },
})
