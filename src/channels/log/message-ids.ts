// The ids of kept messages. They are stream ids that grow across all channels of the server, so
// that the messages of all channels of a pattern have one order.
//
// Ids follow the clock. A client that may write to a channel's stream can add an id far ahead of
// it. That id affects that channel alone (channel-log.ts); the ids of other channels stay with
// the clock.

import { StreamId } from '../../store/stream/stream-id.ts'
import { assert } from '../../util/assert.ts'

/**
 * The clocks of earlier servers of this data may be ahead by this much. Ids further ahead are
 * foreign.
 */
const AHEAD_MS_MAX = 60_000

const made = new StreamId()
const latest = new StreamId()

export class MessageIds {
  /** The last id that was given, or that was found in loaded data. */
  readonly last = new StreamId()
  /** The value of `last` when the data was loaded. */
  readonly lastAtLoad = new StreamId()

  /**
   * Returns the next id: the current time, or the successor of `last` when the clock stands still
   * or went back. Valid until the next call.
   */
  next(nowMs: number): StreamId {
    made.setTime(nowMs)
    if (made.compare(this.last) <= 0) made.copyFrom(this.last).increment()
    assert(made.compare(this.last) > 0, 'ids grow across all channels')
    this.last.copyFrom(made)
    return made
  }

  /** Registers an existing id. Later ids are above it, unless it is too far ahead of the clock. */
  observe(id: StreamId, nowMs: number): void {
    if (id.compare(this.last) > 0 && !isAhead(id, nowMs, AHEAD_MS_MAX)) this.last.copyFrom(id)
  }

  /** Ends the search for existing ids. */
  endScan(): void {
    this.lastAtLoad.copyFrom(this.last)
  }
}

/** Tells whether an id is more than `ms` milliseconds ahead of `nowMs`. */
export function isAhead(id: StreamId, nowMs: number, ms: number): boolean {
  return id.compare(latest.setTime(nowMs + ms)) > 0
}
