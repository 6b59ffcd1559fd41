// The common part of listpacks and ziplists: each is checked once as a whole, then read element by
// element.

import { type Bytes, Source } from '../../util/bytes/bytes.ts'
import { narrow, parseInteger, writeInteger } from '../../util/numbers/numbers.ts'
import { RdbDamage } from './damage.ts'

/** Integers that may be pointed at as text at the same time. */
const SLOTS = 4
const SLOT_BYTES = 24

export abstract class PackedReader {
  /** Elements that are left. */
  count = 0
  protected source: Source = Source.allocate(0)
  protected at = 0
  /** The current element: an integer, or bytes in `source`. */
  #isInteger = false
  #integer: number | bigint = 0
  #start = 0
  #length = 0
  readonly #texts = Source.allocate(SLOTS * SLOT_BYTES)
  #slot = 0

  /**
   * Begins with a blob, which must stay in place while it is read. Throws RdbDamage unless it is
   * whole and consistent.
   */
  open(blob: Bytes): this {
    this.source = blob.source
    this.check(blob.source, blob.start, blob.length)
    return this
  }

  /** Checks a blob, sets `count`, and `at` to the first element. */
  protected abstract check(source: Source, start: number, length: number): void
  /** Makes the element at `at` the current one, and moves on. */
  protected abstract take(): void

  protected integerIs(value: number | bigint): void {
    this.#isInteger = true
    this.#integer = value
  }

  protected bytesAre(start: number, length: number): void {
    this.#isInteger = false
    this.#start = start
    this.#length = length
  }

  /**
   * Points a window at the next element. An integer's text stays for the three elements that
   * follow. Throws RdbDamage at the end.
   */
  next(window: Bytes): Bytes {
    this.#next()
    if (!this.#isInteger) return window.set(this.source, this.#start, this.#length)
    const at = this.#slot * SLOT_BYTES
    this.#slot = (this.#slot + 1) % SLOTS
    const { u8 } = this.#texts
    const value = this.#integer
    const length = typeof value === 'number' ? writeInteger(value, u8, at) : u8.write(value.toString(), at, 'latin1')
    return window.set(this.#texts, at, length)
  }

  /** Reads the next element, which must be an integer. */
  nextInteger(): number | bigint {
    this.#next()
    if (this.#isInteger) return this.#integer
    throw new RdbDamage('text stands where an integer is expected')
  }

  /**
   * Reads the next element as a double: an integer, or the text of a number. NaN when it is
   * neither.
   */
  nextDouble(): number {
    this.#next()
    if (this.#isInteger) return Number(this.#integer)
    const text = this.source.u8.toString('latin1', this.#start, this.#start + this.#length)
    if (/^[+-]?inf(inity)?$/i.test(text)) return text[0] === '-' ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY
    return text.trim() === '' ? Number.NaN : Number(text)
  }

  /** Passes the next element. */
  pass(): void {
    this.#next()
  }

  #next(): void {
    if (this.count === 0) throw new RdbDamage('elements are missing')
    this.count--
    this.take()
  }
}

/** Reads eight bytes as a signed integer: a number while safe. */
export function integerOf(view: DataView, at: number): number | bigint {
  return narrow(view.getBigInt64(at, true))!
}

/** Tells whether an element is a canonical integer. */
export class PackedElements {
  integer: number | bigint = 0

  parse(element: Bytes): boolean {
    const first = element.at(0)
    if (first !== 45 && (first < 48 || first > 57)) return false
    const value = parseInteger(element)
    if (value === undefined) return false
    this.integer = value
    return true
  }
}
