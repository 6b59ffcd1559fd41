// SELECT: chooses the database of this connection.

import { ERR } from '../../protocol/errors.ts'
import { itemAt } from '../../util/array-reads.ts'
import { defineCommand } from '../define-command.ts'

const IN_CLUSTER = ERR.of('SELECT is not allowed in cluster mode')

export const select = defineCommand({
  name: 'SELECT',
  summary: 'Chooses the database that this connection works on.',
  group: 'connection',
  since: '1.0.0',
  complexity: 'O(1)',
  arity: 2,
  flags: ['loading', 'stale', 'fast'],
  args: [{ name: 'index', type: 'integer' }],
  reply: 'status OK',
  changesConnection: 'state',
  run(call) {
    const index = call.args.integer(1)
    if (index < -2147483648 || index > 2147483647) throw ERR.notInt32
    if (index !== 0 && call.engine.parts.cluster !== null) throw IN_CLUSTER
    if (index < 0 || index >= call.engine.data.dataset.databases.length) throw ERR.dbIndexOutOfRange
    call.client.database = Number(index)
    call.db = itemAt(call.engine.data.dataset.databases, call.client.database)
    call.reply.ok()
  },
})
