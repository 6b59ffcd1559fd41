// Sends shared bytes to one connection, as fast as it takes them.
//
// The connection holds one stretch at a time; while it does, nothing more is handed over. So a slow
// replica costs an offset and no memory of its own. A fast one is handed a bounded number of bytes
// in a turn of the loop, and then others are served.

import type { Transport } from '../engine/clients/transport.ts'
import { assert } from '../util/assert.ts'
import { CHECKED } from '../util/invariant.ts'
import type { SharedBytes } from './shared-bytes.ts'

/** Bytes handed over in one turn: copying them to the system takes about half a millisecond. */
const AT_ONCE_BYTES_MAX = 512 * 1024

export interface SenderOptions {
  readonly transport: Transport
  readonly bytes: SharedBytes
  /** The offset of the first byte to send. */
  readonly offset: number
  /** The time (Unix ms). */
  now(): number
  /** Runs a function after the events of this turn of the loop. */
  later(run: () => void): void
  /** Waiting bytes have left. */
  moved(): void
}

export class Sender {
  /** Bytes before this offset were handed over. */
  offset: number
  /** The connection may still read bytes from this offset on: they must stay in memory. */
  neededFrom: number
  /** When it last made progress (Unix ms). */
  movedMs: number
  readonly #options: SenderOptions
  #limit = 0
  #waits = false
  #stopped = false
  readonly #goOn = (): void => {
    this.#waits = false
    if (this.#stopped) return
    this.#arrived()
    this.#options.moved()
    this.pump(0)
  }

  /** Sends bytes as `pump` allows. */
  constructor(options: SenderOptions) {
    this.#options = options
    this.offset = options.offset
    this.neededFrom = options.offset
    this.movedMs = options.now()
  }

  /** Sends the bytes before the offset `limit`, now and as the connection takes them. */
  pump(limit: number = this.#options.bytes.end): void {
    const { bytes, later, transport } = this.#options
    if (limit > this.#limit) this.#limit = limit
    if (CHECKED) assert(this.#limit <= bytes.end, 'only bytes that are there may be sent')
    if (CHECKED) assert(this.neededFrom <= this.offset, 'bytes that were not handed over stay in memory')
    let left = AT_ONCE_BYTES_MAX
    while (!this.#waits && !this.#stopped && this.offset < this.#limit) {
      if (left === 0) {
        this.#waits = true
        later(this.#goOn)
        return
      }
      const stretch = bytes.slice(this.offset)
      const length = Math.min(stretch.length, left, this.#limit - this.offset)
      const part = length < stretch.length ? stretch.subarray(0, length) : stretch
      if (CHECKED) assert(length > 0, 'there is a byte at each offset before the end')
      this.offset += length
      left -= length
      if (transport.write(part) || transport.whenDrained === undefined) {
        this.#arrived()
      } else {
        this.#waits = true
        transport.whenDrained(this.#goOn)
      }
    }
  }

  /** Whether bytes are still to be handed over or to be taken by the connection. */
  get waits(): boolean {
    return this.#waits
  }

  /** Hands over nothing more. */
  stop(): void {
    this.#stopped = true
  }

  #arrived(): void {
    this.neededFrom = this.offset
    this.movedMs = this.#options.now()
  }
}
