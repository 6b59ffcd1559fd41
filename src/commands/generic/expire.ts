// EXPIRE, PEXPIRE, EXPIREAT, PEXPIREAT: set the expiry time of a key.
//
// They are journaled as PEXPIREAT, because the journal is replayed at another time. A time in the
// past removes the key, and is journaled as DEL. During a replay such a key is kept, because a
// PERSIST may follow.

import { ERR } from '../../protocol/errors.ts'
import { NONE } from '../../store/keyspace/keyspace.ts'
import type { Call } from '../call.ts'
import { type CommandSpec, defineCommand } from '../define-command.ts'
import { readExpiry } from './expiry-times.ts'

/** Conditions; bits. */
const NX = 1
const XX = 2
const GT = 4
const LT = 8

/** Reads the request, its time counted from `baseMs`, and replies. */
function expireFrom(call: Call, unitMs: 1 | 1000, baseMs: number): void {
  const conditions = call.args.length > 3 ? readConditions(call) : 0
  const time = readExpiry(call, 2, unitMs, baseMs)
  // PEXPIREAT without conditions can be journaled as it is.
  const rewrite = unitMs !== 1 || baseMs !== 0 || conditions !== 0
  call.reply.integer(setExpiry(call, time, conditions, rewrite) ? 1 : 0)
}

function setExpiry(call: Call, time: number | bigint, conditions: number, rewrite: boolean): boolean {
  const key = call.key(1)
  const { db } = call
  const removes = time <= call.now() && call.expires
  // Removing the key passes the gate by itself. So the key must not pass it before.
  const entry = removes ? db.find(key) : db.findForWrite(key)
  if (entry === NONE) return false
  if (removes && db.host.use.touches) db.touch(entry)
  if (conditions !== 0 && !holds(conditions, db.expiryOf(entry), Number(time))) return false

  if (removes) {
    db.deleteEntry(entry)
    call.propagate(call.engine.data.dataset.removalWord('expired'), key)
    call.changed(key, 'del')
    return true
  }
  db.setExpiry(entry, Number(time))
  if (rewrite) call.propagate('PEXPIREAT', key, time)
  call.changed(key, 'expire')
  return true
}

function readConditions(call: Call): number {
  let conditions = 0
  const options = call.options(3)
  while (options.next()) {
    if (options.is('NX')) conditions |= NX
    else if (options.is('XX')) conditions |= XX
    else if (options.is('GT')) conditions |= GT
    else if (options.is('LT')) conditions |= LT
    else throw ERR.of(`Unsupported option ${call.args.string(options.index)}`)
  }
  if ((conditions & NX) !== 0 && conditions !== NX) {
    throw ERR.of('NX and XX, GT or LT options at the same time are not compatible')
  }
  if ((conditions & (GT | LT)) === (GT | LT)) throw ERR.of('GT and LT options at the same time are not compatible')
  return conditions
}

/**
 * Tells whether the conditions allow the change; a key that never expires counts as expiring after
 * all others.
 */
function holds(conditions: number, currentMs: number | undefined, newMs: number): boolean {
  if (currentMs === undefined) return (conditions & (XX | GT)) === 0
  if ((conditions & NX) !== 0) return false
  if ((conditions & GT) !== 0 && newMs <= currentMs) return false
  return (conditions & LT) === 0 || newMs < currentMs
}

const common = {
  group: 'generic',
  complexity: 'O(log N) with N keys that expire',
  acl: ['keyspace'],
  arity: -3,
  flags: ['write', 'fast'],
  keys: [{ first: 1, last: 1, step: 1, access: 'RW', use: 'update' }],
  reply: 'integer: 1 when set, 0 when there is no such key or a condition does not hold',
  history: [['7.0.0', 'Conditions: `NX`, `XX`, `GT` and `LT`.']],
} as const satisfies Partial<CommandSpec>

const condition = {
  name: 'condition',
  type: 'oneof',
  since: '7.0.0',
  optional: true,
  args: [
    { name: 'nx', type: 'pure-token', token: 'NX' },
    { name: 'xx', type: 'pure-token', token: 'XX' },
    { name: 'gt', type: 'pure-token', token: 'GT' },
    { name: 'lt', type: 'pure-token', token: 'LT' },
  ],
} as const

export const expire = defineCommand({
  ...common,
  name: 'EXPIRE',
  summary: 'Lets a key expire after some seconds.',
  since: '1.0.0',
  args: [{ name: 'key', type: 'key' }, { name: 'seconds', type: 'integer' }, condition],
  run: (call) => expireFrom(call, 1000, call.now()),
})

export const pexpire = defineCommand({
  ...common,
  name: 'PEXPIRE',
  summary: 'Lets a key expire after some milliseconds.',
  since: '2.6.0',
  args: [{ name: 'key', type: 'key' }, { name: 'milliseconds', type: 'integer' }, condition],
  run: (call) => expireFrom(call, 1, call.now()),
})

export const expireat = defineCommand({
  ...common,
  name: 'EXPIREAT',
  summary: 'Lets a key expire at a point in time, in Unix seconds.',
  since: '1.2.0',
  args: [{ name: 'key', type: 'key' }, { name: 'unix-time-seconds', type: 'unix-time' }, condition],
  run: (call) => expireFrom(call, 1000, 0),
})

export const pexpireat = defineCommand({
  ...common,
  name: 'PEXPIREAT',
  summary: 'Lets a key expire at a point in time, in Unix milliseconds.',
  since: '2.6.0',
  args: [{ name: 'key', type: 'key' }, { name: 'unix-time-milliseconds', type: 'unix-time' }, condition],
  run: (call) => expireFrom(call, 1, 0),
})
