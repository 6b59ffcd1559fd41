// Whether this server decides what becomes of its data, or follows a primary that does.
//
// Who follows is told by src/replication; here stands what that means for everybody else: writes are refused
// (`replica-read-only`), and so is everything while the primary is away if the settings say so
// (`replica-serve-stale-data`); nothing expires, nothing is evicted. The rooms that act by themselves ask here.
//
// Who follows a replicated log (src/replicated-log) is a replica with which no setting interferes: its data is the log's.

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
  /** Follows a primary, whether or not that can be reached. */
  isReplica = false
  /** Told when the role has changed, or what it means. */
  readonly changed = new Handlers<[]>((slot) => {
    this.#changed = slot
  })
  #changed: Handler<[]> | null = null
  readonly #host: RoleHost
  #isUpToDate = true
  /** Follows a log. */
  #isStrict = false

  constructor(host: RoleHost) {
    this.#host = host
    const follow = (): void => this.#follow()
    host.config.onChange('replica-read-only', follow)
    host.config.onChange('replica-serve-stale-data', follow)
    host.config.onChange('replica-ignore-maxmemory', follow)
  }

  /** Takes a role; `link` = whether a replica hears of every change just now. A follower's are those of a log. */
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

  /** What becomes of keys whose time is up. */
  get expiry(): Expiry {
    if (!this.isReplica) return this.#host.conditions.state.paused.holds ? 'wait' : 'remove'
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
    state.readOnly.follow(!this.isWritable)
    state.stale.follow(!this.#isUpToDate && !config.get('replica-serve-stale-data'))
    this.followPause()
    replicaExpiry.follow()
    this.#changed?.()
  }

  /** A pause has begun or ended: keys expire accordingly. While data is loaded nothing expires whatever the role. */
  followPause(): void {
    const { dataset } = this.#host.data
    const { state } = this.#host.conditions
    if (!state.loading.holds) dataset.expiry = this.expiry
    this.#host.upkeep.timedWork.arm()
  }
}
