// A walk over the elements of a value, whatever its type: for code that treats all types alike
// (digests, an image as commands).
//
// A list has elements, a set members, a sorted set members with scores, a hash fields with values
// and expiry times. The record of the type (value.ts) says which of these its elements have, and
// how they are ordered. A stream has more than elements, and no such cursor.

import type { Bytes } from '../../util/bytes/bytes.ts'

/** One element after the other. The value must not change while a cursor stands in it. */
export abstract class ElementCursor {
  /** The element, member or field. */
  readonly word: Bytes
  /** The field's value; left as it is by types whose elements are one word. */
  readonly second: Bytes
  score = 0
  /** When the element expires, Unix milliseconds; Infinity = never. */
  expiryMs = Number.POSITIVE_INFINITY

  /** The two windows are the caller's. `next` points them at each element. */
  constructor(word: Bytes, second: Bytes) {
    this.word = word
    this.second = second
  }

  /** Goes on to the next element, at first to the first one; false = there is none. */
  abstract next(): boolean
}
