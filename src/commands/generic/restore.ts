// RESTORE: creates a key from the output of DUMP, here or in another server.
//
// It is journaled with an absolute expiry time. If that time has passed, no key is created, and
// REPLACE still removes the old one. During a replay the key is created nevertheless, since a later
// command may have kept it alive.

import type { Word } from '../../engine/effects/effects.ts'
import { RdbDamage } from '../../persistence/rdb/damage.ts'
import { isPayload, payloadReader } from '../../persistence/rdb/payload.ts'
import { ERR } from '../../protocol/errors.ts'
import { NONE } from '../../store/keyspace/keyspace.ts'
import type { Value } from '../../store/structures/value.ts'
import { Bytes } from '../../util/bytes/bytes.ts'
import { INT64_MAX, narrow } from '../../util/numbers/numbers.ts'
import type { Call } from '../call.ts'
import { defineCommand } from '../define-command.ts'

const invalidTtl = ERR.of('Invalid TTL value, must be >= 0')
const invalidIdleTime = ERR.of('Invalid IDLETIME value, must be >= 0')
const invalidFrequency = ERR.of('Invalid FREQ value, must be >= 0 and <= 255')

interface RestoreOptions {
  replace: boolean
  absolute: boolean
  idleSeconds: number
  frequency: number
}

export const restore = defineCommand({
  name: 'RESTORE',
  summary: 'Creates a key from bytes that DUMP gave.',
  group: 'generic',
  since: '2.6.0',
  complexity: 'O(N) with N bytes of the value; O(N*log(N)) with N members of a sorted set',
  acl: ['keyspace', 'dangerous'],
  arity: -4,
  flags: ['write', 'denyoom'],
  keys: [{ first: 1, last: 1, step: 1, access: 'OW', use: 'update' }],
  args: [
    { name: 'key', type: 'key' },
    { name: 'ttl', type: 'integer' },
    { name: 'serialized-value', type: 'string' },
    { name: 'replace', type: 'pure-token', token: 'REPLACE', optional: true, since: '3.0.0' },
    { name: 'absttl', type: 'pure-token', token: 'ABSTTL', optional: true, since: '5.0.0' },
    { name: 'seconds', type: 'integer', token: 'IDLETIME', optional: true, since: '5.0.0' },
    { name: 'frequency', type: 'integer', token: 'FREQ', optional: true, since: '5.0.0' },
  ],
  history: [
    ['3.0.0', 'Replaces a key with `REPLACE`.'],
    ['5.0.0', 'Takes a point in time with `ABSTTL`.'],
    ['5.0.0', 'Takes over when, or how often, a key was used with `IDLETIME` and `FREQ`.'],
  ],
  reply: 'OK',
  run(call) {
    const options = readOptions(call)
    const { db } = call
    const key = call.key(1)
    const existing = db.find(key)
    if (!options.replace && existing !== NONE) throw ERR.busyKey
    const ttl = call.args.integer(2)
    if (ttl < 0) throw invalidTtl
    const payload = call.args.bytes(3)
    if (!isPayload(payload, call.engine.conditions.switches.comparesChecksums)) throw ERR.payloadFooter
    const value = readValue(call, payload)
    const expiry = ttl === 0 ? undefined : expiryOf(call, ttl, options.absolute)

    if (expiry !== undefined && expiry <= call.now() && call.expires) {
      if (!(value instanceof Bytes)) value.free()
      if (existing !== NONE) {
        db.delete(key)
        call.propagate(call.engine.data.dataset.removalWord('del'), key)
        call.changed(key, 'del')
      }
      return call.reply.ok()
    }
    create(call, key, value)
    // Not `db.find`, which would remove the due fields of a hash, and the key with the last of
    // them.
    const entry = db.keys.find(key)
    if (expiry !== undefined) db.setExpiry(entry, Number(expiry))
    db.setUse(entry, options.idleSeconds, options.frequency)
    if (expiry !== undefined && !options.absolute) propagate(call, expiry, options)
    call.changed(key, 'restore')
    call.reply.ok()
  },
})

function readOptions(call: Call): RestoreOptions {
  const found: RestoreOptions = { replace: false, absolute: false, idleSeconds: -1, frequency: -1 }
  const options = call.options(4)
  while (options.next()) {
    if (options.is('REPLACE')) found.replace = true
    else if (options.is('ABSTTL')) found.absolute = true
    else if (options.is('IDLETIME') && options.has(1) && found.frequency === -1) {
      const seconds = call.args.integer(options.index + 1)
      if (seconds < 0) throw invalidIdleTime
      found.idleSeconds = Math.min(Number(seconds), 0x7fffffff)
      options.next()
    } else if (options.is('FREQ') && options.has(1) && found.idleSeconds === -1) {
      const frequency = call.args.integer(options.index + 1)
      if (frequency < 0 || frequency > 255) throw invalidFrequency
      found.frequency = Number(frequency)
      options.next()
    } else throw ERR.syntax
  }
  return found
}

function readValue(call: Call, payload: Bytes): Value | Bytes {
  try {
    return payloadReader.read(payload, call.db)
  } catch (error) {
    if (!(error instanceof RdbDamage)) throw error
    call.engine.environment.log.debug(
      { key: call.key(1).toString(), reason: error.message },
      'RESTORE: the payload is damaged',
    )
    throw ERR.payloadFormat
  }
}

/**
 * Returns the expiry time of the key in Unix milliseconds; the latest possible time if the result
 * is beyond int64.
 */
function expiryOf(call: Call, ttl: number | bigint, absolute: boolean): number | bigint {
  if (absolute) return ttl
  return narrow(BigInt(ttl) + BigInt(Math.floor(call.now()))) ?? INT64_MAX
}

/** Redis removes the old value and adds the key again. Here, too, the key gets a new entry. */
function create(call: Call, key: Bytes, value: Value | Bytes): void {
  const { db } = call
  db.delete(key)
  if (value instanceof Bytes) db.writeString(key, value)
  else db.create(key, value)
}

function propagate(call: Call, expiry: number | bigint, options: RestoreOptions): void {
  const words: Word[] = ['RESTORE', call.key(1), expiry, call.args.bytes(3), 'ABSTTL']
  if (options.replace) words.push('REPLACE')
  if (options.idleSeconds !== -1) words.push('IDLETIME', options.idleSeconds)
  if (options.frequency !== -1) words.push('FREQ', options.frequency)
  call.propagate(...words)
}
