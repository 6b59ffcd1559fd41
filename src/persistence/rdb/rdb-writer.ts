// Writes an RDB file one key at a time; the caller decides when, and where the bytes go.
//
// `output` gathers; the caller takes the bytes away in pieces, at any moment between two calls. A
// large structure or string is written in steps: `begin`, and then `step` until it is whole. The
// value must not change in between; before it does, the caller finishes it.

import type { Database } from '../../store/keyspace/database.ts'
import { TYPE_STRING } from '../../store/structures/value.ts'
import { assert } from '../../util/assert.ts'
import { Bytes } from '../../util/bytes/bytes.ts'
import { CHECKED } from '../../util/invariant.ts'
import type { ImageWriter } from '../snapshot/image-writer.ts'
import { OPCODE, RDB_VERSION_WRITTEN, TYPE } from './rdb-format.ts'
import { RdbOutput } from './rdb-output.ts'
import { ValueWriter } from './value-codec.ts'

/**
 * A longer string is written in steps, and as it is: compressing and copying it in one go would
 * take too long.
 */
export const STRING_AT_ONCE_BYTES_MAX = 256 * 1024

export interface RdbWriterOptions {
  compress: boolean
  checksum: boolean
  /** How the use of keys is written: as the eviction policy measures it. */
  use: 'nothing' | 'idle' | 'frequency'
}

export class RdbWriter implements ImageWriter {
  readonly output: RdbOutput
  readonly #use: RdbWriterOptions['use']
  readonly #values = new ValueWriter()
  readonly #window = new Bytes()
  /** The large string that is being written, and how far it is. */
  readonly #string = new Bytes()
  #stringAt = 0
  #inString = false
  /** The database of the last key; -1 = the next `select` writes it in any case. */
  #database = -1

  constructor(options: RdbWriterOptions) {
    this.output = new RdbOutput({ ...options, compressBytesMax: STRING_AT_ONCE_BYTES_MAX })
    this.#use = options.use
  }

  get work(): number {
    return this.output.total
  }

  /** Writes magic and version, and the fields about the file as a whole. */
  header(auxiliary: Readonly<Record<string, string | number>>): void {
    const magic = Buffer.from(`REDIS${String(RDB_VERSION_WRITTEN).padStart(4, '0')}`, 'latin1')
    const window = Bytes.over(magic)
    this.output.raw(window.source, 0, window.length)
    for (const [name, value] of Object.entries(auxiliary)) this.auxiliary(name, String(value))
  }

  /** Writes a field about the file as a whole. */
  auxiliary(name: string, value: string): void {
    this.output.byte(OPCODE.auxiliary)
    this.output.text(name)
    this.output.text(value)
  }

  /** Writes a function library's code (latin1). */
  function(code: string): void {
    this.output.byte(OPCODE.function)
    this.output.text(code)
  }

  /**
   * Begins a database. The numbers of keys are hints: the reader makes its tables large enough at
   * once.
   */
  database(index: number, keys: number, volatileKeys: number): void {
    const { output } = this
    output.byte(OPCODE.selectDatabase)
    output.lengthOf(index)
    output.byte(OPCODE.resize)
    output.lengthOf(keys)
    output.lengthOf(volatileKeys)
    this.#database = index
  }

  /** Selects the database of the next keys, unless it is selected already. */
  select(index: number): void {
    if (index === this.#database) return
    this.#database = index
    this.output.byte(OPCODE.selectDatabase)
    this.output.lengthOf(index)
  }

  /** Makes the next `select` write its database in any case. */
  forgetDatabase(): void {
    this.#database = -1
  }

  /** Writes one key with everything about it. */
  entry(db: Database, entry: number): void {
    if (!this.begin(db, entry)) this.step(Number.POSITIVE_INFINITY)
  }

  /** Begins one key; true when it is whole (a short string), false when `step` goes on with it. */
  begin(db: Database, entry: number): boolean {
    if (CHECKED) this.#checkWhole()
    const { output } = this
    const window = this.#window
    const expiry = db.expiryOf(entry)
    if (expiry !== undefined) {
      output.byte(OPCODE.expiryMs)
      output.int64(clampInt64(expiry))
    }
    if (this.#use !== 'nothing') this.#writeUse(db, entry)
    if (db.typeOf(entry) === TYPE_STRING) {
      output.byte(TYPE.string)
      output.string(db.keys.keyOf(entry, window))
      const value = db.strings.read(entry, this.#string)
      this.#inString = value.length > STRING_AT_ONCE_BYTES_MAX
      if (this.#inString) {
        this.#stringAt = 0
        output.lengthOf(value.length)
      } else {
        output.string(value)
      }
      return !this.#inString
    }
    this.#inString = false
    const value = db.structureOf(entry)
    output.byte(this.#values.typeOf(value))
    output.string(db.keys.keyOf(entry, window))
    this.#values.begin(value)
    return false
  }

  /** Goes on with the value until the output holds `untilBytes` or more; true when it is whole. */
  step(untilBytes: number): boolean {
    return this.#inString ? this.#stepString(untilBytes) : this.#values.write(this.output, untilBytes)
  }

  #stepString(untilBytes: number): boolean {
    const { output } = this
    const string = this.#string
    const length = Math.min(string.length - this.#stringAt, Math.max(1, untilBytes - output.length))
    output.raw(string.source, string.start + this.#stringAt, length)
    this.#stringAt += length
    return this.#stringAt === string.length
  }

  /** Writes the end and the checksum. */
  end(): void {
    this.#checkWhole()
    this.output.byte(OPCODE.end)
    this.output.checksum()
  }

  #checkWhole(): void {
    assert(
      !this.#inString || this.#stringAt === this.#string.length,
      'a string is whole before the next key or the end',
    )
  }

  /**
   * Writes how often a key is used, or since when it was not, so that eviction after a restart goes
   * on as before.
   */
  #writeUse(db: Database, entry: number): void {
    const { output } = this
    if (this.#use === 'frequency') {
      output.byte(OPCODE.frequency)
      output.byte(db.frequencyOf(entry))
    } else {
      output.byte(OPCODE.idle)
      output.lengthOf(db.idleSeconds(entry))
    }
  }
}

/** Expiries are doubles; the last of all is beyond int64 by one. */
function clampInt64(time: number): number | bigint {
  if (Number.isSafeInteger(time)) return time
  const wide = BigInt(Math.trunc(time))
  return wide > 0x7fffffffffffffffn ? 0x7fffffffffffffffn : wide
}
