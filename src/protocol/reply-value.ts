// Replies as JavaScript values, for callers inside the process.
//
// Why not another implementation of `Reply` that never makes bytes: a reply may come
// later (a parked client is served), may be held back (appendfsync always) and is
// ordered with pushes. All of that happens to a client's output, which is bytes; so an
// embedded caller is a client like any other, and its RESP3 output is read here.
//
// What arrives is as many replies as one turn of the loop made; a long one comes in
// pieces. The containers that a piece leaves open stay open, and of the bytes only a
// scalar that is cut is kept: each byte is looked at once, however long the reply.

import { textOf } from '../util/bytes/text.ts'

/** An error reply, as a JavaScript caller meets it. `message` is the whole line. */
export class CommandError extends Error {
  override name = 'CommandError'

  /** The code word: `ERR`, `WRONGTYPE`, … */
  get code(): string {
    return /^\S*/.exec(this.message)![0]
  }
}

/** A reply. `S` is what strings are made of; errors inside an array (EXEC) are values. */
export type ReplyValue<S> =
  | S
  | string
  | number
  | bigint
  | boolean
  | null
  | CommandError
  | ReplyValue<S>[]
  | Map<ReplyValue<S>, ReplyValue<S>>
  | Set<ReplyValue<S>>

/** Who receives what was read. */
export interface ReplyValueReceiver<S> {
  reply(value: ReplyValue<S>): void
  /** An out-of-band message: its kind and its parts. */
  push(parts: ReplyValue<S>[]): void
}

/** An array, set, map, push or attribute whose elements are still to come; what an attribute says is dropped. */
interface Container<S> {
  type: number
  values: ReplyValue<S>[]
  missing: number
}

const [CR, LF, MINUS, ZERO] = [13, 10, 45, 48]

/** The bytes that replies begin with. */
const STATUS = 43 // +
const ERROR = 45 // -
const INTEGER = 58 // :
const BULK = 36 // $
const VERBATIM = 61 // =
const NIL = 95 // _
const BOOLEAN = 35 // #
const DOUBLE = 44 // ,
const BIG_NUMBER = 40 // (
const ARRAY = 42 // *
const PUSH = 62 // >
const SET = 126 // ~
const MAP = 37 // %
const ATTRIBUTE = 124 // |

/** Of a verbatim string: what it is (`txt:`), before the text. */
const VERBATIM_HEAD_BYTES = 4

/** Makes a string of bytes, which are overwritten later. */
export type StringDecoder<S> = (u8: Buffer, start: number, length: number) => S

/** Thrown inside when the bytes end within a scalar, or within the head of a container. */
const INCOMPLETE = Symbol('incomplete')

/** Memory for what is cut: at first, and what is kept of it when nothing is. */
const REST_BYTES = 1024
const REST_KEPT_BYTES = 64 * 1024

const NO_BYTES = Buffer.alloc(0)

export class ReplyValueReader<S> {
  readonly #decode: StringDecoder<S>
  readonly #receiver: ReplyValueReceiver<S>
  #u8: Buffer = NO_BYTES
  #at = 0
  /** Containers whose elements are still to come, one within the other. */
  readonly #open: Container<S>[] = []
  /** The first `#restBytes` of it: a scalar that was cut. Before there are `#neededBytes` of it, it need not be looked at. */
  #rest: Buffer = NO_BYTES
  #restBytes = 0
  #neededBytes = 0

  constructor(decode: StringDecoder<S>, receiver: ReplyValueReceiver<S>) {
    this.#decode = decode
    this.#receiver = receiver
  }

  /** Reads bytes, which the caller may reuse afterwards. */
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
        this.#item(u8[start]!)
      }
    } catch (error) {
      if (error !== INCOMPLETE) throw error
      this.#neededBytes -= start
      if (u8 === bytes) {
        this.#add(bytes, start)
      } else {
        // It lies there already.
        this.#rest.copyWithin(0, start, u8.length)
        this.#restBytes = u8.length - start
      }
      return
    }
    if (this.#rest.length > REST_KEPT_BYTES) this.#rest = NO_BYTES
  }

  /** Adds bytes from `start` on to the scalar that is cut. A long text has room made for it once. */
  #add(bytes: Buffer, start: number): void {
    const length = this.#restBytes + bytes.length - start
    if (length > this.#rest.length) {
      const grown = Buffer.allocUnsafe(Math.max(2 * length, this.#neededBytes, REST_BYTES))
      this.#rest.copy(grown, 0, 0, this.#restBytes)
      this.#rest = grown
    }
    bytes.copy(this.#rest, this.#restBytes, start)
    this.#restBytes = length
  }

  /** Reads one scalar, or the head of a container. A script may return tables within tables by the thousand, so there is no recursion. */
  #item(type: number): void {
    this.#neededBytes = 0
    const open = this.#open
    let value: ReplyValue<S>
    if (isContainer(type)) {
      const count = this.#count()
      if (count > 0) {
        open.push({ type, values: [], missing: type === MAP || type === ATTRIBUTE ? 2 * count : count })
        return
      }
      value = count === 0 ? made(type, []) : null
    } else value = this.#scalar(type)
    let outermost = type
    while (open.length > 0) {
      const last = open[open.length - 1]!
      last.values.push(value)
      if (--last.missing > 0) return
      open.pop()
      // The value that an attribute is about comes behind it.
      if (last.type === ATTRIBUTE) return
      value = made(last.type, last.values)
      outermost = last.type
    }
    if (outermost === PUSH) this.#receiver.push(value as ReplyValue<S>[])
    else this.#receiver.reply(value)
  }

  #scalar(type: number): ReplyValue<S> {
    switch (type) {
      case BULK: {
        const length = this.#count()
        return length === -1 ? null : this.#string(length, 0)
      }
      case INTEGER: {
        const line = this.#line()
        const value = Number(line)
        return Number.isSafeInteger(value) ? value : BigInt(line)
      }
      case STATUS:
        return this.#line()
      case ERROR:
        return new CommandError(this.#line())
      case VERBATIM:
        return this.#string(this.#count(), VERBATIM_HEAD_BYTES)
      case NIL:
        this.#line()
        return null
      case BOOLEAN:
        return this.#line() === 't'
      case DOUBLE: {
        const line = this.#line()
        return line === 'inf' ? Number.POSITIVE_INFINITY : line === '-inf' ? Number.NEGATIVE_INFINITY : Number(line)
      }
      case BIG_NUMBER: {
        const line = this.#line()
        // A script may call anything a big number.
        return /^[+-]?\d+$/.test(line) ? BigInt(line) : line
      }
      default:
        throw new Error(`a reply of unknown type '${String.fromCharCode(type)}'`)
    }
  }

  /** Returns the line after the type byte. */
  #line(): string {
    const u8 = this.#u8
    const start = this.#at + 1
    let end = start
    while (end < u8.length && u8[end] !== LF) end++
    if (end === u8.length) throw INCOMPLETE
    this.#at = end + 1
    return textOf(u8, start, end - 1 - start)
  }

  /** Returns the number that is the line after the type byte: how many elements or bytes follow, or -1. */
  #count(): number {
    const u8 = this.#u8
    let at = this.#at + 1
    const isNegative = u8[at] === MINUS
    if (isNegative) at++
    let count = 0
    for (; at < u8.length && u8[at] !== CR; at++) count = 10 * count + u8[at]! - ZERO
    if (at + 1 >= u8.length) throw INCOMPLETE
    this.#at = at + 2
    return isNegative ? -count : count
  }

  /** Returns the string that follows, without its first `skipped` bytes. */
  #string(length: number, skipped: number): S {
    const start = this.#at
    const end = start + length
    if (end + 2 > this.#u8.length) {
      this.#neededBytes = end + 2
      throw INCOMPLETE
    }
    this.#at = end + 2
    return this.#decode(this.#u8, start + skipped, length - skipped)
  }
}

function isContainer(type: number): boolean {
  return type === ARRAY || type === MAP || type === SET || type === PUSH || type === ATTRIBUTE
}

function made<S>(type: number, values: ReplyValue<S>[]): ReplyValue<S> {
  if (type === SET) return new Set(values)
  if (type !== MAP) return values
  const map = new Map<ReplyValue<S>, ReplyValue<S>>()
  for (let i = 0; i < values.length; i += 2) map.set(values[i]!, values[i + 1]!)
  return map
}
