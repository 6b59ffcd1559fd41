// HGETDEL: returns fields of a hash and removes them.

import type { Word } from '../../engine/effects/effects.ts'
import { Hash } from '../../store/hash/hash.ts'
import { Bytes } from '../../util/bytes/bytes.ts'
import { defineCommand } from '../define-command.ts'
import { fieldsArgument, readFields } from './field-arguments.ts'

const value = new Bytes()

export const hgetdel = defineCommand({
  name: 'HGETDEL',
  summary: 'Returns the values of fields of a hash and removes the fields.',
  group: 'hash',
  since: '8.0.0',
  complexity: 'O(N) where N is the number of fields named.',
  arity: -5,
  flags: ['write', 'fast'],
  keys: [{ first: 1, last: 1, step: 1, access: 'RW', use: ['access', 'delete'] }],
  args: [{ name: 'key', type: 'key' }, fieldsArgument],
  reply: 'array: the values, nil for each field that does not exist',
  run(call) {
    const { args, reply } = call
    const key = call.key(1)
    const hash = call.db.getForWrite(key, Hash)
    const first = readFields(call, 2)
    const removed: Word[] = []
    reply.array(args.length - first)
    for (let i = first; i < args.length; i++) {
      const field = args.bytes(i)
      if (hash?.get(field, value) === true) {
        reply.bulk(value)
        hash.delete(field)
        removed.push(field)
      } else {
        reply.nil()
      }
    }
    if (removed.length === 0) return
    call.propagate('HDEL', key, ...removed)
    call.removed(key, 'hdel', removed.length, hash!.isEmpty)
  },
})
