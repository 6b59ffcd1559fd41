// How far named subscribers have heard: what is remembered of them, as data like any other.
//
// A hash for each channel or pattern: field `user name`, value the id of the last message that was heard, and, of a channel,
// how many messages it had until then, so that a gap can be counted.

import type { SubscriptionKind } from '../broker/message-keeper.ts'
import type { Word } from '../engine/effects.ts'
import type { EventName } from '../engine/events.ts'
import type { Database } from '../store/database.ts'
import { ABSENT } from '../store/dictionary.ts'
import { Hash } from '../store/hash.ts'
import { NONE } from '../store/keyspace.ts'
import { ID_INVALID, parseStreamId, StreamId } from '../store/stream-id.ts'
import { TYPE_HASH } from '../store/value.ts'
import { assert } from '../util/assert.ts'
import { Bytes } from '../util/bytes.ts'
import { NameSet } from '../util/name-map.ts'
import { placesKey } from './channel-keys.ts'

/** Not known. */
export const UNCOUNTED = -1

export class Place {
  readonly id = new StreamId()
  /** Messages of the channel up to here, ever; UNCOUNTED. */
  count = UNCOUNTED

  set(id: StreamId, count: number): this {
    this.id.copyFrom(id)
    this.count = count
    return this
  }

  copyFrom({ id, count }: Place): this {
    return this.set(id, count)
  }
}

export interface PlacesHost {
  readonly db: Database
  /** Data is being loaded. */
  readonly isLoading: boolean
  /** A key has changed: what is said of it, and what has to be propagated. */
  changedKey(key: Bytes, event: EventName, words: readonly Word[]): void
}

export class Places {
  readonly #host: PlacesHost
  /** The keys under which places are, or have been. */
  readonly #keys = new NameSet()

  constructor(host: PlacesHost) {
    this.#host = host
  }

  /** Returns how far a subscriber has heard; undefined = nothing is remembered of it. */
  get(kind: SubscriptionKind, target: string, subscriber: string): Place | undefined {
    const hash = this.#hash(Bytes.from(placesKey(kind, target)))
    const value = new Bytes()
    return hash?.get(Bytes.from(subscriber), value) ? parsePlace(value.toString()) : undefined
  }

  /** Remembers how far a subscriber has heard. */
  set(kind: SubscriptionKind, target: string, subscriber: string, place: Place): void {
    const { db, isLoading } = this.#host
    assert(!isLoading, 'nothing is remembered among data that is being loaded')
    const key = Bytes.from(placesKey(kind, target))
    const isThere = this.#hash(key) !== undefined
    if (!isThere && db.find(key) !== NONE) return
    if (!isThere) this.#keys.add(key.toString())
    const hash = isThere ? db.getForWrite(key, Hash)! : db.create(key, new Hash(db.arena, db.host))
    const text = formatPlace(place)
    hash.set(Bytes.from(subscriber), Bytes.from(text))
    this.#host.changedKey(key, 'hset', ['HSET', key, subscriber, text])
  }

  /** Forgets a subscriber; false when nothing was remembered of it. */
  forget(kind: SubscriptionKind, target: string, subscriber: string): boolean {
    const { db } = this.#host
    const key = Bytes.from(placesKey(kind, target))
    const present = this.#hash(key)
    if (present === undefined || present.find(Bytes.from(subscriber)) === ABSENT) return false
    const hash = db.getForWrite(key, Hash)!
    hash.delete(Bytes.from(subscriber))
    if (hash.length === 0) db.delete(key)
    this.#host.changedKey(key, 'hdel', ['HDEL', key, subscriber])
    return true
  }

  /** Comes to know that there are places under a key. */
  note(key: string): void {
    this.#keys.add(key)
  }

  /** Channels and patterns of which somebody is, or has been remembered. */
  get targetCount(): number {
    return this.#keys.size
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

  /** Whoever is remembered of a target, with its place. */
  *of(kind: SubscriptionKind, target: string): Iterable<readonly [subscriber: string, place: Place]> {
    yield* placesIn(this.#hash(Bytes.from(placesKey(kind, target))))
  }

  #hash(key: Bytes): Hash | undefined {
    const { db } = this.#host
    const entry = db.find(key)
    return entry === NONE || db.typeOf(entry) !== TYPE_HASH ? undefined : (db.structureOf(entry) as Hash)
  }
}

/** The places that a hash remembers. */
export function* placesIn(hash: Hash | undefined): Iterable<readonly [subscriber: string, place: Place]> {
  if (hash === undefined) return
  const window = new Bytes()
  for (let slot = hash.first(); slot !== ABSENT; slot = hash.next(slot)) {
    const subscriber = hash.fieldOf(slot, window).toString()
    const place = parsePlace(hash.valueOf(slot, window).toString())
    if (place !== undefined) yield [subscriber, place]
  }
}

export function formatPlace({ id, count }: Place): string {
  return count === UNCOUNTED ? id.toString() : `${id} ${count}`
}

function parsePlace(text: string): Place | undefined {
  const [id = '', count] = text.split(' ')
  const place = new Place()
  if (parseStreamId(Bytes.from(id), place.id, 0, false) === ID_INVALID) return undefined
  if (count !== undefined && /^[0-9]{1,15}$/.test(count)) place.count = Number(count)
  return place
}
