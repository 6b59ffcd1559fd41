// The unread messages of some logs, and the position up to which they were read.
//
// Several logs are read as one: the oldest unread message of all comes next. Messages are not
// copied. The state is the position and a heap of the logs that may have unread messages. The heap
// is ordered by an id in each log before which no message is unread. This id stays valid,
// because new messages have higher ids and old ones are only removed. A log is looked into when it
// is first in the heap.
//
// A pattern may match very many logs, so they are searched for unread messages a few hundred at a
// time. Reading starts when the search is complete. Messages published meanwhile are unread, too.
//
// One channel may have ids ahead of the other channels' ids (message-ids.ts). The position of a
// pattern does not follow such ids, because it would pass later messages of the other channels. How
// far such a channel was read is noted in its own heap entry.

import type { Stream } from '../../store/stream/stream.ts'
import { StreamId } from '../../store/stream/stream-id.ts'
import { assert } from '../../util/assert.ts'
import { Bytes } from '../../util/bytes/bytes.ts'
import { CHECKED } from '../../util/invariant.ts'
import { NameMap } from '../../util/tables/name-map.ts'
import type { ChannelLog } from '../log/channel-log.ts'
import { ReadPosition, UNCOUNTED } from '../positions/read-positions.ts'

/**
 * Reports messages that were removed before they were read: `count` of them, or UNCOUNTED, behind
 * one id and before another.
 */
export type NoteGap = (log: ChannelLog, count: number, after: StreamId, before: StreamId) => void

/** Takes the next message; returns false to leave it unread for now. */
export type TakeMessage = (log: ChannelLog, message: Bytes, id: StreamId) => boolean

/** The logs to search; undefined stands for a log that the subscription does not read. */
export type LogSearch = Iterator<ChannelLog | undefined>

/** Logs that one step searches; that takes half a millisecond. */
const SEARCHED_MAX = 500
/** Logs that are searched at the beginning. With few channels the search is complete at once. */
const SEARCHED_AT_ONCE = 16

const field = new Bytes()
const message = new Bytes()
const from = new StreamId()
const before = new StreamId()

interface UnreadLog {
  log: ChannelLog
  /** Where to begin, if that is behind the position. */
  first: StreamId | undefined
  /** No message before this id is unread. */
  readonly next: StreamId
  /** Index in the heap. */
  at: number
}

export class UnreadMessages {
  /** How far the messages were read. Zero while a new subscriber's start is being searched. */
  readonly position = new ReadPosition()
  /**
   * The last id that the server gave. undefined for a single channel, whose position follows every
   * id.
   */
  readonly #last: StreamId | undefined
  readonly #noteGap: NoteGap
  /**
   * Logs that may have unread messages, by name. A forgotten log may have been made again under its
   * name.
   */
  readonly #logs = new NameMap<UnreadLog>()
  /** The same logs as a binary heap; the least `next` is first. */
  #heap: UnreadLog[] = []
  /** Logs that are still to be searched; undefined when the search is complete. */
  #search: LogSearch | undefined = undefined
  /**
   * The last message before the subscriber came, while a new subscriber's start is being searched.
   */
  #since: StreamId | undefined = undefined

  constructor(last: StreamId | undefined, noteGap: NoteGap) {
    this.#last = last
    this.#noteGap = noteGap
  }

  /** Begins behind a position, and searches the logs for later messages. */
  begin({ id, count }: ReadPosition, logs: LogSearch): void {
    this.position.set(id, count)
    this.#begin(logs, undefined)
  }

  /** Begins where the rules start a new subscriber; `since` is the last message before it came. */
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

  /** Begins again in other logs, from its position or from the start that it searched for. */
  rulesChanged(logs: LogSearch): void {
    if (this.#since === undefined) this.begin(this.position, logs)
    else this.beginFirst(logs, this.#since)
  }

  /**
   * Adds the message that a log delivers. It is the log's first unread message, unless the log had
   * one already.
   */
  add(log: ChannelLog): void {
    const known = this.#logs.get(log.name)
    if (known === undefined) this.#put(log, log.id, log.id)
    else known.log = log
  }

  /** Drops the search and the heap. The position stays. */
  forget(): void {
    this.#logs.clear()
    this.#heap = []
    this.#search = undefined
    this.#since = undefined
  }

  /** True when no message is unread. */
  get isEmpty(): boolean {
    return this.#heap.length === 0 && this.isSearched
  }

  /** True while the start of a new subscriber is being searched. */
  get isFirst(): boolean {
    return this.#since !== undefined
  }

  /** True when all logs were searched. */
  get isSearched(): boolean {
    return this.#search === undefined
  }

  // ── the search ───────────────────────────────────────────────────────────

  /** Searches some more logs; returns true when all were searched. */
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
      if (stream !== undefined && stream.lastId.compare(id) > 0) this.#put(log, undefined, idBehind(id))
    } else {
      const first = log.firstFor(log.rule.first, since)
      if (first !== undefined) this.#put(log, first, first)
    }
  }

  #endSearch(): void {
    this.#search = undefined
    if (CHECKED) this.check()
    if (this.#since === undefined) return
    this.position.id.copyFrom(this.#since)
    this.#since = undefined
    const [oldest] = this.#heap
    if (oldest !== undefined) this.position.id.copyFrom(oldest.next).decrement()
  }

  // ── reading ──────────────────────────────────────────────────────────────

  /**
   * Hands on messages in order until `hand` refuses; returns true when none is left. All logs must
   * have been searched.
   */
  read(hand: TakeMessage): boolean {
    const heap = this.#heap
    assert(this.isSearched, 'all logs are searched before messages are read')
    for (let head = heap[0]; head !== undefined; head = heap[0]) {
      const { log } = head
      const stream = this.#open(head)
      if (stream === undefined) {
        this.#pass(head)
        continue
      }
      const { cursor } = log
      const after = this.#second()
      let isLeft = true
      // Ids are unique: another log's message with this id comes later.
      while (after === undefined || cursor.id.compare(after) <= 0) {
        assert(cursor.id.compare(this.position.id) > 0, 'each message is read once, in order')
        cursor.beginFields()
        cursor.nextField(field, message)
        if (!hand(log, message, cursor.id)) return false
        // The position now includes this message.
        const isForeign = this.#last !== undefined && cursor.id.compare(this.#last) > 0
        head.first = isForeign ? idBehind(cursor.id) : undefined
        if (!isForeign) this.position.id.copyFrom(cursor.id)
        if (this.position.count !== UNCOUNTED) this.position.count++
        isLeft = stream.next(cursor)
        if (!isLeft) break
      }
      if (isLeft) {
        head.next.copyFrom(cursor.id)
        this.#sink(head, 0)
      } else {
        this.#pass(head)
      }
    }
    return true
  }

  /**
   * Tells whether the next message, with this id, may be read while others were read up to `bound`.
   * If not, the position moves up to the message, because no message lies between.
   */
  mayPass(bound: StreamId, id: StreamId): boolean {
    const isForeign = this.#last !== undefined && id.compare(this.#last) > 0
    before.copyFrom(isForeign ? this.#last : id)
    if (!isForeign) before.decrement()
    if (bound.compare(before) >= 0) return true
    if (before.compare(this.position.id) > 0) this.position.id.copyFrom(before)
    return false
  }

  // ── the heap ─────────────────────────────────────────────────────────────

  #put(log: ChannelLog, first: StreamId | undefined, next: StreamId): void {
    const known = this.#logs.get(log.name)
    if (known !== undefined) {
      // It got a message before it was searched, and it has older unread ones.
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

  /** Removes the first log, which has no unread message. */
  #pass(first: UnreadLog): void {
    this.#logs.delete(first.log.name)
    const last = this.#heap.pop()
    if (last !== undefined && last !== first) this.#sink(last, 0)
    if (CHECKED) this.check()
  }

  /** Returns the least `next` of all logs but the first; undefined when there is no other. */
  #second(): StreamId | undefined {
    const [, left, right] = this.#heap
    if (left === undefined || right === undefined) return left?.next
    return left.next.compare(right.next) <= 0 ? left.next : right.next
  }

  #rise(unread: UnreadLog): void {
    const heap = this.#heap
    let { at } = unread
    while (at > 0) {
      const above = (at - 1) >>> 1
      const parent = heap[above]
      if (parent === undefined || parent.next.compare(unread.next) <= 0) break
      this.#setAt(parent, at)
      at = above
    }
    this.#setAt(unread, at)
  }

  /** Moves a log down from index `at` until the heap is in order. */
  #sink(unread: UnreadLog, at: number): void {
    const heap = this.#heap
    for (let left = heap[2 * at + 1]; left !== undefined; left = heap[2 * at + 1]) {
      const right = heap[2 * at + 2]
      const child = right !== undefined && right.next.compare(left.next) < 0 ? right : left
      if (unread.next.compare(child.next) <= 0) break
      const below = child.at
      this.#setAt(child, at)
      at = below
    }
    this.#setAt(unread, at)
  }

  #setAt(unread: UnreadLog, at: number): void {
    this.#heap[at] = unread
    unread.at = at
  }

  /**
   * Walks the heap: it is in order, and each log in it knows its index and is found by its name.
   */
  check(): void {
    if (!CHECKED) return
    const heap = this.#heap
    assert(heap.length === this.#logs.size, 'the heap and the map hold the same logs')
    for (const [at, unread] of heap.entries()) {
      assert(unread.at === at, 'a log knows its index in the heap')
      assert(this.#logs.get(unread.log.name) === unread, 'a log of the heap is found by its name')
      const parent = at === 0 ? undefined : heap[(at - 1) >>> 1]
      assert(parent === undefined || parent.next.compare(unread.next) <= 0, 'the heap is in order')
    }
  }

  // ── logs ─────────────────────────────────────────────────────────────────

  /**
   * Sets a log's cursor to its first unread message, and returns its stream; undefined when it has
   * none.
   */
  #open(unread: UnreadLog): Stream | undefined {
    const { position } = this
    const { first, log } = unread
    const { stream } = log
    if (log.isGone || stream === undefined) return undefined
    if (first !== undefined && first.compare(position.id) > 0) from.copyFrom(first)
    else from.copyFrom(position.id).increment()
    if (stream.lastId.compare(from) < 0) return undefined
    const after = first?.equals(from) ? idBefore(first) : position.id
    if (stream.length === 0) {
      // All of them are gone. Without a message left no other reading would tell.
      this.#tellGap(log, stream, after, idBehind(stream.lastId))
      return undefined
    }
    if (stream.firstId.compare(from) > 0) {
      this.#tellGap(log, stream, after, stream.firstId)
      // The gap is reported once, even if reading continues much later.
      unread.first = new StreamId().copyFrom(stream.firstId)
    }
    if (log.rule.slow !== 'conflate') return stream.seek(from, log.cursor) ? stream : undefined
    // Of the messages it could not take, the client hears only the last.
    return stream.last(log.cursor) && log.cursor.id.compare(from) >= 0 ? stream : undefined
  }

  /** Reports the messages between an id and the first message that is left, or the end. */
  #tellGap(log: ChannelLog, stream: Stream, after: StreamId, before: StreamId): void {
    const gone = Number(stream.entriesAdded) - stream.length
    const { count } = this.position
    // A count beyond the removed messages belongs to an earlier stream under this key (DEL).
    const missed = count === UNCOUNTED || count > gone ? UNCOUNTED : gone - count
    if (count !== UNCOUNTED) this.position.count = gone
    if (missed === 0 || gone === 0) return
    this.#noteGap(log, missed, after, before)
  }
}

/** Returns the successor of an id. */
export function idBehind(id: StreamId): StreamId {
  const next = new StreamId().copyFrom(id)
  next.increment()
  return next
}

/** Returns the predecessor of an id. */
export function idBefore(id: StreamId): StreamId {
  const previous = new StreamId().copyFrom(id)
  previous.decrement()
  return previous
}
