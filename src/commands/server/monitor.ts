// MONITOR: shows this connection every command that runs.

import { CLIENT_MONITOR } from '../../engine/clients/client.ts'
import { ERR } from '../../protocol/errors.ts'
import { defineCommand } from '../define-command.ts'

export const monitor = defineCommand({
  name: 'MONITOR',
  summary: 'Shows this connection every command as it runs, until RESET.',
  group: 'server',
  since: '1.0.0',
  complexity: 'O(1); each command then costs O(N) where N is the length of its arguments',
  arity: 1,
  flags: ['admin', 'noscript', 'loading', 'stale'],
  reply: 'status OK, then a line for each command',
  changesConnection: 'replies',
  run(call) {
    const { client } = call
    // Redis's words for a transaction.
    if (!call.mayBlock) throw ERR.of("MONITOR isn't allowed for DENY BLOCKING client")
    // A client that already monitors gets no reply.
    if ((client.state & CLIENT_MONITOR) !== 0) return
    call.engine.clients.monitors.add(client)
    call.reply.ok()
  },
})
