// One channel that a rule names: its messages, in the order in which they were published.
//
// Messages that are kept lie in a stream under a key of its own (channel-keys.ts), an entry each with one field, `message`. So
// whatever is done for keys is done for them. Entries come by PUBLISH, in the unit that it belongs to, and go by the rule:
// what is too old, too much or too many goes as Redis trims with `~`, whole nodes at a time (a hundred messages, or 4 KiB);
// `keep-last` is exact.
//
// Where the stream has an id from elsewhere that is far ahead of the clock, the channel goes on behind it, and no other channel does. How
// old its messages are is noted beside it then (ahead-marks.ts).

import type { MessageLog } from '../../broker/subscriber.ts'
import { type ChannelRule, type First, keeps } from '../../config/channel-rules.ts'
import type { EventName } from '../../config/event-flags.ts'
import type { Effect } from '../../engine/effects/effects.ts'
import { ERR } from '../../protocol/errors.ts'
import type { Database } from '../../store/keyspace/database.ts'
import { NONE } from '../../store/keyspace/keyspace.ts'
import { Stream, type StreamWords } from '../../store/stream/stream.ts'
import { EntryCursor } from '../../store/stream/stream-cursor.ts'
import { StreamId } from '../../store/stream/stream-id.ts'
import { TYPE_STREAM } from '../../store/structures/value.ts'
import { Bytes } from '../../util/bytes/bytes.ts'
import { AheadMarks } from './ahead-marks.ts'
import { logKey } from './channel-keys.ts'
import { FIELD, KeptEntry, XADD } from './kept-entry.ts'
import { isAhead, type MessageIds } from './message-ids.ts'

/** What is too old is looked for when so much of the time it is kept has passed since the last look. */
const AGE_STEPS = 100
const AGE_STEP_MS_MAX = 10_000
/** Ids that are so far ahead of the clock do not tell how old their messages are. */
const AHEAD_MS = 1000

/** The message that is being kept, as a command. */
const kept = new KeptEntry()

/** Every log's next entry. */
const entry = {
  keepsFields: true,
  message: FIELD,
  bytes: (index: number): Bytes => (index === 0 ? FIELD : entry.message),
} satisfies StreamWords & {
  message: Bytes
}

const oldest = new StreamId()

export interface ChannelLogHost {
  /** Where the messages lie. */
  readonly db: Database
  readonly ids: MessageIds
  now(): number
  /** True while data is being loaded: nothing can be kept yet. */
  readonly isLoading: boolean
  /** False while nobody wants effects: then none need be made. */
  readonly propagates: boolean
  /** The first message of a log could not be kept. */
  forget(log: ChannelLog): void
  /** A log has a message more, or some less: what is said of that, and what has to be propagated. */
  changed(log: ChannelLog, event: EventName, effect: Effect | undefined): void
}

export class ChannelLog implements MessageLog {
  readonly kind: 'channel' | 'shard'
  readonly name: string
  readonly key: Bytes
  readonly rule: ChannelRule
  readonly keeps: boolean
  /** The message that is being delivered, a window that is valid until `end`, and its id if it is kept. */
  message: Bytes = FIELD
  readonly id = new StreamId()
  /** Nobody looks for it here any more: should the channel have messages again, there will be another. */
  isGone = false
  /** No message came since it was looked at last. */
  isIdle = false
  /** Messages that rules or slow readers have cost somebody. */
  missed = 0
  /** Where a reader is; of no meaning from one reader's slice to the next. */
  readonly cursor = new EntryCursor()
  readonly #host: ChannelLogHost
  /** When to look for what is too old. */
  #ageLookMs = 0
  /** While ids are ahead of the clock: how old messages are. */
  #ahead: AheadMarks | undefined = undefined
  /** At how many messages to look for what is too much: the oldest node can go. */
  #lengthLook = 0

  constructor(host: ChannelLogHost, kind: 'channel' | 'shard', name: string, rule: ChannelRule) {
    this.#host = host
    this.kind = kind
    this.name = name
    this.key = Bytes.from(logKey(kind, name))
    this.rule = rule
    this.keeps = keeps(rule)
  }

  /** The messages; undefined = there are none, or somebody put something else there. Counts as no use of the key. */
  get stream(): Stream | undefined {
    return streamUnder(this.#host.db, this.key)
  }

  /** Messages that the channel has ever had. */
  get messages(): number {
    return Number(this.stream?.entriesAdded ?? 0)
  }

  /** Returns the id of the message that a subscriber hears first who came behind `since`; undefined = nothing that was before. */
  firstFor(first: First, since: StreamId): StreamId | undefined {
    const { cursor, stream } = this
    if (first === 'new' || stream === undefined || stream.length === 0) return undefined
    if (stream.firstId.compare(since) > 0) return undefined
    if (first === 'all' || first >= stream.length) return new StreamId().copyFrom(stream.firstId)
    stream.seekBackwards(since, cursor)
    for (let i = 1; i < first && stream.previous(cursor); i++);
    return new StreamId().copyFrom(cursor.id)
  }

  record(message: Bytes): void {
    if (this.keeps) {
      if (this.#host.isLoading) throw ERR.loading
      this.#append(message)
    }
    this.message = message
    this.isIdle = false
  }

  /** Keeps a message, and has its id. */
  #append(message: Bytes): void {
    const { id, key } = this
    const host = this.#host
    const { db } = host
    const { nodeBytes, nodeEntries } = db.host.limits.stream
    const nowMs = host.now()
    const existing = db.getForWrite(key, Stream)
    const stream = existing ?? new Stream(db.arena)
    // Somebody else may have added to it.
    host.ids.see(stream.lastId, nowMs)
    id.copyFrom(host.ids.next(nowMs))
    entry.message = message
    try {
      if (id.compare(stream.lastId) <= 0 && !id.copyFrom(stream.lastId).increment()) throw ERR.streamExhausted
      stream.append(id, entry, 0, 1, nodeBytes, nodeEntries)
    } catch (error) {
      if (existing === undefined) {
        stream.free()
        host.forget(this)
      }
      throw error
    }
    if (existing === undefined) db.create(key, stream)
    const trimmed = this.#trim(stream, nowMs)
    host.changed(this, 'untold', host.propagates ? this.#effect(stream, message, trimmed) : undefined)
  }

  /** What a message, and how much was trimmed because of it, is as a command. */
  #effect(stream: Stream, message: Bytes, trimmed: number): Effect {
    const { key } = this
    const encoded = kept.encode(key, this.id, message)
    const { idText } = kept
    if (trimmed === 0) return encoded ?? [XADD, key, idText, FIELD, message]
    if (stream.length === 0) return [XADD, key, 'MAXLEN', '=', 0, idText, FIELD, message]
    const { firstId } = stream
    const least = firstId.equals(this.id) ? idText : firstId.toString()
    return [XADD, key, 'MINID', '=', least, idText, FIELD, message]
  }

  /** Removes what is too old, and propagates that. Returns false when nothing is left, and the key is gone. */
  sweep(): boolean {
    const host = this.#host
    const { db } = host
    const nowMs = host.now()
    const present = this.stream
    if (present === undefined) return false
    if (!this.#isTooOld(present, nowMs)) return true
    const stream = db.getForWrite(this.key, Stream)!
    if (this.#trimAge(stream, nowMs, false) === 0) return true
    if (stream.length === 0) {
      db.delete(this.key)
      host.changed(this, 'del', ['DEL', this.key])
      return false
    }
    host.changed(this, 'xtrim', ['XTRIM', this.key, 'MINID', '=', stream.firstId.toString()])
    return true
  }

  /** Removes what the rule does not keep any more; returns how many messages that were. */
  #trim(stream: Stream, nowMs: number): number {
    const { rule } = this
    let removed = 0
    if (rule.keepMs === 0) removed += stream.trimToLength(rule.keepLast, false, 0)
    else if (nowMs >= this.#ageLookMs) removed += this.#trimAge(stream, nowMs, true)
    if (stream.length > rule.maxMessages && stream.length >= this.#lengthLook) removed += this.#trimLength(stream)
    if (stream.nodes.bytes > rule.maxBytes) removed += stream.trimToBytes(rule.maxBytes)
    return removed
  }

  #trimLength(stream: Stream): number {
    const { maxMessages } = this.rule
    const approximate = maxMessages > this.#host.db.host.limits.stream.nodeEntries
    const removed = stream.trimToLength(maxMessages, approximate, 0)
    this.#lengthLook = approximate ? maxMessages + stream.firstNodeLength : 0
    return removed
  }

  #trimAge(stream: Stream, nowMs: number, approximate: boolean): number {
    const { rule } = this
    this.#ageLookMs = nowMs + Math.min(AGE_STEP_MS_MAX, rule.keepMs / AGE_STEPS)
    if (!this.#isTooOld(stream, nowMs)) return 0
    if (oldest.isZero) return stream.trimToLength(rule.keepLast, false, 0)
    if (rule.keepLast === 0) return stream.trimToId(oldest, approximate, 0)
    return stream.length > rule.keepLast ? stream.trimToIdKeeping(oldest, rule.keepLast) : 0
  }

  /** Tells whether the first message is older than the rule keeps them; `oldest` is set to what may stay, 0-0 = no id that there is. */
  #isTooOld(stream: Stream, nowMs: number): boolean {
    const { keepMs } = this.rule
    if (keepMs === 0 || keepMs === Number.POSITIVE_INFINITY || keepMs >= nowMs || stream.length === 0) return false
    oldest.setTime(nowMs - keepMs)
    if (!isAhead(stream.lastId, nowMs, AHEAD_MS)) {
      this.#ahead = undefined
    } else {
      this.#ahead ??= new AheadMarks()
      this.#ahead.note(nowMs, stream.lastId, keepMs / AGE_STEPS)
      const gone = this.#ahead.lastAt(nowMs - keepMs)
      if (gone !== undefined) oldest.copyFrom(gone).increment()
    }
    return oldest.isZero || stream.firstId.compare(oldest) < 0
  }
}

/** Returns the stream under a key; undefined = there is none, or something else. Counts as no use of the key. */
export function streamUnder(db: Database, key: Bytes): Stream | undefined {
  const entry = db.find(key)
  return entry === NONE || db.typeOf(entry) !== TYPE_STREAM ? undefined : (db.structureOf(entry) as Stream)
}
