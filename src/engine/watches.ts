// WATCH: who has an eye on which key, so that its EXEC does nothing when the key has changed by then.

import type { Database } from '../store/database.ts'
import type { Bytes } from '../util/bytes.ts'
import { NameMap } from '../util/name-map.ts'
import type { Changes } from './changes.ts'
import type { Client } from './client.ts'
import { databaseOf, keyOf, nameKey } from './key-name.ts'

export class Watches {
  readonly #changes: Changes
  readonly #watchers = new NameMap<Set<Client>>()

  constructor(changes: Changes) {
    this.#changes = changes
  }

  /** Number of keys watched. */
  get size(): number {
    return this.#watchers.size
  }

  add(client: Client, db: Database, key: Bytes): void {
    const name = nameKey(db.index, key)
    if (client.watched.has(name)) return
    client.watched.add(name)
    let watchers = this.#watchers.get(name)
    if (watchers === undefined) {
      watchers = new Set()
      this.#watchers.set(name, watchers)
      this.#changes.observers.take(this.#changed)
    }
    watchers.add(client)
  }

  /** Forgets everything a client watches. */
  clear(client: Client): void {
    client.watchBroken = false
    if (client.watched.size === 0) return
    for (const name of client.watched) {
      const watchers = this.#watchers.get(name)!
      watchers.delete(client)
      if (watchers.size === 0) this.#watchers.delete(name)
    }
    client.watched.clear()
    if (this.#watchers.size === 0) this.#changes.observers.leave(this.#changed)
  }

  /** Lets those of a client's watched keys go whose time is up, so that their watchers learn of it. */
  expireKeys(client: Client, databases: readonly Database[]): void {
    for (const name of client.watched) databases[databaseOf(name)]!.find(keyOf(name))
  }

  /** A whole database changed (FLUSHDB, FLUSHALL, SWAPDB): breaks the WATCHes of keys that are, or were, there. */
  databaseReplaced(db: Database, hadKey: (key: Bytes) => boolean): void {
    for (const name of this.#watchers.keys()) {
      if (databaseOf(name) === db.index && hadKey(keyOf(name))) this.#touch(name)
    }
  }

  /** Remembers what is to be seen of each watched key; what is returned breaks the WATCHes of those of which something else is. */
  compare(look: (database: number, key: Bytes) => unknown): () => void {
    const seen = [...this.#watchers.keys()].map((name) => [name, look(databaseOf(name), keyOf(name))] as const)
    return () => {
      for (const [name, before] of seen) if (look(databaseOf(name), keyOf(name)) !== before) this.#touch(name)
    }
  }

  /** A key changed: its watchers' EXEC will fail. */
  readonly #changed = (db: Database, key: Bytes): void => this.#touch(nameKey(db.index, key))

  #touch(name: string): void {
    const watchers = this.#watchers.get(name)
    if (watchers !== undefined) for (const client of watchers) client.watchBroken = true
  }
}
