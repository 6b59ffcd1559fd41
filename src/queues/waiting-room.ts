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
interface QueueEntry {
  readonly waiter: Waiter
  readonly queue: KeyQueue
  previous: QueueEntry | undefined
  next: QueueEntry | undefined
}

/** The waiters of one key. */
interface KeyQueue {
  readonly key: string
  first: QueueEntry | undefined
  last: QueueEntry | undefined
  length: number
  /** Whom a walk along the line visits next; moves on when that one leaves. */
  cursor: QueueEntry | undefined
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
  entries: QueueEntry[] = []
  /** Its number among the deadlines, -1 = none. */
  deadlineSlot = -1

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
  readonly #queues = new NameMap<KeyQueue>()
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
    return this.#queues.size
  }

  /** Number of waiters whose time will be up. */
  get deadlineCount(): number {
    return this.#deadlines.count
  }

  /** Parks a waiter at the end of each of its keys' lines. A key named twice counts once. */
  park(waiter: Waiter<Owner>): void {
    assert(waiter.entries.length === 0, 'a waiter is parked once')
    this.count++
    const seen = new NameSet()
    for (const key of waiter.keys) {
      if (seen.has(key)) continue
      seen.add(key)
      let queue = this.#queues.get(key)
      if (queue === undefined) {
        queue = { key, first: undefined, last: undefined, length: 0, cursor: undefined }
        this.#queues.set(key, queue)
      }
      const entry: QueueEntry = { waiter, queue, previous: undefined, next: undefined }
      append(entry)
      waiter.entries.push(entry)
    }
    if (waiter.deadlineMs !== Number.POSITIVE_INFINITY) {
      const slot = this.#freeSlots.pop() ?? this.#slots.length
      this.#slots[slot] = waiter
      waiter.deadlineSlot = slot
      this.#deadlines.add(slot, waiter.deadlineMs)
    }
  }

  /** Takes a waiter out of every line; harmless when it left already. */
  leave(waiter: Waiter<Owner>): void {
    if (waiter.entries.length === 0) return
    this.count--
    for (const entry of waiter.entries) {
      remove(entry)
      if (entry.queue.length === 0) this.#queues.delete(entry.queue.key)
    }
    waiter.entries = []
    if (waiter.deadlineSlot !== -1) {
      const position = this.#positions[waiter.deadlineSlot]
      assert(position !== undefined, 'a waiter with a deadline is in the heap')
      this.#deadlines.remove(position)
      this.#slots[waiter.deadlineSlot] = undefined
      this.#freeSlots.push(waiter.deadlineSlot)
      waiter.deadlineSlot = -1
    }
  }

  /** Sends a waiter to the end of each of its lines; its time goes on. */
  requeue(waiter: Waiter<Owner>): void {
    for (const entry of waiter.entries) {
      remove(entry)
      append(entry)
    }
  }

  isAwaited(key: string): boolean {
    return this.#queues.has(key)
  }

  /** Notes that a key changed, if anybody waits for it. */
  markReady(key: string): void {
    if (!this.#queues.has(key) || this.#readySet.has(key)) return
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
    const queue = this.#queues.get(key)
    if (queue === undefined) return
    queue.cursor = queue.first
    for (let left = queue.length; left > 0 && queue.cursor !== undefined; left--) {
      const { waiter, next } = queue.cursor
      queue.cursor = next
      if (!visit(waiter as Waiter<Owner>)) break
    }
    queue.cursor = undefined
  }

  /** Walks every line: it is linked both ways, nobody waits in an empty one, and deadlines are in order. */
  check(): void {
    if (!CHECKED) return
    for (const key of this.#queues.keys()) {
      const queue = this.#queues.get(key)
      assert(queue?.key === key && queue.first !== undefined, 'a queue has a waiter')
      let previous: QueueEntry | undefined
      for (let entry: QueueEntry | undefined = queue.first; entry !== undefined; entry = entry.next) {
        assert(entry.previous === previous && entry.queue === queue, 'an entry knows its queue and the entry before it')
        assert(entry.waiter.entries.includes(entry), 'a waiter knows its entries')
        previous = entry
      }
      assert(queue.last === previous, 'a queue knows its last entry')
    }
    this.#deadlines.check()
  }

  /** Every key somebody waits for. */
  keys(): Iterable<string> {
    return this.#queues.keys()
  }

  /** Returns the earliest deadline in Unix ms, +Infinity when there is none. */
  get earliestDeadlineMs(): number {
    return this.#deadlines.earliest
  }

  /** Lets everybody whose time is up leave, in order of their deadlines. */
  expire(nowMs: number): void {
    while (this.#deadlines.earliest <= nowMs) {
      const waiter = this.#slots[this.#deadlines.entryAt(0)]
      assert(waiter !== undefined, 'a deadline belongs to a waiter')
      this.leave(waiter)
      waiter.onTimeout()
    }
  }
}

/** Puts a place at the end of its line. */
function append(entry: QueueEntry): void {
  const { queue } = entry
  entry.previous = queue.last
  entry.next = undefined
  if (queue.last === undefined) queue.first = entry
  else queue.last.next = entry
  queue.last = entry
  queue.length++
}

/** Takes a place out of its line; a walk that was about to visit it goes on behind it. */
function remove(entry: QueueEntry): void {
  const { queue, previous, next } = entry
  if (previous === undefined) queue.first = next
  else previous.next = next
  if (next === undefined) queue.last = previous
  else next.previous = previous
  if (queue.cursor === entry) queue.cursor = next
  queue.length--
}
