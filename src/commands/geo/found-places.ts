// The members that a search has found so far, in columns: a search may find a hundred thousand.
//
// A member is identified by its handle in the set, which is valid until the set changes.

import type { ScoreSpan } from '../../store/sorted-set/score-span.ts'
import { numberAt } from '../../util/array-reads.ts'
import { partialSort } from '../../util/numbers/partial-sort.ts'
import { StableOrder } from '../../util/numbers/stable-order.ts'

/** Columns of up to this many members are kept between searches. */
const KEPT_MAX = 4096

export class FoundPlaces {
  count = 0
  distances = new Float64Array(256)
  scores = new Float64Array(256)
  places = new Int32Array(256)
  readonly #stable = new StableOrder()
  /**
   * Indices into the columns, in the requested order; undefined while they are in the order of
   * finding.
   */
  #order: Int32Array | undefined = undefined

  /**
   * Adds the members of a run up to score `end` that lie in one of `parts`, a bit each: a member's
   * is number (score - start) × scale. Returns the part of the last member looked at, -1 when the
   * end was reached.
   */
  addSome(run: ScoreSpan, start: number, scale: number, end: number, parts: number): number {
    const { count } = run
    this.#reserve(this.count + count)
    const { scores, places } = this
    let n = this.count
    let part = -1
    for (let i = 0; i < count; i++) {
      const score = run.score(i)
      if (score >= end) {
        part = -1
        break
      }
      part = ((score - start) * scale) | 0
      // An entry stays, or the next one overwrites it. This needs no branch that the processor
      // could mispredict.
      scores[n] = score
      places[n] = run.handle(i)
      n += (parts >>> part) & 1
    }
    this.count = n
    return part
  }

  /** Keeps the members from index `known` on that have a distance, up to `max` members in all. */
  keepMeasured(known: number, max: number): void {
    const { distances, scores, places } = this
    let kept = known
    for (let i = known; i < this.count && kept < max; i++) {
      if (numberAt(distances, i) < 0) continue
      distances[kept] = numberAt(distances, i)
      scores[kept] = numberAt(scores, i)
      places[kept] = numberAt(places, i)
      kept++
    }
    this.count = kept
  }

  /** Sorts by distance. Only the first `count` have to be in order. */
  sort(order: 'asc' | 'desc', count: number): void {
    const { distances } = this
    const sign = order === 'asc' ? 1 : -1
    // The sort of all members is stable, as in Redis: members at the same distance keep the order
    // in which they were found.
    if (count === this.count) {
      this.#order = this.#stable.sort(distances, count, sign)
      return
    }
    const indexes = new Int32Array(this.count)
    for (let i = 0; i < indexes.length; i++) indexes[i] = i
    partialSort(indexes, (a, b) => sign * (numberAt(distances, a) - numberAt(distances, b)), 0, count - 1)
    this.#order = indexes
  }

  /** Returns the index in the columns of the i-th member in order. */
  at(i: number): number {
    return this.#order === undefined ? i : numberAt(this.#order, i)
  }

  clear(): void {
    this.count = 0
    this.#order = undefined
    if (this.places.length <= KEPT_MAX) return
    this.#resize(256)
    this.#stable.clear()
  }

  #reserve(count: number): void {
    if (count > this.places.length) this.#resize(Math.max(count, 2 * this.places.length))
  }

  #resize(length: number): void {
    const kept = this.count
    const { distances, scores, places } = this
    this.distances = new Float64Array(length)
    this.scores = new Float64Array(length)
    this.places = new Int32Array(length)
    if (kept === 0) return
    this.distances.set(distances)
    this.scores.set(scores)
    this.places.set(places)
  }
}
