// The subscribers of one channel or pattern, in order of arrival.
//
// The list is an array, because fan-out walks it. A subscriber that leaves is replaced by a hole,
// so leaving costs the same with 100,000 subscribers as with ten. A long list has a map from
// subscriber to index, where searching would cost more. Holes are swept out when they are the
// majority, but not during a walk.

import type { Listener } from './subscriber.ts'

/**
 * A list up to this length is searched and has no map: most channels have one or two subscribers.
 */
const SEARCHED_MAX = 16

export class SubscriberList {
  /** The channel or pattern, as latin1. */
  readonly name: string
  /** Number of subscribers; `members` also has holes. */
  count = 0
  /** Messages that were handed to the list. */
  messages = 0
  /**
   * To walk it, call `hold`, use the length it had then, and call `release`. A hole is undefined.
   */
  readonly members: (Listener | undefined)[] = []
  #positions: Map<Listener, number> | undefined = undefined
  #walkers = 0

  constructor(name: string) {
    this.name = name
  }

  /** Adds a listener that is not in the list. */
  add(listener: Listener): void {
    const { members } = this
    this.#positions?.set(listener, members.length)
    members.push(listener)
    this.count++
    if (this.#positions === undefined && members.length > SEARCHED_MAX) this.#mapPositions()
  }

  /** Removes a listener that is in the list. */
  remove(listener: Listener): void {
    const { members } = this
    const position = this.#positions?.get(listener) ?? members.indexOf(listener)
    this.#positions?.delete(listener)
    members[position] = undefined
    this.count--
    if (this.#walkers === 0 && members.length > 2 * this.count) this.#sweep()
  }

  /** Replaces a member by another listener, at the same index. */
  replace(listener: Listener, by: Listener): void {
    const position = this.#positions?.get(listener) ?? this.members.indexOf(listener)
    this.members[position] = by
    if (this.#positions?.delete(listener)) this.#positions.set(by, position)
  }

  /** Keeps every member at its index until `release`. */
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
