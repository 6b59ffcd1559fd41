// The stream: effects as requests in RESP, encoded once for all replicas, directly into the
// backlog.
//
// SELECT stands where the database changes, MULTI and EXEC around a unit of several commands.
// Messages (PUBLISH) are part of it: subscribers at a replica get them too.

import { EffectFraming } from '../engine/effects/effect-framing.ts'
import type { EffectSink, Word } from '../engine/effects/effects.ts'
import type { ReplicationHistory } from '../engine/effects/replication-history.ts'
import type { Arguments } from '../protocol/arguments.ts'
import { assert } from '../util/assert.ts'
import type { Source } from '../util/bytes/bytes.ts'
import type { Backlog } from './backlog.ts'

const PING = ['PING']
const GETACK = ['REPLCONF', 'GETACK', '*']

export class EffectEncoder implements EffectSink {
  readonly takesMessages = true
  readonly #backlog: Backlog
  readonly #history: ReplicationHistory
  /** Writes into the backlog's open block. */
  readonly #framing: EffectFraming

  constructor(backlog: Backlog, history: ReplicationHistory) {
    this.#backlog = backlog
    this.#history = history
    this.#framing = new EffectFraming(backlog.open)
  }

  /** Whether a unit has begun and has not ended. */
  get isInUnit(): boolean {
    return this.#framing.isInUnit
  }

  /** The database of the last effect; -1 = the next one says its own. */
  get database(): number {
    return this.#framing.database
  }

  set database(database: number) {
    this.#framing.database = database
  }

  appendRequest(database: number, args: Arguments): void {
    this.#framing.request(database, args)
    this.#grown()
  }

  append(database: number, words: readonly Word[]): void {
    this.#framing.command(database, words)
    this.#grown()
  }

  beginUnit(): void {
    this.#framing.beginUnit()
  }

  endUnit(): void {
    this.#framing.endUnit()
    this.#grown()
  }

  abandonUnit(): void {
    // The open block is closed between units only, and sent at the end of turns.
    this.#framing.abandonUnit()
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
    assert(!this.#framing.isInUnit, "the primary's stream is copied between two units")
    assert(this.#backlog.end === this.#history.offset, 'the backlog ends at the offset of the history')
    this.#backlog.open.copy(source, start, end - start)
    this.#closeFullBlock()
  }

  #say(request: readonly string[]): void {
    this.#backlog.open.command(request)
    this.#grown()
  }

  #grown(): void {
    const backlog = this.#backlog
    this.#history.offset = backlog.end
    if (!this.#framing.isInUnit) this.#closeFullBlock()
  }

  #closeFullBlock(): void {
    if (this.#backlog.grown()) this.#framing.goOnIn(this.#backlog.open)
  }
}
