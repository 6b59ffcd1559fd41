// Visits many things a few at a time. Each is visited once before any is visited again.

export class RoundRobin<T> {
  readonly #all: () => Iterable<T>
  /** The current round; undefined between two rounds. */
  #at: Iterator<T> | undefined = undefined

  /**
   * `all` is called when a round begins. Things may come and go during a round, as entries of a Map
   * may.
   */
  constructor(all: () => Iterable<T>) {
    this.#all = all
  }

  /** Visits the next `max` things, or fewer when the round ends. */
  visit(max: number, visit: (one: T) => void): void {
    this.#at ??= this.#all()[Symbol.iterator]()
    for (let i = 0; i < max; i++) {
      const { value, done } = this.#at.next()
      if (done === true) {
        this.#at = undefined
        return
      }
      visit(value)
    }
  }
}
