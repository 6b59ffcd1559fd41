// Reads replies as they arrive, for everything that asks a server: callers within the process, the
// client program, slot moves and the prover. A subclass makes values of scalars and containers.
//
// Bytes arrive with as many replies as one turn of the loop made; a long reply comes in pieces.
// Containers that a piece leaves open stay open. Of the bytes only a scalar that is cut is kept:
// each byte is looked at once, however long the reply.

import { byteAt, itemAt } from '../util/array-reads.ts'
import { assert } from '../util/assert.ts'

/** The bytes that replies begin with. */
export const REPLY_TYPE = {
  status: 43, // +
  error: 45, // -
  integer: 58, // :
  bulk: 36, // $
  bulkError: 33, // !
  verbatim: 61, // =
  nil: 95, // _
  boolean: 35, // #
  double: 44, // ,
  bigNumber: 40, // (
  array: 42, // *
  push: 62, // >
  set: 126, // ~
  map: 37, // %
  attribute: 124, // |
  /**
   * Of no protocol: the receiver, in the same process, has the value already (reply-to-values.ts).
   */
  inProcess: 1,
} as const

const { bulk: BULK, bulkError: BULK_ERROR, verbatim: VERBATIM, nil: NIL } = REPLY_TYPE
const { array: ARRAY, push: PUSH, set: SET, map: MAP, attribute: ATTRIBUTE } = REPLY_TYPE
const [CR, LF, MINUS, ZERO] = [13, 10, 45, 48]

/**
 * An array, set, map, push or attribute whose elements are still to come. The content of an
 * attribute is dropped.
 */
interface Container<V> {
  readonly type: number
  readonly items: V[]
  missing: number
}

/** Thrown inside when the bytes end within a scalar, or within the head of a container. */
const INCOMPLETE = Symbol('incomplete')

/** Memory for a scalar that is cut: at first, and between two of them. */
const REST_BYTES = 1024
const REST_KEPT_BYTES = 64 * 1024
/**
 * Room made at once for a text that announces its length: a server may announce more than it sends.
 */
const REST_AT_ONCE_BYTES_MAX = 64 * 1024 * 1024

const NO_BYTES = Buffer.alloc(0)

/** The other side sends bytes that are no replies. */
export class BadReply extends Error {}

export abstract class ReplyReader<V> {
  #u8: Buffer = NO_BYTES
  #at = 0
  /** Containers whose elements are still to come, one within the other. */
  readonly #open: Container<V>[] = []
  /**
   * Its first `#restBytes` bytes are a scalar that was cut. It is complete from `#neededBytes`
   * bytes on.
   */
  #rest: Buffer = NO_BYTES
  #restBytes = 0
  #neededBytes = 0

  /**
   * Makes the value of a scalar: a line, or a text. The bytes are overwritten later. An absent text
   * or array is of the type nil.
   */
  protected abstract scalar(type: number, u8: Buffer, start: number, length: number): V

  /** Makes the value of a container; the items of a map are keys and values by turns. */
  protected abstract container(type: number, items: V[]): V

  /** Takes a whole reply, and the type of the outermost value. */
  protected abstract take(type: number, value: V): void

  /** True between two replies. */
  get isBetween(): boolean {
    return this.#open.length === 0 && this.#restBytes === 0
  }

  /** Reads bytes, which the caller may reuse afterwards. Throws BadReply. */
  feed(bytes: Buffer): void {
    let u8 = bytes
    if (this.#restBytes > 0) {
      this.#add(bytes, 0)
      if (this.#restBytes < this.#neededBytes) return
      u8 = this.#rest.subarray(0, this.#restBytes)
      this.#restBytes = 0
    }
    this.#u8 = u8
    this.#at = 0
    let start = 0
    try {
      while (this.#at < u8.length) {
        start = this.#at
        this.#item(byteAt(u8, start))
      }
    } catch (error) {
      if (error !== INCOMPLETE) throw error
      this.#neededBytes -= start
      if (u8 === bytes) {
        this.#add(bytes, start)
      } else {
        // The bytes lie there already.
        this.#rest.copyWithin(0, start, u8.length)
        this.#restBytes = u8.length - start
      }
      return
    }
    if (this.#rest.length > REST_KEPT_BYTES) this.#rest = NO_BYTES
  }

  /** Adds bytes from `start` on to the scalar that is cut. Room for a long text is made once. */
  #add(bytes: Buffer, start: number): void {
    const length = this.#restBytes + bytes.length - start
    if (length > this.#rest.length) {
      const grown = Buffer.allocUnsafe(
        Math.max(2 * length, Math.min(this.#neededBytes, REST_AT_ONCE_BYTES_MAX), REST_BYTES),
      )
      this.#rest.copy(grown, 0, 0, this.#restBytes)
      this.#rest = grown
    }
    bytes.copy(this.#rest, this.#restBytes, start)
    this.#restBytes = length
  }

  /**
   * Reads one scalar, or the head of a container. There is no recursion: a script may return tables
   * within tables by the thousand.
   */
  #item(type: number): void {
    this.#neededBytes = 0
    const open = this.#open
    let value: V
    if (isContainer(type)) {
      const count = this.#count()
      if (count > 0) {
        open.push({ type, items: [], missing: type === MAP || type === ATTRIBUTE ? 2 * count : count })
        return
      }
      if (type === ATTRIBUTE) return
      value = count === 0 ? this.container(type, []) : this.scalar(NIL, NO_BYTES, 0, 0)
    } else value = isText(type) ? this.#text(type) : this.#line(type)
    let outermost = type
    while (open.length > 0) {
      const last = itemAt(open, open.length - 1)
      assert(last.missing > 0, 'a container that is whole is open no more')
      last.items.push(value)
      if (--last.missing > 0) return
      open.pop()
      // The value that an attribute describes comes behind it.
      if (last.type === ATTRIBUTE) return
      value = this.container(last.type, last.items)
      outermost = last.type
    }
    this.take(outermost, value)
  }

  /** Reads the line after the type byte. */
  #line(type: number): V {
    const u8 = this.#u8
    const start = this.#at + 1
    let end = start
    while (end < u8.length && u8[end] !== LF) end++
    if (end === u8.length) throw INCOMPLETE
    this.#at = end + 1
    return this.scalar(type, u8, start, Math.max(0, end - 1 - start))
  }

  /**
   * Returns the number on the line after the type byte: how many elements or bytes follow, or -1.
   */
  #count(): number {
    const u8 = this.#u8
    let at = this.#at + 1
    const isNegative = u8[at] === MINUS
    if (isNegative) at++
    let count = 0
    for (; at < u8.length; at++) {
      const byte = byteAt(u8, at)
      if (byte === CR) break
      const digit = byte - ZERO
      if (digit < 0 || digit > 9) throw new BadReply('a length that is no number')
      count = 10 * count + digit
    }
    if (at + 1 >= u8.length) throw INCOMPLETE
    this.#at = at + 2
    return isNegative ? -1 : count
  }

  /** Reads a text, whose length stands on the line after the type byte. */
  #text(type: number): V {
    const length = this.#count()
    if (length === -1) return this.scalar(NIL, NO_BYTES, 0, 0)
    const start = this.#at
    const end = start + length
    if (end + 2 > this.#u8.length) {
      this.#neededBytes = end + 2
      throw INCOMPLETE
    }
    this.#at = end + 2
    return this.scalar(type, this.#u8, start, length)
  }
}

function isContainer(type: number): boolean {
  return type === ARRAY || type === MAP || type === SET || type === PUSH || type === ATTRIBUTE
}

function isText(type: number): boolean {
  return type === BULK || type === VERBATIM || type === BULK_ERROR
}
