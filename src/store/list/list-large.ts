// The elements of a list that are too large for a page. Each has a buffer of its own and a number.

import { assert } from '../../util/assert.ts'
import { Bytes, copyBytes, type Source } from '../../util/bytes/bytes.ts'
import type { Arena } from '../memory/arena.ts'

export class LargeElements {
  count = 0
  bytes = 0
  readonly #elements: (Source | undefined)[] = []
  readonly #unused: number[] = []

  get(index: number): Source {
    return this.#elements[index]!
  }

  /** Stores a copy of an element and returns its number. The arena counts its bytes. */
  add(element: Bytes, arena: Arena): number {
    const source = arena.allocateLarge(element.length)
    copyBytes(source, 0, element.source, element.start, element.length)
    const index = this.#unused.pop() ?? this.#elements.length
    this.#elements[index] = source
    this.count++
    this.bytes += element.length
    return index
  }

  remove(index: number, arena: Arena): void {
    const source = this.#elements[index]
    assert(source !== undefined, 'a large element is removed once')
    this.#elements[index] = undefined
    this.#unused.push(index)
    this.count--
    this.bytes -= source.u8.length
    arena.freeLarge(source)
  }

  /** Makes a copy in which every element keeps its number. */
  copy(arena: Arena): LargeElements {
    const copy = new LargeElements()
    for (let i = 0; i < this.#elements.length; i++) {
      const source = this.#elements[i]
      if (source !== undefined) copy.add(new Bytes(source, 0, source.u8.length), arena)
      else copy.#elements.push(undefined)
    }
    copy.#unused.push(...this.#unused)
    return copy
  }

  free(arena: Arena): void {
    for (const source of this.#elements) if (source !== undefined) arena.freeLarge(source)
  }
}
