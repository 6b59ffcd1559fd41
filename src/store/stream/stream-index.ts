// Records in the order of their ids: the nodes of a stream, or the pending entries of a group or a
// consumer.
//
// A record is an id and a few more bytes. All records of an index have the same size. They lie in
// pages of arena memory, in each page one after the other, with room at both ends: a new record is
// nearly always the last, and a removed one often the first. A page is found by binary search over
// the first ids, a record by binary search within its page.

import { itemAt } from '../../util/array-reads.ts'
import { assert } from '../../util/assert.ts'
import type { Source } from '../../util/bytes/bytes.ts'
import { CHECKED } from '../../util/invariant.ts'
import { RESTLESS } from '../../util/restless.ts'
import type { Arena } from '../memory/arena.ts'
import { ID_BYTES, StreamId } from './stream-id.ts'

/** Records of a full page: a few KiB, which move when a record is inserted in the middle. */
const PAGE_RECORDS_MAX = RESTLESS ? 4 : 128
const FIRST_PAGE_RECORDS = RESTLESS ? 1 : 4
/** The first page of an index that was emptied has the capacity of its last one, up to this. */
const FIRST_PAGE_RECORDS_MAX = RESTLESS ? 2 : 32
/** An estimate of the bytes that a page takes in the four arrays. */
const PAGE_ENTRY_BYTES = 32

/** Pages that one call of `moveBlocks` looks at. */
const MOVED_AT_ONCE = RESTLESS ? 2 : 64

/**
 * A position in an index: the memory of a record, to be read, and written behind its id. Every
 * insertion or removal invalidates it, except one through this cursor.
 */
export class IndexCursor {
  page = 0
  /** Number of the record within its page. */
  slot = 0
  source!: Source
  /** Where the record begins in `source`, with its id. */
  at = 0

  /** Reads the record's id. */
  id(id: StreamId): StreamId {
    return id.load(this.source, this.at)
  }
}

export class StreamIndex {
  readonly arena: Arena
  /** Number of records. */
  count = 0
  /** Bytes held. */
  bytes = 0
  readonly #recordBytes: number
  /**
   * For each page: its block, where its first record lies (in records), how many it holds, and its
   * capacity.
   */
  readonly #refs: number[] = []
  readonly #heads: number[] = []
  readonly #counts: number[] = []
  readonly #capacities: number[] = []
  #firstPageRecords = FIRST_PAGE_RECORDS

  constructor(arena: Arena, payloadBytes: number) {
    this.arena = arena.viewFor('index page')
    this.#recordBytes = ID_BYTES + payloadBytes
  }

  /**
   * Moves the first pages out of chunks that are being emptied (value.ts). No cursor is valid
   * afterwards.
   */
  moveBlocks(): void {
    const end = Math.min(this.#refs.length, MOVED_AT_ONCE)
    for (let page = 0; page < end; page++) this.#refs[page] = this.arena.moveIfLeaving(itemAt(this.#refs, page))
  }

  // ── looking ──────────────────────────────────────────────────────────────

  first(cursor: IndexCursor): boolean {
    return this.count > 0 && this.#place(cursor, 0, 0)
  }

  last(cursor: IndexCursor): boolean {
    if (this.count === 0) return false
    const page = this.#refs.length - 1
    return this.#place(cursor, page, itemAt(this.#counts, page) - 1)
  }

  next(cursor: IndexCursor): boolean {
    if (cursor.slot + 1 < itemAt(this.#counts, cursor.page)) {
      cursor.slot++
      cursor.at += this.#recordBytes
      return true
    }
    return cursor.page + 1 < this.#refs.length && this.#place(cursor, cursor.page + 1, 0)
  }

  previous(cursor: IndexCursor): boolean {
    if (cursor.slot > 0) {
      cursor.slot--
      cursor.at -= this.#recordBytes
      return true
    }
    return cursor.page > 0 && this.#place(cursor, cursor.page - 1, itemAt(this.#counts, cursor.page - 1) - 1)
  }

  /** Finds the record of an id. */
  find(id: StreamId, cursor: IndexCursor): boolean {
    return this.#search(id, cursor) && id.compareRecord(cursor.source, cursor.at) === 0
  }

  /** Finds the last record whose id is `id` or less. */
  seekAtMost(id: StreamId, cursor: IndexCursor): boolean {
    return this.#search(id, cursor)
  }

  /** Finds the first record whose id is `id` or more. */
  seekAtLeast(id: StreamId, cursor: IndexCursor): boolean {
    if (!this.#search(id, cursor)) return this.first(cursor)
    return id.compareRecord(cursor.source, cursor.at) === 0 || this.next(cursor)
  }

  /** Finds the last record not above `id`; false when there is none. */
  #search(id: StreamId, cursor: IndexCursor): boolean {
    if (this.count === 0) return false
    const recordBytes = this.#recordBytes
    let page = this.#refs.length - 1
    // The wanted id is often near the end.
    if (page > 0 && this.#compareFirst(page, id) > 0) {
      let low = 0
      let high = page - 1
      while (low < high) {
        const middle = (low + high + 1) >>> 1
        if (this.#compareFirst(middle, id) > 0) high = middle - 1
        else low = middle
      }
      page = low
    }
    this.#place(cursor, page, 0)
    const { source } = cursor
    const base = cursor.at
    // The acknowledged entry is mostly the first.
    const order = id.compareRecord(source, base)
    if (order >= 0) return order === 0
    let low = 0
    let high = itemAt(this.#counts, page) - 1
    if (id.compareRecord(source, base + high * recordBytes) <= 0) low = high
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if (id.compareRecord(source, base + middle * recordBytes) > 0) high = middle - 1
      else low = middle
    }
    cursor.slot = low
    cursor.at = base + low * recordBytes
    return true
  }

  #compareFirst(page: number, id: StreamId): number {
    const ref = itemAt(this.#refs, page)
    return id.compareRecord(
      this.arena.source(ref),
      this.arena.start(ref) + itemAt(this.#heads, page) * this.#recordBytes,
    )
  }

  #place(cursor: IndexCursor, page: number, slot: number): true {
    const ref = itemAt(this.#refs, page)
    cursor.page = page
    cursor.slot = slot
    cursor.source = this.arena.source(ref)
    cursor.at = this.arena.start(ref) + (itemAt(this.#heads, page) + slot) * this.#recordBytes
    return true
  }

  // ── changing ─────────────────────────────────────────────────────────────

  /**
   * Adds a record for an id, whose payload the caller writes at the cursor. False when there is one
   * already; the cursor is at it then. Throws ArenaFull, having changed nothing.
   */
  insert(id: StreamId, cursor: IndexCursor): boolean {
    if (this.count > 0 && this.#append(id, cursor)) return true
    let slot = 0
    if (this.#search(id, cursor)) {
      if (id.compareRecord(cursor.source, cursor.at) === 0) return false
      slot = cursor.slot + 1
    } else {
      if (this.count === 0) this.#addPage(0, this.#firstPageRecords)
      cursor.page = 0
    }
    let { page } = cursor
    const count = itemAt(this.#counts, page)
    if (count === PAGE_RECORDS_MAX) {
      if (slot === count && page === this.#refs.length - 1) {
        this.#addPage(page + 1, PAGE_RECORDS_MAX)
        page++
        slot = 0
      } else {
        this.#split(page)
        if (slot > PAGE_RECORDS_MAX / 2) {
          page++
          slot -= PAGE_RECORDS_MAX / 2
        }
      }
    }
    this.#openGap(page, slot)
    this.count++
    this.#place(cursor, page, slot)
    id.store(cursor.source, cursor.at)
    return true
  }

  /**
   * Adds a record behind all others, where it nearly always belongs. False when it does not belong
   * there, or the last page is full at its end.
   */
  #append(id: StreamId, cursor: IndexCursor): boolean {
    const page = this.#refs.length - 1
    const count = itemAt(this.#counts, page)
    if (itemAt(this.#heads, page) + count === itemAt(this.#capacities, page)) return false
    this.#place(cursor, page, count - 1)
    if (id.compareRecord(cursor.source, cursor.at) >= 0) return false
    cursor.slot = count
    cursor.at += this.#recordBytes
    id.store(cursor.source, cursor.at)
    this.#counts[page] = count + 1
    this.count++
    return true
  }

  /** Removes the record at a cursor, which moves to the next one; false when that was the last. */
  remove(cursor: IndexCursor): boolean {
    const { page, slot } = cursor
    const recordBytes = this.#recordBytes
    const left = itemAt(this.#counts, page) - 1
    this.count--
    if (left === 0) {
      this.#removePage(page)
      return page < this.#refs.length && this.#place(cursor, page, 0)
    }
    const { u8 } = cursor.source
    const base = cursor.at - slot * recordBytes
    if (slot < left - slot) {
      // Fewer records lie before it than behind it.
      if (slot > 0) u8.copyWithin(base + recordBytes, base, base + slot * recordBytes)
      this.#heads[page]!++
    } else if (slot < left) {
      u8.copyWithin(cursor.at, cursor.at + recordBytes, base + (left + 1) * recordBytes)
    }
    this.#counts[page] = left
    if (left < PAGE_RECORDS_MAX / 4) {
      // Two pages that have become small are merged.
      const next = page + 1
      if (next < this.#refs.length && left + itemAt(this.#counts, next) <= PAGE_RECORDS_MAX / 2) {
        this.#merge(page)
      } else if (page > 0 && left + itemAt(this.#counts, page - 1) <= PAGE_RECORDS_MAX / 2) {
        const before = itemAt(this.#counts, page - 1)
        this.#merge(page - 1)
        return this.#settle(cursor, page - 1, before + slot)
      }
    }
    return this.#settle(cursor, page, slot)
  }

  #settle(cursor: IndexCursor, page: number, slot: number): boolean {
    if (slot < itemAt(this.#counts, page)) return this.#place(cursor, page, slot)
    return page + 1 < this.#refs.length && this.#place(cursor, page + 1, 0)
  }

  /** Makes room for a record; the page holds fewer than PAGE_RECORDS_MAX. */
  #openGap(page: number, slot: number): void {
    const recordBytes = this.#recordBytes
    const count = itemAt(this.#counts, page)
    if (count === itemAt(this.#capacities, page)) this.#grow(page)
    const ref = itemAt(this.#refs, page)
    const { u8 } = this.arena.source(ref)
    const start = this.arena.start(ref)
    const head = itemAt(this.#heads, page)
    const from = start + (head + slot) * recordBytes
    const atEnd = head + count === itemAt(this.#capacities, page)
    if (atEnd && slot === count && head > 0) {
      // All records move to the page's beginning, so that the next ones find room.
      u8.copyWithin(start, start + head * recordBytes, from)
      this.#heads[page] = 0
    } else if (head > 0 && (slot < count - slot || atEnd)) {
      u8.copyWithin(start + (head - 1) * recordBytes, start + head * recordBytes, from)
      this.#heads[page] = head - 1
    } else if (slot < count) {
      u8.copyWithin(from + recordBytes, from, start + (head + count) * recordBytes)
    }
    this.#counts[page] = count + 1
  }

  /** Returns how many records a block can hold. */
  #capacityOf(ref: number): number {
    return Math.min(PAGE_RECORDS_MAX, (this.arena.capacity(ref) / this.#recordBytes) | 0)
  }

  #grow(page: number): void {
    const old = itemAt(this.#refs, page)
    const records = Math.min(PAGE_RECORDS_MAX, 2 * itemAt(this.#counts, page))
    const ref = this.#allocate(records)
    this.#copyRecords(old, itemAt(this.#heads, page), ref, 0, itemAt(this.#counts, page))
    this.#release(old)
    this.#refs[page] = ref
    this.#heads[page] = 0
    this.#capacities[page] = this.#capacityOf(ref)
  }

  #split(page: number): void {
    this.#addPage(page + 1, PAGE_RECORDS_MAX)
    const half = PAGE_RECORDS_MAX / 2
    this.#copyRecords(itemAt(this.#refs, page), itemAt(this.#heads, page) + half, itemAt(this.#refs, page + 1), 0, half)
    this.#counts[page] = half
    this.#counts[page + 1] = half
  }

  /** Moves all records of the next page to the end of this one. */
  #merge(page: number): void {
    const count = itemAt(this.#counts, page)
    const more = itemAt(this.#counts, page + 1)
    let ref = itemAt(this.#refs, page)
    const head = itemAt(this.#heads, page)
    if (head + count + more > itemAt(this.#capacities, page)) {
      ref = this.#allocate(PAGE_RECORDS_MAX)
      this.#copyRecords(itemAt(this.#refs, page), head, ref, 0, count)
      this.#release(itemAt(this.#refs, page))
      this.#refs[page] = ref
      this.#heads[page] = 0
      this.#capacities[page] = this.#capacityOf(ref)
    }
    this.#copyRecords(
      itemAt(this.#refs, page + 1),
      itemAt(this.#heads, page + 1),
      ref,
      itemAt(this.#heads, page) + count,
      more,
    )
    this.#counts[page] = count + more
    this.#removePage(page + 1)
  }

  #copyRecords(from: number, fromSlot: number, to: number, toSlot: number, count: number): void {
    const { arena } = this
    const recordBytes = this.#recordBytes
    const start = arena.start(from) + fromSlot * recordBytes
    arena
      .source(from)
      .u8.copy(arena.source(to).u8, arena.start(to) + toSlot * recordBytes, start, start + count * recordBytes)
  }

  #addPage(page: number, records: number): void {
    const ref = this.#allocate(records)
    const capacity = this.#capacityOf(ref)
    if (page === this.#refs.length) {
      this.#refs.push(ref)
      this.#heads.push(0)
      this.#counts.push(0)
      this.#capacities.push(capacity)
    } else {
      this.#refs.splice(page, 0, ref)
      this.#heads.splice(page, 0, 0)
      this.#counts.splice(page, 0, 0)
      this.#capacities.splice(page, 0, capacity)
    }
  }

  #removePage(page: number): void {
    this.#release(itemAt(this.#refs, page))
    if (this.#refs.length === 1) this.#firstPageRecords = Math.min(FIRST_PAGE_RECORDS_MAX, itemAt(this.#capacities, 0))
    if (page === this.#refs.length - 1) {
      this.#refs.pop()
      this.#heads.pop()
      this.#counts.pop()
      this.#capacities.pop()
    } else {
      this.#refs.splice(page, 1)
      this.#heads.splice(page, 1)
      this.#counts.splice(page, 1)
      this.#capacities.splice(page, 1)
    }
  }

  #allocate(records: number): number {
    const ref = this.arena.allocate(records * this.#recordBytes)
    const bytes = this.arena.capacity(ref) + 4 + PAGE_ENTRY_BYTES
    this.arena.account(PAGE_ENTRY_BYTES)
    this.bytes += bytes
    return ref
  }

  #release(ref: number): void {
    this.bytes -= this.arena.capacity(ref) + 4 + PAGE_ENTRY_BYTES
    this.arena.account(-PAGE_ENTRY_BYTES)
    this.arena.free(ref)
  }

  // ── the whole ────────────────────────────────────────────────────────────

  /** Makes a copy whose memory lies in `arena`. */
  copy(arena: Arena): StreamIndex {
    const copy = new StreamIndex(arena, this.#recordBytes - ID_BYTES)
    for (let page = 0; page < this.#refs.length; page++) {
      const count = itemAt(this.#counts, page)
      copy.#addPage(page, count)
      const [from, to] = [itemAt(this.#refs, page), itemAt(copy.#refs, page)]
      const start = this.arena.start(from) + itemAt(this.#heads, page) * this.#recordBytes
      this.arena.source(from).u8.copy(arena.source(to).u8, arena.start(to), start, start + count * this.#recordBytes)
      copy.#counts[page] = count
      copy.count += count
    }
    return copy
  }

  /**
   * Walks all records in the checked build. They are as many as counted, in the order of their ids.
   */
  check(): void {
    if (!CHECKED) return
    const cursor = new IndexCursor()
    const id = new StreamId()
    const previous = new StreamId()
    let count = 0
    for (let more = this.first(cursor); more; more = this.next(cursor)) {
      if (cursor.slot === 0) this.arena.checkBlock(itemAt(this.#refs, cursor.page))
      cursor.id(id)
      assert(count++ === 0 || previous.compare(id) < 0, 'each record is after the one before')
      previous.copyFrom(id)
    }
    assert(count === this.count, 'all records are counted')
  }

  /** Frees up to `max` pages, the last first; returns their number. */
  freeSome(max: number): number {
    let freed = 0
    for (; freed < max && this.#refs.length > 0; freed++) {
      this.count -= itemAt(this.#counts, this.#counts.length - 1)
      this.#removePage(this.#refs.length - 1)
    }
    return freed
  }

  free(): void {
    this.freeSome(Number.POSITIVE_INFINITY)
  }
}
