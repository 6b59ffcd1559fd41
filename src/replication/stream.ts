// The stream: effects as requests in RESP, encoded once for all replicas, directly into the
// backlog.
//
// SELECT stands where the database changes, MULTI and EXEC around a unit of several commands.
// Messages (PUBLISH) are part of it: subscribers at a replica get them too.

import type { EffectSink, Word } from '../engine/effects/effects.ts'
import type { ReplicationHistory } from '../engine/effects/replication-history.ts'
import type { Arguments } from '../protocol/arguments.ts'
import type { Source } from '../util/bytes/bytes.ts'
import type { Backlog } from './backlog.ts'

const PING = '*1\r\n$4\r\nPING\r\n'
const GETACK = '*3\r\n$8\r\nREPLCONF\r\n$6\r\nGETACK\r\n$1\r\n*\r\n'

export class Stream implements EffectSink {
  readonly takesMessages = true
  /** The database of the last effect; -1 = the next one begins with SELECT. */
  database = -1
  readonly #backlog: Backlog
  readonly #history: ReplicationHistory
  #inUnit = false
  /** The start of the open unit in the open block, and the database before it. */
  #unitStart = 0
  #unitDatabase = -1

  constructor(backlog: Backlog, history: ReplicationHistory) {
    this.#backlog = backlog
    this.#history = history
  }

  appendRequest(database: number, args: Arguments): void {
    if (database !== this.database) this.#select(database)
    this.#backlog.open.request(args)
    this.#grown()
  }

  append(database: number, words: readonly Word[]): void {
    if (database !== this.database) this.#select(database)
    this.#backlog.open.command(words)
    this.#grown()
  }

  beginUnit(): void {
    this.#inUnit = true
    this.#unitStart = this.#backlog.open.length
    this.#unitDatabase = this.database
    this.#backlog.open.beginUnit()
  }

  endUnit(): void {
    this.#inUnit = false
    this.#backlog.open.endUnit()
    this.#grown()
  }

  abandonUnit(): void {
    // The open block is closed only between units, and sent at the end of turns.
    this.#backlog.open.length = this.#unitStart
    this.#backlog.open.abandonUnit()
    this.#inUnit = false
    this.database = this.#unitDatabase
    this.#grown()
  }

  /** Tells replicas that this server is alive. */
  ping(): void {
    this.#say(PING)
  }

  /** Asks replicas for their offsets. */
  askForAcknowledgements(): void {
    this.#say(GETACK)
  }

  /**
   * Passes on a part of the primary's stream unchanged, at the same offsets; its reader counts
   * them.
   */
  copy(source: Source, start: number, end: number): void {
    this.#backlog.open.copy(source, start, end - start)
    this.#backlog.grown()
  }

  #say(request: string): void {
    this.#backlog.open.raw(request)
    this.#grown()
  }

  #select(database: number): void {
    const digits = String(database)
    this.#backlog.open.raw(`*2\r\n$6\r\nSELECT\r\n$${digits.length}\r\n${digits}\r\n`)
    this.database = database
  }

  #grown(): void {
    const backlog = this.#backlog
    this.#history.offset = backlog.end
    if (!this.#inUnit) backlog.grown()
  }
}
