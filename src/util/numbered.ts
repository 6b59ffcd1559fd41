// Things that are named by small numbers, as a table of 32-bit words can keep them. The number of what has gone is given again.

import { assert } from './assert.ts'
import { CHECKED } from './invariant.ts'

export class Numbered<T extends object> {
  readonly #things: (T | undefined)[] = []
  readonly #unused: number[] = []

  /** Returns the thing of a number; there must be one. */
  get(number: number): T {
    if (CHECKED) assert(this.#things[number] !== undefined, 'a number in use names a thing')
    return this.#things[number]!
  }

  has(number: number): boolean {
    return this.#things[number] !== undefined
  }

  /** Keeps a thing and returns its number. */
  add(thing: T): number {
    const number = this.#unused.pop() ?? this.#things.length
    this.#things[number] = thing
    return number
  }

  /** Forgets the thing of a number, and returns it. */
  remove(number: number): T {
    const thing = this.get(number)
    this.#things[number] = undefined
    this.#unused.push(number)
    return thing
  }

  *[Symbol.iterator](): IterableIterator<T> {
    for (const thing of this.#things) if (thing !== undefined) yield thing
  }
}
