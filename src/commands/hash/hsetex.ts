// HSETEX: sets fields of a hash together with their expiry time, all of them or none.
//
// It is journaled as HSETEX without conditions and with an absolute time. If that time has passed,
// it is journaled as the removal of the fields.

import type { Word } from '../../engine/effects/effects.ts'
import { noteFieldExpiry } from '../../store/hash/field-expiry.ts'
import { ABSENT, Hash } from '../../store/hash/hash.ts'
import type { Call } from '../call.ts'
import { defineCommand } from '../define-command.ts'
import { expirations, type FieldOptions, readFieldOptions } from './field-options.ts'
import { hashForAdding, setFields } from './hash-arguments.ts'

function run(call: Call): void {
  const key = call.key(1)
  const options = readFieldOptions(call, 'KEEPTTL', 2)
  const existing = call.db.getForWrite(key, Hash)
  if (!holds(call, existing, options)) {
    call.reply.integer(0)
    return
  }
  const { expiry } = options
  if (typeof expiry === 'number' && expiry <= call.now() && call.expires) remove(call, existing, options)
  else set(call, existing ?? hashForAdding(call, key), options)
  call.reply.integer(1)
}

function holds(call: Call, hash: Hash | undefined, { condition, first, count }: FieldOptions): boolean {
  if (condition === undefined) return true
  for (let i = 0; i < count; i++) {
    const exists = hash !== undefined && hash.find(call.args.bytes(first + 2 * i)) !== ABSENT
    if (exists !== (condition === 'FXX')) return false
  }
  return true
}

function set(call: Call, hash: Hash, { expiry, first, count }: FieldOptions): void {
  const { args } = call
  const key = call.key(1)
  hash.expect(count)
  setFields(call, hash, first, count, expiry === 'keep')
  call.changed(key, 'hset', count)
  const words: Word[] = ['HSETEX', key]
  if (typeof expiry === 'number') {
    for (let i = 0; i < count; i++) hash.setExpiry(hash.find(args.bytes(first + 2 * i)), expiry)
    noteFieldExpiry(call.db, call.db.keys.find(key), hash)
    words.push('PXAT', expiry)
    call.notify(key, 'hexpire')
  } else if (expiry === 'keep') {
    words.push('KEEPTTL')
  }
  words.push('FIELDS', count)
  for (let i = first; i < args.length; i++) words.push(args.bytes(i))
  call.propagate(...words)
}

/** The time has passed, so existing fields are removed and new ones are not created. */
function remove(call: Call, hash: Hash | undefined, { first, count }: FieldOptions): void {
  const key = call.key(1)
  const removed: Word[] = []
  for (let i = 0; i < count; i++) {
    const field = call.args.bytes(first + 2 * i)
    if (hash?.delete(field) === true) removed.push(field)
  }
  if (removed.length === 0) {
    call.propagateNothing()
    return
  }
  call.propagate('HDEL', key, ...removed)
  call.removed(key, 'hdel', removed.length, hash!.isEmpty)
}

export const hsetex = defineCommand({
  name: 'HSETEX',
  summary: 'Sets fields of a hash together with their expiry.',
  group: 'hash',
  since: '8.0.0',
  complexity: 'O(N) where N is the number of fields.',
  arity: -6,
  flags: ['write', 'denyoom', 'fast'],
  keys: [{ first: 1, last: 1, step: 1, access: 'RW', use: 'update' }],
  args: [
    { name: 'key', type: 'key' },
    {
      name: 'condition',
      type: 'oneof',
      optional: true,
      args: [
        { name: 'fnx', type: 'pure-token', token: 'FNX' },
        { name: 'fxx', type: 'pure-token', token: 'FXX' },
      ],
    },
    {
      name: 'expiration',
      type: 'oneof',
      optional: true,
      args: [...expirations, { name: 'keepttl', type: 'pure-token', token: 'KEEPTTL' }],
    },
    {
      name: 'fields',
      type: 'block',
      token: 'FIELDS',
      args: [
        { name: 'numfields', type: 'integer' },
        {
          name: 'data',
          type: 'block',
          multiple: true,
          args: [
            { name: 'field', type: 'string' },
            { name: 'value', type: 'string' },
          ],
        },
      ],
    },
  ],
  reply: 'integer: 1 when all are set, 0 when the condition does not hold',
  run,
})
