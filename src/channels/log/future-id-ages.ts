// The ages of messages whose ids are ahead of the clock, and therefore do not tell.
//
// From time to time the last id of the log is noted with the time. A message whose id is not above
// a noted id is at least as old as the note. A message from before the server's start counts as
// published when it is first seen.

import { StreamId } from '../../store/stream/stream-id.ts'
import { assert } from '../../util/assert.ts'

interface Mark {
  readonly ms: number
  readonly id: StreamId
}

export class FutureIdAges {
  /** Oldest mark first. */
  #marks: Mark[] = []

  /** Notes the last id of the log, unless the newest mark is younger than `stepMs`. */
  note(nowMs: number, last: StreamId, stepMs: number): void {
    const newest = this.#marks.at(-1)
    if (newest !== undefined && (nowMs - newest.ms < stepMs || newest.id.equals(last))) return
    assert(newest === undefined || newest.ms <= nowMs, 'marks are in order of time')
    this.#marks.push({ ms: nowMs, id: new StreamId().copyFrom(last) })
  }

  /**
   * Returns the last id at a time, and drops older marks; undefined when that time is before the
   * first mark.
   */
  lastAt(ms: number): StreamId | undefined {
    const marks = this.#marks
    const at = marks.findLastIndex((mark) => mark.ms <= ms)
    if (at > 0) marks.splice(0, at)
    return at === -1 ? undefined : marks[0]?.id
  }
}
