// Replication of one server, with both sides put together: the primary that it follows, and its
// replicas. The engine, its commands and the boot use only this.

import type { Client } from '../engine/clients/client.ts'
import type {
  FailoverState,
  Following,
  LogNode,
  Replication as ReplicationView,
} from '../engine/effects/replication.ts'
import type { HistoryPosition } from '../engine/effects/replication-history.ts'
import type { Engine } from '../engine/engine.ts'
import type { Disk } from '../persistence/disk/disk.ts'
import type { BackgroundSaving } from '../persistence/snapshot/background-saving.ts'
import { ERR } from '../protocol/errors.ts'
import { assert } from '../util/assert.ts'
import { type Handler, Handlers } from '../util/tables/handlers.ts'
import type { Address, Dial } from './connection.ts'
import { Failover } from './failover.ts'
import { Migrations } from './migrations.ts'
import { type Handover, PrimaryLink, type Progress } from './primary-link.ts'
import type { StreamCopy } from './primary-stream.ts'
import { Replicas } from './replicas.ts'

export interface ReplicationOptions {
  /** Without it this server can follow no primary and migrate no keys. */
  readonly dial?: Dial
  /**
   * Receives the primary's stream to pass it on. Default: `leading`, for this server's replicas.
   */
  readonly copy?: StreamCopy
  readonly disk?: Disk
}

/** The majority of three: a log has three servers or more. */
const LOG_DISKS_MIN = 2

export class Replication implements ReplicationView {
  readonly replicas: Replicas
  readonly failover: Failover
  /** Undefined when other servers cannot be reached. */
  readonly migrations: Migrations | undefined
  /** Events of the link to the primary: it is up or down, or a snapshot has been loaded. */
  readonly onLink = new Handlers<[what: 'up' | 'down' | 'synced']>((slot) => {
    this.#told = slot
  })
  #told: Handler<[what: 'up' | 'down' | 'synced']> | null = null
  readonly #engine: Engine
  readonly #options: ReplicationOptions
  readonly #copy: StreamCopy
  readonly #progress: Progress = { isContinuable: false, database: 0, isGone: false }
  #link: PrimaryLink | undefined = undefined
  #node: LogNode | undefined = undefined

  constructor(engine: Engine, options: ReplicationOptions = {}) {
    this.#engine = engine
    this.#options = options
    this.replicas = new Replicas(engine)
    this.failover = new Failover(engine, this)
    this.migrations = options.dial === undefined ? undefined : new Migrations(engine, options.dial)
    this.#copy = options.copy ?? this.replicas
  }

  takeRole(): void {
    if (this.#node !== undefined) this.#engine.effects.role.become('follower')
    else if (this.#engine.config.get('replicaof') !== '') this.#becomeReplica()
  }

  get following(): Following | undefined {
    if (this.#node !== undefined) return this.#node.following
    return (
      this.#link ?? (this.#engine.effects.role.isReplica ? awaited(this.#engine.config.get('replicaof')) : undefined)
    )
  }

  get node(): LogNode | undefined {
    return this.#node
  }

  /** From now on a log decides which node leads, and no primary is followed. */
  join(node: LogNode): void {
    assert(this.#link === undefined, 'a node of a log follows no primary')
    assert(this.#node === undefined, 'a server is a node of one log')
    this.#node = node
  }

  /**
   * Counts the machines beside this one that have a client's writes: the replicas that have
   * acknowledged them. With a log as journal these are the log's servers, most of which have every
   * acknowledged write. Nodes that follow are not counted: the next leader reads the whole log
   * before it leads.
   */
  copiesOf(client: Client, where: 'memory' | 'disk'): number {
    if (this.#node === undefined) return this.replicas.countUpTo(client.output.streamOffset, where)
    return this.#engine.effects.durability.isSynced(client) ? LOG_DISKS_MIN : 0
  }

  get failoverState(): FailoverState {
    return this.failover.state
  }

  get position(): HistoryPosition | undefined {
    if (this.#node !== undefined) return undefined
    if (!this.#engine.effects.role.isReplica) return this.replicas.position
    const { isContinuable, database } = this.#progress
    if (!isContinuable) return undefined
    const { id, offset } = this.#engine.effects.history
    return { id, offset, database: this.#link?.primary?.database ?? database }
  }

  /**
   * The data is loaded: `saving` can take snapshots of it, replicas of an earlier process may
   * continue, and the configured primary is followed.
   */
  begin(saving?: Pick<BackgroundSaving, 'copy'>): void {
    const { config } = this.#engine
    const { history } = this.#engine.effects
    this.replicas.fullSync.saving = saving
    const { found } = history
    history.found = undefined
    const [host, port] = config.get('replicaof').split(' ')
    if (host !== undefined && port !== undefined) {
      if (found !== undefined) {
        history.adopt(found.id, found.offset)
        this.#progress.isContinuable = true
        this.#progress.database = found.database
      }
      this.#becomeReplica()
      this.#followLink({ host, port: Number(port) })
    } else if (found !== undefined) {
      history.resume(found)
      this.replicas.expectReplicas(found.dropped)
    }
  }

  /** Follows a primary. With `handover` the primary is asked to take over from this server. */
  follow({ host, port }: Address, handover?: Handover): void {
    const { blocking, config } = this.#engine
    const { connected: clients } = this.#engine.clients
    const { log } = this.#engine.environment
    const wasPrimary = this.#link === undefined
    // Blocked clients would wait for data that only the new primary can bring.
    for (const client of blocking.endAll(ERR.roleChanged)) clients.close(client, 'flushed')
    this.#link?.stop()
    this.#link = undefined
    config.set('replicaof', `${host} ${port}`)
    this.#becomeReplica()
    if (wasPrimary) {
      log.info(
        {},
        'Before turning into a replica, using my own master parameters to synthesize a cached master: I may be able to synchronize with the new master with just a partial transfer.',
      )
      this.#progress.isContinuable = true
      this.#progress.database = 0
      this.#progress.isGone = false
    }
    this.#followLink({ host, port }, handover)
  }

  followNobody(): void {
    const { config } = this.#engine
    const { history, role } = this.#engine.effects
    const { log } = this.#engine.environment
    if (this.#link === undefined) return
    this.#link.stop()
    this.#link = undefined
    config.set('replicaof', 'no one')
    history.fork()
    log.info(
      {},
      `Setting secondary replication ID to ${history.secondId}, valid up to offset: ${history.secondOffset}. New replication ID is ${history.id}`,
    )
    this.#copy.rename()
    role.become('primary')
    this.replicas.lead()
  }

  stop(): void {
    this.failover.stop()
    this.#link?.stop()
    this.replicas.stop()
    this.migrations?.stop()
  }

  #becomeReplica(): void {
    this.#engine.effects.role.become('replica')
    this.replicas.passOn()
  }

  #followLink(address: Address, handover?: Handover): void {
    const { dial, disk } = this.#options
    assert(dial !== undefined, 'a server that follows a primary can dial')
    // The link calls `changed` while it is being made.
    this.#link = new PrimaryLink(this.#engine, address, {
      dial,
      copy: this.#copy,
      ...(disk === undefined ? {} : { disk }),
      progress: this.#progress,
      ...(handover === undefined ? {} : { handover }),
      changed: (what) => {
        if (what !== 'synced') this.#engine.effects.role.become('replica', what)
        this.#told?.(what)
      },
    })
  }
}

/** The status of a primary that will be followed when the data is loaded. */
function awaited(replicaof: string): Following {
  const [host = '', port] = replicaof.split(' ')
  return {
    host,
    port: Number(port ?? 0),
    state: 'connect',
    linkUp: false,
    sync: undefined,
    offset: 0,
    readOffset: 0,
    lastHeardSeconds: 0,
    downSeconds: -1,
    unlinkedSeconds: 0,
    isContinuable: false,
    primary: undefined,
  }
}

export { Replicas } from './replicas.ts'
