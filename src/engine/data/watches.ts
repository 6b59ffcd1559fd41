// WATCH: who has an eye on which key, so that its EXEC does nothing when the key has changed by then.

import type { Database } from '../../store/keyspace/database.ts'
import { itemAt } from '../../util/array-reads.ts'
import type { Bytes } from '../../util/bytes/bytes.ts'
import { NameMap, type NameSet } from '../../util/tables/name-map.ts'
import type { Changes } from './changes.ts'
import { databaseOf, keyOf, nameKey } from './key-name.ts'

/** Who watches: a client, or whoever holds a key (frozen-keys.ts). */
export interface Watcher {
  /** Names of keys (key-name.ts). */
  readonly watched: NameSet
  /** One of them has changed. */
  watchBroken: boolean
}

export class Watches {
  readonly #changes: Changes
  readonly #watchers = new NameMap<Set<Watcher>>()

  constructor(changes: Changes) {
    this.#changes = changes
  }

  /** Number of keys watched. */
  get size(): number {
    return this.#watchers.size
  }

  add(watcher: Watcher, db: Database, key: Bytes): void {
    const name = nameKey(db.index, key)
    if (watcher.watched.has(name)) return
    watcher.watched.add(name)
    let watchers = this.#watchers.get(name)
    if (watchers === undefined) {
      watchers = new Set()
      this.#watchers.set(name, watchers)
      this.#changes.observers.add(this.#changed)
    }
    watchers.add(watcher)
  }

  /** Forgets everything that somebody watches. */
  clear(watcher: Watcher): void {
    watcher.watchBroken = false
    if (watcher.watched.size === 0) return
    for (const name of watcher.watched) {
      const watchers = this.#watchers.get(name)!
      watchers.delete(watcher)
      if (watchers.size === 0) this.#watchers.delete(name)
    }
    watcher.watched.clear()
    if (this.#watchers.size === 0) this.#changes.observers.remove(this.#changed)
  }

  /** Lets those of somebody's watched keys go whose time is up, so that their watchers learn of it. */
  expireKeys({ watched }: Watcher, databases: readonly Database[]): void {
    for (const name of watched) itemAt(databases, databaseOf(name)).find(keyOf(name))
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
    if (watchers !== undefined) for (const watcher of watchers) watcher.watchBroken = true
  }
}
