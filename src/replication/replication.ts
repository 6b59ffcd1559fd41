// Replication of one server, both sides of it put together: whom it follows, and who follows it. The engine, its commands and
// whoever boots it see this alone.

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
import { Leading } from './leading.ts'
import { Migrations } from './migrations.ts'
import { type Handover, PrimaryLink, type Progress } from './primary-link.ts'
import type { StreamCopy } from './primary-stream.ts'

export interface ReplicationOptions {
  /** Without it nobody can be followed, and no keys migrated. */
  readonly dial?: Dial
  /** Passes on what comes from a primary; the replicas that are led, unless somebody else is to hear. */
  readonly copy?: StreamCopy
  readonly disk?: Disk
}

/** Most of three: a log has three servers or more. */
const LOG_DISKS_MIN = 2

export class Replication implements ReplicationView {
  readonly leading: Leading
  readonly failover: Failover
  /** Undefined where other servers cannot be reached. */
  readonly migrations: Migrations | undefined
  /** Told of the link to the primary: it is up, or down; all of a snapshot has been loaded. */
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
    this.leading = new Leading(engine)
    this.failover = new Failover(engine, this)
    this.migrations = options.dial === undefined ? undefined : new Migrations(engine, options.dial)
    this.#copy = options.copy ?? this.leading
    engine.replication = this
    // From the beginning: nothing expires before the primary says so.
    if (engine.config.get('replicaof') !== '') this.#becomeReplica()
  }

  get following(): Following | undefined {
    if (this.#node !== undefined) return this.#node.following
    return this.#link ?? (this.#engine.role.isReplica ? awaited(this.#engine.config.get('replicaof')) : undefined)
  }

  get node(): LogNode | undefined {
    return this.#node
  }

  /** From now on a log decides who leads, and nobody else is followed. */
  join(node: LogNode): void {
    assert(this.#link === undefined, 'who follows a log follows nobody else')
    this.#node = node
  }

  /**
   * Counts the machines beside this one that have what a client wrote: the replicas that have acknowledged it, or, where a log is the journal, the log's servers. Most
   * of those have every write that the log has acknowledged. Nodes that follow are not counted: the next leader reads the whole log before it leads.
   */
  copiesOf(client: Client, where: 'memory' | 'disk'): number {
    if (this.#node === undefined) return this.leading.countUpTo(client.streamOffset, where)
    return this.#engine.durability.isSynced(client) ? LOG_DISKS_MIN : 0
  }

  get failoverState(): FailoverState {
    return this.failover.state
  }

  get position(): HistoryPosition | undefined {
    if (this.#node !== undefined) return undefined
    if (!this.#engine.role.isReplica) return this.leading.position
    const { isContinuable, database } = this.#progress
    if (!isContinuable) return undefined
    const { id, offset } = this.#engine.history
    return { id, offset, database: this.#link?.primary?.database ?? database }
  }

  /**
   * The data is loaded: snapshots can be taken of it by `saving`, who had it from an earlier process may go on, and whom the
   * configuration names is followed.
   */
  begin(saving?: Pick<BackgroundSaving, 'copy'>): void {
    const { config, history } = this.#engine
    this.leading.fullSync.saving = saving
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
      this.leading.expectReplicas(found.dropped)
    }
  }

  /** With `handover` the primary is asked to take this server's place. */
  follow({ host, port }: Address, handover?: Handover): void {
    const { blocking, clients, config, log } = this.#engine
    const wasPrimary = this.#link === undefined
    // Who waits here would wait for what only others may bring.
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
    this.#copy.rename()
    role.become('primary')
    this.leading.lead()
  }

  stop(): void {
    this.failover.stop()
    this.#link?.stop()
    this.leading.stop()
    this.migrations?.stop()
  }

  #becomeReplica(): void {
    this.#engine.role.become('replica')
    this.leading.passOn()
  }

  #followLink(address: Address, handover?: Handover): void {
    const { dial, disk } = this.#options
    assert(dial !== undefined, 'who can be told to follow can dial')
    // The link tells of itself while it is made.
    this.#link = new PrimaryLink(this.#engine, address, {
      dial,
      copy: this.#copy,
      ...(disk === undefined ? {} : { disk }),
      progress: this.#progress,
      ...(handover === undefined ? {} : { handover }),
      changed: (what) => {
        if (what !== 'synced') this.#engine.role.become('replica', what)
        this.#told?.(what)
      },
    })
  }
}

/** A primary that is to be followed when the data is loaded. */
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
    isContinuable: false,
    primary: undefined,
  }
}

export { Leading } from './leading.ts'

/** An engine's replication, which comes into being when it is first asked for. */
export function replicationOf(engine: Engine): Replication {
  const { replication } = engine
  return replication instanceof Replication ? replication : new Replication(engine)
}
