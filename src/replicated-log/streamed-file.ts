// A file that comes as a stream, for a reader that goes through it once from its beginning to its end: no more of it is in memory than one part.

import { assert } from '../util/assert.ts'

export class StreamedFile {
  readonly #parts: AsyncIterator<Uint8Array>
  /** What is left of the part that came last. */
  #part: Uint8Array = new Uint8Array(0)
  #at = 0

  constructor(parts: AsyncIterable<Uint8Array>) {
    this.#parts = parts[Symbol.asyncIterator]()
  }

  /** Reads up to `length` bytes from the place where the last read ended; 0 = that was all. */
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

  /** Lets go of what was not read. */
  async close(): Promise<void> {
    await this.#parts.return?.()
  }
}
