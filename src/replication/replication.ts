// Replication of one server, both sides of it: whom it follows, and who follows it.

import type { Engine } from '../engine/engine.ts'
import type { Following, Leading, Replication } from '../engine/replication.ts'
import type { Disk } from '../persistence/disk.ts'
import { ERR } from '../protocol/errors.ts'
import { type Listener, Seats } from '../util/seats.ts'
import type { Address, Dial } from './connection.ts'
import { PrimaryLink, type Progress } from './primary-link.ts'
import type { StreamCopy } from './primary-stream.ts'

export interface ReplicationOptions {
  readonly dial: Dial
  /** Passes on what comes from a primary. */
  readonly copy?: StreamCopy
  readonly disk?: Disk
}

export class ServerReplication implements Replication {
  readonly leading: Leading = { onlineCount: 0 }
  /** Told of the link to the primary: it is up, or down; all of a snapshot has been loaded. */
  readonly onLink = new Seats<[what: 'up' | 'down' | 'synced']>((slot) => {
    this.#told = slot
  })
  #told: Listener<[what: 'up' | 'down' | 'synced']> | null = null
  readonly #engine: Engine
  readonly #options: ReplicationOptions
  readonly #progress: Progress
  #link: PrimaryLink | undefined = undefined

  constructor(engine: Engine, options: ReplicationOptions) {
    this.#engine = engine
    this.#options = options
    this.#progress = { isContinuable: engine.history.offset > 0, database: 0 }
    engine.replication = this
    // From the beginning: nothing expires before the primary says so.
    if (engine.config.get('replicaof') !== '') engine.role.become('replica')
  }

  get following(): Following | undefined {
    return this.#link
  }

  /** Follows whom the configuration names; to be called when the data has been loaded. */
  begin(): void {
    const { config, role } = this.#engine
    const [host, port] = config.get('replicaof').split(' ')
    if (host === undefined || port === undefined) return
    role.become('replica')
    this.#followLink({ host, port: Number(port) })
  }

  follow({ host, port }: Address): void {
    const { blocking, clients, config, role } = this.#engine
    const wasPrimary = this.#link === undefined
    // Who waits here would wait for what only others may bring.
    for (const client of blocking.endAll(ERR.roleChanged)) clients.close(client, 'flushed')
    this.#link?.stop()
    this.#link = undefined
    config.set('replicaof', `${host} ${port}`)
    role.become('replica')
    if (wasPrimary) {
      this.#engine.log.info(
        {},
        'Before turning into a replica, using my own master parameters to synthesize a cached master: I may be able to synchronize with the new master with just a partial transfer.',
      )
      this.#progress.isContinuable = true
      this.#progress.database = 0
    }
    this.#followLink({ host, port })
  }

  followNobody(): void {
    const { config, history, log, role } = this.#engine
    if (this.#link === undefined) return
    this.#link.stop()
    this.#link = undefined
    config.set('replicaof', 'no one')
    history.fork()
    log.info(
      {},
      `Setting secondary replication ID to ${history.secondId}, valid up to offset: ${history.secondOffset}. New replication ID is ${history.id}`,
    )
    // Our replicas must hear of the new history.
    this.#options.copy?.interrupt()
    role.become('primary')
  }

  stop(): void {
    this.#link?.stop()
  }

  #followLink(address: Address): void {
    const { copy, dial, disk } = this.#options
    // The link tells of itself while it is made.
    this.#link = new PrimaryLink(this.#engine, address, {
      dial,
      copy,
      ...(disk === undefined ? {} : { disk }),
      progress: this.#progress,
      changed: (what) => {
        if (what !== 'synced') this.#engine.role.become('replica', what)
        this.#told?.(what)
      },
    })
  }
}
