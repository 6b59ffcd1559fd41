// TTL, PTTL, EXPIRETIME, PEXPIRETIME: the expiry time of a key.

import { NONE } from '../../store/keyspace/keyspace.ts'
import type { Call } from '../call.ts'
import { type CommandSpec, defineCommand } from '../define-command.ts'
import { showExpiry } from './expiry-times.ts'

const NO_SUCH_KEY = -2
const NEVER = -1

function replyExpiry(call: Call, unitMs: 1 | 1000, baseMs: number): void {
  const entry = call.db.peek(call.key(1))
  const expiry = entry === NONE ? undefined : call.db.expiryOf(entry)
  if (expiry !== undefined) call.reply.integer(showExpiry(expiry, baseMs, unitMs))
  else call.reply.integer(entry === NONE ? NO_SUCH_KEY : NEVER)
}

const common = {
  group: 'generic',
  complexity: 'O(1)',
  acl: ['keyspace'],
  arity: 2,
  flags: ['readonly', 'fast'],
  keys: [{ first: 1, last: 1, step: 1, access: 'RO', use: 'access' }],
  args: [{ name: 'key', type: 'key' }],
} as const satisfies Partial<CommandSpec>

const left = {
  ...common,
  tips: ['nondeterministic_output'],
  history: [['2.8.0', 'Tells a missing key (-2) from one that never expires (-1).']],
} as const satisfies Partial<CommandSpec>

export const ttl = defineCommand({
  ...left,
  name: 'TTL',
  summary: 'Tells how many seconds a key has left.',
  since: '1.0.0',
  reply: 'integer: seconds; -1 = never expires, -2 = no such key',
  run: (call) => replyExpiry(call, 1000, call.now()),
})

export const pttl = defineCommand({
  ...left,
  name: 'PTTL',
  summary: 'Tells how many milliseconds a key has left.',
  since: '2.6.0',
  reply: 'integer: milliseconds; -1 = never expires, -2 = no such key',
  run: (call) => replyExpiry(call, 1, call.now()),
})

export const expiretime = defineCommand({
  ...common,
  name: 'EXPIRETIME',
  summary: 'Tells when a key expires, in Unix seconds.',
  since: '7.0.0',
  reply: 'integer: Unix seconds; -1 = never, -2 = no such key',
  run: (call) => replyExpiry(call, 1000, 0),
})

export const pexpiretime = defineCommand({
  ...common,
  name: 'PEXPIRETIME',
  summary: 'Tells when a key expires, in Unix milliseconds.',
  since: '7.0.0',
  reply: 'integer: Unix milliseconds; -1 = never, -2 = no such key',
  run: (call) => replyExpiry(call, 1, 0),
})
