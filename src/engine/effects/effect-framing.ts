// Frames effects as redis-server does: SELECT where the database changes, MULTI and EXEC around a
// unit of several commands (docs/decisions/0057-units-of-one-command.md).
//
// The append-only file, the replicas' stream and the replicated log each have one of these. They
// hand in the writer that the next effects go to, and may exchange it between two units.

import type { Arguments } from '../../protocol/arguments.ts'
import { RequestWriter } from '../../protocol/request-writer.ts'
import { assert } from '../../util/assert.ts'
import type { Word } from './effects.ts'

const MULTI = '*1\r\n$5\r\nMULTI\r\n'
const EXEC = '*1\r\n$4\r\nEXEC\r\n'

export class EffectFraming {
  /** The database of the last effect; -1 = the next effect selects its own. */
  database = -1
  #writer: RequestWriter
  /**
   * The offset at which the open unit begins, -1 = none is open; its number of commands; the
   * database before it.
   */
  #unitAt = -1
  #unitCommands = 0
  #unitDatabase = -1

  constructor(writer = new RequestWriter()) {
    this.#writer = writer
  }

  /** The writer that effects go to. */
  get writer(): RequestWriter {
    return this.#writer
  }

  /** True while a unit is open: its bytes may still move, or be taken back. */
  get isInUnit(): boolean {
    return this.#unitAt !== -1
  }

  /** Sends the next effects to another writer. */
  goOnIn(writer: RequestWriter): void {
    assert(this.#unitAt === -1, 'a unit lies in one stretch of memory, so that it can be taken back')
    this.#writer = writer
  }

  request(database: number, args: Arguments): void {
    if (database !== this.database) this.#select(database)
    if (this.#unitAt !== -1) this.#countInUnit()
    this.#writer.request(args)
  }

  command(database: number, words: readonly Word[]): void {
    if (database !== this.database) this.#select(database)
    if (this.#unitAt !== -1) this.#countInUnit()
    this.#writer.command(words)
  }

  /**
   * Opens a unit. If it gets more than one command, MULTI and EXEC stand around them. One command
   * is a unit by itself, as in Redis.
   */
  beginUnit(): void {
    assert(this.#unitAt === -1, 'units do not nest')
    this.#unitAt = this.#writer.length
    this.#unitCommands = 0
    this.#unitDatabase = this.database
  }

  endUnit(): void {
    assert(this.#unitAt !== -1, 'a unit that ends has begun')
    if (this.#unitCommands > 1) this.#writer.raw(EXEC)
    this.#unitAt = -1
  }

  /** Takes the open unit back. */
  abandonUnit(): void {
    assert(this.#unitAt !== -1 && this.#unitAt <= this.#writer.length, 'the bytes of an open unit are still here')
    this.#writer.length = this.#unitAt
    this.database = this.#unitDatabase
    this.#unitAt = -1
  }

  /**
   * Inserts MULTI before the first command when the second one comes. Most units have no second.
   */
  #countInUnit(): void {
    if (++this.#unitCommands === 2) this.#writer.insert(this.#unitAt, MULTI)
  }

  #select(database: number): void {
    const digits = String(database)
    this.#writer.raw(`*2\r\n$6\r\nSELECT\r\n$${digits.length}\r\n${digits}\r\n`)
    this.database = database
  }
}
