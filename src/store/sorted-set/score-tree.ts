// The order of a large sorted set: a counted B+tree of (score, member), in the arena.
//
// A member is named by its block in the set's dictionary. The block holds the bytes that decide
// among equal scores. An inner node records for each child how many elements are below it, and its
// first element. So one walk from the root finds an element by rank, or the rank of an element.
// Leaves are linked both ways for ranges.
//
// Nodes are arena blocks of one size, not JavaScript objects, so a million members cost the garbage
// collector nothing. A full node splits in the middle. It splits at its end when the new element is
// the very last, so ascending scores, as clocks make them, leave full leaves. A node emptied to a
// quarter joins a neighbour if that has room. A node without elements is freed.

import { byteAt, numberAt } from '../../util/array-reads.ts'
import { assert } from '../../util/assert.ts'
import { Bytes } from '../../util/bytes/bytes.ts'
import { CHECKED } from '../../util/invariant.ts'
import type { Arena } from '../memory/arena.ts'
import type { Dictionary } from '../structures/dictionary.ts'
import type { ScoreSpan } from './score-span.ts'
import {
  BLOCKS,
  CHILDREN,
  childOf,
  close,
  closeChild,
  copyChildren,
  copyItems,
  describeChild,
  ELEMENTS,
  elementsBefore,
  FIRST_BLOCKS,
  FIRST_SCORES,
  INNER_MAX,
  insertIntoLeaf,
  LEAF_MAX,
  linkOf,
  NEXT,
  NODE_BYTES,
  nodeCount,
  openChild,
  PREVIOUS,
  SCORES,
  setLink,
} from './score-tree-node.ts'

/** More levels than a tree of 2^31 elements needs whose nodes have only two children each. */
const LEVELS_MAX = 32

/** A position in the order. Valid until the tree changes. */
export class TreePosition {
  leaf = 0
  index = 0
}

/**
 * The path from the root, for each level: the node, and the child taken. At the leaf, the index
 * where the element is or belongs.
 */
const pathNode = new Int32Array(LEVELS_MAX)
const pathIndex = new Int32Array(LEVELS_MAX)
/**
 * Nodes allocated in advance for the splits of one insertion, so that a lack of memory changes
 * nothing.
 */
const spare = new Int32Array(LEVELS_MAX + 1)

const window = new Bytes()

export class ScoreTree {
  length = 0
  readonly #arena: Arena
  readonly #dictionary: Dictionary
  #root = 0
  /** Levels above the leaves. */
  #height = 0
  #nodes = 0
  /** The next leaf that `freeSome` frees; 0 before its first call. */
  #freeing = 0

  constructor(arena: Arena, dictionary: Dictionary) {
    this.#arena = arena.viewFor('score node')
    this.#dictionary = dictionary
  }

  /** Bytes of all nodes. */
  get bytes(): number {
    return this.#nodes * (NODE_BYTES + 4)
  }

  // ── changing ─────────────────────────────────────────────────────────────

  /**
   * Adds an element that is not in the tree; `block` is that of its member. Throws ArenaFull,
   * having changed nothing.
   */
  insert(score: number, member: Bytes, block: number): void {
    const arena = this.#arena
    if (this.#root === 0) {
      this.#root = this.#allocate()
      const source = arena.source(this.#root)
      const start = arena.start(this.#root)
      source.view.setInt32(start, 0, true)
      source.view.setInt32(start + PREVIOUS, 0, true)
      source.view.setInt32(start + NEXT, 0, true)
    }
    this.#descend(score, member)
    const height = this.#height
    this.#allocateSpares()
    let level = height
    // Counts the element in the nodes above. Where it becomes the first, they record it.
    for (let above = height - 1; above >= 0; above--) {
      const { view } = arena.source(numberAt(pathNode, above))
      const at = arena.start(numberAt(pathNode, above)) + 4 * numberAt(pathIndex, above)
      view.setInt32(at + ELEMENTS, view.getInt32(at + ELEMENTS, true) + 1, true)
    }
    const leaf = numberAt(pathNode, level)
    const index = numberAt(pathIndex, level)
    if (index === 0) this.#setFirst(level, score, block)
    this.length++
    const count = nodeCount(this.#arena, leaf)
    if (count < LEAF_MAX) {
      insertIntoLeaf(this.#arena, leaf, count, index, score, block)
      return
    }
    let right = this.#splitLeaf(leaf, index, score, block)
    for (level--; right !== 0; level--) right = this.#insertChild(level, right)
  }

  /** Removes an element that is in the tree. */
  remove(score: number, member: Bytes): void {
    this.#descend(score, member)
    this.#removeFromLeaf(1)
  }

  /**
   * Removes up to `max` elements from rank `rank` on, as many as lie in one leaf, and writes their
   * blocks into `blocks`. Returns their number.
   */
  removeSome(rank: number, max: number, blocks: Int32Array): number {
    this.#descendToRank(rank)
    const leaf = numberAt(pathNode, this.#height)
    const index = numberAt(pathIndex, this.#height)
    const count = Math.min(max, nodeCount(this.#arena, leaf) - index)
    const { view } = this.#arena.source(leaf)
    const at = this.#arena.start(leaf) + BLOCKS + 4 * index
    for (let i = 0; i < count; i++) blocks[i] = view.getInt32(at + 4 * i, true)
    this.#removeFromLeaf(count)
    return count
  }

  /** Gives an element another score. Throws ArenaFull, having changed nothing. */
  move(score: number, member: Bytes, block: number, newScore: number): void {
    this.#descend(score, member)
    const leaf = numberAt(pathNode, this.#height)
    const index = numberAt(pathIndex, this.#height)
    const { view } = this.#arena.source(leaf)
    const at = this.#arena.start(leaf) + SCORES + 8 * index
    // The element stays between its neighbours: the usual case of a counter that goes up.
    if (
      index > 0 &&
      index < nodeCount(this.#arena, leaf) - 1 &&
      view.getFloat64(at - 8, true) < newScore &&
      newScore < view.getFloat64(at + 8, true)
    ) {
      view.setFloat64(at, newScore, true)
      return
    }
    // Inserted first, so that with too little memory the element stays where it was. Two entries of
    // one member cannot be confused, because their scores differ.
    this.insert(newScore, member, block)
    this.remove(score, member)
  }

  /** Overwrites the score at a position by an equal one (0 for -0). */
  rewriteScore(position: TreePosition, score: number): void {
    const { leaf, index } = position
    this.#arena.source(leaf).view.setFloat64(this.#arena.start(leaf) + SCORES + 8 * index, score, true)
  }

  // ── ranks ────────────────────────────────────────────────────────────────

  /** Returns how many elements come before an element of the tree. */
  rankOf(score: number, member: Bytes): number {
    this.#descend(score, member)
    let rank = numberAt(pathIndex, this.#height)
    for (let level = 0; level < this.#height; level++)
      rank += elementsBefore(this.#arena, numberAt(pathNode, level), numberAt(pathIndex, level))
    return rank
  }

  /** Returns how many elements have a score below `score`, or equal to it when `orEqual`. */
  countBelow(score: number, orEqual: boolean): number {
    let node = this.#root
    if (node === 0) return 0
    let rank = 0
    for (let level = 0; level <= this.#height; level++) {
      const leaf = level === this.#height
      const { view } = this.#arena.source(node)
      const start = this.#arena.start(node)
      const scores = start + (leaf ? SCORES : FIRST_SCORES)
      let low = 0
      let high = view.getInt32(start, true)
      while (low < high) {
        const middle = (low + high) >>> 1
        const found = view.getFloat64(scores + 8 * middle, true)
        if (found < score || (orEqual && found === score)) low = middle + 1
        else high = middle
      }
      if (leaf) return rank + low
      if (low === 0) return rank
      rank += elementsBefore(this.#arena, node, low - 1)
      node = view.getInt32(start + CHILDREN + 4 * (low - 1), true)
    }
    return rank
  }

  /**
   * Returns how many elements have a member below `member`, or equal to it when `orEqual`. All
   * scores must be equal.
   */
  countBelowMember(member: Bytes, orEqual: boolean): number {
    let node = this.#root
    if (node === 0) return 0
    let rank = 0
    for (let level = 0; level <= this.#height; level++) {
      const leaf = level === this.#height
      const { view } = this.#arena.source(node)
      const start = this.#arena.start(node)
      const blocks = start + (leaf ? BLOCKS : FIRST_BLOCKS)
      let low = 0
      let high = view.getInt32(start, true)
      while (low < high) {
        const middle = (low + high) >>> 1
        const order = this.#compareMember(view.getInt32(blocks + 4 * middle, true), member)
        if (order < 0 || (orEqual && order === 0)) low = middle + 1
        else high = middle
      }
      if (leaf) return rank + low
      if (low === 0) return rank
      rank += elementsBefore(this.#arena, node, low - 1)
      node = view.getInt32(start + CHILDREN + 4 * (low - 1), true)
    }
    return rank
  }

  // ── walking ──────────────────────────────────────────────────────────────

  /** Moves a position to rank `rank`, 0 ≤ rank < length. */
  seek(rank: number, position: TreePosition): void {
    if (CHECKED) assert(rank >= 0 && rank < this.length, 'a rank is that of an element')
    this.#descendToRank(rank)
    position.leaf = numberAt(pathNode, this.#height)
    position.index = numberAt(pathIndex, this.#height)
  }

  /** Moves a position to the next element; false at the end. */
  next(position: TreePosition): boolean {
    if (++position.index < nodeCount(this.#arena, position.leaf)) return true
    const leaf = linkOf(this.#arena, position.leaf, NEXT)
    if (leaf === 0) return false
    position.leaf = leaf
    position.index = 0
    return true
  }

  /** Moves a position to the previous element; false at the beginning. */
  previous(position: TreePosition): boolean {
    if (--position.index >= 0) return true
    const leaf = linkOf(this.#arena, position.leaf, PREVIOUS)
    if (leaf === 0) return false
    position.leaf = leaf
    position.index = nodeCount(this.#arena, leaf) - 1
    return true
  }

  scoreAt(position: TreePosition): number {
    const { leaf, index } = position
    return this.#arena.source(leaf).view.getFloat64(this.#arena.start(leaf) + SCORES + 8 * index, true)
  }

  /** Returns the block of the member at a position. */
  blockAt(position: TreePosition): number {
    const { leaf, index } = position
    return this.#arena.source(leaf).view.getInt32(this.#arena.start(leaf) + BLOCKS + 4 * index, true)
  }

  /**
   * Moves a run to elements with a score of `score` or more, as many as lie in one leaf; false when
   * there are none.
   */
  seekScore(score: number, run: ScoreSpan): boolean {
    let node = this.#root
    if (node === 0) return false
    for (let level = 0; level < this.#height; level++) {
      const { view } = this.#arena.source(node)
      const start = this.#arena.start(node)
      // The last child whose first element is below the score, or else the first child.
      const below = countBelow(view, start + FIRST_SCORES, view.getInt32(start, true), score)
      node = view.getInt32(start + CHILDREN + 4 * Math.max(0, below - 1), true)
    }
    const { view } = this.#arena.source(node)
    const start = this.#arena.start(node)
    const count = view.getInt32(start, true)
    this.#placeRun(run, node, countBelow(view, start + SCORES, count, score))
    return run.count > 0 || this.nextRun(run)
  }

  /** Moves a run to the next leaf; false at the end. */
  nextRun(run: ScoreSpan): boolean {
    const leaf = linkOf(this.#arena, run.leaf, NEXT)
    if (leaf === 0) return false
    this.#placeRun(run, leaf, 0)
    return true
  }

  #placeRun(run: ScoreSpan, leaf: number, index: number): void {
    const start = this.#arena.start(leaf)
    run.view = this.#arena.source(leaf).view
    run.scoresAt = start + SCORES + 8 * index
    run.handlesAt = start + BLOCKS + 4 * index
    run.count = nodeCount(this.#arena, leaf) - index
    run.leaf = leaf
  }

  // ── the end ──────────────────────────────────────────────────────────────

  /**
   * Frees leaves with about `max` elements; true when none is left. After the first call only
   * further calls are allowed.
   */
  freeSome(max: number): boolean {
    if (this.#root === 0) return true
    if (this.#freeing === 0) {
      this.seek(0, freed)
      this.#freeing = freed.leaf
    }
    while (max > 0 && this.#freeing !== 0) {
      const leaf = this.#freeing
      max -= nodeCount(this.#arena, leaf)
      this.#freeing = linkOf(this.#arena, leaf, NEXT)
      if (this.#height > 0) this.#release(leaf)
    }
    if (this.#freeing !== 0) return false
    this.#freeInner(this.#root, this.#height)
    this.#root = 0
    this.#height = 0
    this.length = 0
    return true
  }

  /** Frees all nodes. */
  free(): void {
    this.freeSome(Number.POSITIVE_INFINITY)
  }

  /** Frees the nodes above the leaves, or a root that is a leaf. */
  #freeInner(node: number, height: number): void {
    if (height > 1) {
      for (let i = nodeCount(this.#arena, node) - 1; i >= 0; i--)
        this.#freeInner(childOf(this.#arena, node, i), height - 1)
    }
    this.#release(node)
  }

  // ── the way down ─────────────────────────────────────────────────────────

  /** Records the path to an element, or to where it belongs. */
  #descend(score: number, member: Bytes): void {
    let node = this.#root
    const height = this.#height
    for (let level = 0; level < height; level++) {
      const { view } = this.#arena.source(node)
      const start = this.#arena.start(node)
      // The last child whose first element is not behind the wanted one.
      let low = 1
      let high = view.getInt32(start, true)
      while (low < high) {
        const middle = (low + high) >>> 1
        const found = view.getFloat64(start + FIRST_SCORES + 8 * middle, true)
        if (
          found < score ||
          (found === score && this.#compareMember(view.getInt32(start + FIRST_BLOCKS + 4 * middle, true), member) <= 0)
        ) {
          low = middle + 1
        } else {
          high = middle
        }
      }
      pathNode[level] = node
      pathIndex[level] = low - 1
      node = view.getInt32(start + CHILDREN + 4 * (low - 1), true)
    }
    const { view } = this.#arena.source(node)
    const start = this.#arena.start(node)
    let low = 0
    let high = view.getInt32(start, true)
    while (low < high) {
      const middle = (low + high) >>> 1
      const found = view.getFloat64(start + SCORES + 8 * middle, true)
      if (
        found < score ||
        (found === score && this.#compareMember(view.getInt32(start + BLOCKS + 4 * middle, true), member) < 0)
      ) {
        low = middle + 1
      } else {
        high = middle
      }
    }
    pathNode[height] = node
    pathIndex[height] = low
  }

  #descendToRank(rank: number): void {
    let node = this.#root
    for (let level = 0; level < this.#height; level++) {
      const { view } = this.#arena.source(node)
      const start = this.#arena.start(node)
      let index = 0
      let elements = view.getInt32(start + ELEMENTS, true)
      while (rank >= elements) {
        rank -= elements
        index++
        elements = view.getInt32(start + ELEMENTS + 4 * index, true)
      }
      pathNode[level] = node
      pathIndex[level] = index
      node = view.getInt32(start + CHILDREN + 4 * index, true)
    }
    pathNode[this.#height] = node
    pathIndex[this.#height] = rank
  }

  /**
   * Walks the whole tree. Elements are in order; each inner node records how many are below each
   * child, and the first of them.
   */
  check(): void {
    if (!CHECKED) return
    if (this.length === 0) return
    assert(this.#checkNode(this.#root, this.#height) === this.length, 'the root counts all elements')
    const position = new TreePosition()
    const member = new Bytes()
    this.seek(0, position)
    let elements = 1
    let score = this.scoreAt(position)
    let block = this.blockAt(position)
    while (this.next(position)) {
      elements++
      const next = this.scoreAt(position)
      const order =
        score - next || this.#compareMember(block, this.#dictionary.memberOfBlock(this.blockAt(position), member))
      assert(order < 0, 'each element is before the next')
      score = next
      block = this.blockAt(position)
    }
    assert(elements === this.length, 'leaves link all elements')
  }

  /** Checks a node and all nodes below it; returns the number of its elements. */
  #checkNode(node: number, height: number): number {
    const count = nodeCount(this.#arena, node)
    assert(count > 0 && count <= (height === 0 ? LEAF_MAX : INNER_MAX), 'a node is neither empty nor too full')
    if (height === 0) return count
    const { view } = this.#arena.source(node)
    const start = this.#arena.start(node)
    let elements = 0
    for (let i = 0; i < count; i++) {
      const child = childOf(this.#arena, node, i)
      const below = this.#checkNode(child, height - 1)
      assert(view.getInt32(start + ELEMENTS + 4 * i, true) === below, 'a node knows how many elements a child has')
      const first = this.#arena
        .source(child)
        .view.getInt32(this.#arena.start(child) + (height === 1 ? BLOCKS : FIRST_BLOCKS), true)
      assert(view.getInt32(start + FIRST_BLOCKS + 4 * i, true) === first, 'a node knows the first element of a child')
      elements += below
    }
    return elements
  }

  /** Compares the member of a block with another as memcmp does, the shorter first. */
  #compareMember(block: number, member: Bytes): number {
    const other = this.#dictionary.memberOfBlock(block, window)
    const length = Math.min(other.length, member.length)
    const a = other.source.u8
    const b = member.source.u8
    const aStart = other.start
    const bStart = member.start
    for (let i = 0; i < length; i++) {
      const difference = byteAt(a, aStart + i) - byteAt(b, bStart + i)
      if (difference !== 0) return difference
    }
    return other.length - member.length
  }

  // ── nodes ────────────────────────────────────────────────────────────────

  #allocate(): number {
    const node = this.#arena.allocate(NODE_BYTES)
    this.#nodes++
    return node
  }

  #release(node: number): void {
    this.#arena.free(node)
    this.#nodes--
  }

  /**
   * Allocates the nodes that the splits along the path will need: one for each full node, and a new
   * root when all are full.
   */
  #allocateSpares(): void {
    let level = this.#height
    let needed = 0
    let full = nodeCount(this.#arena, numberAt(pathNode, level)) === LEAF_MAX
    while (full) {
      needed++
      if (--level < 0) break
      full = nodeCount(this.#arena, numberAt(pathNode, level)) === INNER_MAX
    }
    if (level < 0) needed++
    for (let i = 0; i < needed; i++) {
      try {
        spare[i] = this.#allocate()
      } catch (error) {
        while (--i >= 0) this.#release(numberAt(spare, i))
        throw error
      }
    }
    spareNodes.count = needed
  }

  /**
   * Records that the first element below the path's node at `level` has changed, in all nodes above
   * that record it.
   */
  #setFirst(level: number, score: number, block: number): void {
    for (let above = level - 1; above >= 0; above--) {
      const node = numberAt(pathNode, above)
      const index = numberAt(pathIndex, above)
      const { view } = this.#arena.source(node)
      const start = this.#arena.start(node)
      view.setFloat64(start + FIRST_SCORES + 8 * index, score, true)
      view.setInt32(start + FIRST_BLOCKS + 4 * index, block, true)
      if (index > 0) return
    }
  }

  /**
   * Splits a full leaf, adds an element to the half where it belongs, and returns the new right
   * leaf.
   */
  #splitLeaf(leaf: number, index: number, score: number, block: number): number {
    const arena = this.#arena
    const right = numberAt(spare, --spareNodes.count)
    const next = linkOf(this.#arena, leaf, NEXT)
    const keep = index === LEAF_MAX && next === 0 ? LEAF_MAX : LEAF_MAX >>> 1
    const from = arena.source(leaf)
    const to = arena.source(right)
    const fromStart = arena.start(leaf)
    const toStart = arena.start(right)
    copyItems(to, toStart + SCORES, from, fromStart + SCORES + 8 * keep, 8 * (LEAF_MAX - keep))
    copyItems(to, toStart + BLOCKS, from, fromStart + BLOCKS + 4 * keep, 4 * (LEAF_MAX - keep))
    from.view.setInt32(fromStart, keep, true)
    to.view.setInt32(toStart, LEAF_MAX - keep, true)
    setLink(this.#arena, right, PREVIOUS, leaf)
    setLink(this.#arena, right, NEXT, next)
    setLink(this.#arena, leaf, NEXT, right)
    if (next !== 0) setLink(this.#arena, next, PREVIOUS, right)
    if (index < keep || (index === keep && keep < LEAF_MAX))
      insertIntoLeaf(this.#arena, leaf, keep, index, score, block)
    else insertIntoLeaf(this.#arena, right, LEAF_MAX - keep, index - keep, score, block)
    return right
  }

  /**
   * Adds `right`, the new neighbour of the child on the path, to the parent at `level`. Returns the
   * parent's own new neighbour if it had to split, else 0.
   */
  #insertChild(level: number, right: number): number {
    const arena = this.#arena
    if (level < 0) {
      // The root was split, so the tree gets one level more.
      const root = numberAt(spare, --spareNodes.count)
      const left = this.#root
      const height = this.#height
      this.#root = root
      this.#height++
      arena.source(root).view.setInt32(arena.start(root), 2, true)
      describeChild(this.#arena, root, 0, left, height)
      describeChild(this.#arena, root, 1, right, height)
      return 0
    }
    const node = numberAt(pathNode, level)
    const index = numberAt(pathIndex, level)
    const below = this.#height - level - 1
    const count = nodeCount(this.#arena, node)
    if (count < INNER_MAX) {
      openChild(this.#arena, node, count, index + 1)
      describeChild(this.#arena, node, index, childOf(this.#arena, node, index), below)
      describeChild(this.#arena, node, index + 1, right, below)
      return 0
    }
    const neighbour = numberAt(spare, --spareNodes.count)
    const last = index === INNER_MAX - 1
    const keep = last ? INNER_MAX : INNER_MAX >>> 1
    copyChildren(this.#arena, neighbour, 0, node, keep, INNER_MAX - keep)
    arena.source(node).view.setInt32(arena.start(node), keep, true)
    arena.source(neighbour).view.setInt32(arena.start(neighbour), INNER_MAX - keep, true)
    if (index < keep) describeChild(this.#arena, node, index, childOf(this.#arena, node, index), below)
    else describeChild(this.#arena, neighbour, index - keep, childOf(this.#arena, neighbour, index - keep), below)
    if (index + 1 <= keep && keep < INNER_MAX) {
      openChild(this.#arena, node, keep, index + 1)
      describeChild(this.#arena, node, index + 1, right, below)
    } else {
      openChild(this.#arena, neighbour, INNER_MAX - keep, index + 1 - keep)
      describeChild(this.#arena, neighbour, index + 1 - keep, right, below)
    }
    return neighbour
  }

  // ── removing ─────────────────────────────────────────────────────────────

  /** Removes `removed` elements from the end of the path on. */
  #removeFromLeaf(removed: number): void {
    const arena = this.#arena
    const height = this.#height
    const leaf = numberAt(pathNode, height)
    const index = numberAt(pathIndex, height)
    const source = arena.source(leaf)
    const start = arena.start(leaf)
    const count = source.view.getInt32(start, true)
    this.length -= removed
    if (this.length === 0) {
      // A root with one child is always removed, so the root is this leaf.
      this.#release(this.#root)
      this.#root = 0
      return
    }
    for (let above = height - 1; above >= 0; above--) {
      const { view } = arena.source(numberAt(pathNode, above))
      const at = arena.start(numberAt(pathNode, above)) + ELEMENTS + 4 * numberAt(pathIndex, above)
      view.setInt32(at, view.getInt32(at, true) - removed, true)
    }
    if (removed === count) {
      this.#unlinkLeaf(leaf)
      this.#removeNode(height)
      return
    }
    close(source, start + SCORES, 8, index, removed, count)
    close(source, start + BLOCKS, 4, index, removed, count)
    const left = count - removed
    source.view.setInt32(start, left, true)
    if (index === 0 && height > 0) {
      this.#setFirst(height, source.view.getFloat64(start + SCORES, true), source.view.getInt32(start + BLOCKS, true))
    }
    if (left < LEAF_MAX >>> 2 && height > 0) this.#join(height)
  }

  #unlinkLeaf(leaf: number): void {
    const previous = linkOf(this.#arena, leaf, PREVIOUS)
    const next = linkOf(this.#arena, leaf, NEXT)
    if (previous !== 0) setLink(this.#arena, previous, NEXT, next)
    if (next !== 0) setLink(this.#arena, next, PREVIOUS, previous)
  }

  /** Removes the path's node at `level`, which is empty, from its parent; level > 0. */
  #removeNode(level: number): void {
    this.#release(numberAt(pathNode, level))
    const parent = numberAt(pathNode, level - 1)
    const index = numberAt(pathIndex, level - 1)
    closeChild(this.#arena, parent, index)
    const count = nodeCount(this.#arena, parent)
    if (count === 0) {
      this.#removeNode(level - 1)
      return
    }
    if (index === 0) {
      const { view } = this.#arena.source(parent)
      const start = this.#arena.start(parent)
      const score = view.getFloat64(start + FIRST_SCORES, true)
      this.#setFirst(level - 1, score, view.getInt32(start + FIRST_BLOCKS, true))
    }
    this.#afterLosingChild(level - 1)
  }

  /**
   * Called after the path's inner node at `level` lost a child: a root with one child is removed,
   * another node may join a neighbour.
   */
  #afterLosingChild(level: number): void {
    if (level > 0) {
      if (nodeCount(this.#arena, numberAt(pathNode, level)) < INNER_MAX >>> 2) this.#join(level)
      return
    }
    while (this.#height > 0 && nodeCount(this.#arena, this.#root) === 1) {
      const child = childOf(this.#arena, this.#root, 0)
      this.#release(this.#root)
      this.#root = child
      this.#height--
    }
  }

  /**
   * Joins the path's node at `level` with a neighbour below the same parent, if both fit into one
   * node with room to spare; level > 0.
   */
  #join(level: number): void {
    const parent = numberAt(pathNode, level - 1)
    const index = numberAt(pathIndex, level - 1)
    const leaf = level === this.#height
    const max = ((leaf ? LEAF_MAX : INNER_MAX) * 3) >>> 2
    const count = nodeCount(this.#arena, numberAt(pathNode, level))
    let left: number
    if (index > 0 && nodeCount(this.#arena, childOf(this.#arena, parent, index - 1)) + count <= max) left = index - 1
    else if (
      index + 1 < nodeCount(this.#arena, parent) &&
      nodeCount(this.#arena, childOf(this.#arena, parent, index + 1)) + count <= max
    )
      left = index
    else return
    const target = childOf(this.#arena, parent, left)
    const source = childOf(this.#arena, parent, left + 1)
    const have = nodeCount(this.#arena, target)
    const more = nodeCount(this.#arena, source)
    const arena = this.#arena
    if (leaf) {
      const to = arena.source(target)
      const from = arena.source(source)
      const a = arena.start(target)
      const b = arena.start(source)
      copyItems(to, a + SCORES + 8 * have, from, b + SCORES, 8 * more)
      copyItems(to, a + BLOCKS + 4 * have, from, b + BLOCKS, 4 * more)
      this.#unlinkLeaf(source)
    } else {
      copyChildren(this.#arena, target, have, source, 0, more)
    }
    arena.source(target).view.setInt32(arena.start(target), have + more, true)
    const { view } = arena.source(parent)
    const elements = arena.start(parent) + ELEMENTS + 4 * left
    view.setInt32(elements, view.getInt32(elements, true) + view.getInt32(elements + 4, true), true)
    this.#release(source)
    closeChild(this.#arena, parent, left + 1)
    this.#afterLosingChild(level - 1)
  }
}

/** Returns how many of `count` ascending scores from byte `at` on are below `score`. */
function countBelow(view: DataView, at: number, count: number, score: number): number {
  let low = 0
  let high = count
  while (low < high) {
    const middle = (low + high) >>> 1
    if (view.getFloat64(at + 8 * middle, true) < score) low = middle + 1
    else high = middle
  }
  return low
}

/** One change of a tree is under way at a time. */
const spareNodes = {
  /** Nodes left in `spare`. */
  count: 0,
}
const freed = new TreePosition()
