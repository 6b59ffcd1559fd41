// The queue of readers and group members that are behind and catch up.
//
// Each is given a slice when its client has taken the slice before, and then goes to the queue's
// end. The queue is served for a bounded time per turn; other clients are served between its turns.

import type { UnitClock } from '../../engine/upkeep/unit-clock.ts'
import { assert } from '../../util/assert.ts'
import type { Clock } from '../../util/time/clock.ts'
import { type PacedReader, SLICE_BYTES } from './reader.ts'

/** The time that one turn of the queue may take. */
const READ_MS_MAX = 1
/** Interval at which a transport that cannot report a drained buffer is asked again. */
const LOOK_AGAIN_MS = 1

interface Clocks {
  readonly clock: Clock
  /** The clock for asking a transport again. */
  readonly workClock: Clock
  readonly unitClock: UnitClock
}

export class CatchUpQueue {
  readonly #clocks: Clocks
  readonly #later: (run: () => void) => void
  #waiting: PacedReader[] = []
  #isServedSoon = false

  constructor(clocks: Clocks, later: (run: () => void) => void) {
    this.#clocks = clocks
    this.#later = later
  }

  /** Queues a reader. Its `read` is called when its client has taken the last slice. */
  add(reader: PacedReader): void {
    if (reader.queued) return
    reader.queued = true
    this.#push(reader)
  }

  #push(reader: PacedReader): void {
    this.#waiting.push(reader)
    this.#serveSoon()
  }

  #serveSoon(): void {
    if (this.#isServedSoon) return
    this.#isServedSoon = true
    this.#later(() => this.#serve())
  }

  #serve(): void {
    const { clock, unitClock } = this.#clocks
    this.#isServedSoon = false
    unitClock.pass()
    const untilMs = clock.monotonic() + READ_MS_MAX
    const line = this.#waiting
    this.#waiting = []
    let at = 0
    for (const reader of line) {
      if (clock.monotonic() >= untilMs) break
      this.#serveOne(reader)
      at++
    }
    if (at === line.length) return
    this.#waiting = [...line.slice(at), ...this.#waiting]
    this.#serveSoon()
  }

  #serveOne(reader: PacedReader): void {
    const { client } = reader
    const {
      connection: { transport },
    } = client
    assert(reader.queued, 'a reader in the queue is marked as queued')
    if (client.connection.closed || reader.ended) return
    if (transport.backlogBytes > 0 || client.output.heldForDurability) {
      const again = (): void => this.#push(reader)
      if (!client.output.heldForDurability && transport.whenDrained !== undefined) transport.whenDrained(again)
      else this.#clocks.workClock.after(LOOK_AGAIN_MS, again)
    } else if (client.pendingBytes >= SLICE_BYTES) {
      // The last slice leaves at the end of this turn.
      this.#push(reader)
    } else {
      reader.queued = false
      reader.read()
    }
  }
}
