// The scheduled messages of one channel.
//
// They lie under two keys (channel-keys.ts). One tells which message is next, the other which
// message has an id:
//
//   a sorted set  time → `<number> <id>`     a hash  id → `<number> <message>`
//
// A number has sixteen digits and grows with each scheduled message. So messages with the same time
// are published in the order in which they were scheduled, whatever their ids. An entry in only one
// of the two keys does not count, because another command removed its counterpart.

import type { ChannelKind } from '../../broker/subscription-kind.ts'
import { Hash } from '../../store/hash/hash.ts'
import { NONE } from '../../store/keyspace/keyspace.ts'
import { SortedSet, SortedSetPosition } from '../../store/sorted-set/sorted-set.ts'
import { TYPE_HASH, TYPE_ZSET } from '../../store/structures/value.ts'
import { assert } from '../../util/assert.ts'
import { Bytes, copyBytes, Source } from '../../util/bytes/bytes.ts'
import { CHECKED } from '../../util/invariant.ts'
import { scheduledKeys } from '../log/channel-keys.ts'
import type { StoredKeys } from '../log/stored-keys.ts'

const NUMBER_DIGITS = 16
/** Bytes of a number and the blank behind it. */
const PREFIX_BYTES = NUMBER_DIGITS + 1

/** One message, in memory of its own. */
export interface ScheduledMessage {
  readonly id: Bytes
  /** Its member in the sorted set. */
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
  /**
   * Its channel's number and index in the heap of the schedule, which sets both; -1 when it is not
   * there.
   */
  number = -1
  position = -1
  readonly #keys: StoredKeys
  readonly #timesKey: Bytes
  readonly #textsKey: Bytes

  constructor(keys: StoredKeys, kind: ChannelKind, name: string) {
    this.#keys = keys
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

  /** When the first message is due; Infinity when there is none. */
  get nextMs(): number {
    const times = this.#times
    if (times === undefined || times.length === 0) return Number.POSITIVE_INFINITY
    times.seek(0, position)
    return position.score
  }

  has(id: Bytes): boolean {
    return this.#memberOf(id) !== undefined
  }

  /** Adds a message with a new id. Throws the store's errors, after undoing its changes. */
  add(id: Bytes, dueMs: number, number: number, message: Bytes): void {
    const { db } = this.#keys
    const digits = String(number).padStart(NUMBER_DIGITS, '0')
    if (CHECKED) assert(digits.length === NUMBER_DIGITS, 'a number has sixteen digits')
    if (CHECKED) assert(!this.has(id), 'a scheduled message has a new id')
    const member = joined(digits, id)
    const text = joined(digits, message)
    let times = db.getForWrite(this.#timesKey, SortedSet)
    // Texts without times are leftovers of another command.
    if (times === undefined && db.delete(this.#textsKey))
      this.#keys.changedKey(this.#textsKey, 'del', ['DEL', this.#textsKey])
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
    this.#keys.changedKey(this.#timesKey, 'zadd', ['ZADD', this.#timesKey, dueMs, member])
    this.#keys.changedKey(this.#textsKey, 'hset', ['HSET', this.#textsKey, id, text])
  }

  /**
   * Returns the first message if it is due. Returns undefined when it is not due; or when it had no
   * text, and was removed.
   */
  firstDue(nowMs: number): ScheduledMessage | undefined {
    const times = this.#times
    if (times === undefined || this.nextMs > nowMs) return undefined
    const dueMs = position.score
    const member = times.memberAt(position, window).copy()
    const found = this.#messageOf(member, dueMs)
    if (found === undefined) this.#removeTime(member)
    return found
  }

  /** Removes the message of an id; returns false when there is none. */
  cancel(id: Bytes): boolean {
    const member = this.#memberOf(id)
    if (member === undefined) return false
    this.remove({ id, member })
    return true
  }

  /** Removes an existing message. */
  remove({ id, member }: Pick<ScheduledMessage, 'id' | 'member'>): void {
    const { db } = this.#keys
    this.#removeTime(member)
    const texts = db.getForWrite(this.#textsKey, Hash)
    assert(texts !== undefined, 'a scheduled message has a text')
    texts.delete(id)
    if (texts.isEmpty) db.delete(this.#textsKey)
    this.#keys.changedKey(this.#textsKey, 'hdel', ['HDEL', this.#textsKey, id])
  }

  /** Yields the messages in the order in which they will be published. */
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
    const { db } = this.#keys
    const times = db.getForWrite(this.#timesKey, SortedSet)
    assert(times !== undefined, 'a scheduled message has a time')
    times.remove(member)
    if (times.length === 0) db.delete(this.#timesKey)
    this.#keys.changedKey(this.#timesKey, 'zrem', ['ZREM', this.#timesKey, member])
  }

  /** Returns the message of a member of the sorted set; undefined when it has no text. */
  #messageOf(member: Bytes, dueMs: number): ScheduledMessage | undefined {
    if (member.length < PREFIX_BYTES) return undefined
    const id = new Bytes(member.source, member.start + PREFIX_BYTES, member.length - PREFIX_BYTES)
    if (this.#texts?.get(id, window) !== true || !samePrefix(member, window)) return undefined
    const text = new Bytes(window.source, window.start + PREFIX_BYTES, window.length - PREFIX_BYTES).copy()
    return { id, member, dueMs, text }
  }

  /** Returns the sorted set's member for an id; undefined when there is none. */
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

  /** Returns the value under a key, unless it has another type. Not counted as a use of the key. */
  #structure(key: Bytes, type: number): SortedSet | Hash | undefined {
    const { db } = this.#keys
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
