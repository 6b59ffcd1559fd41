// Intsets: sets of integers, sorted, all of the same width. [width u32][count u32][integer]…

import { assert } from '../../util/assert.ts'
import { Bytes, Source } from '../../util/bytes/bytes.ts'
import { CHECKED } from '../../util/invariant.ts'
import { writeInteger } from '../../util/numbers/numbers.ts'
import { RdbDamage } from './damage.ts'
import { integerOf } from './packed-reader.ts'

const HEADER_BYTES = 8

export class IntsetReader {
  /** Members that are left. */
  count = 0
  #source = Source.allocate(0)
  #at = 0
  #width = 0
  readonly #text = Source.allocate(24)

  /**
   * Begins with a blob, which must stay in place while it is read. Throws RdbDamage unless it is
   * whole and in order.
   */
  open(blob: Bytes): this {
    const { source, start, length } = blob
    if (length < HEADER_BYTES) throw new RdbDamage('an intset is too short')
    const width = source.view.getUint32(start, true)
    const count = source.view.getUint32(start + 4, true)
    if ((width !== 2 && width !== 4 && width !== 8) || count * width !== length - HEADER_BYTES) {
      throw new RdbDamage('an intset has not the length it names')
    }
    this.#source = source
    this.#width = width
    this.#at = start + HEADER_BYTES
    for (let i = 1; i < count; i++) {
      if (this.#member(this.#at + i * width) <= this.#member(this.#at + (i - 1) * width)) {
        throw new RdbDamage('an intset is not in order')
      }
    }
    this.count = count
    return this
  }

  /**
   * Points a window at the text of the next member, valid until the one after it. There must be
   * one.
   */
  next(window: Bytes): Bytes {
    if (CHECKED) assert(this.count > 0, 'a member that is read is there')
    const value = this.#member(this.#at)
    this.#at += this.#width
    this.count--
    const { u8 } = this.#text
    const length = typeof value === 'number' ? writeInteger(value, u8, 0) : u8.write(value.toString(), 0, 'latin1')
    return window.set(this.#text, 0, length)
  }

  #member(at: number): number | bigint {
    const { view } = this.#source
    if (this.#width === 2) return view.getInt16(at, true)
    return this.#width === 4 ? view.getInt32(at, true) : integerOf(view, at)
  }
}

/** Makes an intset of distinct integers, in any order. */
export function buildIntset(members: (number | bigint)[]): Bytes {
  members.sort((a, b) => (a < b ? -1 : a > b ? 1 : 0))
  if (CHECKED) {
    const isSet = members.every((member, i) => i === 0 || member !== members[i - 1])
    assert(isSet, 'an intset is written with each member once')
  }
  const first = members[0] ?? 0
  const last = members.at(-1) ?? 0
  const fits = (bits: number) => first >= -(2 ** (bits - 1)) && last < 2 ** (bits - 1)
  const width = fits(16) ? 2 : fits(32) ? 4 : 8
  const source = Source.allocate(HEADER_BYTES + members.length * width)
  const { view } = source
  view.setUint32(0, width, true)
  view.setUint32(4, members.length, true)
  let at = HEADER_BYTES
  for (const member of members) {
    if (width === 2) view.setInt16(at, Number(member), true)
    else if (width === 4) view.setInt32(at, Number(member), true)
    else view.setBigInt64(at, BigInt(member), true)
    at += width
  }
  return new Bytes(source, 0, at)
}
