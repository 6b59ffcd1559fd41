// Loading data: a state that begins and ends at the start, in DEBUG RELOAD, and when a primary
// sends a snapshot.
//
// While it lasts clients get LOADING, no key expires, and no handler is told of changes, because
// the loaded changes happened long ago. A replica may also load data beside the data that it
// serves. Then only the progress is reported.

import type { DatabaseHost } from '../../store/keyspace/database.ts'
import type { Expiry } from '../../store/keyspace/database-host.ts'
import { assert } from '../../util/assert.ts'
import { type Handler, Handlers } from '../../util/tables/handlers.ts'
import type { Clock } from '../../util/time/clock.ts'
import type { Changes } from '../data/changes.ts'
import type { ServerState } from './state.ts'

/** The progress of loading, for INFO. */
export interface LoadingProgress {
  readonly startedMs: number
  /** 0 = not known. */
  totalBytes: number
  loadedBytes: number
  /**
   * The memory that the data took in the server that wrote the snapshot, as the snapshot says; 0 =
   * it does not say.
   */
  writerMemoryBytes: number
}

/** The rooms that loading changes. */
export interface LoadingHost {
  readonly environment: {
    readonly clock: Clock
  }
  readonly conditions: {
    readonly state: ServerState
  }
  readonly data: {
    readonly changes: Changes
    readonly dataset: Pick<DatabaseHost, 'expiry'>
  }
  readonly effects: {
    readonly role: { readonly expiry: Expiry }
  }
  readonly upkeep: {
    readonly timedWork: { arm(): void }
  }
}

export class Loading {
  /** Undefined while no data is being loaded. */
  progress: LoadingProgress | undefined = undefined
  /** Called when loading begins, and when it has ended. */
  readonly changed = new Handlers<[]>((slot) => {
    this.#changed = slot
  })
  #changed: Handler<[]> | null = null
  readonly #host: LoadingHost

  constructor(host: LoadingHost) {
    this.#host = host
  }

  /** Begins to load. If loading is in progress already, only its progress begins again. */
  begin(): LoadingProgress {
    const { changes, dataset } = this.#host.data
    const { clock } = this.#host.environment
    const { state } = this.#host.conditions
    state.loading.begin()
    changes.silence()
    dataset.expiry = 'keep'
    const progress = this.#beginProgress(clock.now())
    this.#changed?.()
    return progress
  }

  /**
   * Ends loading; does nothing unless data is being loaded. From here on writes are journaled, and
   * so is the expiry of keys whose time is up.
   */
  end(): void {
    const { changes, dataset } = this.#host.data
    const { role } = this.#host.effects
    const { state } = this.#host.conditions
    const { timedWork } = this.#host.upkeep
    if (!state.loading.holds) return
    assert(changes.silent && dataset.expiry === 'keep', 'invariant 4: while data is loaded the journal decides alone')
    state.loading.end()
    changes.speak()
    dataset.expiry = role.expiry
    this.progress = undefined
    this.#changed?.()
    timedWork.arm()
  }

  /** Begins to load beside the data, which clients still read and write. */
  beginBeside(): LoadingProgress {
    const { clock } = this.#host.environment
    const { state } = this.#host.conditions
    assert(!state.loading.holds, 'data is loaded in the place of the data, or beside it')
    state.loadingBeside.begin()
    return this.#beginProgress(clock.now())
  }

  endBeside(): void {
    const { state } = this.#host.conditions
    assert(state.loadingBeside.holds, 'loading beside the data ends once')
    state.loadingBeside.end()
    this.progress = undefined
  }

  #beginProgress(startedMs: number): LoadingProgress {
    const progress = { startedMs, totalBytes: 0, loadedBytes: 0, writerMemoryBytes: 0 }
    this.progress = progress
    return progress
  }
}
