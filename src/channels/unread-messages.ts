// What somebody under rules has not heard yet of some logs: where it is, and what comes next.
//
// Several logs are read as one: the message that comes next is the oldest of all. Nothing is copied, and nothing remembered
// but the place, and which logs may have something behind it: a heap, by the id before which a log has nothing unread. Ids only
// grow and messages only go, so what is true of an id stays true, and a log is looked into when its turn may have come.

import { StreamId } from '../store/stream-id.ts'
import { Bytes } from '../util/bytes.ts'
import { NameMap } from '../util/name-map.ts'
import type { ChannelLog } from './channel-log.ts'
import { Place, UNCOUNTED } from './places.ts'

/** Is told of messages that have gone before they were read: `count` of them, UNCOUNTED = not known, from one id to another. */
export type NoteGap = (log: ChannelLog, count: number, from: StreamId, to: StreamId) => void

/** Takes the next message; false = not now: it stays unread. */
export type Hand = (log: ChannelLog, message: Bytes, id: StreamId) => boolean

const field = new Bytes()
const message = new Bytes()
const from = new StreamId()
const to = new StreamId()

interface Unread {
  log: ChannelLog
  /** Where to begin if that is not behind the place. */
  first: StreamId | undefined
  /** Nothing before this id is unread. */
  readonly next: StreamId
}

export class UnreadMessages {
  /** How far it has read. */
  readonly heard = new Place()
  readonly #noteGap: NoteGap
  /** Logs that may have something unread, by name: a log that was emptied and forgotten may have been made anew meanwhile. */
  readonly #logs = new NameMap<Unread>()
  /** The same ones as a binary heap: the one whose `next` is least stands first. */
  #heap: Unread[] = []

  constructor(noteGap: NoteGap) {
    this.#noteGap = noteGap
  }

  /** Begins behind a place: what the logs have since then is to be read, besides what was to be read before. */
  begin(place: Place, logs: Iterable<ChannelLog>): void {
    this.heard.set(place.id, place.count)
    for (const log of logs) this.#logs.set(log.name, { log, first: undefined, next: new StreamId() })
    const from = behind(place.id)
    for (const { first, next } of this.#logs.values()) {
      next.copyFrom(first !== undefined && first.compare(from) > 0 ? first : from)
    }
    this.#heap = [...this.#logs.values()]
    for (let at = (this.#heap.length >>> 1) - 1; at >= 0; at--) this.#sink(at)
  }

  /** Has a log read from an id on, which would have been passed. */
  beginAt(log: ChannelLog, first: StreamId): void {
    this.#put(log, first, new StreamId().copyFrom(first))
  }

  /** A log has a message more. */
  add(log: ChannelLog): void {
    const unread = this.#logs.get(log.name)
    if (unread === undefined) this.#put(log, undefined, behind(this.heard.id))
    else unread.log = log
  }

  /** What is unread stays unread. */
  forget(): void {
    this.#logs.clear()
    this.#heap = []
  }

  /** Hands on what comes next until `hand` says no, or nothing is left: then true. */
  read(hand: Hand): boolean {
    const heap = this.#heap
    while (heap.length > 0) {
      const head = heap[0]!
      const { log } = head
      if (!this.#open(head)) {
        this.#pass()
        continue
      }
      const { cursor } = log
      const after = this.#second()
      const stream = log.stream!
      let isLeft = true
      // No two messages have the same id: what may come at this one elsewhere comes later.
      while (after === undefined || cursor.id.compare(after) <= 0) {
        cursor.beginFields()
        cursor.nextField(field, message)
        if (!hand(log, message, cursor.id)) return false
        // Passed from now on: the place says where to go on.
        head.first = undefined
        this.heard.id.copyFrom(cursor.id)
        if (this.heard.count !== UNCOUNTED) this.heard.count++
        isLeft = stream.next(cursor)
        if (!isLeft) break
      }
      if (isLeft) {
        head.next.copyFrom(cursor.id)
        this.#sink(0)
      } else {
        this.#pass()
      }
    }
    return true
  }

  // ── the heap ─────────────────────────────────────────────────────────────

  #put(log: ChannelLog, first: StreamId | undefined, next: StreamId): void {
    const known = this.#logs.get(log.name)
    if (known === undefined) {
      const unread = { log, first, next }
      this.#logs.set(log.name, unread)
      this.#heap.push(unread)
      this.#rise(this.#heap.length - 1)
      return
    }
    known.log = log
    known.first = first
    // Sooner than was believed, or later: both ways it is looked for.
    known.next.copyFrom(next)
    const at = this.#heap.indexOf(known)
    this.#rise(at)
    this.#sink(at)
  }

  /** The first log has nothing unread. */
  #pass(): void {
    const heap = this.#heap
    this.#logs.delete(heap[0]!.log.name)
    const last = heap.pop()!
    if (heap.length === 0) return
    heap[0] = last
    this.#sink(0)
  }

  /** The least `next` of all but the first; undefined = there is no other. */
  #second(): StreamId | undefined {
    const [, left, right] = this.#heap
    if (left === undefined || right === undefined) return left?.next
    return left.next.compare(right.next) <= 0 ? left.next : right.next
  }

  #rise(from: number): void {
    const heap = this.#heap
    const unread = heap[from]!
    let at = from
    while (at > 0) {
      const parent = (at - 1) >>> 1
      if (heap[parent]!.next.compare(unread.next) <= 0) break
      heap[at] = heap[parent]!
      at = parent
    }
    heap[at] = unread
  }

  #sink(from: number): void {
    const heap = this.#heap
    const unread = heap[from]!
    let at = from
    for (let child = 2 * at + 1; child < heap.length; child = 2 * at + 1) {
      if (child + 1 < heap.length && heap[child + 1]!.next.compare(heap[child]!.next) < 0) child++
      if (unread.next.compare(heap[child]!.next) <= 0) break
      heap[at] = heap[child]!
      at = child
    }
    heap[at] = unread
  }

  // ── logs ─────────────────────────────────────────────────────────────────

  /** Has a log's cursor stand at the first message that is to be read; false = there is none. */
  #open(unread: Unread): boolean {
    const { heard } = this
    const { first, log } = unread
    const { stream } = log
    if (log.isGone || stream === undefined || stream.length === 0) return false
    if (first !== undefined && first.compare(heard.id) > 0) from.copyFrom(first)
    else from.copyFrom(heard.id).increment()
    if (stream.lastId.compare(from) < 0) return false
    if (stream.firstId.compare(from) > 0) {
      if (first === undefined) this.#tellGap(log)
      // Told of once, however long the rest waits to be read.
      unread.first = new StreamId().copyFrom(stream.firstId)
    }
    if (log.rule.slow !== 'conflate') return stream.seek(from, log.cursor)
    // Of what it could not take it hears the last alone.
    if (!stream.last(log.cursor)) return false
    return log.cursor.id.compare(from) >= 0
  }

  /** Messages may have gone before they were read: those between where it was and the first that is left. */
  #tellGap(log: ChannelLog): void {
    const stream = log.stream!
    const gone = Number(stream.entriesAdded) - stream.length
    const { count } = this.heard
    // Who has heard more than has gone heard it of a stream that was here before this one (DEL).
    const missed = count === UNCOUNTED || count > gone ? UNCOUNTED : gone - count
    if (count !== UNCOUNTED) this.heard.count = gone
    if (missed === 0 || gone === 0) return
    to.copyFrom(stream.firstId).decrement()
    this.#noteGap(log, missed, from, to)
  }
}

/** The first id behind one. */
function behind(id: StreamId): StreamId {
  const next = new StreamId().copyFrom(id)
  next.increment()
  return next
}
