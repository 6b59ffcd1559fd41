// Has the runtime collect what large requests, replies and scripts have left behind.
//
// Large values are given back by their owners (util/memory/discarded.ts). What was read,
// sent or built for the moment is the runtime's to collect, and that looks for
// garbage when more is made: a server that falls silent would keep it. So a while
// after something large was allocated, memory is measured: what the runtime has,
// less what the databases hold. Is that much more than the server needs by itself,
// garbage is collected. Where it does not help, somebody still holds it (a reader
// that is slow): it is tried again ever later, and then taken for what is needed.

import type { Database } from '../../store/keyspace/database.ts'
import { Source } from '../../util/bytes/bytes.ts'
import { collectGarbageRarely } from '../../util/memory/collect-garbage.ts'
import { processBytes } from '../../util/memory/process-bytes.ts'
import type { Clock, Timer } from '../../util/time/clock.ts'

/** How long after something large the memory is looked at; doubled after each collection that did not help. */
const LOOK_MS = 500
const COLLECTIONS_MAX = 5
/** Less is not worth the milliseconds of a collection. */
const GARBAGE_BYTES_MIN = 32 * 1024 * 1024
/** Nor is less than this part of what is stored. */
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
  /** `Source.largeBytes` when memory was looked at last. */
  #seen = Source.largeBytes
  /** The least that was in use besides what is stored. */
  #needed = processBytes()
  #collections = 0
  #isOver = false

  constructor(host: CollectorHost) {
    this.#host = host
  }

  /** Follows the turns: after something large was allocated memory is looked at. */
  follow(): void {
    if (Source.largeBytes !== this.#seen) this.#lookLater()
  }

  /** Says that something large is garbage by now: what was tried in vain is tried again. */
  lookSoon(): void {
    if (this.#collections !== 0) this.#cancel()
    this.#collections = 0
    this.#lookLater()
  }

  #lookLater(): void {
    if (!this.#isOver) this.#timer ??= this.#host.environment.workClock.after(LOOK_MS << this.#collections, this.#look)
  }

  /** Looks no more: clients that leave a stopped engine would set the timer again, and it holds the whole engine. */
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
