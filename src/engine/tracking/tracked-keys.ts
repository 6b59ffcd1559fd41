// The keys that clients have read, for client-side caching: key → the numbers of its readers.
//
// The table is a database of its own, so keys and numbers lie off the heap. A key is found, drawn
// at random and removed as in the databases of clients. The value of a key is a set of numbers:
//
//   list    the numbers in order, four bytes each
//   bitmap  one bit a number, and one byte more, which distinguishes it from a list: the length of a
//           list is a multiple of four. It is the shorter form where many clients read the same key.
//
// Numbers are small, because a bitmap is as long as its largest number. A number is given to
// another reader only when its first one is gone and no key has it any more. So no reader is taken
// for an earlier one. The number of a reader that is gone stays in the sets until their keys change
// or are given up.

import { Database } from '../../store/keyspace/database.ts'
import { NONE } from '../../store/keyspace/keyspace.ts'
import { LoneHost } from '../../store/keyspace/lone-host.ts'
import { byteAt, itemAt } from '../../util/array-reads.ts'
import { assert } from '../../util/assert.ts'
import { Bytes, Source } from '../../util/bytes/bytes.ts'
import { CHECKED } from '../../util/invariant.ts'
import type { Random } from '../../util/numbers/random.ts'
import type { HashKey } from '../../util/tables/keyed-hash.ts'

/**
 * A list this long may become a bitmap. A shorter list is searched too fast for the change to pay.
 */
const LIST_BYTES_MIN = 256
/** Bitmaps grow by this much, so that the next readers mostly have room. */
const BITMAP_GROWTH_BYTES = 32

export class TrackedKeys<Reader> {
  readonly #table: Database
  readonly #readers: (Reader | undefined)[] = []
  /** Number → the number of keys that have it. */
  readonly #keysOf: number[] = []
  /** Numbers that may be given to new readers. */
  readonly #free: number[] = []
  /** The number of pairs of a key and a reader's number. */
  items = 0
  readonly #value = new Bytes()
  readonly #one = new Bytes(Source.allocate(4), 0, 4)
  /** The numbers of the key that is being taken. */
  readonly #taken: number[] = []

  constructor(hashKey: HashKey) {
    this.#table = new Database(0, new LoneHost(hashKey))
  }

  /** Number of keys. */
  get size(): number {
    return this.#table.size
  }

  /** False when the table may have no room for another key, whatever the settings allow. */
  get hasRoom(): boolean {
    return this.#table.arena.hasRoom
  }

  /** Bytes of the keys and numbers. */
  get usedBytes(): number {
    return this.#table.usedBytes
  }

  // ── readers ───────────────────────────────────────────────────────────────

  /** Gives a reader a number. */
  join(reader: Reader): number {
    const number = this.#free.pop() ?? this.#readers.length
    assert(this.#readers[number] === undefined, 'a number belongs to one reader')
    this.#readers[number] = reader
    this.#keysOf[number] = 0
    return number
  }

  /** Forgets a reader that is gone. Its number is free as soon as no key has it. */
  part(number: number): void {
    assert(this.#readers[number] !== undefined, 'a reader parts once')
    this.#readers[number] = undefined
    if (this.#keysOf[number] === 0) this.#free.push(number)
  }

  // ── the keys of a reader ──────────────────────────────────────────────────

  /** Notes that the reader of a number has read a key. */
  add(key: Bytes, number: number): void {
    if (CHECKED) assert(this.#readers[number] !== undefined, 'a key is read by a reader that is there')
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

  /** Forgets a key, and calls `told` with those of its readers that are not gone. */
  take(key: Bytes, told: (reader: Reader) => void): void {
    const entry = this.#table.keys.find(key)
    if (entry !== NONE) this.#take(entry, told)
  }

  /** As `take`, for a key drawn at random. The table must not be empty. */
  takeRandom(random: Random, told: (reader: Reader, key: Bytes) => void): void {
    const entry = this.#table.keys.randomEntry(random)
    assert(entry !== NONE, 'a key is drawn from a table that has one')
    const key = this.#table.keys.keyOf(entry, new Bytes()).copy()
    this.#take(entry, (reader) => told(reader, key))
  }

  /** Forgets all keys, without visiting them. */
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
    assert(taken.length > 0, 'a key in the table has a reader')
    assert(this.#table.size > 0 || this.items === 0, 'a table without keys has no pairs')
    for (let i = 0; i < taken.length; i++) {
      const number = itemAt(taken, i)
      const reader = this.#readers[number]
      if (--this.#keysOf[number]! === 0 && reader === undefined) this.#free.push(number)
      if (reader !== undefined) told(reader)
    }
    taken.length = 0
  }

  // ── sets ─────────────────────────────────────────────────────────────────

  /** Puts a number into a list; returns false when it was there. */
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

  /** Puts a number into a bitmap; returns false when it was there. */
  #mark(entry: number, value: Bytes, number: number): boolean {
    const needed = bitmapBytes(number + 1)
    const bitmap = needed > value.length ? this.#table.strings.resize(entry, needed, value) : value
    return setBit(bitmap, number)
  }

  /** Returns a list as a bitmap with room for all numbers given so far. */
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

/** Returns the length of a bitmap with room for the numbers below `end`. */
function bitmapBytes(end: number): number {
  return Math.ceil(end / 8 / BITMAP_GROWTH_BYTES) * BITMAP_GROWTH_BYTES + 1
}

/** Sets a bit; returns false when it was set. */
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
