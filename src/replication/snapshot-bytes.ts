// A snapshot on its way to replicas: what the walk has written and not everybody has taken yet.
//
// The bytes are held once for all replicas, until the slowest of them has taken them. While too many wait for that one,
// the walk rests; so memory is bounded.

import type { SnapshotSink } from '../persistence/snapshot/snapshot.ts'
import { Source } from '../util/bytes/bytes.ts'
import type { Sender } from './sender.ts'
import type { SharedBytes } from './shared-bytes.ts'

/** Pieces are kept for new ones to be gathered in, as many as may wait. */
const SPARES_MAX = 96
const SPARE_BYTES_MIN = 64 * 1024

export class SnapshotBytes implements SharedBytes, SnapshotSink {
  end = 0
  /** Whoever reads it. */
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

  /** Takes the last bytes: nothing is gathered any more. */
  finish(bytes: Buffer): void {
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
    let start = this.#start
    for (const piece of this.#pieces) {
      if (offset < start + piece.length) return piece.subarray(offset - start)
      start += piece.length
    }
    throw new RangeError('nothing of the snapshot lies there')
  }

  /** Somebody has got on, or reads no more: lets go of what nobody needs. */
  released(): void {
    let needed = this.end
    for (const { held } of this.senders) if (held < needed) needed = held
    let freed = false
    while (this.#pieces.length > 0 && this.#start + this.#pieces[0]!.length <= needed) {
      const piece = this.#pieces.shift()!
      this.#start += piece.length
      this.#keepSpare(piece)
      freed = true
    }
    if (freed) for (const run of this.#drained.splice(0)) run()
  }

  #keepSpare({ buffer, byteOffset }: Buffer): void {
    // What is smaller shares its memory with others.
    if (this.#isFinished || this.#spares.length === SPARES_MAX || byteOffset > 0 || buffer.byteLength < SPARE_BYTES_MIN)
      return
    this.#spares.push(new Source(Buffer.from(buffer)))
  }
}
