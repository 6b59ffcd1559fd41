// The line of those who read on: readers that are behind, and members of groups that are.
//
// Each is given a slice when its client has taken the one before, and stands at the end of the line again. Everybody else is heard
// between two turns of the line, which are bounded by time.

import type { UnitClock } from '../../engine/upkeep/unit-clock.ts'
import type { Clock } from '../../util/time/clock.ts'
import { type PacedReader, SLICE_BYTES } from './reader.ts'

/** How long those in the line are served before everybody else is heard again. */
const READ_MS_MAX = 1
/** When it is looked again whether a client has taken its slice that cannot tell. */
const LOOK_AGAIN_MS = 1

export interface CatchUpQueueHost {
  readonly clock: Clock
  /** What a transport cannot tell is asked for again after this clock's time. */
  readonly workClock: Clock
  readonly unitClock: UnitClock
}

export class CatchUpQueue {
  readonly #host: CatchUpQueueHost
  readonly #later: (run: () => void) => void
  #waiting: PacedReader[] = []
  #isServedSoon = false

  constructor(host: CatchUpQueueHost, later: (run: () => void) => void) {
    this.#host = host
    this.#later = later
  }

  /** Has `read` called when the client has taken what it was given. */
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
    const { clock, unitClock } = this.#host
    this.#isServedSoon = false
    unitClock.pass()
    const untilMs = clock.monotonic() + READ_MS_MAX
    const line = this.#waiting
    this.#waiting = []
    let at = 0
    while (at < line.length && clock.monotonic() < untilMs) this.#serveOne(line[at++]!)
    if (at === line.length) return
    this.#waiting = [...line.slice(at), ...this.#waiting]
    this.#serveSoon()
  }

  #serveOne(reader: PacedReader): void {
    const { client } = reader
    const { transport } = client
    if (client.closed || reader.ended) return
    if (transport.backlogBytes > 0 || client.heldForDurability) {
      const again = (): void => this.#push(reader)
      if (!client.heldForDurability && transport.whenDrained !== undefined) transport.whenDrained(again)
      else this.#host.workClock.after(LOOK_AGAIN_MS, again)
    } else if (client.pendingBytes >= SLICE_BYTES) {
      // What it was given leaves when this turn ends.
      this.#push(reader)
    } else {
      reader.queued = false
      reader.read()
    }
  }
}
