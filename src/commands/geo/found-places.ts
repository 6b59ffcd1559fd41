// The members that a search has found so far, in columns: a search may find a hundred thousand.
//
// Members stay where they are, in the set: valid until it changes.

import type { Bytes, Source } from '../../util/bytes.ts'

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
    // Places at the same distance stay in the order in which they were found.
    const before = (a: number, b: number) => sign * (distances[a]! - distances[b]!) || a - b
    if (count < this.count >>> 3) {
      this.#order = this.#first(count, before)
      return
    }
    const indexes = new Int32Array(this.count)
    for (let i = 0; i < indexes.length; i++) indexes[i] = i
    this.#order = indexes.sort(before)
  }

  /** Returns the `count` first in order: a heap keeps them, the last of them on top, while all pass by. */
  #first(count: number, before: (a: number, b: number) => number): Int32Array {
    const heap = new Int32Array(count)
    for (let i = 0; i < count; i++) heap[i] = i
    for (let i = (count >>> 1) - 1; i >= 0; i--) sink(heap, i, before)
    for (let i = count; i < this.count; i++) {
      if (before(i, heap[0]!) >= 0) continue
      heap[0] = i
      sink(heap, 0, before)
    }
    return heap.sort(before)
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

function sink(heap: Int32Array, at: number, before: (a: number, b: number) => number): void {
  const value = heap[at]!
  while (true) {
    let child = 2 * at + 1
    if (child >= heap.length) break
    if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!) > 0) child++
    if (before(heap[child]!, value) <= 0) break
    heap[at] = heap[child]!
    at = child
  }
  heap[at] = value
}
