// Which clients have read which keys, for client-side caching: key → the numbers of the clients.
//
// The table is a database of its own, so keys and numbers lie off the heap and a
// key is found, drawn at random and removed as in those of clients. Its value is a set:
//
//   list    the numbers in order, four bytes each
//   bitmap  one bit a number, and one byte more: so it is told from a list, whose
//           length is a multiple of four. Where many read the same, it is shorter.
//
// Numbers are small, because a bitmap is as long as the largest. A number is given
// again only when nobody has it and no key has it any more, so whoever comes later
// is never taken for somebody who is gone. Who is gone stays in the sets until
// their keys change or are given up.

import { Database, type DatabaseHost } from '../../store/keyspace/database.ts'
import { NONE } from '../../store/keyspace/keyspace.ts'
import { EncodingLimits } from '../../store/structures/encoding-limits.ts'
import { byteAt, itemAt } from '../../util/array-reads.ts'
import { assert } from '../../util/assert.ts'
import { Bytes, Source } from '../../util/bytes/bytes.ts'
import type { Random } from '../../util/numbers/random.ts'
import type { HashKey } from '../../util/tables/keyed-hash.ts'

/** A list this long may become a bitmap. Shorter ones are searched faster than the change is worth. */
const LIST_BYTES_MIN = 256
/** Bitmaps grow by this much: whoever comes next has mostly room. */
const BITMAP_GROWTH_BYTES = 32

export class TrackedKeys<Reader> {
  readonly #table: Database
  readonly #readers: (Reader | undefined)[] = []
  /** Number → how many keys have it. */
  readonly #keysOf: number[] = []
  /** Numbers that may be given again. */
  readonly #free: number[] = []
  /** Pairs of a key and a number. */
  items = 0
  readonly #value = new Bytes()
  readonly #one = new Bytes(Source.allocate(4), 0, 4)
  /** The numbers of the key that is taken. */
  readonly #taken: number[] = []

  constructor(hashKey: HashKey) {
    this.#table = new Database(0, new TableHost(hashKey))
  }

  /** Number of keys. */
  get size(): number {
    return this.#table.size
  }

  /** False when one key more may be too much, whatever the settings allow. */
  get hasRoom(): boolean {
    return this.#table.arena.hasRoom
  }

  /** Bytes that keys and numbers take. */
  get usedBytes(): number {
    return this.#table.usedBytes
  }

  // ── who reads ────────────────────────────────────────────────────────────

  /** Gives a reader a number. */
  join(reader: Reader): number {
    const number = this.#free.pop() ?? this.#readers.length
    this.#readers[number] = reader
    this.#keysOf[number] = 0
    return number
  }

  /** A reader is gone: its number is free as soon as no key has it. */
  part(number: number): void {
    this.#readers[number] = undefined
    if (this.#keysOf[number] === 0) this.#free.push(number)
  }

  // ── what they have read ──────────────────────────────────────────────────

  /** Notes that the reader of a number has read a key. */
  add(key: Bytes, number: number): void {
    const { keys } = this.#table
    const entry = keys.find(key)
    if (entry === NONE) {
      this.#one.source.view.setUint32(0, number, true)
      this.#table.insertString(key, this.#one, false)
    } else {
      const value = this.#table.strings.read(entry, this.#value)
      if (isBitmap(value)) {
        if (!this.#mark(entry, value, number)) return
      } else if (value.length >= LIST_BYTES_MIN && bitmapBytes(this.#readers.length) < value.length) {
        const bitmap = this.#toBitmap(value)
        const isNew = setBit(bitmap, number)
        this.#table.strings.place(entry, bitmap, false)
        if (!isNew) return
      } else if (!this.#insert(entry, value, number)) {
        return
      }
    }
    this.items++
    this.#keysOf[number]!++
  }

  /** Forgets a key, and tells whose it was of those who are still there. */
  take(key: Bytes, told: (reader: Reader) => void): void {
    const entry = this.#table.keys.find(key)
    if (entry !== NONE) this.#take(entry, told)
  }

  /** As `take`, for a key drawn at random. There must be one. */
  takeRandom(random: Random, told: (reader: Reader, key: Bytes) => void): void {
    const entry = this.#table.keys.randomEntry(random)
    assert(entry !== NONE, 'a key is drawn from a table that has one')
    const key = this.#table.keys.keyOf(entry, new Bytes()).copy()
    this.#take(entry, (reader) => told(reader, key))
  }

  /** Forgets all keys; none is visited. */
  clear(): void {
    this.#table.clear()
    this.items = 0
    for (let number = 0; number < this.#readers.length; number++) {
      if (this.#keysOf[number] === 0) continue
      this.#keysOf[number] = 0
      if (this.#readers[number] === undefined) this.#free.push(number)
    }
  }

  #take(entry: number, told: (reader: Reader) => void): void {
    const taken = this.#taken
    readNumbers(this.#table.strings.read(entry, this.#value), taken)
    this.#table.deleteEntry(entry)
    this.items -= taken.length
    for (let i = 0; i < taken.length; i++) {
      const number = itemAt(taken, i)
      const reader = this.#readers[number]
      if (--this.#keysOf[number]! === 0 && reader === undefined) this.#free.push(number)
      if (reader !== undefined) told(reader)
    }
    taken.length = 0
  }

  // ── sets ─────────────────────────────────────────────────────────────────

  /** Puts a number into a list; false when it is there. */
  #insert(entry: number, value: Bytes, number: number): boolean {
    let low = 0
    let high = value.length >>> 2
    while (low < high) {
      const middle = (low + high) >>> 1
      const found = value.source.view.getUint32(value.start + 4 * middle, true)
      if (found === number) return false
      if (found < number) low = middle + 1
      else high = middle
    }
    const { length } = value
    const { source, start } = this.#table.strings.resize(entry, length + 4, value)
    const at = start + 4 * low
    source.u8.copyWithin(at + 4, at, start + length)
    source.view.setUint32(at, number, true)
    return true
  }

  /** Puts a number into a bitmap; false when it is there. */
  #mark(entry: number, value: Bytes, number: number): boolean {
    const needed = bitmapBytes(number + 1)
    const bitmap = needed > value.length ? this.#table.strings.resize(entry, needed, value) : value
    return setBit(bitmap, number)
  }

  /** A list as a bitmap with room for every number there is. */
  #toBitmap(list: Bytes): Bytes {
    const length = bitmapBytes(this.#readers.length)
    const bitmap = new Bytes(Source.allocate(length), 0, length)
    bitmap.source.u8.fill(0)
    for (let at = list.start; at < list.start + list.length; at += 4)
      setBit(bitmap, list.source.view.getUint32(at, true))
    return bitmap
  }
}

function isBitmap(value: Bytes): boolean {
  return (value.length & 3) !== 0
}

/** Length of a bitmap with room for the numbers below `end`. */
function bitmapBytes(end: number): number {
  return Math.ceil(end / 8 / BITMAP_GROWTH_BYTES) * BITMAP_GROWTH_BYTES + 1
}

/** Sets a bit; false when it is set. */
function setBit(bitmap: Bytes, number: number): boolean {
  const { u8 } = bitmap.source
  const at = bitmap.start + (number >>> 3)
  const bit = 1 << (number & 7)
  if ((byteAt(u8, at) & bit) !== 0) return false
  u8[at]! |= bit
  return true
}

/** Appends the numbers of a set to `into`. */
function readNumbers(value: Bytes, into: number[]): void {
  const { source, start, length } = value
  if (!isBitmap(value)) {
    for (let at = start; at < start + length; at += 4) into.push(source.view.getUint32(at, true))
    return
  }
  for (let i = 0; i < length; i++) {
    const byte = byteAt(source.u8, start + i)
    if (byte === 0) continue
    for (let bit = 0; bit < 8; bit++) if ((byte & (1 << bit)) !== 0) into.push(8 * i + bit)
  }
}

/** A database's host that keeps no time and tells nobody. */
class TableHost implements DatabaseHost {
  readonly accessSeconds = 0
  readonly hashKey: HashKey
  readonly limits = new EncodingLimits()
  expiry = 'keep' as const
  readonly removesExpired = false
  touches = false
  readonly frequency = null
  hits = 0
  misses = 0
  changesBegun = 0
  readonly beforeChange = null
  readonly emptied = null
  readonly missed = null
  readonly created = null
  readonly looked = null
  readonly deadline = null
  readonly gone = null
  readonly grown = null

  constructor(hashKey: HashKey) {
    this.hashKey = hashKey
  }

  now(): number {
    return 0
  }

  expired(): void {}

  fieldsExpired(): void {}

  wrongType(): never {
    throw new Error('the table of tracked keys holds strings alone')
  }
}
