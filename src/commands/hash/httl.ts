// HTTL, HPTTL, HEXPIRETIME, HPEXPIRETIME: the expiry times of a hash's fields.

import { ABSENT, Hash } from '../../store/hash/hash.ts'
import type { Call } from '../call.ts'
import { type CommandSpec, defineCommand } from '../define-command.ts'
import { fieldsArgument, readFields, showFieldExpiry } from './field-arguments.ts'

/** `baseMs` is what the answers count from: now, or 0. */
function show(call: Call, unitMs: 1 | 1000, baseMs: number): void {
  const { args, reply } = call
  const hash = call.db.getForRead(call.key(1), Hash)
  const first = readFields(call, 2)
  reply.array(args.length - first)
  for (let i = first; i < args.length; i++) {
    const slot = hash === undefined ? ABSENT : hash.find(args.bytes(i))
    reply.integer(slot === ABSENT ? -2 : showFieldExpiry(hash!.expiryOf(slot), baseMs, unitMs))
  }
}

const common = {
  group: 'hash',
  since: '7.4.0',
  complexity: 'O(N) where N is the number of fields named.',
  arity: -5,
  flags: ['readonly', 'fast'],
  keys: [{ first: 1, last: 1, step: 1, access: 'RO', use: 'access' }],
  args: [{ name: 'key', type: 'key' }, fieldsArgument],
} as const satisfies Partial<CommandSpec>

const left = { ...common, tips: ['nondeterministic_output'] } as const

export const httl = defineCommand({
  ...left,
  name: 'HTTL',
  summary: 'Returns how many seconds fields of a hash have to live.',
  reply: 'array: for each field the seconds left, -1 when it never expires, -2 when there is none',
  run: (call) => show(call, 1000, call.now()),
})

export const hpttl = defineCommand({
  ...left,
  name: 'HPTTL',
  summary: 'Returns how many milliseconds fields of a hash have to live.',
  reply: 'array: for each field the milliseconds left, -1 when it never expires, -2 when there is none',
  run: (call) => show(call, 1, call.now()),
})

export const hexpiretime = defineCommand({
  ...common,
  name: 'HEXPIRETIME',
  summary: 'Returns when fields of a hash expire, in Unix seconds.',
  reply: 'array: for each field the time, -1 when it never expires, -2 when there is none',
  run: (call) => show(call, 1000, 0),
})

export const hpexpiretime = defineCommand({
  ...common,
  name: 'HPEXPIRETIME',
  summary: 'Returns when fields of a hash expire, in Unix milliseconds.',
  reply: 'array: for each field the time, -1 when it never expires, -2 when there is none',
  run: (call) => show(call, 1, 0),
})
