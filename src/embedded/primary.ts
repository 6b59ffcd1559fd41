// The primary that a broker follows, as its program sees it: whether it is heard, and how far
// behind the broker is.

import type { Engine } from '../commands/call.ts'
import type { Replication } from '../replication/replication.ts'
import type { PrimaryTls } from '../server/listening/dial-primary.ts'

/** Where the primary is, and as whom it is followed. */
export interface PrimaryOptions {
  host: string
  port: number
  username?: string
  password?: string
  /** Speak TLS; an object = as Node's `tls.connect` takes it. */
  tls?: boolean | PrimaryTls
}

/**
 * `up`: every change is heard from now on; `down`: it is not; `synced`: all of the primary's data
 * has been loaded.
 */
export type PrimaryEvent = 'up' | 'down' | 'synced'

export interface PrimaryStatus {
  /** Undefined = the broker follows no primary (any more). */
  readonly host: string | undefined
  readonly port: number | undefined
  readonly state: 'up' | 'loading' | 'down'
  /** Bytes of the primary's stream that have been applied here. */
  readonly offset: number
  /** Bytes that have come and were not applied yet. */
  readonly waitingBytes: number
  /**
   * Seconds since the primary was last heard. It says something every ten seconds at least
   * (`repl-ping-replica-period`).
   */
  readonly silentSeconds: number
}

export class Primary {
  readonly #engine: Engine
  readonly #replication: Replication

  /** @internal A program has it as `broker.primary`. */
  constructor(engine: Engine, replication: Replication) {
    this.#engine = engine
    this.#replication = replication
  }

  get status(): PrimaryStatus {
    const { following } = this.#replication
    const { offset } = this.#engine.effects.history
    const isLoading = following?.state === 'sync'
    return {
      host: following?.host,
      port: following?.port,
      state: following?.linkUp ? 'up' : isLoading ? 'loading' : 'down',
      offset,
      waitingBytes: following === undefined ? 0 : following.readOffset - offset,
      silentSeconds: following?.lastHeardSeconds ?? 0,
    }
  }

  /** Calls `listener` each time, until what is returned is called. */
  on(event: PrimaryEvent, listener: () => void): () => void {
    const hear = (what: PrimaryEvent): void => {
      if (what === event) listener()
    }
    this.#replication.onLink.add(hear)
    return () => this.#replication.onLink.remove(hear)
  }

  /** Waits until the primary is heard: what it had is here then. */
  up(): Promise<void> {
    if (this.#replication.following?.linkUp) return Promise.resolve()
    return new Promise((resolve) => {
      const leave = this.on('up', () => {
        leave()
        resolve()
      })
    })
  }
}
