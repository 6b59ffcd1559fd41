// The guard behind every block of the arena, in the checked build alone.
//
//   block in the checked build = [length u32][bytes …][unused][complement of the ref u32][mark u32]
//
// The mark says which kind of owner the block has. An owner reads blocks through its own view of
// the arena (`Arena.viewFor`, arena-view.ts), which asserts the kind. So these faults fail where
// they happen:
//
//   a write past the end of a block        the guard is broken: seen when the block is freed, moved or walked
//   a read through a ref of another kind   the mark names another owner
//   a read through a ref that was freed    the mark is that of freed memory
//   a write to a block that was freed      its pattern is broken: seen when it is allocated again
//
// A new block is filled with a pattern too, so a value that is read before it is written is not 0.
// In production there are no guards: a block ends with its content.

import { assert } from '../../util/assert.ts'
import type { Source } from '../../util/bytes/bytes.ts'
import { CHECKED } from '../../util/invariant.ts'

/** Bytes of a guard. */
export const GUARD_BYTES = CHECKED ? 8 : 0

/** The kinds of owners. A block allocated through no view is a `block`. */
export const BLOCK_KINDS = [
  'block',
  'key',
  'packed',
  'integers',
  'scored',
  'member',
  'score node',
  'list page',
  'index page',
  'stream node',
] as const

export type BlockKind = (typeof BLOCK_KINDS)[number]

/** The upper half of a mark: the block is in use, or freed. */
const LIVE = 0x5afe0000
const FREED = 0x0bad0000

/** Each byte of a freed block. */
const FREED_BYTE = 0xdb
/** Each byte of a block that its owner has not written to yet. */
const FRESH_BYTE = 0xa5

/** The pattern of freed memory, as long as the largest block, for comparisons. */
const FREED_BYTES = CHECKED ? Buffer.alloc(64 * 1024 + GUARD_BYTES, FREED_BYTE) : Buffer.alloc(0)

/** Fills a new block of `bytes` bytes at `at`, and writes the guard behind them. */
export function guardBlock(source: Source, at: number, bytes: number, ref: number): void {
  source.u8.fill(FRESH_BYTE, at, at + bytes)
  source.view.setInt32(at + bytes, ~ref, true)
  source.view.setInt32(at + bytes + 4, LIVE, true)
}

/** Records in the guard which kind of owner a block has. */
export function markBlock(source: Source, at: number, bytes: number, kind: BlockKind): void {
  source.view.setInt32(at + bytes + 4, LIVE | BLOCK_KINDS.indexOf(kind), true)
}

/**
 * Asserts that a block is in use, that its guard is whole, and that its owner is of `kind`, if one
 * is given.
 */
export function assertGuarded(source: Source, at: number, bytes: number, ref: number, kind?: BlockKind): void {
  const mark = source.view.getInt32(at + bytes + 4, true)
  if (source.view.getInt32(at + bytes, true) === ~ref && (mark & 0xffff0000) === LIVE) {
    const found = BLOCK_KINDS[mark & 0xffff]
    if (kind === undefined || found === kind) return
    assert(false, `invariant 15: a ${kind} is read through its own ref, not through that of a ${found}`)
  }
  assert((mark & 0xffff0000) !== FREED, `invariant 15: a ${kind ?? 'block'} is in use while its ref is`)
  assert(false, `invariant 15: a ${kind ?? 'block'} is written to within its bounds`)
}

/** Fills a freed block, guard included. The first four bytes belong to the arena's list. */
export function fillFreed(source: Source, at: number, bytes: number): void {
  source.u8.fill(FREED_BYTE, at + 4, at + bytes)
  source.view.setInt32(at + bytes + 4, FREED, true)
}

/** Fills a stretch of memory whose blocks were all freed. */
export function fillFreedStretch(source: Source, from: number, to: number): void {
  source.u8.fill(FREED_BYTE, from, to)
}

/** Asserts that a freed block was not written to since. */
export function assertFreed(source: Source, at: number, bytes: number): void {
  const isAsLeft = source.u8.compare(FREED_BYTES, 0, bytes - 4, at + 4, at + bytes) === 0
  assert(isAsLeft, 'invariant 15: a block that was given back is written to by its former owner no more')
}
