// A digest of 64 bits that is equal for equal data, on any machine and in any memory layout.
//
// Each key has a fingerprint, made of its database, its name, its expiry time and its content. The
// digest is the sum of all fingerprints, so keys may come in any order: that of a walk, or that of
// a file. Values are treated alike. Elements with an order (of lists, sorted sets and streams) are
// taken in one after the other. Those without an order (of sets and hashes) are added up.
//
// It detects faults, not an attacker who chooses data. DEBUG DIGEST is the same idea as Redis has
// it; with its SHA-1 for each word a million keys take half a minute, with this digest a second.
//
// State that may differ between nodes with the same history is left out: how a value is encoded;
// when it was used; when a consumer asked and how often it was given an entry; the count that
// PFCOUNT has stored in a HyperLogLog; and fields of a hash that expire, which stay until a command
// looks at them.

import { assert } from '../../util/assert.ts'
import { Bytes } from '../../util/bytes/bytes.ts'
import { Crc64 } from '../../util/bytes/crc64.ts'
import { NEVER } from '../hash/field-deadlines.ts'
import { Stream } from '../stream/stream.ts'
import { EntryCursor } from '../stream/stream-cursor.ts'
import type { StreamGroup } from '../stream/stream-group.ts'
import { StreamId } from '../stream/stream-id.ts'
import { IndexCursor } from '../stream/stream-index.ts'
import type { ElementCursor } from '../structures/element-cursor.ts'
import { TYPE_STRING, VALUE_KINDS, type Value } from '../structures/value.ts'

/**
 * The version of the digest's rules. It changes with every change of them, so that only comparable
 * digests are compared.
 */
const FORM = 1
/** Bytes that are digested in one go: a tenth of a millisecond. */
const STEP_BYTES = 64 * 1024
/** The work that an element costs beside its bytes. */
const ELEMENT_BYTES = 32
/** A HyperLogLog begins with "HYLL" and stores its count in these bytes. */
const HYPERLOGLOG = 0x48594c4c
const STORED_COUNT_FROM = 8
const STORED_COUNT_TO = 16
/** The type number of a function library. No value has it. */
const TYPE_LIBRARY = -1

/** Takes the fingerprints of keys. */
export interface DigestSink {
  /** Takes one key. The fingerprint is reused by the caller. */
  add(key: Fingerprint): void
}

/** How much of a value is digested. */
export interface DigestDepth {
  /**
   * Fields of hashes that expire at this time or later are digested too, and so is all of a stream
   * that replay restores. These are equal only for data at one position of one journal.
   */
  readonly fieldsFromMs: number
}

/** The digest of data whose keys are added one by one. */
export class DataDigest implements DigestSink {
  /** Keys that were added. */
  keys = 0
  readonly #sum = new Fingerprint()

  /** Adds one key. */
  add(key: Fingerprint): void {
    this.keys++
    this.#sum.join(key)
  }

  /** Adds a function library's code (latin1). */
  addLibrary(code: string): void {
    const library = new Fingerprint()
    library.number(TYPE_LIBRARY)
    library.bytes(Bytes.from(code))
    this.#sum.join(library)
  }

  toString(): string {
    return `${FORM}:${this.keys}:${this.#sum}`
  }
}

/** Returns the digest of one value, as `DataDigest` makes it, in one go. */
export function digestOf(value: Value | Bytes): string {
  const digest = new DataDigest()
  const key = new KeyDigest(digest)
  let isWhole = key.begin(0, NAMELESS, undefined, value)
  while (!isWhole) isWhole = key.step()
  return digest.toString()
}

/** Tells whether two digests follow the same rules, so that they are equal for equal data. */
export function areComparable(one: string, other: string): boolean {
  return formOf(one) === formOf(other)
}

const formOf = (digest: string): string => digest.slice(0, digest.indexOf(':'))

/**
 * Adds keys to a digest one after the other, large ones in steps. A value must not change until it
 * is complete.
 */
export class KeyDigest {
  /** Bytes digested so far, by which slices are measured. */
  work = 0
  readonly #to: DigestSink
  readonly #depth: DigestDepth | undefined
  readonly #key = new Fingerprint()
  readonly #element = new Fingerprint()
  readonly #part = new Fingerprint()
  readonly #one = new Bytes()
  readonly #other = new Bytes()
  /** The rest of a value; undefined when it is complete. */
  #rest: Generator<void, boolean> | undefined = undefined
  #until = 0

  constructor(to: DigestSink, depth?: DigestDepth) {
    this.#to = to
    this.#depth = depth
  }

  /**
   * Begins a key; true when it is complete, false when `step` continues with it. Afterwards the key
   * may be freed; the value may not.
   */
  begin(database: number, key: Bytes, expiryMs: number | undefined, value: Value | Bytes): boolean {
    const sum = this.#key
    sum.reset()
    sum.number(database)
    sum.bytes(key)
    sum.number(expiryMs ?? -1)
    if (value instanceof Bytes && value.length <= STEP_BYTES) {
      this.#string(value)
      this.work += ELEMENT_BYTES + value.length
      this.#to.add(sum)
      return true
    }
    this.#rest = value instanceof Bytes ? this.#longString(value) : this.#structure(value)
    return this.step(STEP_BYTES)
  }

  /** Digests at most this many more bytes of the value; returns true when it is complete. */
  step(bytes = STEP_BYTES): boolean {
    this.#until = this.work + bytes
    const { done, value: isThere } = this.#rest!.next()
    if (done !== true) return false
    this.#rest = undefined
    if (isThere) this.#to.add(this.#key)
    return true
  }

  #string(value: Bytes): void {
    const { length, source, start } = value
    this.#key.number(TYPE_STRING)
    if (length < STORED_COUNT_TO || source.view.getUint32(start) !== HYPERLOGLOG) {
      this.#key.bytes(value)
    } else {
      this.#key.bytes(this.#one.set(source, start, STORED_COUNT_FROM))
      this.#key.bytes(this.#one.set(source, start + STORED_COUNT_TO, length - STORED_COUNT_TO))
    }
  }

  /** The generators return whether there is a value to add. */
  *#longString({ length, source, start }: Bytes): Generator<void, boolean> {
    const crc = new Crc64()
    this.#key.number(TYPE_STRING)
    for (let at = 0; at < length; at += STEP_BYTES) {
      crc.update(source, start + at, start + Math.min(length, at + STEP_BYTES))
      this.work += STEP_BYTES
      if (this.work >= this.#until) yield
    }
    this.#key.sum(crc, length)
    return true
  }

  #structure(value: Value): Generator<void, boolean> {
    this.#key.number(value.type)
    const cursor = value.elements?.(this.#one, this.#other)
    if (cursor !== undefined) return this.#elements(value.type, cursor)
    assert(value instanceof Stream, 'a value that is not a row of elements is a stream')
    return this.#stream(value)
  }

  *#elements(type: number, cursor: ElementCursor): Generator<void, boolean> {
    const { word, second } = cursor
    const kind = VALUE_KINDS[type]?.elements
    assert(kind !== undefined, 'a type with a cursor says what its elements are')
    const isOrdered = kind.order !== 'none'
    const { hasScore, words } = kind
    const fieldsFromMs = this.#depth?.fieldsFromMs ?? NEVER
    const sum = isOrdered ? this.#key : this.#element
    let isThere = false
    while (cursor.next()) {
      const { expiryMs } = cursor
      if (expiryMs < fieldsFromMs) continue
      isThere = true
      if (!isOrdered) sum.reset()
      if (expiryMs !== NEVER) sum.number(expiryMs)
      sum.bytes(this.#count(word))
      if (words > 1) sum.bytes(this.#count(second))
      if (hasScore) sum.number(cursor.score)
      if (!isOrdered) this.#key.join(sum)
      if (this.work >= this.#until) yield
    }
    return isThere
  }

  *#stream(stream: Stream): Generator<void, boolean> {
    const entry = new EntryCursor()
    for (let more = stream.first(entry); more; more = stream.next(entry)) {
      this.#key.id(entry.id)
      entry.beginFields()
      for (let i = 0; i < entry.fields; i++) {
        entry.nextField(this.#one, this.#other)
        this.#key.bytes(this.#count(this.#one))
        this.#key.bytes(this.#count(this.#other))
      }
      if (this.work >= this.#until) yield
    }
    this.#key.id(stream.lastId)
    if (this.#depth !== undefined) {
      this.#key.id(stream.maxDeletedId)
      this.#key.number(Number(stream.entriesAdded))
    }
    for (const group of stream.groups.all) {
      this.#part.reset()
      this.#part.bytes(group.name)
      this.#part.id(group.lastId)
      yield* this.#pending(group)
      if (this.#depth !== undefined) this.#consumers(group)
      this.#key.join(this.#part)
    }
    return true
  }

  /** Digests the pending entries of a group, each with its consumer. */
  *#pending(group: StreamGroup): Generator<void, void> {
    const at = new IndexCursor()
    const id = new StreamId()
    for (let more = group.pending.first(at); more; more = group.pending.next(at)) {
      this.#part.id(at.id(id))
      this.#part.bytes(this.#count(group.ownerOf(at).name))
      if (this.work >= this.#until) yield
    }
  }

  #consumers(group: StreamGroup): void {
    for (const { name } of group.consumers.all) {
      this.#element.reset()
      this.#element.bytes(this.#count(name))
      this.#part.join(this.#element)
    }
  }

  #count(bytes: Bytes): Bytes {
    this.work += ELEMENT_BYTES + bytes.length
    return bytes
  }
}

/** A running digest of 64 bits over words in their order. */
export class Fingerprint {
  #low = 0
  #high = 0

  get low(): number {
    return this.#low
  }

  get high(): number {
    return this.#high
  }

  reset(): void {
    this.#low = 0
    this.#high = 0
  }

  /** Takes in any number. */
  number(value: number): void {
    NUMBER.setFloat64(0, value)
    this.#word(NUMBER.getInt32(0), NUMBER.getInt32(4))
  }

  bytes({ length, source, start }: Bytes): void {
    this.sum(CRC.reset().update(source, start, start + length), length)
  }

  /** Takes in a checksum of `length` bytes. */
  sum({ high, low }: Crc64, length: number): void {
    this.#word(low, high)
    this.#word(length | 0, 0)
  }

  id({ msHigh, msLow, seqHigh, seqLow }: StreamId): void {
    this.#word(msLow, msHigh)
    this.#word(seqLow, seqHigh)
  }

  /** Takes in another fingerprint. The order of such calls does not matter. */
  join(other: Fingerprint): void {
    this.#low = (this.#low + other.#low) | 0
    this.#high = (this.#high + other.#high) | 0
  }

  toString(): string {
    return [this.#high, this.#low].map((half) => (half >>> 0).toString(16).padStart(8, '0')).join('')
  }

  /**
   * Takes in 64 bits. Different states stay different for the same bits, and each bit changes about
   * half of the state. A checksum alone would not do: it is linear, so two values that change
   * places would leave their sum unchanged.
   */
  #word(a: number, b: number): void {
    let low = (this.#low ^ a) + 0x9e3779b9
    let high = (this.#high ^ b) + 0x7f4a7c15
    for (let round = 0; round < 2; round++) {
      low = Math.imul(low ^ (low >>> 16), 0x85ebca6b)
      low ^= low >>> 13
      high = (high + low) | 0
      high = Math.imul(high ^ (high >>> 15), 0xc2b2ae35)
      high ^= high >>> 16
      low = (low + ((high << 17) | (high >>> 15))) | 0
    }
    this.#low = low
    this.#high = high
  }
}

const NUMBER = new DataView(new ArrayBuffer(8))
const CRC = new Crc64()
const NAMELESS = new Bytes()
