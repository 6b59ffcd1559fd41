// The large form of hashes, sets and sorted sets: distinct members, each with an optional value,
// found by hash and numbered densely.
//
// Members are entries 0 … count - 1 in pages of typed arrays, four words each:
//
//   0 HASH    hash of the member
//   1 NEXT    next entry of the same bucket, + 1 (0 = last)
//   2 BLOCK   where [member length][member …, to a multiple of 4][value …] lies
//   3 EXTRA   the owner's: a hash keeps the value's length there
//
// BLOCK is an arena ref. When the member is too long for the arena, it is negative and numbers a
// large buffer. A block stays where it is when its entry gets another number, so an index beside
// the dictionary names members by their blocks.
//
// Removing an entry moves the last entry into its place. So a random member is one probe. A scan
// that walks numbers *downwards* misses no member: an entry that moves was either visited already,
// or moves to a number that is still to come.
//
// Buckets grow and shrink by linear hashing, as those of the keyspace do.

import { itemAt, numberAt } from '../../util/array-reads.ts'
import { assert } from '../../util/assert.ts'
import { type Bytes, copyBytes, equalBytes, type Source } from '../../util/bytes/bytes.ts'
import { CHECKED } from '../../util/invariant.ts'
import { happened, RESTLESS } from '../../util/restless.ts'
import { type HashKey, hashBytes } from '../../util/tables/keyed-hash.ts'
import { FETCHED_MAX as HASHED_MAX, hashAhead, hashOf } from '../keyspace/hashes-ahead.ts'
import { align } from '../keyspace/keyspace.ts'
import { type Arena, BLOCK_CONTENT_BYTES_MAX } from '../memory/arena.ts'
import { countChainLengths } from './chain-lengths.ts'

const HASH = 0
const NEXT = 1
const BLOCK = 2
const EXTRA = 3
const WORDS_SHIFT = 2

const PAGE_SHIFT = RESTLESS ? 3 : 10
const PAGE_SIZE = 1 << PAGE_SHIFT
const PAGE_MASK = PAGE_SIZE - 1
/** Entries, and buckets, of the first page when it is allocated. */
const FIRST_PAGE_SIZE = RESTLESS ? 4 : 64
const BUCKETS_MIN = RESTLESS ? 2 : 16

/** Blocks that are measured to estimate the size of all. */
const SAMPLES_MAX = 64

/** Blocks that one call of `moveBlocks` looks at. */
const MOVED_AT_ONCE = RESTLESS ? 8 : 64

/** The result of `find` when there is no such entry. */
export const ABSENT = -1

/**
 * The most members whose removal is prepared together. More would push the first out of the nearest
 * cache.
 */
export const FETCHED_MAX = 8

/**
 * The result of `fetch`: for each member its entry + 1, then the same for each entry that will move
 * into a gap.
 */
const fetched = new Int32Array(2 * FETCHED_MAX)
/** The entry of each member that `fetchMembers` looks for. */
const ahead = new Int32Array(HASHED_MAX)

export class Dictionary {
  count = 0
  readonly #arena: Arena
  readonly #hashKey: HashKey
  readonly #pages: Int32Array[] = []
  readonly #buckets: Int32Array[] = []
  #bucketCount = 0
  #level = BUCKETS_MIN
  /** Large buffers: block -1 - i is the buffer at index i. Undefined until the first one. */
  #own: (Source | undefined)[] | undefined = undefined

  constructor(arena: Arena, hashKey: HashKey) {
    this.#arena = arena.viewFor('member')
    this.#hashKey = hashKey
  }

  /** Returns the entry of a member, or ABSENT. Stores the hash in the window. */
  find(member: Bytes): number {
    if (this.count === 0) return ABSENT
    const hash = this.hash(member)
    let entry = this.#bucketWord(this.#bucketOf(hash)) - 1
    while (entry >= 0) {
      const page = itemAt(this.#pages, entry >>> PAGE_SHIFT)
      const at = (entry & PAGE_MASK) << WORDS_SHIFT
      if (page[at] === hash && this.#memberEquals(numberAt(page, at + BLOCK), member)) return entry
      entry = numberAt(page, at + NEXT) - 1
    }
    return ABSENT
  }

  /**
   * Like `find`, for the member of an entry of another dictionary with the same hash key. No hash
   * is computed and no window is set.
   */
  findMemberOf(other: Dictionary, otherEntry: number): number {
    if (this.count === 0) return ABSENT
    const hash = other.#word(otherEntry, HASH)
    const otherBlock = other.#word(otherEntry, BLOCK)
    let entry = this.#bucketWord(this.#bucketOf(hash)) - 1
    while (entry >= 0) {
      const page = itemAt(this.#pages, entry >>> PAGE_SHIFT)
      const at = (entry & PAGE_MASK) << WORDS_SHIFT
      if (page[at] === hash && this.#sameMember(numberAt(page, at + BLOCK), other, otherBlock)) return entry
      entry = numberAt(page, at + NEXT) - 1
    }
    return ABSENT
  }

  /**
   * Filters `entries`, the first `count` of which are entries of another dictionary with the same
   * hash key. Keeps those whose members are in this dictionary, in their order, and returns their
   * number.
   */
  keepMembersOf(other: Dictionary, entries: Int32Array, count: number): number {
    if (this.count === 0) return 0
    const pages = this.#pages
    const otherPages = other.#pages
    const buckets = this.#buckets
    const bucketCount = this.#bucketCount
    const level = this.#level
    let kept = 0
    for (let i = 0; i < count; i++) {
      const otherEntry = numberAt(entries, i)
      const otherPage = itemAt(otherPages, otherEntry >>> PAGE_SHIFT)
      const otherAt = (otherEntry & PAGE_MASK) << WORDS_SHIFT
      const hash = numberAt(otherPage, otherAt)
      let bucket = hash & (2 * level - 1)
      if (bucket >= bucketCount) bucket &= level - 1
      let entry = numberAt(itemAt(buckets, bucket >>> PAGE_SHIFT), bucket & PAGE_MASK) - 1
      while (entry >= 0) {
        const page = itemAt(pages, entry >>> PAGE_SHIFT)
        const at = (entry & PAGE_MASK) << WORDS_SHIFT
        if (
          page[at] === hash &&
          this.#sameMember(numberAt(page, at + BLOCK), other, numberAt(otherPage, otherAt + BLOCK))
        ) {
          entries[kept++] = otherEntry
          break
        }
        entry = numberAt(page, at + NEXT) - 1
      }
    }
    return kept
  }

  #sameMember(block: number, other: Dictionary, otherBlock: number): boolean {
    const source = this.#source(block)
    const start = this.#start(block)
    const otherSource = other.#source(otherBlock)
    const otherStart = other.#start(otherBlock)
    const length = source.view.getInt32(start - 4, true)
    return (
      length === otherSource.view.getInt32(otherStart - 4, true) &&
      equalBytes(source, start, otherSource, otherStart, length)
    )
  }

  /**
   * Adds a member that `find` did not find, with room for `room` bytes of value; returns its entry.
   * Throws ArenaFull.
   */
  insert(member: Bytes, room = 0): number {
    if (CHECKED) assert(this.find(member) === ABSENT, 'a dictionary has each member once')
    const block = this.#allocate(member.source, member.start, member.length, room)
    if (this.count >= this.#bucketCount) this.#growBuckets()
    const hash = this.hash(member)
    const entry = this.count++
    this.#grow(this.#pages, entry, WORDS_SHIFT)
    const bucket = this.#bucketOf(hash)
    const page = itemAt(this.#pages, entry >>> PAGE_SHIFT)
    const at = (entry & PAGE_MASK) << WORDS_SHIFT
    page[at] = hash
    page[at + NEXT] = this.#bucketWord(bucket)
    page[at + BLOCK] = block
    page[at + EXTRA] = 0
    this.#setBucketWord(bucket, entry + 1)
    return entry
  }

  /** Removes an entry. The last entry takes its number. */
  remove(entry: number): void {
    if (CHECKED) assert(entry >= 0 && entry < this.count, 'an entry that is removed exists')
    this.#release(this.#word(entry, BLOCK))
    this.#relink(entry, this.#word(entry, NEXT))
    this.#fillGap(entry)
  }

  /** Removes the member of a block, as `remove` does. */
  removeBlock(block: number): void {
    const bucket = this.#bucketOf(
      hashBytes(this.#source(block), this.#start(block), this.#length(block), this.#hashKey),
    )
    let previous = -1
    let entry = this.#bucketWord(bucket) - 1
    while (this.#word(entry, BLOCK) !== block) {
      previous = entry
      entry = this.#word(entry, NEXT) - 1
    }
    if (previous < 0) this.#setBucketWord(bucket, this.#word(entry, NEXT))
    else this.#setWord(previous, NEXT, this.#word(entry, NEXT))
    this.#release(block)
    this.#fillGap(entry)
  }

  /** Moves the last entry to the number of an entry that is out of its bucket. */
  #fillGap(entry: number): void {
    const last = --this.count
    if (entry !== last) {
      this.#relink(last, entry + 1)
      const page = itemAt(this.#pages, entry >>> PAGE_SHIFT)
      const lastPage = itemAt(this.#pages, last >>> PAGE_SHIFT)
      const at = (entry & PAGE_MASK) << WORDS_SHIFT
      const lastAt = (last & PAGE_MASK) << WORDS_SHIFT
      page[at] = numberAt(lastPage, lastAt)
      page[at + NEXT] = numberAt(lastPage, lastAt + NEXT)
      page[at + BLOCK] = numberAt(lastPage, lastAt + BLOCK)
      page[at + EXTRA] = numberAt(lastPage, lastAt + EXTRA)
    }
    if (this.#bucketCount > BUCKETS_MIN && this.count < this.#bucketCount >>> 2) this.#shrinkBuckets()
    // One page beyond the current one may stay as a reserve.
    while (this.#pages.length > (this.count >>> PAGE_SHIFT) + 2) this.#arena.account(-4 * this.#pages.pop()!.length)
  }

  /**
   * Brings the memory that finding and removing the members of blocks [from, to) reads into the
   * processor's cache, for at most FETCHED_MAX of them. Each round waits for memory once for all
   * members; single removals would wait five times each.
   */
  fetch(blocks: Int32Array, from: number, to: number): void {
    const arena = this.#arena
    const count = Math.min(to - from, this.count)
    let sum = 0
    for (let i = 0; i < count; i++) if (numberAt(blocks, from + i) > 0) sum += arena.length(numberAt(blocks, from + i))
    for (let i = 0; i < count; i++) {
      const block = numberAt(blocks, from + i)
      fetched[i] = this.#bucketOf(
        hashBytes(this.#source(block), this.#start(block), this.#length(block), this.#hashKey),
      )
      // Removing a member moves the last entry into its place.
      fetched[count + i] = this.#bucketOf(this.#word(this.count - 1 - i, HASH))
    }
    for (let i = 0; i < 2 * count; i++) fetched[i] = this.#bucketWord(numberAt(fetched, i))
    for (let i = 0; i < 2 * count; i++) if (fetched[i] !== 0) sum += this.#word(numberAt(fetched, i) - 1, HASH)
    // Stored so that the reads are not optimised away.
    fetched[0] = sum
  }

  /**
   * Brings the memory that `find` reads into the processor's cache, for `count` ≤ HASHED_MAX
   * members at once, as `Keyspace.fetch` does.
   */
  fetchMembers(source: Source, starts: Int32Array, lengths: Int32Array, count: number): void {
    const hashes = hashAhead(source, starts, lengths, count, this.#hashKey)
    for (let i = 0; i < count; i++) ahead[i] = this.#bucketWord(this.#bucketOf(numberAt(hashes, i))) - 1
    for (let place = 0; place < 2; place++) {
      for (let i = 0; i < count; i++) {
        const entry = numberAt(ahead, i)
        if (entry >= 0 && this.#word(entry, HASH) !== hashes[i]) ahead[i] = this.#word(entry, NEXT) - 1
      }
    }
    let sum = 0
    for (let i = 0; i < count; i++) {
      const entry = numberAt(ahead, i)
      if (entry < 0) continue
      const block = this.#word(entry, BLOCK)
      if (block > 0) sum += this.#arena.length(block)
    }
    // Stored so that the reads are not optimised away.
    ahead[0] = sum
  }

  /** Points a window at the member of an entry. Valid until the dictionary changes. */
  memberOf(entry: number, window: Bytes): Bytes {
    return this.memberOfBlock(this.#word(entry, BLOCK), window)
  }

  /**
   * Returns the block of an entry. It names the member while the member lives and its room is not
   * changed.
   */
  blockOf(entry: number): number {
    return this.#word(entry, BLOCK)
  }

  /** Points a window at the member in a block. */
  memberOfBlock(block: number, window: Bytes): Bytes {
    const source = this.#source(block)
    const start = this.#start(block)
    const length = source.view.getInt32(start - 4, true)
    if (CHECKED && block > 0) this.#arena.checkWindow(block, start, length)
    return window.set(source, start, length)
  }

  /** Returns how many bytes fit behind the member of an entry. */
  roomOf(entry: number): number {
    const block = this.#word(entry, BLOCK)
    const capacity = block > 0 ? this.#arena.capacity(block) : this.#source(block).u8.length - 4
    return capacity - align(this.#length(block))
  }

  /** Points a window at the first `length` bytes of the room behind a member. */
  valueOf(entry: number, length: number, window: Bytes): Bytes {
    return this.valueOfBlock(this.#word(entry, BLOCK), length, window)
  }

  /** Points a window at the first `length` bytes of the room in a block. */
  valueOfBlock(block: number, length: number, window: Bytes): Bytes {
    const start = this.#start(block) + align(this.#length(block))
    if (CHECKED && block > 0) this.#arena.checkWindow(block, start, length)
    return window.set(this.#source(block), start, length)
  }

  /**
   * Makes the room behind a member at least `room` bytes. The old contents of the room are lost,
   * and the block changes. Throws ArenaFull.
   */
  changeRoom(entry: number, room: number): void {
    const old = this.#word(entry, BLOCK)
    const block = this.#allocate(this.#source(old), this.#start(old), this.#length(old), room)
    this.#setWord(entry, BLOCK, block)
    this.#release(old)
  }

  extra(entry: number): number {
    return this.#word(entry, EXTRA)
  }

  setExtra(entry: number, value: number): void {
    this.#setWord(entry, EXTRA, value)
  }

  /** Returns the hash under which a member is filed. */
  hash(member: Bytes): number {
    if (member.hash === 0) member.hash = hashOf(member, this.#hashKey)
    return member.hash
  }

  /** Returns the hash under which the member of an entry is filed. */
  hashOf(entry: number): number {
    return this.#word(entry, HASH)
  }

  /** Bytes that the pages of entries and of buckets take, which lie outside the arena. */
  get indexBytes(): number {
    let bytes = 0
    for (const page of this.#pages) bytes += page.byteLength
    for (const page of this.#buckets) bytes += page.byteLength
    return bytes
  }

  /** Bytes that the block of one member and its value takes, the length word included. */
  blockBytes(entry: number): number {
    const block = this.#word(entry, BLOCK)
    return block > 0 ? this.#arena.capacity(block) + 4 : this.#source(block).u8.length
  }

  /**
   * Bytes that the blocks of all members and values take in the arena, their length words included.
   * Estimated from up to SAMPLES_MAX blocks, taken at equal distances.
   */
  get blocksBytes(): number {
    const samples = Math.min(this.count, SAMPLES_MAX)
    if (samples === 0) return 0
    let bytes = 0
    for (let i = 0; i < samples; i++) bytes += this.blockBytes(Math.floor((i * this.count) / samples))
    return Math.round((bytes * this.count) / samples)
  }

  /**
   * Moves the blocks of some entries out of chunks that are being emptied (value.ts). Must not be
   * called where an index names members by their blocks.
   */
  moveBlocks(from: number): number {
    const end = Math.min(this.count, from + MOVED_AT_ONCE)
    for (let entry = from; entry < end; entry++) {
      const block = this.#word(entry, BLOCK)
      if (block > 0) this.#setWord(entry, BLOCK, this.#arena.moveIfLeaving(block))
    }
    return end < this.count ? end : 0
  }

  /**
   * Frees up to `max` members, from the end; true when none is left. After the first call only
   * further calls are allowed.
   */
  freeSome(max: number): boolean {
    const stop = Math.max(0, this.count - max)
    while (this.count > stop) this.#release(this.#word(--this.count, BLOCK))
    while (this.#pages.length > (this.count >>> PAGE_SHIFT) + 1) this.#arena.account(-4 * this.#pages.pop()!.length)
    if (stop > 0) return false
    this.#arena.account(-this.indexBytes)
    this.#pages.length = 0
    this.#buckets.length = 0
    this.#bucketCount = 0
    this.#level = BUCKETS_MIN
    return true
  }

  /** Frees everything. */
  free(): void {
    this.freeSome(this.count)
  }

  /**
   * Walks every bucket. Each entry is linked once, in the bucket of its hash, and its hash is that
   * of its member.
   */
  check(): void {
    if (!CHECKED) return
    let linked = 0
    for (let bucket = 0; bucket < this.#bucketCount; bucket++) {
      for (let entry = this.#bucketWord(bucket) - 1; entry >= 0; entry = this.#word(entry, NEXT) - 1) {
        assert(entry < this.count, 'what is linked is an entry')
        assert(++linked <= this.count, 'an entry is linked once')
        assert(this.#bucketOf(this.#word(entry, HASH)) === bucket, 'an entry is in the bucket of its hash')
        const block = this.#word(entry, BLOCK)
        const hash = hashBytes(this.#source(block), this.#start(block), this.#length(block), this.#hashKey)
        assert(hash === this.#word(entry, HASH), 'an entry has the hash of its member')
      }
    }
    assert(linked === this.count, 'every entry is linked')
    assert(
      this.#bucketCount === 0 || (this.#level <= this.#bucketCount && this.#bucketCount < 2 * this.#level),
      'buckets are between one level and the next',
    )
  }

  #allocate(source: Source, start: number, length: number, room: number): number {
    const arena = this.#arena
    const bytes = room === 0 ? length : align(length) + room
    if (bytes <= BLOCK_CONTENT_BYTES_MAX) {
      const block = arena.allocate(bytes)
      arena.setLength(block, length)
      copyBytes(arena.source(block), arena.start(block), source, start, length)
      return block
    }
    const own = arena.allocateLarge(bytes + 4)
    own.view.setInt32(0, length, true)
    copyBytes(own, 4, source, start, length)
    this.#own ??= []
    let index = this.#own.indexOf(undefined)
    if (index === -1) index = this.#own.length
    this.#own[index] = own
    return -1 - index
  }

  #release(block: number): void {
    if (block > 0) {
      this.#arena.free(block)
      return
    }
    this.#arena.freeLarge(this.#source(block))
    this.#own![-1 - block] = undefined
  }

  #source(block: number): Source {
    return block > 0 ? this.#arena.source(block) : this.#own![-1 - block]!
  }

  #start(block: number): number {
    return block > 0 ? this.#arena.start(block) : 4
  }

  #length(block: number): number {
    return block > 0 ? this.#arena.length(block) : this.#source(block).view.getInt32(0, true)
  }

  #word(entry: number, word: number): number {
    return numberAt(itemAt(this.#pages, entry >>> PAGE_SHIFT), ((entry & PAGE_MASK) << WORDS_SHIFT) + word)
  }

  #setWord(entry: number, word: number, value: number): void {
    itemAt(this.#pages, entry >>> PAGE_SHIFT)[((entry & PAGE_MASK) << WORDS_SHIFT) + word] = value
  }

  #memberEquals(block: number, member: Bytes): boolean {
    const source = this.#source(block)
    const start = this.#start(block)
    return (
      source.view.getInt32(start - 4, true) === member.length &&
      equalBytes(source, start, member.source, member.start, member.length)
    )
  }

  /**
   * Makes room for item `number` in pages. The first page grows by doubling, so that a dictionary
   * of a few hundred members is not mostly empty.
   */
  #grow(pages: Int32Array[], number: number, shift: number): void {
    const page = number >>> PAGE_SHIFT
    const old = pages[page]
    if (old !== undefined && (page > 0 || number << shift < old.length)) return
    const size = page > 0 ? PAGE_SIZE << shift : old === undefined ? FIRST_PAGE_SIZE << shift : 2 * old.length
    const grown = new Int32Array(size)
    if (old !== undefined) grown.set(old)
    pages[page] = grown
    this.#arena.account(4 * (size - (old === undefined ? 0 : old.length)))
  }

  /**
   * Counts buckets by chain length: element `i` is the number of buckets that hold `i` members.
   * Looks at every member.
   */
  chains(): number[] {
    return countChainLengths(
      this.#bucketCount,
      (bucket) => this.#bucketWord(bucket) - 1,
      (entry) => this.#word(entry, NEXT) - 1,
    )
  }

  #bucketOf(hash: number): number {
    const bucket = hash & (2 * this.#level - 1)
    return bucket < this.#bucketCount ? bucket : bucket & (this.#level - 1)
  }

  #bucketWord(bucket: number): number {
    return numberAt(itemAt(this.#buckets, bucket >>> PAGE_SHIFT), bucket & PAGE_MASK)
  }

  #setBucketWord(bucket: number, value: number): void {
    itemAt(this.#buckets, bucket >>> PAGE_SHIFT)[bucket & PAGE_MASK] = value
  }

  /**
   * Makes the word in its bucket that points at `entry` point at `target` (an entry + 1, or 0)
   * instead.
   */
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
    if (CHECKED) happened('index split')
    if (this.#bucketCount === 0) {
      this.#grow(this.#buckets, 0, 0)
      this.#bucketCount = BUCKETS_MIN
      return
    }
    const target = this.#bucketCount
    this.#grow(this.#buckets, target, 0)
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
    if (CHECKED) happened('index merged')
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
    while (this.#buckets.length > (last >>> PAGE_SHIFT) + 2) this.#arena.account(-4 * this.#buckets.pop()!.length)
  }
}
