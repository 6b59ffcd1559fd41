// Sends a row of bytes to one connection, as fast as that takes them.
//
// One slice at a time is with the connection: while it holds that, nothing more is
// handed over. So a slow replica costs its place in the row and no memory of its own.

import type { Transport } from '../engine/client.ts'
import type { Row } from './row.ts'

export class Sender {
  /** Bytes before this offset were handed over. */
  place: number
  /** The connection may still read bytes from this offset on: they must stay where they are. */
  held: number
  /** When it last got on (Unix ms). */
  movedMs: number
  readonly #transport: Transport
  readonly #row: Row
  readonly #now: () => number
  readonly #moved: () => void
  #limit = 0
  #waits = false
  #stopped = false

  /** Sends what lies in `row` from `place` on, as `pump` says; `moved` is told when bytes that waited have left. */
  constructor(transport: Transport, row: Row, place: number, now: () => number, moved: () => void) {
    this.#transport = transport
    this.#row = row
    this.place = place
    this.held = place
    this.#now = now
    this.#moved = moved
    this.movedMs = now()
  }

  /** Sends what there is before the offset `limit`, now and as the connection takes it. */
  pump(limit: number = this.#row.end): void {
    if (limit > this.#limit) this.#limit = limit
    while (!this.#waits && !this.#stopped && this.place < this.#limit) {
      const slice = this.#row.slice(this.place)
      const bytes = slice.length > this.#limit - this.place ? slice.subarray(0, this.#limit - this.place) : slice
      this.place += bytes.length
      if (this.#transport.write(bytes) || this.#transport.whenDrained === undefined) {
        this.#arrived()
        continue
      }
      this.#waits = true
      this.#transport.whenDrained(() => {
        this.#waits = false
        if (this.#stopped) return
        this.#arrived()
        this.#moved()
        this.pump(0)
      })
    }
  }

  /** True while the connection has not taken all that it was handed. */
  get waits(): boolean {
    return this.#waits
  }

  /** Hands over nothing more. */
  stop(): void {
    this.#stopped = true
  }

  #arrived(): void {
    this.held = this.place
    this.movedMs = this.#now()
  }
}
