// Turns a command's reply into JavaScript values, for callers inside the process.
//
// No byte is written and read again: a command that replies to it makes the value. The values are
// those that `ReplyValueReader` makes of the bytes of `ReplyBuffer` (test/embedded/direct.test.ts).
//
// Containers under construction are on a stack. A reply is whole when it has a value and the stack
// is empty.

import { byteAt } from '../util/array-reads.ts'
import type { Bytes, Source } from '../util/bytes/bytes.ts'
import { utf8Of } from '../util/bytes/text.ts'
import { formatDouble } from '../util/numbers/numbers.ts'
import type { ReplyError } from './errors.ts'
import type { Reply } from './reply.ts'
import { CommandError, type ReplyValue } from './reply-value.ts'

type Value = ReplyValue<string | Buffer>
type Shape = 'array' | 'map' | 'set' | 'push'

/** A container with elements still to come; a map's are keys and values by turns. */
interface Open {
  readonly shape: Shape
  readonly items: Value[]
  missing: number
}

/** Characters beyond ASCII: one byte each in latin1, and no text in UTF-8 as they are. */
const NOT_ASCII = /[^\x00-\x7f]/

export class ReplyToValues implements Reply {
  protocol: 2 | 3 = 3
  /** The reply, once it is whole. */
  value: Value = null
  #hasValue = false
  /** Strings of the reply are bytes. */
  #inBytes = false
  readonly #open: Open[] = []
  #last: Open | undefined = undefined

  /** Begins a reply. `inBytes`: its strings are bytes, not text. */
  begin(protocol: 2 | 3, inBytes: boolean): void {
    this.protocol = protocol
    this.#inBytes = inBytes
    this.startOver()
  }

  startOver(): void {
    this.value = null
    this.#hasValue = false
    if (this.#last !== undefined) {
      this.#open.length = 0
      this.#last = undefined
    }
  }

  get isWhole(): boolean {
    return this.#hasValue && this.#last === undefined
  }

  /** Makes a string of the reply out of bytes that are overwritten later. */
  stringOf(u8: Buffer, start: number, length: number): string | Buffer {
    return this.#inBytes ? Buffer.from(u8.subarray(start, start + length)) : utf8Of(u8, start, length)
  }

  setProtocol(protocol: 2 | 3): void {
    this.protocol = protocol
  }

  ok(): void {
    this.#put('OK')
  }

  status(text: string): void {
    this.#put(text)
  }

  error(error: ReplyError): void {
    this.#put(new CommandError(error.text))
  }

  integer(value: number | bigint): void {
    if (typeof value === 'number' && Number.isSafeInteger(value)) this.#put(value + 0)
    else this.#put(smallest(BigInt(value)))
  }

  bulk(bytes: Bytes): void {
    this.#put(this.stringOf(bytes.source.u8, bytes.start, bytes.length))
  }

  bulkFrom(source: Source, start: number, length: number): void {
    this.#put(this.stringOf(source.u8, start, length))
  }

  bulkRow(source: Source, start: number, count: number): number {
    const { u8 } = source
    let at = start
    for (let left = count; left > 0; left--) {
      const length = byteAt(u8, at)
      this.#put(this.stringOf(u8, at + 1, length))
      at += length + 2
    }
    return at
  }

  text(latin1: string): void {
    if (this.#inBytes) this.#put(Buffer.from(latin1, 'latin1'))
    else this.#put(NOT_ASCII.test(latin1) ? Buffer.from(latin1, 'latin1').toString('utf8') : latin1)
  }

  nil(): void {
    this.#put(null)
  }

  nilArray(): void {
    this.#put(null)
  }

  array(length: number): void {
    this.#begin('array', length)
  }

  map(length: number): void {
    this.#begin(this.protocol === 3 ? 'map' : 'array', 2 * length)
  }

  set(length: number): void {
    this.#begin(this.protocol === 3 ? 'set' : 'array', length)
  }

  push(length: number): void {
    this.#begin(this.protocol === 3 ? 'push' : 'array', length)
  }

  double(value: number): void {
    if (this.protocol === 3) this.#put(value)
    else this.text(formatDouble(value))
  }

  printedDouble(text: string): void {
    if (this.protocol === 3) this.#put(numberOf(text))
    else this.text(text)
  }

  boolean(value: boolean): void {
    this.#put(this.protocol === 3 ? value : value ? 1 : 0)
  }

  bigNumber(text: string): void {
    if (this.protocol === 3) this.#put(/^[+-]?\d+$/.test(text) ? BigInt(text) : text)
    else this.text(text)
  }

  verbatim(latin1: string): void {
    this.text(latin1)
  }

  #begin(shape: Shape, missing: number): void {
    if (missing === 0) {
      this.#put(containerOf(shape, []))
      return
    }
    this.#last = { shape, items: [], missing }
    this.#open.push(this.#last)
  }

  #put(value: Value): void {
    let last = this.#last
    if (last === undefined) {
      this.value = value
      this.#hasValue = true
      return
    }
    last.items.push(value)
    while (--last.missing === 0) {
      const open = this.#open
      open.pop()
      const made = containerOf(last.shape, last.items)
      const outer: Open | undefined = open.length === 0 ? undefined : open[open.length - 1]
      this.#last = outer
      if (outer === undefined) {
        // A message is no reply.
        if (last.shape === 'push') return
        this.value = made
        this.#hasValue = true
        return
      }
      outer.items.push(made)
      last = outer
    }
  }
}

function containerOf(shape: Shape, items: Value[]): Value {
  if (shape === 'set') return new Set(items)
  if (shape !== 'map') return items
  const map = new Map<Value, Value>()
  for (let i = 0; i < items.length; i += 2) map.set(items[i] ?? null, items[i + 1] ?? null)
  return map
}

/** A number where it is exact, else a bigint. */
function smallest(value: bigint): number | bigint {
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : value
}

function numberOf(text: string): number {
  if (text === 'inf') return Number.POSITIVE_INFINITY
  return text === '-inf' ? Number.NEGATIVE_INFINITY : Number(text)
}
