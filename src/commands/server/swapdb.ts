// SWAPDB: two databases exchange their contents. Every client sees the other database's keys at
// once.

import { ERR, type ReplyError } from '../../protocol/errors.ts'
import type { Database } from '../../store/keyspace/database.ts'
import { NONE } from '../../store/keyspace/keyspace.ts'
import type { Bytes } from '../../util/bytes/bytes.ts'
import { parseInteger } from '../../util/numbers/numbers.ts'
import type { Call } from '../call.ts'
import { defineCommand } from '../define-command.ts'

const INT32_MAX = 2147483647

export const swapdb = defineCommand({
  name: 'SWAPDB',
  summary: 'Exchanges the contents of two databases.',
  group: 'server',
  since: '4.0.0',
  complexity: 'O(N) with N clients that watch or wait for keys',
  acl: ['keyspace', 'dangerous'],
  arity: 3,
  flags: ['write', 'fast'],
  args: [
    { name: 'index1', type: 'integer' },
    { name: 'index2', type: 'integer' },
  ],
  reply: 'status: OK',
  run(call) {
    const engine = call.engine
    if (engine.parts.cluster !== null) throw IN_CLUSTER
    const one = databaseAt(call, 1, INVALID_FIRST)
    const other = databaseAt(call, 2, INVALID_SECOND)
    if (one === undefined || other === undefined) throw ERR.dbIndexOutOfRange
    // A watched key that is in neither database has not changed.
    const inEither = (key: Bytes) => one.keys.find(key) !== NONE || other.keys.find(key) !== NONE
    if (one !== other) {
      engine.data.watches.databaseReplaced(one, inEither)
      engine.data.watches.databaseReplaced(other, inEither)
      engine.blocking.contentsReplaced(one, other)
      engine.blocking.contentsReplaced(other, one)
      one.swap(other)
    }
    call.changes++
    engine.effects.durability.changedEverywhere()
    call.reply.ok()
  },
})

/** Returns the database that an argument names; undefined if there is none with that number. */
function databaseAt(call: Call, i: number, invalid: ReplyError): Database | undefined {
  const index = parseInteger(call.args.bytes(i))
  if (typeof index !== 'number' || index < -INT32_MAX - 1 || index > INT32_MAX) throw invalid
  return call.engine.databases[index]
}

const IN_CLUSTER = ERR.of('SWAPDB is not allowed in cluster mode')
const INVALID_FIRST = ERR.of('invalid first DB index')
const INVALID_SECOND = ERR.of('invalid second DB index')
