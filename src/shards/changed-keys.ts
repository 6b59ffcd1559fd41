// Which keys of some slots have changed, or come, or gone, since they were last looked at: what must be sent again while slots move.
//
// It is told by the gate, before a key changes (invariant 6), so nothing is missed: commands, scripts, expiry and eviction pass there. A walk over the keys
// of a slot may go on over many turns of the loop meanwhile: an entry at which it stands goes no other way than through the gate.

import type { Dataset } from '../engine/data/dataset.ts'
import type { Database } from '../store/keyspace/database.ts'
import { Bytes } from '../util/bytes/bytes.ts'
import { hashSlotOf } from '../util/tables/hash-slot.ts'
import { NameSet } from '../util/tables/name-map.ts'

export class ChangedKeys {
  readonly #dataset: Dataset
  readonly #slots: ReadonlySet<number>
  #changed = new NameSet()
  /** All of them are gone at once. */
  #isEmptied = false
  /** The entry that is walked to next; -1 = the walk is over, or has not begun. */
  #next = -1
  readonly #window = new Bytes()

  /** Begins to listen; `stop` ends it. */
  constructor(dataset: Dataset, slots: Iterable<number>) {
    this.#dataset = dataset
    this.#slots = new Set(slots)
    dataset.onBeforeChange.add(this.#changing)
    dataset.onCreated.add(this.#created)
    dataset.onEmptied.add(this.#emptied)
  }

  /** The data was emptied: what was sent says nothing any more. */
  get isEmptied(): boolean {
    return this.#isEmptied
  }

  /** Keys that have changed since `take`. */
  get size(): number {
    return this.#changed.size
  }

  /** Returns the names of keys that have changed, latin1, and forgets them. */
  take(): string[] {
    const names = [...this.#changed]
    this.#changed = new NameSet()
    return names
  }

  /** Begins to walk over the keys of a slot; false where there are none. Those that come from now on are told as changed. */
  walk(slot: number): boolean {
    this.#next = this.#database.keys.slots?.newest(slot) ?? -1
    return this.#next !== -1
  }

  /** Goes on walking: returns the next entry, -1 at the end. */
  step(): number {
    const entry = this.#next
    if (entry !== -1) this.#next = this.#database.keys.slots!.older(entry)
    return entry
  }

  stop(): void {
    this.#dataset.onBeforeChange.remove(this.#changing)
    this.#dataset.onCreated.remove(this.#created)
    this.#dataset.onEmptied.remove(this.#emptied)
  }

  get #database(): Database {
    return this.#dataset.databases[0]!
  }

  readonly #changing = (db: Database, entry: number): void => {
    // It may go: the walk steps over it, since it is sent as one that has changed.
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
