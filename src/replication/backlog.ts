// The backlog: the end of the stream, in a sequence of blocks that all replicas read, each at its
// own offset.
//
//   first block … │ … │ … │ open block (grows)
//   ↑ start                              ↑ end = the offset of the history
//
// It keeps `keepBytes` for replicas that come back, and beyond that what a replica has not been
// sent yet. So its memory does not grow with the number of replicas. Effects are encoded directly
// into the open block. A full block is closed between two units, so that an open unit can be taken
// back.

import { RequestWriter } from '../protocol/request-writer.ts'
import { itemAt } from '../util/array-reads.ts'
import { assert } from '../util/assert.ts'
import { CHECKED } from '../util/invariant.ts'
import type { SharedBytes } from './shared-bytes.ts'

/**
 * A block with this many bytes is full: after them, commands of up to 8 KiB still fit into the 64
 * KiB it is made with.
 */
const BLOCK_FULL_BYTES = 56 * 1024
/**
 * Released blocks that are kept for reuse; without them a busy server would allocate memory for its
 * whole stream again and again.
 */
const SPARES_MAX = 8

interface Block {
  /** The offset of its first byte. */
  readonly start: number
  readonly buffer: RequestWriter
}

export class Backlog implements SharedBytes {
  /** Bytes to keep in any case. */
  keepBytes: number
  readonly #blocks: Block[] = []
  /** The last block, which is open. */
  #last: Block
  readonly #spares: RequestWriter[] = []
  readonly #needed: () => number
  /** Memory of all blocks except the open one. */
  #closedBytes = 0

  /**
   * Begins behind `offset`. `needed` returns the offset of the first byte that a replica may still
   * read.
   */
  constructor(offset: number, keepBytes: number, needed: () => number) {
    this.keepBytes = keepBytes
    this.#needed = needed
    this.#last = this.#open(offset)
  }

  /** The offset before the first byte kept. */
  get start(): number {
    return itemAt(this.#blocks, 0).start
  }

  get end(): number {
    const { start, buffer } = this.#last
    return start + buffer.length
  }

  /** The number of bytes kept. */
  get length(): number {
    return this.end - this.start
  }

  /** Memory of its blocks. */
  get memoryBytes(): number {
    return this.#closedBytes + this.#last.buffer.u8.length
  }

  /** The buffer that the next bytes are written to; the writer calls `grown` between two units. */
  get open(): RequestWriter {
    return this.#last.buffer
  }

  /**
   * Closes the open block if it is full, and drops blocks that are no longer needed; true when
   * there is another open block.
   */
  grown(): boolean {
    const { buffer, start } = this.#last
    if (buffer.length < BLOCK_FULL_BYTES) return false
    this.#closedBytes += buffer.u8.length
    this.#last = this.#open(start + buffer.length)
    this.trim()
    if (CHECKED) this.check()
    return true
  }

  /** Drops the oldest blocks beyond `keepBytes`, as far as no replica reads them. */
  trim(): void {
    const blocks = this.#blocks
    let needed = -1
    while (blocks.length > 1) {
      const { buffer } = itemAt(blocks, 0)
      const next = itemAt(blocks, 1).start
      if (this.end - next < this.keepBytes) return
      if (needed < 0) needed = this.#needed()
      assert(needed >= this.start, 'a replica needs bytes that the backlog has')
      if (next > needed) return
      this.#closedBytes -= buffer.u8.length
      blocks.shift()
      if (this.#spares.length === SPARES_MAX) continue
      buffer.clear()
      this.#spares.push(buffer)
    }
  }

  slice(offset: number): Buffer {
    const { start, buffer } = itemAt(this.#blocks, this.#indexOf(offset))
    return buffer.u8.subarray(offset - start, buffer.length)
  }

  /** Throws AssertionFailure unless the blocks lie end to end and their memory is counted. */
  check(): void {
    let closedBytes = 0
    for (const [i, { buffer, start }] of this.#blocks.entries()) {
      const next = this.#blocks[i + 1]
      if (next === undefined) {
        assert(buffer === this.#last.buffer, 'the last block of a backlog is open')
        continue
      }
      assert(next.start === start + buffer.length, 'the blocks of a backlog lie end to end')
      closedBytes += buffer.u8.length
    }
    assert(closedBytes === this.#closedBytes, 'the memory of closed blocks is counted')
    for (const { length } of this.#spares) assert(length === 0, 'a spare block is empty')
  }

  #open(start: number): Block {
    const block = { start, buffer: this.#spares.pop() ?? new RequestWriter() }
    this.#blocks.push(block)
    return block
  }

  /** The index of the block with the byte at `offset`; nearly always the last. */
  #indexOf(offset: number): number {
    const blocks = this.#blocks
    assert(offset >= this.start && offset < this.end, 'a replica reads what the backlog holds')
    let low = 0
    let high = blocks.length - 1
    if (itemAt(blocks, high).start <= offset) return high
    while (low + 1 < high) {
      const middle = (low + high) >>> 1
      if (itemAt(blocks, middle).start <= offset) low = middle
      else high = middle
    }
    return low
  }
}
