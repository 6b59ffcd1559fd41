// A walk over the keys of all databases, a stretch at a time, while keys come and go.

import type { Database } from '../../store/keyspace/database.ts'
import { itemAt } from '../../util/array-reads.ts'

export class EntryWalk {
  readonly #host: { readonly databases: readonly Database[] }
  /** The database and the entry that come next. */
  #index = 0
  #entry = 0

  constructor(host: { readonly databases: readonly Database[] }) {
    this.#host = host
  }

  /** Calls `see` for each live one of the next `entries` entries. True when all were seen: the next step begins anew. */
  step(entries: number, see: (db: Database, entry: number) => void): boolean {
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

  /** Begins anew. */
  restart(): void {
    this.#index = 0
    this.#entry = 0
  }
}
