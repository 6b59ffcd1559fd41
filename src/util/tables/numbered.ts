// Things that are named by small numbers, as a table of 32-bit words can keep them. The number of
// what has gone is given again.
//
// Earlier states can be kept (kept-pages.ts). A thing that came before the newest of them is
// *kept*: it is part of that state, and whoever wants to change it changes a copy.

import { assert } from '../assert.ts'
import { CHECKED } from '../invariant.ts'
import { KeptPages } from '../memory/kept-pages.ts'
import { RESTLESS } from '../restless.ts'

const PAGE_SHIFT = RESTLESS ? 2 : 8
const PAGE_SIZE = 1 << PAGE_SHIFT
const PAGE_MASK = PAGE_SIZE - 1

/** How things with their numbers were at one time. */
export interface NumberedState<T> {
  readonly things: readonly (T | undefined)[][]
  readonly since: readonly Int32Array[]
  readonly length: number
  readonly unused: readonly number[]
}

export class Numbered<T extends object> {
  /** What comes is marked with it; what bears a lower mark is kept. */
  era = 0
  readonly #thingPages = new KeptPages<(T | undefined)[]>()
  readonly #sincePages = new KeptPages<Int32Array>()
  readonly #things = this.#thingPages.list
  readonly #since = this.#sincePages.list
  #length = 0
  #unused: number[] = []

  /** Returns the thing of a number; there must be one. */
  get(number: number): T {
    const thing = this.#things[number >>> PAGE_SHIFT]![number & PAGE_MASK]
    if (CHECKED) assert(thing !== undefined, 'a number in use names a thing')
    return thing!
  }

  has(number: number): boolean {
    return number < this.#length && this.#things[number >>> PAGE_SHIFT]![number & PAGE_MASK] !== undefined
  }

  /** Keeps a thing and returns its number. */
  add(thing: T): number {
    const number = this.#unused.pop() ?? this.#next()
    this.#set(number, thing)
    return number
  }

  /** Forgets the thing of a number, and returns it. */
  remove(number: number): T {
    const thing = this.get(number)
    this.#write(number, undefined)
    this.#unused.push(number)
    return thing
  }

  /** Gives the number of a thing to another. */
  replace(number: number, thing: T): void {
    this.#set(number, thing)
  }

  /** The era in which the thing of a number came. */
  sinceOf(number: number): number {
    return this.#since[number >>> PAGE_SHIFT]![number & PAGE_MASK]!
  }

  /** Tells whether the thing of a number is part of an earlier state. */
  isKept(number: number): boolean {
    return this.era !== 0 && this.sinceOf(number) < this.era
  }

  *[Symbol.iterator](): IterableIterator<T> {
    for (const page of this.#things) for (const thing of page) if (thing !== undefined) yield thing
  }

  /** Those that came in this era or a later one. */
  *cameSince(era: number): IterableIterator<T> {
    for (let number = 0; number < this.#length; number++) {
      if (this.has(number) && this.sinceOf(number) >= era) yield this.get(number)
    }
  }

  // ── earlier states ───────────────────────────────────────────────────────

  /** Returns how everything is, and begins an era. */
  keep(era: number): NumberedState<T> {
    this.era = era
    return {
      things: this.#thingPages.keep(),
      since: this.#sincePages.keep(),
      length: this.#length,
      unused: this.#unused.slice(),
    }
  }

  /** Makes everything as it was at the beginning of an era. */
  restore({ things, since, length, unused }: NumberedState<T>, era: number): void {
    this.era = era
    this.#thingPages.restore(things)
    this.#sincePages.restore(since)
    this.#length = length
    this.#unused = unused.slice()
  }

  /** Goes on in an earlier era; 0 = no state is kept any more. */
  goBackTo(era: number): void {
    this.era = era
    if (era !== 0) return
    this.#thingPages.forget()
    this.#sincePages.forget()
  }

  #set(number: number, thing: T): void {
    this.#write(number, thing)
    // While nothing is kept an older mark does: every era to come is later.
    if (this.era !== 0) this.#sincePages.writable(number >>> PAGE_SHIFT)[number & PAGE_MASK] = this.era
  }

  #write(number: number, thing: T | undefined): void {
    const page = number >>> PAGE_SHIFT
    if (this.era !== 0) this.#thingPages.writable(page)
    this.#things[page]![number & PAGE_MASK] = thing
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
