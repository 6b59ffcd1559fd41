// The role of this server: it decides the fate of its data, or it follows a primary that does.
//
// src/replication follows the primary and sets the role. This file draws the consequences. Writes
// of clients are refused (`replica-read-only`). While the link is down the settings may refuse
// every command (`replica-serve-stale-data`). No key expires by itself, and none is evicted. The
// rooms that act by themselves ask here first.
//
// A follower of a replicated log (src/replicated-log) is a replica that no setting makes writable.

import type { Config } from '../../config/config.ts'
import type { Expiry } from '../../store/keyspace/database-host.ts'
import { type Handler, Handlers } from '../../util/tables/handlers.ts'
import type { ServerState } from '../conditions/state.ts'

export interface RoleHost {
  readonly config: Config
  readonly conditions: {
    readonly state: ServerState
  }
  readonly data: {
    readonly dataset: { expiry: Expiry }
  }
  readonly upkeep: {
    readonly timedWork: { arm(): void }
    readonly replicaExpiry: { follow(): void }
  }
}

export class Role {
  /** This server follows a primary, even while that cannot be reached. */
  isReplica = false
  /** Called when the role, or a setting that gives it its meaning, has changed. */
  readonly changed = new Handlers<[]>((slot) => {
    this.#changed = slot
  })
  #changed: Handler<[]> | null = null
  readonly #host: RoleHost
  #isUpToDate = true
  /** The primary is the leader of a replicated log. */
  #isStrict = false

  constructor(host: RoleHost) {
    this.#host = host
    const follow = (): void => this.#follow()
    host.config.onChange('replica-read-only', follow)
    host.config.onChange('replica-serve-stale-data', follow)
    host.config.onChange('replica-ignore-maxmemory', follow)
  }

  /**
   * Takes a role. `link` tells if a replica receives every change at present. A `follower` follows
   * a replicated log.
   */
  become(role: 'primary' | 'replica' | 'follower', link: 'up' | 'down' = 'down'): void {
    this.isReplica = role !== 'primary'
    this.#isStrict = role === 'follower'
    this.#isUpToDate = role !== 'replica' || link === 'up'
    this.#follow()
  }

  /** Clients of this server may change its data. */
  get isWritable(): boolean {
    return !this.isReplica || !(this.#isStrict || this.#host.config.get('replica-read-only'))
  }

  /** The treatment of keys whose time is up. */
  get expiry(): Expiry {
    if (!this.isReplica) return this.#host.conditions.state.delays.paused.holds ? 'wait' : 'remove'
    return this.isWritable ? 'own' : 'hide'
  }

  /** Keys may be evicted here. */
  get evicts(): boolean {
    return !this.isReplica || !(this.#isStrict || this.#host.config.get('replica-ignore-maxmemory'))
  }

  #follow(): void {
    const { config } = this.#host
    const { replicaExpiry } = this.#host.upkeep
    const { state } = this.#host.conditions
    state.refusals.readOnly.follow(!this.isWritable)
    state.stale.follow(!this.#isUpToDate && !config.get('replica-serve-stale-data'))
    this.followPause()
    replicaExpiry.follow()
    this.#changed?.()
  }

  /** A pause has begun or ended: keys expire accordingly. While data is loaded no key expires. */
  followPause(): void {
    const { dataset } = this.#host.data
    const { state } = this.#host.conditions
    if (!state.loading.holds) dataset.expiry = this.expiry
    this.#host.upkeep.timedWork.arm()
  }
}
