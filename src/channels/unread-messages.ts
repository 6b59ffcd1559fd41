// What somebody under rules has not heard yet of some logs: where it is, and what comes next.
//
// Several logs are read as one: the message that comes next is the oldest of all. Nothing is copied, and nothing remembered
// but the place and which logs may have something behind it.

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
}

export class UnreadMessages {
  /** How far it has read. */
  readonly heard = new Place()
  readonly #noteGap: NoteGap
  /** Logs that may have something unread, by name: a log that was emptied and forgotten may have been made anew meanwhile. */
  readonly #logs = new NameMap<Unread>()

  constructor(noteGap: NoteGap) {
    this.#noteGap = noteGap
  }

  /** Begins behind a place: what the logs have since then is to be read, besides what was to be read before. */
  begin(place: Place, logs: Iterable<ChannelLog>): void {
    this.heard.set(place.id, place.count)
    for (const log of logs) this.#logs.set(log.name, { log, first: undefined })
  }

  /** Has a log read from an id on, which would have been passed. */
  beginAt(log: ChannelLog, first: StreamId): void {
    this.#logs.set(log.name, { log, first })
  }

  /** A log has a message more. */
  add(log: ChannelLog): void {
    const unread = this.#logs.get(log.name)
    if (unread === undefined) this.#logs.set(log.name, { log, first: undefined })
    else unread.log = log
  }

  /** What is unread stays unread. */
  forget(): void {
    this.#logs.clear()
  }

  /** Hands on what comes next until `hand` says no, or nothing is left: then true. */
  read(hand: Hand): boolean {
    const heads: Unread[] = []
    for (const unread of this.#logs.values()) {
      if (this.#open(unread)) heads.push(unread)
      else this.#logs.delete(unread.log.name)
    }
    heads.sort((a, b) => a.log.cursor.id.compare(b.log.cursor.id))
    while (heads.length > 0) {
      const head = heads[0]!
      const { log } = head
      const { cursor } = log
      const next = heads[1]?.log.cursor.id
      const stream = log.stream!
      do {
        cursor.beginFields()
        cursor.nextField(field, message)
        if (!hand(log, message, cursor.id)) return false
        // Passed from now on: the place says where to go on.
        head.first = undefined
        this.heard.id.copyFrom(cursor.id)
        if (this.heard.count !== UNCOUNTED) this.heard.count++
        if (!stream.next(cursor)) {
          this.#logs.delete(log.name)
          heads.shift()
          break
        }
      } while (next === undefined || cursor.id.compare(next) < 0)
      if (heads[0] === head) settle(heads)
    }
    return true
  }

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

/** Moves the first of some logs, in order but for this one, to where it belongs. */
function settle(heads: Unread[]): void {
  const head = heads[0]!
  const { id } = head.log.cursor
  let at = 0
  while (at + 1 < heads.length && heads[at + 1]!.log.cursor.id.compare(id) < 0) {
    heads[at] = heads[at + 1]!
    at++
  }
  heads[at] = head
}
