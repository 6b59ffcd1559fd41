// The strings of a database that are too large for a block. Each has a buffer of its own and a
// number.

import { assert } from '../../util/assert.ts'
import { Source } from '../../util/bytes/bytes.ts'
import { CHECKED } from '../../util/invariant.ts'
import { discarded } from '../../util/memory/discarded.ts'
import { type NumberedState, NumberedTable } from '../../util/tables/numbered-table.ts'
import type { Arena } from '../memory/arena.ts'

/**
 * The most room that a growing string gets beyond its length. Below that the room is the length
 * itself, as in sds.
 */
const SPARE_BYTES_MAX = 1024 * 1024

/** The first `length` bytes are the content, the rest is room to grow. */
export interface LargeString {
  source: Source
  length: number
}

/** All large strings when a state was kept. */
export interface LargeStringsState {
  readonly strings: NumberedState<LargeString>
  readonly bytes: number
}

export class LargeStrings {
  /** Bytes of all buffers. */
  bytes = 0
  readonly #strings = new NumberedTable<LargeString>()
  /** Records freed buffers that are part of an earlier state. */
  readonly #arena: Arena

  constructor(arena: Arena) {
    this.#arena = arena
  }

  get(index: number): LargeString {
    return this.#strings.get(index)
  }

  /** Adds a string, keeping its buffer, and returns its number. */
  add(large: LargeString): number {
    if (CHECKED) assert(large.length <= large.source.u8.length, 'invariant 15: a string lies within its buffer')
    this.bytes += large.source.bytes
    return this.#strings.add(large)
  }

  /** Makes a string longer or shorter. New bytes are undefined. */
  resize(index: number, length: number): void {
    if (CHECKED) assert(!this.isKept(index), 'a string of an earlier state is not written to')
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
    if (CHECKED) assert(length <= large.source.u8.length, 'invariant 15: a string lies within its buffer')
  }

  /** Removes a string without freeing its buffer, and returns it. */
  release(index: number): LargeString {
    const large = this.#strings.remove(index)
    this.bytes -= large.source.bytes
    assert(this.bytes >= 0, 'each large string is released once')
    return large
  }

  /** Frees a string. */
  free(index: number): void {
    const since = this.#strings.sinceOf(index)
    const { source } = this.release(index)
    if (since < this.#arena.era) this.#arena.leave(source, since)
    else discarded.add(source)
  }

  /** Tells whether a string is part of an earlier state, so it must not be written to. */
  isKept(index: number): boolean {
    return this.#strings.isKept(index)
  }

  /** Returns the present state, which is kept in the era that the arena has just begun. */
  keep(): LargeStringsState {
    return { strings: this.#strings.keep(this.#arena.era), bytes: this.bytes }
  }

  /** Returns to a kept state. The arena has done so already. */
  restore({ strings, bytes }: LargeStringsState): void {
    this.#strings.restore(strings, this.#arena.era)
    this.bytes = bytes
  }

  /** Continues in an earlier era, as the arena already does. */
  goBack(): void {
    this.#strings.goBackTo(this.#arena.era)
  }

  /** Frees all strings. */
  discard(): void {
    for (const large of this.#strings.cameSince(this.#arena.firstEra)) discarded.add(large.source)
  }
}

/** Allocates a buffer for a string of `length` bytes that is likely to grow further. */
export function allocateGrowing(length: number): Source {
  return Source.allocate(Math.min(2 * length, length + SPARE_BYTES_MAX))
}
