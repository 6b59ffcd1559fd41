// A place where any number of listeners may sit, and one slot through which all of them are told.
//
// Whoever tells keeps the slot: null while nobody listens, the listener itself
// while there is one, else a function that calls one after the other. So a hot
// path asks `slot !== null` and calls, and pays nothing for a second seat that is
// empty.

/** What is told: up to three things. */
type Told = [unknown?, unknown?, unknown?]

export type Handler<A extends Told> = (...told: A) => void

export class Handlers<A extends Told> {
  readonly #fill: (slot: Handler<A> | null) => void
  /**
   * In the order in which they came. Replaced, never changed: somebody may leave while all are
   * being told.
   */
  #listeners: readonly Handler<A>[] = []
  readonly #everybody: Handler<A>

  /** `fill` is given what belongs into the slot, whenever that changes. */
  constructor(fill: (slot: Handler<A> | null) => void) {
    this.#fill = fill
    // Three names instead of a rest: no array is made each time.
    const everybody = (one: unknown, two: unknown, three: unknown): void => {
      const listeners: readonly unknown[] = this.#listeners
      for (let i = 0; i < listeners.length; i++) (listeners[i] as Handler<Told>)(one, two, three)
    }
    this.#everybody = everybody as Handler<Told> as Handler<A>
  }

  /** Seats a listener behind those who are there; one who sits already stays where it is. */
  add(listener: Handler<A>): void {
    if (!this.#listeners.includes(listener)) this.#seat([...this.#listeners, listener])
  }

  /** As `take`, but before all others: it is told first. */
  takeFirst(listener: Handler<A>): void {
    if (!this.#listeners.includes(listener)) this.#seat([listener, ...this.#listeners])
  }

  /** Has a listener leave, if it sits here. */
  remove(listener: Handler<A>): void {
    if (this.#listeners.includes(listener)) this.#seat(this.#listeners.filter((other) => other !== listener))
  }

  /** Seats a listener that wants to be told, and has one leave that does not. */
  follow(listener: Handler<A>, wanted: boolean): void {
    if (wanted) this.add(listener)
    else this.remove(listener)
  }

  #seat(listeners: readonly Handler<A>[]): void {
    this.#listeners = listeners
    if (listeners.length === 0) this.#fill(null)
    else this.#fill(listeners.length === 1 ? listeners[0]! : this.#everybody)
  }
}
