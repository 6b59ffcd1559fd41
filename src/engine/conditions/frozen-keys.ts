// Frozen keys must not change for a while: MIGRATE freezes the keys that it has sent to another
// server.
//
// A request that is going to change one is postponed (postponed.ts) until the key is released;
// reads are served. Some changes cannot be foreseen: by a script that does not declare its keys, by
// an element that a parked client gets, by expiry, by FLUSHALL. Therefore a frozen key is also
// watched, as by WATCH, and its holder asks at the end if it has changed.

import type { Arguments } from '../../protocol/arguments.ts'
import type { Database } from '../../store/keyspace/database.ts'
import { itemAt } from '../../util/array-reads.ts'
import { assert } from '../../util/assert.ts'
import type { Bytes } from '../../util/bytes/bytes.ts'
import { NameMap } from '../../util/tables/name-map.ts'
import type { Client } from '../clients/client.ts'
import type { Dataset } from '../data/dataset.ts'
import { nameKey } from '../data/key-name.ts'
import { WatchedKeys } from '../data/watched-keys.ts'
import type { Watches } from '../data/watches.ts'
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

/** A key that is frozen. */
export class FrozenKey {
  readonly name: string
  /** The key itself. It is broken when it has changed all the same. */
  readonly watched = new WatchedKeys()

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

  /** The number of frozen keys. */
  get size(): number {
    return this.#held.size
  }

  /** Freezes a key. A key that its holder names twice is frozen once. */
  hold(db: Database, key: Bytes): FrozenKey {
    const name = nameKey(db.index, key)
    let held = this.#held.get(name)
    if (held !== undefined) return held
    held = new FrozenKey(name)
    this.#held.set(name, held)
    this.#host.data.watches.add(held.watched, db, key)
    this.#host.conditions.state.delays.keysHeld.begin()
    return held
  }

  /**
   * Releases keys. All postponed requests are tried again at this turn's end. A request is
   * postponed again if another of its keys is frozen.
   */
  release(keys: Iterable<FrozenKey>): void {
    for (const held of keys) {
      assert(this.#held.get(held.name) === held, 'a key is released once, by its holder')
      this.#host.data.watches.clear(held.watched)
      this.#held.delete(held.name)
    }
    this.#host.conditions.state.delays.keysHeld.follow(this.#held.size > 0)
    this.#postponed.resume()
  }

  /**
   * Postpones a command, or a transaction, that is going to change a frozen key; returns false if
   * it changes none.
   */
  postpones(client: Client, command: Command, args: Arguments): boolean {
    const db = itemAt(this.#host.data.dataset.databases, client.database)
    if (!changesKey(client, db, command, args, this.#isHeld)) return false
    this.#postponed.add(client, args)
    return true
  }

  /** Forgets a client that is gone. */
  forget(client: Client): void {
    this.#postponed.forget(client)
  }

  readonly #isHeld = (db: Database, key: Bytes): boolean => this.#held.get(nameKey(db.index, key)) !== undefined
}
