// SWAPDB: two databases exchange their contents; every client sees the other's keys at once.

import { defineCommand } from '../../engine/command.ts'
import { ERR } from '../../protocol/errors.ts'
import { NONE } from '../../store/keyspace.ts'
import type { Bytes } from '../../util/bytes.ts'

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
    const { engine } = call
    const first = call.integer(1, -INT32_MAX - 1, INT32_MAX, INVALID_FIRST)
    const second = call.integer(2, -INT32_MAX - 1, INT32_MAX, INVALID_SECOND)
    const one = engine.databases[first]
    const other = engine.databases[second]
    if (one === undefined || other === undefined) throw ERR.dbIndexOutOfRange
    // A watched key that is in neither has not changed.
    const inEither = (key: Bytes) => one.keys.find(key) !== NONE || other.keys.find(key) !== NONE
    if (one !== other) {
      engine.databaseReplaced(one, inEither)
      engine.databaseReplaced(other, inEither)
      one.swap(other)
      engine.blocking.markDatabase(one)
      engine.blocking.markDatabase(other)
    }
    call.changes++
    if (engine.journal.waits) engine.durability.changedEverywhere()
    call.reply.ok()
  },
})

const INVALID_FIRST = ERR.of('invalid first DB index')
const INVALID_SECOND = ERR.of('invalid second DB index')
