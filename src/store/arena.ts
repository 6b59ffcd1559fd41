// Memory for keys and string values, outside the JS heap.
//
// Blocks of 8-byte granules are named by a positive 31-bit `ref` (granule
// number), so 16 GiB can be addressed and a ref fits a Smi. A block starts with
// its content's length (32 bits), the bytes follow:
//
//   chunk (32 MiB, one Source) = 128 slabs; the first of an arena is 4 MiB
//   slab  (256 KiB)            = blocks of one size class, or free
//   block                      = [length u32][bytes …][unused]
//
// Classes grow by 8 bytes up to 128, then by an eighth of a power of two, so at
// most 11 % of a block is unused. Each slab keeps its own list of freed blocks,
// threaded through them: a slab that empties can serve any class, and a chunk
// whose slabs are all empty is given back. Larger contents do not live here, but
// in buffers of their own; those of structures are counted here (`allocateLarge`).

import { assert } from '../util/assert.ts'
import { Source } from '../util/bytes.ts'
import { discarded } from '../util/discarded.ts'
import { CHECKED } from '../util/invariant.ts'

/**
 * A chunk is a reservation: its pages are taken from the system when they are first written. From 32 MiB on glibc always maps an
 * allocation by itself and unmaps it when it is freed; what is smaller may lie in its heap, whose holes stay with the process.
 */
const CHUNK_BYTES = 32 * 1024 * 1024
/** Most databases are small: the first chunk is too. */
const FIRST_CHUNK_BYTES = 4 * 1024 * 1024
const SLAB_BYTES = 256 * 1024
/** An empty chunk may be kept with 4 MiB of it in memory. */
const SPARE_SLABS_MAX = 16
const GRANULE_SHIFT = 3
/** ref >>> CHUNK_SHIFT = chunk, ref >>> SLAB_SHIFT = slab, both counted over the whole arena. */
const CHUNK_SHIFT = 22
const CHUNK_MASK = (1 << CHUNK_SHIFT) - 1
const SLAB_SHIFT = 15
const CHUNK_OF_SLAB_SHIFT = 7
const SLABS_PER_CHUNK = 128
/** 2^31 granules of 8 bytes. */
const SLABS_MAX = 65536
/** An arena counts with this many slabs at first, and with twice as many whenever they are not enough: most databases stay empty. */
const SLABS_FIRST = FIRST_CHUNK_BYTES / SLAB_BYTES

/** The most content a block can hold. */
export const BLOCK_CONTENT_BYTES_MAX = 64 * 1024 - 4

const LINEAR_CLASSES = 16
const CLASSES = LINEAR_CLASSES + 9 * 8 + 1

/** Block size in granules of each class. */
const CLASS_GRANULES = new Int32Array(CLASSES)
for (let c = 0; c < CLASSES; c++) CLASS_GRANULES[c] = classGranules(c)

function classGranules(c: number): number {
  if (c <= LINEAR_CLASSES) return c
  const step = c - LINEAR_CLASSES - 1
  const base = 16 << (step >> 3)
  return base + (base >> 3) * ((step & 7) + 1)
}

/** Returns the smallest class whose blocks hold `granules`. */
function classFor(granules: number): number {
  if (granules <= LINEAR_CLASSES) return granules
  // 2^power < granules ≤ 2^(power + 1), divided into eight.
  const power = 31 - Math.clz32(granules - 1)
  const eighth = 1 << (power - 3)
  const step = ((granules - (1 << power) + eighth - 1) / eighth) | 0
  return LINEAR_CLASSES + (power - 4) * 8 + step
}

/** The address space is used up: 16 GiB of keys and values. */
export class ArenaFull extends Error {}

export class Arena {
  /** Chunk number → its memory; undefined = given back. */
  readonly chunks: (Source | undefined)[] = []
  /** Bytes in blocks that are in use, their rounding included, and what `account` was told of. */
  usedBytes = 0
  /** Those of them that lie outside the blocks: what `account` was told of, and large buffers. */
  outsideBytes = 0
  /** Bytes of slabs that were written to: what is held of the system. */
  heldBytes = 0
  /** Bytes of chunks, written to or not. */
  reservedBytes = 0

  #slabClass = new Uint8Array(SLABS_FIRST)
  #slabLive = new Int32Array(SLABS_FIRST)
  /** First freed block (ref), 0 = none. */
  #slabFreed = new Int32Array(SLABS_FIRST)
  /** Granules handed out from the slab's beginning; blocks beyond were never used. */
  #slabBump = new Int32Array(SLABS_FIRST)
  /** Doubly linked lists of slabs with room, per class; slab + 1, 0 = none. List 0 holds free slabs. */
  #slabNext = new Int32Array(SLABS_FIRST)
  #slabPrevious = new Int32Array(SLABS_FIRST)
  #slabListed = new Uint8Array(SLABS_FIRST)
  readonly #listHead = new Int32Array(CLASSES)
  readonly #chunkFreeSlabs: number[] = []
  /** An empty chunk that is kept, 0 = none: the first chunk is always kept. */
  #spareChunk = 0
  /** Buffers of contents that are too large for a block. */
  readonly #large = new Set<Source>()

  /** Bytes in blocks that are in use. */
  get blockBytes(): number {
    return this.usedBytes - this.outsideBytes
  }

  /** Tells whether a chunk is left: the next hundred blocks, however large, will find room. */
  get hasRoom(): boolean {
    return this.chunks.length * SLABS_PER_CHUNK < SLABS_MAX
  }

  /** Allocates a block for `length` content bytes (≤ BLOCK_CONTENT_BYTES_MAX) and writes the length. Throws ArenaFull. */
  allocate(length: number): number {
    const sizeClass = classFor((length + 4 + 7) >>> GRANULE_SHIFT)
    let slab = this.#listHead[sizeClass]! - 1
    if (slab < 0) slab = this.#takeSlab(sizeClass)
    const granules = CLASS_GRANULES[sizeClass]!
    let ref = this.#slabFreed[slab]!
    const chunk = this.chunks[slab >>> CHUNK_OF_SLAB_SHIFT]!
    if (ref !== 0) {
      this.#slabFreed[slab] = chunk.view.getInt32((ref & CHUNK_MASK) << GRANULE_SHIFT, true)
    } else {
      ref = (slab << SLAB_SHIFT) + this.#slabBump[slab]!
      this.#slabBump[slab] += granules
    }
    this.#slabLive[slab]++
    if (this.#slabFreed[slab] === 0 && this.#slabBump[slab]! + granules > 1 << SLAB_SHIFT) this.#unlist(slab, sizeClass)
    this.usedBytes += granules << GRANULE_SHIFT
    chunk.view.setInt32((ref & CHUNK_MASK) << GRANULE_SHIFT, length, true)
    return ref
  }

  /** Frees a block. */
  free(ref: number): void {
    const slab = ref >>> SLAB_SHIFT
    const sizeClass = this.#slabClass[slab]!
    this.usedBytes -= CLASS_GRANULES[sizeClass]! << GRANULE_SHIFT
    this.chunks[slab >>> CHUNK_OF_SLAB_SHIFT]!.view.setInt32(
      (ref & CHUNK_MASK) << GRANULE_SHIFT,
      this.#slabFreed[slab]!,
      true,
    )
    this.#slabFreed[slab] = ref
    if (this.#slabListed[slab] === 0) this.#list(slab, sizeClass)
    if (--this.#slabLive[slab] === 0) this.#releaseSlab(slab, sizeClass)
  }

  /** Counts memory that belongs to values here but lies outside the blocks; negative when it is given back. */
  account(bytes: number): void {
    this.usedBytes += bytes
    this.outsideBytes += bytes
  }

  /** Allocates a buffer of its own for a content that is too large for a block, and counts it. */
  allocateLarge(bytes: number): Source {
    const source = Source.allocate(bytes)
    this.#large.add(source)
    this.account(bytes)
    return source
  }

  /** Frees such a buffer. */
  freeLarge(source: Source): void {
    this.#large.delete(source)
    this.account(-source.u8.length)
    discarded.add(source)
  }

  /** Gives everything back; the arena is of no use afterwards. */
  discard(): void {
    for (const source of this.#large) discarded.add(source)
    for (const chunk of this.chunks) if (chunk !== undefined) discarded.add(chunk)
    this.#large.clear()
    this.chunks.length = 0
    this.heldBytes = 0
  }

  /** Returns the memory `ref` lies in. */
  source(ref: number): Source {
    return this.chunks[ref >>> CHUNK_SHIFT]!
  }

  /** Returns where in its source the content of `ref` starts; the length stands in the four bytes before. */
  start(ref: number): number {
    return ((ref & CHUNK_MASK) << GRANULE_SHIFT) + 4
  }

  /** Returns the content length of `ref`. */
  length(ref: number): number {
    return this.chunks[ref >>> CHUNK_SHIFT]!.view.getInt32((ref & CHUNK_MASK) << GRANULE_SHIFT, true)
  }

  /** Changes the content length within the block's capacity. */
  setLength(ref: number, length: number): void {
    this.chunks[ref >>> CHUNK_SHIFT]!.view.setInt32((ref & CHUNK_MASK) << GRANULE_SHIFT, length, true)
  }

  /** Returns how many content bytes the block of `ref` can hold. */
  capacity(ref: number): number {
    return (CLASS_GRANULES[this.#slabClass[ref >>> SLAB_SHIFT]!]! << GRANULE_SHIFT) - 4
  }

  /** Looks at every slab: its blocks are in use or in the list of freed ones, which stays within it, and what is used adds up. */
  check(): void {
    if (!CHECKED) return
    let bytes = 0
    for (let slab = 0; slab < this.#slabClass.length; slab++) {
      const granules = CLASS_GRANULES[this.#slabClass[slab]!]!
      if (granules === 0) continue
      const first = (slab << SLAB_SHIFT) + (slab === 0 ? 1 : 0)
      const end = (slab << SLAB_SHIFT) + this.#slabBump[slab]!
      const blocks = (end - first) / granules
      let freed = 0
      for (let ref = this.#slabFreed[slab]!; ref !== 0; ) {
        assert(ref >= first && ref < end && (ref - first) % granules === 0, 'a freed block is one of its slab')
        assert(++freed <= blocks, 'a freed block is in the list once')
        ref = this.source(ref).view.getInt32((ref & CHUNK_MASK) << GRANULE_SHIFT, true)
      }
      assert(this.#slabLive[slab]! + freed === blocks, 'a block is in use or in the list')
      bytes += (this.#slabLive[slab]! * granules) << GRANULE_SHIFT
    }
    assert(bytes === this.blockBytes, 'the blocks in use are those that are counted')
  }

  /** Looks at what somebody takes for a block: it is one of a slab in use, and its content fits. */
  checkBlock(ref: number): void {
    if (!CHECKED) return
    const slab = ref >>> SLAB_SHIFT
    const granules = CLASS_GRANULES[this.#slabClass[slab] ?? 0]!
    assert(ref > 0 && granules > 0, 'a block lies in a slab that is in use')
    const offset = (ref & ((1 << SLAB_SHIFT) - 1)) - (slab === 0 ? 1 : 0)
    assert(offset >= 0 && offset % granules === 0, 'a block begins where its slab has one')
    assert(offset + granules <= this.#slabBump[slab]!, 'a block was handed out')
    const length = this.length(ref)
    assert(length >= 0 && length <= this.capacity(ref), 'the content of a block fits into it')
  }

  #takeSlab(sizeClass: number): number {
    let slab = this.#listHead[0]! - 1
    if (slab < 0) {
      this.#addChunk()
      slab = this.#listHead[0]! - 1
    }
    this.#unlist(slab, 0)
    const chunk = slab >>> CHUNK_OF_SLAB_SHIFT
    this.#chunkFreeSlabs[chunk]!--
    if (chunk === this.#spareChunk) this.#spareChunk = 0
    this.#slabClass[slab] = sizeClass
    this.#slabFreed[slab] = 0
    if (this.#slabBump[slab] === 0) this.heldBytes += SLAB_BYTES
    // Granule 0 of the arena stays unused: ref 0 means "none".
    this.#slabBump[slab] = slab === 0 ? 1 : 0
    this.#list(slab, sizeClass)
    return slab
  }

  #releaseSlab(slab: number, sizeClass: number): void {
    this.#unlist(slab, sizeClass)
    this.#slabClass[slab] = 0
    this.#slabFreed[slab] = 0
    this.#list(slab, 0)
    const chunk = slab >>> CHUNK_OF_SLAB_SHIFT
    if (++this.#chunkFreeSlabs[chunk]! < SLABS_PER_CHUNK || chunk === 0) return
    // One that was hardly used is kept, so that a queue swinging around a boundary does not map and unmap.
    if (this.#spareChunk === 0 && this.#touchedSlabs(chunk) <= SPARE_SLABS_MAX) this.#spareChunk = chunk
    else this.#dropChunk(chunk)
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
    this.#slabClass = doubled(this.#slabClass, Uint8Array)
    this.#slabLive = doubled(this.#slabLive, Int32Array)
    this.#slabFreed = doubled(this.#slabFreed, Int32Array)
    this.#slabBump = doubled(this.#slabBump, Int32Array)
    this.#slabNext = doubled(this.#slabNext, Int32Array)
    this.#slabPrevious = doubled(this.#slabPrevious, Int32Array)
    this.#slabListed = doubled(this.#slabListed, Uint8Array)
  }

  #dropChunk(chunk: number): void {
    for (let slab = chunk * SLABS_PER_CHUNK; slab < (chunk + 1) * SLABS_PER_CHUNK; slab++) {
      this.#unlist(slab, 0)
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
    const head = this.#listHead[list]!
    this.#slabNext[slab] = head
    this.#slabPrevious[slab] = 0
    if (head !== 0) this.#slabPrevious[head - 1] = slab + 1
    this.#listHead[list] = slab + 1
    this.#slabListed[slab] = 1
  }

  #unlist(slab: number, list: number): void {
    const next = this.#slabNext[slab]!
    const previous = this.#slabPrevious[slab]!
    if (previous !== 0) this.#slabNext[previous - 1] = next
    else this.#listHead[list] = next
    if (next !== 0) this.#slabPrevious[next - 1] = previous
    this.#slabListed[slab] = 0
  }
}

/** Returns a copy twice as long; what is new is 0. */
function doubled<T extends Uint8Array | Int32Array>(array: T, kind: new (length: number) => T): T {
  const copy = new kind(2 * array.length)
  copy.set(array)
  return copy
}
