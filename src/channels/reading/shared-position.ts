// The read position of one name in one channel or pattern. All connections of the name share it.
//
// Each connection hears every message from its SUBSCRIBE on. So it covers a stretch: the messages
// behind `since`, up to the last one that its socket took, or that it acknowledged. The position
// moves as far as these stretches reach without a hole.
//
//   ── heard ──▶ position      hole      ahead ──▶
//   ─────────────────|─ ─ ─ ─ ─ ─ ─ ─ |───────────|        a later connection is ahead of one that catches up
//
// A hole is open while one connection reads what the name missed and another one, which came later,
// hears new messages. When the reading connection leaves, the other one reads the hole. If the
// broker dies meanwhile, the position is remembered with the stretch ahead of it, which is not sent
// again.
//
// A position is certain `redeliver` milliseconds later. When the last connection breaks, the name
// continues at the certain position. When one of several breaks, the oldest of the others reads the
// messages behind the certain position that only the broken one was sent (docs/decisions/0073).
// Acknowledged messages are certain at once. So are those of which a client says, when it comes back,
// that it heard them: an id of the door's `Last-Event-ID`. Which connection the client had before is
// not known. Messages count as heard that each connection was sent which may have been the one.

import type { SubscriptionKind } from '../../broker/subscription-kind.ts'
import { StreamId } from '../../store/stream/stream-id.ts'
import { assert } from '../../util/assert.ts'
import { CHECKED } from '../../util/invariant.ts'
import { ProgressHistory } from '../positions/progress-history.ts'
import { ReadPosition, type Stretch, UNCOUNTED } from '../positions/read-positions.ts'

/** A connection of the name: its reader. */
export interface NameConnection {
  /** It hears every message behind this id. */
  readonly since: StreamId
  /** undefined when it does not acknowledge messages. */
  readonly acknowledged: ReadPosition | undefined
  /** The position up to which it took messages, or acknowledged them; undefined when not known. */
  readonly takenPosition: ReadPosition | undefined
  /** Returns the position up to which it took messages until `ms`, or acknowledged them. */
  certainPosition(ms: number): ReadPosition | undefined
  /** Returns the position up to which messages were sent; `end` is behind the last message. */
  positionNow(end: ReadPosition): ReadPosition
  /**
   * Returns the id behind which it was sent every message, in order, up to a given one; without one,
   * up to any.
   */
  heardBehind(id?: StreamId): StreamId
  /** Makes it read the messages behind a position up to `since`, and then continue where it is. */
  readHole(position: ReadPosition, end: ReadPosition): void
}

export class SharedPosition<Reader extends NameConnection> {
  readonly kind: SubscriptionKind
  /** The channel or the pattern. */
  readonly target: string
  /** `user name`. */
  readonly subscriber: string
  /** The connections of the name, in the order of their coming. */
  readonly readers: Reader[] = []
  /** Up to here one of the connections has taken every message. */
  readonly taken = new ReadPosition()
  /**
   * The position that was remembered last, and when it was written; 0 when it was not written since
   * the first connection came.
   */
  readonly remembered = new ReadPosition()
  rememberedMs = 0
  readonly #history = new ProgressHistory<ReadPosition>()
  /** The last message before the name's first connection. Older ones came by connections before. */
  readonly #last: StreamId
  /** Each connection that has left was sent every message behind this id while it was there. */
  readonly #leftBehind = new StreamId()
  /** Messages that a client has said that it heard. */
  #confirmed: Stretch | undefined = undefined

  /** Begins at a position; `last` is the last message that there is. */
  constructor(kind: SubscriptionKind, target: string, subscriber: string, position: ReadPosition, last: StreamId) {
    this.kind = kind
    this.target = target
    this.subscriber = subscriber
    this.taken.copyFrom(position)
    this.#last = new StreamId().copyFrom(last)
  }

  /** True when all of its connections acknowledge messages (CHANNEL ACK). */
  get acknowledges(): boolean {
    return this.readers.length > 0 && this.readers.every(isAcknowledging)
  }

  // ── connections ──────────────────────────────────────────────────────────

  join(reader: Reader): void {
    assert(!this.readers.includes(reader), 'a connection joins its name once')
    this.readers.push(reader)
  }

  /**
   * Removes a connection, and keeps what it has taken; what it took until `ms` is certain. Returns
   * false when it left before.
   */
  leave(reader: Reader, ms: number): boolean {
    const at = this.readers.indexOf(reader)
    if (at === -1) return false
    this.advance()
    this.#keepAhead(reader, ms)
    this.readers.splice(at, 1)
    raise(this.#leftBehind, reader.heardBehind())
    return true
  }

  /**
   * Returns the connection that should read what no connection has heard or is reading; undefined
   * when there is no such message.
   */
  get heir(): Reader | undefined {
    let heir: Reader | undefined
    for (const reader of this.readers) {
      if (heir === undefined || reader.since.compare(heir.since) < 0) heir = reader
    }
    return heir !== undefined && heir.since.compare(this.taken.id) > 0 ? heir : undefined
  }

  /**
   * A connection broke: the messages that it took after a time `ms` may never have reached its
   * client. Goes back to the position that was `certain` at that time, and on by what the other
   * connections took. Messages that none of them was sent are a hole then.
   */
  doubt(certain: ReadPosition, ms: number): void {
    if (this.readers.length === 0 || certain.id.compare(this.taken.id) >= 0) return
    this.taken.copyFrom(certain)
    this.#addConfirmed(this.taken)
    this.#history.clear()
    this.#history.note(ms, new ReadPosition().copyFrom(certain))
    this.advance()
  }

  /**
   * A client came back with the connection `back`, and says that it heard the messages up to an id.
   * Says nothing about the messages that another client may have been sent in its place.
   */
  confirm(back: Reader, id: StreamId): void {
    if (id.compare(this.#last) <= 0) return
    const from = new StreamId().copyFrom(this.#leftBehind)
    for (const reader of this.readers) {
      if (reader.acknowledged !== undefined) return
      if (reader !== back && reader.since.compare(id) < 0) raise(from, reader.heardBehind(id))
    }
    if (from.compare(id) >= 0) return
    const before = this.#confirmed
    const goesOn = before !== undefined && from.compare(before.from) >= 0 && from.compare(before.to) <= 0
    this.#confirmed = { from: goesOn ? before.from : from, to: new StreamId().copyFrom(id) }
    this.#addConfirmed(this.taken)
  }

  /** Moves a position on by what a client has said that it heard. */
  #addConfirmed(position: ReadPosition): void {
    const stretch = this.#confirmed
    if (stretch === undefined || stretch.from.compare(position.id) > 0) return
    if (stretch.to.compare(position.id) > 0) position.set(stretch.to, UNCOUNTED)
  }

  /**
   * Makes the heir read the hole, and then continue where it is. What it took until `ms` is
   * certain.
   */
  inherit(heir: Reader, end: ReadPosition, ms: number): void {
    this.#keepAhead(heir, ms)
    heir.readHole(this.taken, end)
    assert(this.heir === undefined, 'a hole has one reader')
  }

  // ── the position ─────────────────────────────────────────────────────────

  /** Moves the position as far as the stretches of its connections reach without a hole. */
  advance(): void {
    this.#advance(this.taken, takenBy)
    if (CHECKED) this.#check()
  }

  #advance(position: ReadPosition, reached: (reader: Reader) => ReadPosition | undefined): void {
    for (let hasMoved = true; hasMoved; ) {
      hasMoved = false
      for (const reader of this.readers) {
        const to = reached(reader)
        if (to !== undefined && extend(position, reader.since, to)) hasMoved = true
      }
      const { ahead } = position
      if (ahead !== undefined && ahead.from.compare(position.id) <= 0 && ahead.to.compare(position.id) > 0) {
        position.set(ahead.to, UNCOUNTED)
        hasMoved = true
      }
    }
    const { ahead } = position
    if (ahead !== undefined && ahead.to.compare(position.id) <= 0) position.ahead = undefined
  }

  /** Notes the position at a time, for `certainPosition`. */
  sample(nowMs: number): void {
    this.advance()
    const { last } = this.#history
    if (last?.id.equals(this.taken.id) === true && last.ahead === this.taken.ahead) return
    this.#history.note(nowMs, new ReadPosition().copyFrom(this.taken))
  }

  /**
   * Returns the position that is certain when all that was taken until a time is; undefined when
   * not known. With it comes the stretch ahead that is certain, too.
   */
  certainPosition(ms: number): ReadPosition | undefined {
    this.advance()
    const position = this.acknowledges ? this.taken : this.#history.at(ms)
    if (position === undefined) return undefined
    const certain = new ReadPosition().copyFrom(position)
    this.#addConfirmed(certain)
    this.#advance(certain, (reader) => reader.certainPosition(ms))
    for (const reader of this.readers) {
      const to = reader.certainPosition(ms)
      if (to !== undefined && reader.since.compare(certain.id) > 0) certain.extendAhead(reader.since, to.id)
    }
    return certain
  }

  /** Returns how far messages were sent, or acknowledged where the connection does that. */
  sentPosition(end: ReadPosition): ReadPosition {
    this.advance()
    const position = new ReadPosition().copyFrom(this.taken)
    this.#advance(position, (reader) => reader.acknowledged ?? reader.positionNow(end))
    return position
  }

  /** Moves to another position. All earlier deliveries no longer count. */
  seek(position: ReadPosition): void {
    this.taken.copyFrom(position)
    this.#history.clear()
    this.#confirmed = undefined
    for (const reader of this.readers) reader.since.copyFrom(position.id)
  }

  /**
   * Moves back when the position is behind every message: its id was ahead of the clock, and the
   * stream is gone. Nothing before the position of its last connection is missing then.
   */
  correct(end: ReadPosition): void {
    if (this.taken.id.compare(end.id) <= 0) return
    let least = end
    for (const reader of this.readers) {
      const position = reader.positionNow(end)
      if (position.id.compare(least.id) < 0) least = position
    }
    this.seek(new ReadPosition().set(least.id, least.count))
  }

  #keepAhead(reader: Reader, ms: number): void {
    const to = reader.certainPosition(ms)
    if (to !== undefined && reader.since.compare(this.taken.id) > 0) this.taken.extendAhead(reader.since, to.id)
  }

  #check(): void {
    const { ahead, id } = this.taken
    assert(ahead === undefined || ahead.from.compare(id) > 0, 'a hole lies between the position and the stretch ahead')
  }
}

function isAcknowledging({ acknowledged }: NameConnection): boolean {
  return acknowledged !== undefined
}

function takenBy(reader: NameConnection): ReadPosition | undefined {
  return reader.takenPosition
}

/** Makes an id at least as great as another. */
function raise(id: StreamId, least: StreamId): void {
  if (id.compare(least) < 0) id.copyFrom(least)
}

/** Moves a position to the end of a stretch that begins at the position or before it. */
function extend(position: ReadPosition, since: StreamId, to: ReadPosition): boolean {
  if (since.compare(position.id) > 0 || to.id.compare(position.id) <= 0) return false
  position.set(to.id, to.count)
  return true
}
