// HPERSIST: removes the expiry times of fields of a hash.

import type { Word } from '../../engine/effects/effects.ts'
import { ABSENT, Hash } from '../../store/hash/hash.ts'
import { defineCommand } from '../define-command.ts'
import { fieldsArgument, persisted, readFields } from './field-arguments.ts'

export const hpersist = defineCommand({
  name: 'HPERSIST',
  summary: 'Drops the expiry of fields of a hash.',
  group: 'hash',
  since: '7.4.0',
  complexity: 'O(N) where N is the number of fields named.',
  arity: -5,
  flags: ['write', 'fast'],
  keys: [{ first: 1, last: 1, step: 1, access: 'RW', use: 'update' }],
  args: [{ name: 'key', type: 'key' }, fieldsArgument],
  reply: 'array: for each field 1 when it expires no more, -1 when it never did, -2 when there is none',
  run(call) {
    const { args, reply } = call
    const hash = call.db.getForWrite(call.key(1), Hash)
    const first = readFields(call, 2)
    const fields: Word[] = []
    reply.array(args.length - first)
    for (let i = first; i < args.length; i++) {
      const slot = hash === undefined ? ABSENT : hash.find(args.bytes(i))
      if (slot === ABSENT) {
        reply.integer(-2)
      } else if (hash!.clearExpiry(slot)) {
        fields.push(args.bytes(i))
        reply.integer(1)
      } else {
        reply.integer(-1)
      }
    }
    persisted(call, fields)
  },
})
