// The backlog: the end of the stream, in one row of blocks that all replicas read, each at a place of its own.
//
//   first block … │ … │ … │ open block (grows)
//   ↑ start                              ↑ end = the offset of the history
//
// It keeps `keepBytes` for those who come back, and beyond that what a replica has not
// been sent yet; so its memory does not grow with the number of replicas. Effects
// are encoded straight into the open block. A block that is full is closed
// between two units, so that an open unit can be taken back.

import { RequestWriter } from '../protocol/request-writer.ts'
import { assert } from '../util/assert.ts'
import type { SharedBytes } from './shared-bytes.ts'

/** A block that holds so much is full: commands of up to 8 KiB fit behind it into the 64 KiB that it is made with. */
const BLOCK_FULL_BYTES = 56 * 1024
/** Blocks that were given back and are kept for the next ones; without them a busy server allocates its stream over again. */
const SPARES_MAX = 8

interface Block {
  /** Offset of its first byte. */
  readonly start: number
  readonly buffer: RequestWriter
}

export class Backlog implements SharedBytes {
  /** Bytes that are kept in any case. */
  keepBytes: number
  readonly #blocks: Block[] = []
  /** The last of them, which is open. */
  #last: Block
  readonly #spares: RequestWriter[] = []
  readonly #needed: () => number
  /** What its blocks take, but for the open one. */
  #closedBytes = 0

  /** Begins behind `offset`. `needed` returns the offset of the first byte that a replica may still read. */
  constructor(offset: number, keepBytes: number, needed: () => number) {
    this.keepBytes = keepBytes
    this.#needed = needed
    this.#last = this.#open(offset)
  }

  /** Offset before the first byte that is kept. */
  get start(): number {
    return this.#blocks[0]!.start
  }

  get end(): number {
    const { start, buffer } = this.#last
    return start + buffer.length
  }

  /** Bytes kept. */
  get length(): number {
    return this.end - this.start
  }

  /** Memory of its blocks. */
  get memoryBytes(): number {
    return this.#closedBytes + this.#last.buffer.u8.length
  }

  /** Where the next bytes go; whoever writes there calls `grown` between two units. */
  get open(): RequestWriter {
    return this.#last.buffer
  }

  /** Closes the open block if it is full, and lets go of what nobody needs any more; true when there is another open block. */
  grown(): boolean {
    const { buffer, start } = this.#last
    if (buffer.length < BLOCK_FULL_BYTES) return false
    this.#closedBytes += buffer.u8.length
    this.#last = this.#open(start + buffer.length)
    this.trim()
    return true
  }

  /** Lets go of blocks beyond what is to be kept, from the oldest on, as far as no replica reads them. */
  trim(): void {
    const blocks = this.#blocks
    let needed = -1
    while (blocks.length > 1) {
      const { buffer } = blocks[0]!
      const next = blocks[1]!.start
      if (this.end - next < this.keepBytes) return
      if (needed < 0) needed = this.#needed()
      if (next > needed) return
      this.#closedBytes -= buffer.u8.length
      blocks.shift()
      if (this.#spares.length === SPARES_MAX) continue
      buffer.clear()
      this.#spares.push(buffer)
    }
  }

  slice(offset: number): Buffer {
    const { start, buffer } = this.#blocks[this.#indexOf(offset)]!
    return buffer.u8.subarray(offset - start, buffer.length)
  }

  #open(start: number): Block {
    const block = { start, buffer: this.#spares.pop() ?? new RequestWriter() }
    this.#blocks.push(block)
    return block
  }

  /** The block that holds the byte at `offset`; nearly always the last. */
  #indexOf(offset: number): number {
    const blocks = this.#blocks
    assert(offset >= this.start && offset < this.end, 'a replica reads what the backlog holds')
    let low = 0
    let high = blocks.length - 1
    if (blocks[high]!.start <= offset) return high
    while (low + 1 < high) {
      const middle = (low + high) >>> 1
      if (blocks[middle]!.start <= offset) low = middle
      else high = middle
    }
    return low
  }
}
