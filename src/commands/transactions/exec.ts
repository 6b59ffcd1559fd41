// EXEC: runs the commands that MULTI has queued, as one unit.

import { discardTransaction, transactionOf } from '../../engine/requests/transaction.ts'
import { ERR } from '../../protocol/errors.ts'
import { defineCommand } from '../define-command.ts'

export const exec = defineCommand({
  name: 'EXEC',
  summary: 'Runs the queued commands of a transaction as one unit.',
  group: 'transactions',
  since: '1.2.0',
  complexity: 'Depends on the queued commands',
  arity: 1,
  flags: ['noscript', 'loading', 'stale', 'skip_slowlog'],
  reply: 'array: the reply of each command; nil when a watched key changed',
  duringMulti: 'executes',
  changesConnection: 'transaction',
  declared: (host, _args, client) => transactionOf(client)?.review(host, client),
  run(call) {
    const { client } = call
    const {
      databases,
      requests: { dispatch },
      data: { watches },
    } = call.engine
    const transaction = transactionOf(client)
    if (transaction === undefined) throw ERR.of('EXEC without MULTI')
    // A watched key may have expired without being read since.
    watches.expireKeys(client.watched, databases)
    const broken = client.watched.broken
    discardTransaction(client, watches)
    if (transaction.broken) throw ERR.execAbort
    if (broken) return call.reply.nilArray()
    call.reply.array(transaction.queue.length)
    dispatch.runTransaction(call, transaction)
  },
})
