// The primary that a broker follows, from its program's point of view: the state of the link, and
// how far the broker is behind.

import type { Engine } from '../commands/call.ts'
import type { Replication } from '../replication/replication.ts'
import type { PrimaryTls } from '../server/listening/dial-primary.ts'

/** The address of the primary, and the user to log in as. */
export interface PrimaryOptions {
  host: string
  port: number
  username?: string
  password?: string
  /** Use TLS; an object has the options of Node's `tls.connect`. */
  tls?: boolean | PrimaryTls
}

/**
 * `up`: the link is up, and every change arrives. `down`: it is down. `synced`: all of the
 * primary's data has been loaded.
 */
export type PrimaryEvent = 'up' | 'down' | 'synced'

export interface PrimaryStatus {
  /** Undefined = the broker follows no primary (any more). */
  readonly host: string | undefined
  readonly port: number | undefined
  readonly state: 'up' | 'loading' | 'down'
  /** Bytes of the primary's stream that have been applied here. */
  readonly offset: number
  /** Bytes that have arrived and were not applied yet. */
  readonly waitingBytes: number
  /**
   * Seconds since the primary last sent anything. It sends something at least every ten seconds
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

  /** Calls `listener` at each event, until the returned function is called. */
  on(event: PrimaryEvent, listener: () => void): () => void {
    const hear = (what: PrimaryEvent): void => {
      if (what === event) listener()
    }
    this.#replication.onLink.add(hear)
    return () => this.#replication.onLink.remove(hear)
  }

  /** Waits until the link is up. Then all data that the primary had is here. */
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
