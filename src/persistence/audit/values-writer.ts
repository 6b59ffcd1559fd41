// A snapshot's writer that writes nothing: it notes a fingerprint of each value in a table. So the
// walk of a snapshot, with its slices and its gate, makes the table of one moment while clients go
// on.
//
// Damaged memory may be beyond reading: such a value is noted as unreadable, and the walk goes on.

import { type DigestDepth, type DigestSink, type Fingerprint, KeyDigest } from '../../store/keyspace/data-digest.ts'
import type { Database } from '../../store/keyspace/database.ts'
import { TYPE_STRING, type Value } from '../../store/structures/value.ts'
import { Bytes } from '../../util/bytes/bytes.ts'
import { RdbOutput } from '../rdb/rdb-output.ts'
import type { ImageWriter } from '../snapshot/image-writer.ts'
import type { Portion } from './portion.ts'
import type { ValueTable } from './value-table.ts'

const NO_NAME = new Bytes()

/** Fingerprints one value after the other, without the names and expiries of their keys. */
export class ValueSums implements DigestSink {
  readonly #digest: KeyDigest
  readonly #window = new Bytes()
  /** The fingerprint of the last value; undefined where nothing is left of it. */
  last: Fingerprint | undefined = undefined

  constructor(depth: DigestDepth) {
    this.#digest = new KeyDigest(this, depth)
  }

  /** Bytes fingerprinted so far. */
  get work(): number {
    return this.#digest.work
  }

  add(sum: Fingerprint): void {
    this.last = sum
  }

  /**
   * Begins an entry's value; true when `last` holds its fingerprint, false when `step` goes on with
   * it.
   */
  begin(db: Database, entry: number): boolean {
    const isString = db.typeOf(entry) === TYPE_STRING
    return this.beginValue(isString ? db.strings.read(entry, this.#window) : db.structureOf(entry))
  }

  /** Begins a value that lies anywhere, as `begin` does. */
  beginValue(value: Value | Bytes): boolean {
    this.last = undefined
    return this.#digest.begin(0, NO_NAME, undefined, value)
  }

  step(): boolean {
    return this.#digest.step()
  }
}

export class ValuesWriter implements ImageWriter {
  /** Stays empty. */
  readonly output = new RdbOutput({ compress: false, checksum: false })
  readonly #table: ValueTable
  readonly #portion: Portion
  readonly #sums: ValueSums
  readonly #failed: (error: unknown) => void
  readonly #name = new Bytes()
  #database = 0
  /** The record of the value that is being fingerprinted. */
  #record = 0
  #passed = 0

  /** Notes the values of a portion of the keys; `failed` is told why a value cannot be read. */
  constructor(table: ValueTable, portion: Portion, depth: DigestDepth, failed: (error: unknown) => void) {
    this.#table = table
    this.#portion = portion
    this.#sums = new ValueSums(depth)
    this.#failed = failed
  }

  get work(): number {
    return this.#sums.work + this.#passed
  }

  header(): void {}

  function(code: string): void {
    this.#table.libraries.push(code)
  }

  database(): void {}

  select(index: number): void {
    this.#database = index
  }

  forgetDatabase(): void {}

  begin(db: Database, entry: number): boolean {
    const name = db.keys.keyOf(entry, this.#name)
    // Not the entry's own word, which may be the damaged one.
    name.hash = 0
    const hash = db.keys.hash(name)
    if (!this.#portion.compares(hash)) {
      this.#passed++
      return true
    }
    this.#record = this.#table.add(this.#database, hash, name, db.typeOf(entry), db.expiryOf(entry))
    try {
      return this.#sums.begin(db, entry) && this.#done()
    } catch (error) {
      return this.#give(error)
    }
  }

  step(untilBytes: number): boolean {
    try {
      while (!this.#sums.step()) if (untilBytes < Number.POSITIVE_INFINITY) return false
      return this.#done()
    } catch (error) {
      return this.#give(error)
    }
  }

  end(): void {}

  #done(): true {
    if (this.#sums.last !== undefined) this.#table.sum(this.#record, this.#sums.last)
    return true
  }

  #give(error: unknown): true {
    this.#table.unreadable(this.#record)
    this.#failed(error)
    return true
  }
}
