// The nodes in which Redis would hold a long list. OBJECT ENCODING depends on them, and DUMP shows
// them.
//
// Redis's quicklist is a row of nodes, each a listpack. A new element joins a node beside it while
// that stays within list-max-listpack-size, as the setting was when the quicklist was made. A node
// is removed when it is empty. The pages here (list-page.ts) do not follow those rules. So this
// file keeps, in one word for each node, how many elements the node has and how many bytes they
// take in Redis:
//
//   0                        a plain node: one element, which no other may join (only RESTORE makes them)
//   [count u15][bytes u16]   a listpack, its frame included in the bytes
//   1 and 31 bits            a listpack of more bytes than that: the number of its entry in #wide
//
// The words form a ring, so adding or removing a node at either end moves no other word.

import { itemAt, numberAt } from '../../util/array-reads.ts'
import { assert } from '../../util/assert.ts'
import { CHECKED } from '../../util/invariant.ts'
import type { Arena } from '../memory/arena.ts'
import { LISTPACK_FRAME_BYTES } from './list-entry.ts'
import type { End } from './list-page.ts'

/** Room for nodes in a new ring. The number is always a power of two. */
const WORDS_MIN = 8
const NARROW_BYTES_MAX = 0xffff
const WIDE = 1 << 31
const PLAIN = 0
/** Bytes of a ListNodes on the JS heap, with its empty array. */
const OBJECT_BYTES = 200
const WIDE_BYTES = 48

/** Redis's list-max-listpack-size: limits in bytes for -1 … -5. */
const LISTPACK_BYTES_MAX = [0, 4096, 8192, 16384, 32768, 65536]
/** Where the limit is a count, a growing listpack still never exceeds this. */
const COUNTED_BYTES_MAX = 8192
/** The overhead that Redis assumes for an element before it has added it. */
const ESTIMATED_OVERHEAD_BYTES = 8

/** The largest size of a listpack, as list-max-listpack-size states it. */
export class NodeLimit {
  readonly bytes: number
  readonly count: number
  /** True when the limit is a count. Then a shrinking list is judged by its count alone. */
  readonly isCount: boolean

  readonly #setting: number
  static #last: NodeLimit | undefined = undefined

  /** Returns the limit that a setting means. */
  static of(setting: number): NodeLimit {
    const last = NodeLimit.#last
    if (last !== undefined && last.#setting === setting) return last
    NodeLimit.#last = new NodeLimit(setting)
    return NodeLimit.#last
  }

  private constructor(setting: number) {
    this.#setting = setting
    this.isCount = setting >= 0
    this.bytes = this.isCount ? COUNTED_BYTES_MAX : itemAt(LISTPACK_BYTES_MAX, Math.min(-setting, 5))
    this.count = this.isCount ? Math.max(setting, 1) : Number.POSITIVE_INFINITY
  }

  /** Tells whether a listpack would be too large. */
  exceededBy(bytes: number, count: number): boolean {
    return bytes > this.bytes || count > this.count
  }

  /**
   * Tells whether a quicklist of one node is small enough to be a listpack: at most a `part` of the
   * limit.
   */
  admits(bytes: number, count: number, part: 1 | 2): boolean {
    return this.isCount ? count <= Math.floor(this.count / part) : bytes <= this.bytes / part
  }
}

/**
 * The list, as its nodes see it: it measures how many bytes some of its elements take in a
 * listpack.
 */
export interface MeasuredElements {
  listpackBytesOf(index: number, count: number): number
}

interface WideNode {
  count: number
  bytes: number
}

export class ListNodes {
  /** Number of nodes. */
  count = 0
  readonly #arena: Arena
  readonly #limit: NodeLimit
  /** The most bytes of a node whose word may simply be added to. */
  readonly #narrowBytesMax: number
  #words = new Int32Array(WORDS_MIN)
  /** Index of the first node's word. */
  #first = 0
  #wide: (WideNode | undefined)[] | undefined = undefined
  #wideCount = 0
  /** The node that `seek` found last, and the index of its first element. */
  #node = 0
  #firstElement = 0

  /** The nodes keep `limit` for good, as a quicklist of Redis does. */
  constructor(arena: Arena, limit: NodeLimit) {
    this.#arena = arena
    this.#limit = limit
    this.#narrowBytesMax = Math.min(this.#limit.bytes, NARROW_BYTES_MAX)
    arena.account(this.bytes)
  }

  /** Bytes held. */
  get bytes(): number {
    return OBJECT_BYTES + this.#words.byteLength + WIDE_BYTES * this.#wideCount
  }

  /** True while a node takes more than 64 KiB. */
  get hasWide(): boolean {
    return this.#wideCount > 0
  }

  /** Returns how many elements a node has. */
  elementsOf(node: number): number {
    const word = this.#word(node)
    return word < 0 ? this.#wideOf(word).count : word === PLAIN ? 1 : word >>> 16
  }

  isPlain(node: number): boolean {
    return this.#word(node) === PLAIN
  }

  /**
   * Tells whether there is one node only, which may be a listpack and takes at most a `part` of the
   * limit.
   */
  isSmall(limit: NodeLimit, part: 1 | 2): boolean {
    return this.count === 1 && this.#word(0) !== PLAIN && limit.admits(this.bytesOf(0), this.elementsOf(0), part)
  }

  // ── both ends ────────────────────────────────────────────────────────────

  /**
   * Records that an element of `length` bytes, `bytes` of them in a listpack, was added at one end.
   */
  push(end: End, length: number, bytes: number): void {
    if (this.count > 0) {
      const node = end === 'head' ? 0 : this.count - 1
      const words = this.#words
      const at = (this.#first + node) & (words.length - 1)
      const word = numberAt(words, at)
      const estimated = (word & NARROW_BYTES_MAX) + length + ESTIMATED_OVERHEAD_BYTES
      // The estimate is never too low, so what it admits fits the word.
      if (word > PLAIN && estimated <= this.#narrowBytesMax && word >>> 16 < this.#limit.count) {
        words[at] = word + 0x10000 + bytes
        return
      }
      if (this.#admits(node, length)) {
        this.#add(node, 1, bytes)
        return
      }
    }
    this.insertNode(end === 'head' ? 0 : this.count, 1, LISTPACK_FRAME_BYTES + bytes)
  }

  /** Records that an element that took `bytes` was removed at one end. */
  drop(end: End, bytes: number): void {
    const words = this.#words
    const at = (this.#first + (end === 'head' ? 0 : this.count - 1)) & (words.length - 1)
    const word = numberAt(words, at)
    // The node has at least two elements, and is narrow.
    if (word > 0x1ffff) words[at] = word - 0x10000 - bytes
    else this.#remove(end === 'head' ? 0 : this.count - 1, 1, bytes)
  }

  /** Records that `count` elements will be removed at one end of a list of `length`. */
  dropMany(end: End, count: number, length: number, list: MeasuredElements): void {
    let left = count
    while (left > 0) {
      const node = end === 'head' ? 0 : this.count - 1
      const elements = this.elementsOf(node)
      if (elements > left) {
        this.#remove(node, left, list.listpackBytesOf(end === 'head' ? count - left : length - count, left))
        return
      }
      this.#removeNode(node)
      left -= elements
    }
  }

  // ── anywhere ─────────────────────────────────────────────────────────────

  /** Goes to an end of the list; `seek` walks from there. */
  rewind(end: End, length: number): void {
    this.#node = end === 'head' ? 0 : this.count
    this.#firstElement = end === 'head' ? 0 : length
  }

  /** Walks to the node of element `index`. */
  seek(index: number): void {
    while (index < this.#firstElement) this.#firstElement -= this.elementsOf(--this.#node)
    let elements = this.elementsOf(this.#node)
    while (index >= this.#firstElement + elements) {
      this.#firstElement += elements
      elements = this.elementsOf(++this.#node)
    }
  }

  /** Records that an element of the current node, which took `bytes`, was removed. */
  removeHere(bytes: number): void {
    this.#remove(this.#node, 1, bytes)
  }

  /**
   * Records that an element of the current node, which took `oldBytes`, was replaced. Redis does
   * not check whether the new one fits.
   */
  replaceHere(oldBytes: number, length: number, bytes: number): void {
    const node = this.#node
    if (this.#word(node) !== PLAIN) {
      this.#add(node, 0, bytes - oldBytes)
      return
    }
    if (this.#admits(node + 1, length)) this.#add(node + 1, 1, bytes)
    else this.insertNode(node + 1, 1, LISTPACK_FRAME_BYTES + bytes)
    this.#removeNode(node)
  }

  /**
   * Records that an element was inserted beside element `index`, which is in the current node.
   * `index` counts without the new element; `list` has it already.
   *
   * A full node is divided there, unless the element is at its end and a neighbour has room. After
   * a division, small nodes around it are joined.
   */
  insertHere(side: 'before' | 'after', index: number, length: number, bytes: number, list: MeasuredElements): void {
    const node = this.#node
    if (this.#admits(node, length)) {
      this.#add(node, 1, bytes)
      return
    }
    const elements = this.elementsOf(node)
    const offset = index - this.#firstElement
    if (offset === (side === 'after' ? elements - 1 : 0)) {
      const neighbour = side === 'after' ? node + 1 : node - 1
      if (this.#admits(neighbour, length)) this.#add(neighbour, 1, bytes)
      else this.insertNode(side === 'after' ? node + 1 : node, 1, LISTPACK_FRAME_BYTES + bytes)
      return
    }
    // The new node takes the elements beyond the inserted one, and the inserted one.
    const moved = side === 'after' ? elements - offset - 1 : offset
    const from = side === 'after' ? index + 2 : this.#firstElement
    const movedBytes = list.listpackBytesOf(from, moved)
    this.#add(node, -moved, -movedBytes)
    this.insertNode(side === 'after' ? node + 1 : node, moved + 1, LISTPACK_FRAME_BYTES + movedBytes + bytes)
    this.#joinAround(side === 'after' ? node : node + 1)
  }

  /** Joins nodes around a divided one that fit together, in Redis's order. */
  #joinAround(center: number): void {
    if (this.#joinWithNext(center - 2)) center--
    this.#joinWithNext(center + 1)
    if (this.#joinWithNext(center - 1)) center--
    this.#joinWithNext(center)
  }

  #joinWithNext(node: number): boolean {
    if (node < 0 || node + 1 >= this.count || this.isPlain(node) || this.isPlain(node + 1)) return false
    const count = this.elementsOf(node) + this.elementsOf(node + 1)
    const bytes = this.bytesOf(node) + this.bytesOf(node + 1) - LISTPACK_FRAME_BYTES
    if (this.#limit.exceededBy(bytes, count)) return false
    this.#removeNode(node + 1)
    this.#set(node, count, bytes)
    return true
  }

  // ── nodes ────────────────────────────────────────────────────────────────

  /** Inserts a node of `count` elements before node `node`. */
  insertNode(node: number, count: number, bytes: number): void {
    this.#insertWord(node, PLAIN)
    this.#set(node, count, bytes)
  }

  /** Appends an empty node, to be filled by `addToLast`. */
  appendEmpty(): void {
    this.insertNode(this.count, 0, LISTPACK_FRAME_BYTES)
  }

  /** Appends a plain node. */
  appendPlain(): void {
    this.#insertWord(this.count, PLAIN)
  }

  /** Adds an element to the last node, even if it is full. */
  addToLast(bytes: number): void {
    this.#add(this.count - 1, 1, bytes)
  }

  /** The bytes of the only node. */
  get onlyBytes(): number {
    return this.bytesOf(0)
  }

  /** Makes a copy that another arena counts. */
  copy(arena: Arena): ListNodes {
    const copy = new ListNodes(arena, this.#limit)
    for (let node = 0; node < this.count; node++) {
      if (this.isPlain(node)) copy.appendPlain()
      else copy.insertNode(node, this.elementsOf(node), this.bytesOf(node))
    }
    return copy
  }

  /** Measures every node. Together they have all elements of a list. */
  check(length: number, list: MeasuredElements): void {
    if (!CHECKED) return
    let index = 0
    for (let node = 0; node < this.count; node++) {
      const elements = this.elementsOf(node)
      assert(elements > 0 && index + elements <= length, 'a node has elements of its list')
      if (!this.isPlain(node)) {
        const bytes = list.listpackBytesOf(index, elements) + LISTPACK_FRAME_BYTES
        assert(this.bytesOf(node) === bytes, 'a node knows its bytes')
      }
      index += elements
    }
    assert(index === length, 'nodes have all elements')
  }

  free(): void {
    this.#arena.account(-this.bytes)
  }

  /** Tells whether a node exists and an element of `length` bytes may join it. */
  #admits(node: number, length: number): boolean {
    if (node < 0 || node >= this.count || this.#word(node) === PLAIN) return false
    const bytes = this.bytesOf(node) + length + ESTIMATED_OVERHEAD_BYTES
    return !this.#limit.exceededBy(bytes, this.elementsOf(node) + 1)
  }

  #add(node: number, count: number, bytes: number): void {
    this.#set(node, this.elementsOf(node) + count, this.bytesOf(node) + bytes)
  }

  #remove(node: number, count: number, bytes: number): void {
    const left = this.elementsOf(node) - count
    if (left === 0) this.#removeNode(node)
    else this.#set(node, left, this.bytesOf(node) - bytes)
  }

  /** Returns the bytes of a node's listpack; 0 for a plain node. */
  bytesOf(node: number): number {
    const word = this.#word(node)
    return word < 0 ? this.#wideOf(word).bytes : word & NARROW_BYTES_MAX
  }

  #set(node: number, count: number, bytes: number): void {
    if (CHECKED) assert(count >= 0 && bytes >= 0, 'a node has no less than nothing')
    const at = (this.#first + node) & (this.#words.length - 1)
    const word = numberAt(this.#words, at)
    if (bytes <= NARROW_BYTES_MAX) {
      if (word < 0) this.#forgetWide(word)
      this.#words[at] = (count << 16) | bytes
    } else if (word < 0) {
      const wide = this.#wideOf(word)
      wide.count = count
      wide.bytes = bytes
    } else {
      this.#words[at] = WIDE | this.#addWide({ count, bytes })
    }
  }

  #wideOf(word: number): WideNode {
    return this.#wide![word & ~WIDE]!
  }

  #addWide(wide: WideNode): number {
    this.#wide ??= []
    let index = this.#wideCount === this.#wide.length ? -1 : this.#wide.indexOf(undefined)
    if (index === -1) index = this.#wide.length
    this.#wide[index] = wide
    this.#wideCount++
    this.#arena.account(WIDE_BYTES)
    return index
  }

  #forgetWide(word: number): void {
    this.#wide![word & ~WIDE] = undefined
    if (--this.#wideCount === 0) this.#wide = undefined
    this.#arena.account(-WIDE_BYTES)
  }

  #removeNode(node: number): void {
    const word = this.#word(node)
    if (word < 0) this.#forgetWide(word)
    const { count } = this
    if (node < count >>> 1) {
      for (let i = node; i > 0; i--) this.#move(i - 1, i)
      this.#first = (this.#first + 1) & (this.#words.length - 1)
    } else {
      for (let i = node; i < count - 1; i++) this.#move(i + 1, i)
    }
    this.count--
    if (this.#words.length > WORDS_MIN && 4 * this.count < this.#words.length) this.#resize(this.#words.length >>> 1)
  }

  #insertWord(node: number, word: number): void {
    const { count } = this
    if (count === this.#words.length) this.#resize(2 * count)
    if (node < count >>> 1) {
      this.#first = (this.#first - 1) & (this.#words.length - 1)
      for (let i = 0; i < node; i++) this.#move(i + 1, i)
    } else {
      for (let i = count; i > node; i--) this.#move(i - 1, i)
    }
    this.count++
    this.#words[(this.#first + node) & (this.#words.length - 1)] = word
  }

  #word(node: number): number {
    return numberAt(this.#words, (this.#first + node) & (this.#words.length - 1))
  }

  #move(from: number, to: number): void {
    this.#words[(this.#first + to) & (this.#words.length - 1)] = this.#word(from)
  }

  #resize(length: number): void {
    const words = new Int32Array(length)
    for (let i = 0; i < this.count; i++) words[i] = this.#word(i)
    this.#arena.account(words.byteLength - this.#words.byteLength)
    this.#words = words
    this.#first = 0
  }
}
