// A snapshot arriving from the primary: bytes come as the network delivers them, and are read like
// a file.
//
// The primary announces the number of bytes ($size), or 40 bytes that mark the end ($EOF:mark).
// With a mark, the last 40 bytes received are held back until more arrive, because they may be the
// mark.

import { RdbDamage } from '../persistence/rdb/damage.ts'
import { itemAt } from '../util/array-reads.ts'
import { assert } from '../util/assert.ts'

/** The announced end of a snapshot: its size, or the mark that follows it. */
export type Extent = { readonly bytes: number } | { readonly mark: string }

/** The size limit of a snapshot with a mark: more than any memory holds. */
const UNSIZED_BYTES_MAX = 2 ** 44
export const MARK_BYTES = 40
/** Bytes that may wait to be read; beyond this the primary has to wait. */
const WAITING_BYTES_MAX = 4 * 1024 * 1024

export class IncomingSnapshot {
  /** Bytes received, and bytes announced; 0 = the end is marked. */
  receivedBytes = 0
  readonly totalBytes: number
  /** Bytes given to the reader. */
  readBytes = 0
  readonly #extent: Extent
  readonly #flow: { pause(): void; resume(): void }
  #pieces: Buffer[] = []
  #waitingBytes = 0
  /** Bytes that may be the mark. */
  #tail: Buffer = Buffer.alloc(0)
  #ended = false
  #failure: unknown = undefined
  #paused = false
  #wake: (() => void) | undefined = undefined

  constructor(extent: Extent, flow: { pause(): void; resume(): void }) {
    this.#extent = extent
    this.#flow = flow
    this.totalBytes = 'bytes' in extent ? extent.bytes : 0
    if (this.totalBytes === 0 && 'bytes' in extent) this.#ended = true
  }

  /** Its size, or the most it can have. */
  get size(): number {
    return 'bytes' in this.#extent ? this.#extent.bytes : UNSIZED_BYTES_MAX
  }

  /** Whether all of it has arrived. */
  get isComplete(): boolean {
    return this.#ended
  }

  /** Takes received bytes; returns those behind the end of the snapshot. */
  receive(bytes: Buffer): Buffer | undefined {
    assert(!this.#ended, 'bytes behind the end of a snapshot are part of the stream')
    if ('bytes' in this.#extent) {
      const own = bytes.subarray(0, this.#extent.bytes - this.receivedBytes)
      this.#add(own)
      this.receivedBytes += own.length
      if (this.receivedBytes === this.#extent.bytes) this.#end()
      return own.length < bytes.length ? bytes.subarray(own.length) : undefined
    }
    this.receivedBytes += bytes.length
    const all = this.#tail.length === 0 ? bytes : Buffer.concat([this.#tail, bytes])
    const known = Math.max(0, all.length - MARK_BYTES)
    this.#add(all.subarray(0, known))
    this.#tail = all.subarray(known)
    if (this.#tail.length === MARK_BYTES && this.#tail.toString('latin1') === this.#extent.mark) this.#end()
    return undefined
  }

  /** No more bytes will come. */
  fail(error: unknown): void {
    if (this.#ended || this.#failure !== undefined) return
    this.#failure = error
    this.#wakeReader()
  }

  /**
   * Reads in order, as from a file: waits for some bytes; 0 = the end. Throws the error given to
   * `fail`.
   */
  async read(into: Buffer, start: number, length: number): Promise<number> {
    while (this.#waitingBytes === 0 && !this.#ended) {
      if (this.#failure !== undefined) throw this.#failure
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
    let read = 0
    while (read < length && this.#pieces.length > 0) {
      const piece = itemAt(this.#pieces, 0)
      const taken = piece.copy(into, start + read, 0, length - read)
      read += taken
      if (taken === piece.length) this.#pieces.shift()
      else this.#pieces[0] = piece.subarray(taken)
    }
    this.#waitingBytes -= read
    this.readBytes += read
    assert(this.#waitingBytes >= 0, 'the bytes that wait to be read are counted')
    assert(this.#pieces.length > 0 || this.#waitingBytes === 0, 'bytes that wait to be read are those of the pieces')
    assert(this.readBytes <= this.receivedBytes, 'a snapshot is read after it was received')
    if (this.#paused && this.#waitingBytes < WAITING_BYTES_MAX / 2) {
      this.#paused = false
      this.#flow.resume()
    }
    return read
  }

  /** Waits for the end, which must come after the `length` bytes that were used. */
  async expectEnd(length: number): Promise<void> {
    const one = Buffer.alloc(1)
    if (this.readBytes > length || (await this.read(one, 0, 1)) > 0)
      throw new RdbDamage('there are bytes behind the end of the snapshot')
  }

  #add(bytes: Buffer): void {
    if (bytes.length === 0) return
    this.#pieces.push(bytes)
    this.#waitingBytes += bytes.length
    this.#wakeReader()
    if (this.#waitingBytes < WAITING_BYTES_MAX || this.#paused) return
    this.#paused = true
    this.#flow.pause()
  }

  #end(): void {
    this.#ended = true
    if (this.#paused) {
      this.#paused = false
      this.#flow.resume()
    }
    this.#wakeReader()
  }

  #wakeReader(): void {
    this.#wake?.()
    this.#wake = undefined
  }
}
