// Everything that waits: who is parked on which key, in which order, until when.
//
// Two views of one fact. Key → its waiters in order of arrival, a doubly linked
// list; waiter → its places in those lists. So parking, leaving and disconnecting
// cost the number of keys waited for, whoever else waits.
//
//   parked ──markReady(key)──▶ (still parked, key in `ready`) ──serve──▶ left
//      └────────────── deadline, disconnect, CLIENT UNBLOCK ───────────▶ left
//
// A change only marks a key; the engine serves ready keys after the command,
// script or EXEC that fed them (invariant 5). Names are `key` strings in which
// the caller has put the database.

import { assert } from '../util/assert.ts'
import { CHECKED } from '../util/invariant.ts'
import { NameMap, NameSet } from '../util/tables/name-map.ts'
import { DeadlineHeap } from '../util/time/deadline-heap.ts'

/** One waiter's place in one key's list. */
interface Place {
  readonly waiter: Waiter
  readonly line: Line
  previous: Place | undefined
  next: Place | undefined
}

/** The waiters of one key. */
interface Line {
  readonly key: string
  first: Place | undefined
  last: Place | undefined
  length: number
  /** Whom a walk along the line visits next; moves on when that one leaves. */
  cursor: Place | undefined
}

/** Somebody parked. The owner is whatever the engine wants back. */
export class Waiter<Owner = unknown> {
  readonly owner: Owner
  /** Keys waited for. */
  readonly keys: readonly string[]
  /** Unix milliseconds; +Infinity = for ever. */
  readonly deadlineMs: number
  /** Runs when the time is up, after the waiter has left. */
  readonly onTimeout: () => void
  /** Its places, one a key; empty once it left. */
  places: Place[] = []
  /** Its number among the deadlines, -1 = none. */
  slot = -1

  constructor(owner: Owner, keys: readonly string[], deadlineMs: number, onTimeout: () => void) {
    this.owner = owner
    this.keys = keys
    this.deadlineMs = deadlineMs
    this.onTimeout = onTimeout
  }
}

export class WaitingRoom<Owner = unknown> {
  /** Waiters parked at the moment. */
  count = 0
  readonly #lines = new NameMap<Line>()
  #ready: string[] = []
  readonly #readySet = new NameSet()
  readonly #deadlines: DeadlineHeap
  /** Slot → waiter, and slot → its position in the heap. */
  readonly #slots: (Waiter<Owner> | undefined)[] = []
  readonly #positions: number[] = []
  readonly #freeSlots: number[] = []

  constructor() {
    this.#deadlines = new DeadlineHeap((slot, position) => {
      this.#positions[slot] = position
    })
  }

  /** Number of keys somebody waits for. */
  get awaitedKeys(): number {
    return this.#lines.size
  }

  /** Number of waiters whose time will be up. */
  get deadlineCount(): number {
    return this.#deadlines.count
  }

  /** Parks a waiter at the end of each of its keys' lines. A key named twice counts once. */
  park(waiter: Waiter<Owner>): void {
    this.count++
    const seen = new NameSet()
    for (const key of waiter.keys) {
      if (seen.has(key)) continue
      seen.add(key)
      let line = this.#lines.get(key)
      if (line === undefined) {
        line = { key, first: undefined, last: undefined, length: 0, cursor: undefined }
        this.#lines.set(key, line)
      }
      const place: Place = { waiter, line, previous: undefined, next: undefined }
      append(place)
      waiter.places.push(place)
    }
    if (waiter.deadlineMs !== Number.POSITIVE_INFINITY) {
      const slot = this.#freeSlots.pop() ?? this.#slots.length
      this.#slots[slot] = waiter
      waiter.slot = slot
      this.#deadlines.add(slot, waiter.deadlineMs)
    }
  }

  /** Takes a waiter out of every line; harmless when it left already. */
  leave(waiter: Waiter<Owner>): void {
    if (waiter.places.length === 0) return
    this.count--
    for (const place of waiter.places) {
      remove(place)
      if (place.line.length === 0) this.#lines.delete(place.line.key)
    }
    waiter.places = []
    if (waiter.slot !== -1) {
      this.#deadlines.remove(this.#positions[waiter.slot]!)
      this.#slots[waiter.slot] = undefined
      this.#freeSlots.push(waiter.slot)
      waiter.slot = -1
    }
  }

  /** Sends a waiter to the end of each of its lines; its time goes on. */
  requeue(waiter: Waiter<Owner>): void {
    for (const place of waiter.places) {
      remove(place)
      append(place)
    }
  }

  isAwaited(key: string): boolean {
    return this.#lines.has(key)
  }

  /** Notes that a key changed, if anybody waits for it. */
  markReady(key: string): void {
    if (!this.#lines.has(key) || this.#readySet.has(key)) return
    this.#readySet.add(key)
    this.#ready.push(key)
  }

  get hasReady(): boolean {
    return this.#ready.length > 0
  }

  /** Returns the keys marked since the last call, in order, and forgets the marks. */
  takeReady(): string[] {
    const ready = this.#ready
    this.#ready = []
    this.#readySet.clear()
    return ready
  }

  /**
   * Visits who waits for a key, in order of arrival, until `visit` returns false.
   *
   * Anybody may leave meanwhile, or go to the end, the visited one or others; nobody is visited twice. One walk at a time along
   * a line.
   */
  forEachOn(key: string, visit: (waiter: Waiter<Owner>) => boolean): void {
    const line = this.#lines.get(key)
    if (line === undefined) return
    line.cursor = line.first
    for (let left = line.length; left > 0 && line.cursor !== undefined; left--) {
      const { waiter, next } = line.cursor
      line.cursor = next
      if (!visit(waiter as Waiter<Owner>)) break
    }
    line.cursor = undefined
  }

  /** Walks every line: it is linked both ways, nobody waits in an empty one, and deadlines are in order. */
  check(): void {
    if (!CHECKED) return
    for (const key of this.#lines.keys()) {
      const line = this.#lines.get(key)!
      assert(line.key === key && line.first !== undefined, 'a line has somebody in it')
      let previous: Place | undefined
      for (let place: Place | undefined = line.first; place !== undefined; place = place.next) {
        assert(place.previous === previous && place.line === line, 'a place knows its line and who is before it')
        assert(place.waiter.places.includes(place), 'a waiter knows its places')
        previous = place
      }
      assert(line.last === previous, 'a line knows who is last')
    }
    this.#deadlines.check()
  }

  /** Every key somebody waits for. */
  keys(): Iterable<string> {
    return this.#lines.keys()
  }

  /** Returns the earliest deadline in Unix ms, +Infinity when there is none. */
  get earliestDeadlineMs(): number {
    return this.#deadlines.earliest
  }

  /** Lets everybody whose time is up leave, in order of their deadlines. */
  expire(nowMs: number): void {
    while (this.#deadlines.earliest <= nowMs) {
      const waiter = this.#slots[this.#deadlines.entryAt(0)]!
      this.leave(waiter)
      waiter.onTimeout()
    }
  }
}

/** Puts a place at the end of its line. */
function append(place: Place): void {
  const { line } = place
  place.previous = line.last
  place.next = undefined
  if (line.last === undefined) line.first = place
  else line.last.next = place
  line.last = place
  line.length++
}

/** Takes a place out of its line; a walk that was about to visit it goes on behind it. */
function remove(place: Place): void {
  const { line, previous, next } = place
  if (previous === undefined) line.first = next
  else previous.next = next
  if (next === undefined) line.last = previous
  else next.previous = previous
  if (line.cursor === place) line.cursor = next
  line.length--
}
