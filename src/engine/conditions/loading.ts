// Loading data: a state that begins and ends, at the start, in DEBUG RELOAD, and when a primary sends a snapshot.
//
// While it lasts clients hear LOADING, nothing expires, and nobody is told of
// changes: what is loaded happened long ago. A replica may also load beside the data
// that it serves: then only its progress is told.

import type { DatabaseHost } from '../../store/keyspace/database.ts'
import type { Expiry } from '../../store/keyspace/database-host.ts'
import { type Handler, Handlers } from '../../util/tables/handlers.ts'
import type { Clock } from '../../util/time/clock.ts'
import type { Changes } from '../data/changes.ts'
import type { ServerState } from './state.ts'

/** How far it has got, for INFO. */
export interface LoadingProgress {
  readonly startedMs: number
  /** 0 = it is not known. */
  totalBytes: number
  loadedBytes: number
  /** What the data took where the snapshot was written, as that says of itself; 0 = it says nothing. */
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
  /** Undefined while nothing is being read. */
  progress: LoadingProgress | undefined = undefined
  /** Told when it begins, and when it has ended. */
  readonly changed = new Handlers<[]>((slot) => {
    this.#changed = slot
  })
  #changed: Handler<[]> | null = null
  readonly #host: LoadingHost

  constructor(host: LoadingHost) {
    this.#host = host
  }

  /** Begins to load; whoever begins while it is under way begins its progress anew. */
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

  /** Ends it; does nothing when nothing is being loaded. What clients write from here on is journaled, and so is what expired long ago. */
  end(): void {
    const { changes, dataset } = this.#host.data
    const { role } = this.#host.effects
    const { state } = this.#host.conditions
    const { timedWork } = this.#host.upkeep
    if (!state.loading.holds) return
    state.loading.end()
    changes.speak()
    dataset.expiry = role.expiry
    this.progress = undefined
    this.#changed?.()
    timedWork.arm()
  }

  /** Begins to load beside the data, which is served as ever. */
  beginBeside(): LoadingProgress {
    const { clock } = this.#host.environment
    const { state } = this.#host.conditions
    state.loadingBeside.begin()
    return this.#beginProgress(clock.now())
  }

  endBeside(): void {
    this.#host.conditions.state.loadingBeside.end()
    this.progress = undefined
  }

  #beginProgress(startedMs: number): LoadingProgress {
    const progress = { startedMs, totalBytes: 0, loadedBytes: 0, writerMemoryBytes: 0 }
    this.progress = progress
    return progress
  }
}
