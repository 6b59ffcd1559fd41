// The patterns of BY and GET in SORT. For each element a pattern names a key, or a field of a hash:
//
//   weight_*       the string under weight_<element>
//   user_*->age    field `age` of the hash under user_<element>
//   #              the element itself
//
// Redis reads a pattern as C text: a star or an arrow behind a NUL does not count.

import { Hash } from '../../store/hash/hash.ts'
import { NONE } from '../../store/keyspace/keyspace.ts'
import { TYPE_STRING } from '../../store/structures/value.ts'
import { Bytes, copyBytes, Source } from '../../util/bytes/bytes.ts'
import type { Call } from '../call.ts'

const NUL = 0
const STAR = 42
const KEY_BYTES_MIN = 256

export class SortPattern {
  /** `#`: the element itself. */
  readonly isElement: boolean
  /** A pattern without a star names nothing. */
  readonly hasStar: boolean
  readonly #prefix: Bytes
  readonly #postfix: Bytes
  readonly #field: Bytes | undefined
  #memory = Source.allocate(KEY_BYTES_MIN)
  readonly #key = new Bytes()

  /** The window must stay valid while the pattern is used. */
  constructor(text: Bytes) {
    const { source, start, length } = text
    const end = start + length
    const star = indexInText(text, 0, isStar)
    const arrow = star === -1 ? -1 : indexInText(text, star + 1, isArrow)
    const hasField = arrow !== -1 && arrow + 2 < length && source.u8[start + arrow + 2] !== NUL
    this.isElement = length > 0 && source.u8[start] === 35 && (length === 1 || source.u8[start + 1] === NUL)
    this.hasStar = star !== -1
    this.#prefix = new Bytes(source, start, Math.max(0, star))
    this.#field = hasField ? new Bytes(source, start + arrow + 2, length - arrow - 2) : undefined
    const postfix = start + star + 1
    this.#postfix = new Bytes(source, postfix, (hasField ? start + arrow : end) - postfix)
  }

  /**
   * Points `window` at the value that the pattern names for an element; returns false if there is
   * none. Valid until the next change.
   */
  find(call: Call, element: Bytes, window: Bytes): boolean {
    if (this.isElement) {
      window.set(element.source, element.start, element.length)
      return true
    }
    if (!this.hasStar) return false
    const { db } = call
    const entry = db.findForRead(this.#keyFor(element))
    if (entry === NONE) return false
    if (this.#field === undefined) {
      if (db.typeOf(entry) !== TYPE_STRING) return false
      db.strings.read(entry, window)
      return true
    }
    if (db.typeOf(entry) !== Hash.type) return false
    return (db.structureOf(entry) as Hash).get(this.#field, window)
  }

  #keyFor(element: Bytes): Bytes {
    const prefix = this.#prefix
    const postfix = this.#postfix
    const length = prefix.length + element.length + postfix.length
    if (length > this.#memory.u8.length) this.#memory = Source.allocate(2 * length)
    copyBytes(this.#memory, 0, prefix.source, prefix.start, prefix.length)
    copyBytes(this.#memory, prefix.length, element.source, element.start, element.length)
    copyBytes(this.#memory, prefix.length + element.length, postfix.source, postfix.start, postfix.length)
    return this.#key.set(this.#memory, 0, length)
  }
}

/**
 * Returns the index of the first occurrence from `from` on, before any NUL; -1 if there is none.
 */
function indexInText(text: Bytes, from: number, matches: (text: Bytes, index: number) => boolean): number {
  for (let i = 0; i < text.length && text.at(i) !== NUL; i++) if (i >= from && matches(text, i)) return i
  return -1
}

function isStar(text: Bytes, index: number): boolean {
  return text.at(index) === STAR
}

function isArrow(text: Bytes, index: number): boolean {
  return text.at(index) === 45 && index + 1 < text.length && text.at(index + 1) === 62
}
