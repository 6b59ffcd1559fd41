// A list: a deque of elements in pages of bytes that lie in the arena.
//
//   head ─▶ page 0    page 1    …    page n-1 ◀─ tail
//   page: list-page.ts, an element in it: list-entry.ts
//   directory: the order of the pages and the elements of each, once there are two (list-directory.ts)
//
// A small list is one page that doubles as it grows; at PAGE_BYTES the list continues in another
// page. A push or a pop touches one page. A page is filled from the end at which it was added:
// elements pushed at the tail go upwards from the page's beginning, those pushed at the head
// downwards from its end. So pages become full whichever way a list grows. Finding an index skips
// whole pages by their counts.
//
// Elements above INLINE_ELEMENT_BYTES_MAX have large buffers, each named by a short entry in the
// page.
//
// The list also tracks the encoding that Redis would give it, and the nodes of its quicklist: see
// `beforeAdding` and list-nodes.ts.

import { byteAt } from '../../util/array-reads.ts'
import { assert } from '../../util/assert.ts'
import { Bytes, copyBytes, equalBytes, Source } from '../../util/bytes/bytes.ts'
import { CHECKED } from '../../util/invariant.ts'
import type { Arena } from '../memory/arena.ts'
import { ElementCursor } from '../structures/element-cursor.ts'
import type { ElementSink } from '../structures/element-sink.ts'
import { LISTPACK_SIZE_DEFAULT, type StructureSettings } from '../structures/encoding-limits.ts'
import { TYPE_LIST, type Value } from '../structures/value.ts'
import {
  elementAt,
  entryBytes,
  entryBytesAt,
  entryBytesBefore,
  INLINE_ELEMENT_BYTES_MAX,
  isLargeEntry,
  LISTPACK_FRAME_BYTES,
  largeIndexAt,
  listpackBytesAt,
  listpackEntryBytes,
  SHORT_ELEMENT_BYTES_MAX,
  writeEntry,
  writeLargeEntry,
} from './list-entry.ts'
import { LargeElements } from './list-large.ts'
import { ListNodes, type MeasuredElements, NodeLimit } from './list-nodes.ts'
import {
  closeGap,
  copyPage,
  type End,
  highOf,
  lowOf,
  PAGE_HEADER_BYTES,
  roomAfter,
  roomBefore,
  usedBytes,
} from './list-page.ts'
import { ListPages, ListPosition } from './list-pages.ts'

export type { End }

/** Bytes of a List and its empty fields on the JS heap. */
const OBJECT_BYTES = 128

export class List extends ListPages implements MeasuredElements, Value {
  static readonly type = TYPE_LIST
  readonly #host: StructureSettings
  #large: LargeElements | undefined = undefined
  /**
   * Bytes of the elements in Redis's listpack, its frame included. Not kept up to date while there
   * are nodes.
   */
  #listpackBytes = LISTPACK_FRAME_BYTES
  /** The nodes of Redis's quicklist; undefined while Redis would hold a listpack. */
  #nodes: ListNodes | undefined = undefined

  constructor(arena: Arena, host: StructureSettings) {
    super(arena)
    this.#host = host
    arena.account(OBJECT_BYTES)
  }

  get type(): number {
    return TYPE_LIST
  }

  // ── both ends ────────────────────────────────────────────────────────────

  /**
   * Adds a copy of an element, which must not lie in this list (see `rotate`). Throws ArenaFull,
   * having changed nothing.
   */
  push(end: End, element: Bytes): void {
    this.#push(end, element)
    this.#pushed(end, element)
  }

  /** Counts an element that was added at one end. */
  #pushed(end: End, element: Bytes): void {
    const bytes = listpackEntryBytes(element.source, element.start, element.length)
    const nodes = this.#nodes
    if (nodes === undefined) this.#listpackBytes += bytes
    else nodes.push(end, element.length, bytes)
  }

  #push(end: End, element: Bytes): void {
    const { arena } = this
    const size = entryBytes(element.length)
    let ref = end === 'tail' ? this.tail : this.head
    if (ref === 0 || (end === 'tail' ? roomAfter(arena, ref) : roomBefore(arena, ref)) < size) {
      ref = this.makeRoom(end, size)
    }
    const source = arena.source(ref)
    const { view } = source
    let at = arena.start(ref)
    if (end === 'tail') {
      const high = view.getUint16(at + 2, true)
      view.setUint16(at + 2, high + size, true)
      at += high
    } else {
      const low = view.getUint16(at, true) - size
      view.setUint16(at, low, true)
      at += low
    }
    this.#write(source, at, element)
    this.length++
    if (this.pages > 1) this.directory!.addElements(end === 'tail' ? this.pages - 1 : 0, 1)
  }

  /**
   * Points `window` at the element at one end; false when the list is empty. Valid until the list
   * changes.
   */
  peek(end: End, window: Bytes): boolean {
    if (this.length === 0) return false
    const { arena } = this
    if (end === 'head') {
      const base = arena.start(this.head)
      const source = arena.source(this.head)
      this.#element(source, base + source.view.getUint16(base, true), window)
    } else {
      const base = arena.start(this.tail)
      const source = arena.source(this.tail)
      const high = base + source.view.getUint16(base + 2, true)
      this.#element(source, high - entryBytesBefore(source.u8, high), window)
    }
    return true
  }

  /** Removes the element at one end of a list that is not empty. */
  drop(end: End): void {
    if (CHECKED) assert(this.length > 0, 'an element is dropped from a list that has one')
    this.#dropped(end, this.#drop(end))
  }

  /** Uncounts an element that was removed at one end. */
  #dropped(end: End, bytes: number): void {
    if (this.#nodes === undefined) this.#listpackBytes -= bytes
    else this.#nodes.drop(end, bytes)
  }

  /** Removes the element at one end, and returns the bytes that it took in a listpack. */
  #drop(end: End): number {
    const { arena } = this
    const ref = end === 'head' ? this.head : this.tail
    const source = arena.source(ref)
    const base = arena.start(ref)
    let low = source.view.getUint16(base, true)
    let high = source.view.getUint16(base + 2, true)
    let bytes: number
    if (end === 'head') {
      bytes = this.#forget(source, base + low)
      low += entryBytesAt(source.u8, base + low)
      source.view.setUint16(base, low, true)
    } else {
      high -= entryBytesBefore(source.u8, base + high)
      bytes = this.#forget(source, base + high)
      source.view.setUint16(base + 2, high, true)
    }
    this.length--
    if (this.pages > 1) this.directory!.addElements(end === 'tail' ? this.pages - 1 : 0, -1)
    if (low === high) this.removePage(end === 'head' ? 0 : this.pages - 1)
    else if (this.pages === 1) this.shrinkPage()
    return bytes
  }

  /** Removes up to `count` elements at one end. */
  dropMany(end: End, count: number): void {
    let left = Math.min(count, this.length)
    if (left <= 0) return
    this.#nodes?.dropMany(end, left, this.length, this)
    while (left > 0 && this.elementsOf(end === 'head' ? 0 : this.pages - 1) <= left) {
      const page = end === 'head' ? 0 : this.pages - 1
      left -= this.elementsOf(page)
      this.#dropPage(page)
    }
    for (; left > 0; left--) {
      const bytes = this.#drop(end)
      if (this.#nodes === undefined) this.#listpackBytes -= bytes
    }
  }

  /**
   * Moves the element at one end to the other end, or removes and adds it again at the same end.
   */
  rotate(from: End, to: End): void {
    if (!this.peek(from, rotated)) return
    if (rotated.length <= INLINE_ELEMENT_BYTES_MAX) {
      copyBytes(rotating, 0, rotated.source, rotated.start, rotated.length)
      rotated.set(rotating, 0, rotated.length)
    }
    // The element moves only if there is another one. Redis's encoding and nodes may change in
    // either case.
    const { length } = this
    const moves = from !== to && length > 1
    if (moves) this.#push(to, rotated)
    const held = this.length
    this.length = length - 1
    this.#dropped(from, listpackEntryBytes(rotated.source, rotated.start, rotated.length))
    this.beforeAdding(rotated.length, 1)
    this.#pushed(to, rotated)
    this.length = held
    if (moves) this.#drop(from)
  }

  // ── anywhere ─────────────────────────────────────────────────────────────

  /**
   * Points `window` at element `index` ≥ 0; false when there is none. Skips whole pages, from the
   * nearer end.
   */
  at(index: number, window: Bytes): boolean {
    if (index >= this.length) return false
    this.seek(index, position)
    this.#element(this.arena.source(position.ref), position.at, window)
    if (CHECKED) {
      const { at, ref } = position
      this.arena.checkWindow(ref, at, entryBytesAt(this.arena.source(ref).u8, at))
    }
    return true
  }

  /** Writes `count` elements from `index` on as bulk strings. All of them must exist. */
  writeRange(sink: ElementSink, index: number, count: number): void {
    if (count <= 0) return
    this.seek(index, position)
    let { page, at, within } = position
    while (true) {
      const source = this.arena.source(this.pageAt(page))
      const { u8 } = source
      let n = Math.min(count, this.elementsOf(page) - within)
      count -= n
      while (n > 0) {
        let short = 0
        for (let end = at; short < n && byteAt(u8, end) <= SHORT_ELEMENT_BYTES_MAX; short++) end += byteAt(u8, end) + 2
        if (short > 0) {
          at = sink.bulkRow(source, at, short)
          n -= short
        } else {
          this.#element(source, at, scratch)
          sink.bulkFrom(scratch.source, scratch.start, scratch.length)
          at += entryBytesAt(u8, at)
          n--
        }
      }
      if (count === 0) return
      page++
      within = 0
      at = this.startOf(page)
    }
  }

  /** Like `writeRange`, from `index` backwards. */
  writeRangeBackwards(sink: ElementSink, index: number, count: number): void {
    if (count <= 0) return
    this.seek(index, position)
    for (; count > 0; count--) {
      this.#element(this.arena.source(position.ref), position.at, scratch)
      sink.bulkFrom(scratch.source, scratch.start, scratch.length)
      if (count > 1) this.previous(position)
    }
  }

  /** Replaces element `index`, which must exist. */
  set(index: number, element: Bytes): void {
    this.seek(index, position)
    const source = this.arena.source(position.ref)
    const size = entryBytesAt(source.u8, position.at)
    let oldBytes: number
    if (size === entryBytes(element.length)) {
      oldBytes = this.#forget(source, position.at)
      this.#write(source, position.at, element)
    } else {
      // The new element goes in first, so a lack of memory changes nothing.
      this.#insertAt(position, element)
      this.seek(index + 1, position)
      oldBytes = this.#removeAt(position)
      if (!this.mergeWithNext(position.page)) this.mergeWithNext(position.page - 1)
    }
    const bytes = listpackEntryBytes(element.source, element.start, element.length)
    const nodes = this.#nodes
    if (nodes === undefined) {
      this.#listpackBytes += bytes - oldBytes
    } else {
      nodes.rewind(index < this.length >>> 1 ? 'head' : 'tail', this.length)
      nodes.seek(index)
      nodes.replaceHere(oldBytes, element.length, bytes)
    }
  }

  /**
   * Inserts an element before or after the first one equal to `pivot`; false when there is none.
   */
  insert(side: 'before' | 'after', pivot: Bytes, element: Bytes): boolean {
    if (this.length === 0) return false
    this.seek(0, position)
    while (!this.matches(position, pivot)) if (!this.next(position)) return false
    const { index } = position
    if (side === 'before') {
      this.#insertAt(position, element)
    } else if (index === this.length - 1) {
      this.#push('tail', element)
    } else {
      position.at += entryBytesAt(this.arena.source(position.ref).u8, position.at)
      position.within++
      this.#insertAt(position, element)
    }
    const bytes = listpackEntryBytes(element.source, element.start, element.length)
    const nodes = this.#nodes
    if (nodes === undefined) {
      this.#listpackBytes += bytes
    } else {
      nodes.rewind('head', this.length)
      nodes.seek(index)
      nodes.insertHere(side, index, element.length, bytes, this)
    }
    return true
  }

  /**
   * Removes elements equal to `element`: the first `count` of them, the last `-count`, or all when
   * 0. Returns their number.
   */
  remove(count: number, element: Bytes): number {
    if (this.length === 0) return 0
    const max = count === 0 ? this.length : Math.abs(count)
    const backwards = count < 0
    let removed = 0
    let page = backwards ? this.pages - 1 : 0
    /** The first element of the page, or, when backwards, the one behind its last. */
    let index = backwards ? this.length : 0
    this.#nodes?.rewind(backwards ? 'tail' : 'head', this.length)
    while (removed < max && page >= 0 && page < this.pages) {
      const before = this.elementsOf(page)
      const here = this.#removeInPage(page, index, element, max - removed, backwards)
      removed += here
      index += backwards ? -before : before - here
      // The page is empty and removed, or merged with a neighbour that was already searched.
      if (here > 0 && usedBytes(this.arena, this.pageAt(page)) === 0) {
        this.removePage(page)
        if (backwards) page--
      } else if (backwards) {
        if (here > 0) this.mergeWithNext(page)
        page--
      } else if (here === 0 || !this.mergeWithNext(page - 1)) {
        page++
      }
    }
    if (removed > 0 && this.pages === 1) this.shrinkPage()
    return removed
  }

  /** Keeps only `count` elements from `index` on. */
  trim(index: number, count: number): void {
    this.dropMany('tail', this.length - index - count)
    this.dropMany('head', index)
  }

  // ── walking ──────────────────────────────────────────────────────────────

  /** Tells whether the element at a position equals `element`. */
  matches(position: ListPosition, element: Bytes): boolean {
    return this.#equals(this.arena.source(position.ref), position.at, element)
  }

  /** Points `window` at the element at a position; valid until the list changes. */
  element(position: ListPosition, window: Bytes): Bytes {
    this.#element(this.arena.source(position.ref), position.at, window)
    return window
  }

  /** Tells whether some elements have buffers of their own. */
  get hasLargeElements(): boolean {
    return this.#large !== undefined
  }

  // ── encoding ─────────────────────────────────────────────────────────────

  /** The answer of OBJECT ENCODING. */
  get encoding(): 'listpack' | 'quicklist' {
    return this.#nodes === undefined ? 'listpack' : 'quicklist'
  }

  /**
   * Must be called before `count` elements of together `bytes` bytes are added.
   *
   * Redis holds a list as one listpack until it would pass the limit, then as a quicklist until
   * that has shrunk to one node of half the limit. So the encoding depends on the list's past, and
   * the list must be told.
   */
  beforeAdding(bytes: number, count: number): void {
    if (this.#nodes !== undefined) return
    const limit = NodeLimit.of(this.#host.limits.list.listpackSize)
    if (limit.exceededBy(this.#listpackBytes + bytes, this.length + count)) this.becomeQuicklist()
  }

  /**
   * Becomes a quicklist, of one node if the list has elements. SORT makes one with the default
   * limit, whatever the setting is.
   */
  becomeQuicklist(limit: 'set' | 'default' = 'set'): void {
    const size = limit === 'set' ? this.#host.limits.list.listpackSize : LISTPACK_SIZE_DEFAULT
    this.#nodes = new ListNodes(this.arena, NodeLimit.of(size))
    if (this.length > 0) this.#nodes.insertNode(0, this.length, this.#listpackBytes)
  }

  /** Must be called when a command that may have shortened the list is done. */
  afterRemoving(): void {
    this.#becomeListpack(2)
  }

  /**
   * Becomes a listpack if it is a quicklist of one node that takes at most a `part` of the limit.
   */
  #becomeListpack(part: 1 | 2): void {
    const nodes = this.#nodes
    if (nodes === undefined || nodes.count !== 1) return
    if (!nodes.isSmall(NodeLimit.of(this.#host.limits.list.listpackSize), part)) return
    this.#listpackBytes = nodes.onlyBytes
    nodes.free()
    this.#nodes = undefined
  }

  /** The nodes; undefined while the list is a listpack. */
  get nodes(): ListNodes | undefined {
    return this.#nodes
  }

  /** Adds an element to the last node of a quicklist that is being loaded. */
  load(element: Bytes): void {
    this.#push('tail', element)
    this.#nodes!.addToLast(listpackEntryBytes(element.source, element.start, element.length))
  }

  /** Adds a plain node to a quicklist that is being loaded. */
  loadPlain(element: Bytes): void {
    this.#push('tail', element)
    this.#nodes!.appendPlain()
  }

  /**
   * Must be called when a loaded quicklist, or one that is a command's result, is complete. It
   * becomes a listpack if it fits one.
   */
  afterBuilding(): void {
    this.#becomeListpack(1)
  }

  listpackBytesOf(index: number, count: number): number {
    let bytes = 0
    if (count > 0) this.seek(index, position)
    for (let left = count; left > 0; ) {
      this.#element(this.arena.source(position.ref), position.at, scratch)
      bytes += listpackEntryBytes(scratch.source, scratch.start, scratch.length)
      if (--left > 0) this.next(position)
    }
    return bytes
  }

  // ── the whole ────────────────────────────────────────────────────────────

  get bytes(): number {
    let bytes = OBJECT_BYTES + (this.#large?.bytes ?? 0) + (this.directory?.bytes ?? 0) + (this.#nodes?.bytes ?? 0)
    for (let i = 0; i < this.pages; i++) bytes += this.arena.capacity(this.pageAt(i)) + 4
    return bytes
  }

  elements(word: Bytes, second: Bytes): ElementCursor {
    return new ListElements(this, word, second)
  }

  copy(arena: Arena, host = this.#host): List {
    const copy = new List(arena, host)
    for (let i = 0; i < this.pages; i++) {
      copy.insertPage(i, copyPage(copy.arena, this.arena, this.pageAt(i)), this.elementsOf(i))
      copy.length += this.elementsOf(i)
    }
    copy.#large = this.#large?.copy(arena)
    copy.#listpackBytes = this.#listpackBytes
    copy.#nodes = this.#nodes?.copy(arena)
    return copy
  }

  /** Walks all elements. Each page and node has as many elements and bytes as recorded. */
  check(): void {
    if (!CHECKED) return
    let elements = 0
    for (let page = 0; page < this.pages; page++) {
      const ref = this.pageAt(page)
      const low = lowOf(this.arena, ref)
      const high = highOf(this.arena, ref)
      assert(
        PAGE_HEADER_BYTES <= low && low < high && high <= this.arena.length(ref),
        'a page has entries, within its block',
      )
      let at = this.arena.start(ref) + low
      for (let left = this.elementsOf(page); left > 0; left--) at += entryBytesAt(this.arena.source(ref).u8, at)
      assert(at === this.arena.start(ref) + high, 'a page ends with its last entry')
      elements += this.elementsOf(page)
    }
    assert(elements === this.length, 'pages have all elements')
    if (this.#nodes !== undefined) this.#nodes.check(this.length, this)
    else
      assert(
        this.listpackBytesOf(0, this.length) === this.#listpackBytes - LISTPACK_FRAME_BYTES,
        'a listpack knows its bytes',
      )
  }

  free(): void {
    for (let i = 0; i < this.pages; i++) this.arena.free(this.pageAt(i))
    this.#large?.free(this.arena)
    this.#nodes?.free()
    this.arena.account(-OBJECT_BYTES - (this.directory?.bytes ?? 0))
    this.length = 0
    this.pages = 0
    this.head = 0
    this.tail = 0
    this.#large = undefined
    this.#nodes = undefined
    this.directory = undefined
  }

  freeSome(max: number): boolean {
    for (let freed = 0; this.pages > 0 && freed < max; ) {
      const page = this.pages - 1
      const elements = this.elementsOf(page)
      freed += elements
      this.length -= elements
      this.removePage(page)
    }
    if (this.pages > 0) return false
    this.free()
    return true
  }

  // ── entries ──────────────────────────────────────────────────────────────

  #element(source: Source, at: number, window: Bytes): void {
    if (isLargeEntry(source.u8, at)) {
      const large = this.#large!.get(largeIndexAt(source, at))
      window.set(large, 0, large.u8.length)
    } else {
      elementAt(source, at, window)
    }
  }

  #equals(source: Source, at: number, element: Bytes): boolean {
    const head = byteAt(source.u8, at)
    if (head < 128) {
      return head === element.length && equalBytes(source, at + 1, element.source, element.start, head)
    }
    if (element.length < 128) return false
    this.#element(source, at, scratch)
    return scratch.equals(element)
  }

  /** Writes an element as an entry. */
  #write(source: Source, at: number, element: Bytes): void {
    if (element.length <= INLINE_ELEMENT_BYTES_MAX) {
      writeEntry(source, at, element)
    } else {
      this.#large ??= new LargeElements()
      writeLargeEntry(source, at, this.#large.add(element, this.arena))
    }
  }

  /**
   * Frees what the entry refers to before it is removed. Returns the bytes that it took in a
   * listpack.
   */
  #forget(source: Source, at: number): number {
    if (!isLargeEntry(source.u8, at)) return listpackBytesAt(source, at)
    this.#element(source, at, scratch)
    const bytes = listpackEntryBytes(scratch.source, 0, scratch.length)
    this.#large!.remove(largeIndexAt(source, at), this.arena)
    if (this.#large!.count === 0) this.#large = undefined
    return bytes
  }

  // ── editing ──────────────────────────────────────────────────────────────

  /**
   * Inserts before the entry at a position, or at its page's end when `at` is there. Throws
   * ArenaFull, having changed nothing.
   */
  #insertAt(to: ListPosition, element: Bytes): void {
    const size = entryBytes(element.length)
    this.openGap(to, size)
    this.#write(this.arena.source(to.ref), to.at, element)
    this.length++
    this.addElements(to.page, 1)
  }

  /**
   * Removes the entry at a position, and its page if it was the last one. Returns the bytes that it
   * took in a listpack.
   */
  #removeAt(from: ListPosition): number {
    const bytes = this.#forget(this.arena.source(from.ref), from.at)
    closeGap(this.arena, from.ref, from.at - this.arena.start(from.ref))
    this.length--
    this.addElements(from.page, -1)
    if (usedBytes(this.arena, from.ref) === 0) this.removePage(from.page)
    return bytes
  }

  /**
   * Removes up to `max` entries equal to `element` from one page, and returns their number. `index`
   * is the number of the page's first element; when `backwards`, the search begins at the page's
   * end, and `index` is the number behind its last element.
   */
  #removeInPage(page: number, index: number, element: Bytes, max: number, backwards: boolean): number {
    const { arena } = this
    const ref = this.pageAt(page)
    const source = arena.source(ref)
    const base = arena.start(ref)
    const nodes = this.#nodes
    let removed = 0
    let kept = 0
    let at = base + (backwards ? highOf(arena, ref) : lowOf(arena, ref))
    for (let left = this.elementsOf(page); left > 0 && removed < max; left--) {
      const size = backwards ? entryBytesBefore(source.u8, at) : entryBytesAt(source.u8, at)
      if (backwards) at -= size
      if (this.#equals(source, at, element)) {
        const bytes = this.#forget(source, at)
        at = base + closeGap(arena, ref, at - base)
        if (nodes === undefined) {
          this.#listpackBytes -= bytes
        } else {
          nodes.seek(backwards ? index - 1 - kept - removed : index + kept)
          nodes.removeHere(bytes)
        }
        removed++
      } else {
        kept++
        if (!backwards) at += size
      }
    }
    this.length -= removed
    this.addElements(page, -removed)
    return removed
  }

  /** Removes a page with all its elements. */
  #dropPage(page: number): void {
    const elements = this.elementsOf(page)
    if (this.#large !== undefined || this.#nodes === undefined) {
      const source = this.arena.source(this.pageAt(page))
      let at = this.startOf(page)
      for (let i = 0; i < elements; i++) {
        const size = entryBytesAt(source.u8, at)
        const bytes = this.#forget(source, at)
        if (this.#nodes === undefined) this.#listpackBytes -= bytes
        at += size
      }
    }
    this.length -= elements
    this.removePage(page)
  }
}

class ListElements extends ElementCursor {
  readonly #list: List
  readonly #position = new ListPosition()
  #left: number
  #begun = false

  constructor(list: List, word: Bytes, second: Bytes) {
    super(word, second)
    this.#list = list
    this.#left = list.length
  }

  next(): boolean {
    const list = this.#list
    if (this.#left === 0) return false
    this.#left--
    if (this.#begun) {
      list.next(this.#position)
    } else {
      this.#begun = true
      list.seek(0, this.#position)
    }
    list.element(this.#position, this.word)
    return true
  }
}

const position = new ListPosition()
const scratch = new Bytes()
const rotated = new Bytes()
/** Holds the element that `rotate` moves, because the push may move its page. */
const rotating = Source.allocate(INLINE_ELEMENT_BYTES_MAX)
