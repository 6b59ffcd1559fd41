// What somebody under rules has not heard yet of some logs: where it is, and what comes next.
//
// Several logs are read as one: the message that comes next is the oldest of all. No message is copied. What is remembered is the
// place, and which logs may have something unread: a heap, ordered by the id of each log before which nothing is unread. New
// messages have higher ids, and old ones are only removed, so such an id stays right. A log is looked into when it is the first.
//
// Which logs have something unread is searched a few hundred logs at a time, because a pattern may match very many of them.
// Nothing is read before the search has ended. What is published meanwhile is unread, too.
//
// One channel may have ids that are ahead of those that the others are given (message-ids.ts). The place of a pattern does not follow
// them, or it would pass what the others are going to have. How far such a channel has been read is noted beside the channel.

import { StreamId } from '../../store/stream/stream-id.ts'
import { Bytes } from '../../util/bytes/bytes.ts'
import { NameMap } from '../../util/tables/name-map.ts'
import type { ChannelLog } from '../log/channel-log.ts'
import { ReadPosition, UNCOUNTED } from '../positions/read-positions.ts'

/** Is told of messages that have gone before they were read: `count` of them, UNCOUNTED = not known, from one id to another. */
export type NoteGap = (log: ChannelLog, count: number, from: StreamId, to: StreamId) => void

/** Takes the next message; false = not now: it stays unread. */
export type TakeMessage = (log: ChannelLog, message: Bytes, id: StreamId) => boolean

/** The logs that are to be looked into; undefined = one more of which nobody wants anything. */
export type LogSearch = Iterator<ChannelLog | undefined>

/** Logs that are looked into at a time: half a millisecond's work. */
const SEARCHED_MAX = 500
/** As above, at once when somebody begins: where there are few channels it knows then. */
const SEARCHED_AT_ONCE = 16

const field = new Bytes()
const message = new Bytes()
const from = new StreamId()
const to = new StreamId()

interface UnreadLog {
  log: ChannelLog
  /** Where to begin if that is not behind the place. */
  first: StreamId | undefined
  /** Nothing before this id is unread. */
  readonly next: StreamId
  /** Where it stands in the heap. */
  at: number
}

export class UnreadMessages {
  /** How far it has read. While it is searched where rules have a new subscriber begin: zero, nothing. */
  readonly position = new ReadPosition()
  /** The last id that was given; undefined = of one channel alone the place follows every id. */
  readonly #last: StreamId | undefined
  readonly #noteGap: NoteGap
  /** Logs that may have something unread, by name: a log that was emptied and forgotten may have been made anew meanwhile. */
  readonly #logs = new NameMap<UnreadLog>()
  /** The same ones as a binary heap: the one whose `next` is least stands first. */
  #heap: UnreadLog[] = []
  /** Logs that were not looked into yet; undefined = none. */
  #search: LogSearch | undefined = undefined
  /** While it is searched where rules have it begin: the last message that was there before it came. */
  #since: StreamId | undefined = undefined

  constructor(last: StreamId | undefined, noteGap: NoteGap) {
    this.#last = last
    this.#noteGap = noteGap
  }

  /** Begins behind a place: what the logs have since then is to be read. */
  begin({ id, count }: ReadPosition, logs: LogSearch): void {
    this.position.set(id, count)
    this.#begin(logs, undefined)
  }

  /** Begins where the logs' rules have a new subscriber begin; `since` = the last message that was there before it came. */
  beginFirst(logs: LogSearch, since: StreamId): void {
    this.position.id.setZero()
    this.position.count = UNCOUNTED
    this.#begin(logs, new StreamId().copyFrom(since))
  }

  #begin(logs: LogSearch, since: StreamId | undefined): void {
    this.forget()
    this.#search = logs
    this.#since = since
    this.search(SEARCHED_AT_ONCE)
  }

  /** Begins anew among other logs, where it is or was to begin. */
  rulesChanged(logs: LogSearch): void {
    if (this.#since === undefined) this.begin(this.position, logs)
    else this.beginFirst(logs, this.#since)
  }

  /** A log has a message more, the one that is being delivered: of this log the first unread one, unless there was one before. */
  add(log: ChannelLog): void {
    const known = this.#logs.get(log.name)
    if (known === undefined) this.#put(log, log.id, log.id)
    else known.log = log
  }

  /** What is unread stays unread. */
  forget(): void {
    this.#logs.clear()
    this.#heap = []
    this.#search = undefined
    this.#since = undefined
  }

  /** True when nothing is to be read. */
  get isEmpty(): boolean {
    return this.#heap.length === 0 && this.isSearched
  }

  /** True when it knows all logs that have something unread. */
  get isSearched(): boolean {
    return this.#search === undefined
  }

  // ── the search ───────────────────────────────────────────────────────────

  /** Looks into some of the logs that were not looked into yet; true when it knows all that have something unread. */
  search(max = SEARCHED_MAX): boolean {
    if (this.#search === undefined) return true
    for (let i = 0; i < max; i++) {
      const { done, value: log } = this.#search.next()
      if (done === true) {
        this.#endSearch()
        return true
      }
      if (log !== undefined) this.#look(log)
    }
    return false
  }

  #look(log: ChannelLog): void {
    const since = this.#since
    if (since === undefined) {
      const { id } = this.position
      const { stream } = log
      if (stream !== undefined && stream.lastId.compare(id) > 0) this.#put(log, undefined, behind(id))
    } else {
      const first = log.firstFor(log.rule.first, since)
      if (first !== undefined) this.#put(log, first, first)
    }
  }

  #endSearch(): void {
    this.#search = undefined
    if (this.#since === undefined) return
    this.position.id.copyFrom(this.#since)
    this.#since = undefined
    const [oldest] = this.#heap
    if (oldest !== undefined) this.position.id.copyFrom(oldest.next).decrement()
  }

  // ── reading ──────────────────────────────────────────────────────────────

  /** Hands on what comes next until `hand` says no, or nothing is left: then true. Everything must have been searched. */
  read(hand: TakeMessage): boolean {
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
        const isForeign = this.#last !== undefined && cursor.id.compare(this.#last) > 0
        head.first = isForeign ? behind(cursor.id) : undefined
        if (!isForeign) this.position.id.copyFrom(cursor.id)
        if (this.position.count !== UNCOUNTED) this.position.count++
        isLeft = stream.next(cursor)
        if (!isLeft) break
      }
      if (isLeft) {
        head.next.copyFrom(cursor.id)
        this.#sink(head, 0)
      } else {
        this.#pass()
      }
    }
    return true
  }

  // ── the heap ─────────────────────────────────────────────────────────────

  #put(log: ChannelLog, first: StreamId | undefined, next: StreamId): void {
    const known = this.#logs.get(log.name)
    if (known !== undefined) {
      // It has got a message before it was looked into, where it has older ones.
      known.first = first
      known.next.copyFrom(next)
      this.#rise(known)
      return
    }
    const unread = { log, first: first && new StreamId().copyFrom(first), next: new StreamId().copyFrom(next), at: 0 }
    this.#logs.set(log.name, unread)
    unread.at = this.#heap.push(unread) - 1
    this.#rise(unread)
  }

  /** The first log has nothing unread. */
  #pass(): void {
    const heap = this.#heap
    this.#logs.delete(heap[0]!.log.name)
    const last = heap.pop()!
    if (heap.length > 0) this.#sink(last, 0)
  }

  /** The least `next` of all but the first; undefined = there is no other. */
  #second(): StreamId | undefined {
    const [, left, right] = this.#heap
    if (left === undefined || right === undefined) return left?.next
    return left.next.compare(right.next) <= 0 ? left.next : right.next
  }

  #rise(unread: UnreadLog): void {
    const heap = this.#heap
    let { at } = unread
    while (at > 0) {
      const parent = (at - 1) >>> 1
      if (heap[parent]!.next.compare(unread.next) <= 0) break
      this.#setAt(heap[parent]!, at)
      at = parent
    }
    this.#setAt(unread, at)
  }

  /** Has one stand at `at`, or below. */
  #sink(unread: UnreadLog, at: number): void {
    const heap = this.#heap
    for (let child = 2 * at + 1; child < heap.length; child = 2 * at + 1) {
      if (child + 1 < heap.length && heap[child + 1]!.next.compare(heap[child]!.next) < 0) child++
      if (unread.next.compare(heap[child]!.next) <= 0) break
      this.#setAt(heap[child]!, at)
      at = child
    }
    this.#setAt(unread, at)
  }

  #setAt(unread: UnreadLog, at: number): void {
    this.#heap[at] = unread
    unread.at = at
  }

  // ── logs ─────────────────────────────────────────────────────────────────

  /** Has a log's cursor stand at the first message that is to be read; false = there is none. */
  #open(unread: UnreadLog): boolean {
    const { position } = this
    const { first, log } = unread
    const { stream } = log
    if (log.isGone || stream === undefined || stream.length === 0) return false
    if (first !== undefined && first.compare(position.id) > 0) from.copyFrom(first)
    else from.copyFrom(position.id).increment()
    if (stream.lastId.compare(from) < 0) return false
    if (stream.firstId.compare(from) > 0) {
      this.#tellGap(log)
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
    const { count } = this.position
    // Who has heard more than has gone heard it of a stream that was here before this one (DEL).
    const missed = count === UNCOUNTED || count > gone ? UNCOUNTED : gone - count
    if (count !== UNCOUNTED) this.position.count = gone
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
