// A table that gives objects small numbers, for use in 32-bit words. The number of a removed object
// is used again.
//
// Earlier states can be kept (kept-pages.ts). An object from before the newest of them is *kept*:
// it is part of that state, so a writer must change a copy.

import { itemAt, numberAt } from '../array-reads.ts'
import { assert } from '../assert.ts'
import { CHECKED } from '../invariant.ts'
import { KeptPages } from '../memory/kept-pages.ts'
import { RESTLESS } from '../restless.ts'

const PAGE_SHIFT = RESTLESS ? 2 : 8
const PAGE_SIZE = 1 << PAGE_SHIFT
const PAGE_MASK = PAGE_SIZE - 1

/** The objects with their numbers when a state was kept. */
export interface NumberedState<T> {
  readonly things: readonly (T | undefined)[][]
  readonly since: readonly Int32Array[]
  readonly length: number
  readonly unused: readonly number[]
}

export class NumberedTable<T extends object> {
  /** The mark of new objects. An object with a lower mark is kept. */
  era = 0
  readonly #thingPages = new KeptPages<(T | undefined)[]>()
  readonly #sincePages = new KeptPages<Int32Array>()
  readonly #things = this.#thingPages.list
  readonly #since = this.#sincePages.list
  #length = 0
  #unused: number[] = []

  /** Returns the object of a number. There must be one. */
  get(number: number): T {
    const thing = itemAt(this.#things, number >>> PAGE_SHIFT)[number & PAGE_MASK]
    if (CHECKED) assert(thing !== undefined, 'a number in use names a thing')
    return thing!
  }

  has(number: number): boolean {
    return number < this.#length && itemAt(this.#things, number >>> PAGE_SHIFT)[number & PAGE_MASK] !== undefined
  }

  /** Adds an object and returns its number. */
  add(thing: T): number {
    const number = this.#unused.pop() ?? this.#next()
    this.#set(number, thing)
    return number
  }

  /** Removes the object of a number, and returns it. */
  remove(number: number): T {
    const thing = this.get(number)
    this.#write(number, undefined)
    this.#unused.push(number)
    return thing
  }

  /** Replaces the object of a number. */
  replace(number: number, thing: T): void {
    this.#set(number, thing)
  }

  /** Returns the era in which the object of a number was added. */
  sinceOf(number: number): number {
    return numberAt(itemAt(this.#since, number >>> PAGE_SHIFT), number & PAGE_MASK)
  }

  /** Tells whether the object of a number is part of an earlier state. */
  isKept(number: number): boolean {
    return this.era !== 0 && this.sinceOf(number) < this.era
  }

  *[Symbol.iterator](): IterableIterator<T> {
    for (const page of this.#things) for (const thing of page) if (thing !== undefined) yield thing
  }

  /** Iterates the objects that were added in this era or a later one. */
  *cameSince(era: number): IterableIterator<T> {
    for (let number = 0; number < this.#length; number++) {
      if (this.has(number) && this.sinceOf(number) >= era) yield this.get(number)
    }
  }

  // ── earlier states ───────────────────────────────────────────────────────

  /** Returns the present state, and begins an era. */
  keep(era: number): NumberedState<T> {
    this.era = era
    return {
      things: this.#thingPages.keep(),
      since: this.#sincePages.keep(),
      length: this.#length,
      unused: this.#unused.slice(),
    }
  }

  /** Returns to the state at the beginning of an era. */
  restore({ things, since, length, unused }: NumberedState<T>, era: number): void {
    this.era = era
    this.#thingPages.restore(things)
    this.#sincePages.restore(since)
    this.#length = length
    this.#unused = unused.slice()
  }

  /** Continues in an earlier era; 0 = no state is kept any more. */
  goBackTo(era: number): void {
    this.era = era
    if (era !== 0) return
    this.#thingPages.forget()
    this.#sincePages.forget()
  }

  #set(number: number, thing: T): void {
    this.#write(number, thing)
    // While no state is kept, the mark may stay old, because every later era is higher.
    if (this.era !== 0) this.#sincePages.writable(number >>> PAGE_SHIFT)[number & PAGE_MASK] = this.era
  }

  #write(number: number, thing: T | undefined): void {
    const page = number >>> PAGE_SHIFT
    if (this.era !== 0) this.#thingPages.writable(page)
    itemAt(this.#things, page)[number & PAGE_MASK] = thing
  }

  #next(): number {
    const number = this.#length++
    if (number >>> PAGE_SHIFT === this.#things.length) {
      this.#thingPages.push(new Array<T | undefined>(PAGE_SIZE).fill(undefined))
      this.#sincePages.push(new Int32Array(PAGE_SIZE))
    }
    return number
  }
}
