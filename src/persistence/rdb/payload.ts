// One value as a payload: DUMP returns it and RESTORE takes it.
//
//   [type][value][version u16][CRC-64 of everything before]
//
// A payload holds no key, no expiry, no use. It comes from anywhere, and a checksum is no
// signature. So the value is checked as if there were no checksum.

import type { Database } from '../../store/keyspace/database.ts'
import { TYPE_STRING, type Value } from '../../store/structures/value.ts'
import { assert } from '../../util/assert.ts'
import { Bytes } from '../../util/bytes/bytes.ts'
import { Crc64 } from '../../util/bytes/crc64.ts'
import { CHECKED } from '../../util/invariant.ts'
import { RdbDamage, STARVED } from './damage.ts'
import { RDB_VERSION_MAX, RDB_VERSION_WRITTEN, TYPE } from './rdb-format.ts'
import { RdbInput } from './rdb-input.ts'
import { RdbOutput } from './rdb-output.ts'
import { ValueReader, ValueWriter } from './value-codec.ts'

const FOOTER_BYTES = 10

/** Writes payloads, one at a time. */
export class PayloadWriter {
  readonly #outputs: RdbOutput[] = []
  readonly #values = new ValueWriter()
  readonly #window = new Bytes()

  /** Returns the payload of an entry's value; the window is valid until the next one is written. */
  write(db: Database, entry: number, compress: boolean): Bytes {
    const output = this.#output(compress)
    output.clear()
    output.reset()
    if (db.typeOf(entry) === TYPE_STRING) {
      output.byte(TYPE.string)
      output.string(db.strings.read(entry, this.#window))
    } else {
      const value = db.structureOf(entry)
      output.byte(this.#values.typeOf(value))
      this.#values.begin(value)
      this.#values.write(output, Number.POSITIVE_INFINITY)
    }
    output.byte(RDB_VERSION_WRITTEN & 0xff)
    output.byte(RDB_VERSION_WRITTEN >> 8)
    output.checksum()
    const payload = this.#window.set(output.source, 0, output.length)
    if (CHECKED) assert(isPayload(payload, true), 'a payload that was written has the right footer')
    return payload
  }

  /** Lets go of a large payload's memory. */
  release(): void {
    for (const output of this.#outputs) output?.clear()
  }

  #output(compress: boolean): RdbOutput {
    const index = compress ? 1 : 0
    let output = this.#outputs[index]
    if (output === undefined) {
      output = new RdbOutput({ compress, checksum: true })
      this.#outputs[index] = output
    }
    return output
  }
}

/**
 * Tells whether a payload's footer is of a known version and, if `comparesChecksum`, has the right
 * checksum.
 */
export function isPayload(payload: Bytes, comparesChecksum: boolean): boolean {
  const { source, start, length } = payload
  if (length < FOOTER_BYTES) return false
  const footer = start + length - FOOTER_BYTES
  if (source.view.getUint16(footer, true) > RDB_VERSION_MAX) return false
  return !comparesChecksum || new Crc64().update(source, start, footer + 2).equalsAt(source, footer + 2)
}

/** Reads payloads, one at a time. */
export class PayloadReader {
  readonly #values = new ValueReader()
  readonly #string = new Bytes()

  /**
   * Returns the value in a payload that passed `isPayload`: a structure in a database's memory,
   * which is the caller's, or a string as a window that is valid while the payload stays. Throws
   * RdbDamage. Bytes between value and footer are ignored, as in Redis.
   */
  read(payload: Bytes, db: Database): Value | Bytes {
    const { source, start, length } = payload
    const input = new RdbInput(source, start, start + length - FOOTER_BYTES)
    try {
      const type = input.byte()
      if (type === TYPE.string) return input.string(this.#string)
      this.#values.begin(type, input, db)
      const value = this.#values.read(input)
      if (value === undefined) throw new RdbDamage('the value has no elements')
      return value
    } catch (error) {
      // The input knows its end, so it never starves.
      if (error === STARVED) throw new RdbDamage('the payload is cut short')
      throw error
    }
  }
}

/**
 * Room for the call under way: commands run one after the other, and a payload was read before the
 * next command begins.
 */
export const payloadWriter = new PayloadWriter()
export const payloadReader = new PayloadReader()
