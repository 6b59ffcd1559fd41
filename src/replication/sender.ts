// Sends a row of bytes to one connection, as fast as that takes them.
//
// One stretch at a time is with the connection: while it holds that, nothing more is
// handed over. So a slow replica costs its place in the row and no memory of its own.
// A fast one is handed so much in a turn of the loop, and then others are served.

import type { Transport } from '../engine/clients/client.ts'
import type { SharedBytes } from './shared-bytes.ts'

/** As much as is handed over in one turn: copying it to the system takes about half a millisecond. */
const AT_ONCE_BYTES_MAX = 512 * 1024

export interface SenderOptions {
  readonly transport: Transport
  readonly row: SharedBytes
  /** Offset of the first byte that is sent. */
  readonly place: number
  /** The time (Unix ms). */
  now(): number
  /** Runs something after the events of this turn of the loop. */
  later(run: () => void): void
  /** Bytes that waited have left. */
  moved(): void
}

export class Sender {
  /** Bytes before this offset were handed over. */
  place: number
  /** The connection may still read bytes from this offset on: they must stay where they are. */
  held: number
  /** When it last got on (Unix ms). */
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

  /** Sends what lies in a row, as `pump` says. */
  constructor(options: SenderOptions) {
    this.#options = options
    this.place = options.place
    this.held = options.place
    this.movedMs = options.now()
  }

  /** Sends what there is before the offset `limit`, now and as the connection takes it. */
  pump(limit: number = this.#options.row.end): void {
    const { later, row, transport } = this.#options
    if (limit > this.#limit) this.#limit = limit
    let left = AT_ONCE_BYTES_MAX
    while (!this.#waits && !this.#stopped && this.place < this.#limit) {
      if (left === 0) {
        this.#waits = true
        later(this.#goOn)
        return
      }
      const slice = row.slice(this.place)
      const length = Math.min(slice.length, left, this.#limit - this.place)
      const bytes = length < slice.length ? slice.subarray(0, length) : slice
      this.place += length
      left -= length
      if (transport.write(bytes) || transport.whenDrained === undefined) {
        this.#arrived()
      } else {
        this.#waits = true
        transport.whenDrained(this.#goOn)
      }
    }
  }

  /** True while something has still to be handed over, or to be taken by the connection. */
  get waits(): boolean {
    return this.#waits
  }

  /** Hands over nothing more. */
  stop(): void {
    this.#stopped = true
  }

  #arrived(): void {
    this.held = this.place
    this.movedMs = this.#options.now()
  }
}
