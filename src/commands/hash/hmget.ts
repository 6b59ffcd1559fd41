// HMGET: several fields of a hash.

import { Hash } from '../../store/hash/hash.ts'
import { Bytes } from '../../util/bytes/bytes.ts'
import { defineCommand } from '../define-command.ts'

const value = new Bytes()

export const hmget = defineCommand({
  name: 'HMGET',
  summary: 'Returns the values of several fields of a hash.',
  group: 'hash',
  since: '2.0.0',
  complexity: 'O(N) where N is the number of fields asked for.',
  arity: -3,
  flags: ['readonly', 'fast'],
  keys: [{ first: 1, last: 1, step: 1, access: 'RO', use: 'access' }],
  args: [
    { name: 'key', type: 'key' },
    { name: 'field', type: 'string', multiple: true },
  ],
  reply: 'array: the values, nil for each field that does not exist',
  run(call) {
    const { args, reply } = call
    const hash = call.db.getForRead(call.key(1), Hash)
    reply.array(args.length - 2)
    for (let i = 2; i < args.length; i++) {
      if (hash?.get(args.bytes(i), value) === true) reply.bulk(value)
      else reply.nil()
    }
  },
})
