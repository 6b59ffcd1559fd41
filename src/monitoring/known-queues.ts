// The queues that metrics and the console show: keys that `metrics-queues` names, and BullMQ's
// queues, recognised by the hash `PREFIX:NAME:meta` that each has.
//
// New keys are not reported, because that would cost every writer. Instead the keyspace is walked
// in stretches: one at each scrape, and further ones a little later, until all of it was seen. So
// the time of a scrape does not grow with the number of keys. Up to 5,000 keys, every queue is
// known at once; with a million, within ten seconds. A known queue is looked up by its name. When
// its keys are gone it is shown as empty, and makes room for another when the bound is reached.

import type { Engine } from '../commands/call.ts'
import { EntryWalk } from '../engine/data/entry-walk.ts'
import { Hash } from '../store/hash/hash.ts'
import type { Database } from '../store/keyspace/database.ts'
import { NONE } from '../store/keyspace/keyspace.ts'
import { Stream } from '../store/stream/stream.ts'
import { TYPE_HASH, TYPE_LIST, TYPE_STREAM, TYPE_STRING, TYPE_ZSET } from '../store/structures/value.ts'
import { itemAt } from '../util/array-reads.ts'
import { Bytes } from '../util/bytes/bytes.ts'
import { Glob } from '../util/bytes/glob.ts'
import type { Timer } from '../util/time/clock.ts'

/** Clients choose these names, which are part of each scrape: this bounds each kind. */
export const QUEUES_MAX = 200
/** Longer names are not shown. */
const NAME_BYTES_MAX = 256
/**
 * Entries visited at a time, which takes some tenths of a millisecond, and the pause after them.
 */
const STRETCH_ENTRIES = 5_000
const PAUSE_MS = 50
/** The number of patterns used. */
const PATTERNS_MAX = 64

const META = ':meta'
/** Fields that BullMQ writes to the hash of a queue: other hashes may be called meta as well. */
const META_FIELDS: readonly Bytes[] = [Bytes.from('opts.maxLenEvents'), Bytes.from('version')]

/** A queue: a key, or the prefix of a BullMQ queue's keys (without the colon after it). */
export interface KnownQueue {
  readonly db: Database
  readonly name: string
}

/** A key of a queue that holds jobs. */
const BULL_KEY = /^(.+:.+):(?:wait|paused|active|delayed|completed|failed)$/

const window = new Bytes()

export class KnownQueues {
  readonly #engine: Engine
  #patterns: readonly Glob[] = []
  /** Keys that `metrics-queues` names, by database and name. */
  readonly #keys = new Map<string, KnownQueue>()
  readonly #bullmq = new Map<string, KnownQueue>()
  readonly #bull = new Map<string, KnownQueue>()
  /** Streams with groups, by database and name. */
  readonly #streams = new Map<string, KnownQueue>()
  readonly #entries: EntryWalk
  /** Set while a walk is in progress. */
  #timer: Timer | undefined = undefined

  constructor(engine: Engine) {
    this.#engine = engine
    this.#entries = new EntryWalk(engine)
    engine.config.onChange('metrics-queues', (words) => this.#follow(words))
    this.#follow(engine.config.get('metrics-queues'))
  }

  get keys(): Iterable<KnownQueue> {
    return this.#keys.values()
  }

  get bullmq(): Iterable<KnownQueue> {
    return this.#bullmq.values()
  }

  get bull(): Iterable<KnownQueue> {
    return this.#bull.values()
  }

  get streams(): Iterable<KnownQueue> {
    return this.#streams.values()
  }

  /** A walk is in progress. */
  get isLooking(): boolean {
    return this.#timer !== undefined
  }

  #follow(words: string): void {
    const names = words.split(' ').filter((word) => word !== '')
    this.#patterns = names.slice(0, PATTERNS_MAX).map((pattern) => new Glob(pattern))
    this.#keys.clear()
    // A name without a pattern is known from the start, and so is shown while it is empty.
    for (const name of names) if (!/[*?[\\]/.test(name)) this.#note(this.#keys, itemAt(this.#engine.databases, 0), name)
    this.#entries.restart()
  }

  /** Begins a walk, or continues the one in progress. */
  look(): void {
    this.stop()
    if (!this.#entries.step(STRETCH_ENTRIES, this.#consider))
      this.#timer = this.#engine.environment.workClock.after(PAUSE_MS, () => this.look())
  }

  /** Stops the walk until the next `look`. */
  stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  readonly #consider = (db: Database, entry: number): void => {
    if (db.typeOf(entry) === TYPE_STRING) return
    const key = db.keys.keyOf(entry, window)
    if (key.length > NAME_BYTES_MAX) return
    if (db.typeOf(entry) === TYPE_HASH && endsWithMeta(key) && isQueueMeta(db, entry)) {
      this.#note(this.#bullmq, db, key.toString().slice(0, -META.length))
    }
    const type = db.typeOf(entry)
    if (type === TYPE_LIST || type === TYPE_ZSET) this.#considerBull(db, key.toString())
    else if (type === TYPE_STREAM && hasGroups(db, entry)) this.#note(this.#streams, db, key.toString())
    for (const pattern of this.#patterns) {
      if (pattern.isEverything || pattern.matchesBytes(key)) {
        this.#note(this.#keys, db, key.toString())
        return
      }
    }
  }

  /** Notes a queue of Bull whose list or sorted set this key is. */
  #considerBull(db: Database, key: string): void {
    const name = BULL_KEY.exec(key)?.[1]
    if (name === undefined || entryOf(db, `${name}:id`) === NONE || entryOf(db, `${name}${META}`) !== NONE) return
    this.#note(this.#bull, db, name)
  }

  #note(known: Map<string, KnownQueue>, db: Database, name: string): void {
    const place = `${db.index} ${name}`
    if (known.has(place)) return
    if (known.size === QUEUES_MAX) {
      const suffix = known === this.#bullmq ? META : ''
      for (const [other, { db: otherDb, name: otherName }] of known) {
        if (entryOf(otherDb, otherName + suffix) !== NONE) continue
        known.delete(other)
        break
      }
    }
    if (known.size < QUEUES_MAX) known.set(place, { db, name })
  }
}

function endsWithMeta({ source, start, length }: Bytes): boolean {
  return length > META.length && source.u8.toString('latin1', start + length - META.length, start + length) === META
}

function isQueueMeta(db: Database, entry: number): boolean {
  const value = new Bytes()
  const hash = db.structureOf(entry)
  return hash instanceof Hash && META_FIELDS.some((field) => hash.get(field, value))
}

function hasGroups(db: Database, entry: number): boolean {
  const stream = db.structureOf(entry)
  return stream instanceof Stream && stream.groups.count > 0
}

/** The entry of a live key, or NONE. Unlike `Database.find`, it removes and counts nothing. */
function entryOf(db: Database, name: string): number {
  const entry = db.keys.find(Bytes.from(name))
  return entry === NONE || db.isExpired(entry) ? NONE : entry
}

/** The number of elements of a key; 0 when there is none, or a string. */
export function lengthOf(db: Database, name: string): number {
  const entry = entryOf(db, name)
  return entry === NONE || db.typeOf(entry) === TYPE_STRING ? 0 : db.structureOf(entry).length
}
