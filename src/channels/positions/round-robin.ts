// A round through many things, some at a time: each is visited once before any is visited again.

export class RoundRobin<T> {
  readonly #all: () => Iterable<T>
  /** Where the round is; undefined = between two rounds. */
  #at: Iterator<T> | undefined = undefined

  /** `all` gives what is there, when a round begins. It may become more or less meanwhile, as the members of a Map may. */
  constructor(all: () => Iterable<T>) {
    this.#all = all
  }

  /** Visits the next ones: so many, or fewer where the round ends. */
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
