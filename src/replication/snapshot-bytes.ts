// A snapshot on its way to replicas: bytes that the walk has written and some replica has not taken
// yet.
//
// The bytes are held once for all replicas, until the slowest of them has taken them. While too
// many wait for that one, the walk pauses; so memory is bounded.

import type { SnapshotSink } from '../persistence/snapshot/snapshot.ts'
import { itemAt } from '../util/array-reads.ts'
import { assert } from '../util/assert.ts'
import { Source } from '../util/bytes/bytes.ts'
import type { Sender } from './sender.ts'
import type { SharedBytes } from './shared-bytes.ts'

/** Released pieces that are kept for new bytes, as many as may wait. */
const SPARES_MAX = 96
const SPARE_BYTES_MIN = 64 * 1024

export class SnapshotBytes implements SharedBytes, SnapshotSink {
  end = 0
  /** The senders that read it. */
  readonly senders = new Set<Sender>()
  #start = 0
  #pieces: Buffer[] = []
  readonly #spares: Source[] = []
  readonly #drained: (() => void)[] = []
  #isFinished = false

  write(bytes: Buffer): void {
    this.#pieces.push(bytes)
    this.end += bytes.length
    for (const sender of this.senders) sender.pump()
    this.released()
  }

  /** Takes the last bytes: no piece is kept for reuse any more. */
  finish(bytes: Buffer): void {
    assert(!this.#isFinished, 'a snapshot ends once')
    this.#isFinished = true
    this.#spares.length = 0
    this.write(bytes)
  }

  get waitingBytes(): number {
    return this.end - this.#start
  }

  spare(): Source | undefined {
    return this.#spares.pop()
  }

  onDrained(run: () => void): void {
    this.#drained.push(run)
  }

  slice(offset: number): Buffer {
    assert(offset >= this.#start && offset < this.end, 'a sender reads what is kept of the snapshot')
    let start = this.#start
    for (const piece of this.#pieces) {
      if (offset < start + piece.length) return piece.subarray(offset - start)
      start += piece.length
    }
    throw new RangeError('the snapshot has no bytes at this offset')
  }

  /** A sender made progress or has stopped: drops the pieces that no sender needs. */
  released(): void {
    let needed = this.end
    for (const { neededFrom } of this.senders) if (neededFrom < needed) needed = neededFrom
    assert(needed >= this.#start, 'a sender needs no byte that was released')
    let freed = false
    while (this.#pieces.length > 0 && this.#start + itemAt(this.#pieces, 0).length <= needed) {
      const piece = this.#pieces.shift()!
      this.#start += piece.length
      this.#keepSpare(piece)
      freed = true
    }
    assert(
      this.#pieces.length > 0 || this.waitingBytes === 0,
      'the waiting bytes of a snapshot are those of its pieces',
    )
    if (freed) for (const run of this.#drained.splice(0)) run()
  }

  #keepSpare({ buffer, byteOffset }: Buffer): void {
    // Smaller pieces share their memory with others.
    if (this.#isFinished || this.#spares.length === SPARES_MAX || byteOffset > 0 || buffer.byteLength < SPARE_BYTES_MIN)
      return
    this.#spares.push(new Source(Buffer.from(buffer)))
  }
}
