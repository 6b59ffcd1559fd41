// Changes of large values while a snapshot still needs their old state: the request is postponed, as by CLIENT PAUSE.
//
// The value is written next. When a large value was written everybody tries again, and may be postponed once more
// because of another.

import type { Client } from '../engine/client.ts'
import type { Command } from '../engine/command.ts'
import type { Engine } from '../engine/engine.ts'
import { findKeys } from '../engine/key-extraction.ts'
import { PostponedClients } from '../engine/postponed.ts'
import { transactionOf } from '../engine/transaction.ts'
import type { Arguments } from '../protocol/arguments.ts'
import type { Database } from '../store/database.ts'
import { NONE } from '../store/keyspace.ts'
import type { Snapshot } from './snapshot.ts'

export class LargeChanges {
  readonly #engine: Engine
  readonly #postponed: PostponedClients

  constructor(engine: Engine) {
    this.#engine = engine
    this.#postponed = new PostponedClients(engine)
  }

  /** Postpones a command, or a transaction, that is going to change a large value; false if it is going to change none. */
  postpone(snapshot: Snapshot, client: Client, command: Command, args: Arguments): boolean {
    if (!this.#concerned(snapshot, client, command, args)) return false
    this.#postponed.add(client, args)
    return true
  }

  /** Lets everybody try again at this turn's end. */
  resume(): void {
    this.#postponed.resume()
  }

  #concerned(snapshot: Snapshot, client: Client, command: Command, args: Arguments): boolean {
    const db = this.#engine.databases[client.database]!
    if (command.spec.duringMulti !== 'executes')
      return client.transaction === undefined && changesLarge(snapshot, db, command, args)
    const transaction = transactionOf(client)
    if (transaction === undefined || transaction.broken) return false
    for (const queued of transaction.queue) if (changesLarge(snapshot, db, queued.command, queued.args)) return true
    return false
  }
}

function changesLarge(snapshot: Snapshot, db: Database, command: Command, args: Arguments): boolean {
  if (!command.isWrite && !command.mayReplicate) return false
  for (const { index, flags } of findKeys(command, args) ?? []) {
    if (flags[0] === 'RO') continue
    const entry = db.keys.find(args.bytes(index))
    if (entry === NONE || !snapshot.concerns(db, entry)) continue
    snapshot.hurry(db, entry)
    return true
  }
  return false
}
