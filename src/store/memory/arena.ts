// Memory for keys and string values, outside the JavaScript heap.
//
// Memory is counted in granules of 8 bytes. A `ref` names a block by the number of its first
// granule. It is positive and has 31 bits, so 16 GiB can be addressed and a ref fits a Smi. A block
// starts with the length of its content (32 bits), then the bytes follow:
//
//   chunk (32 MiB, one Source) = 128 slabs; the first of an arena is 4 MiB
//   slab  (256 KiB)            = blocks of one size class, or free
//   block                      = [length u32][bytes …][unused]
//
// Size classes grow by 8 bytes up to 128, then by an eighth of a power of two, so at most 11 % of a
// block is unused. Each slab keeps a list of its freed blocks, threaded through the blocks
// themselves. A slab that becomes empty can serve any class, and a chunk whose slabs are all empty
// is given back to the system. Contents too large for a block have buffers of their own; the arena
// counts those of structures (`allocateLarge`).
//
// Earlier states of the arena can be kept. Each kept state begins an *era*, a number that grows.
// Slabs taken before the era are kept unchanged: no block is allocated in them, and a block freed
// there is only recorded (`DeferredFrees`). Returning to the state therefore means freeing all
// later slabs. The arena of a branch begins with the slabs of another arena.
//
// Gaps remain where values of another size replace earlier ones. Chunks with few live blocks can be
// *emptied* (`beginEmptying`): no more blocks are allocated in them, their owners move the blocks
// that are there (compaction.ts), and the chunk is dropped with its last block.

import { byteAt, numberAt } from '../../util/array-reads.ts'
import { assert } from '../../util/assert.ts'
import { copyBytes, Source } from '../../util/bytes/bytes.ts'
import { CHECKED } from '../../util/invariant.ts'
import { discarded } from '../../util/memory/discarded.ts'
import { happened, RESTLESS, restlessRandom } from '../../util/restless.ts'
import { viewOf } from './arena-view.ts'
import {
  assertFreed,
  assertGuarded,
  type BlockKind,
  fillFreed,
  fillFreedStretch,
  GUARD_BYTES,
  guardBlock,
  markBlock,
} from './block-guard.ts'

/**
 * Bytes of a chunk. A chunk is a reservation: the system provides its pages when they are first
 * written. From 32 MiB on, glibc always maps an allocation separately and unmaps it when it is
 * freed. Smaller allocations may lie in its heap, whose holes stay with the process.
 */
const CHUNK_BYTES = RESTLESS ? 64 * 1024 : 32 * 1024 * 1024
/** Bytes of an arena's first chunk. It is small because most databases are. */
const FIRST_CHUNK_BYTES = RESTLESS ? CHUNK_BYTES : 4 * 1024 * 1024
const SLAB_BYTES = RESTLESS ? 16 * 1024 : 256 * 1024
/** An empty chunk is kept as a spare if at most this many of its slabs (4 MiB) were written to. */
const SPARE_SLABS_MAX = RESTLESS ? 1 : 16
const GRANULE_SHIFT = 3
/**
 * ref >>> CHUNK_SHIFT is the chunk, ref >>> SLAB_SHIFT the slab, both counted over the whole arena.
 */
const CHUNK_SHIFT = RESTLESS ? 13 : 22
const CHUNK_MASK = (1 << CHUNK_SHIFT) - 1
const SLAB_SHIFT = RESTLESS ? 11 : 15
const CHUNK_OF_SLAB_SHIFT = RESTLESS ? 2 : 7
const SLABS_PER_CHUNK = RESTLESS ? 4 : 128
/** The most slabs of an arena: 2^31 granules of 8 bytes. */
const SLABS_MAX = 65536
/**
 * Entries of the tables of slabs when they are first allocated; later they double. An arena starts
 * with empty tables, because most databases stay empty.
 */
const SLABS_FIRST = FIRST_CHUNK_BYTES / SLAB_BYTES
const NO_BYTES = new Uint8Array(0)
const NO_WORDS = new Int32Array(0)

/** The era of a slab that belongs to another arena, or that is lent to one. */
const LENT = -1

/**
 * A slab is in no list, in a list of slabs with room, or withheld because its chunk is being
 * emptied.
 */
const UNLISTED = 0
const LISTED = 1
const WITHHELD = 2

/**
 * Compaction starts when gaps exceed this many bytes plus this share of the bytes in use. Smaller
 * gaps are usual in slabs whose blocks come and go.
 */
const GAP_BYTES_MIN = 8 * 1024 * 1024
const GAP_SHARE = 1 / 16
/**
 * A chunk is emptied if it has gaps of this size. Then the bytes moved are at most seven times the
 * bytes gained.
 */
const CHUNK_GAP_BYTES_MIN = 2 * 1024 * 1024
const CHUNK_GAP_SHARE = 1 / 8
/**
 * The most bytes moved in one pass. A pass takes new memory for them, and gives old memory back
 * only chunk by chunk.
 */
const MOVED_BYTES_MAX = 32 * 1024 * 1024

/** The most content bytes that a block can hold. */
export const BLOCK_CONTENT_BYTES_MAX = (RESTLESS ? 12 : 64) * 1024 - 4

const LINEAR_CLASSES = 16
const CLASSES = LINEAR_CLASSES + 9 * 8 + 1

/** Block size in granules of each class. */
const CLASS_GRANULES = Int32Array.from({ length: CLASSES }, (_, c) => classGranules(c))

function classGranules(c: number): number {
  if (c <= LINEAR_CLASSES) return c
  const step = c - LINEAR_CLASSES - 1
  const base = 16 << (step >> 3)
  return base + (base >> 3) * ((step & 7) + 1)
}

/**
 * Granules from one block to the next. In the checked build a guard lies between them
 * (block-guard.ts).
 */
const CLASS_STRIDES = CHECKED
  ? CLASS_GRANULES.map((granules) => (granules === 0 ? 0 : granules + (GUARD_BYTES >> GRANULE_SHIFT)))
  : CLASS_GRANULES

/** Returns the smallest class whose blocks hold `granules`. */
function classFor(granules: number): number {
  if (granules <= LINEAR_CLASSES) return granules
  // 2^power < granules ≤ 2^(power + 1), divided into eight.
  const power = 31 - Math.clz32(granules - 1)
  const eighth = 1 << (power - 3)
  const step = ((granules - (1 << power) + eighth - 1) / eighth) | 0
  return LINEAR_CLASSES + (power - 4) * 8 + step
}

/** A value that has memory in an arena and can give it back. */
export interface MemoryHolder {
  /** Number of elements, fields, members or entries. */
  readonly length: number
  /**
   * Number of elements to free, when it differs from `length`: a stream's pending entries outlive
   * its entries.
   */
  readonly elementsToFree?: number
  /** Bytes held: arena blocks, and an estimate of the object itself. */
  readonly bytes: number
  /** Gives all memory back to the arena it came from. */
  free(): void
  /**
   * Gives back the memory of up to `max` elements; true when none is left. After the first call the
   * value must not be used otherwise.
   */
  freeSome?(max: number): boolean
}

/**
 * Memory that was freed in an era but belongs to an earlier state. The keeper of that state frees
 * it in the end.
 */
export class DeferredFrees {
  readonly blocks: number[] = []
  /** Buffers and values, each with the era in which it was allocated. */
  readonly buffers: { readonly buffer: Source; readonly since: number }[] = []
  readonly values: { readonly value: MemoryHolder; readonly since: number }[] = []
}

/** The counts of an arena when a state was kept. Later slabs are told by their era. */
export interface ArenaState {
  readonly usedBytes: number
  readonly outsideBytes: number
  /** The large buffers that existed then. */
  readonly large: Set<Source>
}

/** Thrown when the address space of 16 GiB is used up. */
export class ArenaFull extends Error {}

export class Arena {
  /** The memory of each chunk, by its number; undefined when it was given back. */
  readonly chunks: (Source | undefined)[] = []
  /** Bytes of blocks in use, rounding included, plus all bytes outside the blocks. */
  usedBytes = 0
  /** The part of `usedBytes` outside the blocks: what `account` counted, large buffers included. */
  outsideBytes = 0
  /** Bytes of slabs that were written to, so they are resident. */
  heldBytes = 0
  /** Bytes of all chunks, written to or not. */
  reservedBytes = 0

  #slabClass = NO_BYTES
  #slabLive = NO_WORDS
  /** Blocks in use, counted in the checked build alone. */
  #blocks = 0
  /** The first freed block of a slab (ref), 0 = none. */
  #slabFreed = NO_WORDS
  /** Granules handed out from the beginning of a slab. Blocks beyond were never used. */
  #slabBump = NO_WORDS
  /**
   * Doubly linked lists of slabs with room, one per class; slab + 1, 0 = none. List 0 holds free
   * slabs.
   */
  #slabNext = NO_WORDS
  #slabPrevious = NO_WORDS
  #slabListed = NO_BYTES
  /** The era in which each slab was taken. */
  #slabSince = NO_WORDS
  readonly #listHead = new Int32Array(CLASSES)
  readonly #chunkFreeSlabs: number[] = []
  /**
   * The empty chunk that is kept as a spare, 0 = none. Chunk 0 is always kept, so it is never the
   * spare.
   */
  #spareChunk = 0
  /** Chunks that are being emptied. */
  readonly #leaving = new Set<number>()
  /** Buffers of contents too large for a block, allocated in this era. */
  #large = new Set<Source>()
  /** The newest era; 0 while no earlier state is kept. */
  #era = 0
  /** Memory freed in this era that an earlier state needs. */
  #leftovers = new DeferredFrees()
  /**
   * In a branch, slabs older than this era belong to the parent's arena; 0 when all slabs are this
   * arena's.
   */
  #ownEra = 0
  /** Chunks of the parent's arena. */
  readonly #foreign = new Set<Source>()

  /** Views of this arena by kind of owner; none in production. */
  readonly #views = new Map<BlockKind, Arena>()

  /**
   * Returns this arena as owners of a kind see it. In the checked build it is a view that asserts
   * the kind of each block (arena-view.ts); in production it is the arena itself.
   */
  viewFor(kind: BlockKind): Arena {
    if (!CHECKED) return this
    const known = this.#views.get(kind)
    if (known !== undefined) return known
    const view = viewOf(this, kind)
    this.#views.set(kind, view)
    return view
  }

  /** Asserts that `ref` names a block in use that an owner of this kind allocated. */
  assertKind(ref: number, kind: BlockKind): void {
    this.#assertGuarded(ref, kind)
  }

  /** Marks a block as owned by a kind. */
  setKind(ref: number, kind: BlockKind): void {
    markBlock(this.source(ref), this.start(ref) - 4, this.capacity(ref) + 4, kind)
  }

  #assertGuarded(ref: number, kind?: BlockKind): void {
    const source = this.chunks[ref >>> CHUNK_SHIFT]
    assert(ref > 0 && source !== undefined && this.#slabClass[ref >>> SLAB_SHIFT] !== 0, 'a ref names a block in use')
    assertGuarded(source, this.start(ref) - 4, this.capacity(ref) + 4, ref, kind)
  }

  /** Bytes in blocks that are in use. */
  get blockBytes(): number {
    return this.usedBytes - this.outsideBytes
  }

  /**
   * Tells whether another chunk can be added. If so, the next hundred blocks of any size find room.
   */
  get hasRoom(): boolean {
    return this.chunks.length * SLABS_PER_CHUNK < SLABS_MAX
  }

  /**
   * Allocates a block for `length` content bytes (≤ BLOCK_CONTENT_BYTES_MAX) and writes the length.
   * Throws ArenaFull.
   */
  allocate(length: number): number {
    if (CHECKED) assert(length >= 0 && length <= BLOCK_CONTENT_BYTES_MAX, 'a content fits a block')
    const sizeClass = classFor((length + 4 + 7) >>> GRANULE_SHIFT)
    let slab = numberAt(this.#listHead, sizeClass) - 1
    if (slab < 0) slab = this.#takeSlab(sizeClass)
    const granules = numberAt(CLASS_GRANULES, sizeClass)
    const stride = numberAt(CLASS_STRIDES, sizeClass)
    let ref = numberAt(this.#slabFreed, slab)
    const chunk = this.chunks[slab >>> CHUNK_OF_SLAB_SHIFT]!
    if (ref !== 0) {
      const at = (ref & CHUNK_MASK) << GRANULE_SHIFT
      if (CHECKED) assertFreed(chunk, at, granules << GRANULE_SHIFT)
      this.#slabFreed[slab] = chunk.view.getInt32(at, true)
    } else {
      ref = (slab << SLAB_SHIFT) + numberAt(this.#slabBump, slab)
      this.#slabBump[slab] += stride
    }
    this.#slabLive[slab]++
    if (CHECKED) this.#blocks++
    if (this.#slabFreed[slab] === 0 && numberAt(this.#slabBump, slab) + stride > 1 << SLAB_SHIFT)
      this.#unlist(slab, sizeClass)
    this.usedBytes += granules << GRANULE_SHIFT
    if (CHECKED) guardBlock(chunk, (ref & CHUNK_MASK) << GRANULE_SHIFT, granules << GRANULE_SHIFT, ref)
    chunk.view.setInt32((ref & CHUNK_MASK) << GRANULE_SHIFT, length, true)
    return ref
  }

  /** Frees a block. */
  free(ref: number): void {
    const slab = ref >>> SLAB_SHIFT
    if (numberAt(this.#slabSince, slab) < this.#era) {
      this.#leaveBlock(ref)
      return
    }
    const sizeClass = byteAt(this.#slabClass, slab)
    if (CHECKED) this.#assertGuarded(ref)
    this.usedBytes -= numberAt(CLASS_GRANULES, sizeClass) << GRANULE_SHIFT
    if (CHECKED) fillFreed(this.source(ref), this.start(ref) - 4, numberAt(CLASS_GRANULES, sizeClass) << GRANULE_SHIFT)
    this.chunks[slab >>> CHUNK_OF_SLAB_SHIFT]!.view.setInt32(
      (ref & CHUNK_MASK) << GRANULE_SHIFT,
      numberAt(this.#slabFreed, slab),
      true,
    )
    this.#slabFreed[slab] = ref
    if (this.#slabListed[slab] === UNLISTED) this.#list(slab, sizeClass)
    if (CHECKED) this.#blocks--
    if (--this.#slabLive[slab] === 0) this.#releaseSlab(slab, sizeClass)
  }

  /**
   * Counts memory that belongs to values here but lies outside the blocks; negative when it is
   * given back.
   */
  account(bytes: number): void {
    this.usedBytes += bytes
    this.outsideBytes += bytes
  }

  /** Allocates a buffer for content that is too large for a block, and counts it. */
  allocateLarge(bytes: number): Source {
    const source = Source.allocate(bytes)
    this.#large.add(source)
    this.account(bytes)
    return source
  }

  /** Frees a buffer from `allocateLarge`. */
  freeLarge(source: Source): void {
    this.#large.delete(source)
    this.account(-source.u8.length)
    discarded.add(source)
  }

  /** Gives all memory back. The arena must not be used afterwards. */
  discard(): void {
    for (const source of this.#large) discarded.add(source)
    for (const chunk of this.chunks) if (chunk !== undefined && !this.#foreign.has(chunk)) discarded.add(chunk)
    this.#large.clear()
    this.chunks.length = 0
    this.heldBytes = 0
  }

  /** Returns the memory in which the block of `ref` lies. */
  source(ref: number): Source {
    return this.chunks[ref >>> CHUNK_SHIFT]!
  }

  /**
   * Returns where in its source the content of `ref` starts. The length is in the four bytes before
   * it.
   */
  start(ref: number): number {
    return ((ref & CHUNK_MASK) << GRANULE_SHIFT) + 4
  }

  /** Returns the content length of `ref`. */
  length(ref: number): number {
    return this.chunks[ref >>> CHUNK_SHIFT]!.view.getInt32((ref & CHUNK_MASK) << GRANULE_SHIFT, true)
  }

  /** Changes the content length, within the block's capacity. */
  setLength(ref: number, length: number): void {
    if (CHECKED) assert(length >= 0 && length <= this.capacity(ref), 'invariant 15: a content lies within its block')
    this.chunks[ref >>> CHUNK_SHIFT]!.view.setInt32((ref & CHUNK_MASK) << GRANULE_SHIFT, length, true)
  }

  /**
   * Copies the content of a block into a new block of another arena, and returns that. Throws
   * ArenaFull.
   */
  copyBlock(ref: number, to: Arena): number {
    const length = this.length(ref)
    const copy = to.allocate(length)
    copyBytes(to.source(copy), to.start(copy), this.source(ref), this.start(ref), length)
    return copy
  }

  /** Returns how many content bytes the block of `ref` can hold. */
  capacity(ref: number): number {
    return (numberAt(CLASS_GRANULES, byteAt(this.#slabClass, ref >>> SLAB_SHIFT)) << GRANULE_SHIFT) - 4
  }

  // ── closing gaps ─────────────────────────────────────────────────────────

  /** True when gaps are so large a part of the resident memory that moving blocks pays. */
  get hasGaps(): boolean {
    return this.#era === 0 && this.gapBytes > GAP_BYTES_MIN + this.blockBytes * GAP_SHARE
  }

  /** Bytes of slabs that were written to and are not in use. */
  get gapBytes(): number {
    return this.heldBytes - this.blockBytes - this.#guardBytes
  }

  /**
   * Bytes of the guards of blocks in use, in the checked build. They count neither as used nor as
   * gaps.
   */
  get #guardBytes(): number {
    return CHECKED ? this.#blocks * GUARD_BYTES : 0
  }

  /**
   * Chooses the chunks that hold least and allocates no more blocks in them until `endEmptying`.
   * False when emptying would not help. Visits every slab.
   */
  beginEmptying(): boolean {
    if (!this.hasRoom || this.#leaving.size > 0) return false
    if (RESTLESS) return this.#emptyAny()
    if (!this.hasGaps) return false
    const candidates: { chunk: number; heldBytes: number; liveBytes: number }[] = []
    for (let chunk = 1; chunk < this.chunks.length; chunk++) {
      if (this.chunks[chunk] === undefined) continue
      const heldBytes = this.#touchedSlabs(chunk) * SLAB_BYTES
      const liveBytes = this.#liveBytes(chunk)
      const gapBytes = heldBytes - liveBytes
      if (gapBytes >= Math.max(CHUNK_GAP_BYTES_MIN, heldBytes * CHUNK_GAP_SHARE))
        candidates.push({ chunk, heldBytes, liveBytes })
    }
    candidates.sort((a, b) => a.liveBytes - b.liveBytes)
    let moved = 0
    for (const { chunk, liveBytes } of candidates) {
      moved += liveBytes
      if (this.#leaving.size > 0 && moved > MOVED_BYTES_MAX) break
      this.#withhold(chunk)
    }
    return this.#leaving.size > 0
  }

  /** Chooses any chunk to empty, whatever it holds, in the restless mode. */
  #emptyAny(): boolean {
    if (this.#era !== 0 || this.chunks.length < 2) return false
    const chunk = 1 + restlessRandom.below(this.chunks.length - 1)
    if (this.chunks[chunk] !== undefined) this.#withhold(chunk)
    return this.#leaving.size > 0
  }

  /** Tells whether a block lies in a chunk that is being emptied, so it should be moved. */
  isLeaving(ref: number): boolean {
    return this.#slabListed[ref >>> SLAB_SHIFT] === WITHHELD
  }

  /**
   * Moves a block out of a chunk that is being emptied, and returns its new ref. Returns `ref` when
   * the block may stay. Throws ArenaFull.
   */
  moveIfLeaving(ref: number): number {
    if (!this.isLeaving(ref)) return ref
    // The whole block is copied, not only its content length: the owner decides what that length
    // counts.
    const capacity = this.capacity(ref)
    const to = this.allocate(capacity)
    copyBytes(this.source(to), this.start(to) - 4, this.source(ref), this.start(ref) - 4, capacity + 4)
    this.free(ref)
    if (CHECKED) happened('block moved')
    return to
  }

  /** True while chunks that are being emptied still hold blocks. */
  get isEmptying(): boolean {
    return this.#leaving.size > 0
  }

  /** Stops emptying. Blocks left in those chunks stay, and the chunks serve allocations again. */
  endEmptying(): void {
    for (const chunk of this.#leaving) {
      for (let slab = chunk * SLABS_PER_CHUNK; slab < (chunk + 1) * SLABS_PER_CHUNK; slab++) {
        this.#slabListed[slab] = UNLISTED
        const sizeClass = byteAt(this.#slabClass, slab)
        if (sizeClass === 0 || this.#hasRoom(slab)) this.#list(slab, sizeClass)
      }
    }
    this.#leaving.clear()
  }

  #withhold(chunk: number): void {
    this.#leaving.add(chunk)
    if (chunk === this.#spareChunk) this.#spareChunk = 0
    for (let slab = chunk * SLABS_PER_CHUNK; slab < (chunk + 1) * SLABS_PER_CHUNK; slab++) {
      if (this.#slabListed[slab] === LISTED) this.#unlist(slab, byteAt(this.#slabClass, slab))
      this.#slabListed[slab] = WITHHELD
    }
  }

  #liveBytes(chunk: number): number {
    let granules = 0
    for (let slab = chunk * SLABS_PER_CHUNK; slab < (chunk + 1) * SLABS_PER_CHUNK; slab++)
      granules += numberAt(this.#slabLive, slab) * numberAt(CLASS_STRIDES, byteAt(this.#slabClass, slab))
    return granules << GRANULE_SHIFT
  }

  /** Tells whether a slab in use has a free block. */
  #hasRoom(slab: number): boolean {
    return (
      this.#slabFreed[slab] !== 0 ||
      numberAt(this.#slabBump, slab) + numberAt(CLASS_STRIDES, byteAt(this.#slabClass, slab)) <= 1 << SLAB_SHIFT
    )
  }

  // ── earlier states ───────────────────────────────────────────────────────

  /** The newest era; 0 when no earlier state is kept. */
  get era(): number {
    return this.#era
  }

  /** The era of this arena while none of its states is kept. */
  get firstEra(): number {
    return this.#ownEra
  }

  /** Tells whether a block is part of an earlier state: it must not be written to. */
  isKept(ref: number): boolean {
    return numberAt(this.#slabSince, ref >>> SLAB_SHIFT) < this.#era
  }

  /** Returns the era in which the slab of a block was taken. */
  sinceOf(ref: number): number {
    return numberAt(this.#slabSince, ref >>> SLAB_SHIFT)
  }

  /**
   * Begins an era and keeps everything that exists unchanged. Memory freed from now on goes to
   * `leftovers` if the state needs it. Visits every slab.
   */
  keep(era: number, leftovers: DeferredFrees): ArenaState {
    assert(era > this.#era, 'each era is later than the one before')
    this.endEmptying()
    const large = this.#large
    this.#large = new Set()
    this.#era = era
    this.#leftovers = leftovers
    for (let slab = 0; slab < this.#slabClass.length; slab++) {
      if (this.#slabClass[slab] !== 0 && this.#slabListed[slab] === LISTED)
        this.#unlist(slab, byteAt(this.#slabClass, slab))
    }
    return { usedBytes: this.usedBytes, outsideBytes: this.outsideBytes, large }
  }

  /**
   * Returns to the beginning of an era: all later slabs are freed. `later` are the states that were
   * kept after it. Slabs from before the era `spared` are still read by others: they are lent, not
   * freed, and returned to the caller, who passes them to `takeBack` when no reader is left.
   */
  restore(
    { usedBytes, outsideBytes }: ArenaState,
    era: number,
    leftovers: DeferredFrees,
    later: readonly ArenaState[],
    spared: number,
  ): number[] {
    assert(era <= this.#era, 'an arena returns to an era that it has been in')
    // When a branch may still read the buffers, the garbage collector frees them.
    if (spared === 0) for (const large of [this.#large, ...later.map((state) => state.large)]) discardAll(large)
    this.#large = new Set()
    this.#era = era
    this.#leftovers = leftovers
    const lent: number[] = []
    for (let slab = 0; slab < this.#slabClass.length; slab++) {
      if (this.#slabClass[slab] === 0 || numberAt(this.#slabSince, slab) < era) continue
      if (this.#slabListed[slab] === LISTED) this.#unlist(slab, byteAt(this.#slabClass, slab))
      if (CHECKED) this.#blocks -= numberAt(this.#slabLive, slab)
      this.#slabLive[slab] = 0
      if (numberAt(this.#slabSince, slab) < spared) {
        this.#slabSince[slab] = LENT
        lent.push(slab)
      } else {
        this.#freeSlab(slab)
      }
    }
    this.usedBytes = usedBytes
    this.outsideBytes = outsideBytes
    return lent
  }

  /** Frees the slabs that `restore` lent. */
  takeBack(slabs: readonly number[]): void {
    for (const slab of slabs) {
      assert(this.#slabSince[slab] === LENT, 'a slab that is taken back was lent')
      this.#freeSlab(slab)
    }
  }

  /**
   * Ends the newest era but keeps its contents, and continues in an earlier era; 0 when no state is
   * kept any more.
   */
  goBackTo(era: number, leftovers: DeferredFrees, { large }: ArenaState): void {
    for (const source of this.#large) large.add(source)
    this.#large = large
    this.#era = era
    this.#leftovers = leftovers
    for (let slab = 0; slab < this.#slabClass.length; slab++) {
      const sizeClass = byteAt(this.#slabClass, slab)
      if (sizeClass === 0 || numberAt(this.#slabSince, slab) < era || this.#slabListed[slab] === LISTED) continue
      if (this.#slabLive[slab] === 0) this.#freeSlab(slab)
      else if (this.#hasRoom(slab)) this.#list(slab, sizeClass)
    }
  }

  /** Makes an arena that begins with the newest kept state and leaves that state unchanged. */
  branch({ usedBytes }: ArenaState): Arena {
    const branch = new Arena()
    while (branch.#slabClass.length < this.#slabClass.length) branch.#growSlabs()
    for (const [number, chunk] of this.chunks.entries()) {
      branch.chunks[number] = chunk
      branch.#chunkFreeSlabs[number] = 0
      if (chunk !== undefined) branch.#foreign.add(chunk)
    }
    branch.#slabClass.set(this.#slabClass)
    branch.#slabBump.set(this.#slabBump)
    branch.#slabSince.fill(LENT)
    branch.#era = this.#era
    branch.#ownEra = this.#era
    branch.account(usedBytes)
    return branch
  }

  /**
   * Records that a buffer of an earlier state was freed, with the era in which it was allocated.
   */
  leave(buffer: Source, since: number): void {
    if (since >= this.#ownEra) this.#leftovers.buffers.push({ buffer, since })
  }

  /** Like `leave`, for a value with all its memory. */
  leaveValue(value: MemoryHolder, since: number): void {
    if (since >= this.#ownEra) this.#leftovers.values.push({ value, since })
    else this.account(-value.bytes)
  }

  #leaveBlock(ref: number): void {
    if (this.#slabSince[ref >>> SLAB_SHIFT] === LENT) this.account(-(this.capacity(ref) + 4))
    else this.#leftovers.blocks.push(ref)
  }

  /**
   * Checks every slab: each block is either in use or once in the list of freed blocks, and the
   * counts add up.
   */
  check(): void {
    if (!CHECKED) return
    let bytes = 0
    let inUse = 0
    for (let slab = 0; slab < this.#slabClass.length; slab++) {
      const granules = numberAt(CLASS_GRANULES, byteAt(this.#slabClass, slab))
      const stride = numberAt(CLASS_STRIDES, byteAt(this.#slabClass, slab))
      // Slabs of another arena are counted as outside.
      if (granules === 0 || numberAt(this.#slabSince, slab) < 0) continue
      const first = (slab << SLAB_SHIFT) + (slab === 0 ? 1 : 0)
      const end = (slab << SLAB_SHIFT) + numberAt(this.#slabBump, slab)
      const blocks = (end - first) / stride
      const freed = new Set<number>()
      for (let ref = numberAt(this.#slabFreed, slab); ref !== 0; ) {
        assert(ref >= first && ref < end && (ref - first) % stride === 0, 'a freed block is one of its slab')
        assert(!freed.has(ref), 'a freed block is in the list once')
        freed.add(ref)
        ref = this.source(ref).view.getInt32((ref & CHUNK_MASK) << GRANULE_SHIFT, true)
      }
      assert(numberAt(this.#slabLive, slab) + freed.size === blocks, 'a block is in use or in the list')
      for (let ref = first; ref < end; ref += stride) if (!freed.has(ref)) this.#assertGuarded(ref)
      bytes += (numberAt(this.#slabLive, slab) * granules) << GRANULE_SHIFT
      inUse += numberAt(this.#slabLive, slab)
    }
    assert(inUse === this.#blocks, 'the guards of the blocks in use are counted')
    assert(bytes === this.blockBytes, 'the blocks in use are those that are counted')
  }

  /**
   * Asserts, in the checked build, that a window lies within the content of a block. Its owner may
   * read nothing else.
   */
  checkWindow(ref: number, start: number, length: number): void {
    if (!CHECKED) return
    const from = this.start(ref)
    assert(
      from <= start && length >= 0 && start + length <= from + this.capacity(ref),
      'an element lies within its block (invariant 15)',
    )
  }

  /** Asserts that `ref` names a block of a slab in use, and that its content fits into it. */
  checkBlock(ref: number): void {
    if (!CHECKED) return
    const slab = ref >>> SLAB_SHIFT
    const stride = numberAt(CLASS_STRIDES, this.#slabClass[slab] ?? 0)
    assert(ref > 0 && stride > 0, 'a block lies in a slab that is in use')
    const offset = (ref & ((1 << SLAB_SHIFT) - 1)) - (slab === 0 ? 1 : 0)
    assert(offset >= 0 && offset % stride === 0, 'a block begins where its slab has one')
    assert(offset + stride <= numberAt(this.#slabBump, slab), 'a block was handed out')
    this.#assertGuarded(ref)
    const length = this.length(ref)
    assert(length >= 0 && length <= this.capacity(ref), 'the content of a block fits into it')
  }

  #takeSlab(sizeClass: number): number {
    let slab = numberAt(this.#listHead, 0) - 1
    if (slab < 0) {
      this.#addChunk()
      slab = numberAt(this.#listHead, 0) - 1
    }
    this.#unlist(slab, 0)
    const chunk = slab >>> CHUNK_OF_SLAB_SHIFT
    this.#chunkFreeSlabs[chunk]!--
    if (chunk === this.#spareChunk) this.#spareChunk = 0
    this.#slabClass[slab] = sizeClass
    this.#slabSince[slab] = this.#era
    this.#slabFreed[slab] = 0
    if (this.#slabBump[slab] === 0) this.heldBytes += SLAB_BYTES
    // Granule 0 of the arena stays unused, because ref 0 means "none".
    this.#slabBump[slab] = slab === 0 ? 1 : 0
    this.#list(slab, sizeClass)
    return slab
  }

  #releaseSlab(slab: number, sizeClass: number): void {
    if (this.#slabListed[slab] === LISTED) this.#unlist(slab, sizeClass)
    this.#freeSlab(slab)
  }

  /** Frees a slab that is in no list. */
  #freeSlab(slab: number): void {
    if (CHECKED) this.#fillFreed(slab)
    this.#slabClass[slab] = 0
    this.#slabFreed[slab] = 0
    if (this.#slabListed[slab] === UNLISTED) this.#list(slab, 0)
    const chunk = slab >>> CHUNK_OF_SLAB_SHIFT
    if (++this.#chunkFreeSlabs[chunk]! < SLABS_PER_CHUNK || chunk === 0) return
    // An empty chunk that was hardly written to is kept. Otherwise a queue swinging around a
    // boundary would map and unmap a chunk again and again.
    if (!this.#leaving.has(chunk) && this.#spareChunk === 0 && this.#touchedSlabs(chunk) <= SPARE_SLABS_MAX)
      this.#spareChunk = chunk
    else this.#dropChunk(chunk)
  }

  /** Fills a free slab with the pattern of freed memory, so that a stale read is noticed. */
  #fillFreed(slab: number): void {
    const source = this.chunks[slab >>> CHUNK_OF_SLAB_SHIFT]!
    const start = ((slab << SLAB_SHIFT) & CHUNK_MASK) << GRANULE_SHIFT
    fillFreedStretch(source, start, start + (numberAt(this.#slabBump, slab) << GRANULE_SHIFT))
  }

  #addChunk(): void {
    let chunk = this.chunks.indexOf(undefined)
    if (chunk === -1) chunk = this.chunks.length
    if ((chunk + 1) * SLABS_PER_CHUNK > SLABS_MAX) throw new ArenaFull()
    const bytes = chunk === 0 ? FIRST_CHUNK_BYTES : CHUNK_BYTES
    while (chunk * SLABS_PER_CHUNK + bytes / SLAB_BYTES > this.#slabClass.length) this.#growSlabs()
    this.chunks[chunk] = Source.allocate(bytes)
    this.reservedBytes += bytes
    const slabs = bytes / SLAB_BYTES
    this.#chunkFreeSlabs[chunk] = slabs
    for (let i = slabs - 1; i >= 0; i--) this.#list(chunk * SLABS_PER_CHUNK + i, 0)
  }

  #growSlabs(): void {
    this.#slabClass = longer(this.#slabClass, Uint8Array)
    this.#slabLive = longer(this.#slabLive, Int32Array)
    this.#slabFreed = longer(this.#slabFreed, Int32Array)
    this.#slabBump = longer(this.#slabBump, Int32Array)
    this.#slabNext = longer(this.#slabNext, Int32Array)
    this.#slabPrevious = longer(this.#slabPrevious, Int32Array)
    this.#slabListed = longer(this.#slabListed, Uint8Array)
    this.#slabSince = longer(this.#slabSince, Int32Array)
  }

  #dropChunk(chunk: number): void {
    if (this.#leaving.delete(chunk) && CHECKED) happened('chunk emptied')
    for (let slab = chunk * SLABS_PER_CHUNK; slab < (chunk + 1) * SLABS_PER_CHUNK; slab++) {
      if (this.#slabListed[slab] === LISTED) this.#unlist(slab, 0)
      this.#slabListed[slab] = UNLISTED
      if (this.#slabBump[slab] !== 0) this.heldBytes -= SLAB_BYTES
      this.#slabBump[slab] = 0
    }
    this.reservedBytes -= CHUNK_BYTES
    discarded.add(this.chunks[chunk]!)
    this.chunks[chunk] = undefined
  }

  /** Counts the slabs of a chunk that were ever written to. */
  #touchedSlabs(chunk: number): number {
    let touched = 0
    for (let slab = chunk * SLABS_PER_CHUNK; slab < (chunk + 1) * SLABS_PER_CHUNK; slab++) {
      if (this.#slabBump[slab] !== 0) touched++
    }
    return touched
  }

  #list(slab: number, list: number): void {
    const head = numberAt(this.#listHead, list)
    this.#slabNext[slab] = head
    this.#slabPrevious[slab] = 0
    if (head !== 0) this.#slabPrevious[head - 1] = slab + 1
    this.#listHead[list] = slab + 1
    this.#slabListed[slab] = LISTED
  }

  #unlist(slab: number, list: number): void {
    const next = numberAt(this.#slabNext, slab)
    const previous = numberAt(this.#slabPrevious, slab)
    if (previous !== 0) this.#slabNext[previous - 1] = next
    else this.#listHead[list] = next
    if (next !== 0) this.#slabPrevious[next - 1] = previous
    this.#slabListed[slab] = UNLISTED
  }
}

function discardAll(sources: Iterable<Source>): void {
  for (const source of sources) discarded.add(source)
}

/** Returns a longer copy; the new part is 0. */
function longer<T extends Uint8Array | Int32Array>(array: T, kind: new (length: number) => T): T {
  const copy = new kind(Math.max(SLABS_FIRST, 2 * array.length))
  copy.set(array)
  return copy
}

/** Allocates as `arena.allocate` does, but returns 0 when the arena is full. */
export function allocateIfFree(arena: Pick<Arena, 'allocate'>, length: number): number {
  try {
    return arena.allocate(length)
  } catch (error) {
    if (error instanceof ArenaFull) return 0
    throw error
  }
}
