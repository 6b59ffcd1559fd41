// The bytes that are in the file and not synced yet, kept in memory while a reply waits for their
// sync.
//
// After a failed fdatasync they are written again (append-only-file.ts); the content of the file,
// as the system then shows it, proves nothing. Small groups are copied together; a large one is
// kept in the buffer that it came in.

import { RequestWriter } from '../../protocol/request-writer.ts'
import { itemAt } from '../../util/array-reads.ts'
import { assert } from '../../util/assert.ts'
import { CHECKED } from '../../util/invariant.ts'

/** A larger group is not copied. */
const COPY_BYTES_MAX = 64 * 1024
/** Groups are copied together up to this. */
const STRETCH_BYTES = 1024 * 1024

/** Consecutive bytes of the journal, from offset `at` on. */
export interface Stretch {
  readonly at: number
  readonly buffer: RequestWriter
}

export class UnsyncedBytes {
  /** Bytes kept. */
  length = 0
  /** In order of their offsets; there may be gaps. */
  readonly stretches: Stretch[] = []
  #spare: RequestWriter | undefined = undefined

  /**
   * Keeps the group in `buffer`, which begins at offset `at`; returns an empty buffer for the next
   * one.
   */
  keep(buffer: RequestWriter, at: number): RequestWriter {
    assert(buffer.length > 0, 'a group that is kept has bytes')
    this.length += buffer.length
    const last = this.stretches.at(-1)
    assert(last === undefined || last.at + last.buffer.length <= at, 'invariant 3: groups are kept in their order')
    if (CHECKED) assert(!this.#has(buffer), 'a buffer is kept once')
    if (
      last !== undefined &&
      last.at + last.buffer.length === at &&
      buffer.length <= COPY_BYTES_MAX &&
      last.buffer.length < STRETCH_BYTES
    ) {
      last.buffer.append(buffer)
      buffer.clear()
      return buffer
    }
    this.stretches.push({ at, buffer })
    const next = this.#spare ?? new RequestWriter()
    this.#spare = undefined
    if (CHECKED) assert(next !== buffer && !this.#has(next), 'a buffer that was given back is in use nowhere')
    return next
  }

  /** Lets go of bytes before an offset. A stretch is kept until all of it lies before. */
  release(offset: number): void {
    const { stretches } = this
    let released = 0
    for (; released < stretches.length; released++) {
      const { at, buffer } = itemAt(stretches, released)
      if (at + buffer.length > offset) break
      this.length -= buffer.length
      buffer.clear()
      this.#spare = buffer
    }
    if (released === 1 && stretches.length === 1) stretches.pop()
    else if (released > 0) stretches.splice(0, released)
    if (CHECKED) this.#check()
  }

  #has(buffer: RequestWriter): boolean {
    return this.stretches.some((stretch) => stretch.buffer === buffer)
  }

  #check(): void {
    const bytes = this.stretches.reduce((sum, { buffer }) => sum + buffer.length, 0)
    assert(bytes === this.length, 'the bytes kept are those of the stretches')
    assert(this.#spare === undefined || !this.#has(this.#spare), 'the spare buffer belongs to no stretch')
  }
}
