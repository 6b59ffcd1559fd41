// The waiting room: which waiters are parked on which keys, in which order, until when.
//
// The room has two views of one fact. Each key has its waiters in order of arrival, in a doubly
// linked list. Each waiter has its entries in those lists. So parking, leaving and disconnecting
// cost the number of keys the waiter waits for, however many other waiters there are.
//
//   parked ──markReady(key)──▶ (still parked, key in `ready`) ──serve──▶ left
//      └────────────── deadline, disconnect, CLIENT UNBLOCK ───────────▶ left
//
// A change only marks its key. The engine serves marked keys after the command, script or EXEC that
// changed them (invariant 5). Names are `key` strings that include the database.

import { assert } from '../util/assert.ts'
import { CHECKED } from '../util/invariant.ts'
import { NameMap, NameSet } from '../util/tables/name-map.ts'
import { DeadlineHeap } from '../util/time/deadline-heap.ts'

/** One waiter's entry in one key's queue. */
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
  /** The entry that a walk visits next. It moves on when that entry leaves. */
  cursor: QueueEntry | undefined
}

/** A parked client. The owner is the value that the engine wants back. */
export class Waiter<Owner = unknown> {
  readonly owner: Owner
  /** The keys that it waits for. */
  readonly keys: readonly string[]
  /** Unix milliseconds; +Infinity means no timeout. */
  readonly deadlineMs: number
  /** Runs when the deadline has passed, after the waiter has left. */
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
  /** Number of parked waiters. */
  count = 0
  readonly #queues = new NameMap<KeyQueue>()
  #ready: string[] = []
  readonly #readySet = new NameSet()
  readonly #deadlines: DeadlineHeap
  /** Slot → waiter, and slot → index in the heap. */
  readonly #slots: (Waiter<Owner> | undefined)[] = []
  readonly #positions: number[] = []
  readonly #freeSlots: number[] = []

  constructor() {
    this.#deadlines = new DeadlineHeap((slot, position) => {
      this.#positions[slot] = position
    })
  }

  /** Number of keys that have waiters. */
  get awaitedKeys(): number {
    return this.#queues.size
  }

  /** Number of waiters with a deadline. */
  get deadlineCount(): number {
    return this.#deadlines.count
  }

  /** Parks a waiter at the end of each of its keys' queues. A key named twice counts once. */
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

  /** Removes a waiter from its queues; has no effect if it left already. */
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

  /** Moves a waiter to the end of each of its queues. Its deadline stays. */
  requeue(waiter: Waiter<Owner>): void {
    for (const entry of waiter.entries) {
      remove(entry)
      append(entry)
    }
  }

  isAwaited(key: string): boolean {
    return this.#queues.has(key)
  }

  /** Marks a key as changed, if it has waiters. */
  markReady(key: string): void {
    if (!this.#queues.has(key) || this.#readySet.has(key)) return
    this.#readySet.add(key)
    this.#ready.push(key)
  }

  get hasReady(): boolean {
    return this.#ready.length > 0
  }

  /** Returns the keys marked since the last call, in order, and clears the marks. */
  takeReady(): string[] {
    const ready = this.#ready
    this.#ready = []
    this.#readySet.clear()
    return ready
  }

  /**
   * Visits the waiters of a key in order of arrival, until `visit` returns false.
   *
   * Waiters may leave or go to the end during the walk, the visited one or others; each waiter is
   * visited at most once. A key can have one walk at a time.
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

  /**
   * Walks every queue: it is linked in both directions and not empty, and the deadlines are in
   * order.
   */
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

  /** Returns the keys that have waiters. */
  keys(): Iterable<string> {
    return this.#queues.keys()
  }

  /** Returns the earliest deadline in Unix ms; +Infinity when there is none. */
  get earliestDeadlineMs(): number {
    return this.#deadlines.earliest
  }

  /** Removes the waiters whose deadlines have passed, in order of their deadlines. */
  expire(nowMs: number): void {
    while (this.#deadlines.earliest <= nowMs) {
      const waiter = this.#slots[this.#deadlines.entryAt(0)]
      assert(waiter !== undefined, 'a deadline belongs to a waiter')
      this.leave(waiter)
      waiter.onTimeout()
    }
  }
}

/** Appends an entry to its queue. */
function append(entry: QueueEntry): void {
  const { queue } = entry
  entry.previous = queue.last
  entry.next = undefined
  if (queue.last === undefined) queue.first = entry
  else queue.last.next = entry
  queue.last = entry
  queue.length++
}

/**
 * Removes an entry from its queue. A walk that was about to visit it continues with the next entry.
 */
function remove(entry: QueueEntry): void {
  const { queue, previous, next } = entry
  if (previous === undefined) queue.first = next
  else previous.next = next
  if (next === undefined) queue.last = previous
  else next.previous = previous
  if (queue.cursor === entry) queue.cursor = next
  queue.length--
}
