// The small form of hashes, sets and sorted sets: a sequence of elements in one arena block.
//
//   block content = [count u32][entry][entry]…      entries as list-entry.ts lays them out
//
// Ref 0 is the empty sequence. Each function that changes the sequence returns its new ref, which
// the owner stores. The ref is all that the owner keeps. An offset counts from the start of the
// content, and is valid until the next change.

import { byteAt } from '../../util/array-reads.ts'
import { assert } from '../../util/assert.ts'
import { Bytes, copyBytes, equalBytes, type Source } from '../../util/bytes/bytes.ts'
import { CHECKED } from '../../util/invariant.ts'
import { elementAt, entryBytes, entryBytesAt, entryBytesBefore, writeEntry } from '../list/list-entry.ts'
import { type Arena, allocateIfFree } from '../memory/arena.ts'

/** The offset of the first element. */
export const PACKED_FIRST = 4

/**
 * The most bytes of a sequence. An owner changes to its large form before that, because finding an
 * element takes time in proportion to the length.
 */
export const PACKED_BYTES_MAX = 8 * 1024

/** The most elements of a sequence, for the same reason. */
export const PACKED_COUNT_MAX = 512

/** Returns how many elements a sequence has. */
export function packedCount(arena: Arena, ref: number): number {
  return ref === 0 ? 0 : arena.source(ref).view.getInt32(arena.start(ref), true)
}

/** Returns the offset after the last element. */
export function packedEnd(arena: Arena, ref: number): number {
  return ref === 0 ? PACKED_FIRST : arena.length(ref)
}

/**
 * Returns the bytes that an element of `length` bytes takes; Infinity when it fits into no
 * sequence.
 */
export function packedBytes(length: number): number {
  return length > PACKED_BYTES_MAX ? Number.POSITIVE_INFINITY : entryBytes(length)
}

/** Tells whether an element of `length` bytes still fits. */
export function packedFits(arena: Arena, ref: number, length: number): boolean {
  return packedEnd(arena, ref) + packedBytes(length) <= PACKED_BYTES_MAX && packedCount(arena, ref) < PACKED_COUNT_MAX
}

/** Returns the offset of the element after the one at `at`. */
export function packedNext(arena: Arena, ref: number, at: number): number {
  return at + entryBytesAt(arena.source(ref).u8, arena.start(ref) + at)
}

/** Returns the offset of the element that ends at offset `end`. */
export function packedPrevious(arena: Arena, ref: number, end: number): number {
  return end - entryBytesBefore(arena.source(ref).u8, arena.start(ref) + end)
}

/** Points `window` at the element at `at`. */
export function packedElement(arena: Arena, ref: number, at: number, window: Bytes): Bytes {
  elementAt(arena.source(ref), arena.start(ref) + at, window)
  if (CHECKED)
    assert(
      window.start + window.length < arena.start(ref) + arena.length(ref),
      'invariant 15: an element lies in its sequence',
    )
  return window
}

/** Returns the offset of element number `index`. */
export function packedOffset(arena: Arena, ref: number, index: number): number {
  const { u8 } = arena.source(ref)
  const start = arena.start(ref)
  let at = start + PACKED_FIRST
  for (let i = 0; i < index; i++) at += entryBytesAt(u8, at)
  return at - start
}

/**
 * Returns the offset of an element, or -1. Compares every `step`-th element, beginning with the
 * first.
 */
export function packedFind(arena: Arena, ref: number, element: Bytes, step: number): number {
  if (ref === 0) return -1
  const source = arena.source(ref)
  const { u8 } = source
  const start = arena.start(ref)
  const end = start + arena.length(ref)
  const { length } = element
  if (length >= 128) return findLong(source, start, end, element, step)
  let at = start + PACKED_FIRST
  while (at < end) {
    // The first byte of a short element is its length.
    if (u8[at] === length && equalBytes(source, at + 1, element.source, element.start, length)) return at - start
    for (let i = 0; i < step; i++) {
      const head = byteAt(u8, at)
      at += head < 128 ? head + 2 : entryBytesAt(u8, at)
    }
  }
  return -1
}

const window = new Bytes()

function findLong(source: Source, start: number, end: number, element: Bytes, step: number): number {
  const { u8 } = source
  let at = start + PACKED_FIRST
  while (at < end) {
    elementAt(source, at, window)
    if (window.equals(element)) return at - start
    for (let i = 0; i < step; i++) at += entryBytesAt(u8, at)
  }
  return -1
}

/**
 * Inserts an element before offset `at`. The element must not lie in the block itself, which may
 * move. Throws ArenaFull, having changed nothing.
 */
export function packedInsert(arena: Arena, ref: number, at: number, element: Bytes): number {
  if (CHECKED) assert(at >= PACKED_FIRST && at <= packedEnd(arena, ref), 'an element is inserted within its sequence')
  const bytes = entryBytes(element.length)
  const moved = makeRoom(arena, ref, at, 0, bytes)
  const source = arena.source(moved)
  const start = arena.start(moved)
  writeEntry(source, start + at, element)
  source.view.setInt32(start, source.view.getInt32(start, true) + 1, true)
  return moved
}

/** Appends an element. Throws ArenaFull, having changed nothing. */
export function packedAppend(arena: Arena, ref: number, element: Bytes): number {
  return packedInsert(arena, ref, packedEnd(arena, ref), element)
}

/** Appends two elements, both or none. Throws ArenaFull, having changed nothing. */
export function packedAppendPair(arena: Arena, ref: number, first: Bytes, second: Bytes): number {
  const end = packedEnd(arena, ref)
  const firstBytes = entryBytes(first.length)
  const moved = makeRoom(arena, ref, end, 0, firstBytes + entryBytes(second.length))
  const source = arena.source(moved)
  const start = arena.start(moved)
  writeEntry(source, start + end, first)
  writeEntry(source, start + end + firstBytes, second)
  source.view.setInt32(start, source.view.getInt32(start, true) + 2, true)
  return moved
}

/** Replaces the element at `at`. Throws ArenaFull, having changed nothing. */
export function packedReplace(arena: Arena, ref: number, at: number, element: Bytes): number {
  const old = entryBytesAt(arena.source(ref).u8, arena.start(ref) + at)
  const moved = makeRoom(arena, ref, at, old, entryBytes(element.length))
  writeEntry(arena.source(moved), arena.start(moved) + at, element)
  return moved
}

/** Removes `count` elements from the one at `at` on; returns 0 when none is left. */
export function packedRemove(arena: Arena, ref: number, at: number, count: number): number {
  const source = arena.source(ref)
  const start = arena.start(ref)
  const left = source.view.getInt32(start, true) - count
  if (left === 0) {
    arena.free(ref)
    return 0
  }
  let end = at
  for (let i = 0; i < count; i++) end += entryBytesAt(source.u8, start + end)
  const moved = makeRoom(arena, ref, at, end - at, 0)
  arena.source(moved).view.setInt32(arena.start(moved), left, true)
  return moved
}

/**
 * Walks a sequence in the checked build. The number of its elements is the one it states, and each
 * has the same length from both ends.
 */
export function packedCheck(arena: Arena, ref: number): void {
  if (!CHECKED || ref === 0) return
  arena.checkBlock(ref)
  const { u8 } = arena.source(ref)
  const start = arena.start(ref)
  const end = start + arena.length(ref)
  let at = start + PACKED_FIRST
  let count = 0
  for (; at < end; count++) {
    const bytes = entryBytesAt(u8, at)
    at += bytes
    assert(at <= end && entryBytesBefore(u8, at) === bytes, 'an element has the same length from both ends')
  }
  assert(count > 0 && count === packedCount(arena, ref), 'a sequence has as many elements as it says')
}

/** Frees the block. */
export function packedFree(arena: Arena, ref: number): void {
  if (ref !== 0) arena.free(ref)
}

/**
 * Replaces the `old` bytes at offset `at` by room for `bytes` bytes, and moves what follows.
 * Returns the ref of the sequence.
 */
function makeRoom(arena: Arena, ref: number, at: number, old: number, bytes: number): number {
  const end = packedEnd(arena, ref)
  const length = end + bytes - old
  const capacity = ref === 0 ? 0 : arena.capacity(ref)
  const fits = length <= capacity
  // The block stays while the content fits and fills more than half of it. It also stays if the
  // arena has no smaller one: a removal never fails for memory.
  const stays = fits && (capacity <= 64 || 2 * length > capacity)
  const moved = stays ? 0 : fits ? allocateIfFree(arena, length) : arena.allocate(length)
  if (moved === 0) {
    if (bytes !== old && at + old < end) {
      const { u8 } = arena.source(ref)
      const start = arena.start(ref)
      u8.copyWithin(start + at + bytes, start + at + old, start + end)
    }
    arena.setLength(ref, length)
    return ref
  }
  const to = arena.source(moved)
  const start = arena.start(moved)
  if (ref === 0) {
    to.view.setInt32(start, 0, true)
    return moved
  }
  const from = arena.source(ref)
  const oldStart = arena.start(ref)
  copyBytes(to, start, from, oldStart, at)
  copyBytes(to, start + at + bytes, from, oldStart + at + old, end - at - old)
  arena.free(ref)
  return moved
}
