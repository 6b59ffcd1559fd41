// The index of one database: key → entry, entirely in typed arrays.
//
// An entry is eight 32-bit words in a page. It never moves while it lives, so its number is a
// handle, SCAN can walk numbers and RANDOMKEY can probe them:
//
//   0 HASH     hash of the key
//   1 NEXT     next entry of the same bucket, + 1 (0 = last); of the free list when free
//   2 KEY      arena ref of the key's block (0 = this entry is free)
//   3 VALUE    as the value's type defines it: a string's length or an object number
//   4 META     type in bits 0–3, flags in 4–7, access frequency in 8–15
//   5 ACCESS   when last used, in seconds (or LFU's decay minutes)
//   6 EXPIRY   position in the expiry heap + 1 (0 = never)
//   7 MARK     the keyspace's epoch when the entry came, or when a snapshot last saw it
//
// Eight words are half a cache line: a lookup touches bucket, entry and key. A key's block may have
// room after the key (from the next multiple of 4 on). A string lives there, so GET touches no
// fourth place. Measured at P=16 over 100,000 keys against separate blocks: SET +10–18 %, GET +3–9
// % (bench: commands).
//
// Buckets grow by linear hashing (Litwin 1980): each insertion that finds more entries than buckets
// splits one bucket. So growth has no pause at any size and never needs a second table; removal
// merges the buckets again. Very many keys that come at once are linked when all are there (`fill`,
// bulk-index.ts).
//
// Earlier states can be kept (`keep`): pages of entries and buckets are copied before they are
// first written to after that (kept-pages.ts).

import { itemAt, numberAt } from '../../util/array-reads.ts'
import { assert } from '../../util/assert.ts'
import { Bytes, copyBytes, equalBytes, Source } from '../../util/bytes/bytes.ts'
import { CHECKED } from '../../util/invariant.ts'
import { discarded } from '../../util/memory/discarded.ts'
import { KeptPages } from '../../util/memory/kept-pages.ts'
import type { Random } from '../../util/numbers/random.ts'
import { happened, RESTLESS } from '../../util/restless.ts'
import { hashSlotOf, SLOT_COUNT } from '../../util/tables/hash-slot.ts'
import type { HashKey } from '../../util/tables/keyed-hash.ts'
import { type NumberedState, NumberedTable } from '../../util/tables/numbered-table.ts'
import { DeadlineHeap, type DeadlineState } from '../../util/time/deadline-heap.ts'
import { FieldDeadlines, type FieldDeadlinesState } from '../hash/field-deadlines.ts'
import { type Arena, BLOCK_CONTENT_BYTES_MAX } from '../memory/arena.ts'
import { countChainLengths } from '../structures/chain-lengths.ts'
import { BulkIndex } from './bulk-index.ts'
import { FETCHED_MAX, hashAhead, hashOf } from './hashes-ahead.ts'
import { SlotIndex } from './slot-index.ts'

export const HASH = 0
export const NEXT = 1
export const KEY = 2
export const VALUE = 3
export const META = 4
export const ACCESS = 5
export const EXPIRY = 6
export const MARK = 7
const WORDS_SHIFT = 3
const ENTRY_BYTES = 4 << WORDS_SHIFT
/** Bytes of one expiry time in the heap: the time and the entry number. */
const EXPIRY_BYTES = 12

const ENTRY_PAGE_SHIFT = RESTLESS ? 3 : 13
const ENTRY_PAGE_SIZE = 1 << ENTRY_PAGE_SHIFT
const ENTRY_PAGE_MASK = ENTRY_PAGE_SIZE - 1
const BUCKET_PAGE_SHIFT = RESTLESS ? 3 : 14
const BUCKET_PAGE_SIZE = 1 << BUCKET_PAGE_SHIFT
const BUCKET_PAGE_MASK = BUCKET_PAGE_SIZE - 1
/** Buckets are never merged below this. */
const BUCKETS_MIN = RESTLESS ? 2 : 16

/** Buckets merged by one call of `trim`. Some are read from memory, most are empty. */
const MERGES_MAX = 50_000

/** Used for all pages of buckets while no key is linked; never written to. */
const EMPTY_BUCKETS = new Int32Array(BUCKET_PAGE_SIZE)

/**
 * Tries at a free entry or an empty bucket before RANDOMKEY changes its method. Usually about one
 * try in two succeeds.
 */
const RANDOM_PROBES_MAX = 64
/**
 * If fewer than one entry in this many is in use, entries are not probed. Each try waits for
 * memory, and eviction tries five times for each key.
 */
const RANDOM_FREE_MAX = 8

/** Rounds up to a multiple of four, where the room after a key starts. */
export function align(length: number): number {
  return (length + 3) & ~3
}

/** No such entry. */
export const NONE = -1

/** The key of an entry that is being removed. */
const leaving = new Bytes()

/** The entries that `fetch` has reached. */
const fetched = new Int32Array(FETCHED_MAX)

/** The index when a state was kept. */
export interface KeyspaceState {
  readonly pages: readonly Int32Array[]
  readonly buckets: readonly Int32Array[]
  readonly count: number
  readonly entriesEnd: number
  readonly free: number
  readonly bucketCount: number
  readonly bucketsMin: number
  readonly level: number
  readonly largeKeys: NumberedState<Source>
  readonly largeKeyBytes: number
  readonly expiries: DeadlineState
  readonly fieldDeadlines: FieldDeadlinesState | undefined
}

export class Keyspace {
  readonly arena: Arena
  readonly expiries: DeadlineHeap
  /** Entries of hashes whose fields expire; undefined until the first. */
  fieldDeadlines: FieldDeadlines | undefined = undefined
  /** Keys by their slot; null when there is no cluster. */
  readonly slots: SlotIndex | null
  /** Living entries. */
  count = 0
  /**
   * The mark of new entries. A snapshot begins by raising it: an entry with an older mark existed
   * then and is not written yet.
   */
  epoch = 0
  /** One past the highest entry number used since the keyspace was last empty. */
  entriesEnd = 0
  readonly #hashKey: HashKey
  readonly #entryPages = new KeptPages<Int32Array>()
  readonly #pages = this.#entryPages.list
  /** True while pages may have to be copied before they are written to. */
  #isKept = false
  #free = 0
  readonly #bucketPages = new KeptPages<Int32Array>()
  readonly #buckets = this.#bucketPages.list
  #bucketCount = 0
  /** Buckets are not merged below this number, which is higher while keys are expected. */
  #bucketsMin = BUCKETS_MIN
  /** Buckets at the beginning of the current doubling: a power of two. */
  #level = BUCKETS_MIN
  /** Keys too large for the arena; their ref is -(index + 1). */
  readonly #largeKeys = new NumberedTable<Source>()
  #largeKeyBytes = 0
  /** Keys that were inserted since `fill` and are not linked yet. */
  #filling: BulkIndex | undefined = undefined

  constructor(arena: Arena, hashKey: HashKey, indexesSlots = false) {
    this.arena = arena.viewFor('key')
    this.#hashKey = hashKey
    this.slots = indexesSlots ? new SlotIndex() : null
    this.expiries = new DeadlineHeap((entry, position) => {
      this.setWord(entry, EXPIRY, position + 1)
    })
  }

  /** Returns the hash of a key, and stores it in the window. */
  hash(key: Bytes): number {
    let { hash } = key
    if (hash === 0) {
      hash = hashOf(key, this.#hashKey)
      key.hash = hash
    }
    return hash
  }

  /** Returns the entry of a key, or NONE. */
  find(key: Bytes): number {
    if (this.count === 0) return NONE
    const hash = this.hash(key)
    const bucket = this.#bucketOf(hash)
    let entry = numberAt(itemAt(this.#buckets, bucket >>> BUCKET_PAGE_SHIFT), bucket & BUCKET_PAGE_MASK) - 1
    while (entry >= 0) {
      const page = itemAt(this.#pages, entry >>> ENTRY_PAGE_SHIFT)
      const at = (entry & ENTRY_PAGE_MASK) << WORDS_SHIFT
      if (numberAt(page, at) === hash && this.#keyEquals(numberAt(page, at + KEY), key)) return entry
      entry = numberAt(page, at + NEXT) - 1
    }
    return NONE
  }

  /**
   * Brings the memory that `find` reads into the processor's cache, for `count` ≤ FETCHED_MAX keys
   * at once. Each round waits for memory once for all keys.
   */
  fetch(source: Source, starts: Int32Array, lengths: Int32Array, count: number): void {
    const hashes = hashAhead(source, starts, lengths, count, this.#hashKey)
    for (let i = 0; i < count; i++) {
      const bucket = this.#bucketOf(numberAt(hashes, i))
      fetched[i] = numberAt(itemAt(this.#buckets, bucket >>> BUCKET_PAGE_SHIFT), bucket & BUCKET_PAGE_MASK) - 1
    }
    // A third of the keys are not the first of their bucket; few are beyond the second. With two
    // rounds INCR over 100,000 keys at P=16 takes 5 % less.
    for (let place = 0; place < 2; place++) {
      for (let i = 0; i < count; i++) {
        const entry = numberAt(fetched, i)
        if (entry < 0) continue
        const page = itemAt(this.#pages, entry >>> ENTRY_PAGE_SHIFT)
        const at = (entry & ENTRY_PAGE_MASK) << WORDS_SHIFT
        if (numberAt(page, at) !== numberAt(hashes, i)) fetched[i] = numberAt(page, at + NEXT) - 1
      }
    }
    let sum = 0
    for (let i = 0; i < count; i++) {
      const entry = numberAt(fetched, i)
      if (entry < 0) continue
      const ref = this.word(entry, KEY)
      if (ref > 0) sum += this.arena.length(ref)
    }
    // Stored so that the reads are not optimised away.
    fetched[0] = sum
  }

  /**
   * Adds a key that `find` did not find; its bytes are copied. All words of the entry but the key's
   * are 0. Its block has room for `room` bytes after the key, unless the key is too large for the
   * arena (see `roomOf`). Throws ArenaFull.
   */
  insert(key: Bytes, room = 0): number {
    const keyRef = this.#storeKey(key, room)
    const hash = this.hash(key)
    if (this.count >= this.#bucketCount) this.#growBuckets()
    let entry = this.#free - 1
    if (entry >= 0) this.#free = this.word(entry, NEXT)
    else entry = this.#newEntry()
    const page = this.#pageToWrite(entry)
    const at = (entry & ENTRY_PAGE_MASK) << WORDS_SHIFT
    const bucket = this.#bucketOf(hash)
    page[at] = hash
    if (this.#filling === undefined) {
      const bucketPage = this.#bucketPages.writable(bucket >>> BUCKET_PAGE_SHIFT)
      page[at + NEXT] = numberAt(bucketPage, bucket & BUCKET_PAGE_MASK)
      bucketPage[bucket & BUCKET_PAGE_MASK] = entry + 1
    } else {
      page[at + NEXT] = 0
      this.#filling.add(bucket >>> BUCKET_PAGE_SHIFT, hash, entry)
    }
    page[at + KEY] = keyRef
    page[at + VALUE] = 0
    page[at + META] = 0
    page[at + ACCESS] = 0
    page[at + EXPIRY] = 0
    page[at + MARK] = this.epoch
    this.count++
    if (this.slots !== null) this.slots.add(entry, key)
    return entry
  }

  /** Removes an entry and frees its key. The caller frees the value. */
  remove(entry: number): void {
    assert(this.#filling === undefined, 'no key is removed before all are linked')
    if (CHECKED) assert(this.isLive(entry), 'an entry is removed once')
    const page = this.#pageToWrite(entry)
    const at = (entry & ENTRY_PAGE_MASK) << WORDS_SHIFT
    if (this.slots !== null) this.slots.remove(entry, this.keyOf(entry, leaving))
    if (page[at + EXPIRY] !== 0) this.expiries.remove(numberAt(page, at + EXPIRY) - 1)
    this.#unlink(entry, numberAt(page, at), numberAt(page, at + NEXT))
    this.#freeKey(numberAt(page, at + KEY))
    page[at + KEY] = 0
    page[at + NEXT] = this.#free
    this.#free = entry + 1
    this.count--
    // At most four buckets are merged for one removal, so the index shrinks with the keys.
    while (this.#hasIdleBuckets()) this.#shrinkBuckets()
    if (this.count === 0) this.#startOver()
  }

  /**
   * Prepares an empty index for `count` keys. Until `link` has linked all pages, inserted keys are
   * only recorded: `find` finds none of them, and none may be removed. Does nothing where it would
   * not help.
   */
  fill(count: number): void {
    if (this.count > 0 || count <= this.#bucketCount || count < BUCKETS_MIN) return
    // Each page gets memory of its own when it is linked.
    this.#setBucketCount(count, EMPTY_BUCKETS)
    this.#filling = new BulkIndex(this.#buckets.length)
  }

  /** True between `fill` and the last `link`. */
  get isFilling(): boolean {
    return this.#filling !== undefined
  }

  /** True when there are as many keys as buckets. They must be linked before one more comes. */
  get isFull(): boolean {
    return this.count >= this.#bucketCount
  }

  /**
   * Links a page of the keys that came since `fill`: half a millisecond's work. Returns an entry
   * whose key occurs twice, or NONE.
   */
  link(): number {
    const filling = this.#filling
    assert(filling !== undefined, 'pages are linked after `fill`')
    const page = filling.linked++
    const count = filling.count(page)
    const records = filling.take(page)
    const buckets = new Int32Array(BUCKET_PAGE_SIZE)
    this.#bucketPages.replace(page, buckets)
    /** For each record, the record that was first in its bucket before, + 1. */
    const chain = filling.chain(count)
    let twice = NONE
    for (let i = 0; i < count; i++) {
      const hash = numberAt(records, 2 * i)
      const bucket = this.#bucketOf(hash) & BUCKET_PAGE_MASK
      const first = numberAt(buckets, bucket)
      for (let other = first; other !== 0; other = numberAt(chain, other - 1)) {
        if (
          records[2 * other - 2] === hash &&
          this.#haveSameKey(numberAt(records, 2 * other - 1), numberAt(records, 2 * i + 1))
        ) {
          twice = numberAt(records, 2 * i + 1)
        }
      }
      chain[i] = first
      buckets[bucket] = i + 1
    }
    // The records were chained first, because the cache holds them. Now the chains become entries;
    // most records are alone and need nothing.
    for (let i = 0; i < count; i++) {
      const next = numberAt(chain, i)
      if (next !== 0) this.setWord(numberAt(records, 2 * i + 1), NEXT, numberAt(records, 2 * next - 1) + 1)
    }
    for (let bucket = 0; bucket < BUCKET_PAGE_SIZE; bucket++) {
      const first = numberAt(buckets, bucket)
      if (first !== 0) buckets[bucket] = numberAt(records, 2 * first - 1) + 1
    }
    if (filling.linked === this.#buckets.length) this.#filling = undefined
    return twice
  }

  /**
   * Makes `count` buckets at once, which spares splitting them one by one, and keeps them until
   * `trim`. The existing keys are linked again, so there should be few.
   */
  reserve(count: number): void {
    if (count <= this.#bucketCount || this.#filling !== undefined) return
    this.#setBucketCount(count, undefined)
    for (let page = 0; page < this.#buckets.length; page++) this.#bucketPages.writable(page).fill(0)
    for (let entry = 0; entry < this.entriesEnd; entry++) {
      if (!this.isLive(entry)) continue
      const bucket = this.#bucketOf(this.word(entry, HASH))
      const page = this.#bucketPages.writable(bucket >>> BUCKET_PAGE_SHIFT)
      this.setWord(entry, NEXT, numberAt(page, bucket & BUCKET_PAGE_MASK))
      page[bucket & BUCKET_PAGE_MASK] = entry + 1
    }
  }

  /**
   * Gives back buckets that `fill` or `reserve` made for keys that did not come: a millisecond's
   * work for each call, true when it is done.
   */
  trim(): boolean {
    this.#bucketsMin = BUCKETS_MIN
    for (let merged = 0; this.#hasIdleBuckets(); merged++) {
      if (merged === MERGES_MAX) return false
      this.#shrinkBuckets()
    }
    return true
  }

  /** Returns a living entry, each (nearly) as likely as the others; NONE when there is none. */
  randomEntry(random: Random): number {
    if (this.count === 0) return NONE
    const probes = this.count * RANDOM_FREE_MAX < this.entriesEnd ? 0 : RANDOM_PROBES_MAX
    for (let i = 0; i < probes; i++) {
      const entry = random.below(this.entriesEnd)
      if (this.isLive(entry)) return entry
    }
    // After a great deletion most numbers are free. There are never more than four buckets for each
    // entry, or sixteen in all.
    let bucket = random.below(this.#bucketCount)
    for (let i = 0; this.#firstOf(bucket) === NONE; i++) {
      bucket = i < RANDOM_PROBES_MAX ? random.below(this.#bucketCount) : (bucket + 1) % this.#bucketCount
    }
    let length = 0
    for (let entry = this.#firstOf(bucket); entry !== NONE; entry = this.word(entry, NEXT) - 1) length++
    let entry = this.#firstOf(bucket)
    for (let skip = random.below(length); skip > 0; skip--) entry = this.word(entry, NEXT) - 1
    return entry
  }

  word(entry: number, word: number): number {
    return numberAt(itemAt(this.#pages, entry >>> ENTRY_PAGE_SHIFT), ((entry & ENTRY_PAGE_MASK) << WORDS_SHIFT) + word)
  }

  setWord(entry: number, word: number, value: number): void {
    const page = entry >>> ENTRY_PAGE_SHIFT
    if (this.#isKept) this.#entryPages.writable(page)
    itemAt(this.#pages, page)[((entry & ENTRY_PAGE_MASK) << WORDS_SHIFT) + word] = value
  }

  /** Tells whether `entry` (< entriesEnd) is in use. */
  isLive(entry: number): boolean {
    return this.word(entry, KEY) !== 0
  }

  /** Points a window at the key of an entry; valid until the entry is removed. */
  keyOf(entry: number, window: Bytes): Bytes {
    const ref = this.word(entry, KEY)
    if (ref < 0) {
      const source = this.#largeKeys.get(-ref - 1)
      window.set(source, 0, source.u8.length)
    } else {
      window.set(this.arena.source(ref), this.arena.start(ref), this.arena.length(ref))
      if (CHECKED) this.arena.checkWindow(ref, window.start, window.length)
    }
    window.hash = this.word(entry, HASH)
    return window
  }

  /** Bytes that fit after the key of an entry; -1 when its key is too large to have room. */
  roomOf(entry: number): number {
    const ref = this.word(entry, KEY)
    return ref < 0 ? -1 : this.arena.capacity(ref) - align(this.arena.length(ref))
  }

  /** Where the room after the key of an entry starts, in `arena.source(word(entry, KEY))`. */
  roomStart(entry: number): number {
    const ref = this.word(entry, KEY)
    return this.arena.start(ref) + align(this.arena.length(ref))
  }

  /**
   * Moves an entry's key to a block with another room. Returns the old block; the caller frees it
   * when its content is no longer needed.
   */
  changeRoom(entry: number, room: number): number {
    const old = this.word(entry, KEY)
    if (CHECKED) assert(old > 0, 'only a key in a block has room behind it')
    const { arena } = this
    const length = arena.length(old)
    const ref = arena.allocate(align(length) + room)
    arena.setLength(ref, length)
    copyBytes(arena.source(ref), arena.start(ref), arena.source(old), arena.start(old), length)
    this.setWord(entry, KEY, ref)
    return old
  }

  /**
   * Moves an entry's key, and `content` bytes of the room behind it, to another block of the same
   * size.
   */
  moveBlock(entry: number, content: number): void {
    const { arena } = this
    const from = this.roomStart(entry)
    const old = this.changeRoom(entry, this.roomOf(entry))
    copyBytes(arena.source(this.word(entry, KEY)), this.roomStart(entry), arena.source(old), from, content)
    arena.free(old)
  }

  /**
   * Bytes used by the index itself (entries, buckets, expiry times) and by keys too large for the
   * arena.
   *
   * Freed entries do not count, as in the arena: eviction must see that deleting a key helps.
   */
  get indexBytes(): number {
    const slotBytes = this.slots === null ? 0 : this.slots.bytes
    const entryBytes = this.count * ENTRY_BYTES + this.#bucketCount * 4
    return entryBytes + this.expiries.count * EXPIRY_BYTES + this.#largeKeyBytes + slotBytes
  }

  /**
   * Numbers entries from 0 again when no key is left, so that walks do not pass the numbers of
   * earlier keys.
   */
  #startOver(): void {
    this.#free = 0
    this.entriesEnd = 0
    // One page stays, so that a queue that empties and fills again does not allocate each time.
    this.#entryPages.truncate(1)
  }

  /** Returns the first entry of a bucket; NONE when it is empty. */
  #firstOf(bucket: number): number {
    return numberAt(itemAt(this.#buckets, bucket >>> BUCKET_PAGE_SHIFT), bucket & BUCKET_PAGE_MASK) - 1
  }

  #haveSameKey(entry: number, other: number): boolean {
    return this.#keyEquals(this.word(entry, KEY), this.keyOf(other, new Bytes()))
  }

  #keyEquals(ref: number, key: Bytes): boolean {
    if (ref < 0) {
      const source = this.#largeKeys.get(-ref - 1)
      return source.u8.length === key.length && equalBytes(source, 0, key.source, key.start, key.length)
    }
    const source = this.arena.source(ref)
    const start = this.arena.start(ref)
    return (
      source.view.getInt32(start - 4, true) === key.length &&
      equalBytes(source, start, key.source, key.start, key.length)
    )
  }

  #storeKey(key: Bytes, room: number): number {
    if (key.length > BLOCK_CONTENT_BYTES_MAX) {
      const own = Source.allocate(key.length)
      copyBytes(own, 0, key.source, key.start, key.length)
      this.#largeKeyBytes += key.length
      return -(this.#largeKeys.add(own) + 1)
    }
    const ref = this.arena.allocate(room === 0 ? key.length : align(key.length) + room)
    this.arena.setLength(ref, key.length)
    copyBytes(this.arena.source(ref), this.arena.start(ref), key.source, key.start, key.length)
    return ref
  }

  #freeKey(ref: number): void {
    if (ref > 0) {
      this.arena.free(ref)
      return
    }
    const since = this.#largeKeys.sinceOf(-ref - 1)
    const own = this.#largeKeys.remove(-ref - 1)
    this.#largeKeyBytes -= own.u8.length
    if (since < this.arena.era) this.arena.leave(own, since)
    else discarded.add(own)
  }

  // ── earlier states ───────────────────────────────────────────────────────

  /** Returns the present state, which is kept in the era that the arena has just begun. */
  keep(): KeyspaceState {
    const { era } = this.arena
    assert(this.#filling === undefined, 'keys are linked before their state is kept')
    this.#isKept = true
    return {
      pages: this.#entryPages.keep(),
      buckets: this.#bucketPages.keep(),
      count: this.count,
      entriesEnd: this.entriesEnd,
      free: this.#free,
      bucketCount: this.#bucketCount,
      bucketsMin: this.#bucketsMin,
      level: this.#level,
      largeKeys: this.#largeKeys.keep(era),
      largeKeyBytes: this.#largeKeyBytes,
      expiries: this.expiries.keep(),
      fieldDeadlines: this.fieldDeadlines?.keep(),
    }
  }

  /**
   * Returns to a state, of this index or of the one it branches from. The arena has done so
   * already. The epoch is unchanged.
   */
  restore(state: KeyspaceState): void {
    this.#isKept = true
    this.#entryPages.restore(state.pages)
    this.#bucketPages.restore(state.buckets)
    this.count = state.count
    this.entriesEnd = state.entriesEnd
    this.#free = state.free
    this.#bucketCount = state.bucketCount
    this.#bucketsMin = state.bucketsMin
    this.#level = state.level
    this.#largeKeys.restore(state.largeKeys, this.arena.era)
    this.#largeKeyBytes = state.largeKeyBytes
    this.expiries.restore(state.expiries)
    if (state.fieldDeadlines === undefined) {
      this.fieldDeadlines = undefined
    } else {
      this.fieldDeadlines ??= new FieldDeadlines()
      this.fieldDeadlines.restore(state.fieldDeadlines)
    }
    if (this.slots !== null) this.#indexSlots(this.slots)
  }

  /** Indexes all keys by slot again. The slots are not part of a state. */
  #indexSlots(slots: SlotIndex): void {
    slots.clear()
    const key = new Bytes()
    for (let entry = 0; entry < this.entriesEnd; entry++) {
      if (this.isLive(entry)) slots.add(entry, this.keyOf(entry, key))
    }
  }

  /** Continues in an earlier era, as the arena already does. */
  goBack(): void {
    const { era } = this.arena
    this.#largeKeys.goBackTo(era)
    if (era !== 0) return
    this.#isKept = false
    this.#entryPages.forget()
    this.#bucketPages.forget()
    this.expiries.forget()
    this.fieldDeadlines?.forget()
  }

  /**
   * Moves the key of an entry, and `content` bytes of the room behind it, to memory of this era
   * before the entry changes. So an entry has changed since a state was kept if and only if its key
   * has another block.
   */
  renew(entry: number, content: number): void {
    const ref = this.word(entry, KEY)
    if (ref < 0) {
      if (!this.#largeKeys.isKept(-ref - 1)) return
      const kept = this.#largeKeys.get(-ref - 1)
      const own = Source.allocate(kept.u8.length)
      kept.u8.copy(own.u8)
      this.setWord(entry, KEY, -(this.#largeKeys.add(own) + 1))
      this.#largeKeyBytes += own.u8.length
      this.#freeKey(ref)
    } else if (this.arena.isKept(ref)) {
      this.moveBlock(entry, content)
    }
  }

  /**
   * Calls `see` for each entry that differs from a kept state, with its number and whether it
   * existed then and exists now.
   */
  forEachChanged({ pages, entriesEnd }: KeyspaceState, see: (entry: number, was: boolean, is: boolean) => void): void {
    const end = Math.max(entriesEnd, this.entriesEnd)
    for (let page = 0; page << ENTRY_PAGE_SHIFT < end; page++) {
      const [before, after] = [pages[page], this.#pages[page]]
      if (before === after) continue
      const first = page << ENTRY_PAGE_SHIFT
      for (let i = 0; i < ENTRY_PAGE_SIZE && first + i < end; i++) {
        const at = (i << WORDS_SHIFT) + KEY
        const was = first + i < entriesEnd ? numberAt(before!, at) : 0
        const is = first + i < this.entriesEnd ? numberAt(after!, at) : 0
        // The numbers of large keys are reused.
        if (was !== is || is < 0) see(first + i, was !== 0, is !== 0)
      }
    }
  }

  /** Frees the buffers of large keys. The keyspace must not be used afterwards. */
  discard(): void {
    for (const own of this.#largeKeys.cameSince(this.arena.firstEra)) discarded.add(own)
  }

  /**
   * Walks every bucket and the list of free entries. Each entry is in one of them, once; a living
   * one is in the bucket of its hash.
   */
  check(): void {
    if (!CHECKED || this.#filling !== undefined) return
    let linked = 0
    for (let bucket = 0; bucket < this.#bucketCount; bucket++) {
      for (let entry = this.#firstOf(bucket); entry !== NONE; entry = this.word(entry, NEXT) - 1) {
        assert(entry < this.entriesEnd && this.isLive(entry), 'what is linked is an entry that lives')
        assert(++linked <= this.count, 'an entry is linked once')
        assert(this.#bucketOf(this.word(entry, HASH)) === bucket, 'an entry is in the bucket of its hash')
        const ref = this.word(entry, KEY)
        if (ref > 0) this.arena.checkBlock(ref)
        else assert(this.#largeKeys.has(-ref - 1), 'a large key has its buffer')
        const expiry = this.word(entry, EXPIRY)
        assert(expiry === 0 || this.expiries.entryAt(expiry - 1) === entry, 'an entry knows its deadline')
      }
    }
    assert(linked === this.count, 'every entry is linked')
    this.#checkSlots()
    let free = 0
    for (let entry = this.#free - 1; entry >= 0; entry = this.word(entry, NEXT) - 1) {
      assert(!this.isLive(entry), 'a free entry has no key')
      assert(++free <= this.entriesEnd - this.count, 'a free entry is in the list once')
    }
    assert(free === this.entriesEnd - this.count, 'every entry lives or is free')
    this.expiries.check()
  }

  #checkSlots(): void {
    const { slots } = this
    if (slots === null) return
    let counted = 0
    const key = new Bytes()
    for (let slot = 0; slot < SLOT_COUNT; slot++) {
      let length = 0
      for (const entry of slots.entries(slot)) {
        assert(this.isLive(entry) && hashSlotOf(this.keyOf(entry, key)) === slot, 'an entry is in the list of its slot')
        length++
      }
      assert(length === slots.count(slot), 'a slot knows how many keys it has')
      counted += length
    }
    assert(counted === this.count, 'every entry is in a slot')
  }

  #pageToWrite(entry: number): Int32Array {
    const page = entry >>> ENTRY_PAGE_SHIFT
    return this.#isKept ? this.#entryPages.writable(page) : itemAt(this.#pages, page)
  }

  #newEntry(): number {
    const entry = this.entriesEnd
    if (entry >>> ENTRY_PAGE_SHIFT === this.#pages.length)
      this.#entryPages.push(new Int32Array(ENTRY_PAGE_SIZE << WORDS_SHIFT))
    this.entriesEnd++
    return entry
  }

  #bucketOf(hash: number): number {
    const bucket = hash & (2 * this.#level - 1)
    return bucket < this.#bucketCount ? bucket : bucket & (this.#level - 1)
  }

  #unlink(entry: number, hash: number, next: number): void {
    const bucket = this.#bucketOf(hash)
    let current = this.#firstOf(bucket)
    if (current === entry) {
      this.#bucketPages.writable(bucket >>> BUCKET_PAGE_SHIFT)[bucket & BUCKET_PAGE_MASK] = next
      return
    }
    while (true) {
      const following = this.word(current, NEXT) - 1
      if (following === entry) break
      current = following
    }
    this.setWord(current, NEXT, next)
  }

  /**
   * Makes more buckets, all of them empty. With `page`, that page is used for each new page of
   * them.
   */
  #setBucketCount(count: number, page: Int32Array | undefined): void {
    while (this.#buckets.length * BUCKET_PAGE_SIZE < count)
      this.#bucketPages.push(page ?? new Int32Array(BUCKET_PAGE_SIZE))
    this.#bucketCount = count
    this.#bucketsMin = count
    this.#level = 1 << (31 - Math.clz32(count))
  }

  /**
   * Counts buckets by chain length: element `i` is the number of buckets that hold `i` keys. Looks
   * at every key.
   */
  chains(): number[] {
    return countChainLengths(
      this.#bucketCount,
      (bucket) => this.#firstOf(bucket),
      (entry) => this.word(entry, NEXT) - 1,
    )
  }

  /** Buckets are merged when fewer than a quarter of them would be in use. */
  #hasIdleBuckets(): boolean {
    return this.#bucketCount > this.#bucketsMin && this.count < this.#bucketCount >>> 2
  }

  /** Splits the next bucket in line: its entries divide between it and a new last bucket. */
  #growBuckets(): void {
    if (CHECKED) happened('index split')
    assert(this.#filling === undefined, 'keys that came all at once are linked before the next one comes')
    if (this.#bucketCount === 0) {
      this.#bucketPages.push(new Int32Array(BUCKET_PAGE_SIZE))
      this.#bucketCount = BUCKETS_MIN
      this.#level = BUCKETS_MIN
      return
    }
    const target = this.#bucketCount
    if (target >>> BUCKET_PAGE_SHIFT === this.#buckets.length) this.#bucketPages.push(new Int32Array(BUCKET_PAGE_SIZE))
    const origin = target - this.#level
    const originPage = this.#bucketPages.writable(origin >>> BUCKET_PAGE_SHIFT)
    let entry = numberAt(originPage, origin & BUCKET_PAGE_MASK) - 1
    let stay = 0
    let move = 0
    while (entry >= 0) {
      const next = this.word(entry, NEXT) - 1
      if ((this.word(entry, HASH) & this.#level) === 0) {
        this.setWord(entry, NEXT, stay)
        stay = entry + 1
      } else {
        this.setWord(entry, NEXT, move)
        move = entry + 1
      }
      entry = next
    }
    originPage[origin & BUCKET_PAGE_MASK] = stay
    this.#bucketPages.writable(target >>> BUCKET_PAGE_SHIFT)[target & BUCKET_PAGE_MASK] = move
    this.#bucketCount++
    if (this.#bucketCount === 2 * this.#level) this.#level *= 2
  }

  /** Merges the last bucket into the one it was split from. */
  #shrinkBuckets(): void {
    if (CHECKED) happened('index merged')
    if (this.#bucketCount === this.#level) this.#level >>>= 1
    const last = --this.#bucketCount
    const target = last - this.#level
    const moved = this.#firstOf(last) + 1
    if (moved !== 0) {
      this.#bucketPages.writable(last >>> BUCKET_PAGE_SHIFT)[last & BUCKET_PAGE_MASK] = 0
      let tail = moved - 1
      while (this.word(tail, NEXT) !== 0) tail = this.word(tail, NEXT) - 1
      const targetPage = this.#bucketPages.writable(target >>> BUCKET_PAGE_SHIFT)
      this.setWord(tail, NEXT, numberAt(targetPage, target & BUCKET_PAGE_MASK))
      targetPage[target & BUCKET_PAGE_MASK] = moved
    }
    // One page beyond the current one may stay as a reserve.
    this.#bucketPages.truncate((last >>> BUCKET_PAGE_SHIFT) + 2)
  }
}
