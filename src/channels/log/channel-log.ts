// One channel that a rule names, and its messages in the order in which they were published.
//
// Kept messages lie in a stream under a key of their own (channel-keys.ts). Each message is an
// entry with one field, `message`. So everything that works on keys works on kept messages. PUBLISH
// adds the entry, in the unit that publishes. A message that was scheduled has a second field,
// `id`: the id under which it waited. The rule's limits of age, bytes and number remove entries as
// Redis trims with `~`: whole nodes at a time (a hundred messages, or 4 KiB). `keep-last` is exact.
//
// A foreign id in the stream can be far ahead of the clock. Then this channel continues behind that
// id, and other channels do not. The age of its messages is noted separately (future-id-ages.ts).

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
import { assert } from '../../util/assert.ts'
import { Bytes } from '../../util/bytes/bytes.ts'
import { logKey } from './channel-keys.ts'
import { FutureIdAges } from './future-id-ages.ts'
import { isAhead, type MessageIds } from './message-ids.ts'
import { FIELD, ID_FIELD, XADD, XaddEncoder } from './xadd-encoder.ts'

/** The interval between two searches for expired messages is this fraction of `keep`. */
const AGE_STEPS = 100
const AGE_STEP_MS_MAX = 10_000
/** An id further ahead of the clock than this does not tell how old its message is. */
const AHEAD_MS = 1000

/** Encodes the XADD command of a kept message. */
const kept = new XaddEncoder()

/** The entry that is appended next. All logs share it. */
const entry = {
  keepsFields: true,
  message: FIELD,
  bytes: (index: number): Bytes => (index === 0 ? FIELD : entry.message),
} satisfies StreamWords & {
  message: Bytes
}

/** The entry of a message that was scheduled. */
const scheduledEntry = {
  message: FIELD,
  scheduledId: FIELD,
  bytes: (index: number): Bytes =>
    index === 0 ? FIELD : index === 1 ? scheduledEntry.message : index === 2 ? ID_FIELD : scheduledEntry.scheduledId,
} satisfies StreamWords & {
  message: Bytes
  scheduledId: Bytes
}

const oldest = new StreamId()

export interface ChannelLogHost {
  /** The database that holds the messages. */
  readonly db: Database
  readonly ids: MessageIds
  now(): number
  /** True while data is being loaded. No message can be kept then. */
  readonly isLoading: boolean
  /** False while no sink takes effects; then the log makes none. */
  readonly propagates: boolean
  /** Forgets a log whose first message could not be kept. */
  forget(log: ChannelLog): void
  /** Announces that a log gained or lost messages, and propagates the effect. */
  changed(log: ChannelLog, event: EventName, effect: Effect | undefined): void
}

export class ChannelLog implements MessageLog {
  readonly kind: 'channel' | 'shard'
  readonly name: string
  readonly key: Bytes
  readonly rule: ChannelRule
  readonly keeps: boolean
  /**
   * The message that is being delivered, a window valid until `end`. `id` is set when it is kept.
   */
  message: Bytes = FIELD
  readonly id = new StreamId()
  /** The id under which the next message waited, if it was scheduled. */
  scheduledId: Bytes | undefined = undefined
  /** True once the log is forgotten. A later message to the channel makes a new log. */
  isGone = false
  /** True when no message arrived since the last pruning visit. */
  isIdle = false
  /**
   * Number of messages that subscribers did not hear because of the rule or because they were slow.
   */
  missed = 0
  /** A cursor for readers. Its state does not survive from one slice to the next. */
  readonly cursor = new EntryCursor()
  readonly #host: ChannelLogHost
  /** Time of the next search for expired messages. */
  #ageLookMs = 0
  /** The ages of messages whose ids are ahead of the clock; undefined while there are none. */
  #ahead: FutureIdAges | undefined = undefined
  /** Number of messages at which trimming is tried again, because the oldest node can then go. */
  #lengthLook = 0

  constructor(host: ChannelLogHost, kind: 'channel' | 'shard', name: string, rule: ChannelRule) {
    this.#host = host
    this.kind = kind
    this.name = name
    this.key = Bytes.from(logKey(kind, name))
    this.rule = rule
    this.keeps = keeps(rule)
  }

  /**
   * Returns the stream; undefined when the key is absent or has another type. Not counted as a use
   * of the key.
   */
  get stream(): Stream | undefined {
    return streamUnder(this.#host.db, this.key)
  }

  /** Number of messages that the channel has ever had. */
  get messagesEver(): number {
    return Number(this.stream?.entriesAdded ?? 0)
  }

  /**
   * Returns the id of the first message that a new subscriber hears; undefined when it hears no old
   * ones. `since` is the last message before the subscriber came.
   */
  firstFor(first: First, since: StreamId): StreamId | undefined {
    const { cursor, stream } = this
    if (first === 'new' || stream === undefined || stream.length === 0) return undefined
    if (stream.firstId.compare(since) > 0) return undefined
    if (first === 'all' || first >= stream.length) return new StreamId().copyFrom(stream.firstId)
    stream.seekBackwards(since, cursor)
    for (let i = 1; i < first && stream.previous(cursor); i++);
    assert(cursor.id.compare(since) <= 0, 'an old message is not above `since`')
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

  /** Keeps a message under the next id. */
  #append(message: Bytes): void {
    const { id, key, scheduledId } = this
    const host = this.#host
    const { db } = host
    const { nodeBytes, nodeEntries } = db.host.limits.stream
    const nowMs = host.now()
    const existing = db.getForWrite(key, Stream)
    const stream = existing ?? new Stream(db.arena)
    // A client may have added entries with XADD.
    host.ids.observe(stream.lastId, nowMs)
    id.copyFrom(host.ids.next(nowMs))
    entry.message = message
    try {
      if (id.compare(stream.lastId) <= 0 && !id.copyFrom(stream.lastId).increment()) throw ERR.streamExhausted
      assert(id.compare(stream.lastId) > 0, 'the id of a kept message is above all ids of its log')
      if (scheduledId === undefined) stream.append(id, entry, 0, 1, nodeBytes, nodeEntries)
      else this.#appendScheduled(stream, message, scheduledId)
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

  #appendScheduled(stream: Stream, message: Bytes, scheduledId: Bytes): void {
    const { nodeBytes, nodeEntries } = this.#host.db.host.limits.stream
    scheduledEntry.message = message
    scheduledEntry.scheduledId = scheduledId
    stream.append(this.id, scheduledEntry, 0, 2, nodeBytes, nodeEntries)
  }

  /** Returns the command that adds a message and removes what was trimmed because of it. */
  #effect(stream: Stream, message: Bytes, trimmed: number): Effect {
    const { key, scheduledId } = this
    const encoded = kept.encode(key, this.id, message)
    const { idText } = kept
    if (scheduledId !== undefined) return this.#scheduledEffect(stream, message, trimmed, scheduledId)
    if (trimmed === 0) return encoded ?? [XADD, key, idText, FIELD, message]
    if (stream.length === 0) return [XADD, key, 'MAXLEN', '=', 0, idText, FIELD, message]
    const { firstId } = stream
    const least = firstId.equals(this.id) ? idText : firstId.toString()
    return [XADD, key, 'MINID', '=', least, idText, FIELD, message]
  }

  #scheduledEffect(stream: Stream, message: Bytes, trimmed: number, scheduledId: Bytes): Effect {
    const trim =
      trimmed === 0 ? [] : stream.length === 0 ? ['MAXLEN', '=', 0] : ['MINID', '=', stream.firstId.toString()]
    return [XADD, this.key, ...trim, this.id.toString(), FIELD, message, ID_FIELD, scheduledId]
  }

  /**
   * Removes expired messages and propagates the removal. Returns false when the log is empty and
   * its key is deleted.
   */
  sweep(): boolean {
    const host = this.#host
    const { db } = host
    const nowMs = host.now()
    const present = this.stream
    if (present === undefined) return false
    if (!this.#isTooOld(present, nowMs)) return true
    const stream = db.getForWrite(this.key, Stream)
    assert(stream !== undefined, 'a stream that was found can be written')
    if (this.#trimAge(stream, nowMs, false) === 0) return true
    if (stream.length === 0) {
      db.delete(this.key)
      host.changed(this, 'del', ['DEL', this.key])
      return false
    }
    host.changed(this, 'xtrim', ['XTRIM', this.key, 'MINID', '=', stream.firstId.toString()])
    return true
  }

  /** Removes messages beyond the rule's limits; returns how many. */
  #trim(stream: Stream, nowMs: number): number {
    const { rule } = this
    let removed = 0
    if (rule.keepMs === 0) removed += stream.trimToLength(rule.keepLast, false, 0)
    else if (nowMs >= this.#ageLookMs) removed += this.#trimAge(stream, nowMs, true)
    assert(rule.keepMs > 0 || stream.length <= rule.keepLast, '`keep-last` is exact')
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

  /**
   * Tells whether the first message is older than the rule allows. Sets `oldest` to the least id
   * that may stay; 0-0 means that no present id may stay.
   */
  #isTooOld(stream: Stream, nowMs: number): boolean {
    const { keepMs } = this.rule
    if (keepMs === 0 || keepMs === Number.POSITIVE_INFINITY || keepMs >= nowMs || stream.length === 0) return false
    oldest.setTime(nowMs - keepMs)
    if (!isAhead(stream.lastId, nowMs, AHEAD_MS)) {
      this.#ahead = undefined
    } else {
      this.#ahead ??= new FutureIdAges()
      this.#ahead.note(nowMs, stream.lastId, keepMs / AGE_STEPS)
      const gone = this.#ahead.lastAt(nowMs - keepMs)
      if (gone !== undefined) oldest.copyFrom(gone).increment()
    }
    return oldest.isZero || stream.firstId.compare(oldest) < 0
  }
}

/**
 * Returns the stream under a key; undefined when there is none. Not counted as a use of the key.
 */
export function streamUnder(db: Database, key: Bytes): Stream | undefined {
  const entry = db.find(key)
  return entry === NONE || db.typeOf(entry) !== TYPE_STREAM ? undefined : (db.structureOf(entry) as Stream)
}
