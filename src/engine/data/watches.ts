// WATCH: each watcher's keys. If one of them changes, the watcher's EXEC does nothing.

import type { Database } from '../../store/keyspace/database.ts'
import { itemAt } from '../../util/array-reads.ts'
import { assert } from '../../util/assert.ts'
import type { Bytes } from '../../util/bytes/bytes.ts'
import { NameMap } from '../../util/tables/name-map.ts'
import type { Changes } from './changes.ts'
import { databaseOf, keyOf, nameKey } from './key-name.ts'
import type { WatchedKeys } from './watched-keys.ts'

export class Watches {
  readonly #changes: Changes
  readonly #watchers = new NameMap<Set<WatchedKeys>>()

  constructor(changes: Changes) {
    this.#changes = changes
  }

  /** The number of watched keys. */
  get size(): number {
    return this.#watchers.size
  }

  add(watcher: WatchedKeys, db: Database, key: Bytes): void {
    const name = nameKey(db.index, key)
    if (watcher.names.has(name)) return
    assert(db.index >= 0, 'a watched key is in a database that clients see')
    watcher.names.add(name)
    let watchers = this.#watchers.get(name)
    if (watchers === undefined) {
      watchers = new Set()
      this.#watchers.set(name, watchers)
      this.#changes.observers.add(this.#changed)
    }
    watchers.add(watcher)
  }

  /** Removes all watches of a watcher. */
  clear(watcher: WatchedKeys): void {
    watcher.broken = false
    if (watcher.names.size === 0) return
    for (const name of watcher.names) {
      const watchers = this.#watchers.get(name)
      assert(watchers !== undefined, 'a watched key has watchers')
      const wasThere = watchers.delete(watcher)
      assert(wasThere, 'a key knows the watchers that know it')
      if (watchers.size === 0) this.#watchers.delete(name)
    }
    watcher.names.clear()
    if (this.#watchers.size === 0) this.#changes.observers.remove(this.#changed)
  }

  /** Expires the watched keys whose time is up, so that their watchers learn of it. */
  expireKeys({ names }: WatchedKeys, databases: readonly Database[]): void {
    for (const name of names) itemAt(databases, databaseOf(name)).find(keyOf(name))
  }

  /**
   * Breaks the watches of keys that are, or were, in a database that was replaced (FLUSHDB,
   * FLUSHALL, SWAPDB).
   */
  databaseReplaced(db: Database, hadKey: (key: Bytes) => boolean): void {
    for (const name of this.#watchers.keys()) {
      if (databaseOf(name) === db.index && hadKey(keyOf(name))) this.#touch(name)
    }
  }

  /**
   * Remembers the value of `look` for each watched key. The returned function breaks the watches of
   * keys for which it has changed.
   */
  compare(look: (database: number, key: Bytes) => unknown): () => void {
    const seen = [...this.#watchers.keys()].map((name) => [name, look(databaseOf(name), keyOf(name))] as const)
    return () => {
      for (const [name, before] of seen) if (look(databaseOf(name), keyOf(name)) !== before) this.#touch(name)
    }
  }

  /** Breaks the watches of a key that has changed. */
  readonly #changed = (db: Database, key: Bytes): void => this.#touch(nameKey(db.index, key))

  #touch(name: string): void {
    const watchers = this.#watchers.get(name)
    if (watchers !== undefined) for (const watcher of watchers) watcher.broken = true
  }
}
