// The strings of a database that are too large for a block: buffers of their own, named by number.

import { Source } from '../../util/bytes/bytes.ts'
import { discarded } from '../../util/memory/discarded.ts'
import { Numbered, type NumberedState } from '../../util/tables/numbered.ts'
import type { Arena } from '../memory/arena.ts'

/** Room that a string which grows is given beyond its length: as much again, a megabyte at most, as sds has it. */
const SPARE_BYTES_MAX = 1024 * 1024

/** The first `length` bytes are the content, the rest is room to grow. */
export interface LargeString {
  source: Source
  length: number
}

/** How all of them were at one time. */
export interface LargeStringsState {
  readonly strings: NumberedState<LargeString>
  readonly bytes: number
}

export class LargeStrings {
  /** Bytes of all buffers. */
  bytes = 0
  readonly #strings = new Numbered<LargeString>()
  /** Where what is part of an earlier state is noted when it goes. */
  readonly #arena: Arena

  constructor(arena: Arena) {
    this.#arena = arena
  }

  get(index: number): LargeString {
    return this.#strings.get(index)
  }

  /** Keeps a string, its buffer included, and returns its number. */
  add(large: LargeString): number {
    this.bytes += large.source.bytes
    return this.#strings.add(large)
  }

  /** Makes a string longer or shorter; what is new in it is undefined. */
  resize(index: number, length: number): void {
    const large = this.#strings.get(index)
    const old = large.source
    if (length > old.u8.length) {
      const grown = allocateGrowing(length)
      old.u8.copy(grown.u8, 0, 0, large.length)
      this.bytes += grown.bytes - old.bytes
      large.source = grown
      discarded.add(old)
    }
    large.length = length
  }

  /** Forgets a string that is kept elsewhere from now on, and returns it. */
  release(index: number): LargeString {
    const large = this.#strings.remove(index)
    this.bytes -= large.source.bytes
    return large
  }

  /** Frees a string. */
  free(index: number): void {
    const since = this.#strings.sinceOf(index)
    const { source } = this.release(index)
    if (since < this.#arena.era) this.#arena.leave(source, since)
    else discarded.add(source)
  }

  /** Tells whether a string is part of an earlier state: it is not written to then. */
  isKept(index: number): boolean {
    return this.#strings.isKept(index)
  }

  /** Returns how all of them are; they are kept so in the era that the arena has just begun. */
  keep(): LargeStringsState {
    return { strings: this.#strings.keep(this.#arena.era), bytes: this.bytes }
  }

  /** Makes all as they were; the arena has gone back already. */
  restore({ strings, bytes }: LargeStringsState): void {
    this.#strings.restore(strings, this.#arena.era)
    this.bytes = bytes
  }

  /** Goes on in an earlier era, as the arena does already. */
  goBack(): void {
    this.#strings.goBackTo(this.#arena.era)
  }

  /** Frees all of them. */
  discard(): void {
    for (const large of this.#strings.cameSince(this.#arena.firstEra)) discarded.add(large.source)
  }
}

/** Allocates a buffer for a string of `length` bytes that is likely to grow further. */
export function allocateGrowing(length: number): Source {
  return Source.allocate(Math.min(2 * length, length + SPARE_BYTES_MAX))
}
