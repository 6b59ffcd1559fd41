// MULTI: commands queued until EXEC, and the keys a client watches.

import type { Arguments } from '../protocol/arguments.ts'
import type { Database } from '../store/database.ts'
import { Bytes } from '../util/bytes.ts'
import { CopySpace } from '../util/copy-space.ts'
import { NameMap } from '../util/name-map.ts'
import type { Client } from './client.ts'
import type { Claims, Command } from './command.ts'

/** A command waiting for EXEC, with arguments of its own. */
export interface QueuedCommand {
  readonly command: Command
  readonly args: Arguments
}

/** What MULTI gathers. */
export class Transaction {
  readonly queue: QueuedCommand[] = []
  /** A command was refused while queueing: EXEC will refuse the whole. */
  broken = false
  /** One of the queued commands may use memory: EXEC is refused when there is none. */
  needsMemory = false
  writes = false
  /** Bytes of the queued arguments. */
  bytes = 0
  /** As `writes`, counting commands that only may have effects elsewhere (PUBLISH): CLIENT PAUSE holds EXEC then. */
  mayReplicate = false
  readonly #space = new CopySpace()

  add(command: Command, args: Arguments, claims: Claims = command): void {
    this.bytes += args.contentBytes
    this.queue.push({ command, args: args.copy(this.#space) })
    if (claims.isDenyoom) this.needsMemory = true
    if (claims.isWrite) this.writes = true
    if (claims.isWrite || claims.mayReplicate) this.mayReplicate = true
  }
}

/** Who watches which key; keys as `nameKey(database, key)`. */
export class Watches {
  readonly #watchers = new NameMap<Set<Client>>()

  get size(): number {
    return this.#watchers.size
  }

  add(client: Client, name: string): void {
    if (client.watched.has(name)) return
    client.watched.add(name)
    let watchers = this.#watchers.get(name)
    if (watchers === undefined) {
      watchers = new Set()
      this.#watchers.set(name, watchers)
    }
    watchers.add(client)
  }

  /** Forgets everything a client watches. */
  clear(client: Client): void {
    for (const name of client.watched) {
      const watchers = this.#watchers.get(name)!
      watchers.delete(client)
      if (watchers.size === 0) this.#watchers.delete(name)
    }
    client.watched.clear()
    client.watchBroken = false
  }

  /** Lets those of a client's watched keys go whose time is up, so that their watchers learn of it. */
  expireKeys(client: Client, databases: readonly Database[]): void {
    for (const name of client.watched) databases[name.charCodeAt(0)]!.find(Bytes.from(name.slice(1)))
  }

  /** A key changed: its watchers' EXEC will fail. */
  touch(name: string): void {
    const watchers = this.#watchers.get(name)
    if (watchers !== undefined) for (const client of watchers) client.watchBroken = true
  }

  /** Calls `test` for each watched key of a database and touches those for which it returns true. */
  touchWhere(test: (name: string) => boolean): void {
    for (const name of this.#watchers.keys()) if (test(name)) this.touch(name)
  }
}

/** A key's name across databases: one character for the database, then the key's latin1 bytes. */
export function nameKey(database: number, key: Bytes): string {
  return String.fromCharCode(database) + key.toString()
}
