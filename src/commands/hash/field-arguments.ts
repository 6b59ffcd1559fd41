// Arguments of the commands about expiring fields: `FIELDS numfields field …`, and times.

import type { Word } from '../../engine/effects/effects.ts'
import type { ArgSpec } from '../../engine/spec/command.ts'
import { ERR } from '../../protocol/errors.ts'
import { noteFieldExpiry } from '../../store/hash/field-expiry.ts'
import { type Hash, NEVER } from '../../store/hash/hash.ts'
import type { Bytes } from '../../util/bytes/bytes.ts'
import { parseInteger } from '../../util/numbers/numbers.ts'
import type { Call } from '../call.ts'

/** The last moment at which a field can expire: Redis keeps 46 bits of milliseconds. */
const FIELD_EXPIRY_MAX = 2 ** 46 - 1

const FIELDS_MISSING = ERR.of('Mandatory argument FIELDS is missing or not at the right position')
const COUNT_NOT_POSITIVE = ERR.of('Number of fields must be a positive integer')
const COUNT_MISMATCH = ERR.of('The `numfields` parameter must match the number of arguments')
const EXPIRE_COUNT_NOT_POSITIVE = ERR.of('Parameter `numFields` should be greater than 0')
const EXPIRE_COUNT_MISMATCH = ERR.of('The `numFields` parameter must match the number of arguments')
const EXPIRE_NEGATIVE = ERR.of('invalid expire time, must be >= 0')

export const fieldsArgument = {
  name: 'fields',
  type: 'block',
  token: 'FIELDS',
  args: [
    { name: 'numfields', type: 'integer' },
    { name: 'field', type: 'string', multiple: true },
  ],
} as const satisfies ArgSpec

/**
 * Checks `FIELDS numfields field …` at argument `at`. It must take up all remaining arguments.
 * Returns the index of the first field.
 */
export function readFields(call: Call, at: number): number {
  return read(call, at, COUNT_NOT_POSITIVE, COUNT_MISMATCH)
}

/** Like `readFields`, with the error texts of HEXPIRE. */
export function readFieldsToExpire(call: Call, at: number): number {
  return read(call, at, EXPIRE_COUNT_NOT_POSITIVE, EXPIRE_COUNT_MISMATCH)
}

function read(call: Call, at: number, notPositive: typeof FIELDS_MISSING, mismatch: typeof FIELDS_MISSING): number {
  const { args } = call
  if (at >= args.length || !args.equalsIgnoreCase(at, 'FIELDS')) throw FIELDS_MISSING
  const count = at + 1 < args.length ? parseInteger(args.bytes(at + 1)) : undefined
  if (count === undefined || count < 1) throw notPositive
  if (count !== args.length - at - 2) throw mismatch
  return at + 2
}

/** Reads argument `i` as the expiry time of fields, in Unix milliseconds. */
export function readFieldExpiry(call: Call, i: number, unitMs: 1 | 1000, baseMs: number): number {
  const value = call.args.integer(i)
  if (value < 0) throw EXPIRE_NEGATIVE
  // A clock may have fractions of a millisecond; times in the journal are whole.
  const base = Math.floor(baseMs)
  const time = Number(value) * unitMs + base
  if (time > FIELD_EXPIRY_MAX) throw ERR.invalidExpire(call.command.name)
  return time
}

/** The fields of one command by outcome; one object, reused. */
export class Expiring {
  readonly #updated: Word[] = []
  readonly #deleted: Word[] = []

  begin(): this {
    this.#updated.length = 0
    this.#deleted.length = 0
    return this
  }

  /**
   * Sets the expiry time of the field in a slot, or removes the field if that time has passed.
   * Returns true if it was removed.
   */
  expire(call: Call, hash: Hash, slot: number, field: Bytes, timeMs: number): boolean {
    if (timeMs <= call.now() && call.expires) {
      hash.delete(field)
      this.#deleted.push(field)
      return true
    }
    hash.setExpiry(slot, timeMs)
    this.#updated.push(field)
    return false
  }

  /**
   * Propagates the outcome of `expire`, raises its events, and removes the key if its last field is
   * gone.
   */
  end(call: Call, hash: Hash, timeMs: number): void {
    const key = call.key(1)
    const updated = this.#updated
    const deleted = this.#deleted
    if (updated.length > 0) {
      noteFieldExpiry(call.db, call.db.keys.find(key), hash)
      call.propagate('HPEXPIREAT', key, timeMs, 'FIELDS', updated.length, ...updated)
      call.changed(key, 'hexpire', updated.length)
    }
    if (deleted.length > 0) {
      call.propagate('HDEL', key, ...deleted)
      call.changed(key, 'hdel', deleted.length)
    }
    if (hash.isEmpty) {
      call.db.delete(key)
      call.notify(key, 'del')
    }
    this.begin()
  }
}

/** Propagates and announces that fields no longer expire. */
export function persisted(call: Call, fields: readonly Word[]): void {
  if (fields.length === 0) return
  call.propagate('HPERSIST', call.key(1), 'FIELDS', fields.length, ...fields)
  call.changed(call.key(1), 'hpersist', fields.length)
}

/**
 * Returns an expiry time as HTTL and its relatives print it; seconds are rounded up. -1 = never.
 */
export function showFieldExpiry(expiry: number, baseMs: number, unitMs: 1 | 1000): number {
  if (expiry === NEVER) return -1
  return Math.ceil(Math.max(0, expiry - Math.floor(baseMs)) / unitMs)
}
