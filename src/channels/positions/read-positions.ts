// How far named subscribers have heard: what is remembered of them, as data like any other.
//
// A hash for each channel or pattern: field `user name`, value `<id> <count> <seconds>`. The id is that of the last message that was
// heard. The count says how many messages a channel had until then, so that a gap can be counted; `-` = not known. The seconds (Unix time)
// say when this was written: a subscriber that is away for longer than the rule remembers is forgotten.
//
// Older versions wrote the id alone, or id and count. Such a place counts from the moment since when places are looked after here.

import type { SubscriptionKind } from '../../broker/subscription-kind.ts'
import type { ChannelRule } from '../../config/channel-rules.ts'
import type { EventName } from '../../config/event-flags.ts'
import type { Word } from '../../engine/effects/effects.ts'
import { Hash } from '../../store/hash/hash.ts'
import type { Database } from '../../store/keyspace/database.ts'
import { NONE } from '../../store/keyspace/keyspace.ts'
import { ID_INVALID, parseStreamId, StreamId } from '../../store/stream/stream-id.ts'
import { ABSENT } from '../../store/structures/dictionary.ts'
import { TYPE_HASH } from '../../store/structures/value.ts'
import { assert } from '../../util/assert.ts'
import { Bytes } from '../../util/bytes/bytes.ts'
import { NameSet } from '../../util/tables/name-map.ts'
import { placesKey, targetOfPlacesKey } from '../log/channel-keys.ts'
import { PositionCounts } from './position-counts.ts'

/** Not known. */
export const UNCOUNTED = -1
/** A place that is older is written again when its subscriber leaves, because the time that it is remembered begins then. */
export const WRITTEN_AGAIN_MS = 60_000
/** Places looked at between two steps of the walk through all of them. */
const WALKED_MAX = 100
const MS_PER_SECOND = 1000

export class ReadPosition {
  readonly id = new StreamId()
  /** Messages of the channel up to here, ever; UNCOUNTED. */
  count = UNCOUNTED

  set(id: StreamId, count: number): this {
    this.id.copyFrom(id)
    this.count = count
    return this
  }

  copyFrom({ id, count }: ReadPosition): this {
    return this.set(id, count)
  }
}

export interface ReadPositionsHost {
  readonly db: Database
  /** Data is being loaded. */
  readonly isLoading: boolean
  now(): number
  /** The rule by which places are remembered; undefined = none is in force. */
  rememberingRule(kind: SubscriptionKind, target: string): ChannelRule | undefined
  /** Tells whether a subscriber is connected, or has members. */
  isListening(kind: SubscriptionKind, target: string, subscriber: string): boolean
  /** A key has changed: what is said of it, and what has to be propagated. */
  changedKey(key: Bytes, event: EventName, words: readonly Word[]): void
}

export class ReadPositions {
  readonly #host: ReadPositionsHost
  /** The keys under which places are, or have been. */
  readonly #keys = new NameSet()
  #counts = new PositionCounts()
  /** The walk through all places; undefined = between two walks. */
  #walk: Iterator<undefined> | undefined = undefined
  /** Since when places are looked after here. Before that subscribers may have been connected of which nothing is known. */
  #sinceMs = 0

  constructor(host: ReadPositionsHost) {
    this.#host = host
  }

  /** Other rules are in force, or other data are there, and all keys of places that there are have been noted. */
  follow(): void {
    this.#sinceMs = this.#host.now()
    this.#counts = new PositionCounts()
    this.#walk = undefined
    this.look(Number.POSITIVE_INFINITY)
  }

  /** Returns how far a subscriber has heard; undefined = nothing is remembered of it. */
  get(kind: SubscriptionKind, target: string, subscriber: string): ReadPosition | undefined {
    const hash = this.#hash(Bytes.from(placesKey(kind, target)))
    const value = new Bytes()
    return hash?.get(Bytes.from(subscriber), value) ? parsePlace(value.toString()) : undefined
  }

  /** Remembers how far a subscriber has heard, unless it is new and too many are remembered of its user. */
  set(kind: SubscriptionKind, target: string, subscriber: string, place: ReadPosition): void {
    const { db, isLoading } = this.#host
    assert(!isLoading, 'nothing is remembered among data that is being loaded')
    const key = Bytes.from(placesKey(kind, target))
    const present = this.#hash(key)
    if (present === undefined && db.find(key) !== NONE) return
    const field = Bytes.from(subscriber)
    if (present === undefined || present.find(field) === ABSENT) {
      const rule = this.#host.rememberingRule(kind, target)
      if (rule === undefined || this.roomFor(rule, subscriber) <= 0) return
      this.#counts.change(rule, subscriber, 1)
    }
    if (present === undefined) this.#keys.add(key.toString())
    const hash = present === undefined ? db.create(key, new Hash(db.arena, db.host)) : db.getForWrite(key, Hash)!
    const text = formatReadPosition(place, this.#host.now())
    hash.set(field, Bytes.from(text))
    this.#host.changedKey(key, 'hset', ['HSET', key, subscriber, text])
  }

  /** How many more places a rule has remembered of the subscriber's user. */
  roomFor(rule: ChannelRule, subscriber: string): number {
    return rule.maxRemembered - this.#counts.of(rule, subscriber)
  }

  /** Forgets a subscriber; false when nothing was remembered of it. */
  forget(kind: SubscriptionKind, target: string, subscriber: string): boolean {
    const { db } = this.#host
    const key = Bytes.from(placesKey(kind, target))
    const present = this.#hash(key)
    if (present === undefined || present.find(Bytes.from(subscriber)) === ABSENT) return false
    const hash = db.getForWrite(key, Hash)!
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

  // ── those that are too old ───────────────────────────────────────────────

  /** Goes on through all places, so many steps: counts them, and forgets subscribers that are away for too long. */
  look(steps: number): void {
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
      const { kind, name } = targetOfPlacesKey(key)!
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

  /** Counts the places in some slots of a hash, and returns the subscribers that are to be forgotten. */
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

  // ── all of them ──────────────────────────────────────────────────────────

  /** Comes to know that there are places under a key. */
  note(key: string): void {
    this.#keys.add(key)
  }

  /** Channels and patterns of which somebody is, or has been remembered. */
  get targetCount(): number {
    return this.#keys.size
  }

  /** Bytes of what is known of them besides the data. */
  get bytes(): number {
    return this.#keys.bytes
  }

  /** Returns how many are remembered of each, in no particular order. */
  *counts(): Iterable<number> {
    for (const key of this.#keys) {
      const hash = this.#hash(Bytes.from(key))
      if (hash === undefined) this.#keys.delete(key)
      else yield hash.length
    }
  }

  /** Returns how many are remembered of a target. */
  count(kind: SubscriptionKind, target: string): number {
    return this.#hash(Bytes.from(placesKey(kind, target)))?.length ?? 0
  }

  /** Gives the subscribers that are remembered of a target, with their places, some at a time; they may change between two steps. */
  *of(
    kind: SubscriptionKind,
    target: string,
  ): Generator<readonly (readonly [subscriber: string, place: ReadPosition])[], undefined> {
    const key = Bytes.from(placesKey(kind, target))
    const slots: number[] = []
    const met = new Set<string>()
    let cursor = 0
    do {
      const hash = this.#hash(key)
      if (hash === undefined) return
      slots.length = 0
      cursor = hash.scan(cursor, WALKED_MAX, slots)
      const found = placesAt(hash, slots).filter(([subscriber]) => !met.has(subscriber))
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

/** The places that stand in some slots of a hash. */
function placesAt(hash: Hash, slots: readonly number[]): (readonly [subscriber: string, place: ReadPosition])[] {
  const window = new Bytes()
  const found: (readonly [subscriber: string, place: ReadPosition])[] = []
  for (const slot of slots) {
    const subscriber = hash.fieldOf(slot, window).toString()
    const place = parsePlace(hash.valueOf(slot, window).toString())
    if (place !== undefined) found.push([subscriber, place])
  }
  return found
}

/** The places that a hash remembers. */
export function* placesIn(hash: Hash | undefined): Iterable<readonly [subscriber: string, place: ReadPosition]> {
  if (hash === undefined) return
  const window = new Bytes()
  for (let slot = hash.first(); slot !== ABSENT; slot = hash.next(slot)) {
    const subscriber = hash.fieldOf(slot, window).toString()
    const place = parsePlace(hash.valueOf(slot, window).toString())
    if (place !== undefined) yield [subscriber, place]
  }
}

/** Returns a place as it is stored. */
export function formatReadPosition({ id, count }: ReadPosition, nowMs: number): string {
  return `${id} ${count === UNCOUNTED ? '-' : count} ${Math.floor(nowMs / MS_PER_SECOND)}`
}

function parsePlace(text: string): ReadPosition | undefined {
  const [id = '', count] = text.split(' ')
  const place = new ReadPosition()
  if (parseStreamId(Bytes.from(id), place.id, 0, false) === ID_INVALID) return undefined
  if (count !== undefined && /^[0-9]{1,15}$/.test(count)) place.count = Number(count)
  return place
}

/** Returns when a place was written, Unix milliseconds; 0 = it does not say. */
function writtenMs(text: string): number {
  const [, , seconds = ''] = text.split(' ')
  return /^[0-9]{1,12}$/.test(seconds) ? MS_PER_SECOND * Number(seconds) : 0
}
