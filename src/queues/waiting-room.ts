// The waiting room: which waiter is parked on which topic, in which order, until when.
//
// A topic is a key or a signal. A key is named by a string, in which the caller has put the
// database. A signal is an object, and stands for anything else: a sync, replicas, the end of work.
//
// The room has two views of one fact. Each topic has a doubly linked list of its waiters, in order
// of arrival; each waiter has its places in those lists. So parking, leaving and disconnecting cost
// the number of topics waited for, however many others wait.
//
//   parked ──markReady(topic)──▶ (still parked, topic in `ready`) ──serve──▶ left
//      └────────────── deadline, disconnect, CLIENT UNBLOCK ────────────────▶ left
//
// A change only marks a topic; the engine serves ready topics after the command, script or EXEC
// that fed them (invariant 5).

import { itemAt } from '../util/array-reads.ts'
import { assert } from '../util/assert.ts'
import { CHECKED } from '../util/invariant.ts'
import { NameMap, NameSet } from '../util/tables/name-map.ts'
import { DeadlineHeap } from '../util/time/deadline-heap.ts'

/** A reason to wait that is no key. It is known by identity; `what` is for people. */
export class Signal {
  readonly what: string

  constructor(what: string) {
    this.what = what
  }
}

/** The name of a key, or a signal. */
export type Topic = string | Signal

/** One waiter's place in one topic's list. */
interface QueueEntry {
  readonly waiter: Waiter
  readonly line: TopicQueue
  previous: QueueEntry | undefined
  next: QueueEntry | undefined
}

/** The waiters of one topic. */
interface TopicQueue {
  readonly topic: Topic
  first: QueueEntry | undefined
  last: QueueEntry | undefined
  length: number
  /** The place that a walk along the line visits next; it moves on when that waiter leaves. */
  cursor: QueueEntry | undefined
}

/** A parked client. The owner is whatever the engine wants back. */
export class Waiter<Owner = unknown> {
  readonly owner: Owner
  /** The topics that it waits for. */
  readonly topics: readonly Topic[]
  /** Unix milliseconds; +Infinity = for ever. */
  readonly deadlineMs: number
  /** Runs when the time is up, after the waiter has left. */
  readonly onTimeout: () => void
  /** Its places, one for each topic; empty once it left. */
  places: QueueEntry[] = []
  /** Its number among the deadlines, -1 = none. */
  slot = -1

  constructor(owner: Owner, topics: readonly Topic[], deadlineMs: number, onTimeout: () => void) {
    this.owner = owner
    this.topics = topics
    this.deadlineMs = deadlineMs
    this.onTimeout = onTimeout
  }
}

export class WaitingRoom<Owner = unknown> {
  /** Waiters parked at the moment. */
  count = 0
  readonly #keyLines = new NameMap<TopicQueue>()
  readonly #signalLines = new Map<Signal, TopicQueue>()
  /** In the order in which they were marked. */
  #ready: Topic[] = []
  readonly #readyKeys = new NameSet()
  readonly #readySignals = new Set<Signal>()
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

  /** Number of keys that are waited for. */
  get awaitedKeys(): number {
    return this.#keyLines.size
  }

  /** Number of keys and signals that are waited for. */
  get awaitedTopics(): number {
    return this.#keyLines.size + this.#signalLines.size
  }

  /** Number of waiters whose time will be up. */
  get deadlineCount(): number {
    return this.#deadlines.count
  }

  /** Parks a waiter at the end of each of its topics' lines. A topic named twice counts once. */
  park(waiter: Waiter<Owner>): void {
    assert(waiter.places.length === 0, 'invariant 5: a waiter is parked once')
    this.count++
    for (const topic of waiter.topics) {
      let line = this.#lineOf(topic)
      if (line === undefined) {
        line = { topic, first: undefined, last: undefined, length: 0, cursor: undefined }
        if (typeof topic === 'string') this.#keyLines.set(topic, line)
        else this.#signalLines.set(topic, line)
      } else if (line.last?.waiter === waiter) {
        // It is the last of this line already: the topic was named twice.
        continue
      }
      const place: QueueEntry = { waiter, line, previous: undefined, next: undefined }
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
      if (place.line.length === 0) this.#forget(place.line.topic)
    }
    waiter.places = []
    if (waiter.slot !== -1) {
      this.#deadlines.remove(itemAt(this.#positions, waiter.slot))
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

  isAwaited(topic: Topic): boolean {
    return this.#lineOf(topic) !== undefined
  }

  /** Notes that a key changed, or that a signal was raised, if anything waits for it. */
  markReady(topic: Topic): void {
    if (typeof topic === 'string') {
      if (!this.#keyLines.has(topic) || this.#readyKeys.has(topic)) return
      this.#readyKeys.add(topic)
    } else {
      if (!this.#signalLines.has(topic) || this.#readySignals.has(topic)) return
      this.#readySignals.add(topic)
    }
    this.#ready.push(topic)
  }

  #lineOf(topic: Topic): TopicQueue | undefined {
    return typeof topic === 'string' ? this.#keyLines.get(topic) : this.#signalLines.get(topic)
  }

  #forget(topic: Topic): void {
    if (typeof topic === 'string') this.#keyLines.delete(topic)
    else this.#signalLines.delete(topic)
  }

  get hasReady(): boolean {
    return this.#ready.length > 0
  }

  /** Returns the topics marked since the last call, in order, and forgets the marks. */
  takeReady(): Topic[] {
    const ready = this.#ready
    this.#ready = []
    this.#readyKeys.clear()
    this.#readySignals.clear()
    return ready
  }

  /**
   * Visits the waiters of a topic, in order of arrival, until `visit` returns false.
   *
   * Waiters may leave or go to the end meanwhile, the visited one or others; none is visited twice.
   * One walk at a time is under way along a line.
   */
  forEachOn(topic: Topic, visit: (waiter: Waiter<Owner>) => boolean): void {
    const line = this.#lineOf(topic)
    if (line === undefined) return
    line.cursor = line.first
    for (let left = line.length; left > 0 && line.cursor !== undefined; left--) {
      const { waiter, next } = line.cursor
      line.cursor = next
      if (!visit(waiter as Waiter<Owner>)) break
    }
    line.cursor = undefined
  }

  /** Walks every line: it is linked both ways, no line is empty, and deadlines are in order. */
  check(): void {
    if (!CHECKED) return
    for (const line of this.#keyLines.values()) this.#checkLine(line)
    for (const line of this.#signalLines.values()) this.#checkLine(line)
    this.#deadlines.check()
  }

  #checkLine(line: TopicQueue): void {
    assert(this.#lineOf(line.topic) === line && line.first !== undefined, 'a line has a waiter in it')
    let previous: QueueEntry | undefined
    for (let place: QueueEntry | undefined = line.first; place !== undefined; place = place.next) {
      assert(place.previous === previous && place.line === line, 'a place knows its line and the place before it')
      assert(place.waiter.places.includes(place), 'a waiter knows its places')
      previous = place
    }
    assert(line.last === previous, 'a line knows its last place')
  }

  /** Every key that is waited for. */
  keys(): Iterable<string> {
    return this.#keyLines.keys()
  }

  /** Every signal that is waited for. */
  signals(): Iterable<Signal> {
    return this.#signalLines.keys()
  }

  /** Returns the earliest deadline in Unix ms, +Infinity when there is none. */
  get earliestDeadlineMs(): number {
    return this.#deadlines.earliest
  }

  /** Makes all waiters leave whose time is up, in order of their deadlines. */
  expire(nowMs: number): void {
    while (this.#deadlines.earliest <= nowMs) {
      const waiter = this.#slots[this.#deadlines.entryAt(0)]!
      this.leave(waiter)
      waiter.onTimeout()
    }
  }
}

/** Puts a place at the end of its line. */
function append(place: QueueEntry): void {
  const { line } = place
  place.previous = line.last
  place.next = undefined
  if (line.last === undefined) line.first = place
  else line.last.next = place
  line.last = place
  line.length++
}

/** Takes a place out of its line; a walk that was about to visit it goes on behind it. */
function remove(place: QueueEntry): void {
  const { line, previous, next } = place
  if (previous === undefined) line.first = next
  else previous.next = next
  if (next === undefined) line.last = previous
  else next.previous = previous
  if (line.cursor === place) line.cursor = next
  line.length--
}
