// The pages of one list, and how to find element `index` or room for another in them.
//
// It moves entries as bytes without reading them; `List` reads them.

import { assert } from '../../util/assert.ts'
import { CHECKED } from '../../util/invariant.ts'
import { RESTLESS } from '../../util/restless.ts'
import { type Arena, ArenaFull } from '../memory/arena.ts'
import { PageDirectory } from './list-directory.ts'
import { entryBytesAt, entryBytesBefore } from './list-entry.ts'
import {
  appendPage,
  type End,
  grownPageBytes,
  highOf,
  lowOf,
  newPage,
  openGap,
  PAGE_BYTES,
  PAGE_HEADER_BYTES,
  pageBytesFor,
  resizePage,
  roomAfter,
  roomBefore,
  roomInPage,
  slideEntries,
  splitPage,
  usedBytes,
} from './list-page.ts'

/** The first page of a list is at least this large: a block of 32 bytes. */
const FIRST_PAGE_BYTES_MIN = 28
/** A single page shrinks once at most an eighth of it is used, but never below this. */
const SHRINKABLE_PAGE_BYTES_MIN = 508
/**
 * Neighbours that together fill no more than this are merged. A quarter stays free, so that the
 * page does not soon split again.
 */
const MERGED_PAGE_BYTES_MAX = RESTLESS ? 192 : 6 * 1024

/** Pages that one call of `moveBlocks` looks at; some have 8 KiB. */
const MOVED_AT_ONCE = RESTLESS ? 2 : 64

/** A position in a list, reused during a walk. Every change of the list invalidates it. */
export class ListPosition {
  index = 0
  page = 0
  /** The page's block. */
  ref = 0
  /** Where the entry starts in the block's source. */
  at = 0
  /** Number of the entry in its page. */
  within = 0
}

export class ListPages {
  readonly arena: Arena
  /** Number of elements in all pages. */
  length = 0
  /** The blocks of the first and the last page, 0 while there is none. */
  protected head = 0
  protected tail = 0
  protected pages = 0
  /** Used only while there are several pages; kept when a long list has shrunk to one. */
  protected directory: PageDirectory | undefined = undefined

  constructor(arena: Arena) {
    this.arena = arena.viewFor('list page')
  }

  // ── walking ──────────────────────────────────────────────────────────────

  /** Moves a position to element `index`, which must exist. */
  seek(index: number, to: ListPosition): void {
    if (CHECKED) assert(index >= 0 && index < this.length, 'a position is that of an element')
    let page = 0
    let within = index
    if (this.pages > 1) {
      const directory = this.directory!
      page = directory.pageOf(index, this.length)
      within = directory.within
    }
    const ref = this.pageAt(page)
    const { u8, view } = this.arena.source(ref)
    const base = this.arena.start(ref)
    const count = this.elementsOf(page)
    let at: number
    if (within <= count >>> 1) {
      at = base + view.getUint16(base, true)
      for (let i = 0; i < within; i++) at += entryBytesAt(u8, at)
    } else {
      at = base + view.getUint16(base + 2, true)
      for (let i = count; i > within; i--) at -= entryBytesBefore(u8, at)
    }
    to.page = page
    to.ref = ref
    to.at = at
    to.within = within
    to.index = index
  }

  /** Moves a position to the next element; false when there is none. */
  next(position: ListPosition): boolean {
    if (position.index === this.length - 1) return false
    position.index++
    position.within++
    if (position.within < this.elementsOf(position.page)) {
      position.at += entryBytesAt(this.arena.source(position.ref).u8, position.at)
      return true
    }
    position.page++
    position.within = 0
    position.ref = this.pageAt(position.page)
    position.at = this.startOf(position.page)
    return true
  }

  /** Moves a position to the previous element; false when there is none. */
  previous(position: ListPosition): boolean {
    if (position.index === 0) return false
    position.index--
    let { at } = position
    if (position.within === 0) {
      position.page--
      position.within = this.elementsOf(position.page)
      position.ref = this.pageAt(position.page)
      const base = this.arena.start(position.ref)
      at = base + this.arena.source(position.ref).view.getUint16(base + 2, true)
    }
    position.within--
    position.at = at - entryBytesBefore(this.arena.source(position.ref).u8, at)
    return true
  }

  // ── pages ────────────────────────────────────────────────────────────────

  /** Returns where the first entry of a page lies in its source. */
  protected startOf(page: number): number {
    const ref = this.pageAt(page)
    return this.arena.start(ref) + lowOf(this.arena, ref)
  }

  /**
   * Makes the page at one end have room for `size` more bytes there, or adds such a page; returns
   * the page.
   */
  protected makeRoom(end: End, size: number): number {
    const { arena } = this
    if (this.pages === 0) {
      const first = newPage(arena, Math.max(size + PAGE_HEADER_BYTES, FIRST_PAGE_BYTES_MIN), end)
      this.insertPage(0, first, 0)
      return first
    }
    const page = end === 'head' ? 0 : this.pages - 1
    const ref = this.pageAt(page)
    const capacity = arena.length(ref)
    const free = roomInPage(arena, ref)
    // A queue moves through its page. Sliding back pays only when it makes room for long, so half
    // of the page must be free. The remaining room is divided between both ends; otherwise a list
    // that grows at both would slide at every push.
    if (free >= size && 2 * free >= capacity) {
      const spare = (free - size) >>> 1
      slideEntries(arena, ref, PAGE_HEADER_BYTES + (end === 'tail' ? spare : free - spare))
      return ref
    }
    const grown = grownPageBytes(capacity, capacity - free + size)
    if (grown !== 0) return this.setPage(page, resizePage(arena, ref, grown, end))
    const added = newPage(arena, pageBytesFor(size), end)
    this.insertPage(end === 'head' ? 0 : this.pages, added, 0)
    return added
  }

  /** Makes the only page of a list smaller when most of it is free. */
  protected shrinkPage(): void {
    const capacity = this.arena.length(this.head)
    if (capacity <= SHRINKABLE_PAGE_BYTES_MIN) return
    const used = usedBytes(this.arena, this.head)
    if (8 * used < capacity) {
      try {
        this.setPage(0, resizePage(this.arena, this.head, 2 * used + PAGE_HEADER_BYTES, 'tail'))
      } catch (error) {
        // The arena is full. Elements were removed, which must not fail: the page stays as large as
        // it is.
        if (!(error instanceof ArenaFull)) throw error
      }
    }
  }

  /** Opens a gap of `size` bytes at a position, which then points at the gap. */
  protected openGap(to: ListPosition, size: number): void {
    const { arena } = this
    if (roomInPage(arena, to.ref) < size) {
      const capacity = arena.length(to.ref)
      const grown = grownPageBytes(capacity, capacity - roomInPage(arena, to.ref) + size)
      if (grown === 0) {
        this.#openGapBetween(to, size)
        return
      }
      const before = to.at - this.startOf(to.page)
      to.ref = this.setPage(to.page, resizePage(arena, to.ref, grown, 'tail'))
      to.at = this.startOf(to.page) + before
    }
    const base = arena.start(to.ref)
    to.at = base + openGap(arena, to.ref, to.at - base, size)
  }

  /**
   * Opens a gap where the page has no room: splits the page there, and adds a page between if
   * neither neighbour has room.
   */
  #openGapBetween(to: ListPosition, size: number): void {
    const { arena } = this
    const elements = this.elementsOf(to.page)
    if (to.within > 0) {
      if (to.within < elements) {
        const right = elements - to.within
        const added = splitPage(arena, to.ref, to.at - arena.start(to.ref))
        this.insertPage(to.page + 1, added, right)
        this.addElements(to.page, -right)
        if (roomInPage(arena, to.ref) >= size) {
          this.openGap(to, size)
          return
        }
      }
      to.page++
    }
    // The gap is now before page `to.page`. Room on the far side of the pages around it is not
    // used.
    if (to.page > 0 && roomAfter(arena, this.pageAt(to.page - 1)) >= size) {
      to.page--
      to.ref = this.pageAt(to.page)
      to.at = arena.start(to.ref) + highOf(arena, to.ref)
    } else if (to.page < this.pages && roomBefore(arena, this.pageAt(to.page)) >= size) {
      to.ref = this.pageAt(to.page)
      to.at = this.startOf(to.page)
    } else {
      to.ref = newPage(arena, pageBytesFor(size), 'tail')
      this.insertPage(to.page, to.ref, 0)
      to.at = arena.start(to.ref) + PAGE_HEADER_BYTES
    }
    this.openGap(to, size)
  }

  /** Merges a page with the next one if they fill little together; true when it did. */
  protected mergeWithNext(page: number): boolean {
    if (page < 0 || page + 1 >= this.pages) return false
    const { arena } = this
    const next = this.pageAt(page + 1)
    let ref = this.pageAt(page)
    const needed = usedBytes(arena, ref) + usedBytes(arena, next)
    if (needed > MERGED_PAGE_BYTES_MAX) return false
    if (roomInPage(arena, ref) < usedBytes(arena, next)) {
      ref = this.setPage(page, resizePage(arena, ref, PAGE_BYTES, 'tail'))
    }
    appendPage(arena, ref, next)
    this.addElements(page, this.elementsOf(page + 1))
    this.removePage(page + 1)
    return true
  }

  /** Moves some pages out of chunks that are being emptied (value.ts). */
  moveBlocks(from: number): number {
    const end = Math.min(this.pages, from + MOVED_AT_ONCE)
    for (let page = from; page < end; page++) {
      const ref = this.pageAt(page)
      const to = this.arena.moveIfLeaving(ref)
      if (to !== ref) this.setPage(page, to)
    }
    return end < this.pages ? end : 0
  }

  protected pageAt(page: number): number {
    if (page === 0) return this.head
    if (page === this.pages - 1) return this.tail
    return this.directory!.pageAt(page)
  }

  protected elementsOf(page: number): number {
    return this.pages === 1 ? this.length : this.directory!.elementsOf(page)
  }

  protected setPage(page: number, ref: number): number {
    if (page === 0) this.head = ref
    if (page === this.pages - 1) this.tail = ref
    if (this.pages > 1) this.directory!.setPage(page, ref)
    return ref
  }

  protected addElements(page: number, elements: number): void {
    if (this.pages > 1) this.directory!.addElements(page, elements)
  }

  /** Makes a block page number `page`. When it becomes the only page, it holds all of `length`. */
  protected insertPage(page: number, ref: number, elements: number): void {
    const pages = this.pages
    if (pages > 0) {
      const held = this.directory?.bytes ?? 0
      if (pages === 1) {
        this.directory ??= new PageDirectory()
        this.directory.count = 0
        this.directory.insert(0, this.head, this.length)
      }
      this.directory!.insert(page, ref, elements)
      if (this.directory!.bytes !== held) this.arena.account(this.directory!.bytes - held)
    }
    this.pages++
    if (page === 0) this.head = ref
    if (page === pages) this.tail = ref
  }

  /** Removes and frees a page whose elements are no longer counted in `length`. */
  protected removePage(page: number): void {
    this.arena.free(this.pageAt(page))
    this.pages--
    if (this.pages === 0) {
      this.head = 0
      this.tail = 0
      return
    }
    const directory = this.directory!
    const held = directory.bytes
    directory.remove(page)
    if (directory.bytes !== held) this.arena.account(directory.bytes - held)
    this.head = directory.pageAt(0)
    this.tail = directory.pageAt(this.pages - 1)
  }
}
