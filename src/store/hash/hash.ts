// A hash: fields and their values.
//
// It has one of two forms, whatever OBJECT ENCODING says:
//
//   small   field, value, field, value … in one packed sequence (packed.ts), in the order they came
//   large   a Dictionary of fields, each with room for its value. The entry's EXTRA word is the
//           length of the value
//
// A slot identifies a field until the hash changes. It is an offset in the small form, and an entry
// number in the large one. Lookups, walks, random draws and scans return slots; `fieldOf` and
// `valueOf` read them.
//
// Fields may expire. Their times are kept beside them (field-times.ts) once the first field has
// one. The database removes expired fields a few at a time. The methods here hide those that are
// not removed yet.

import { byteAt } from '../../util/array-reads.ts'
import { assert } from '../../util/assert.ts'
import { Bytes, copyBytes, type Source } from '../../util/bytes/bytes.ts'
import { CHECKED } from '../../util/invariant.ts'
import { elementAt, entryBytesAt, SHORT_ELEMENT_BYTES_MAX } from '../list/list-entry.ts'
import type { Arena } from '../memory/arena.ts'
import { ABSENT, Dictionary } from '../structures/dictionary.ts'
import { ElementCursor } from '../structures/element-cursor.ts'
import type { ElementSink } from '../structures/element-sink.ts'
import type { StructureSettings } from '../structures/encoding-limits.ts'
import {
  PACKED_BYTES_MAX,
  PACKED_COUNT_MAX,
  PACKED_FIRST,
  packedAppendPair,
  packedBytes,
  packedCheck,
  packedCount,
  packedElement,
  packedEnd,
  packedFind,
  packedFree,
  packedNext,
  packedOffset,
  packedRemove,
  packedReplace,
} from '../structures/packed.ts'
import { TYPE_HASH, type Value } from '../structures/value.ts'
import { NEVER } from './field-deadlines.ts'
import { type FieldTimes, LargeFieldTimes, SmallFieldTimes } from './field-times.ts'

export { ABSENT, NEVER }

/** A hash of at least this many fields is in its large form, where `slotAt` costs nothing. */
export const PROBED_MIN = PACKED_COUNT_MAX / 2 + 1

/** Bytes of a Hash and of its reference on the JS heap. */
const OBJECT_BYTES = 88

/** Redis would hold the hash as a table, and never as a listpack again. */
const HASHTABLE = 1
/** A field has had an expiry time. The listpack then has expiry times, and keeps that encoding. */
const TIMED = 2

export type HashParts = 'fields' | 'values' | 'both'

export class Hash implements Value {
  static readonly type = TYPE_HASH
  readonly #arena: Arena
  readonly #host: StructureSettings
  /** The block of the small form; 0 when empty or large. */
  #ref = 0
  #large: Dictionary | undefined = undefined
  /** The bits HASHTABLE and TIMED. */
  #past = 0
  #times: FieldTimes | undefined = undefined

  constructor(arena: Arena, host: StructureSettings) {
    this.#arena = arena.viewFor('packed')
    this.#host = host
    arena.account(OBJECT_BYTES)
  }

  get type(): number {
    return TYPE_HASH
  }

  /** Number of fields without hidden ones. O(1) unless fields are hidden. */
  get length(): number {
    const held = this.#held
    return this.#times === undefined || !this.#times.hides ? held : held - this.#times.hiddenCount
  }

  /** Tells whether all fields are hidden, or there are none. */
  get isEmpty(): boolean {
    const held = this.#held
    if (this.#times === undefined || !this.#times.hides) return held === 0
    return this.#times.count === held && this.#times.hiddenCount === held
  }

  get #held(): number {
    return this.#large === undefined ? packedCount(this.#arena, this.#ref) >>> 1 : this.#large.count
  }

  // ── looking ──────────────────────────────────────────────────────────────

  /** Returns the slot of a field, or ABSENT. */
  find(field: Bytes): number {
    if (this.#large === undefined) return packedFind(this.#arena, this.#ref, field, 2)
    const entry = this.#large.find(field)
    return entry !== ABSENT && this.#isHidden(entry) ? ABSENT : entry
  }

  /**
   * Points `window` at the value of a field; false when there is none. Valid until the hash
   * changes.
   */
  get(field: Bytes, window: Bytes): boolean {
    const slot = this.find(field)
    if (slot === ABSENT) return false
    this.valueOf(slot, window)
    return true
  }

  /** Points `window` at the field in a slot. */
  fieldOf(slot: number, window: Bytes): Bytes {
    return this.#large === undefined
      ? packedElement(this.#arena, this.#ref, slot, window)
      : this.#large.memberOf(slot, window)
  }

  /** Points `window` at the value in a slot. */
  valueOf(slot: number, window: Bytes): Bytes {
    const large = this.#large
    return large === undefined
      ? packedElement(this.#arena, this.#ref, packedNext(this.#arena, this.#ref, slot), window)
      : large.valueOf(slot, large.extra(slot), window)
  }

  /** Returns the first slot; ABSENT when there is none. */
  first(): number {
    if (this.#large === undefined) return this.#ref === 0 ? ABSENT : PACKED_FIRST
    return this.next(-1)
  }

  /** Returns the slot after one; ABSENT after the last. */
  next(slot: number): number {
    if (this.#large === undefined) {
      const next = packedNext(this.#arena, this.#ref, packedNext(this.#arena, this.#ref, slot))
      return next < packedEnd(this.#arena, this.#ref) ? next : ABSENT
    }
    const { count } = this.#large
    for (let entry = slot + 1; entry < count; entry++) if (!this.#isHidden(entry)) return entry
    return ABSENT
  }

  /**
   * Returns the slot of field number `index`, 0 ≤ index < places; ABSENT if that one is hidden.
   * O(1) in the large form.
   */
  slotAt(index: number): number {
    if (this.#large === undefined) return packedOffset(this.#arena, this.#ref, 2 * index)
    return this.#isHidden(index) ? ABSENT : index
  }

  /** The number of fields that `slotAt` counts: hidden ones included. */
  get slotCount(): number {
    return this.#held
  }

  /**
   * Adds the slots of some fields to `slots` and returns the cursor to continue with; 0 begins, and
   * 0 returned is the end.
   *
   * A hash that Redis holds as a listpack is returned all at once. Otherwise the cursor is the
   * number of fields still to come. Every field that exists from the first call to the last is
   * found: fields are walked downwards, and a removal fills the gap with later ones (small) or with
   * the last one (large), all visited already. Becoming large changes no field's number.
   */
  scan(cursor: number, count: number, slots: number[]): number {
    if ((this.#past & HASHTABLE) === 0) {
      for (let slot = this.first(); slot !== ABSENT; slot = this.next(slot)) slots.push(slot)
      return 0
    }
    const { slotCount } = this
    const end = cursor === 0 ? slotCount : Math.min(cursor, slotCount)
    const begin = Math.max(0, end - count)
    if (this.#large === undefined) {
      let slot = this.slotAt(begin)
      for (let i = begin; i < end; i++, slot = this.next(slot)) slots.push(slot)
    } else {
      for (let entry = end - 1; entry >= begin; entry--) if (!this.#isHidden(entry)) slots.push(entry)
    }
    return begin
  }

  // ── changing ─────────────────────────────────────────────────────────────

  /**
   * Sets a field, and tells whether it is new. Its expiry time is removed unless `keepsExpiry`.
   *
   * Neither window may lie in this hash. With `valueMax`, a listpack that is loaded stays one
   * however long its fields and values are. A hidden field must be removed first. Throws ArenaFull,
   * having changed at most the encoding.
   */
  set(field: Bytes, value: Bytes, keepsExpiry = false, valueMax = this.#host.limits.hash.value): boolean {
    if ((this.#past & HASHTABLE) === 0 && (field.length > valueMax || value.length > valueMax)) this.#past |= HASHTABLE
    const isNew = this.#large === undefined ? this.#setSmall(field, value) : this.#setLarge(field, value)
    if (isNew) {
      if ((this.#past & HASHTABLE) === 0 && this.length > this.#host.limits.hash.entries) {
        this.#past |= HASHTABLE
      }
    } else if (this.#times !== undefined && !keepsExpiry) {
      this.clearExpiry(this.find(field))
    }
    return isNew
  }

  /**
   * Must be called before `count` fields are set. Redis makes a table at once if they would be too
   * many, assuming that all are new.
   */
  expect(count: number): void {
    if (count > this.#host.limits.hash.entries) this.#past |= HASHTABLE
  }

  /** Removes a field; false when there is none. */
  delete(field: Bytes): boolean {
    const slot = this.find(field)
    if (slot === ABSENT) return false
    this.#remove(slot)
    return true
  }

  #setSmall(field: Bytes, value: Bytes): boolean {
    const arena = this.#arena
    const at = packedFind(arena, this.#ref, field, 2)
    const end = packedEnd(arena, this.#ref)
    if (at === -1) {
      const bytes = packedBytes(field.length) + packedBytes(value.length)
      if (end + bytes > PACKED_BYTES_MAX || packedCount(arena, this.#ref) + 2 > PACKED_COUNT_MAX) {
        this.#makeLarge()
        return this.#setLarge(field, value)
      }
      this.#ref = packedAppendPair(arena, this.#ref, field, value)
      return true
    }
    const valueAt = packedNext(arena, this.#ref, at)
    if (end + packedBytes(value.length) > PACKED_BYTES_MAX) {
      this.#makeLarge()
      return this.#setLarge(field, value)
    }
    this.#ref = packedReplace(arena, this.#ref, valueAt, value)
    return false
  }

  #setLarge(field: Bytes, value: Bytes): boolean {
    const large = this.#large!
    let entry = large.find(field)
    const isNew = entry === ABSENT
    if (isNew) {
      entry = large.insert(field, value.length)
    } else {
      const room = large.roomOf(entry)
      // The block stays unless it is too small or mostly empty.
      if (value.length > room || (room > 64 && 4 * value.length < room)) large.changeRoom(entry, value.length)
    }
    large.setExtra(entry, value.length)
    large.valueOf(entry, value.length, scratch)
    copyBytes(scratch.source, scratch.start, value.source, value.start, value.length)
    return isNew
  }

  #remove(slot: number): void {
    const large = this.#large
    if (large === undefined) {
      if (this.#times !== undefined) this.#times.removed(this.#indexOf(slot), 0)
      this.#ref = packedRemove(this.#arena, this.#ref, slot, 2)
    } else {
      large.remove(slot)
      if (this.#times !== undefined) this.#times.removed(slot, large.count)
    }
    if (this.#times?.count === 0) this.#forgetTimes()
  }

  /** Changes to the large form. Throws ArenaFull, having changed nothing. */
  #makeLarge(): void {
    const arena = this.#arena
    const large = new Dictionary(arena, this.#host.hashKey)
    try {
      for (let slot = this.first(); slot !== ABSENT; slot = this.next(slot)) {
        this.valueOf(slot, moving)
        const entry = large.insert(this.fieldOf(slot, scratch), moving.length)
        large.setExtra(entry, moving.length)
        large.valueOf(entry, moving.length, scratch)
        copyBytes(scratch.source, scratch.start, moving.source, moving.start, moving.length)
      }
    } catch (error) {
      large.free()
      throw error
    }
    if (CHECKED) assert(large.count === this.#held, 'a hash has the same fields in both forms')
    packedFree(arena, this.#ref)
    this.#ref = 0
    this.#large = large
    if (this.#times !== undefined) this.#times = LargeFieldTimes.from(this.#times as SmallFieldTimes, arena)
  }

  // ── expiry ───────────────────────────────────────────────────────────────

  /** Returns when the field in a slot expires, in Unix milliseconds, or NEVER. */
  expiryOf(slot: number): number {
    return this.#times === undefined ? NEVER : this.#times.get(this.#indexOf(slot))
  }

  /** Sets the expiry time of the field in a slot. */
  setExpiry(slot: number, timeMs: number): void {
    this.#times ??= this.#large === undefined ? new SmallFieldTimes(this.#arena) : new LargeFieldTimes(this.#arena)
    this.#past |= TIMED
    this.#times.set(this.#indexOf(slot), timeMs)
  }

  /** Removes the expiry time of the field in a slot; false when it has none. */
  clearExpiry(slot: number): boolean {
    if (this.#times === undefined || !this.#times.clear(this.#indexOf(slot))) return false
    if (this.#times.count === 0) this.#forgetTimes()
    return true
  }

  /** When the first field expires; NEVER when none does. */
  get earliestExpiry(): number {
    return this.#times === undefined ? NEVER : this.#times.earliest
  }

  /** True while fields whose time is up are still held. */
  get hides(): boolean {
    return this.#times?.hides === true
  }

  /** Tells whether a field is held and hidden. */
  isHidden(field: Bytes): boolean {
    if (this.#large === undefined) return false
    const entry = this.#large.find(field)
    return entry !== ABSENT && this.#isHidden(entry)
  }

  /** Removes a hidden field. */
  deleteHidden(field: Bytes): void {
    const entry = this.#large?.find(field) ?? ABSENT
    assert(entry !== ABSENT, 'a hidden field is held until it is removed')
    this.#remove(entry)
  }

  /**
   * Removes up to `max` fields whose time was before `nowMs`, the earliest first, and returns their
   * number. Adds copies of their names to `names`, and hides the rest. With `max` ≥
   * PACKED_COUNT_MAX / 2 none is left in the small form.
   */
  removeDue(nowMs: number, max: number, names: Bytes[] | undefined): number {
    const times = this.#times
    if (times === undefined) return 0
    times.showAll()
    let removed = 0
    for (; removed < max && times.earliest < nowMs; removed++) {
      const slot = this.slotAt(times.earliestIndex)
      if (names !== undefined) names.push(this.fieldOf(slot, scratch).copy())
      this.#remove(slot)
    }
    if (times.earliest < nowMs) times.hide(nowMs)
    return removed
  }

  #isHidden(entry: number): boolean {
    return this.#times?.isHidden(entry) === true
  }

  /** The number of the field in a slot, under which its expiry time is kept. */
  #indexOf(slot: number): number {
    if (this.#large !== undefined) return slot
    let index = 0
    for (let at = PACKED_FIRST; at < slot; index++) {
      at = packedNext(this.#arena, this.#ref, packedNext(this.#arena, this.#ref, at))
    }
    return index
  }

  #forgetTimes(): void {
    this.#times?.free()
    this.#times = undefined
  }

  // ── replies ──────────────────────────────────────────────────────────────

  /** Writes every field, value, or field and value as bulk strings. */
  writeAll(sink: ElementSink, parts: HashParts): void {
    if (this.#large === undefined) this.#writeSmall(sink, parts)
    else this.#writeLarge(sink, this.#large, parts)
  }

  #writeSmall(sink: ElementSink, parts: HashParts): void {
    if (this.#ref === 0) return
    const source = this.#arena.source(this.#ref)
    const { u8 } = source
    const start = this.#arena.start(this.#ref)
    const end = start + this.#arena.length(this.#ref)
    let at = start + PACKED_FIRST
    if (parts === 'both') {
      while (at < end) {
        // Short elements have the layout of a row of bulk strings.
        let short = 0
        for (let i = at; i < end && byteAt(u8, i) <= SHORT_ELEMENT_BYTES_MAX; i += byteAt(u8, i) + 2) short++
        if (short > 0) at = sink.bulkRow(source, at, short)
        else at = writeElement(sink, source, at)
      }
      return
    }
    for (let write = parts === 'fields'; at < end; write = !write) {
      if (write) at = writeElement(sink, source, at)
      else at += entryBytesAt(u8, at)
    }
  }

  #writeLarge(sink: ElementSink, large: Dictionary, parts: HashParts): void {
    for (let entry = this.first(); entry !== ABSENT; entry = this.next(entry)) {
      if (parts !== 'values') sink.bulk(large.memberOf(entry, scratch))
      if (parts !== 'fields') sink.bulk(large.valueOf(entry, large.extra(entry), scratch))
    }
  }

  // ── the whole ────────────────────────────────────────────────────────────

  /** The dictionary of a large hash. */
  get table(): Dictionary | undefined {
    return this.#large
  }

  /**
   * The answer of OBJECT ENCODING. A hash that was a table, or had expiry times, keeps that
   * encoding.
   */
  get encoding(): 'listpack' | 'listpackex' | 'hashtable' {
    if ((this.#past & HASHTABLE) !== 0) return 'hashtable'
    return (this.#past & TIMED) === 0 ? 'listpack' : 'listpackex'
  }

  /**
   * Bytes of memory that this hash takes, its object included. In the large form the bytes of its
   * blocks are estimated from a sample of them.
   */
  get bytes(): number {
    const large = this.#large
    const bytes = OBJECT_BYTES + (this.#times?.bytes ?? 0)
    if (large === undefined) return this.#ref === 0 ? bytes : bytes + this.#arena.capacity(this.#ref) + 4
    return bytes + large.indexBytes + large.blocksBytes
  }

  elements(word: Bytes, second: Bytes): ElementCursor {
    return new HashElements(this, word, second)
  }

  copy(arena: Arena, host = this.#host): Hash {
    const copy = new Hash(arena, host)
    try {
      if (this.#large === undefined) copy.#ref = this.#ref === 0 ? 0 : this.#arena.copyBlock(this.#ref, copy.#arena)
      else copy.#copyLarge(this.#large)
      copy.#past = this.#past
      copy.#times = this.#times?.copy(arena)
    } catch (error) {
      copy.free()
      throw error
    }
    return copy
  }

  #copyLarge(from: Dictionary): void {
    const large = new Dictionary(this.#arena, this.#host.hashKey)
    this.#large = large
    for (let entry = 0; entry < from.count; entry++) {
      const length = from.extra(entry)
      // Entries keep their numbers, because their expiry times are filed under them.
      large.insert(from.memberOf(entry, scratch), length)
      large.setExtra(entry, length)
      from.valueOf(entry, length, moving)
      large.valueOf(entry, length, scratch)
      copyBytes(scratch.source, scratch.start, moving.source, moving.start, length)
    }
  }

  check(): void {
    if (this.#large === undefined) packedCheck(this.#arena, this.#ref)
    else this.#large.check()
    if (this.#large === undefined) assert(packedCount(this.#arena, this.#ref) % 2 === 0, 'each field has a value')
    assert(this.#large === undefined || this.#ref === 0, 'a hash has one form')
    if (this.#times === undefined) return
    assert(this.#times.count > 0, 'times are kept while a field expires')
    assert((this.#past & TIMED) !== 0, 'a hash whose fields expire keeps that encoding')
    this.#times.check(this.#held)
  }

  moveBlocks(from: number): number {
    if (this.#large !== undefined) return this.#large.moveBlocks(from)
    this.#ref = this.#arena.moveIfLeaving(this.#ref)
    return 0
  }

  free(): void {
    this.#large?.free()
    this.#freeRest()
  }

  freeSome(max: number): boolean {
    if (this.#large !== undefined && !this.#large.freeSome(max)) return false
    this.#freeRest()
    return true
  }

  #freeRest(): void {
    packedFree(this.#arena, this.#ref)
    this.#ref = 0
    this.#large = undefined
    this.#forgetTimes()
    this.#arena.account(-OBJECT_BYTES)
  }
}

class HashElements extends ElementCursor {
  readonly #hash: Hash
  #slot: number

  constructor(hash: Hash, word: Bytes, second: Bytes) {
    super(word, second)
    this.#hash = hash
    this.#slot = hash.first()
  }

  next(): boolean {
    const hash = this.#hash
    const slot = this.#slot
    if (slot === ABSENT) return false
    hash.fieldOf(slot, this.word)
    hash.valueOf(slot, this.second)
    this.expiryMs = hash.expiryOf(slot)
    this.#slot = hash.next(slot)
    return true
  }
}

/** Writes the element at `at` as a bulk string and returns where the next one begins. */
function writeElement(sink: ElementSink, source: Source, at: number): number {
  elementAt(source, at, scratch)
  sink.bulkFrom(source, scratch.start, scratch.length)
  return at + entryBytesAt(source.u8, at)
}

const scratch = new Bytes()
const moving = new Bytes()
