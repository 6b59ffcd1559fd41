// The ids of kept messages. They are stream ids that grow across all channels of the server, so
// that the messages of all channels of a pattern have one order.
//
// Ids follow the clock. A client that may write to a channel's stream can add an id far ahead of
// it. That id affects that channel alone (channel-log.ts); the ids of other channels stay with
// the clock.
//
// An id is given before the journal has its message. When the journal is a replicated log, the next
// leader may lack that message, and its clock may be behind. Its first ids are lower then. A client
// that would begin behind the given id would miss their messages, so it is told `lastIn` the journal.

import type { Progress } from '../../engine/effects/journal.ts'
import { StreamId } from '../../store/stream/stream-id.ts'
import { assert } from '../../util/assert.ts'

/**
 * The clocks of earlier servers of this data, and of earlier leaders of a log, may be ahead by this
 * much. Ids further ahead are foreign. A message with a lower id than those before it would be missed
 * by a subscriber that comes back with a pattern. Two days: a clock may be set to another time zone,
 * or to another day.
 */
const AHEAD_MS_MAX = 2 * 24 * 3_600_000

const made = new StreamId()
const latest = new StreamId()

export class MessageIds {
  /** The last id that was given, or that was found in loaded data. */
  readonly last = new StreamId()
  /** The value of `last` when the data was loaded. */
  readonly lastAtLoad = new StreamId()
  /** An id that the journal has, with its message and all messages before. */
  readonly #certain = new StreamId()
  /** An id whose message the journal has once it has the bytes before this offset. */
  readonly #awaited = new StreamId()
  #awaitedOffset = Number.POSITIVE_INFINITY

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
    this.#certain.copyFrom(this.last)
    this.#awaitedOffset = Number.POSITIVE_INFINITY
  }

  /**
   * Returns an id that is known to be in the journal with all before it: that of an earlier call, as
   * soon as the bytes appended until then are `safe`. Called between two units. Valid until the next
   * call.
   */
  lastIn({ appended, enabled }: Pick<Progress, 'appended' | 'enabled'>, safe: number): StreamId {
    if (!enabled || safe >= appended) return this.#certain.copyFrom(this.last)
    if (safe >= this.#awaitedOffset) this.#certain.copyFrom(this.#awaited)
    // A journal that was replaced counts from a lower offset.
    if (safe >= this.#awaitedOffset || appended < this.#awaitedOffset) {
      this.#awaited.copyFrom(this.last)
      this.#awaitedOffset = appended
    }
    assert(this.#certain.compare(this.last) <= 0, 'an id in the journal was given')
    return this.#certain
  }
}

/** Tells whether an id is more than `ms` milliseconds ahead of `nowMs`. */
export function isAhead(id: StreamId, nowMs: number, ms: number): boolean {
  return id.compare(latest.setTime(nowMs + ms)) > 0
}
