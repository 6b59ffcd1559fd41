// How old messages are whose ids are ahead of the clock: their ids do not tell.
//
// It is noted now and then which was the last one there. A message that was there at a time is at least that old.
// A message that was there before the server started counts as published when it is first seen.

import { StreamId } from '../../store/stream/stream-id.ts'

interface Mark {
  readonly ms: number
  readonly id: StreamId
}

export class FutureIdAges {
  /** The oldest first. */
  #marks: Mark[] = []

  /** Notes the last id that is there, unless that was done within `stepMs`. */
  note(nowMs: number, last: StreamId, stepMs: number): void {
    const newest = this.#marks.at(-1)
    if (newest !== undefined && (nowMs - newest.ms < stepMs || newest.id.equals(last))) return
    this.#marks.push({ ms: nowMs, id: new StreamId().copyFrom(last) })
  }

  /** Returns the last id that was there at a time, and forgets what was before; undefined = nothing is known of that time. */
  lastAt(ms: number): StreamId | undefined {
    const marks = this.#marks
    let at = -1
    while (at + 1 < marks.length && marks[at + 1]!.ms <= ms) at++
    if (at > 0) marks.splice(0, at)
    return at === -1 ? undefined : marks[0]!.id
  }
}
