// HSET, HMSET: set fields of a hash.
//
// Only their replies differ.

import { ERR } from '../../protocol/errors.ts'
import type { Call } from '../call.ts'
import { type CommandSpec, defineCommand } from '../define-command.ts'
import { hashForAdding, setFields } from './hash-arguments.ts'

/** Sets the fields and returns how many are new. */
function set(call: Call): number {
  const { args } = call
  if ((args.length & 1) === 1) throw ERR.arity(call.command.name)
  const key = call.key(1)
  const hash = hashForAdding(call, key)
  const count = (args.length - 2) >>> 1
  if (count > 1) hash.expect(count)
  const created = setFields(call, hash, 2, count)
  call.changed(key, 'hset', count)
  return created
}

const common = {
  group: 'hash',
  since: '2.0.0',
  arity: -4,
  flags: ['write', 'denyoom', 'fast'],
  keys: [{ first: 1, last: 1, step: 1, access: 'RW', use: 'update' }],
  args: [
    { name: 'key', type: 'key' },
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
} as const satisfies Partial<CommandSpec>

export const hset = defineCommand({
  ...common,
  name: 'HSET',
  summary: 'Sets fields of a hash, creating it if needed.',
  complexity: 'O(1) for each field.',
  reply: 'integer: how many of the fields are new',
  history: [['4.0.0', 'Accepts several fields.']],
  run: (call) => call.reply.integer(set(call)),
})

export const hmset = defineCommand({
  ...common,
  name: 'HMSET',
  summary: 'Sets fields of a hash, creating it if needed.',
  complexity: 'O(N) where N is the number of fields.',
  reply: 'OK',
  deprecated: { since: '4.0.0', instead: '`HSET` with multiple field-value pairs' },
  run(call) {
    set(call)
    call.reply.ok()
  },
})
