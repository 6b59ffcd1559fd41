// The order of a large sorted set: a counted B+tree of (score, member), in the arena.
//
//   leaf   [count][previous][next][score × LEAF_MAX][block × LEAF_MAX]
//   inner  [count][child × INNER_MAX][elements × INNER_MAX][block × INNER_MAX][score × INNER_MAX]
//
// A member is named by its block in the set's dictionary, which holds the bytes
// that decide among equal scores. An inner node knows of each child how many
// elements are below it, and its first element; so a rank is found, and told, on
// one way from the root. Leaves are linked both ways for ranges.
//
// Nodes are blocks of one size and no JavaScript objects: a million members cost
// the collector nothing. A node that is full splits in the middle, or at its end
// when the new element is the very last: ascending scores, as clocks make them,
// leave full leaves. A node emptied to a quarter joins a neighbour if there is
// room; one without elements goes.

import { Bytes, type Source } from '../util/bytes.ts'
import type { Arena } from './arena.ts'
import type { Dictionary } from './dictionary.ts'

/** Content of a node: with its length word it fills a size class. */
const NODE_BYTES = 1532

export const LEAF_MAX = 126
const PREVIOUS = 4
const NEXT = 8
const SCORES = 12
const BLOCKS = SCORES + 8 * LEAF_MAX

export const INNER_MAX = 76
const CHILDREN = 4
const ELEMENTS = CHILDREN + 4 * INNER_MAX
const FIRST_BLOCKS = ELEMENTS + 4 * INNER_MAX
const FIRST_SCORES = FIRST_BLOCKS + 4 * INNER_MAX

/** More levels than 2^31 elements in nodes with two children each could need. */
const LEVELS_MAX = 32

/** A place in the order. Valid until the tree changes. */
export class TreePosition {
  leaf = 0
  index = 0
}

/** The way from the root, level by level: the node, and which child was taken; at the leaf, where the element is or belongs. */
const pathNode = new Int32Array(LEVELS_MAX)
const pathIndex = new Int32Array(LEVELS_MAX)
/** Nodes allocated ahead for the splits of one insertion, so that a lack of memory changes nothing. */
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
  /** The first leaf while `freeSome` is at work. */
  #freeing = 0

  constructor(arena: Arena, dictionary: Dictionary) {
    this.#arena = arena
    this.#dictionary = dictionary
  }

  /** Bytes of all nodes. */
  get bytes(): number {
    return this.#nodes * (NODE_BYTES + 4)
  }

  // ── changing ─────────────────────────────────────────────────────────────

  /** Adds an element that is not there; `block` is its member's. Throws ArenaFull, having changed nothing. */
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
    // The counts on the way, and the first elements where it is the first.
    for (let above = height - 1; above >= 0; above--) {
      const { view } = arena.source(pathNode[above]!)
      const at = arena.start(pathNode[above]!) + 4 * pathIndex[above]!
      view.setInt32(at + ELEMENTS, view.getInt32(at + ELEMENTS, true) + 1, true)
    }
    const leaf = pathNode[level]!
    const index = pathIndex[level]!
    if (index === 0) this.#setFirst(level, score, block)
    this.length++
    const count = this.#count(leaf)
    if (count < LEAF_MAX) {
      this.#insertIntoLeaf(leaf, count, index, score, block)
      return
    }
    let right = this.#splitLeaf(leaf, index, score, block)
    for (level--; right !== 0; level--) right = this.#insertChild(level, right)
  }

  /** Removes an element that is there. */
  remove(score: number, member: Bytes): void {
    this.#descend(score, member)
    this.#removeFromLeaf(1)
  }

  /** Removes up to `max` elements from rank `rank` on, as many as lie in one leaf, and writes their blocks into `blocks`. Returns how many. */
  removeSome(rank: number, max: number, blocks: Int32Array): number {
    this.#descendToRank(rank)
    const leaf = pathNode[this.#height]!
    const index = pathIndex[this.#height]!
    const count = Math.min(max, this.#count(leaf) - index)
    const { view } = this.#arena.source(leaf)
    const at = this.#arena.start(leaf) + BLOCKS + 4 * index
    for (let i = 0; i < count; i++) blocks[i] = view.getInt32(at + 4 * i, true)
    this.#removeFromLeaf(count)
    return count
  }

  /** Gives an element another score. Throws ArenaFull, having changed nothing. */
  move(score: number, member: Bytes, block: number, newScore: number): void {
    this.#descend(score, member)
    const leaf = pathNode[this.#height]!
    const index = pathIndex[this.#height]!
    const { view } = this.#arena.source(leaf)
    const at = this.#arena.start(leaf) + SCORES + 8 * index
    // Between its neighbours still: the usual case of a counter that goes up.
    if (
      index > 0 &&
      index < this.#count(leaf) - 1 &&
      view.getFloat64(at - 8, true) < newScore &&
      newScore < view.getFloat64(at + 8, true)
    ) {
      view.setFloat64(at, newScore, true)
      return
    }
    // In first: should memory be short, the element stays where it was. Only a member that is there twice could be confused,
    // and the scores differ.
    this.insert(newScore, member, block)
    this.remove(score, member)
  }

  /** Overwrites the score at a position by an equal one (0 for -0). */
  rewriteScore(position: TreePosition, score: number): void {
    const { leaf, index } = position
    this.#arena.source(leaf).view.setFloat64(this.#arena.start(leaf) + SCORES + 8 * index, score, true)
  }

  // ── ranks ────────────────────────────────────────────────────────────────

  /** Returns how many elements come before one that is there. */
  rankOf(score: number, member: Bytes): number {
    this.#descend(score, member)
    let rank = pathIndex[this.#height]!
    for (let level = 0; level < this.#height; level++) rank += this.#elementsBefore(pathNode[level]!, pathIndex[level]!)
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
      rank += this.#elementsBefore(node, low - 1)
      node = view.getInt32(start + CHILDREN + 4 * (low - 1), true)
    }
    return rank
  }

  /** Returns how many elements have a member below `member`, or equal to it when `orEqual`; all scores must be equal. */
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
      rank += this.#elementsBefore(node, low - 1)
      node = view.getInt32(start + CHILDREN + 4 * (low - 1), true)
    }
    return rank
  }

  // ── walking ──────────────────────────────────────────────────────────────

  /** Moves a position to rank `rank`, 0 ≤ rank < length. */
  seek(rank: number, position: TreePosition): void {
    this.#descendToRank(rank)
    position.leaf = pathNode[this.#height]!
    position.index = pathIndex[this.#height]!
  }

  /** Moves a position to the next element; false at the end. */
  next(position: TreePosition): boolean {
    if (++position.index < this.#count(position.leaf)) return true
    const leaf = this.#link(position.leaf, NEXT)
    if (leaf === 0) return false
    position.leaf = leaf
    position.index = 0
    return true
  }

  /** Moves a position to the previous element; false at the beginning. */
  previous(position: TreePosition): boolean {
    if (--position.index >= 0) return true
    const leaf = this.#link(position.leaf, PREVIOUS)
    if (leaf === 0) return false
    position.leaf = leaf
    position.index = this.#count(leaf) - 1
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

  // ── the end ──────────────────────────────────────────────────────────────

  /** Frees leaves with about `max` elements; true when all is gone. Nothing but this may follow the first call. */
  freeSome(max: number): boolean {
    if (this.#root === 0) return true
    if (this.#freeing === 0) {
      this.seek(0, freed)
      this.#freeing = freed.leaf
    }
    while (max > 0 && this.#freeing !== 0) {
      const leaf = this.#freeing
      max -= this.#count(leaf)
      this.#freeing = this.#link(leaf, NEXT)
      if (this.#height > 0) this.#release(leaf)
    }
    if (this.#freeing !== 0) return false
    this.#freeInner(this.#root, this.#height)
    this.#root = 0
    this.#height = 0
    this.length = 0
    return true
  }

  /** Gives all nodes back. */
  free(): void {
    this.freeSome(Number.POSITIVE_INFINITY)
  }

  /** Frees the nodes above the leaves; a root that is a leaf, too. */
  #freeInner(node: number, height: number): void {
    if (height > 1) {
      for (let i = this.#count(node) - 1; i >= 0; i--) this.#freeInner(this.#child(node, i), height - 1)
    }
    this.#release(node)
  }

  // ── the way down ─────────────────────────────────────────────────────────

  /** Notes the way to an element, or to where it belongs. */
  #descend(score: number, member: Bytes): void {
    let node = this.#root
    const height = this.#height
    for (let level = 0; level < height; level++) {
      const { view } = this.#arena.source(node)
      const start = this.#arena.start(node)
      // The last child whose first element is not behind it.
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

  /** Orders the member of a block against another as memcmp does, the shorter first. */
  #compareMember(block: number, member: Bytes): number {
    const other = this.#dictionary.memberOfBlock(block, window)
    const length = Math.min(other.length, member.length)
    const a = other.source.u8
    const b = member.source.u8
    const aStart = other.start
    const bStart = member.start
    for (let i = 0; i < length; i++) {
      const difference = a[aStart + i]! - b[bStart + i]!
      if (difference !== 0) return difference
    }
    return other.length - member.length
  }

  /** Returns how many elements are below the children before child `index`. */
  #elementsBefore(node: number, index: number): number {
    const { view } = this.#arena.source(node)
    const at = this.#arena.start(node) + ELEMENTS
    let elements = 0
    for (let i = 0; i < index; i++) elements += view.getInt32(at + 4 * i, true)
    return elements
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

  #count(node: number): number {
    return this.#arena.source(node).view.getInt32(this.#arena.start(node), true)
  }

  #child(node: number, index: number): number {
    return this.#arena.source(node).view.getInt32(this.#arena.start(node) + CHILDREN + 4 * index, true)
  }

  #link(leaf: number, which: number): number {
    return this.#arena.source(leaf).view.getInt32(this.#arena.start(leaf) + which, true)
  }

  #setLink(leaf: number, which: number, to: number): void {
    this.#arena.source(leaf).view.setInt32(this.#arena.start(leaf) + which, to, true)
  }

  /** Allocates what the splits along the path will need: a node for each full one, and a new root when all are. */
  #allocateSpares(): void {
    let level = this.#height
    let needed = 0
    let full = this.#count(pathNode[level]!) === LEAF_MAX
    while (full) {
      needed++
      if (--level < 0) break
      full = this.#count(pathNode[level]!) === INNER_MAX
    }
    if (level < 0) needed++
    for (let i = 0; i < needed; i++) {
      try {
        spare[i] = this.#allocate()
      } catch (error) {
        while (--i >= 0) this.#release(spare[i]!)
        throw error
      }
    }
    spares = needed
  }

  /** Says that the first element below the path's node at `level` is another one, to all whom it concerns. */
  #setFirst(level: number, score: number, block: number): void {
    for (let above = level - 1; above >= 0; above--) {
      const node = pathNode[above]!
      const index = pathIndex[above]!
      const { view } = this.#arena.source(node)
      const start = this.#arena.start(node)
      view.setFloat64(start + FIRST_SCORES + 8 * index, score, true)
      view.setInt32(start + FIRST_BLOCKS + 4 * index, block, true)
      if (index > 0) return
    }
  }

  #insertIntoLeaf(leaf: number, count: number, index: number, score: number, block: number): void {
    const source = this.#arena.source(leaf)
    const start = this.#arena.start(leaf)
    shift(source, start + SCORES, 8, index, count)
    shift(source, start + BLOCKS, 4, index, count)
    source.view.setFloat64(start + SCORES + 8 * index, score, true)
    source.view.setInt32(start + BLOCKS + 4 * index, block, true)
    source.view.setInt32(start, count + 1, true)
  }

  /** Divides a full leaf, adds an element to the half where it belongs, and returns the new right one. */
  #splitLeaf(leaf: number, index: number, score: number, block: number): number {
    const arena = this.#arena
    const right = spare[--spares]!
    const next = this.#link(leaf, NEXT)
    const keep = index === LEAF_MAX && next === 0 ? LEAF_MAX : LEAF_MAX >>> 1
    const from = arena.source(leaf)
    const to = arena.source(right)
    const fromStart = arena.start(leaf)
    const toStart = arena.start(right)
    copyItems(to, toStart + SCORES, from, fromStart + SCORES + 8 * keep, 8 * (LEAF_MAX - keep))
    copyItems(to, toStart + BLOCKS, from, fromStart + BLOCKS + 4 * keep, 4 * (LEAF_MAX - keep))
    from.view.setInt32(fromStart, keep, true)
    to.view.setInt32(toStart, LEAF_MAX - keep, true)
    this.#setLink(right, PREVIOUS, leaf)
    this.#setLink(right, NEXT, next)
    this.#setLink(leaf, NEXT, right)
    if (next !== 0) this.#setLink(next, PREVIOUS, right)
    if (index < keep || (index === keep && keep < LEAF_MAX)) this.#insertIntoLeaf(leaf, keep, index, score, block)
    else this.#insertIntoLeaf(right, LEAF_MAX - keep, index - keep, score, block)
    return right
  }

  /**
   * Tells the parent at `level` that the child on the path was divided, `right` being its new neighbour. Returns the parent's own
   * new neighbour if that had to be divided too, else 0.
   */
  #insertChild(level: number, right: number): number {
    const arena = this.#arena
    if (level < 0) {
      // The root was divided: one level more.
      const root = spare[--spares]!
      const left = this.#root
      const height = this.#height
      this.#root = root
      this.#height++
      arena.source(root).view.setInt32(arena.start(root), 2, true)
      this.#describe(root, 0, left, height)
      this.#describe(root, 1, right, height)
      return 0
    }
    const node = pathNode[level]!
    const index = pathIndex[level]!
    const below = this.#height - level - 1
    const count = this.#count(node)
    if (count < INNER_MAX) {
      this.#openChild(node, count, index + 1)
      this.#describe(node, index, this.#child(node, index), below)
      this.#describe(node, index + 1, right, below)
      return 0
    }
    const neighbour = spare[--spares]!
    const last = index === INNER_MAX - 1
    const keep = last ? INNER_MAX : INNER_MAX >>> 1
    this.#copyChildren(neighbour, 0, node, keep, INNER_MAX - keep)
    arena.source(node).view.setInt32(arena.start(node), keep, true)
    arena.source(neighbour).view.setInt32(arena.start(neighbour), INNER_MAX - keep, true)
    if (index < keep) this.#describe(node, index, this.#child(node, index), below)
    else this.#describe(neighbour, index - keep, this.#child(neighbour, index - keep), below)
    if (index + 1 <= keep && keep < INNER_MAX) {
      this.#openChild(node, keep, index + 1)
      this.#describe(node, index + 1, right, below)
    } else {
      this.#openChild(neighbour, INNER_MAX - keep, index + 1 - keep)
      this.#describe(neighbour, index + 1 - keep, right, below)
    }
    return neighbour
  }

  /** Makes place for a child before child `index` of a node that has `count`. */
  #openChild(node: number, count: number, index: number): void {
    const source = this.#arena.source(node)
    const start = this.#arena.start(node)
    shift(source, start + CHILDREN, 4, index, count)
    shift(source, start + ELEMENTS, 4, index, count)
    shift(source, start + FIRST_BLOCKS, 4, index, count)
    shift(source, start + FIRST_SCORES, 8, index, count)
    source.view.setInt32(start, count + 1, true)
  }

  /** Removes child `index` from a node. */
  #closeChild(node: number, index: number): void {
    const source = this.#arena.source(node)
    const start = this.#arena.start(node)
    const count = source.view.getInt32(start, true)
    close(source, start + CHILDREN, 4, index, 1, count)
    close(source, start + ELEMENTS, 4, index, 1, count)
    close(source, start + FIRST_BLOCKS, 4, index, 1, count)
    close(source, start + FIRST_SCORES, 8, index, 1, count)
    source.view.setInt32(start, count - 1, true)
  }

  #copyChildren(to: number, toIndex: number, from: number, fromIndex: number, count: number): void {
    const target = this.#arena.source(to)
    const source = this.#arena.source(from)
    const a = this.#arena.start(to)
    const b = this.#arena.start(from)
    copyItems(target, a + CHILDREN + 4 * toIndex, source, b + CHILDREN + 4 * fromIndex, 4 * count)
    copyItems(target, a + ELEMENTS + 4 * toIndex, source, b + ELEMENTS + 4 * fromIndex, 4 * count)
    copyItems(target, a + FIRST_BLOCKS + 4 * toIndex, source, b + FIRST_BLOCKS + 4 * fromIndex, 4 * count)
    copyItems(target, a + FIRST_SCORES + 8 * toIndex, source, b + FIRST_SCORES + 8 * fromIndex, 8 * count)
  }

  /** Writes into child `index` of a node what there is to say of `child`, which has `height` levels below it. */
  #describe(node: number, index: number, child: number, height: number): void {
    const { view } = this.#arena.source(node)
    const start = this.#arena.start(node)
    const childView = this.#arena.source(child).view
    const childStart = this.#arena.start(child)
    const count = childView.getInt32(childStart, true)
    const leaf = height === 0
    view.setInt32(start + CHILDREN + 4 * index, child, true)
    view.setInt32(start + ELEMENTS + 4 * index, leaf ? count : this.#elementsBefore(child, count), true)
    const firstBlock = childView.getInt32(childStart + (leaf ? BLOCKS : FIRST_BLOCKS), true)
    const firstScore = childView.getFloat64(childStart + (leaf ? SCORES : FIRST_SCORES), true)
    view.setInt32(start + FIRST_BLOCKS + 4 * index, firstBlock, true)
    view.setFloat64(start + FIRST_SCORES + 8 * index, firstScore, true)
  }

  // ── removing ─────────────────────────────────────────────────────────────

  /** Removes `removed` elements from where the path ends on. */
  #removeFromLeaf(removed: number): void {
    const arena = this.#arena
    const height = this.#height
    const leaf = pathNode[height]!
    const index = pathIndex[height]!
    const source = arena.source(leaf)
    const start = arena.start(leaf)
    const count = source.view.getInt32(start, true)
    this.length -= removed
    if (this.length === 0) {
      // A root with one child has always gone: it is this leaf.
      this.#release(this.#root)
      this.#root = 0
      return
    }
    for (let above = height - 1; above >= 0; above--) {
      const { view } = arena.source(pathNode[above]!)
      const at = arena.start(pathNode[above]!) + ELEMENTS + 4 * pathIndex[above]!
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
    const previous = this.#link(leaf, PREVIOUS)
    const next = this.#link(leaf, NEXT)
    if (previous !== 0) this.#setLink(previous, NEXT, next)
    if (next !== 0) this.#setLink(next, PREVIOUS, previous)
  }

  /** Removes the path's node at `level`, of which nothing is left, from its parent; level > 0. */
  #removeNode(level: number): void {
    this.#release(pathNode[level]!)
    const parent = pathNode[level - 1]!
    const index = pathIndex[level - 1]!
    this.#closeChild(parent, index)
    const count = this.#count(parent)
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

  /** The path's node at `level`, an inner one, lost a child: the root goes when it has but one, others look for company. */
  #afterLosingChild(level: number): void {
    if (level > 0) {
      if (this.#count(pathNode[level]!) < INNER_MAX >>> 2) this.#join(level)
      return
    }
    while (this.#height > 0 && this.#count(this.#root) === 1) {
      const child = this.#child(this.#root, 0)
      this.#release(this.#root)
      this.#root = child
      this.#height--
    }
  }

  /** Joins the path's node at `level` with a neighbour below the same parent if both fit into one with room to spare; level > 0. */
  #join(level: number): void {
    const parent = pathNode[level - 1]!
    const index = pathIndex[level - 1]!
    const leaf = level === this.#height
    const max = ((leaf ? LEAF_MAX : INNER_MAX) * 3) >>> 2
    const count = this.#count(pathNode[level]!)
    let left: number
    if (index > 0 && this.#count(this.#child(parent, index - 1)) + count <= max) left = index - 1
    else if (index + 1 < this.#count(parent) && this.#count(this.#child(parent, index + 1)) + count <= max) left = index
    else return
    const target = this.#child(parent, left)
    const source = this.#child(parent, left + 1)
    const have = this.#count(target)
    const more = this.#count(source)
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
      this.#copyChildren(target, have, source, 0, more)
    }
    arena.source(target).view.setInt32(arena.start(target), have + more, true)
    const { view } = arena.source(parent)
    const elements = arena.start(parent) + ELEMENTS + 4 * left
    view.setInt32(elements, view.getInt32(elements, true) + view.getInt32(elements + 4, true), true)
    this.#release(source)
    this.#closeChild(parent, left + 1)
    this.#afterLosingChild(level - 1)
  }
}

/** Nodes left in `spare`. */
let spares = 0
const freed = new TreePosition()

/** Moves items from `index` on one place up. */
function shift(source: Source, start: number, size: number, index: number, count: number): void {
  if (index === count) return
  source.u8.copyWithin(start + size * (index + 1), start + size * index, start + size * count)
}

/** Removes `removed` items from `index` on. */
function close(source: Source, start: number, size: number, index: number, removed: number, count: number): void {
  if (index + removed === count) return
  source.u8.copyWithin(start + size * index, start + size * (index + removed), start + size * count)
}

function copyItems(to: Source, toStart: number, from: Source, fromStart: number, bytes: number): void {
  if (bytes > 0) to.u8.set(from.u8.subarray(fromStart, fromStart + bytes), toStart)
}
