// The members that a search has found so far, in columns: a search may find a hundred thousand.
//
// Members stay where they are, in the set: valid until it changes.

import type { Bytes, Source } from '../../util/bytes.ts'
import { partialSort } from '../../util/partial-sort.ts'

export class FoundPlaces {
  count = 0
  #distances = new Float64Array(128)
  #scores = new Float64Array(128)
  #starts = new Int32Array(128)
  #lengths = new Int32Array(128)
  readonly #sources: Source[] = []
  /** Positions in the columns in the order asked for; undefined = as they were found. */
  #order: Int32Array | undefined = undefined

  add(member: Bytes, score: number, distance: number): void {
    const n = this.count
    if (n === this.#distances.length) this.#grow()
    this.#distances[n] = distance
    this.#scores[n] = score
    this.#starts[n] = member.start
    this.#lengths[n] = member.length
    this.#sources[n] = member.source
    this.count++
  }

  /** Sorts by distance; only the first `count` need to be right. */
  sort(order: 'asc' | 'desc', count: number): void {
    const distances = this.#distances
    const sign = order === 'asc' ? 1 : -1
    const compare = (a: number, b: number) => sign * (distances[a]! - distances[b]!)
    const indexes = new Int32Array(this.count)
    for (let i = 0; i < indexes.length; i++) indexes[i] = i
    // All of them in a stable way, as Redis: what is at the same distance stays in the order in which it was found.
    if (count === indexes.length) indexes.sort(compare)
    else partialSort(indexes, compare, 0, count - 1)
    this.#order = indexes
  }

  /** Returns the number of the i-th in order, for the columns. */
  at(i: number): number {
    return this.#order === undefined ? i : this.#order[i]!
  }

  distance(n: number): number {
    return this.#distances[n]!
  }

  score(n: number): number {
    return this.#scores[n]!
  }

  member(n: number, window: Bytes): Bytes {
    return window.set(this.#sources[n]!, this.#starts[n]!, this.#lengths[n]!)
  }

  /** Forgets all, and the memory that members lie in. */
  clear(): void {
    this.count = 0
    this.#sources.length = 0
    this.#order = undefined
    if (this.#distances.length > 4096) this.#resize(128)
  }

  #grow(): void {
    this.#resize(2 * this.#distances.length)
  }

  #resize(length: number): void {
    const kept = this.count
    const [distances, scores, starts, lengths] = [this.#distances, this.#scores, this.#starts, this.#lengths]
    this.#distances = new Float64Array(length)
    this.#scores = new Float64Array(length)
    this.#starts = new Int32Array(length)
    this.#lengths = new Int32Array(length)
    if (kept === 0) return
    this.#distances.set(distances)
    this.#scores.set(scores)
    this.#starts.set(starts)
    this.#lengths.set(lengths)
  }
}
