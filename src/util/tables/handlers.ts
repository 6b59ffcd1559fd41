// Handlers of events: each event has any number, and one slot through which all are called.
//
// The source of the event keeps the slot. It is null while there is no handler, the handler itself
// while there is one, and otherwise a function that calls all of them. So a hot path tests `slot
// !== null` and calls, and a missing second handler costs nothing.

import { itemAt } from '../array-reads.ts'

/** The arguments of an event: up to three. */
type Told = [unknown?, unknown?, unknown?]

export type Handler<A extends Told> = (...told: A) => void

export class Handlers<A extends Told> {
  readonly #fill: (slot: Handler<A> | null) => void
  /**
   * In the order in which they were added. Replaced, never changed, because a handler may be
   * removed while all are being called.
   */
  #listeners: readonly Handler<A>[] = []
  readonly #everybody: Handler<A>

  /** `fill` is called with the new content of the slot whenever that changes. */
  constructor(fill: (slot: Handler<A> | null) => void) {
    this.#fill = fill
    // Three parameters instead of a rest parameter, so that no array is made for each call.
    const everybody = (one: unknown, two: unknown, three: unknown): void => {
      const listeners: readonly unknown[] = this.#listeners
      for (let i = 0; i < listeners.length; i++) (listeners[i] as Handler<Told>)(one, two, three)
    }
    this.#everybody = everybody as Handler<Told> as Handler<A>
  }

  /** Adds a handler behind the others. One that is there already stays where it is. */
  add(listener: Handler<A>): void {
    if (!this.#listeners.includes(listener)) this.#seat([...this.#listeners, listener])
  }

  /** Like `add`, but before all others, so it is called first. */
  addFirst(listener: Handler<A>): void {
    if (!this.#listeners.includes(listener)) this.#seat([listener, ...this.#listeners])
  }

  /** Removes a handler, if it is there. */
  remove(listener: Handler<A>): void {
    if (this.#listeners.includes(listener)) this.#seat(this.#listeners.filter((other) => other !== listener))
  }

  /** Adds a handler if it is wanted, else removes it. */
  follow(listener: Handler<A>, wanted: boolean): void {
    if (wanted) this.add(listener)
    else this.remove(listener)
  }

  #seat(listeners: readonly Handler<A>[]): void {
    this.#listeners = listeners
    if (listeners.length === 0) this.#fill(null)
    else this.#fill(listeners.length === 1 ? itemAt(listeners, 0) : this.#everybody)
  }
}
