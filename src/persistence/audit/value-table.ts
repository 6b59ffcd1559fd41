// The values of one moment, as an audit notes them: for each key its name, type, expiry and a
// fingerprint of its value.
//
// Copies of the values would need their memory twice; this takes 48 bytes a key, and its name.
// Records lie in pages off the JS heap, chained by hash. The number of keys is known when the table
// is made, so its buckets never have to grow.

import type { Fingerprint } from '../../store/keyspace/data-digest.ts'
import { itemAt, numberAt } from '../../util/array-reads.ts'
import { assert } from '../../util/assert.ts'
import type { Bytes } from '../../util/bytes/bytes.ts'
import { CHECKED } from '../../util/invariant.ts'

const PAGE_RECORDS = 4096
const NAME_PAGE_BYTES = 256 * 1024

/** Words of a record. */
const NEXT = 0
const HASH = 1
const NAME_PAGE = 2
const NAME_AT = 3
const NAME_LENGTH = 4
const DATABASE = 5
const TYPE = 6
const STATE = 7
const LOW = 8
const HIGH = 9
/** Two words, a double; NaN = never. */
const EXPIRY = 10
const RECORD_WORDS = 12

/**
 * The state of a record. `absent`: nothing is left of the value except fields of a hash whose time
 * is up.
 */
export const STATE_ABSENT = 0
export const STATE_SUMMED = 1
export const STATE_UNREADABLE = 2
/** The record was compared. */
const STATE_COMPARED = 3

interface Page {
  readonly words: Int32Array
  readonly doubles: Float64Array
}

export class ValueTable {
  /** Number of keys in the table. */
  keys = 0
  /** Code of each function library. */
  readonly libraries: string[] = []
  readonly #pages: Page[] = []
  readonly #names: Buffer[] = []
  /** Where the last page of names is free; behind its end while there is none. */
  #nameEnd = NAME_PAGE_BYTES
  #lastNames = -1
  #nameBytes = 0
  readonly #buckets: Int32Array
  readonly #mask: number

  /** Makes room for this many keys; more are taken all the same. */
  constructor(keysExpected: number) {
    const size = 2 ** Math.ceil(Math.log2(Math.max(16, keysExpected)))
    this.#buckets = new Int32Array(size)
    this.#mask = size - 1
  }

  /** Bytes that the table takes. */
  get heldBytes(): number {
    return this.#buckets.byteLength + this.#pages.length * PAGE_RECORDS * RECORD_WORDS * 4 + this.#nameBytes
  }

  /** Adds a key and returns its record, which has no fingerprint yet. The name is copied. */
  add(database: number, hash: number, name: Bytes, type: number, expiryMs: number | undefined): number {
    const record = this.keys++
    if (record % PAGE_RECORDS === 0) this.#addPage()
    const { words, doubles } = itemAt(this.#pages, Math.floor(record / PAGE_RECORDS))
    const at = (record % PAGE_RECORDS) * RECORD_WORDS
    const namePage = this.#keep(name)
    const bucket = hash & this.#mask
    words[at + NEXT] = numberAt(this.#buckets, bucket)
    this.#buckets[bucket] = record + 1
    words[at + HASH] = hash
    words[at + NAME_PAGE] = namePage
    words[at + NAME_AT] = itemAt(this.#names, namePage).length > NAME_PAGE_BYTES ? 0 : this.#nameEnd - name.length
    words[at + NAME_LENGTH] = name.length
    words[at + DATABASE] = database
    words[at + TYPE] = type
    words[at + STATE] = STATE_ABSENT
    doubles[(at + EXPIRY) >> 1] = expiryMs ?? Number.NaN
    return record
  }

  /** Notes the fingerprint of a record's value. */
  sum(record: number, { high, low }: Fingerprint): void {
    const { words, at } = this.#at(record)
    if (CHECKED) assert(words[at + STATE] === STATE_ABSENT, 'a value is summed up once')
    words[at + STATE] = STATE_SUMMED
    words[at + LOW] = low
    words[at + HIGH] = high
  }

  /** Notes that a record's value cannot be read. */
  unreadable(record: number): void {
    const { words, at } = this.#at(record)
    words[at + STATE] = STATE_UNREADABLE
  }

  /** Returns the record of a key, -1 where there is none. */
  find(database: number, hash: number, name: Bytes): number {
    for (let record = numberAt(this.#buckets, hash & this.#mask) - 1; record >= 0; ) {
      const { words, at } = this.#at(record)
      if (words[at + HASH] === hash && words[at + DATABASE] === database && this.#isNamed(words, at, name))
        return record
      record = numberAt(words, at + NEXT) - 1
    }
    return -1
  }

  stateOf(record: number): number {
    const { words, at } = this.#at(record)
    return numberAt(words, at + STATE)
  }

  typeOf(record: number): number {
    const { words, at } = this.#at(record)
    return numberAt(words, at + TYPE)
  }

  databaseOf(record: number): number {
    const { words, at } = this.#at(record)
    return numberAt(words, at + DATABASE)
  }

  /** Returns when a record's key expires, undefined = never. */
  expiryOf(record: number): number | undefined {
    const { doubles } = itemAt(this.#pages, Math.floor(record / PAGE_RECORDS))
    const expiryMs = numberAt(doubles, ((record % PAGE_RECORDS) * RECORD_WORDS + EXPIRY) >> 1)
    return Number.isNaN(expiryMs) ? undefined : expiryMs
  }

  hasSum(record: number, { high, low }: Fingerprint): boolean {
    const { words, at } = this.#at(record)
    return words[at + LOW] === low && words[at + HIGH] === high
  }

  /** Returns the name of a record's key, latin1. */
  nameOf(record: number): string {
    const { words, at } = this.#at(record)
    const start = numberAt(words, at + NAME_AT)
    return itemAt(this.#names, numberAt(words, at + NAME_PAGE)).toString(
      'latin1',
      start,
      start + numberAt(words, at + NAME_LENGTH),
    )
  }

  /** Notes that a record was compared. */
  markCompared(record: number): void {
    const { words, at } = this.#at(record)
    words[at + STATE] = STATE_COMPARED
  }

  isCompared(record: number): boolean {
    return this.stateOf(record) === STATE_COMPARED
  }

  #at(record: number): { words: Int32Array; at: number } {
    if (CHECKED) assert(record >= 0 && record < this.keys, 'a record is one of the table')
    return {
      words: itemAt(this.#pages, Math.floor(record / PAGE_RECORDS)).words,
      at: (record % PAGE_RECORDS) * RECORD_WORDS,
    }
  }

  #isNamed(words: Int32Array, at: number, { length, source, start }: Bytes): boolean {
    if (words[at + NAME_LENGTH] !== length) return false
    const own = numberAt(words, at + NAME_AT)
    return (
      source.u8.compare(
        itemAt(this.#names, numberAt(words, at + NAME_PAGE)),
        own,
        own + length,
        start,
        start + length,
      ) === 0
    )
  }

  #addPage(): void {
    const words = new Int32Array(PAGE_RECORDS * RECORD_WORDS)
    this.#pages.push({ words, doubles: new Float64Array(words.buffer) })
  }

  /**
   * Copies a name and returns its page. The page's free end lies behind the name, unless the page
   * is the name's alone.
   */
  #keep({ length, source, start }: Bytes): number {
    if (length > NAME_PAGE_BYTES) {
      const own = Buffer.allocUnsafeSlow(length)
      source.u8.copy(own, 0, start, start + length)
      this.#nameBytes += length
      return this.#names.push(own) - 1
    }
    if (this.#nameEnd + length > NAME_PAGE_BYTES) {
      this.#lastNames = this.#names.push(Buffer.allocUnsafeSlow(NAME_PAGE_BYTES)) - 1
      this.#nameBytes += NAME_PAGE_BYTES
      this.#nameEnd = 0
    }
    source.u8.copy(itemAt(this.#names, this.#lastNames), this.#nameEnd, start, start + length)
    this.#nameEnd += length
    if (CHECKED) assert(this.#nameEnd <= NAME_PAGE_BYTES, 'a name lies within its page')
    return this.#lastNames
  }
}
