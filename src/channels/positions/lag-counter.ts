// Counts the lag of very many positions over very many streams: the subscribers of a pattern that
// matches many channels.
//
// The positions are sorted. A message adds one to the lag of every position before it, which is a
// prefix of the sorted row. These sums are kept as differences. A stream that all positions have
// passed, or none, costs two binary searches. For another stream, either its messages are walked or
// the positions within it, whichever are fewer; never each position for each stream.

import type { Stream } from '../../store/stream/stream.ts'
import { EntryCursor } from '../../store/stream/stream-cursor.ts'
import { StreamId } from '../../store/stream/stream-id.ts'
import { itemAt, numberAt } from '../../util/array-reads.ts'
import { assert } from '../../util/assert.ts'

/** Positions that one step handles. */
const STEP = 100
/** A stream with more messages than this is counted by the positions within it. */
const WALKED_MAX = 500

const BEGIN = new StreamId()
const END = new StreamId().setMax()
const from = new StreamId()
const cursor = new EntryCursor()

export class LagCounter {
  /** The ids of the positions in order, and the index at which each was given. */
  readonly #ids: StreamId[]
  readonly #order: number[]
  /** At index i: messages that are behind the positions before i, and not behind position i. */
  readonly #added: Float64Array

  /** Keeps the ids; they must not change. */
  constructor(ids: readonly StreamId[]) {
    const sorted = ids.map((id, index) => ({ id, index })).sort((a, b) => a.id.compare(b.id))
    this.#order = sorted.map(({ index }) => index)
    this.#ids = sorted.map(({ id }) => id)
    this.#added = new Float64Array(ids.length + 1)
  }

  /**
   * Counts the messages of one stream in bounded steps. The stream may change between two steps.
   */
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

  /** Counts the messages before, between and behind the positions from `begin` to `end`. */
  *#seek(stream: Stream, begin: number, end: number): Generator<undefined, undefined> {
    let behind = BEGIN
    for (let i = begin; i < end; i++) {
      const id = this.#ids[i]
      assert(id !== undefined, 'the stream ends at a position of the row')
      this.#added[i]! += countBetween(stream, behind, id)
      behind = id
      if ((i - begin) % STEP === STEP - 1) yield
    }
    this.#added[end]! += countBetween(stream, behind, END)
  }

  /** Returns how many positions are below an id. */
  #before(id: StreamId): number {
    let low = 0
    let high = this.#ids.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (itemAt(this.#ids, middle).compare(id) < 0) low = middle + 1
      else high = middle
    }
    return low
  }

  /** Returns the lag of each position, in the order in which the positions were given. */
  lags(): number[] {
    const lags: number[] = new Array(this.#ids.length).fill(0)
    let lag = 0
    for (let i = this.#ids.length - 1; i >= 0; i--) {
      lag += numberAt(this.#added, i + 1)
      assert(lag >= 0, 'a lag is a number of messages')
      lags[itemAt(this.#order, i)] = lag
    }
    return lags
  }
}

/** Counts the entries behind one id, up to and including another. */
export function countBetween(stream: Stream, behind: StreamId, to: StreamId): number {
  from.copyFrom(behind).increment()
  return stream.seek(from, cursor) ? stream.countUpTo(cursor, to, Number.POSITIVE_INFINITY) : 0
}
