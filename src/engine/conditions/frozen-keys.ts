// Keys that are to stay as they are for a while: MIGRATE holds those that are on their way to another server.
//
// A request that is going to change one is postponed (postponed.ts) until the key is let go; readers are served. What cannot be seen
// beforehand changes a key all the same: a script that does not declare it, an element that is handed to a parked client, the clock,
// FLUSHALL. Therefore a held key is also watched, as by WATCH, and whoever holds it asks at the end whether it is the same.

import type { Arguments } from '../../protocol/arguments.ts'
import type { Database } from '../../store/keyspace/database.ts'
import { itemAt } from '../../util/array-reads.ts'
import type { Bytes } from '../../util/bytes/bytes.ts'
import { NameMap, NameSet } from '../../util/tables/name-map.ts'
import type { Client } from '../clients/client.ts'
import type { Dataset } from '../data/dataset.ts'
import { nameKey } from '../data/key-name.ts'
import type { Watcher, Watches } from '../data/watches.ts'
import type { Command } from '../spec/command.ts'
import { changesKey } from './keys-to-change.ts'
import { PostponedClients, type PostponedHost } from './postponed.ts'
import type { ServerState } from './state.ts'

export interface FrozenKeysHost extends PostponedHost {
  readonly conditions: {
    readonly state: ServerState
  }
  readonly data: {
    readonly dataset: Dataset
    readonly watches: Watches
  }
}

/** One key that is held. */
export class FrozenKey implements Watcher {
  readonly name: string
  readonly watched = new NameSet()
  /** It has changed all the same. */
  watchBroken = false

  constructor(name: string) {
    this.name = name
  }
}

export class FrozenKeys {
  readonly #host: FrozenKeysHost
  readonly #held = new NameMap<FrozenKey>()
  readonly #postponed: PostponedClients

  constructor(host: FrozenKeysHost) {
    this.#host = host
    this.#postponed = new PostponedClients(host)
  }

  /** Number of keys held. */
  get size(): number {
    return this.#held.size
  }

  /** Holds a key; one that its holder names twice is held once. */
  hold(db: Database, key: Bytes): FrozenKey {
    const name = nameKey(db.index, key)
    let held = this.#held.get(name)
    if (held !== undefined) return held
    held = new FrozenKey(name)
    this.#held.set(name, held)
    this.#host.data.watches.add(held, db, key)
    this.#host.conditions.state.keysHeld.begin()
    return held
  }

  /** Lets keys go. Everybody who waited tries again at this turn's end, and waits once more where another key is held. */
  release(keys: Iterable<FrozenKey>): void {
    for (const held of keys) {
      this.#host.data.watches.clear(held)
      this.#held.delete(held.name)
    }
    this.#host.conditions.state.keysHeld.follow(this.#held.size > 0)
    this.#postponed.resume()
  }

  /** Postpones a command, or a transaction, that is going to change a held key; false if it is going to change none. */
  postpones(client: Client, command: Command, args: Arguments): boolean {
    const db = itemAt(this.#host.data.dataset.databases, client.database)
    if (!changesKey(client, db, command, args, this.#isHeld)) return false
    this.#postponed.add(client, args)
    return true
  }

  /** The client is gone. */
  forget(client: Client): void {
    this.#postponed.forget(client)
  }

  readonly #isHeld = (db: Database, key: Bytes): boolean => this.#held.get(nameKey(db.index, key)) !== undefined
}
