// The messages of one channel that are to be published later.
//
// They lie under two keys (channel-keys.ts), so that both questions are answered at once, what is next and what an id stands for:
//
//   a sorted set  time → `<number> <id>`     a hash  id → `<number> <message>`
//
// A number has sixteen digits and grows with each message that is scheduled, so that those of one time are published in the order
// in which they came, whatever their ids. What is in only one of the two (somebody removed the other) is nothing.

import type { ChannelKind } from '../../broker/subscription-kind.ts'
import type { EventName } from '../../config/event-flags.ts'
import type { Word } from '../../engine/effects/effects.ts'
import { Hash } from '../../store/hash/hash.ts'
import type { Database } from '../../store/keyspace/database.ts'
import { NONE } from '../../store/keyspace/keyspace.ts'
import { SortedSet, SortedSetPosition } from '../../store/sorted-set/sorted-set.ts'
import { TYPE_HASH, TYPE_ZSET } from '../../store/structures/value.ts'
import { Bytes, copyBytes, Source } from '../../util/bytes/bytes.ts'
import { scheduledKeys } from '../log/channel-keys.ts'

const NUMBER_DIGITS = 16
/** A number and the space behind it. */
const PREFIX_BYTES = NUMBER_DIGITS + 1

export interface ScheduledMessagesHost {
  /** Where the messages lie. */
  readonly db: Database
  /** A key has changed: what is said of it, and what has to be propagated. */
  changedKey(key: Bytes, event: EventName, words: readonly Word[]): void
}

/** One message, in memory of its own. */
export interface ScheduledMessage {
  readonly id: Bytes
  /** What stands for it in the sorted set. */
  readonly member: Bytes
  readonly dueMs: number
  readonly text: Bytes
}

const position = new SortedSetPosition()
const window = new Bytes()

export class ScheduledMessages {
  readonly kind: ChannelKind
  readonly name: string
  readonly channel: Bytes
  /** Its number among those that wait, and where it stands in their order; the schedule's business. */
  number = -1
  position = -1
  readonly #host: ScheduledMessagesHost
  readonly #timesKey: Bytes
  readonly #textsKey: Bytes

  constructor(host: ScheduledMessagesHost, kind: ChannelKind, name: string) {
    this.#host = host
    this.kind = kind
    this.name = name
    this.channel = Bytes.from(name)
    const { times, texts } = scheduledKeys(kind, name)
    this.#timesKey = Bytes.from(times)
    this.#textsKey = Bytes.from(texts)
  }

  get count(): number {
    return this.#times?.length ?? 0
  }

  /** When the first is due; Infinity = there is none. */
  get nextMs(): number {
    const times = this.#times
    if (times === undefined || times.length === 0) return Number.POSITIVE_INFINITY
    times.seek(0, position)
    return position.score
  }

  has(id: Bytes): boolean {
    return this.#memberOf(id) !== undefined
  }

  /** Adds a message whose id is new. Throws what the store throws, having changed nothing. */
  add(id: Bytes, dueMs: number, number: number, message: Bytes): void {
    const { db } = this.#host
    const digits = String(number).padStart(NUMBER_DIGITS, '0')
    const member = joined(digits, id)
    const text = joined(digits, message)
    let times = db.getForWrite(this.#timesKey, SortedSet)
    // Without their times texts are what somebody has left behind.
    if (times === undefined && db.delete(this.#textsKey))
      this.#host.changedKey(this.#textsKey, 'del', ['DEL', this.#textsKey])
    let texts = db.getForWrite(this.#textsKey, Hash)
    try {
      times ??= db.create(this.#timesKey, new SortedSet(db.arena, db.host))
      times.add(member, dueMs)
      texts ??= db.create(this.#textsKey, new Hash(db.arena, db.host))
      texts.set(id, text)
    } catch (error) {
      times?.remove(member)
      if (times?.length === 0) db.delete(this.#timesKey)
      if (texts?.length === 0) db.delete(this.#textsKey)
      throw error
    }
    this.#host.changedKey(this.#timesKey, 'zadd', ['ZADD', this.#timesKey, dueMs, member])
    this.#host.changedKey(this.#textsKey, 'hset', ['HSET', this.#textsKey, id, text])
  }

  /** Returns the first if it is due by now; undefined = it is not, or it had no text any more, and has been removed. */
  firstDue(nowMs: number): ScheduledMessage | undefined {
    if (this.nextMs > nowMs) return undefined
    const dueMs = position.score
    const member = this.#times!.memberAt(position, window).copy()
    const found = this.#messageOf(member, dueMs)
    if (found === undefined) this.#removeTime(member)
    return found
  }

  /** Removes a message by its id; false when there is none. */
  cancel(id: Bytes): boolean {
    const member = this.#memberOf(id)
    if (member === undefined) return false
    this.remove({ id, member })
    return true
  }

  /** Removes a message that there is. */
  remove({ id, member }: Pick<ScheduledMessage, 'id' | 'member'>): void {
    const { db } = this.#host
    this.#removeTime(member)
    const texts = db.getForWrite(this.#textsKey, Hash)!
    texts.delete(id)
    if (texts.isEmpty) db.delete(this.#textsKey)
    this.#host.changedKey(this.#textsKey, 'hdel', ['HDEL', this.#textsKey, id])
  }

  /** The messages, in the order in which they will be published. */
  *[Symbol.iterator](): Iterator<ScheduledMessage> {
    const times = this.#times
    if (times === undefined || times.length === 0) return
    const at = new SortedSetPosition()
    times.seek(0, at)
    do {
      const found = this.#messageOf(times.memberAt(at, window).copy(), at.score)
      if (found !== undefined) yield found
    } while (times.next(at))
  }

  #removeTime(member: Bytes): void {
    const { db } = this.#host
    const times = db.getForWrite(this.#timesKey, SortedSet)!
    times.remove(member)
    if (times.length === 0) db.delete(this.#timesKey)
    this.#host.changedKey(this.#timesKey, 'zrem', ['ZREM', this.#timesKey, member])
  }

  /** The message that a member of the sorted set stands for; undefined = there is none. */
  #messageOf(member: Bytes, dueMs: number): ScheduledMessage | undefined {
    if (member.length < PREFIX_BYTES) return undefined
    const id = new Bytes(member.source, member.start + PREFIX_BYTES, member.length - PREFIX_BYTES)
    if (this.#texts?.get(id, window) !== true || !samePrefix(member, window)) return undefined
    const text = new Bytes(window.source, window.start + PREFIX_BYTES, window.length - PREFIX_BYTES).copy()
    return { id, member, dueMs, text }
  }

  /** The member of the sorted set that stands for an id; undefined = there is none. */
  #memberOf(id: Bytes): Bytes | undefined {
    if (this.#texts?.get(id, window) !== true || window.length < PREFIX_BYTES) return undefined
    const number = new Bytes(window.source, window.start, NUMBER_DIGITS)
    const member = joined(number.toString(), id)
    return this.#times?.score(member) === undefined ? undefined : member
  }

  get #times(): SortedSet | undefined {
    return this.#structure(this.#timesKey, TYPE_ZSET) as SortedSet | undefined
  }

  get #texts(): Hash | undefined {
    return this.#structure(this.#textsKey, TYPE_HASH) as Hash | undefined
  }

  /** What lies under a key, unless somebody put something else there. Counts as no use of the key. */
  #structure(key: Bytes, type: number): SortedSet | Hash | undefined {
    const { db } = this.#host
    const entry = db.find(key)
    return entry === NONE || db.typeOf(entry) !== type ? undefined : (db.structureOf(entry) as SortedSet | Hash)
  }
}

/** Returns `<digits> <bytes>`. */
function joined(digits: string, bytes: Bytes): Bytes {
  const source = Source.allocate(PREFIX_BYTES + bytes.length)
  source.u8.write(`${digits} `, 0, 'latin1')
  copyBytes(source, PREFIX_BYTES, bytes.source, bytes.start, bytes.length)
  return new Bytes(source, 0, PREFIX_BYTES + bytes.length)
}

function samePrefix(one: Bytes, other: Bytes): boolean {
  if (other.length < PREFIX_BYTES) return false
  for (let i = 0; i < PREFIX_BYTES; i++) if (one.at(i) !== other.at(i)) return false
  return true
}
