// COPY: an independent copy of a value, with its expiry, under another name or in another database.

import { ERR } from '../../protocol/errors.ts'
import { NONE } from '../../store/keyspace/keyspace.ts'
import { defineCommand } from '../define-command.ts'
import { databaseAt, INT32_MAX, INT32_MIN } from './database-number.ts'

export const copy = defineCommand({
  name: 'COPY',
  summary: 'Copies the value of a key to another key.',
  group: 'generic',
  since: '6.2.0',
  complexity: 'O(N) with N elements of a structure; O(1) for strings',
  acl: ['keyspace'],
  arity: -3,
  flags: ['write', 'denyoom'],
  keys: [
    { first: 1, last: 1, step: 1, access: 'RO', use: 'access' },
    { first: 2, last: 2, step: 1, access: 'OW', use: 'update' },
  ],
  args: [
    { name: 'source', type: 'key' },
    { name: 'destination', type: 'key' },
    { name: 'destination-db', type: 'integer', token: 'DB', optional: true },
    { name: 'replace', type: 'pure-token', token: 'REPLACE', optional: true },
  ],
  reply: 'integer: 1 when copied, 0 when there is no source, or a destination already',
  run(call) {
    let target = call.db
    let replace = false
    const options = call.options(3)
    while (options.next()) {
      if (options.is('REPLACE')) replace = true
      else if (options.is('DB') && options.has(1)) {
        target = databaseAt(call, options.integer(INT32_MIN, INT32_MAX, ERR.notInt32))
      } else throw ERR.syntax
    }
    const from = call.key(1)
    const to = call.key(2)
    if (target === call.db && from.equals(to)) throw ERR.sameObject

    const entry = call.db.findForRead(from)
    if (entry === NONE || (!replace && target.find(to) !== NONE)) return call.reply.integer(0)
    call.db.copyTo(entry, target, to)
    call.changed(to, 'copy_to', 1, target)
    call.reply.integer(1)
  },
})
