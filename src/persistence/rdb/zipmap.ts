// Zipmaps: small hashes of Redis up to 2.4. Read only.
//
//   zipmap = [fields, 254 = count them]([length][field][length][unused][value][unused bytes])…[255]
//   length = one byte below 254, or 254 and four bytes

import { byteAt } from '../../util/array-reads.ts'
import { assert } from '../../util/assert.ts'
import { type Bytes, Source } from '../../util/bytes/bytes.ts'
import { CHECKED } from '../../util/invariant.ts'
import { RdbDamage } from './damage.ts'

const LONG = 254
const END = 255

export class ZipmapReader {
  /** Fields that are left. */
  count = 0
  #source = Source.allocate(0)
  #at = 0
  #end = 0
  /** Start of the text whose length #length read. */
  #start = 0

  /**
   * Begins with a blob, which must stay in place while it is read. Throws RdbDamage unless it is
   * whole.
   */
  open(blob: Bytes): this {
    const { source, start, length } = blob
    if (length < 2) throw new RdbDamage('a zipmap is too short')
    this.#source = source
    this.#at = start + 1
    this.#end = start + length - 1
    if (source.u8[this.#end] !== END) throw new RdbDamage('a zipmap has no end')
    let count = 0
    while (this.#at < this.#end) {
      this.#pass(this.#length())
      const value = this.#length()
      const unused = this.#byte()
      this.#pass(value + unused)
      count++
    }
    const named = byteAt(source.u8, start)
    if (named < LONG && named !== count) throw new RdbDamage('a zipmap has not the fields it names')
    this.#at = start + 1
    this.count = count
    return this
  }

  /** Points windows at the next field and its value. There must be one. */
  next(field: Bytes, value: Bytes): void {
    if (CHECKED) assert(this.count > 0, 'a field that is read is there')
    const fieldLength = this.#length()
    field.set(this.#source, this.#start, fieldLength)
    this.#pass(fieldLength)
    const valueLength = this.#length()
    const unused = this.#byte()
    value.set(this.#source, this.#start + 1, valueLength)
    this.#pass(valueLength + unused)
    this.count--
  }

  #byte(): number {
    if (this.#at >= this.#end) throw new RdbDamage('a zipmap ends too early')
    return byteAt(this.#source.u8, this.#at++)
  }

  #length(): number {
    let length = this.#byte()
    if (length === END) throw new RdbDamage('a zipmap ends too early')
    if (length === LONG) {
      if (this.#at + 4 > this.#end) throw new RdbDamage('a zipmap ends too early')
      length = this.#source.view.getUint32(this.#at, true)
      this.#at += 4
    }
    this.#start = this.#at
    return length
  }

  #pass(length: number): void {
    if (length > this.#end - this.#at) throw new RdbDamage('a zipmap ends too early')
    this.#at += length
  }
}
