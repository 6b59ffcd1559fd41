// PERSIST: removes the expiry time of a key.

import { NONE } from '../../store/keyspace/keyspace.ts'
import { defineCommand } from '../define-command.ts'

export const persist = defineCommand({
  name: 'PERSIST',
  summary: 'Removes the expiry of a key.',
  group: 'generic',
  since: '2.2.0',
  complexity: 'O(log N) with N keys that expire',
  acl: ['keyspace'],
  arity: 2,
  flags: ['write', 'fast'],
  keys: [{ first: 1, last: 1, step: 1, access: 'RW', use: 'update' }],
  args: [{ name: 'key', type: 'key' }],
  reply: 'integer: 1 when there was an expiry, 0 when not or no such key',
  run(call) {
    const key = call.key(1)
    const entry = call.db.findForWrite(key)
    if (entry === NONE || !call.db.clearExpiry(entry)) return call.reply.integer(0)
    call.changed(key, 'persist')
    call.reply.integer(1)
  },
})
