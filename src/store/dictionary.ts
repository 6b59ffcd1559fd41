// The large form of hashes, sets and sorted sets: distinct members, each with an
// optional value, found by hash and numbered densely.
//
// Members are entries 0 … count - 1 in pages of typed arrays, four words each:
//
//   0 HASH    hash of the member
//   1 NEXT    next entry of the same bucket, + 1 (0 = last)
//   2 BLOCK   arena ref of [member length][member …, to a multiple of 4][value …]
//   3 EXTRA   the owner's: a hash keeps the value's length there
//
// Removing an entry moves the last one into its place. So a random member is one
// probe, and a scan that walks numbers *downwards* misses nobody: what moves was
// either visited already, or moves to a place that is still to come.
//
// Buckets grow and shrink by linear hashing, as the keyspace's do.

import { type Bytes, copyBytes, equalBytes, hashBytes } from '../util/bytes.ts'
import type { Arena } from './arena.ts'
import { align } from './keyspace.ts'

const HASH = 0
const NEXT = 1
const BLOCK = 2
const EXTRA = 3
const WORDS_SHIFT = 2

const PAGE_SHIFT = 10
const PAGE_SIZE = 1 << PAGE_SHIFT
const PAGE_MASK = PAGE_SIZE - 1
const BUCKETS_MIN = 16

/** No such entry. */
export const ABSENT = -1

export class Dictionary {
  count = 0
  readonly #arena: Arena
  readonly #seed: number
  /** Entries; the first page grows by doubling up to PAGE_SIZE, so that a dictionary of a few hundred is not mostly empty. */
  readonly #pages: Int32Array[] = []
  readonly #buckets: Int32Array[] = []
  #bucketCount = 0
  #level = BUCKETS_MIN

  constructor(arena: Arena, seed: number) {
    this.#arena = arena
    this.#seed = seed
  }

  /** Returns the entry of a member, or ABSENT. Remembers the hash in the window. */
  find(member: Bytes): number {
    if (this.count === 0) return ABSENT
    const hash = this.hash(member)
    let entry = this.#bucketWord(this.#bucketOf(hash)) - 1
    while (entry >= 0) {
      const page = this.#pages[entry >>> PAGE_SHIFT]!
      const at = (entry & PAGE_MASK) << WORDS_SHIFT
      if (page[at] === hash && this.#memberEquals(page[at + BLOCK]!, member)) return entry
      entry = page[at + NEXT]! - 1
    }
    return ABSENT
  }

  /** Adds a member that `find` did not find, with room for `room` bytes of value; returns its entry. Throws ArenaFull. */
  insert(member: Bytes, room = 0): number {
    const arena = this.#arena
    const block = arena.allocate(room === 0 ? member.length : align(member.length) + room)
    arena.setLength(block, member.length)
    copyBytes(arena.source(block), arena.start(block), member.source, member.start, member.length)
    if (this.count >= this.#bucketCount) this.#growBuckets()
    const hash = this.hash(member)
    const entry = this.count++
    this.#reserve(entry)
    const bucket = this.#bucketOf(hash)
    const page = this.#pages[entry >>> PAGE_SHIFT]!
    const at = (entry & PAGE_MASK) << WORDS_SHIFT
    page[at] = hash
    page[at + NEXT] = this.#bucketWord(bucket)
    page[at + BLOCK] = block
    page[at + EXTRA] = 0
    this.#setBucketWord(bucket, entry + 1)
    return entry
  }

  /** Removes an entry; the last one takes its number. */
  remove(entry: number): void {
    this.#arena.free(this.#word(entry, BLOCK))
    this.#relink(entry, this.#word(entry, NEXT))
    const last = --this.count
    if (entry !== last) {
      this.#relink(last, entry + 1)
      for (let word = 0; word < 1 << WORDS_SHIFT; word++) this.#setWord(entry, word, this.#word(last, word))
    }
    if (this.#bucketCount > BUCKETS_MIN && this.count < this.#bucketCount >>> 2) this.#shrinkBuckets()
    // The page after the current one may stay as a reserve.
    while (this.#pages.length > (this.count >>> PAGE_SHIFT) + 2) this.#pages.pop()
  }

  /** Points a window at the member of an entry; valid until the dictionary changes. */
  memberOf(entry: number, window: Bytes): Bytes {
    const block = this.#word(entry, BLOCK)
    const arena = this.#arena
    window.set(arena.source(block), arena.start(block), arena.length(block))
    return window
  }

  /** Bytes that fit after the member of an entry. */
  roomOf(entry: number): number {
    const block = this.#word(entry, BLOCK)
    return this.#arena.capacity(block) - align(this.#arena.length(block))
  }

  /** Points a window at the first `length` bytes of the room after a member. */
  valueOf(entry: number, length: number, window: Bytes): Bytes {
    const block = this.#word(entry, BLOCK)
    const arena = this.#arena
    return window.set(arena.source(block), arena.start(block) + align(arena.length(block)), length)
  }

  /** Makes the room after a member at least `room` bytes; what was in it is not kept. */
  changeRoom(entry: number, room: number): void {
    const arena = this.#arena
    const old = this.#word(entry, BLOCK)
    const length = arena.length(old)
    const block = arena.allocate(align(length) + room)
    arena.setLength(block, length)
    copyBytes(arena.source(block), arena.start(block), arena.source(old), arena.start(old), length)
    this.#setWord(entry, BLOCK, block)
    arena.free(old)
  }

  extra(entry: number): number {
    return this.#word(entry, EXTRA)
  }

  setExtra(entry: number, value: number): void {
    this.#setWord(entry, EXTRA, value)
  }

  /** Returns the hash under which a member is filed. */
  hash(member: Bytes): number {
    if (member.hash === 0) member.hash = hashBytes(member.source, member.start, member.length, this.#seed)
    return member.hash
  }

  /** Bytes held: blocks, entries, buckets. O(count). */
  get bytes(): number {
    let bytes = 4 * this.#bucketCount
    for (const page of this.#pages) bytes += page.byteLength
    for (let entry = 0; entry < this.count; entry++) bytes += this.#arena.capacity(this.#word(entry, BLOCK)) + 4
    return bytes
  }

  /** Gives every block back. */
  free(): void {
    for (let entry = 0; entry < this.count; entry++) this.#arena.free(this.#word(entry, BLOCK))
    this.count = 0
    this.#pages.length = 0
    this.#buckets.length = 0
    this.#bucketCount = 0
    this.#level = BUCKETS_MIN
  }

  #word(entry: number, word: number): number {
    return this.#pages[entry >>> PAGE_SHIFT]![((entry & PAGE_MASK) << WORDS_SHIFT) + word]!
  }

  #setWord(entry: number, word: number, value: number): void {
    this.#pages[entry >>> PAGE_SHIFT]![((entry & PAGE_MASK) << WORDS_SHIFT) + word] = value
  }

  #memberEquals(block: number, member: Bytes): boolean {
    const source = this.#arena.source(block)
    const start = this.#arena.start(block)
    return (
      source.view.getInt32(start - 4, true) === member.length &&
      equalBytes(source, start, member.source, member.start, member.length)
    )
  }

  #reserve(entry: number): void {
    const number = entry >>> PAGE_SHIFT
    const page = this.#pages[number]
    if (page === undefined) {
      this.#pages.push(new Int32Array((number === 0 ? PAGE_SIZE >> 3 : PAGE_SIZE) << WORDS_SHIFT))
    } else if (number === 0 && entry << WORDS_SHIFT >= page.length) {
      const grown = new Int32Array(page.length * 2)
      grown.set(page)
      this.#pages[0] = grown
    }
  }

  #bucketOf(hash: number): number {
    const bucket = hash & (2 * this.#level - 1)
    return bucket < this.#bucketCount ? bucket : bucket & (this.#level - 1)
  }

  #bucketWord(bucket: number): number {
    return this.#buckets[bucket >>> PAGE_SHIFT]![bucket & PAGE_MASK]!
  }

  #setBucketWord(bucket: number, value: number): void {
    this.#buckets[bucket >>> PAGE_SHIFT]![bucket & PAGE_MASK] = value
  }

  /** Makes whatever points at `entry` in its bucket point at `target` (an entry + 1, or 0) instead. */
  #relink(entry: number, target: number): void {
    const bucket = this.#bucketOf(this.#word(entry, HASH))
    let current = this.#bucketWord(bucket) - 1
    if (current === entry) {
      this.#setBucketWord(bucket, target)
      return
    }
    while (this.#word(current, NEXT) - 1 !== entry) current = this.#word(current, NEXT) - 1
    this.#setWord(current, NEXT, target)
  }

  #growBuckets(): void {
    if (this.#bucketCount === 0) {
      this.#buckets.push(new Int32Array(PAGE_SIZE))
      this.#bucketCount = BUCKETS_MIN
      return
    }
    const target = this.#bucketCount
    if (target >>> PAGE_SHIFT === this.#buckets.length) this.#buckets.push(new Int32Array(PAGE_SIZE))
    const origin = target - this.#level
    let entry = this.#bucketWord(origin) - 1
    let stay = 0
    let move = 0
    while (entry >= 0) {
      const next = this.#word(entry, NEXT) - 1
      if ((this.#word(entry, HASH) & this.#level) === 0) {
        this.#setWord(entry, NEXT, stay)
        stay = entry + 1
      } else {
        this.#setWord(entry, NEXT, move)
        move = entry + 1
      }
      entry = next
    }
    this.#setBucketWord(origin, stay)
    this.#setBucketWord(target, move)
    this.#bucketCount++
    if (this.#bucketCount === 2 * this.#level) this.#level *= 2
  }

  #shrinkBuckets(): void {
    if (this.#bucketCount === this.#level) this.#level >>>= 1
    const last = --this.#bucketCount
    const target = last - this.#level
    const moved = this.#bucketWord(last)
    this.#setBucketWord(last, 0)
    if (moved !== 0) {
      let tail = moved - 1
      while (this.#word(tail, NEXT) !== 0) tail = this.#word(tail, NEXT) - 1
      this.#setWord(tail, NEXT, this.#bucketWord(target))
      this.#setBucketWord(target, moved)
    }
    while (this.#buckets.length > (last >>> PAGE_SHIFT) + 2) this.#buckets.pop()
  }
}
