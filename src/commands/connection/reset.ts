// RESET: returns a connection to its initial state, for pools that reuse it.
//
// CLIENT SETINFO stays, because it describes the program and not its work.

import { CLIENT_ASKING, CLIENT_MUTED, CLIENT_NO_TOUCH } from '../../engine/clients/client.ts'
import { discardTransaction } from '../../engine/requests/transaction.ts'
import { defineCommand } from '../define-command.ts'

export const reset = defineCommand({
  name: 'RESET',
  summary: 'Puts the connection back into the state in which it began.',
  group: 'connection',
  since: '6.2.0',
  complexity: 'O(1)',
  arity: 1,
  flags: ['noscript', 'loading', 'stale', 'fast', 'no_auth', 'allow_busy'],
  reply: 'status RESET',
  duringMulti: 'ends',
  whileSubscribed: true,
  changesConnection: 'state',
  run(call) {
    const { client } = call
    const engine = call.engine
    engine.clients.monitors.remove(client)
    engine.clients.maintenance.remove(client)
    engine.clients.tracking.disable(client)
    discardTransaction(client, engine.data.watches)
    engine.clients.pubSub.remove(client)
    client.database = 0
    client.identity.name = ''
    client.connection.noEvict = false
    client.subscriptions.wantsMessageIds = false
    client.requests.readsReplica = false
    client.state &= ~(CLIENT_NO_TOUCH | CLIENT_ASKING)
    // If the reply of RESET itself was to be skipped, it stays skipped: CLIENT REPLY SKIP, RESET.
    if (client.output.replyMode !== 'skipping') {
      client.output.replyMode = 'on'
      client.state &= ~CLIENT_MUTED
    }
    engine.clients.users.greet(client)
    client.protocol = 2
    engine.requests.replies.setProtocol(2)
    call.reply.setProtocol?.(2)
    client.followSubscriptions()
    call.reply.status('RESET')
  },
})
