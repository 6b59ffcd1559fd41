// HGETEX: returns fields of a hash, and sets or removes their expiry times.
//
// Journaled as HPEXPIREAT, HPERSIST or HDEL, as its effect was.

import type { Word } from '../../engine/effects/effects.ts'
import { ABSENT, Hash } from '../../store/hash/hash.ts'
import { Bytes } from '../../util/bytes/bytes.ts'
import { defineCommand } from '../define-command.ts'
import { Expiring, fieldsArgument, persisted } from './field-arguments.ts'
import { expirations, readFieldOptions } from './field-options.ts'

const value = new Bytes()
const expiring = new Expiring()

export const hgetex = defineCommand({
  name: 'HGETEX',
  summary: 'Returns the values of fields of a hash and sets or drops their expiry.',
  group: 'hash',
  since: '8.0.0',
  complexity: 'O(N) where N is the number of fields named.',
  arity: -5,
  flags: ['write', 'fast'],
  keys: [{ first: 1, last: 1, step: 1, access: 'RW', use: ['access', 'update'] }],
  args: [
    { name: 'key', type: 'key' },
    {
      name: 'expiration',
      type: 'oneof',
      optional: true,
      args: [...expirations, { name: 'persist', type: 'pure-token', token: 'PERSIST' }],
    },
    fieldsArgument,
  ],
  reply: 'array: the values, nil for each field that does not exist',
  run(call) {
    const { args, reply } = call
    const hash = call.db.getForWrite(call.key(1), Hash)
    const { expiry, first } = readFieldOptions(call, 'PERSIST', 1)
    const persistedFields: Word[] = []
    reply.array(args.length - first)
    for (let i = first; i < args.length; i++) {
      const field = args.bytes(i)
      const slot = hash === undefined ? ABSENT : hash.find(field)
      if (slot === ABSENT) {
        reply.nil()
        continue
      }
      reply.bulk(hash!.valueOf(slot, value))
      if (expiry === 'keep') {
        if (hash!.clearExpiry(slot)) persistedFields.push(field)
      } else if (expiry !== undefined) {
        expiring.expire(call, hash!, slot, field, expiry)
      }
    }
    persisted(call, persistedFields)
    if (hash !== undefined && typeof expiry === 'number') expiring.end(call, hash, expiry)
  },
})
