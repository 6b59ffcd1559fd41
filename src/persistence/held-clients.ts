// Clients that wait because they are going to change a large value of which a snapshot needs the old state.
//
// As CLIENT PAUSE holds them: the request is kept and the client is not read from.
// What they wait for is written next. They go on when a large value was written,
// in the order in which they came, and may be held once more because of another.

import type { Client } from '../engine/client.ts'
import type { Command } from '../engine/command.ts'
import type { Engine } from '../engine/engine.ts'
import { findKeys } from '../engine/key-extraction.ts'
import { transactionOf } from '../engine/transaction.ts'
import type { Arguments } from '../protocol/arguments.ts'
import type { Database } from '../store/database.ts'
import { NONE } from '../store/keyspace.ts'
import type { Snapshot } from './snapshot.ts'

export class HeldClients {
  readonly #engine: Engine
  readonly #clients = new Set<Client>()

  constructor(engine: Engine) {
    this.#engine = engine
  }

  /** Holds a client whose command, or whose transaction, is going to change a large value. */
  hold(snapshot: Snapshot, client: Client, command: Command, args: Arguments): boolean {
    if (!this.#concerned(snapshot, client, command, args)) return false
    client.paused = true
    client.heldRequest = args.copy()
    this.#clients.add(client)
    return true
  }

  /** Lets everybody try again at this turn's end. */
  resume(): void {
    if (this.#clients.size === 0) return
    const clients = [...this.#clients]
    this.#clients.clear()
    for (const client of clients) {
      client.paused = false
      this.#engine.turn.resumeSoon(client)
    }
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
