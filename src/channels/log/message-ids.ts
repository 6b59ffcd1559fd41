// The ids of kept messages: those of a stream, and growing across all channels of the server, so that a pattern that matches
// several has one order.
//
// They follow the clock. Any client that may write to one channel's stream can put an id there that is far ahead of it. Such an id
// concerns that channel alone (channel-log.ts): it does not move the ids of others.

import { StreamId } from '../../store/stream/stream-id.ts'

/** Clocks of servers that have had the data before may be so far ahead of this one's. Ids that are further ahead are foreign. */
const AHEAD_MS_MAX = 60_000

const made = new StreamId()
const latest = new StreamId()

export class MessageIds {
  /** The last id that was given, or seen in what was loaded. */
  readonly last = new StreamId()
  /** `last` as it was when the data were found. */
  readonly lastAtLoad = new StreamId()

  /** Gives the next id: of this time, or right behind the last one where the clock stands or went back. Valid until the next. */
  next(nowMs: number): StreamId {
    made.setTime(nowMs)
    if (made.compare(this.last) <= 0) made.copyFrom(this.last).increment()
    this.last.copyFrom(made)
    return made
  }

  /** Takes note of an id that exists: what is given from now on is above it, unless it is too far ahead of the clock. */
  observe(id: StreamId, nowMs: number): void {
    if (id.compare(this.last) > 0 && !isAhead(id, nowMs, AHEAD_MS_MAX)) this.last.copyFrom(id)
  }

  /** All ids that exist have been seen. */
  endScan(): void {
    this.lastAtLoad.copyFrom(this.last)
  }
}

/** Tells whether an id is more than so much ahead of a time. */
export function isAhead(id: StreamId, nowMs: number, ms: number): boolean {
  return id.compare(latest.setTime(nowMs + ms)) > 0
}
