// CLIENT REPLY: whether this connection wants replies at all.

import { CLIENT_MUTED } from '../../engine/clients/client.ts'
import { ERR } from '../../protocol/errors.ts'
import { defineCommand } from '../define-command.ts'

export const clientReply = defineCommand({
  name: 'CLIENT REPLY',
  summary: 'Turns replies to this connection on or off, or skips the next one.',
  group: 'connection',
  since: '3.2.0',
  complexity: 'O(1)',
  arity: 3,
  flags: ['noscript', 'loading', 'stale'],
  acl: ['connection'],
  args: [
    {
      name: 'action',
      type: 'oneof',
      args: [
        { name: 'on', type: 'pure-token', token: 'ON' },
        { name: 'off', type: 'pure-token', token: 'OFF' },
        { name: 'skip', type: 'pure-token', token: 'SKIP' },
      ],
    },
  ],
  reply: 'status OK for ON, nothing for OFF and SKIP',
  changesConnection: 'replies',
  run(call) {
    const { args, client } = call
    if (args.equalsIgnoreCase(2, 'ON')) {
      client.output.replyMode = 'on'
      client.state &= ~CLIENT_MUTED
      call.reply.ok()
    } else if (args.equalsIgnoreCase(2, 'OFF')) {
      client.output.replyMode = 'off'
      client.state |= CLIENT_MUTED
    } else if (args.equalsIgnoreCase(2, 'SKIP')) {
      if (client.output.replyMode !== 'off') client.output.replyMode = 'skip'
      client.state |= CLIENT_MUTED
    } else {
      throw ERR.syntax
    }
  },
})
