// A file that arrives as a stream, for a reader that reads it once from beginning to end. No more
// than one part of it is in memory.

import { assert } from '../util/assert.ts'

export class StreamedFile {
  readonly #parts: AsyncIterator<Uint8Array>
  /** The unread rest of the last part. */
  #part: Uint8Array = new Uint8Array(0)
  #at = 0

  constructor(parts: AsyncIterable<Uint8Array>) {
    this.#parts = parts[Symbol.asyncIterator]()
  }

  /** Reads up to `length` bytes from the end of the last read; 0 = the stream has ended. */
  async read(into: Buffer, start: number, length: number, position: number): Promise<number> {
    assert(position === this.#at, 'a stream is read in order')
    while (this.#part.length === 0) {
      const { done, value } = await this.#parts.next()
      if (done === true) return 0
      this.#part = value
    }
    const taken = this.#part.subarray(0, length)
    into.set(taken, start)
    this.#part = this.#part.subarray(taken.length)
    this.#at += taken.length
    return taken.length
  }

  /** Drops the unread rest. */
  async close(): Promise<void> {
    await this.#parts.return?.()
  }
}
