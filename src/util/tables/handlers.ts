// A place where any number of listeners may sit, and one slot through which all of them are told.
//
// Whoever tells keeps the slot: null while nobody listens, the listener itself
// while there is one, else a function that calls one after the other. So a hot
// path asks `slot !== null` and calls, and pays nothing for a second seat that is
// empty.

/** What is told: up to three things. */
type Told = [unknown?, unknown?, unknown?]

export type Listener<A extends Told> = (...told: A) => void

export class Seats<A extends Told> {
  readonly #fill: (slot: Listener<A> | null) => void
  /** In the order in which they came. Replaced, never changed: somebody may leave while all are being told. */
  #listeners: readonly Listener<A>[] = []
  readonly #everybody: Listener<A>

  /** `fill` is given what belongs into the slot, whenever that changes. */
  constructor(fill: (slot: Listener<A> | null) => void) {
    this.#fill = fill
    // Three names instead of a rest: no array is made each time.
    const everybody = (one: unknown, two: unknown, three: unknown): void => {
      const listeners: readonly unknown[] = this.#listeners
      for (let i = 0; i < listeners.length; i++) (listeners[i] as Listener<Told>)(one, two, three)
    }
    this.#everybody = everybody as Listener<Told> as Listener<A>
  }

  /** Seats a listener behind those who are there; one who sits already stays where it is. */
  take(listener: Listener<A>): void {
    if (!this.#listeners.includes(listener)) this.#seat([...this.#listeners, listener])
  }

  /** As `take`, but before all others: it is told first. */
  takeFirst(listener: Listener<A>): void {
    if (!this.#listeners.includes(listener)) this.#seat([listener, ...this.#listeners])
  }

  /** Has a listener leave, if it sits here. */
  leave(listener: Listener<A>): void {
    if (this.#listeners.includes(listener)) this.#seat(this.#listeners.filter((other) => other !== listener))
  }

  /** Seats a listener that wants to be told, and has one leave that does not. */
  follow(listener: Listener<A>, wanted: boolean): void {
    if (wanted) this.take(listener)
    else this.leave(listener)
  }

  #seat(listeners: readonly Listener<A>[]): void {
    this.#listeners = listeners
    if (listeners.length === 0) this.#fill(null)
    else this.#fill(listeners.length === 1 ? listeners[0]! : this.#everybody)
  }
}
