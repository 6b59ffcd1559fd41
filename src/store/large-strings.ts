// The strings of a database that are too large for a block: buffers of their own, named by number.

import { Source } from '../util/bytes.ts'
import { discarded } from '../util/discarded.ts'
import { Numbered } from '../util/numbered.ts'

/** Room that a string which grows is given beyond its length: as much again, a megabyte at most, as sds has it. */
const SPARE_BYTES_MAX = 1024 * 1024

/** The first `length` bytes are the content, the rest is room to grow. */
export interface LargeString {
  source: Source
  length: number
}

export class LargeStrings {
  /** Bytes of all buffers. */
  bytes = 0
  readonly #strings = new Numbered<LargeString>()

  get(index: number): LargeString {
    return this.#strings.get(index)
  }

  /** Keeps a string, its buffer included, and returns its number. */
  add(large: LargeString): number {
    this.bytes += large.source.u8.length
    return this.#strings.add(large)
  }

  /** Makes a string longer or shorter; what is new in it is undefined. */
  resize(index: number, length: number): void {
    const large = this.#strings.get(index)
    const old = large.source
    if (length > old.u8.length) {
      const grown = allocateGrowing(length)
      old.u8.copy(grown.u8, 0, 0, large.length)
      this.bytes += grown.u8.length - old.u8.length
      large.source = grown
      discarded.add(old)
    }
    large.length = length
  }

  /** Forgets a string that is kept elsewhere from now on, and returns it. */
  release(index: number): LargeString {
    const large = this.#strings.remove(index)
    this.bytes -= large.source.u8.length
    return large
  }

  /** Frees a string. */
  free(index: number): void {
    discarded.add(this.release(index).source)
  }

  /** Frees all of them. */
  discard(): void {
    for (const large of this.#strings) discarded.add(large.source)
  }
}

/** Allocates a buffer for a string of `length` bytes that is likely to grow further. */
export function allocateGrowing(length: number): Source {
  return Source.allocate(Math.min(2 * length, length + SPARE_BYTES_MAX))
}
