// MOVE: moves a key to another database, unless that has a key of this name.

import { ERR } from '../../protocol/errors.ts'
import { NONE } from '../../store/keyspace/keyspace.ts'
import { defineCommand } from '../define-command.ts'
import { databaseAt, INT32_MAX, INT32_MIN } from './database-number.ts'

const IN_CLUSTER = ERR.of('MOVE is not allowed in cluster mode')

export const move = defineCommand({
  name: 'MOVE',
  summary: 'Moves a key to another database.',
  group: 'generic',
  since: '1.0.0',
  complexity: 'O(N) with N elements of a structure; O(1) for strings',
  acl: ['keyspace'],
  arity: 3,
  flags: ['write', 'fast'],
  keys: [{ first: 1, last: 1, step: 1, access: 'RW', use: ['access', 'update'] }],
  args: [
    { name: 'key', type: 'key' },
    { name: 'db', type: 'integer' },
  ],
  reply: 'integer: 1 when moved, 0 when there is no such key here or one there already',
  run(call) {
    if (call.engine.parts.cluster !== null) throw IN_CLUSTER
    const target = databaseAt(call, call.integer(2, INT32_MIN, INT32_MAX, ERR.notInt32))
    if (target === call.db) throw ERR.sameObject
    const key = call.key(1)
    if (call.db.find(key) === NONE || target.find(key) !== NONE) return call.reply.integer(0)
    call.db.moveTo(key, target)
    call.changed(key, 'move_from')
    call.changed(key, 'move_to', 0, target)
    call.reply.integer(1)
  },
})
