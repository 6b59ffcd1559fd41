// What happens when its time has come: keys and fields of hashes expire, waiters give up, what was removed is freed.
//
// One timer serves all of it. It is set to the earliest thing due, at each turn's
// end, and what one round leaves over makes the next one due at once.

import { expireDueFields } from '../store/field-expiry.ts'
import { Bytes } from '../util/bytes.ts'
import type { Timer } from '../util/clock.ts'
import type { Engine } from './engine.ts'

/** Keys, and fields of hashes, expired in one go before clients are heard again: about a millisecond's work. */
const EXPIRE_BATCH = 500

/** Elements of removed values freed in one go: half a millisecond's work. */
const FREE_BATCH = 10_000

export class Timekeeper {
  readonly #engine: Engine
  #timer: Timer | undefined = undefined
  #dueMs = Number.POSITIVE_INFINITY
  readonly #fired: () => void
  readonly #window = new Bytes()

  constructor(engine: Engine) {
    this.#engine = engine
    this.#fired = () => this.#run()
  }

  /** Makes sure the timer fires when the next thing is due. */
  arm(): void {
    const { blocking, clock, databases } = this.#engine
    let due = blocking.room.earliestDeadlineMs
    if (this.#expires) {
      for (let i = 0; i < databases.length; i++) {
        const { expiries, fieldDeadlines } = databases[i]!.keys
        // A key expires after its last millisecond, a waiter in its own.
        if (expiries.count > 0 && expiries.earliest + 1 < due) due = expiries.earliest + 1
        if (fieldDeadlines !== undefined && fieldDeadlines.earliest + 1 < due) due = fieldDeadlines.earliest + 1
      }
    }
    for (let i = 0; i < databases.length; i++) if (databases[i]!.lazyFree.pending > 0) due = 0
    if (due >= this.#dueMs) return
    this.#timer?.cancel()
    this.#dueMs = due
    this.#timer = clock.after(Math.max(0, due - clock.now()), this.#fired)
  }

  get #expires(): boolean {
    return this.#engine.expires && this.#engine.config.get('active-expire-enabled')
  }

  #run(): void {
    const engine = this.#engine
    this.#dueMs = Number.POSITIVE_INFINITY
    engine.newMoment()
    engine.blocking.room.expire(engine.now())
    if (this.#expires) {
      for (const db of engine.databases) {
        db.expireDue(EXPIRE_BATCH, this.#window)
        expireDueFields(db, EXPIRE_BATCH, this.#window)
      }
      if (engine.blocking.room.hasReady) engine.blocking.serve()
    }
    this.freeRemoved()
    this.arm()
  }

  /** Frees some of the elements of removed values; false when there are none. */
  freeRemoved(): boolean {
    const { databases, stats } = this.#engine
    for (let i = 0; i < databases.length; i++) {
      const { lazyFree } = databases[i]!
      if (lazyFree.pending === 0) continue
      stats.lazyFreedObjects += lazyFree.free(FREE_BATCH)
      return true
    }
    return false
  }

  /** Fires no more. */
  stop(): void {
    this.#timer?.cancel()
    this.#dueMs = Number.NEGATIVE_INFINITY
  }
}
