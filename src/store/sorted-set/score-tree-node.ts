// The nodes of a score tree: their layout in the arena, and operations on a single node.
//
//   leaf   [count][previous][next][score × LEAF_MAX][block × LEAF_MAX]
//   inner  [count][child × INNER_MAX][elements × INNER_MAX][block × INNER_MAX][score × INNER_MAX]
//
// An inner node records for each child how many elements are below it, and its first element: the
// score, and the block of the member.

import type { Source } from '../../util/bytes/bytes.ts'
import { RESTLESS } from '../../util/restless.ts'
import type { Arena } from '../memory/arena.ts'

/** Content of a node. With its length word it fills a size class. */
export const NODE_BYTES = RESTLESS ? 84 : 1532

export const LEAF_MAX = RESTLESS ? 6 : 126
export const PREVIOUS = 4
export const NEXT = 8
export const SCORES = 12
export const BLOCKS = SCORES + 8 * LEAF_MAX

export const INNER_MAX = RESTLESS ? 4 : 76
export const CHILDREN = 4
export const ELEMENTS = CHILDREN + 4 * INNER_MAX
export const FIRST_BLOCKS = ELEMENTS + 4 * INNER_MAX
export const FIRST_SCORES = FIRST_BLOCKS + 4 * INNER_MAX

/** Returns how many elements are below the children before child `index`. */
export function elementsBefore(arena: Arena, node: number, index: number): number {
  const { view } = arena.source(node)
  const at = arena.start(node) + ELEMENTS
  let elements = 0
  for (let i = 0; i < index; i++) elements += view.getInt32(at + 4 * i, true)
  return elements
}

export function nodeCount(arena: Arena, node: number): number {
  return arena.source(node).view.getInt32(arena.start(node), true)
}

export function childOf(arena: Arena, node: number, index: number): number {
  return arena.source(node).view.getInt32(arena.start(node) + CHILDREN + 4 * index, true)
}

export function linkOf(arena: Arena, leaf: number, which: number): number {
  return arena.source(leaf).view.getInt32(arena.start(leaf) + which, true)
}

export function setLink(arena: Arena, leaf: number, which: number, to: number): void {
  arena.source(leaf).view.setInt32(arena.start(leaf) + which, to, true)
}

export function insertIntoLeaf(
  arena: Arena,
  leaf: number,
  count: number,
  index: number,
  score: number,
  block: number,
): void {
  const source = arena.source(leaf)
  const start = arena.start(leaf)
  shift(source, start + SCORES, 8, index, count)
  shift(source, start + BLOCKS, 4, index, count)
  source.view.setFloat64(start + SCORES + 8 * index, score, true)
  source.view.setInt32(start + BLOCKS + 4 * index, block, true)
  source.view.setInt32(start, count + 1, true)
}

/** Makes room for a child before child `index` of a node that has `count` children. */
export function openChild(arena: Arena, node: number, count: number, index: number): void {
  const source = arena.source(node)
  const start = arena.start(node)
  shift(source, start + CHILDREN, 4, index, count)
  shift(source, start + ELEMENTS, 4, index, count)
  shift(source, start + FIRST_BLOCKS, 4, index, count)
  shift(source, start + FIRST_SCORES, 8, index, count)
  source.view.setInt32(start, count + 1, true)
}

/** Removes child `index` from a node. */
export function closeChild(arena: Arena, node: number, index: number): void {
  const source = arena.source(node)
  const start = arena.start(node)
  const count = source.view.getInt32(start, true)
  close(source, start + CHILDREN, 4, index, 1, count)
  close(source, start + ELEMENTS, 4, index, 1, count)
  close(source, start + FIRST_BLOCKS, 4, index, 1, count)
  close(source, start + FIRST_SCORES, 8, index, 1, count)
  source.view.setInt32(start, count - 1, true)
}

export function copyChildren(
  arena: Arena,
  to: number,
  toIndex: number,
  from: number,
  fromIndex: number,
  count: number,
): void {
  const target = arena.source(to)
  const source = arena.source(from)
  const a = arena.start(to)
  const b = arena.start(from)
  copyItems(target, a + CHILDREN + 4 * toIndex, source, b + CHILDREN + 4 * fromIndex, 4 * count)
  copyItems(target, a + ELEMENTS + 4 * toIndex, source, b + ELEMENTS + 4 * fromIndex, 4 * count)
  copyItems(target, a + FIRST_BLOCKS + 4 * toIndex, source, b + FIRST_BLOCKS + 4 * fromIndex, 4 * count)
  copyItems(target, a + FIRST_SCORES + 8 * toIndex, source, b + FIRST_SCORES + 8 * fromIndex, 8 * count)
}

/** Writes the entry for `child`, which has `height` levels below it, as child `index` of a node. */
export function describeChild(arena: Arena, node: number, index: number, child: number, height: number): void {
  const { view } = arena.source(node)
  const start = arena.start(node)
  const childView = arena.source(child).view
  const childStart = arena.start(child)
  const count = childView.getInt32(childStart, true)
  const leaf = height === 0
  view.setInt32(start + CHILDREN + 4 * index, child, true)
  view.setInt32(start + ELEMENTS + 4 * index, leaf ? count : elementsBefore(arena, child, count), true)
  const firstBlock = childView.getInt32(childStart + (leaf ? BLOCKS : FIRST_BLOCKS), true)
  const firstScore = childView.getFloat64(childStart + (leaf ? SCORES : FIRST_SCORES), true)
  view.setInt32(start + FIRST_BLOCKS + 4 * index, firstBlock, true)
  view.setFloat64(start + FIRST_SCORES + 8 * index, firstScore, true)
}

/** Moves items from `index` on up by one. */
export function shift(source: Source, start: number, size: number, index: number, count: number): void {
  if (index === count) return
  source.u8.copyWithin(start + size * (index + 1), start + size * index, start + size * count)
}

/** Removes `removed` items from `index` on. */
export function close(
  source: Source,
  start: number,
  size: number,
  index: number,
  removed: number,
  count: number,
): void {
  if (index + removed === count) return
  source.u8.copyWithin(start + size * index, start + size * (index + removed), start + size * count)
}

export function copyItems(to: Source, toStart: number, from: Source, fromStart: number, bytes: number): void {
  if (bytes > 0) to.u8.set(from.u8.subarray(fromStart, fromStart + bytes), toStart)
}
