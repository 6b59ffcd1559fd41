// How many messages of very many streams are behind each of very many places: subscribers by a pattern that matches many channels.
//
// The places stand in order. A message is behind those before it, so it adds one to a whole beginning of their row; such sums are kept as
// differences. A stream that all have heard, or none, costs two searches in the row. Of another one either its messages are looked at, or
// the places that lie within it, whichever are fewer: never each place for each stream.

import type { Stream } from '../../store/stream/stream.ts'
import { EntryCursor } from '../../store/stream/stream-cursor.ts'
import { StreamId } from '../../store/stream/stream-id.ts'

/** Places that are looked at between two steps. */
const STEP = 100
/** Of a stream with more messages the places within it are looked at. */
const WALKED_MAX = 500

const BEGIN = new StreamId()
const END = new StreamId().setMax()
const from = new StreamId()
const cursor = new EntryCursor()

export class LagCounter {
  /** The places, the least first, and which was given when. */
  readonly #ids: StreamId[]
  readonly #order: number[]
  /** At i: so many messages are behind the places before i, and not behind that one. */
  readonly #added: Float64Array

  /** Keeps the ids, which must not change. */
  constructor(ids: readonly StreamId[]) {
    this.#order = ids.map((_, i) => i).sort((a, b) => ids[a]!.compare(ids[b]!))
    this.#ids = this.#order.map((i) => ids[i]!)
    this.#added = new Float64Array(ids.length + 1)
  }

  /** Counts the messages of one stream, in steps of bounded work. The stream may change between them. */
  *add(stream: Stream): Generator<undefined, undefined> {
    if (stream.length === 0) return
    const none = this.#before(stream.firstId)
    const end = this.#before(stream.lastId)
    if (none === end) this.#added[none]! += stream.length
    else if (stream.length <= Math.min(WALKED_MAX, end - none)) this.#walk(stream)
    else yield* this.#seek(stream, none, end)
  }

  #walk(stream: Stream): void {
    for (let more = stream.first(cursor); more; more = stream.next(cursor)) this.#added[this.#before(cursor.id)]!++
  }

  /** Counts what lies before the places from `begin` to `end`, between them, and behind them. */
  *#seek(stream: Stream, begin: number, end: number): Generator<undefined, undefined> {
    for (let i = begin; i < end; i++) {
      this.#added[i]! += countBetween(stream, i === begin ? BEGIN : this.#ids[i - 1]!, this.#ids[i]!)
      if ((i - begin) % STEP === STEP - 1) yield
    }
    this.#added[end]! += countBetween(stream, this.#ids[end - 1]!, END)
  }

  /** How many places are below an id. */
  #before(id: StreamId): number {
    let low = 0
    let high = this.#ids.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#ids[middle]!.compare(id) < 0) low = middle + 1
      else high = middle
    }
    return low
  }

  /** Returns how many messages are behind each place, in the order in which the places were given. */
  lags(): number[] {
    const lags: number[] = new Array(this.#ids.length).fill(0)
    let lag = 0
    for (let i = this.#ids.length - 1; i >= 0; i--) {
      lag += this.#added[i + 1]!
      lags[this.#order[i]!] = lag
    }
    return lags
  }
}

/** Counts the entries behind an id, up to another. */
export function countBetween(stream: Stream, behind: StreamId, to: StreamId): number {
  from.copyFrom(behind).increment()
  return stream.seek(from, cursor) ? stream.countUpTo(cursor, to, Number.POSITIVE_INFINITY) : 0
}
