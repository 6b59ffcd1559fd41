// CLIENT UNBLOCK: ends the waiting of another client, as at its timeout or with an error.

import { ERR } from '../../protocol/errors.ts'
import { defineCommand } from '../define-command.ts'

export const clientUnblock = defineCommand({
  name: 'CLIENT UNBLOCK',
  summary: 'Lets a client that waits for something go on, as if its time were up or with an error.',
  group: 'connection',
  since: '5.0.0',
  complexity: 'O(log N) where N is the number of connections.',
  arity: -3,
  flags: ['admin', 'noscript', 'loading', 'stale'],
  acl: ['connection'],
  args: [
    { name: 'client-id', type: 'integer' },
    {
      name: 'unblock-type',
      type: 'oneof',
      optional: true,
      args: [
        { name: 'timeout', type: 'pure-token', token: 'TIMEOUT' },
        { name: 'error', type: 'pure-token', token: 'ERROR' },
      ],
    },
  ],
  reply: 'integer: 1 when the client was waiting, 0 when not',
  run(call) {
    const { args } = call
    const engine = call.engine
    if (args.length > 4) throw ERR.subcommandSyntax(args.string(1), 'CLIENT')
    let error = false
    if (args.length === 4) {
      if (args.equalsIgnoreCase(3, 'ERROR')) error = true
      else if (!args.equalsIgnoreCase(3, 'TIMEOUT')) throw ERR.unblockReason
    }
    const client = engine.clients.connected.get(Number(args.integer(2)))
    const unblocked = client !== undefined && engine.blocking.unblock(client, error ? ERR.unblocked : undefined)
    call.reply.integer(unblocked ? 1 : 0)
  },
})
