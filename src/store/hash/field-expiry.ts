// Removes the fields of hashes whose time is up.
//
// Fields expire as keys do: no client sees a field after its last millisecond, whether or not it
// was removed. The database's `find` removes due fields of the hash it was asked for, up to a
// bound; the hash hides the rest (hash.ts). The engine's timer removes fields that no command asks
// for, the earliest first. Where another server decides about expiry (`DatabaseHost.removesExpired`
// is false) no field is removed.

import { assert } from '../../util/assert.ts'
import type { Bytes } from '../../util/bytes/bytes.ts'
import { CHECKED } from '../../util/invariant.ts'
import type { DatabaseHostOf } from '../keyspace/database-host.ts'
import type { Extent } from '../keyspace/database-reports.ts'
import type { Keyspace } from '../keyspace/keyspace.ts'
import { PACKED_COUNT_MAX } from '../structures/packed.ts'
import { TYPE_HASH, type Value } from '../structures/value.ts'
import { FieldDeadlines, NEVER } from './field-deadlines.ts'
import type { Hash } from './hash.ts'

/**
 * Fields removed from a hash before a command sees it. It is half a millisecond's work, and covers
 * a small hash.
 */
const FIELDS_AT_ONCE = PACKED_COUNT_MAX

/** The part of a database that expiring fields needs. */
export interface FieldHolder {
  readonly host: Pick<DatabaseHostOf<FieldHolder>, 'removesExpired' | 'now' | 'fieldsExpired'>
  readonly keys: Keyspace
  typeOf(entry: number): number
  structureOf(entry: number): Value
  passGate(entry: number, extent: Extent): void
  deleteEntry(entry: number): void
}

/**
 * Records when the next field of a hash is due. Must be called for each new hash, and when a
 * field's expiry time was set.
 */
export function noteFieldExpiry(db: FieldHolder, entry: number, value: Value): void {
  if (value.type !== TYPE_HASH || (value as Hash).earliestExpiry === NEVER) return
  db.keys.fieldDeadlines ??= new FieldDeadlines()
  db.keys.fieldDeadlines.set(entry, (value as Hash).earliestExpiry)
}

/** Asserts in the checked build that the recorded deadline of a hash is not too late. */
export function checkFieldDeadline(db: FieldHolder, entry: number, value: Value): void {
  if (value.type !== TYPE_HASH) return
  const recorded = db.keys.fieldDeadlines?.timeOf(entry) ?? NEVER
  assert(recorded <= (value as Hash).earliestExpiry, 'the deadline of a hash is never recorded too late')
}

/** Removes due fields of an entry; tells whether the key was removed with the last field. */
export function expireFieldsOf(db: FieldHolder, entry: number, key: Bytes): boolean {
  if (!db.host.removesExpired || db.keys.fieldDeadlines!.timeOf(entry) >= db.host.now()) return false
  expireFields(db, entry, key, FIELDS_AT_ONCE)
  return !db.keys.isLive(entry)
}

/**
 * Removes up to `max` due fields, wherever they are; returns their number. `window` is used for
 * names.
 */
export function expireDueFields(db: FieldHolder, max: number, window: Bytes): number {
  const deadlines = db.keys.fieldDeadlines
  if (deadlines === undefined) return 0
  const now = db.host.now()
  let removed = 0
  while (removed < max && deadlines.earliest < now) {
    const entry = deadlines.earliestEntry
    if (db.keys.isLive(entry)) removed += expireFields(db, entry, db.keys.keyOf(entry, window).copy(), max - removed)
    else deadlines.set(entry, NEVER)
  }
  return removed
}

/** Removes a hidden field before a command writes the field again. */
export function expireHiddenField(db: FieldHolder, key: Bytes, hash: Hash, field: Bytes): void {
  if (!hash.isHidden(field)) return
  const name = field.copy()
  hash.deleteHidden(field)
  db.host.fieldsExpired(db, key, [name], false)
}

function expireFields(db: FieldHolder, entry: number, key: Bytes, max: number): number {
  const deadlines = db.keys.fieldDeadlines
  assert(deadlines !== undefined, 'fields expire in a database that has deadlines of fields')
  const now = db.host.now()
  const earliest = db.typeOf(entry) === TYPE_HASH ? (db.structureOf(entry) as Hash).earliestExpiry : NEVER
  if (earliest >= now) {
    // The recorded deadline is out of date.
    deadlines.set(entry, earliest)
    return 0
  }
  db.passGate(entry, 'part')
  // Read only now, because the gate may have replaced the value.
  const hash = db.structureOf(entry) as Hash
  const names: Bytes[] = []
  hash.removeDue(now, max, names)
  const { isEmpty } = hash
  assert(names.length <= max, 'a bounded number of fields is removed at once')
  if (CHECKED)
    assert(names.length === max || hash.earliestExpiry >= now, 'a due field stays only when there are too many')
  deadlines.set(entry, isEmpty ? NEVER : hash.earliestExpiry)
  if (isEmpty) db.deleteEntry(entry)
  db.host.fieldsExpired(db, key, names, isEmpty)
  return names.length
}
