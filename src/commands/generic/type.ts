// TYPE: the type of the value under a key.

import { NONE } from '../../store/keyspace/keyspace.ts'
import { TYPE_NAMES } from '../../store/structures/value.ts'
import { itemAt } from '../../util/array-reads.ts'
import { defineCommand } from '../define-command.ts'

export const type = defineCommand({
  name: 'TYPE',
  summary: 'Names the type of the value under a key.',
  group: 'generic',
  since: '1.0.0',
  complexity: 'O(1)',
  acl: ['keyspace'],
  arity: 2,
  flags: ['readonly', 'fast'],
  keys: [{ first: 1, last: 1, step: 1, access: 'RO' }],
  args: [{ name: 'key', type: 'key' }],
  reply: 'status: string, list, set, zset, hash or stream; none when the key does not exist',
  run(call) {
    const entry = call.db.peek(call.key(1))
    call.reply.status(entry === NONE ? 'none' : itemAt(TYPE_NAMES, call.db.typeOf(entry)))
  },
})
