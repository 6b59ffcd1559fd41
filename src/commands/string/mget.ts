// MGET: many strings at once. A key that is missing or holds no string gives nil.

import { NONE } from '../../store/keyspace/keyspace.ts'
import { TYPE_STRING } from '../../store/structures/value.ts'
import { Bytes } from '../../util/bytes/bytes.ts'
import { defineCommand } from '../define-command.ts'

const value = new Bytes()

export const mget = defineCommand({
  name: 'MGET',
  summary: 'Returns the strings under several keys.',
  group: 'string',
  since: '1.0.0',
  complexity: 'O(n), n being the number of keys.',
  arity: -2,
  flags: ['readonly', 'fast'],
  keys: [{ first: 1, last: -1, step: 1, access: 'RO', use: 'access' }],
  args: [{ name: 'key', type: 'key', multiple: true }],
  tips: ['request_policy:multi_shard'],
  reply: 'array: for each key its value, nil when it does not exist or holds no string',
  run(call) {
    const { db, reply, args } = call
    reply.array(args.length - 1)
    for (let i = 1; i < args.length; i++) {
      const entry = db.findForRead(args.bytes(i))
      if (entry === NONE || db.typeOf(entry) !== TYPE_STRING) reply.nil()
      else reply.bulk(db.strings.read(entry, value))
    }
  },
})
