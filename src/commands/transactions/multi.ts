// MULTI, DISCARD: begin a transaction, and abandon it.

import { CLIENT_MULTI } from '../../engine/clients/client.ts'
import { discardTransaction, Transaction } from '../../engine/requests/transaction.ts'
import { ERR } from '../../protocol/errors.ts'
import { defineCommand } from '../define-command.ts'

export const multi = defineCommand({
  name: 'MULTI',
  summary: 'Begins a transaction: commands are queued until EXEC.',
  group: 'transactions',
  since: '1.2.0',
  complexity: 'O(1)',
  arity: 1,
  flags: ['noscript', 'loading', 'stale', 'fast', 'allow_busy'],
  reply: 'OK',
  duringMulti: 'runs',
  changesConnection: 'transaction',
  run({ client, reply }) {
    // After this error the transaction goes on, as in Redis.
    if (client.requests.transaction !== undefined) throw ERR.of('MULTI calls can not be nested')
    client.requests.transaction = new Transaction()
    client.state |= CLIENT_MULTI
    reply.ok()
  },
})

export const discard = defineCommand({
  name: 'DISCARD',
  summary: 'Gives up a transaction and forgets the watched keys.',
  group: 'transactions',
  since: '2.0.0',
  complexity: 'O(N) with N queued commands',
  arity: 1,
  flags: ['noscript', 'loading', 'stale', 'fast', 'allow_busy'],
  reply: 'OK',
  duringMulti: 'ends',
  changesConnection: 'transaction',
  run(call) {
    if (call.client.requests.transaction === undefined) throw ERR.of('DISCARD without MULTI')
    discardTransaction(call.client, call.engine.data.watches)
    call.reply.ok()
  },
})
