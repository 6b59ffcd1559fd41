// Housekeeping after each request, where it never rests (util/restless.ts). Only checked builds
// have it.
//
// A little of all work that is otherwise done now and then: keys expire, elements of removed values
// are freed one at a time, a chunk of memory is emptied, an earlier state is kept for some requests
// and given up. Clients must see none of it (invariant 14).

import type { Database } from '../../store/keyspace/database.ts'
import { assert } from '../../util/assert.ts'
import { restlessRandom } from '../../util/restless.ts'

export interface RestlessHost {
  readonly data: {
    readonly dataset: { readonly databases: readonly Database[]; readonly reports: { readonly beforeChange: unknown } }
  }
  readonly conditions: {
    readonly state: { readonly loading: { readonly holds: boolean }; readonly busy: { readonly holds: boolean } }
  }
  readonly requests: {
    readonly runner: { readonly call: unknown }
  }
  readonly upkeep: {
    readonly timedWork: { expireOne(): void }
  }
}

/** The most entries that one step of closing gaps looks at. */
const COMPACTED_MAX = 40
/** The most elements of removed values that are freed after one request. */
const FREED_MAX = 3
/** An earlier state is kept after one request of this many, and for at most this many requests. */
const KEPT_EVERY = 16
const KEPT_REQUESTS_MAX = 30

/** An earlier state of one database. */
type Kept = ReturnType<Database['contents']['keep']>

export class RestlessHousekeeping {
  readonly #host: RestlessHost
  /** The earlier states that are kept, one of each database; empty = none. */
  #kept: Kept[] = []
  #requestsLeft = 0

  constructor(host: RestlessHost) {
    this.#host = host
  }

  /**
   * Does some housekeeping. Does nothing while a command or a script runs, or while data is loaded.
   */
  afterRequest(): void {
    const { dataset } = this.#host.data
    const { runner } = this.#host.requests
    const { state } = this.#host.conditions
    const { timedWork } = this.#host.upkeep
    if (runner.call !== undefined || state.loading.holds || state.busy.holds) return
    timedWork.expireOne()
    const { databases, reports } = dataset
    for (const { contents } of databases) {
      const { compaction, keys, lazyFree } = contents
      if (lazyFree.pending > 0) lazyFree.free(restlessRandom.below(FREED_MAX + 1))
      if (keys.count > 0 && reports.beforeChange === null) compaction.step(1 + restlessRandom.below(COMPACTED_MAX))
    }
    if (this.#kept.length > 0) {
      if (--this.#requestsLeft <= 0) this.giveUp()
    } else if (restlessRandom.below(KEPT_EVERY) === 0 && reports.beforeChange === null) {
      this.#keep(databases)
    }
  }

  #keep(databases: readonly Database[]): void {
    for (const { contents } of databases) if (!contents.keys.isFilling) this.#kept.push(contents.keep(false))
    assert(this.#kept.length <= databases.length, 'invariant 14: one earlier state is kept at a time')
    this.#requestsLeft = 1 + restlessRandom.below(KEPT_REQUESTS_MAX)
  }

  /** Gives the kept states up, if there are any. */
  giveUp(): void {
    for (const state of this.#kept) state.contents.release(state)
    this.#kept = []
  }
}
