// Eviction (`maxmemory`): the choice of the keys that go when there is no room, and the data for
// that choice.
//
// Used memory is counted by the databases as they allocate, and by the parts beside them
// (memory.ts). A command may find it above the limit. Then keys are evicted before it runs, each as
// if it had been deleted (gate, DEL in the journal, event). If the memory beside the data exceeds
// the limit by itself, every key goes and writes are refused, as in Redis.
//
// A policy is a choice of candidates (every key, or those that expire) and a measure of how
// dispensable one is:
//
//   lru     seconds since its last use
//   lfu     255 - its use count, which decays with time
//   random  nothing: each is as good as another
//   ttl     the time until it expires: the expiry heap knows the soonest, so it is exact
//
// For lru and lfu no order over all keys is kept. Some keys are drawn from each database, and the
// best candidates stay in a pool from one eviction to the next. The oldest of a few, again and
// again, is nearly the oldest of all. The pool has entry numbers, so each candidate is compared
// with its entry before it is evicted.
//
// Under an LFU policy each key counts its use on a logarithmic scale. The higher the count, the
// more rarely it rises by one. It falls by one for every `lfu-decay-time` minutes without use.

import type { Config } from '../../config/config.ts'
import type { Database } from '../../store/keyspace/database.ts'
import { NONE } from '../../store/keyspace/keyspace.ts'
import { itemAt, numberAt } from '../../util/array-reads.ts'
import { assert } from '../../util/assert.ts'
import { Bytes } from '../../util/bytes/bytes.ts'
import { CHECKED } from '../../util/invariant.ts'
import type { Random } from '../../util/numbers/random.ts'
import { happened } from '../../util/restless.ts'
import type { Clock, Timer } from '../../util/time/clock.ts'
import type { ServerState } from '../conditions/state.ts'
import type { Dataset } from '../data/dataset.ts'
import type { Role } from '../effects/role.ts'
import type { Stats } from '../figures/stats.ts'

export interface EvictionHost {
  readonly config: Config
  readonly environment: {
    readonly clock: Clock
    readonly random: Random
  }
  readonly conditions: {
    readonly state: ServerState
  }
  readonly effects: {
    readonly role: Role
  }
  readonly figures: {
    readonly stats: Stats
    readonly latency: { note(event: 'eviction-cycle', milliseconds: number): void }
  }
  readonly data: {
    readonly dataset: Dataset
  }
  readonly upkeep: {
    readonly memory: { readonly boundedBytes: number }
    readonly timedWork: { freeRemoved(): boolean }
  }
  readonly blocking: { readonly room: { readonly hasReady: boolean }; serve(): void }
}

/** The count of a new key, so that it is not the first to go. Below it every use counts. */
const FREQUENCY_INITIAL = 5
const FREQUENCY_MAX = 255
const UINT32_RANGE = 2 ** 32
/**
 * The number of candidates that are kept from one eviction to the next. More hardly improve the
 * choice.
 */
const POOL_SIZE = 16
/** The most keys evicted before one command; further ones go before the next commands. */
const BATCH_KEYS_MAX = 128
/**
 * The most time for evictions before one command. It is checked every BATCH_KEYS_TIMED keys: to
 * free one large structure takes as long as thousands of small ones.
 */
const BATCH_MS_MAX = 0.5
const BATCH_KEYS_TIMED = 16
/**
 * The most draws from one database, whatever `maxmemory-samples` says: this bounds the work before
 * one command.
 */
const SAMPLES_MAX = 1000

/** The part of a policy's name after the dash; `none` is noeviction. */
type Measure = 'none' | 'lru' | 'lfu' | 'random' | 'ttl'

export class Eviction {
  readonly #host: EvictionHost
  // The pool: the first #pooled elements of each array, the most dispensable last.
  readonly #scores = new Float64Array(POOL_SIZE)
  readonly #entries = new Int32Array(POOL_SIZE)
  readonly #hashes = new Int32Array(POOL_SIZE)
  readonly #indices = new Int32Array(POOL_SIZE)
  #pooled = 0
  #limit = 0
  #measure: Measure = 'none'
  /** True when only keys that expire are candidates. */
  #volatile = false
  /** The database from which `random` draws next: they take turns. */
  #turn = 0
  #timer: Timer | undefined = undefined
  readonly #onTimer = () => {
    this.#timer = undefined
    this.makeRoom()
    const { blocking } = this.#host
    if (blocking.room.hasReady) blocking.serve()
  }
  readonly #name = new Bytes()

  constructor(host: EvictionHost) {
    this.#host = host
    const { config } = host
    config.onChange('maxmemory', () => this.#configure())
    config.onChange('maxmemory-policy', () => this.#configure())
    host.effects.role.changed.add(() => this.#configure())
    this.#configure()
  }

  /**
   * Evicts keys until used memory is within the limit; returns false when the policy has no
   * candidate left.
   *
   * Long work is done in parts. It also returns true while a part remains, which follows when the
   * loop is free. So memory may exceed the limit for a moment, and no command waits for the
   * eviction of a million keys.
   */
  makeRoom(): boolean {
    const { clock } = this.#host.environment
    const { latency } = this.#host.figures
    const { memory, timedWork } = this.#host.upkeep
    const { state } = this.#host.conditions
    if (this.#limit === 0 || memory.boundedBytes <= this.#limit) return true
    // During replay the journal decides what is evicted, and during a pause the data must not
    // change.
    if (state.loading.holds || state.delays.paused.holds) return true
    // The memory of removed values counts as free.
    if (this.#measure === 'none') return timedWork.freeRemoved()
    const began = clock.monotonic()
    const goesOn = this.#evictSome(began)
    latency.note('eviction-cycle', clock.monotonic() - began)
    return goesOn
  }

  #evictSome(began: number): boolean {
    const { clock } = this.#host.environment
    const { memory, timedWork } = this.#host.upkeep
    assert(this.#host.effects.role.evicts, 'a replica evicts no key by itself')
    for (let evicted = 1; evicted <= BATCH_KEYS_MAX; evicted++) {
      // Removed values are freed before more keys go.
      const freed = timedWork.freeRemoved()
      if (!freed && !this.#evictOne()) return false
      if (memory.boundedBytes <= this.#limit) return true
      if ((freed || evicted % BATCH_KEYS_TIMED === 0) && clock.monotonic() - began > BATCH_MS_MAX) break
    }
    this.#continueSoon()
    return true
  }

  /** Returns how often an entry is used at present: its count, less its decay. */
  frequencyOf(db: Database, entry: number): number {
    return this.#rested(db.frequencyOf(entry), db.idleSeconds(entry))
  }

  /** Cancels the timer. */
  stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#limit = 0
  }

  #configure(): void {
    const { config } = this.#host
    const { dataset } = this.#host.data
    const { role } = this.#host.effects
    const { state } = this.#host.conditions
    const policy = config.get('maxmemory-policy')
    this.#limit = role.evicts ? config.get('maxmemory') : 0
    state.memoryLimited.follow(this.#limit !== 0)
    this.#volatile = policy.startsWith('volatile-')
    this.#measure = policy === 'noeviction' ? 'none' : (policy.slice(policy.indexOf('-') + 1) as Measure)
    dataset.use.frequency = this.#measure === 'lfu' ? this.#used : null
    // Scores of another measure cannot be compared.
    this.#pooled = 0
    // A lower limit takes effect before the next command.
    if (this.#limit !== 0) this.#continueSoon()
  }

  #continueSoon(): void {
    this.#timer ??= this.#host.environment.clock.after(0, this.#onTimer)
  }

  // ── choosing ─────────────────────────────────────────────────────────────

  #evictOne(): boolean {
    if (this.#measure === 'ttl') return this.#evictSoonest()
    if (this.#measure === 'random') return this.#evictRandom()
    for (;;) {
      if (!this.#fillPool()) return false
      while (this.#pooled > 0) {
        const at = --this.#pooled
        const db = itemAt(this.#host.data.dataset.databases, numberAt(this.#indices, at))
        const entry = numberAt(this.#entries, at)
        if (!this.#isStill(db, entry, numberAt(this.#hashes, at), numberAt(this.#scores, at))) continue
        this.#evict(db, entry)
        return true
      }
      // Every key of the pool was deleted or used since. The pool is empty now, so fresh draws are
      // up to date.
    }
  }

  /** Tells if a pooled entry is still the same key, and has not been used since. */
  #isStill(db: Database, entry: number, hash: number, score: number): boolean {
    const { keys } = db
    if (entry >= keys.entriesEnd || !keys.isLive(entry) || db.hashOf(entry) !== hash) return false
    if (this.#volatile && db.expiryOf(entry) === undefined) return false
    return this.#score(db, entry) >= score
  }

  #evictSoonest(): boolean {
    const { databases } = this.#host.data.dataset
    let soonest: Database | undefined
    for (let i = 0; i < databases.length; i++) {
      const db = itemAt(databases, i)
      if (db.keys.expiries.earliest < (soonest?.keys.expiries.earliest ?? Number.POSITIVE_INFINITY)) soonest = db
    }
    if (soonest === undefined) return false
    this.#evict(soonest, soonest.keys.expiries.entryAt(0))
    return true
  }

  #evictRandom(): boolean {
    const { databases } = this.#host.data.dataset
    for (let tries = 0; tries < databases.length; tries++) {
      this.#turn = (this.#turn + 1) % databases.length
      const db = itemAt(databases, this.#turn)
      const entry = this.#draw(db)
      if (entry === NONE) continue
      this.#evict(db, entry)
      return true
    }
    return false
  }

  /** Returns a random candidate; NONE when the database has none. */
  #draw(db: Database): number {
    const { random } = this.#host.environment
    if (!this.#volatile) return db.keys.randomEntry(random)
    const { expiries } = db.keys
    return expiries.count === 0 ? NONE : expiries.entryAt(random.below(expiries.count))
  }

  /** Draws candidates from each database; returns false when there are none. */
  #fillPool(): boolean {
    const { config } = this.#host
    const { dataset } = this.#host.data
    const { databases } = dataset
    const wanted = Math.min(config.get('maxmemory-samples'), SAMPLES_MAX)
    let found = false
    for (let i = 0; i < databases.length; i++) {
      const db = itemAt(databases, i)
      for (let k = 0; k < wanted; k++) {
        const entry = this.#draw(db)
        if (entry === NONE) break
        this.#pool(i, entry, db.hashOf(entry), this.#score(db, entry))
        found = true
      }
    }
    return found
  }

  /** Returns a measure of how dispensable an entry is. */
  #score(db: Database, entry: number): number {
    return this.#measure === 'lru' ? db.idleSeconds(entry) : FREQUENCY_MAX - this.frequencyOf(db, entry)
  }

  /** Puts a candidate into the pool. In a full pool it replaces the least dispensable one. */
  #pool(index: number, entry: number, hash: number, score: number): void {
    for (let i = 0; i < this.#pooled; i++) {
      if (this.#entries[i] === entry && this.#indices[i] === index && this.#hashes[i] === hash) return
    }
    if (this.#pooled === POOL_SIZE) {
      if (score <= numberAt(this.#scores, 0)) return
      // The least dispensable falls out at the front.
      for (let i = 1; i < POOL_SIZE; i++) this.#move(i, i - 1)
    } else {
      this.#pooled++
    }
    let at = this.#pooled - 1
    while (at > 0 && numberAt(this.#scores, at - 1) > score) {
      this.#move(at - 1, at)
      at--
    }
    this.#scores[at] = score
    this.#entries[at] = entry
    this.#hashes[at] = hash
    this.#indices[at] = index
    if (CHECKED) this.#checkPool()
  }

  #checkPool(): void {
    assert(this.#pooled <= POOL_SIZE, 'invariant 8: the pool of candidates is bounded')
    for (let i = 1; i < this.#pooled; i++)
      assert(numberAt(this.#scores, i - 1) <= numberAt(this.#scores, i), 'the most dispensable candidate is the last')
  }

  #move(from: number, to: number): void {
    this.#scores[to] = numberAt(this.#scores, from)
    this.#entries[to] = numberAt(this.#entries, from)
    this.#hashes[to] = numberAt(this.#hashes, from)
    this.#indices[to] = numberAt(this.#indices, from)
  }

  #evict(db: Database, entry: number): void {
    assert(db.keys.isLive(entry), 'invariant 6: a key is evicted that is there')
    assert(!this.#volatile || db.expiryOf(entry) !== undefined, 'a volatile policy evicts keys that expire')
    const { dataset } = this.#host.data
    const { stats } = this.#host.figures
    // The handlers of the eviction read the name, so it must outlive the entry.
    const key = db.keys.keyOf(entry, this.#name).copy()
    db.deleteEntry(entry)
    stats.evictedKeys++
    if (CHECKED) happened('key evicted')
    dataset.removed(db, key, 'evicted')
  }

  // ── frequency ────────────────────────────────────────────────────────────

  /** Returns a key's count after one more use; `lastUsed` is in seconds. */
  readonly #used = (frequency: number, lastUsed: number): number => {
    const { config } = this.#host
    const { dataset } = this.#host.data
    const { random } = this.#host.environment
    const rested = this.#rested(frequency, (dataset.use.accessSeconds - lastUsed) | 0)
    if (CHECKED) assert(rested >= 0 && rested <= frequency, 'the count of uses falls with time')
    if (rested >= FREQUENCY_MAX) return FREQUENCY_MAX
    const above = Math.max(0, rested - FREQUENCY_INITIAL)
    const chance = 1 / (above * config.get('lfu-log-factor') + 1)
    return random.uint32() / UINT32_RANGE < chance ? rested + 1 : rested
  }

  #rested(frequency: number, idleSeconds: number): number {
    const decayMinutes = this.#host.config.get('lfu-decay-time')
    if (decayMinutes === 0) return frequency
    return Math.max(0, frequency - Math.floor(Math.max(0, idleSeconds) / 60 / decayMinutes))
  }
}
