// A HyperLogLog under a key, opened for writing.
//
// It is a string like any other, so a change of its size goes through the database. One object
// follows the string wherever its bytes move.

import { ERR } from '../../protocol/errors.ts'
import {
  CHANGED,
  CORRUPT,
  emptyHyperLogLog,
  forgetCount,
  isDense,
  isHyperLogLog,
  NEEDS_DENSE,
  REGISTERS,
  SparseUpdate,
  setDense,
  toDense,
  UNCHANGED,
} from '../../store/derived/hyperloglog.ts'
import type { Database } from '../../store/keyspace/database.ts'
import { NONE } from '../../store/keyspace/keyspace.ts'
import { Bytes } from '../../util/bytes/bytes.ts'

const EMPTY = emptyHyperLogLog()

/** Points `window` at the HyperLogLog of an entry. Throws WRONGTYPE, in one of its two wordings. */
export function hyperLogLogOf(db: Database, entry: number, window: Bytes): Bytes {
  db.strings.read(entry, window)
  if (!isHyperLogLog(window)) throw ERR.notHyperLogLog
  return window
}

export class StoredHyperLogLog {
  readonly bytes = new Bytes()
  readonly #update = new SparseUpdate()
  #db!: Database
  #entry = NONE

  /** Opens the HyperLogLog of an entry that passed the *before* gate. Throws WRONGTYPE. */
  open(db: Database, entry: number): void {
    hyperLogLogOf(db, entry, this.bytes)
    this.#db = db
    this.#entry = entry
    // As in Redis, the encoding is raw from now on, even if nothing changes.
    if (db.strings.originOf(entry) !== 'raw') db.strings.resize(entry, this.bytes.length, this.bytes)
  }

  /** Opens an empty HyperLogLog under a key that has no value. */
  create(db: Database, key: Bytes): void {
    this.open(db, db.writeString(key, EMPTY))
    forgetCount(this.bytes)
  }

  /** Adds an element, or sets a register (see `placeOf`); returns UNCHANGED, CHANGED or CORRUPT. */
  add(place: number, sparseBytesMax: number): number {
    const register = place & (REGISTERS - 1)
    const value = Math.trunc(place / REGISTERS)
    const { bytes } = this
    if (!isDense(bytes)) {
      const plan = this.#update.plan(bytes, register, value, sparseBytesMax)
      if (plan === UNCHANGED || plan === CORRUPT) return plan
      if (plan !== NEEDS_DENSE) {
        const { length } = bytes
        const { growth } = this.#update
        if (growth > 0) this.#db.strings.resize(this.#entry, length + growth, bytes)
        const newLength = this.#update.apply(bytes, length)
        if (newLength !== bytes.length) this.#db.strings.resize(this.#entry, newLength, bytes)
        forgetCount(bytes)
        return CHANGED
      }
      if (!this.makeDense()) return CORRUPT
    }
    return setDense(bytes, register, value) ? CHANGED : UNCHANGED
  }

  /** Changes a sparse HyperLogLog to the dense form; returns false if it is corrupt. */
  makeDense(): boolean {
    const dense = toDense(this.bytes)
    if (dense === undefined) return false
    // Not by resizing, which would reserve room to grow: a dense HyperLogLog never grows.
    this.#db.strings.place(this.#entry, dense, false)
    this.#db.strings.resize(this.#entry, dense.length, this.bytes)
    return true
  }
}
