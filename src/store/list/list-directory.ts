// The pages of a long list, in order: a ring of (block, number of elements) in one typed array.
//
// Adding or removing a page at either end moves no other page. In the middle, the shorter side
// moves. A list of one page has no directory.

import { numberAt } from '../../util/array-reads.ts'
import { assert } from '../../util/assert.ts'

/** Slots of a new directory. The number is always a power of two. */
const SLOTS_MIN = 8

export class PageDirectory {
  /** Number of pages. */
  count = 0
  /** Second result of `pageOf`: the number of the element in its page. */
  within = 0
  /** Slot of page 0. */
  #first = 0
  #words = new Int32Array(2 * SLOTS_MIN)

  get bytes(): number {
    return this.#words.byteLength
  }

  /** Returns the block of a page. */
  pageAt(page: number): number {
    return numberAt(this.#words, this.#word(page))
  }

  /** Returns how many elements a page holds. */
  elementsOf(page: number): number {
    return numberAt(this.#words, this.#word(page) + 1)
  }

  /**
   * Returns the page of element `index` among `length`, searched from the nearer end. Sets `within`
   * to the element's number in the page.
   */
  pageOf(index: number, length: number): number {
    const words = this.#words
    const mask = words.length - 1
    let word = 2 * this.#first + 1
    if (index < length >>> 1) {
      let rest = index
      for (; rest >= numberAt(words, word & mask); word += 2) rest -= numberAt(words, word & mask)
      this.within = rest
      return ((word >>> 1) - this.#first) | 0
    }
    word += 2 * (this.count - 1)
    let rest = length - 1 - index
    for (; rest >= numberAt(words, word & mask); word -= 2) rest -= numberAt(words, word & mask)
    this.within = numberAt(words, word & mask) - 1 - rest
    return ((word >>> 1) - this.#first) | 0
  }

  setPage(page: number, ref: number): void {
    this.#words[this.#word(page)] = ref
  }

  addElements(page: number, elements: number): void {
    this.#words[this.#word(page) + 1]! += elements
  }

  insert(page: number, ref: number, elements: number): void {
    const { count } = this
    if (2 * count === this.#words.length) this.#resize(2 * this.#words.length)
    if (page < count >>> 1) {
      this.#turn(-1)
      for (let i = 0; i < page; i++) this.#move(i + 1, i)
    } else {
      for (let i = count; i > page; i--) this.#move(i - 1, i)
    }
    this.count++
    const word = this.#word(page)
    this.#words[word] = ref
    this.#words[word + 1] = elements
  }

  remove(page: number): void {
    const { count } = this
    assert(page >= 0 && page < count, 'a page that is removed is in the directory')
    if (page < count >>> 1) {
      for (let i = page; i > 0; i--) this.#move(i - 1, i)
      this.#turn(1)
    } else {
      for (let i = page; i < count - 1; i++) this.#move(i + 1, i)
    }
    this.count--
    if (this.#words.length > 2 * SLOTS_MIN && 8 * this.count < this.#words.length)
      this.#resize(this.#words.length >>> 1)
  }

  #word(page: number): number {
    return (2 * (this.#first + page)) & (this.#words.length - 1)
  }

  #turn(slots: number): void {
    this.#first = (this.#first + slots) & ((this.#words.length >>> 1) - 1)
  }

  #move(from: number, to: number): void {
    const source = this.#word(from)
    const target = this.#word(to)
    this.#words[target] = numberAt(this.#words, source)
    this.#words[target + 1] = numberAt(this.#words, source + 1)
  }

  #resize(length: number): void {
    const words = new Int32Array(length)
    for (let i = 0; i < this.count; i++) {
      words[2 * i] = this.pageAt(i)
      words[2 * i + 1] = this.elementsOf(i)
    }
    this.#words = words
    this.#first = 0
  }
}
