// Work that the clock starts: keys and fields of hashes expire, waiters time out, removed values
// are freed, and the gaps that they leave are closed.
//
// One timer serves all of it. It is set at each turn's end, to the earliest time that is due. If a
// round leaves work over, the next round follows as soon as other clients have been served. A timer
// would let a millisecond pass, and later deadlines would be late (bench: schedule).
//
// Two bounds end a round: a count, and the clock where the work is slower than the count expects.
// The machine may have other work, or the events of a key may have many subscribers.

import type { Config } from '../../config/config.ts'
import { expireDueFields } from '../../store/hash/field-expiry.ts'
import type { Database } from '../../store/keyspace/database.ts'
import { itemAt } from '../../util/array-reads.ts'
import { assert } from '../../util/assert.ts'
import { Bytes } from '../../util/bytes/bytes.ts'
import { CHECKED } from '../../util/invariant.ts'
import type { Clock, Timer } from '../../util/time/clock.ts'
import type { Dataset } from '../data/dataset.ts'
import type { Stats } from '../figures/stats.ts'
import { IdleCollector } from './idle-collector.ts'
import type { UnitClock } from './unit-clock.ts'

export interface TimedWorkHost {
  readonly config: Config
  readonly environment: {
    readonly clock: Clock
    readonly workClock: Clock
    readonly unitClock: UnitClock
    /** Runs something after the events of this turn of the loop. */
    readonly later: (run: () => void) => void
  }
  readonly data: {
    readonly dataset: Dataset
  }
  readonly upkeep: {
    readonly replicaExpiry: { readonly earliest: number; expire(max: number): number }
    readonly memory: { follow(): void; readonly besideBytes: (() => number) | undefined }
  }
  readonly figures: {
    readonly stats: Stats
    readonly latency: { note(event: 'expire-cycle', milliseconds: number): void }
  }
  readonly blocking: {
    readonly room: { readonly earliestDeadlineMs: number; readonly hasReady: boolean; expire(nowMs: number): void }
    serve(): void
  }
}

/** The most keys, and fields of hashes, that expire in one go: about a millisecond's work. */
const EXPIRE_BATCH = 500
/** The number of keys that expire between two looks at the clock. */
const EXPIRE_STEP = 50
/** The most time for the expiry of all databases in one go; each database has at least one step. */
const EXPIRE_MS_MAX = 1

/** The most elements of removed values that are freed in one go: half a millisecond's work. */
const FREE_BATCH = 10_000
/** The number of elements freed between two looks at the clock. */
const FREE_STEP = 250
/** The most time for one go of freeing. */
const FREE_MS_MAX = 1

/**
 * The number of entries looked at between two looks at the clock, while gaps are closed: most are
 * left alone.
 */
const COMPACT_STEP = 500
/**
 * The most time for one go of closing gaps, and the interval between two: a fifth of the processor
 * at most.
 */
const COMPACT_MS_MAX = 1
const COMPACT_EVERY_MS = 5

/**
 * Values of `#dueMs` that are not a time. SOON: a round follows this turn of the loop. STOPPED: no
 * round follows any more.
 */
const SOON = 0
const STOPPED = Number.NEGATIVE_INFINITY

export class TimedWork {
  readonly #host: TimedWorkHost
  #timer: Timer | undefined = undefined
  #dueMs = Number.POSITIVE_INFINITY
  readonly #fired: () => void
  /** The earliest time of the next go of closing gaps. */
  #compactMs = 0
  readonly #window = new Bytes()
  readonly #collector: IdleCollector

  constructor(host: TimedWorkHost) {
    this.#host = host
    this.#collector = new IdleCollector(host)
    this.#fired = () => this.#run()
  }

  /** Sets the timer to the earliest time that is due. */
  arm(): void {
    const { blocking } = this.#host
    const { clock } = this.#host.environment
    const { dataset } = this.#host.data
    const { memory, replicaExpiry } = this.#host.upkeep
    const { databases } = dataset
    this.#collector.follow()
    memory.follow()
    let due = blocking.room.earliestDeadlineMs
    const expires = this.#expires
    if (this.#expiresOwn && replicaExpiry.earliest + 1 < due) due = replicaExpiry.earliest + 1
    for (let i = 0; i < databases.length; i++) {
      const { contents, keys, lazyFree } = itemAt(databases, i)
      if (lazyFree.pending > 0) due = 0
      // This runs at the end of every turn, and most databases are empty: no more memory is read
      // for them.
      if (keys.count === 0) continue
      const { expiries, fieldDeadlines } = keys
      // A key expires after its last millisecond, a waiter in its own.
      if (expires && expiries.count > 0 && expiries.earliest + 1 < due) due = expiries.earliest + 1
      if (expires && fieldDeadlines !== undefined && fieldDeadlines.earliest + 1 < due)
        due = fieldDeadlines.earliest + 1
      if (contents.compaction.isDue && this.#compactMs < due) due = this.#compactMs
    }
    if (CHECKED) assert(!Number.isNaN(due), 'the next work has a time')
    if (due >= this.#dueMs) return
    this.#timer?.cancel()
    this.#dueMs = due
    this.#timer = clock.after(Math.max(0, due - clock.now()), this.#fired)
  }

  get #expires(): boolean {
    return this.#host.data.dataset.expiry === 'remove' && this.#host.config.get('active-expire-enabled')
  }

  /** On a replica: expires only keys to which its own clients gave an expiry. */
  get #expiresOwn(): boolean {
    const { config } = this.#host
    const { dataset } = this.#host.data
    return (dataset.expiry === 'own' || dataset.expiry === 'hide') && config.get('active-expire-enabled')
  }

  #run(): void {
    if (this.#dueMs === STOPPED) return
    const { blocking } = this.#host
    const { dataset } = this.#host.data
    const { later, workClock, unitClock } = this.#host.environment
    const { latency } = this.#host.figures
    const { replicaExpiry } = this.#host.upkeep
    const { stats } = this.#host.figures
    this.#dueMs = Number.POSITIVE_INFINITY
    const beganMs = workClock.monotonic()
    blocking.room.expire(unitClock.renew())
    let isDone = true
    if (this.#expires) {
      const expiringMs = workClock.monotonic()
      for (const db of dataset.databases) if (!this.#expire(db, expiringMs + EXPIRE_MS_MAX)) isDone = false
      latency.note('expire-cycle', workClock.monotonic() - expiringMs)
      if (blocking.room.hasReady) blocking.serve()
    } else if (this.#expiresOwn) {
      isDone = replicaExpiry.expire(EXPIRE_STEP) < EXPIRE_STEP
      if (blocking.room.hasReady) blocking.serve()
    }
    this.freeRemoved()
    this.#compact()
    stats.countUpkeep(workClock.monotonic() - beganMs)
    if (isDone) {
      this.arm()
    } else {
      this.#dueMs = SOON
      later(this.#fired)
    }
  }

  /**
   * Expires one key and one field of each database, if they are due, before the timer fires
   * (util/restless.ts).
   */
  expireOne(): void {
    if (!this.#expires) return
    for (const db of this.#host.data.dataset.databases) {
      db.expireDue(1, this.#window)
      expireDueFields(db, 1, this.#window)
    }
  }

  /** Removes some of the keys and fields that are due; returns false when some are left. */
  #expire(db: Database, untilMs: number): boolean {
    const { workClock } = this.#host.environment
    for (let removed = 0; removed < EXPIRE_BATCH; removed += EXPIRE_STEP) {
      const keys = db.expireDue(EXPIRE_STEP, this.#window)
      const fields = expireDueFields(db, EXPIRE_STEP, this.#window)
      if (keys < EXPIRE_STEP && fields < EXPIRE_STEP) return true
      if (workClock.monotonic() >= untilMs) return false
    }
    return false
  }

  /** Frees some elements of removed values; returns false when there are none. */
  freeRemoved(): boolean {
    const { dataset } = this.#host.data
    const { workClock } = this.#host.environment
    const { stats } = this.#host.figures
    const { databases } = dataset
    for (let i = 0; i < databases.length; i++) {
      const { lazyFree } = itemAt(databases, i)
      if (lazyFree.pending === 0) continue
      const untilMs = workClock.monotonic() + FREE_MS_MAX
      for (let freed = 0; freed < FREE_BATCH && lazyFree.pending > 0; freed += FREE_STEP) {
        stats.lazyFreedObjects += lazyFree.free(FREE_STEP)
        if (workClock.monotonic() >= untilMs) break
      }
      return true
    }
    return false
  }

  /** Closes some of the gaps in one database's memory. */
  #compact(): void {
    const { clock, workClock } = this.#host.environment
    const { dataset } = this.#host.data
    const nowMs = clock.now()
    if (nowMs < this.#compactMs) return
    for (const { contents } of dataset.databases) {
      const { compaction } = contents
      if (!compaction.isDue) continue
      const untilMs = workClock.monotonic() + COMPACT_MS_MAX
      do compaction.step(COMPACT_STEP)
      while (compaction.isDue && workClock.monotonic() < untilMs)
      this.#compactMs = nowMs + COMPACT_EVERY_MS
      return
    }
  }

  /** Schedules a look for garbage: replies that waited long have left, or were dropped. */
  collectSoon(): void {
    this.#collector.lookSoon()
  }

  /** Stops for good. */
  stop(): void {
    this.#collector.stop()
    this.#timer?.cancel()
    this.#dueMs = STOPPED
  }
}
