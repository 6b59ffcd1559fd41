// Writing an RDB file one key at a time: whoever drives decides when, and where the bytes go.
//
// `output` gathers; the driver takes it away in pieces, at any moment between two
// calls. A large structure is written in steps: `begin` and then `step` until it
// is done. The structure must not change in between; before it does, the driver
// finishes it.

import type { Database } from '../../store/database.ts'
import { TYPE_STRING } from '../../store/value.ts'
import { Bytes } from '../../util/bytes.ts'
import { OPCODE, RDB_VERSION_WRITTEN, TYPE } from './rdb-format.ts'
import { RdbOutput } from './rdb-output.ts'
import { ValueWriter } from './value-codec.ts'

export interface RdbWriterOptions {
  compress: boolean
  checksum: boolean
  /** What is said about the use of keys: as the eviction policy measures it. */
  use: 'nothing' | 'idle' | 'frequency'
}

export class RdbWriter {
  readonly output: RdbOutput
  readonly #use: RdbWriterOptions['use']
  readonly #values = new ValueWriter()
  readonly #window = new Bytes()

  constructor(options: RdbWriterOptions) {
    this.output = new RdbOutput(options)
    this.#use = options.use
  }

  /** Writes magic and version, and what is said about the file as a whole. */
  header(auxiliary: Readonly<Record<string, string | number>>): void {
    const magic = Buffer.from(`REDIS${String(RDB_VERSION_WRITTEN).padStart(4, '0')}`, 'latin1')
    const window = Bytes.over(magic)
    this.output.raw(window.source, 0, window.length)
    for (const [name, value] of Object.entries(auxiliary)) {
      this.output.byte(OPCODE.auxiliary)
      this.output.text(name)
      this.output.text(String(value))
    }
  }

  /** Writes a function library's code (latin1). */
  function(code: string): void {
    this.output.byte(OPCODE.function)
    this.output.text(code)
  }

  /** Begins a database; the numbers of keys are hints that spare the reader growing its tables. */
  database(index: number, keys: number, volatileKeys: number): void {
    const { output } = this
    output.byte(OPCODE.selectDatabase)
    output.lengthOf(index)
    output.byte(OPCODE.resize)
    output.lengthOf(keys)
    output.lengthOf(volatileKeys)
  }

  /** Writes one key with everything about it. */
  entry(db: Database, entry: number): void {
    if (!this.begin(db, entry)) this.step(Number.POSITIVE_INFINITY)
  }

  /** Begins one key; true when it is whole (a string), false when `step` goes on with its structure. */
  begin(db: Database, entry: number): boolean {
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
      output.string(db.stringOf(entry, window))
      return true
    }
    const value = db.structureOf(entry)
    output.byte(this.#values.typeOf(value))
    output.string(db.keys.keyOf(entry, window))
    this.#values.begin(value)
    return false
  }

  /** Goes on with the structure until the output holds `untilBytes` or more; true when it is whole. */
  step(untilBytes: number): boolean {
    return this.#values.write(this.output, untilBytes)
  }

  /** Writes the end and the checksum. */
  end(): void {
    this.output.byte(OPCODE.end)
    this.output.checksum()
  }

  /** Says how often a key is used, or for how long it was not, so that eviction after a restart goes on as before. */
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
