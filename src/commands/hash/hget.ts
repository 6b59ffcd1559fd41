// HGET, HSTRLEN, HEXISTS: one field of a hash.

import { ABSENT, Hash } from '../../store/hash/hash.ts'
import { Bytes } from '../../util/bytes/bytes.ts'
import type { Call } from '../call.ts'
import { type CommandSpec, defineCommand } from '../define-command.ts'

const value = new Bytes()

/** Points `value` at the value of the field that the call names; returns false if there is none. */
function read(call: Call): boolean {
  const hash = call.db.getForRead(call.key(1), Hash)
  return hash?.get(call.args.bytes(2), value) === true
}

const common = {
  group: 'hash',
  complexity: 'O(1)',
  arity: 3,
  flags: ['readonly', 'fast'],
  keys: [{ first: 1, last: 1, step: 1, access: 'RO' }],
  args: [
    { name: 'key', type: 'key' },
    { name: 'field', type: 'string' },
  ],
} as const satisfies Partial<CommandSpec>

export const hget = defineCommand({
  ...common,
  name: 'HGET',
  summary: 'Returns the value of a field of a hash.',
  since: '2.0.0',
  keys: [{ first: 1, last: 1, step: 1, access: 'RO', use: 'access' }],
  reply: 'bulk string: the value; nil when there is no such field',
  run(call) {
    if (read(call)) call.reply.bulk(value)
    else call.reply.nil()
  },
})

export const hstrlen = defineCommand({
  ...common,
  name: 'HSTRLEN',
  summary: 'Returns how many bytes the value of a field of a hash has.',
  since: '3.2.0',
  reply: 'integer: the length, 0 when there is no such field',
  run: (call) => call.reply.integer(read(call) ? value.length : 0),
})

export const hexists = defineCommand({
  ...common,
  name: 'HEXISTS',
  summary: 'Tells whether a field of a hash exists.',
  since: '2.0.0',
  reply: 'integer: 1 when it exists, else 0',
  run(call) {
    const hash = call.db.getForRead(call.key(1), Hash)
    call.reply.integer(hash === undefined || hash.find(call.args.bytes(2)) === ABSENT ? 0 : 1)
  },
})
