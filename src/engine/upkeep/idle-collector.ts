// Makes the runtime collect the garbage of large requests, replies and scripts.
//
// Large values are given back by their owners (util/memory/discarded.ts). The runtime collects the
// memory of requests and replies, but it looks for garbage only when more is made. A server that
// falls silent would keep it. So memory is measured a while after a large allocation: the memory of
// the process, less that of the databases. If it is much more than the server needs by itself,
// garbage is collected. If that does not help, a slow reader may still hold the memory. The
// collection is repeated at growing intervals, and in the end the memory is counted as needed.

import type { Database } from '../../store/keyspace/database.ts'
import { Source } from '../../util/bytes/bytes.ts'
import { collectGarbageRarely } from '../../util/memory/collect-garbage.ts'
import { processBytes } from '../../util/memory/process-bytes.ts'
import type { Clock, Timer } from '../../util/time/clock.ts'

/**
 * The time from a large allocation to the measurement; doubled after each collection that did not
 * help.
 */
const LOOK_MS = 500
const COLLECTIONS_MAX = 5
/** Less garbage is not worth the milliseconds of a collection. */
const GARBAGE_BYTES_MIN = 32 * 1024 * 1024
/** Less than this part of the stored bytes is not worth it, either. */
const GARBAGE_SHARE = 0.25

export interface CollectorHost {
  readonly environment: {
    readonly workClock: Clock
  }
  readonly data: {
    readonly dataset: { readonly databases: readonly Database[] }
  }
  readonly upkeep: {
    readonly memory: { readonly besideBytes: (() => number) | undefined }
  }
}

export class IdleCollector {
  readonly #host: CollectorHost
  #timer: Timer | undefined = undefined
  /** The value of `Source.largeBytes` at the last measurement. */
  #seen = Source.largeBytes
  /** The least memory in use beside the stored bytes. */
  #needed = processBytes()
  #collections = 0
  #isOver = false

  constructor(host: CollectorHost) {
    this.#host = host
  }

  /** Called at each end of a turn: schedules a measurement after a large allocation. */
  follow(): void {
    if (Source.largeBytes !== this.#seen) this.#lookLater()
  }

  /**
   * Schedules a measurement because large garbage has been left. Earlier collections that did not
   * help no longer count.
   */
  lookSoon(): void {
    if (this.#collections !== 0) this.#cancel()
    this.#collections = 0
    this.#lookLater()
  }

  #lookLater(): void {
    if (!this.#isOver) this.#timer ??= this.#host.environment.workClock.after(LOOK_MS << this.#collections, this.#look)
  }

  /**
   * Stops for good: clients that leave a stopped engine would set the timer again, and the timer
   * holds the whole engine.
   */
  stop(): void {
    this.#isOver = true
    this.#cancel()
  }

  #cancel(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  readonly #look = (): void => {
    this.#timer = undefined
    this.#seen = Source.largeBytes
    let stored = this.#host.upkeep.memory.besideBytes?.() ?? 0
    for (const { usedBytes, arena } of this.#host.data.dataset.databases)
      stored += usedBytes + arena.reservedBytes - arena.heldBytes
    const besides = processBytes() - stored
    this.#needed = Math.min(this.#needed, besides)
    if (besides - this.#needed < Math.max(GARBAGE_BYTES_MIN, stored * GARBAGE_SHARE)) {
      this.#collections = 0
      return
    }
    if (this.#collections === COLLECTIONS_MAX) {
      this.#collections = 0
      this.#needed = besides
      return
    }
    if (collectGarbageRarely()) this.#collections++
    this.#lookLater()
  }
}
