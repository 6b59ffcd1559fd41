// The subscribers of one channel or pattern, in order of arrival.
//
// An array, because fan-out walks it; who leaves is replaced by a hole, so that
// leaving costs the same with 100,000 subscribers as with ten. Where somebody
// stands is looked up in a map once the list is long enough for searching to
// cost more. Holes are swept out when they are the majority, but never while
// somebody walks the list.

import type { Listener } from './subscriber.ts'

/** Up to this many members are searched rather than mapped: most channels have one or two subscribers. */
const SEARCHED_MAX = 16

export class SubscriberList {
  /** What is subscribed to, as latin1. */
  readonly name: string
  /** Subscribers; the array below also has holes. */
  count = 0
  /** Walk it by index up to the length it had at the beginning, between `hold` and `release`; undefined = left. */
  readonly members: (Listener | undefined)[] = []
  #positions: Map<Listener, number> | undefined = undefined
  #walkers = 0

  constructor(name: string) {
    this.name = name
  }

  /** Adds somebody who is not in the list. */
  add(listener: Listener): void {
    const { members } = this
    this.#positions?.set(listener, members.length)
    members.push(listener)
    this.count++
    if (this.#positions === undefined && members.length > SEARCHED_MAX) this.#mapPositions()
  }

  /** Removes somebody who is in the list. */
  remove(listener: Listener): void {
    const { members } = this
    const position = this.#positions?.get(listener) ?? members.indexOf(listener)
    this.#positions?.delete(listener)
    members[position] = undefined
    this.count--
    if (this.#walkers === 0 && members.length > 2 * this.count) this.#sweep()
  }

  /** Puts somebody in the place of a member. */
  replace(listener: Listener, by: Listener): void {
    const position = this.#positions?.get(listener) ?? this.members.indexOf(listener)
    this.members[position] = by
    if (this.#positions?.delete(listener)) this.#positions.set(by, position)
  }

  /** Keeps every member at its position until `release`. */
  hold(): void {
    this.#walkers++
  }

  release(): void {
    this.#walkers--
    if (this.#walkers === 0 && this.members.length > 2 * this.count) this.#sweep()
  }

  #sweep(): void {
    const { members } = this
    let kept = 0
    for (let i = 0; i < members.length; i++) {
      const member = members[i]
      if (member !== undefined) members[kept++] = member
    }
    members.length = kept
    if (kept > SEARCHED_MAX) this.#mapPositions()
    else this.#positions = undefined
  }

  #mapPositions(): void {
    const positions = new Map<Listener, number>()
    for (let i = 0; i < this.members.length; i++) {
      const member = this.members[i]
      if (member !== undefined) positions.set(member, i)
    }
    this.#positions = positions
  }
}
