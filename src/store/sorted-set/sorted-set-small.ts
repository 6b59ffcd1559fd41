// The small form of a sorted set: pairs of score and member, in order, in one arena block.
//
//   block content = [count u32][pair][pair]…       pair = [score f64][member, as an entry of list-entry.ts]
//
// Pairs are found by walking, from either end. An offset counts from the start of the content and
// is valid until the next change. Ref 0 is the empty set. Each function that changes the set
// returns its new ref.

import { byteAt } from '../../util/array-reads.ts'
import { assert } from '../../util/assert.ts'
import { Bytes, copyBytes } from '../../util/bytes/bytes.ts'
import { CHECKED } from '../../util/invariant.ts'
import { elementAt, entryBytes, entryBytesAt, entryBytesBefore, writeEntry } from '../list/list-entry.ts'
import type { Arena } from '../memory/arena.ts'

/** The offset of the first pair. */
export const SMALL_FIRST = 4
const SCORE_BYTES = 8

/** The most bytes and the most pairs. Finding a pair takes time in proportion to them. */
const SMALL_BYTES_MAX = 8 * 1024
const SMALL_COUNT_MAX = 128

const window = new Bytes()
/** A pair while `smallMove` moves it. */
const moving = Buffer.alloc(SMALL_BYTES_MAX)

export function smallCount(arena: Arena, ref: number): number {
  return ref === 0 ? 0 : arena.source(ref).view.getInt32(arena.start(ref), true)
}

/** Returns the offset after the last pair. */
export function smallEnd(arena: Arena, ref: number): number {
  return ref === 0 ? SMALL_FIRST : arena.length(ref)
}

/** Tells whether a pair with a member of `length` bytes still fits. */
export function smallFits(arena: Arena, ref: number, length: number): boolean {
  return (
    smallCount(arena, ref) < SMALL_COUNT_MAX &&
    length <= SMALL_BYTES_MAX &&
    smallEnd(arena, ref) + SCORE_BYTES + entryBytes(length) <= SMALL_BYTES_MAX
  )
}

/** Returns the offset of a member's pair; -1 when there is none. */
export function smallFind(arena: Arena, ref: number, member: Bytes): number {
  if (ref === 0) return -1
  const source = arena.source(ref)
  const { u8 } = source
  const start = arena.start(ref)
  const end = start + arena.length(ref)
  const { length } = member
  const wanted = member.source.u8
  const from = member.start
  let at = start + SMALL_FIRST
  while (at < end) {
    const entry = at + SCORE_BYTES
    const head = byteAt(u8, entry)
    if (head < 128) {
      if (head === length) {
        // Compared from the end, because many members have a common beginning.
        let i = length - 1
        while (i >= 0 && u8[entry + 1 + i] === wanted[from + i]) i--
        if (i < 0) return at - start
      }
      at = entry + head + 2
    } else {
      elementAt(source, entry, window)
      if (window.equals(member)) return at - start
      at = entry + entryBytesAt(u8, entry)
    }
  }
  return -1
}

/** Returns the offset at which a new pair belongs. */
export function smallPlace(arena: Arena, ref: number, score: number, member: Bytes): number {
  if (ref === 0) return SMALL_FIRST
  const source = arena.source(ref)
  const start = arena.start(ref)
  const end = start + arena.length(ref)
  let at = end
  // Searched from the end: growing scores, as clocks make them, find their place at once.
  while (at > start + SMALL_FIRST) {
    const previous = at - entryBytesBefore(source.u8, at) - SCORE_BYTES
    const found = source.view.getFloat64(previous, true)
    if (found < score) break
    if (found === score) {
      elementAt(source, previous + SCORE_BYTES, window)
      if (window.compare(member) < 0) break
    }
    at = previous
  }
  return at - start
}

export function smallScore(arena: Arena, ref: number, at: number): number {
  return arena.source(ref).view.getFloat64(arena.start(ref) + at, true)
}

export function smallSetScore(arena: Arena, ref: number, at: number, score: number): void {
  arena.source(ref).view.setFloat64(arena.start(ref) + at, score, true)
}

/** Points `member` at the member of a pair. */
export function smallMember(arena: Arena, ref: number, at: number, member: Bytes): Bytes {
  elementAt(arena.source(ref), arena.start(ref) + at + SCORE_BYTES, member)
  return member
}

export function smallNext(arena: Arena, ref: number, at: number): number {
  return at + SCORE_BYTES + entryBytesAt(arena.source(ref).u8, arena.start(ref) + at + SCORE_BYTES)
}

/** Returns the offset of the pair that ends at offset `end`. */
export function smallPrevious(arena: Arena, ref: number, end: number): number {
  return end - entryBytesBefore(arena.source(ref).u8, arena.start(ref) + end) - SCORE_BYTES
}

/** Returns the offset of the pair at a rank. */
export function smallOffset(arena: Arena, ref: number, rank: number): number {
  const count = smallCount(arena, ref)
  let at: number
  if (rank > count >>> 1) {
    at = smallEnd(arena, ref)
    for (let i = count; i > rank; i--) at = smallPrevious(arena, ref, at)
  } else {
    at = SMALL_FIRST
    for (let i = 0; i < rank; i++) at = smallNext(arena, ref, at)
  }
  return at
}

/** Returns the rank of the pair at an offset. */
export function smallRank(arena: Arena, ref: number, at: number): number {
  let rank = 0
  for (let other = SMALL_FIRST; other < at; other = smallNext(arena, ref, other)) rank++
  return rank
}

/** Returns how many scores are below `score`, or equal to it when `orEqual`. */
export function smallCountBelow(arena: Arena, ref: number, score: number, orEqual: boolean): number {
  const source = arena.source(ref)
  const start = arena.start(ref)
  const end = start + arena.length(ref)
  let count = 0
  for (let at = start + SMALL_FIRST; at < end; count++) {
    const found = source.view.getFloat64(at, true)
    if (found > score || (found === score && !orEqual)) break
    at += SCORE_BYTES + entryBytesAt(source.u8, at + SCORE_BYTES)
  }
  return count
}

/** Inserts a pair before offset `at`. Throws ArenaFull, having changed nothing. */
export function smallInsert(arena: Arena, ref: number, at: number, score: number, member: Bytes): number {
  const moved = makeRoom(arena, ref, at, 0, SCORE_BYTES + entryBytes(member.length))
  const source = arena.source(moved)
  const start = arena.start(moved)
  source.view.setFloat64(start + at, score, true)
  writeEntry(source, start + at + SCORE_BYTES, member)
  source.view.setInt32(start, source.view.getInt32(start, true) + 1, true)
  return moved
}

/** Removes `count` pairs from offset `at` on; returns 0 when none is left. */
export function smallRemove(arena: Arena, ref: number, at: number, count: number): number {
  const source = arena.source(ref)
  const start = arena.start(ref)
  const left = source.view.getInt32(start, true) - count
  if (left === 0) {
    arena.free(ref)
    return 0
  }
  let end = at
  for (let i = 0; i < count; i++) end = smallNext(arena, ref, end)
  const moved = makeRoom(arena, ref, at, end - at, 0)
  arena.source(moved).view.setInt32(arena.start(moved), left, true)
  return moved
}

/** Gives the pair at an offset another score and moves it to its new place. Allocates nothing. */
export function smallMove(arena: Arena, ref: number, at: number, score: number, member: Bytes): void {
  let to = smallPlace(arena, ref, score, member)
  const source = arena.source(ref)
  const start = arena.start(ref)
  const end = smallNext(arena, ref, at)
  const size = end - at
  // The pair stays if the search found the place before or behind itself.
  if (to !== at && to !== end) {
    source.u8.copy(moving, 0, start + at, start + end)
    if (to > at) {
      source.u8.copyWithin(start + at, start + end, start + to)
      to -= size
    } else {
      source.u8.copyWithin(start + to + size, start + to, start + at)
    }
    moving.copy(source.u8, start + to, 0, size)
  } else {
    to = at
  }
  source.view.setFloat64(start + to, score, true)
}

/**
 * Walks a set in the checked build. It has as many pairs as it states, they fill it, and they
 * ascend.
 */
export function smallCheck(arena: Arena, ref: number): void {
  if (!CHECKED || ref === 0) return
  arena.checkBlock(ref)
  const end = arena.length(ref)
  const previous = new Bytes()
  let count = 0
  for (let at = SMALL_FIRST; at < end; at = smallNext(arena, ref, at), count++) {
    const score = smallScore(arena, ref, at)
    smallMember(arena, ref, at, window)
    if (count > 0) {
      const before = smallPrevious(arena, ref, at)
      const beforeScore = smallScore(arena, ref, before)
      smallMember(arena, ref, before, previous)
      assert(
        beforeScore < score || (beforeScore === score && previous.compare(window) < 0),
        'each pair is after the one before',
      )
    }
    assert(smallNext(arena, ref, at) <= end, 'a pair ends within the set')
  }
  assert(count > 0 && count === smallCount(arena, ref), 'a set has as many pairs as it says')
}

/**
 * Replaces the `old` bytes at offset `at` by room for `bytes` bytes, and moves what follows.
 * Returns the ref of the set.
 */
function makeRoom(arena: Arena, ref: number, at: number, old: number, bytes: number): number {
  const end = smallEnd(arena, ref)
  const length = end + bytes - old
  const capacity = ref === 0 ? -1 : arena.capacity(ref)
  // The block stays while the content fits and fills more than half of it.
  if (length <= capacity && (capacity <= 64 || 2 * length > capacity)) {
    moveRest(arena, ref, end, at + old, at + bytes)
    return ref
  }
  let moved: number
  try {
    moved = arena.allocate(length)
  } catch (error) {
    if (length > capacity) throw error
    // No smaller block can be allocated, so the block stays. Removing works even when memory is
    // full.
    moveRest(arena, ref, end, at + old, at + bytes)
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

/** Moves the bytes from offset `from` up to `end` to offset `to`, within their block. */
function moveRest(arena: Arena, ref: number, end: number, from: number, to: number): void {
  if (from < end && from !== to) {
    const start = arena.start(ref)
    arena.source(ref).u8.copyWithin(start + to, start + from, start + end)
  }
  arena.setLength(ref, end - from + to)
}
