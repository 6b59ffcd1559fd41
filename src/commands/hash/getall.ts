// HGETALL, HKEYS, HVALS: all fields of a hash, or their names or values alone, in one walk from the
// store to the reply.

import { Hash } from '../../store/hash/hash.ts'
import type { Call } from '../call.ts'
import { type CommandSpec, defineCommand } from '../define-command.ts'

function half(call: Call, parts: 'fields' | 'values'): void {
  const hash = call.db.getForRead(call.key(1), Hash)
  call.reply.array(hash === undefined ? 0 : hash.length)
  hash?.writeAll(call.reply, parts)
}

const common = {
  group: 'hash',
  since: '2.0.0',
  complexity: 'O(N) where N is the number of fields.',
  arity: 2,
  flags: ['readonly'],
  keys: [{ first: 1, last: 1, step: 1, access: 'RO', use: 'access' }],
  args: [{ name: 'key', type: 'key' }],
  tips: ['nondeterministic_output_order'],
} as const satisfies Partial<CommandSpec>

export const hgetall = defineCommand({
  ...common,
  name: 'HGETALL',
  summary: 'Returns all fields of a hash with their values.',
  reply: 'map: fields and values, empty when there is no hash',
  run(call) {
    const hash = call.db.getForRead(call.key(1), Hash)
    call.reply.map(hash === undefined ? 0 : hash.length)
    hash?.writeAll(call.reply, 'both')
  },
})

export const hkeys = defineCommand({
  ...common,
  name: 'HKEYS',
  summary: 'Returns all fields of a hash.',
  reply: 'array: the fields, empty when there is no hash',
  run: (call) => half(call, 'fields'),
})

export const hvals = defineCommand({
  ...common,
  name: 'HVALS',
  summary: 'Returns all values of a hash.',
  reply: 'array: the values, empty when there is no hash',
  run: (call) => half(call, 'values'),
})
