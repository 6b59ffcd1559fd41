// A walk over the keys of all databases, a stretch at a time, while keys come and go.

import type { Database } from '../../store/keyspace/database.ts'
import { itemAt } from '../../util/array-reads.ts'
import { assert } from '../../util/assert.ts'

export class EntryWalk {
  readonly #host: { readonly databases: readonly Database[] }
  /** The next database and entry. */
  #index = 0
  #entry = 0

  constructor(host: { readonly databases: readonly Database[] }) {
    this.#host = host
  }

  /**
   * Calls `see` for each live entry among the next `entries`. Returns true when all were seen; the
   * next step begins at the first.
   */
  step(entries: number, see: (db: Database, entry: number) => void): boolean {
    assert(entries > 0, 'a step of a walk sees an entry')
    const { databases } = this.#host
    let left = entries
    while (left > 0) {
      const db = itemAt(databases, this.#index)
      const end = Math.min(db.keys.entriesEnd, this.#entry + left)
      left -= Math.max(1, end - this.#entry)
      for (; this.#entry < end; this.#entry++) if (db.keys.isLive(this.#entry)) see(db, this.#entry)
      if (this.#entry < db.keys.entriesEnd) continue
      this.#entry = 0
      this.#index++
      if (this.#index < databases.length) continue
      this.#index = 0
      return true
    }
    return false
  }

  /** Goes back to the first entry. */
  restart(): void {
    this.#index = 0
    this.#entry = 0
  }
}
