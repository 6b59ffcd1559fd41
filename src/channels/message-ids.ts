// The ids of kept messages: those of a stream, and growing across all channels of the server, so that a pattern that matches
// several has one order.

import { StreamId } from '../store/stream-id.ts'

/** No clock gives ids beyond this (the year 10889): somebody made them up, and only the one channel that has them is the worse for it. */
const ID_MAX = new StreamId().setTime(2 ** 48)

const made = new StreamId()

export class MessageIds {
  /** The last id that was given, or seen in what was loaded. */
  readonly last = new StreamId()

  /** Gives the next id: of this time, or right behind the last one where the clock stands or went back. Valid until the next. */
  next(nowMs: number): StreamId {
    made.setTime(nowMs)
    if (made.compare(this.last) <= 0) made.copyFrom(this.last).increment()
    this.last.copyFrom(made)
    return made
  }

  /** Takes note of an id that exists: what is given from now on is above it. */
  see(id: StreamId): void {
    if (id.compare(this.last) > 0 && id.compare(ID_MAX) < 0) this.last.copyFrom(id)
  }
}
