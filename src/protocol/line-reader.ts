// Reads lines as they arrive, as redis-server reads those of a handshake. It takes a bounded part
// of each line, and none of the bytes behind it, which may be no lines.

const LF = 10

export class LineReader {
  /** The last whole line, latin1, without its end. */
  line = ''
  /** True when the line was longer than allowed, or already is; the rest of it is dropped. */
  isCut = false
  readonly #bytesMax: number
  /** The line that has begun. */
  #begun = ''
  #isBegunCut = false

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  /**
   * Reads bytes from `start` on, to the end of a line at most. Returns where the bytes behind the
   * line begin, or -1 when the line has not ended.
   */
  feed(bytes: Buffer, start: number): number {
    const lineEnd = bytes.indexOf(LF, start)
    const end = lineEnd === -1 ? bytes.length : lineEnd
    const room = this.#bytesMax - this.#begun.length
    if (end - start > room) this.#isBegunCut = true
    this.#begun += bytes.toString('latin1', start, Math.min(end, start + room))
    this.isCut = this.#isBegunCut
    if (lineEnd === -1) return -1
    this.line = this.#begun.endsWith('\r') ? this.#begun.slice(0, -1) : this.#begun
    this.#begun = ''
    this.#isBegunCut = false
    return lineEnd + 1
  }

  /** Forgets the line that has begun. */
  reset(): void {
    this.#begun = ''
    this.#isBegunCut = false
  }
}
