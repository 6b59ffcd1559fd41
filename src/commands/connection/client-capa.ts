// CLIENT CAPA: abilities of a client beyond what Redis needs. Unknown abilities have no effect.

import { defineCommand } from '../define-command.ts'

export const clientCapa = defineCommand({
  name: 'CLIENT CAPA',
  summary: 'Says what this connection understands: `message-ids`, kept messages that carry their ids.',
  group: 'connection',
  since: '0.1.0',
  complexity: 'O(1)',
  arity: -3,
  flags: ['noscript', 'loading', 'stale'],
  acl: ['connection'],
  args: [{ name: 'capability', type: 'string', multiple: true }],
  reply: 'status OK',
  run(call) {
    const { args, client } = call
    for (let i = 2; i < args.length; i++)
      if (args.equalsIgnoreCase(i, 'MESSAGE-IDS')) client.subscriptions.wantsMessageIds = true
    call.reply.ok()
  },
})
