// The keys of some slots that were changed, created or deleted since the last `take`. The slot
// mover sends them again.
//
// The gate reports each change before it happens (invariant 6), so nothing is missed: commands,
// scripts, expiry and eviction all pass it. Meanwhile a walk over the keys of a slot may take many
// turns of the loop. The entry at which it stands can be removed only through the gate.

import type { Dataset } from '../engine/data/dataset.ts'
import type { Database } from '../store/keyspace/database.ts'
import { assert } from '../util/assert.ts'
import { Bytes } from '../util/bytes/bytes.ts'
import { hashSlotOf } from '../util/tables/hash-slot.ts'
import { NameSet } from '../util/tables/name-map.ts'

export class ChangedKeys {
  readonly #dataset: Dataset
  readonly #slots: ReadonlySet<number>
  #changed = new NameSet()
  /** Whether all keys were removed at once. */
  #isEmptied = false
  /** The next entry of the walk; -1 = the walk has ended or not begun. */
  #next = -1
  readonly #window = new Bytes()

  /** Begins to listen; `stop` ends it. */
  constructor(dataset: Dataset, slots: Iterable<number>) {
    this.#dataset = dataset
    this.#slots = new Set(slots)
    dataset.on.beforeChange.add(this.#changing)
    dataset.on.created.add(this.#created)
    dataset.on.emptied.add(this.#emptied)
  }

  /** Whether the data was emptied: the target's copy is worthless then. */
  get isEmptied(): boolean {
    return this.#isEmptied
  }

  /** The number of keys changed since `take`. */
  get size(): number {
    return this.#changed.size
  }

  /** Returns the names of changed keys, latin1, and forgets them. */
  take(): string[] {
    const names = [...this.#changed]
    this.#changed = new NameSet()
    return names
  }

  /**
   * Begins to walk over the keys of a slot; false when it has none. Keys created from now on are
   * reported as changed.
   */
  walk(slot: number): boolean {
    this.#next = this.#database.keys.slots?.newest(slot) ?? -1
    return this.#next !== -1
  }

  /** Continues the walk: returns the next entry, -1 at the end. */
  step(): number {
    const entry = this.#next
    if (entry !== -1) this.#next = this.#database.keys.slots?.older(entry) ?? -1
    return entry
  }

  stop(): void {
    this.#dataset.on.beforeChange.remove(this.#changing)
    this.#dataset.on.created.remove(this.#created)
    this.#dataset.on.emptied.remove(this.#emptied)
  }

  get #database(): Database {
    const [database] = this.#dataset.databases
    assert(database !== undefined, 'a cluster has database 0')
    return database
  }

  readonly #changing = (db: Database, entry: number): void => {
    // The entry may be removed: the walk skips it, because it is sent as a changed key.
    if (entry === this.#next) this.step()
    this.#note(db.keys.keyOf(entry, this.#window))
  }

  readonly #created = (_db: Database, key: Bytes): void => this.#note(key)

  readonly #emptied = (): void => {
    this.#isEmptied = true
    this.#next = -1
  }

  #note(key: Bytes): void {
    if (this.#slots.has(hashSlotOf(key))) this.#changed.add(key.toString())
  }
}
