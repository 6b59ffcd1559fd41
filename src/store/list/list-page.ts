// A page of a list: an arena block of entries (list-entry.ts), one after another.
//
//   block content = [low u16][high u16] … free … [entry][entry]…[entry] … free …
//                                                ^low                  ^high      (offsets from the content's start)
//
// Both ends may be free, so a page can be filled and emptied from either end. The arena writes a
// block's length in the four bytes before its content; a page keeps its capacity there. So a push
// or a pop reads only the first eight bytes of a block. A page does not count its elements: the
// list does.

import { RESTLESS } from '../../util/restless.ts'
import type { Arena } from '../memory/arena.ts'
import { entryBytesAt } from './list-entry.ts'

/** The least offset of a page's entries. */
export const PAGE_HEADER_BYTES = 4
/** A page's content. With the arena's length word it is exactly 8 KiB. */
export const PAGE_BYTES = (RESTLESS ? 256 : 8 * 1024) - 4
/**
 * The content of a wide page, for entries of which an ordinary page would hold few and waste much.
 */
const WIDE_PAGE_BYTES = (RESTLESS ? 512 : 16 * 1024) - 4
/**
 * Entries from the first size on go into wide pages, those from the second on into pages of their
 * own.
 */
const WIDE_ENTRY_BYTES_MIN = RESTLESS ? 64 : 1024
const LONE_ENTRY_BYTES_MIN = RESTLESS ? 256 : 4096

/** The end of a page, or of a list. */
export type End = 'head' | 'tail'

/** Allocates a page of at least `bytes` with all its room at one end. Throws ArenaFull. */
export function newPage(arena: Arena, bytes: number, roomAt: End): number {
  const ref = arena.allocate(bytes)
  const capacity = arena.capacity(ref)
  arena.setLength(ref, capacity)
  const bound = roomAt === 'tail' ? PAGE_HEADER_BYTES : capacity
  setBounds(arena, ref, bound, bound)
  return ref
}

/** Returns the content bytes of a new page whose first entry has `size` bytes. */
export function pageBytesFor(size: number): number {
  if (size < WIDE_ENTRY_BYTES_MIN) return PAGE_BYTES
  return size < LONE_ENTRY_BYTES_MIN ? WIDE_PAGE_BYTES : size + PAGE_HEADER_BYTES
}

/**
 * Returns the capacity to which a page grows that must hold `needed` bytes; 0 when it may not grow.
 * A page doubles up to PAGE_BYTES.
 */
export function grownPageBytes(capacity: number, needed: number): number {
  if (capacity >= PAGE_BYTES || needed > PAGE_BYTES) return 0
  return Math.min(PAGE_BYTES, Math.max(2 * capacity, needed))
}

export function lowOf(arena: Arena, ref: number): number {
  return arena.source(ref).view.getUint16(arena.start(ref), true)
}

export function highOf(arena: Arena, ref: number): number {
  return arena.source(ref).view.getUint16(arena.start(ref) + 2, true)
}

/** Returns the bytes of all entries of a page. */
export function usedBytes(arena: Arena, ref: number): number {
  const base = arena.start(ref)
  const { view } = arena.source(ref)
  return view.getUint16(base + 2, true) - view.getUint16(base, true)
}

/** Returns the bytes free before the first entry. */
export function roomBefore(arena: Arena, ref: number): number {
  return arena.source(ref).view.getUint16(arena.start(ref), true) - PAGE_HEADER_BYTES
}

/** Returns the bytes free after the last entry. */
export function roomAfter(arena: Arena, ref: number): number {
  const base = arena.start(ref)
  const { view } = arena.source(ref)
  return view.getInt32(base - 4, true) - view.getUint16(base + 2, true)
}

/** Returns the bytes free at both ends together. */
export function roomInPage(arena: Arena, ref: number): number {
  return arena.length(ref) - PAGE_HEADER_BYTES - usedBytes(arena, ref)
}

function setBounds(arena: Arena, ref: number, low: number, high: number): void {
  const base = arena.start(ref)
  const { view } = arena.source(ref)
  view.setUint16(base, low, true)
  view.setUint16(base + 2, high, true)
}

/** Moves all entries of a page so that they begin at `low`. */
export function slideEntries(arena: Arena, ref: number, low: number): void {
  const base = arena.start(ref)
  const oldLow = lowOf(arena, ref)
  const oldHigh = highOf(arena, ref)
  arena.source(ref).u8.copyWithin(base + low, base + oldLow, base + oldHigh)
  setBounds(arena, ref, low, low + oldHigh - oldLow)
}

/**
 * Returns a page of another capacity with the entries of `old`, which is freed. Throws ArenaFull.
 */
export function resizePage(arena: Arena, old: number, bytes: number, roomAt: End): number {
  const ref = newPage(arena, bytes, roomAt)
  takeEntries(arena, ref, roomAt, arena, old, lowOf(arena, old), highOf(arena, old))
  arena.free(old)
  return ref
}

/** Returns a copy of a page in another arena. Throws ArenaFull. */
export function copyPage(to: Arena, from: Arena, old: number): number {
  const ref = newPage(to, from.length(old), 'tail')
  takeEntries(to, ref, 'tail', from, old, lowOf(from, old), highOf(from, old))
  return ref
}

/**
 * Moves the entries from `offset` on into a new page, with room before them, and returns it. Throws
 * ArenaFull.
 */
export function splitPage(arena: Arena, ref: number, offset: number): number {
  const high = highOf(arena, ref)
  const added = newPage(arena, Math.max(PAGE_BYTES, high - offset + PAGE_HEADER_BYTES), 'head')
  takeEntries(arena, added, 'head', arena, ref, offset, high)
  setBounds(arena, ref, lowOf(arena, ref), offset)
  return added
}

/**
 * Appends the entries of page `from` to page `ref`, which has room for them in all; `from` keeps
 * its own.
 */
export function appendPage(arena: Arena, ref: number, from: number): void {
  if (roomAfter(arena, ref) < usedBytes(arena, from)) slideEntries(arena, ref, PAGE_HEADER_BYTES)
  takeEntries(arena, ref, 'tail', arena, from, lowOf(arena, from), highOf(arena, from))
}

/** Copies entries [low, high) of page `from` into page `ref`, at the end that has room. */
function takeEntries(to: Arena, ref: number, roomAt: End, arena: Arena, from: number, low: number, high: number): void {
  const length = high - low
  const at = roomAt === 'tail' ? highOf(to, ref) : lowOf(to, ref) - length
  const base = arena.start(from)
  arena.source(from).u8.copy(to.source(ref).u8, to.start(ref) + at, base + low, base + high)
  if (roomAt === 'tail') setBounds(to, ref, lowOf(to, ref), at + length)
  else setBounds(to, ref, at, highOf(to, ref))
}

/**
 * Opens a gap of `size` bytes, for which the page has room, before the entry at `offset`; returns
 * the gap's offset.
 */
export function openGap(arena: Arena, ref: number, offset: number, size: number): number {
  const base = arena.start(ref)
  const { u8 } = arena.source(ref)
  const low = lowOf(arena, ref)
  const high = highOf(arena, ref)
  const before = low - PAGE_HEADER_BYTES
  const after = arena.length(ref) - high
  // The shorter side moves, if there is room for it. If neither side has enough room, both move.
  if (before >= size && (offset - low <= high - offset || after < size)) {
    u8.copyWithin(base + low - size, base + low, base + offset)
    setBounds(arena, ref, low - size, high)
    return offset - size
  }
  if (after >= size) {
    u8.copyWithin(base + offset + size, base + offset, base + high)
    setBounds(arena, ref, low, high + size)
    return offset
  }
  const gap = PAGE_HEADER_BYTES + offset - low
  u8.copyWithin(base + PAGE_HEADER_BYTES, base + low, base + offset)
  u8.copyWithin(base + gap + size, base + offset, base + high)
  setBounds(arena, ref, PAGE_HEADER_BYTES, gap + size + high - offset)
  return gap
}

/**
 * Removes the entry at `offset`, moving the shorter side. Returns the offset of the entry that
 * followed it.
 */
export function closeGap(arena: Arena, ref: number, offset: number): number {
  const base = arena.start(ref)
  const { u8 } = arena.source(ref)
  const size = entryBytesAt(u8, base + offset)
  const low = lowOf(arena, ref)
  const high = highOf(arena, ref)
  if (offset - low < high - offset - size) {
    u8.copyWithin(base + low + size, base + low, base + offset)
    setBounds(arena, ref, low + size, high)
    return offset + size
  }
  u8.copyWithin(base + offset, base + offset + size, base + high)
  setBounds(arena, ref, low, high - size)
  return offset
}
