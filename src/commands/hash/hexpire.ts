// HEXPIRE, HPEXPIRE, HEXPIREAT, HPEXPIREAT: let fields of a hash expire.
//
// All four come down to a point in time in Unix milliseconds, and are journaled
// as HPEXPIREAT, so that a replay needs no clock; fields whose time is past are
// removed, and journaled as HDEL. While the journal is replayed such fields
// stay: history says later what became of them.

import { ABSENT, Hash, NEVER } from '../../store/hash/hash.ts'
import type { Call } from '../call.ts'
import { type CommandSpec, defineCommand } from '../define-command.ts'
import { Expiring, fieldsArgument, readFieldExpiry, readFieldsToExpire } from './field-arguments.ts'

type Condition = 'NX' | 'XX' | 'GT' | 'LT'
const CONDITIONS: readonly Condition[] = ['NX', 'XX', 'GT', 'LT']

const NO_FIELD = -2
const NOT_MET = 0
const SET = 1
const DELETED = 2

const expiring = new Expiring()

/** `baseMs` is what the time counts from: now, or 0. */
function expire(call: Call, unitMs: 1 | 1000, baseMs: number): void {
  const { args, reply } = call
  const hash = call.db.getForWrite(call.key(1), Hash)
  const time = readFieldExpiry(call, 2, unitMs, baseMs)
  const condition = CONDITIONS.find((word) => args.equalsIgnoreCase(3, word))
  const first = readFieldsToExpire(call, condition === undefined ? 3 : 4)
  reply.array(args.length - first)
  if (hash === undefined) {
    for (let i = first; i < args.length; i++) reply.integer(NO_FIELD)
    return
  }
  expiring.begin()
  for (let i = first; i < args.length; i++) {
    const field = args.bytes(i)
    const slot = hash.find(field)
    if (slot === ABSENT) reply.integer(NO_FIELD)
    else if (!holds(condition, hash.expiryOf(slot), time)) reply.integer(NOT_MET)
    else reply.integer(expiring.expire(call, hash, slot, field, time) ? DELETED : SET)
  }
  expiring.end(call, hash, time)
}

/**
 * Returns true if a condition allows the change. A field that never expires counts as expiring
 * after all others.
 */
function holds(condition: Condition | undefined, currentMs: number, newMs: number): boolean {
  switch (condition) {
    case 'NX':
      return currentMs === NEVER
    case 'XX':
      return currentMs !== NEVER
    case 'GT':
      return newMs > currentMs
    case 'LT':
      return newMs < currentMs
    default:
      return true
  }
}

const common = {
  group: 'hash',
  since: '7.4.0',
  complexity: 'O(N) where N is the number of fields named.',
  arity: -6,
  flags: ['write', 'denyoom', 'fast'],
  keys: [{ first: 1, last: 1, step: 1, access: 'RW', use: 'update' }],
  reply:
    'array: for each field 1 when set, 0 when the condition does not hold, 2 when the time is past and the field gone, -2 when there is none',
} as const satisfies Partial<CommandSpec>

const condition = {
  name: 'condition',
  type: 'oneof',
  optional: true,
  args: [
    { name: 'nx', type: 'pure-token', token: 'NX' },
    { name: 'xx', type: 'pure-token', token: 'XX' },
    { name: 'gt', type: 'pure-token', token: 'GT' },
    { name: 'lt', type: 'pure-token', token: 'LT' },
  ],
} as const

export const hexpire = defineCommand({
  ...common,
  name: 'HEXPIRE',
  summary: 'Lets fields of a hash expire after some seconds.',
  args: [{ name: 'key', type: 'key' }, { name: 'seconds', type: 'integer' }, condition, fieldsArgument],
  run: (call) => expire(call, 1000, call.now()),
})

export const hpexpire = defineCommand({
  ...common,
  name: 'HPEXPIRE',
  summary: 'Lets fields of a hash expire after some milliseconds.',
  args: [{ name: 'key', type: 'key' }, { name: 'milliseconds', type: 'integer' }, condition, fieldsArgument],
  run: (call) => expire(call, 1, call.now()),
})

export const hexpireat = defineCommand({
  ...common,
  name: 'HEXPIREAT',
  summary: 'Lets fields of a hash expire at a point in time, in Unix seconds.',
  args: [{ name: 'key', type: 'key' }, { name: 'unix-time-seconds', type: 'unix-time' }, condition, fieldsArgument],
  run: (call) => expire(call, 1000, 0),
})

export const hpexpireat = defineCommand({
  ...common,
  name: 'HPEXPIREAT',
  summary: 'Lets fields of a hash expire at a point in time, in Unix milliseconds.',
  args: [
    { name: 'key', type: 'key' },
    { name: 'unix-time-milliseconds', type: 'unix-time' },
    condition,
    fieldsArgument,
  ],
  run: (call) => expire(call, 1, 0),
})
