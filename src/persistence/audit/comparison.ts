// Compares the data of a second engine with a table of the first, and names the keys that differ.

import type { DifferenceKind, KeyDifference } from '../../engine/effects/saving.ts'
import type { Engine } from '../../engine/engine.ts'
import type { DigestDepth, Fingerprint } from '../../store/keyspace/data-digest.ts'
import type { Database } from '../../store/keyspace/database.ts'
import { assert } from '../../util/assert.ts'
import { Bytes } from '../../util/bytes/bytes.ts'
import type { Portion } from './portion.ts'
import { STATE_ABSENT, STATE_UNREADABLE, type ValueTable } from './value-table.ts'
import { ValueSums } from './values-writer.ts'

/** Keys that are named; the others are only counted. */
export const KEYS_NAMED_MAX = 1000
/** Keys, or bytes of values, between two looks at the clock. */
const KEYS_PER_LOOK = 16
const LOOK_BYTES = 16 * 1024

/** Function libraries are in no database. */
const NO_DATABASE = -1

/** The keys that were compared, and the differences. */
export class Findings {
  /** Keys of either side; a key of both counts once. */
  keys = 0
  /** Keys that differ, and those of them that are named. */
  differing = 0
  readonly named: KeyDifference[] = []

  add(database: number, key: string, what: DifferenceKind): void {
    this.differing++
    if (this.named.length < KEYS_NAMED_MAX) this.named.push({ database, key, what })
  }
}

export interface ComparisonOptions {
  readonly findings: Findings
  readonly portion: Portion
  readonly depth: DigestDepth
  /** Asked between two pieces of work. */
  readonly pace: { readonly isOver: boolean; rest(): Promise<void> }
}

/** Compares every value of an engine with the table's record of its key. */
export async function compare(table: ValueTable, engine: Engine, options: ComparisonOptions): Promise<void> {
  const { findings, pace } = options
  const comparison = new Comparison(table, options)
  for (const db of engine.databases) {
    for (let entry = 0; entry < db.keys.entriesEnd; entry++) {
      if (!db.keys.isLive(entry)) continue
      let isWhole = comparison.begin(db, entry)
      while (!isWhole) {
        if (pace.isOver) await pace.rest()
        isWhole = comparison.step()
      }
      if (comparison.isTimeToLook && pace.isOver) await pace.rest()
    }
  }
  for (let record = 0; record < table.keys; record++) {
    if (record % LOOK_BYTES === 0 && pace.isOver) await pace.rest()
    findings.keys++
    if (table.isCompared(record) || table.stateOf(record) === STATE_ABSENT) continue
    const what = table.stateOf(record) === STATE_UNREADABLE ? 'unreadable' : 'only-in-memory'
    findings.add(table.databaseOf(record), table.nameOf(record), what)
  }
  compareLibraries(table.libraries, [...engine.parts.scripts.libraries()], findings)
}

class Comparison {
  readonly #table: ValueTable
  readonly #options: ComparisonOptions
  readonly #sums: ValueSums
  readonly #name = new Bytes()
  #db!: Database
  #entry = 0
  /** The first engine's record of the key; -1 = it has none. */
  #record = -1
  #keysUntilLook = KEYS_PER_LOOK
  #lookedAtWork = 0

  constructor(table: ValueTable, options: ComparisonOptions) {
    this.#table = table
    this.#options = options
    this.#sums = new ValueSums(options.depth)
  }

  get isTimeToLook(): boolean {
    if (--this.#keysUntilLook > 0 && this.#sums.work - this.#lookedAtWork < LOOK_BYTES) return false
    this.#keysUntilLook = KEYS_PER_LOOK
    this.#lookedAtWork = this.#sums.work
    return true
  }

  /** Begins one key; true when it was compared, false when `step` goes on with it. */
  begin(db: Database, entry: number): boolean {
    const name = db.keys.keyOf(entry, this.#name)
    name.hash = 0
    const hash = db.keys.hash(name)
    if (!this.#options.portion.compares(hash)) return true
    this.#db = db
    this.#entry = entry
    this.#record = this.#table.find(db.index, hash, name)
    if (!this.#sums.begin(db, entry)) return false
    this.#whole()
    return true
  }

  step(): boolean {
    if (!this.#sums.step()) return false
    this.#whole()
    return true
  }

  #whole(): void {
    const table = this.#table
    const { findings } = this.#options
    const db = this.#db
    const entry = this.#entry
    const record = this.#record
    const sum = this.#sums.last
    if (record === -1 || table.stateOf(record) === STATE_ABSENT) {
      // A hash whose last fields are due goes on either side at its own time.
      if (sum === undefined) return
      if (record === -1) findings.keys++
      else table.markCompared(record)
      findings.add(db.index, db.keys.keyOf(entry, this.#name).toString(), 'only-in-file')
      return
    }
    // The key is named below, with those that were not compared.
    if (table.stateOf(record) === STATE_UNREADABLE || sum === undefined) return
    assert(!table.isCompared(record), 'each key of the second engine is compared once')
    table.markCompared(record)
    const what = this.#differs(record, sum)
    if (what !== undefined) findings.add(db.index, table.nameOf(record), what)
  }

  #differs(record: number, sum: Fingerprint): DifferenceKind | undefined {
    const table = this.#table
    const db = this.#db
    if (table.typeOf(record) !== db.typeOf(this.#entry)) return 'type'
    if (!table.hasSum(record, sum)) return 'value'
    return table.expiryOf(record) === db.expiryOf(this.#entry) ? undefined : 'expiry'
  }
}

function compareLibraries(ones: readonly string[], others: readonly string[], findings: Findings): void {
  const [left, right] = [new Set(ones), new Set(others)]
  const differing = [...ones.filter((code) => !right.has(code)), ...others.filter((code) => !left.has(code))]
  for (const name of new Set(differing.map(nameOf))) findings.add(NO_DATABASE, name, 'function-library')
}

/** Returns the name in a library's first line. */
function nameOf(code: string): string {
  return /^#!\S+.*?\bname=(\S+)/.exec(code)?.[1] ?? ''
}
