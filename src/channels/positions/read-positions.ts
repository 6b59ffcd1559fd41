// The read positions of named subscribers. They are data like any other.
//
// Each channel or pattern has a hash: field `user name`, value `<id> <count> <seconds>`, and sometimes
// ` <from> <to>` behind that.
// - id: the last message that was heard.
// - count: the number of messages that the channel had up to there, so that a gap can be counted;
//   `-` when not known.
// - seconds: the Unix time of the write. A subscriber that is away for longer than the rule's
//   `remember` is forgotten.
// - from, to: the messages behind `from`, up to `to`, were heard too; those between `id` and `from`
//   were not (shared-position.ts).
//
// Older versions wrote the id alone, or id and count. The time away of such a subscriber counts
// from the moment at which this server began to look after positions.

import type { SubscriptionKind } from '../../broker/subscription-kind.ts'
import type { ChannelRule } from '../../config/channel-rules.ts'
import { Hash } from '../../store/hash/hash.ts'
import { NONE } from '../../store/keyspace/keyspace.ts'
import { ID_INVALID, parseStreamId, StreamId } from '../../store/stream/stream-id.ts'
import { ABSENT } from '../../store/structures/dictionary.ts'
import { TYPE_HASH } from '../../store/structures/value.ts'
import { assert } from '../../util/assert.ts'
import { Bytes } from '../../util/bytes/bytes.ts'
import { CHECKED } from '../../util/invariant.ts'
import { NameSet } from '../../util/tables/name-map.ts'
import { positionsKey, targetOfPositionsKey } from '../log/channel-keys.ts'
import type { StoredKeys } from '../log/stored-keys.ts'
import { PositionCounts } from './position-counts.ts'

/** A count that is not known. */
export const UNCOUNTED = -1
/**
 * An older position is written again when its subscriber leaves, because `remember` counts from
 * there.
 */
export const WRITTEN_AGAIN_MS = 60_000
/** Positions that one step of the walk visits. */
const WALKED_MAX = 100
const MS_PER_SECOND = 1000

/** The messages behind one id, up to another. */
export interface Stretch {
  readonly from: StreamId
  readonly to: StreamId
}

export class ReadPosition {
  readonly id = new StreamId()
  /** Number of messages that the channel ever had up to here, or UNCOUNTED. */
  count = UNCOUNTED
  /** Messages that were heard, although earlier ones behind the position were not. */
  ahead: Stretch | undefined = undefined

  set(id: StreamId, count: number): this {
    this.id.copyFrom(id)
    this.count = count
    return this
  }

  copyFrom({ id, count, ahead }: ReadPosition): this {
    this.ahead = ahead
    return this.set(id, count)
  }

  equals({ id, ahead }: ReadPosition): boolean {
    if (!this.id.equals(id)) return false
    if (ahead === undefined || this.ahead === undefined) return ahead === this.ahead
    return this.ahead.from.equals(ahead.from) && this.ahead.to.equals(ahead.to)
  }

  /**
   * Notes that the messages behind `from`, up to `to`, were heard. Of two stretches with a hole
   * between them only the later one is kept: the messages of the other one are heard again.
   */
  extendAhead(from: StreamId, to: StreamId): void {
    if (to.compare(from) <= 0) return
    const { ahead } = this
    const isApart = ahead === undefined || from.compare(ahead.to) > 0 || to.compare(ahead.from) < 0
    if (isApart && ahead !== undefined && ahead.to.compare(to) > 0) return
    const begin = isApart || from.compare(ahead.from) < 0 ? from : ahead.from
    const end = isApart || to.compare(ahead.to) > 0 ? to : ahead.to
    this.ahead = { from: new StreamId().copyFrom(begin), to: new StreamId().copyFrom(end) }
  }
}

export interface ReadPositionsHost extends StoredKeys {
  /** True while data is being loaded. */
  readonly isLoading: boolean
  now(): number
  /** Returns the rule under which positions are remembered; undefined when none is in force. */
  rememberingRule(kind: SubscriptionKind, target: string): ChannelRule | undefined
  /** Tells whether a subscriber is connected, or a group has members. */
  isListening(kind: SubscriptionKind, target: string, subscriber: string): boolean
}

export class ReadPositions {
  readonly #host: ReadPositionsHost
  /** Keys that hold positions, or did. */
  readonly #keys = new NameSet()
  #counts = new PositionCounts()
  /** The walk through all positions; undefined between two walks. */
  #walk: Iterator<undefined> | undefined = undefined
  /**
   * When this server began to look after positions. It does not know which subscribers were
   * connected before.
   */
  #sinceMs = 0

  constructor(host: ReadPositionsHost) {
    this.#host = host
  }

  /** Starts again under other rules or with other data. All keys of positions were noted before. */
  rulesChanged(): void {
    this.#sinceMs = this.#host.now()
    this.#counts = new PositionCounts()
    this.#walk = undefined
    this.sweep(Number.POSITIVE_INFINITY)
  }

  /** Returns the position of a subscriber; undefined when it is not remembered. */
  get(kind: SubscriptionKind, target: string, subscriber: string): ReadPosition | undefined {
    const hash = this.#hash(Bytes.from(positionsKey(kind, target)))
    const value = new Bytes()
    return hash?.get(Bytes.from(subscriber), value) ? parsePosition(value.toString()) : undefined
  }

  /** Remembers a position, unless it is new and its user has too many already. */
  set(kind: SubscriptionKind, target: string, subscriber: string, position: ReadPosition): void {
    const { db, isLoading } = this.#host
    assert(!isLoading, 'positions are not written while data is being loaded')
    const key = Bytes.from(positionsKey(kind, target))
    const present = this.#hash(key)
    if (present === undefined && db.find(key) !== NONE) return
    const field = Bytes.from(subscriber)
    if (present === undefined || present.find(field) === ABSENT) {
      const rule = this.#host.rememberingRule(kind, target)
      if (rule === undefined || this.roomFor(rule, subscriber) <= 0) return
      this.#counts.change(rule, subscriber, 1)
    }
    if (present === undefined) this.#keys.add(key.toString())
    const hash = present === undefined ? db.create(key, new Hash(db.arena, db.host)) : db.getForWrite(key, Hash)
    assert(hash !== undefined, 'a hash that was found can be written')
    if (CHECKED) assert(position.count >= UNCOUNTED, 'a position has a count or UNCOUNTED')
    const text = formatReadPosition(position, this.#host.now())
    if (CHECKED) assert(parsePosition(text)?.equals(position), 'a stored position reads back as it was')
    hash.set(field, Bytes.from(text))
    this.#host.changedKey(key, 'hset', ['HSET', key, subscriber, text])
  }

  /** Returns how many more positions a rule allows the subscriber's user. */
  roomFor(rule: ChannelRule, subscriber: string): number {
    return rule.maxRemembered - this.#counts.of(rule, subscriber)
  }

  /** Forgets a subscriber; returns false when it was not remembered. */
  forget(kind: SubscriptionKind, target: string, subscriber: string): boolean {
    const { db } = this.#host
    const key = Bytes.from(positionsKey(kind, target))
    const present = this.#hash(key)
    if (present === undefined || present.find(Bytes.from(subscriber)) === ABSENT) return false
    const hash = db.getForWrite(key, Hash)
    assert(hash !== undefined, 'a hash that was found can be written')
    hash.delete(Bytes.from(subscriber))
    if (hash.length === 0) {
      db.delete(key)
      this.#keys.delete(key.toString())
    }
    const rule = this.#host.rememberingRule(kind, target)
    if (rule !== undefined) this.#counts.change(rule, subscriber, -1)
    this.#host.changedKey(key, 'hdel', ['HDEL', key, subscriber])
    return true
  }

  // ── forgetting ───────────────────────────────────────────────────────────

  /**
   * Continues the walk by a number of steps. It counts positions, and forgets subscribers that are
   * away too long.
   */
  sweep(steps: number): void {
    this.#walk ??= this.#walkAll()
    for (let i = 0; i < steps; i++) {
      if (this.#walk.next().done !== true) continue
      this.#walk = undefined
      return
    }
  }

  *#walkAll(): Generator<undefined, undefined> {
    const counts = this.#counts
    const slots: number[] = []
    counts.begin()
    for (const key of this.#keys) {
      const target = targetOfPositionsKey(key)
      assert(target !== undefined, 'only keys of positions are registered')
      const { kind, name } = target
      const rule = this.#host.rememberingRule(kind, name)
      const bytes = Bytes.from(key)
      let cursor = 0
      do {
        yield
        const hash = this.#hash(bytes)
        if (hash === undefined) this.#keys.delete(key)
        if (hash === undefined || rule === undefined) break
        slots.length = 0
        cursor = hash.scan(cursor, WALKED_MAX, slots)
        for (const subscriber of this.#meet(rule, kind, name, hash, slots)) this.forget(kind, name, subscriber)
      } while (cursor !== 0)
    }
    counts.end()
  }

  /** Counts the positions in some slots of a hash; returns the subscribers to forget. */
  #meet(rule: ChannelRule, kind: SubscriptionKind, target: string, hash: Hash, slots: readonly number[]): string[] {
    const host = this.#host
    const window = new Bytes()
    const leastMs = host.now() - rule.rememberMs
    const old: string[] = []
    for (const slot of slots) {
      const subscriber = hash.fieldOf(slot, window).toString()
      this.#counts.meet(rule, subscriber)
      if (leastMs <= this.#sinceMs || writtenMs(hash.valueOf(slot, window).toString()) >= leastMs) continue
      if (!host.isListening(kind, target, subscriber)) old.push(subscriber)
    }
    return old
  }

  // ── all positions ────────────────────────────────────────────────────────

  /** Registers a key that holds positions. */
  noteKey(key: string): void {
    if (CHECKED) assert(targetOfPositionsKey(key) !== undefined, 'only keys of positions are registered')
    this.#keys.add(key)
  }

  /** Number of channels and patterns that have positions, or had. */
  get targetCount(): number {
    return this.#keys.size
  }

  /** Bytes of bookkeeping besides the data. */
  get bytes(): number {
    return this.#keys.bytes
  }

  /** Yields the number of remembered subscribers of each target, in no particular order. */
  *counts(): Iterable<number> {
    for (const key of this.#keys) {
      const hash = this.#hash(Bytes.from(key))
      if (hash === undefined) this.#keys.delete(key)
      else yield hash.length
    }
  }

  /** Returns the number of remembered subscribers of a target. */
  count(kind: SubscriptionKind, target: string): number {
    return this.#hash(Bytes.from(positionsKey(kind, target)))?.length ?? 0
  }

  /** Yields the patterns that have positions, or had; undefined for each other target. */
  *patterns(): Iterable<string | undefined> {
    for (const key of this.#keys) {
      const target = targetOfPositionsKey(key)
      yield target?.kind === 'pattern' ? target.name : undefined
    }
  }

  /**
   * Yields the remembered subscribers of a target with their positions, some at a time. They may
   * change between two steps.
   */
  *of(
    kind: SubscriptionKind,
    target: string,
  ): Generator<readonly (readonly [subscriber: string, position: ReadPosition])[], undefined> {
    const key = Bytes.from(positionsKey(kind, target))
    const slots: number[] = []
    const met = new Set<string>()
    let cursor = 0
    do {
      const hash = this.#hash(key)
      if (hash === undefined) return
      slots.length = 0
      cursor = hash.scan(cursor, WALKED_MAX, slots)
      const found = positionsAt(hash, slots).filter(([subscriber]) => !met.has(subscriber))
      for (const [subscriber] of found) met.add(subscriber)
      yield found
    } while (cursor !== 0)
  }

  #hash(key: Bytes): Hash | undefined {
    const { db } = this.#host
    const entry = db.find(key)
    return entry === NONE || db.typeOf(entry) !== TYPE_HASH ? undefined : (db.structureOf(entry) as Hash)
  }
}

/** Returns the positions in some slots of a hash. */
function positionsAt(hash: Hash, slots: readonly number[]): (readonly [subscriber: string, position: ReadPosition])[] {
  const window = new Bytes()
  const found: (readonly [subscriber: string, position: ReadPosition])[] = []
  for (const slot of slots) {
    const subscriber = hash.fieldOf(slot, window).toString()
    const position = parsePosition(hash.valueOf(slot, window).toString())
    if (position !== undefined) found.push([subscriber, position])
  }
  return found
}

/** Yields the positions of a hash. */
export function* positionsIn(hash: Hash | undefined): Iterable<readonly [subscriber: string, position: ReadPosition]> {
  if (hash === undefined) return
  const window = new Bytes()
  for (let slot = hash.first(); slot !== ABSENT; slot = hash.next(slot)) {
    const subscriber = hash.fieldOf(slot, window).toString()
    const position = parsePosition(hash.valueOf(slot, window).toString())
    if (position !== undefined) yield [subscriber, position]
  }
}

/** Returns a position in its stored form. */
export function formatReadPosition({ id, count, ahead }: ReadPosition, nowMs: number): string {
  const stretch = ahead === undefined ? '' : ` ${ahead.from} ${ahead.to}`
  return `${id} ${count === UNCOUNTED ? '-' : count} ${Math.floor(nowMs / MS_PER_SECOND)}${stretch}`
}

function parsePosition(text: string): ReadPosition | undefined {
  const [id = '', count, , from, to] = text.split(' ')
  const position = new ReadPosition()
  if (!parseId(id, position.id)) return undefined
  if (count !== undefined && /^[0-9]{1,15}$/.test(count)) position.count = Number(count)
  if (from !== undefined && to !== undefined) {
    const stretch = { from: new StreamId(), to: new StreamId() }
    const isValid = parseId(from, stretch.from) && parseId(to, stretch.to) && stretch.from.compare(position.id) >= 0
    if (isValid) position.extendAhead(stretch.from, stretch.to)
  }
  return position
}

function parseId(text: string, id: StreamId): boolean {
  return parseStreamId(Bytes.from(text), id, 0, false) !== ID_INVALID
}

/** Returns when a position was written, in Unix milliseconds; 0 when it does not say. */
function writtenMs(text: string): number {
  const [, , seconds = ''] = text.split(' ')
  return /^[0-9]{1,12}$/.test(seconds) ? MS_PER_SECOND * Number(seconds) : 0
}
