// Changes of large values while a snapshot still needs their old state: the request is postponed,
// as by CLIENT PAUSE.
//
// The value is written next. After each large value all postponed requests are tried again; another
// value may postpone one once more.

import type { Client } from '../../engine/clients/client.ts'
import { changesKey } from '../../engine/conditions/keys-to-change.ts'
import { PostponedClients } from '../../engine/conditions/postponed.ts'
import type { Engine } from '../../engine/engine.ts'
import type { Command } from '../../engine/spec/command.ts'
import type { Arguments } from '../../protocol/arguments.ts'
import { NONE } from '../../store/keyspace/keyspace.ts'
import { itemAt } from '../../util/array-reads.ts'
import type { Snapshot } from './snapshot.ts'

export class LargeChanges {
  readonly #engine: Engine
  readonly #postponed: PostponedClients

  constructor(engine: Engine) {
    this.#engine = engine
    this.#postponed = new PostponedClients(engine)
  }

  /**
   * Postpones a command, or a transaction, that is going to change a large value; false if it is
   * going to change none.
   */
  postpone(snapshot: Snapshot, client: Client, command: Command, args: Arguments): boolean {
    const db = itemAt(this.#engine.databases, client.database)
    const isLarge = changesKey(client, db, command, args, (within, key) => {
      const entry = within.keys.find(key)
      if (entry === NONE || !snapshot.concerns(within, entry)) return false
      snapshot.hurry(within, entry)
      return true
    })
    if (!isLarge) return false
    this.#postponed.add(client, args)
    return true
  }

  /** Tries all postponed requests again at this turn's end. */
  resume(): void {
    this.#postponed.resume()
  }
}
