// How much somebody had taken at some recent moments: so that it can be told how much of it was taken some time ago.
//
// The first mark is the last one that was asked for; what was before it is forgotten. When there are too many, those right behind the
// first go: what is told then is less than was taken, never more.

/** Marks that are kept. */
const MARKS_MAX = 12

export class ProgressHistory<T> {
  #marks: { readonly ms: number; readonly taken: T }[] = []

  /** What was noted last; undefined = nothing. */
  get last(): T | undefined {
    return this.#marks.at(-1)?.taken
  }

  /** Notes how much is taken now. Times only grow. */
  note(ms: number, taken: T): void {
    if (this.#marks.length >= MARKS_MAX) this.#marks.splice(1, 1)
    this.#marks.push({ ms, taken })
  }

  /** Returns how much had been taken at a time; undefined = that is not known. */
  at(ms: number): T | undefined {
    const marks = this.#marks
    let last = -1
    while (last + 1 < marks.length && marks[last + 1]!.ms <= ms) last++
    if (last === -1) return undefined
    if (last > 0) marks.splice(0, last)
    return marks[0]!.taken
  }

  clear(): void {
    this.#marks = []
  }
}
