// This server's part in a replicated log: how it joins and leaves. src/replicated-log does
// everything in between.

import { randomBytes } from 'node:crypto'
import { type Config, ConfigError } from '../../config/config.ts'
import type { Broadcast } from '../../engine/cluster-view/broadcast.ts'
import { ownAddress } from '../../engine/cluster-view/own-address.ts'
import type { Engine } from '../../engine/engine.ts'
import type { DirectoryClaimsView } from '../../persistence/disk/directory-claims.ts'
import type { BackgroundSaving } from '../../persistence/snapshot/background-saving.ts'
import { AddressError } from '../../replicated-log/address-options.ts'
import { LogBroadcast } from '../../replicated-log/broadcast/log-broadcast.ts'
import { SharedMessaging } from '../../replicated-log/broadcast/shared-messaging.ts'
import { LogAway, type ReplicatedLog } from '../../replicated-log/log.ts'
import { describeLogAddress, mapLogBeside, nameOfLog, readLogAddress } from '../../replicated-log/log-address.ts'
import { LogNodeView } from '../../replicated-log/log-node-view.ts'
import { openReplicated } from '../../replicated-log/open-replicated.ts'
import type { ReplicatedNode } from '../../replicated-log/replicated-node.ts'
import { openStore } from '../../replicated-log/snapshots/open-store.ts'
import { readStoreAddress, type StoreSource } from '../../replicated-log/snapshots/store-address.ts'
import type { LogSource } from '../../replicated-log/worker/log-source.ts'
import { openWorkerLog } from '../../replicated-log/worker/worker-log.ts'
import type { Dial } from '../../replication/connection.ts'
import type { Replication } from '../../replication/replication.ts'
import { ShardedCluster } from '../../shards/sharded-cluster.ts'
import { secondEngine } from './replay-engine.ts'

/** The interval between attempts to reach a log at a start. */
const RETRY_MS = 1000

/** Too many to be guessed. */
const RELAY_KEY_BYTES = 16

/** Opens a log. Throws LogUnfit, LogAway. */
export type OpenLog = (source: LogSource) => Promise<ReplicatedLog>

export class LogParticipation {
  /** This server's shard in a cluster; undefined = there is one shard, and no slots. */
  readonly cluster: ShardedCluster | undefined
  readonly #engine: Engine
  /** The state of this server's part, from the first moment on. */
  readonly #view: LogNodeView
  readonly #source: LogSource
  /** The store of snapshots; undefined = none. */
  readonly #store: StoreSource | undefined
  /** The log that has the map of the cluster. */
  readonly #mapSource: LogSource
  readonly #open: OpenLog
  readonly #dial: Dial
  /** Undefined before the log could be reached. */
  #node: ReplicatedNode | undefined = undefined
  #hasLeft = false

  /** Throws AddressError if the configuration names no log. */
  constructor(engine: Engine, replication: Replication, dial: Dial, open: OpenLog) {
    const { config } = engine
    this.#engine = engine
    this.#source = readLogAddress(config.get('log'))
    const store = config.get('log-snapshots')
    this.#store = store === '' ? undefined : readStoreAddress(store)
    this.#open = open
    this.#dial = dial
    const first = config.get('cluster-log')
    this.#mapSource = mapLogBeside(first === '' ? this.#source : readLogAddress(first))
    // A log alone is one shard. Other shards and slots exist only if the settings ask for them.
    if (config.get('cluster-enabled')) {
      this.cluster = new ShardedCluster(engine, {
        shard: config.get('shard-name') || nameOfLog(this.#source).name,
        log: Object.values(nameOfLog(this.#source)).join('/'),
        isFirst: first === '',
        dial,
      })
    }
    // Before this node leads, no key expires, and no client may take it for a primary.
    this.#view = new LogNodeView(engine.environment.workClock)
    replication.join(this.#view)
  }

  /**
   * Waits for the log, loads this node's copy of it and joins. Returns the duration of loading in
   * milliseconds.
   *
   * `claims` claims other directories for writing. `changed` is called whenever this node or
   * another one begins or ceases to lead. `onSaving` gets the object that saves this node's data,
   * `onBroadcast` the way to the other brokers.
   *
   * Throws LogUnfit, PersistenceError.
   */
  async join(
    claims: DirectoryClaimsView,
    changed: () => void,
    onSaving: (saving: BackgroundSaving) => void,
    onBroadcast: (broadcast: Broadcast) => void,
  ): Promise<number> {
    const { config } = this.#engine
    const { host } = this.#engine.parts
    const { log, workClock } = this.#engine.environment
    const where = describeLogAddress(config.get('log'))
    const opened = await this.#reach(this.#source, where)
    if (opened === undefined) return 0
    const place = host.describe?.()
    const address = announcedAddress(config, place)
    const beganMs = workClock.monotonic()
    const store = this.#store && (await openStore(this.#store))
    const { cluster } = this
    let shared = opened
    if (cluster !== undefined) {
      const map = await this.#reach(this.#mapSource, `${where}, its map of the cluster`)
      if (map === undefined) return 0
      shared = map
    }
    const messaging = new SharedMessaging(shared.messaging)
    const shard = config.get('shard-name') || nameOfLog(this.#source).name
    onBroadcast(new LogBroadcast(messaging, log, { address, shard }))
    cluster?.address(shared, { address, port: place?.tcpPort ?? 0, tlsPort: place?.tlsPort ?? 0 }, messaging)
    this.#node = await openReplicated({
      engine: this.#engine,
      claims,
      second: secondEngine,
      onSaving,
      log: opened,
      node: address,
      address,
      dial: this.#dial,
      relayKey: randomBytes(RELAY_KEY_BYTES).toString('hex'),
      ...(store === undefined ? {} : { snapshots: store }),
      ...(cluster === undefined
        ? {}
        : { enter: (epoch: number, isWanted: () => boolean) => cluster.enter(epoch, isWanted) }),
    })
    cluster?.attach(this.#view)
    this.#view.onChange(changed)
    this.#view.show(this.#node)
    const { position } = this.#node.chain
    log.info({ log: where, node: address, position }, 'this node takes part in a replicated log')
    return workClock.monotonic() - beganMs
  }

  /**
   * Hands the lead to another node, within `shutdown-timeout`. If this node has just done that, it
   * waits for the clients whose requests are still sent on.
   */
  async handOver(): Promise<void> {
    const { config } = this.#engine
    const { log, workClock } = this.#engine.environment
    const node = this.#node
    if (node === undefined) return
    if (node.state === 'leading') log.info({}, 'handing the lead over')
    const tooLong = new Promise<void>((resolve) => void workClock.after(config.get('shutdown-timeout') * 1000, resolve))
    await Promise.race([node.handOver(), tooLong])
  }

  /** Leaves the log, and closes the copy. Throws the errors of the disk. */
  async leave(): Promise<void> {
    this.#hasLeft = true
    await this.#node?.close()
    await this.cluster?.close()
  }

  /** Opens the log as soon as it can be reached; undefined = this node has left meanwhile. */
  async #reach(source: LogSource, where: string): Promise<ReplicatedLog | undefined> {
    const { log, workClock } = this.#engine.environment
    for (let tries = 0; !this.#hasLeft; tries++) {
      try {
        return await this.#open(source)
      } catch (error) {
        if (!(error instanceof LogAway)) throw error
        if (tries === 0) log.warn({ log: where, reason: error.message }, 'the log cannot be reached yet; trying on')
        await new Promise<void>((resolve) => void workClock.after(RETRY_MS, resolve))
      }
    }
    return undefined
  }
}

/** Prepares to join the log that the configuration names. Throws ConfigError. */
export function logParticipationOf(
  engine: Engine,
  replication: Replication,
  dial: Dial,
  open: OpenLog = openWorkerLog,
): LogParticipation {
  if (engine.config.get('cluster-log') !== '' && !engine.config.get('cluster-enabled'))
    throw new ConfigError("'cluster-log' needs 'cluster-enabled yes'")
  if (engine.config.get('replicaof') !== '') throw new ConfigError("'log' and 'replicaof' exclude each other")
  try {
    return new LogParticipation(engine, replication, dial, open)
  } catch (error) {
    if (error instanceof AddressError) throw new ConfigError(error.message)
    throw error
  }
}

/**
 * The address at which clients reach this server, as `host:port`; also its name among the nodes of
 * a log.
 */
function announcedAddress(config: Config, place: { tcpPort: number; tlsPort: number } | undefined): string {
  const port = config.get('replica-announce-port') || place?.tcpPort || place?.tlsPort || 0
  return `${ownAddress(config)}:${port}`
}
