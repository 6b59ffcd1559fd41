// An engine with everything around it but sockets: its commands, its log, its journal, its
// snapshots.
//
// Shared by the server and by the broker inside a program.

import fs from 'node:fs'
import path from 'node:path'
import { ClusterFile } from '../../cluster/cluster-file.ts'
import { NodesFileError } from '../../cluster/nodes-file.ts'
import { StandaloneCluster } from '../../cluster/standalone-cluster.ts'
import { catalog } from '../../commands/catalog.ts'
import { type CommandParts, makeParts, type OwnParts } from '../../commands/parts.ts'
import { type Config, ConfigError } from '../../config/config.ts'
import { publishSwitches } from '../../engine/cluster-view/switch-master-message.ts'
import type { Checkpoint } from '../../engine/data/checkpoints.ts'
import { Engine } from '../../engine/engine.ts'
import type { EngineHost, ShutdownOptions } from '../../engine/engine-host.ts'
import type { EngineOptions } from '../../engine/engine-options.ts'
import type { Log } from '../../engine/log.ts'
import { DirectoryClaims } from '../../persistence/disk/directory-claims.ts'
import { DirectoryInUseError } from '../../persistence/disk/directory-lock.ts'
import { systemDisk } from '../../persistence/disk/disk.ts'
import { describeDiskError, PersistenceError } from '../../persistence/errors.ts'
import { openJournal } from '../../persistence/log/open-journal.ts'
import { BackgroundSaving } from '../../persistence/snapshot/background-saving.ts'
import { loadSnapshot } from '../../persistence/snapshot/load-snapshot.ts'
import type { Dial } from '../../replication/connection.ts'
import type { Replication } from '../../replication/replication.ts'
import { StandaloneSentinelView } from '../../replication/standalone-sentinel-view.ts'
import { Random } from '../../util/numbers/random.ts'
import { OptionError } from '../../util/option-error.ts'
import { HashKey } from '../../util/tables/keyed-hash.ts'
import { systemClock } from '../../util/time/clock.ts'
import { HeldClock, type TestClock } from '../../util/time/held-clock.ts'
import { clearTimeout, setTimeout } from '../../util/time/real-time.ts'
import { dialPrimary } from '../listening/dial-primary.ts'
import { loadUsers } from './load-users.ts'
import { type LogParticipation, logParticipationOf, type OpenLog } from './log-participation.ts'
import type { OptionKind } from './options.ts'
import { secondEngine } from './replay-engine.ts'
import { ReplicaDrain } from './replica-drain.ts'

/** Loads the code of audits only when there is one. */
const audited = (like: Engine): Engine => secondEngine(like)

/** 32 bits. */
const SEED_MAX = 2 ** 32 - 1

/** The data that was found on disk. */
export interface Loaded {
  keys: number
  bytes: number
  milliseconds: number
}

/** Time and randomness, under a test's control. */
export interface TestOptions {
  /**
   * The clock of the data, which stands still until the test moves it: `testClock()`. Default: the
   * machine's.
   */
  clock?: TestClock | undefined
  /**
   * The seed of random commands, and of `math.random` in scripts. Default: the system's entropy.
   */
  seed?: number | undefined
}

/** They are checked where they are used. */
export const TEST_OPTIONS = {
  clock: { what: 'it is made by testClock()', accepts: (value: unknown) => value instanceof HeldClock },
  seed: {
    what: `an integer from 0 to ${SEED_MAX}`,
    accepts: (value: unknown) => Number.isInteger(value) && Number(value) >= 0 && Number(value) <= SEED_MAX,
  },
} satisfies Record<keyof TestOptions, OptionKind>

export interface BootOptions extends TestOptions {
  /** Load a snapshot from the directory if there is no append-only file. */
  snapshot?: 'loaded' | 'ignored'
  /** Users in the configuration: each a name, then rules. */
  users?: readonly (readonly string[])[] | undefined
  /** See EngineOptions. */
  processBytes?: (() => number) | undefined
  /** See EngineOptions. */
  ownsLoop?: boolean | undefined
  /** The program around the broker. Default: it offers nothing. */
  host?: EngineHost | undefined
  /** Connects to a primary. Default: as the configuration says. */
  dial?: Dial | undefined
  /** Opens the log that the configuration names. Default: in a thread of its own. */
  openLog?: OpenLog | undefined
  /**
   * The engine whose branch this one is. The branch has its settings, users and functions, and
   * begins with its data.
   */
  branchOf?: { engine: Engine<CommandParts>; checkpoint: Checkpoint } | undefined
}

interface PartsOptions {
  host: EngineHost
  isBranch: boolean
  openLog: OpenLog | undefined
}

export class Boot {
  readonly engine: Engine<CommandParts>
  readonly replication: Replication
  /** The wait of an ending server for its replicas. */
  readonly replicaDrain: ReplicaDrain
  readonly #loads: boolean
  readonly #claims: DirectoryClaims
  /** Undefined if this server is not a node of a cluster, or its map lies in a log. */
  #cluster: StandaloneCluster | undefined = undefined
  /** Undefined unless clients ask this server for the address of a primary. */
  #shard: StandaloneSentinelView | undefined = undefined
  #saving: BackgroundSaving | undefined = undefined
  readonly #parts: OwnParts
  /** This server's part in a replicated log; undefined = the files here keep the data. */
  #membership: LogParticipation | undefined = undefined
  /** Files are being read, and may be changed. */
  #isLoading = false

  constructor(
    config: Config,
    log: Log | undefined,
    {
      branchOf,
      clock,
      dial,
      host = {},
      openLog,
      ownsLoop = false,
      processBytes,
      seed,
      snapshot = 'loaded',
      users = [],
    }: BootOptions = {},
  ) {
    // The append-only file is the copy of the log.
    if (config.get('log') !== '') config.set('appendonly', 'yes')
    this.#loads = config.get('appendonly') || snapshot === 'loaded'
    if (config.get('cluster-enabled')) prepareForCluster(config, log)
    const dials: Dial = dial ?? ((...to) => dialPrimary(config)(...to))
    this.engine = new Engine(
      {
        commands: catalog,
        config,
        ...(log === undefined ? {} : { log }),
        ...(processBytes === undefined ? {} : { processBytes }),
        ownsLoop,
        ...inTestsHands({ clock, seed }),
        ...(branchOf === undefined ? {} : sharedWith(branchOf.engine)),
      },
      (engine) => {
        // Before the first client can connect.
        loadUsers(engine, users)
        return this.#makeParts(engine, dials, { host, isBranch: branchOf !== undefined, openLog })
      },
    )
    this.#parts = this.engine.parts
    this.replication = this.#parts.replication
    const time = this.engine.environment.clock
    if (time instanceof HeldClock) time.waitFor(() => waitsForDisk(this.engine))
    if (seed !== undefined) this.#parts.scripting.chance.seed(seed)
    if (branchOf !== undefined) this.#beginWith(branchOf.engine, branchOf.checkpoint)
    this.replicaDrain = new ReplicaDrain(this.engine, this.replication.replicas)
    if (this.#shard !== undefined) publishSwitches(this.#shard, this.engine)
    config.onChange('appendonly', () => {
      if (this.#membership !== undefined) throw new ConfigError('the copy of the log is kept in any case')
      if (this.#saving === undefined) throw new ConfigError("can't be turned on or off while the data is loaded")
    })
    config.onChange('dir', refuseMissing)
    // Clients that connect before `load` is done get LOADING.
    if (this.#loads) this.engine.conditions.loading.begin()
    this.#claims = new DirectoryClaims(this.engine, () => this.#saving?.disown())
  }

  #makeParts(engine: Engine, dial: Dial, { host, isBranch, openLog }: PartsOptions): OwnParts {
    const { config } = engine
    const isOwnCluster = config.get('cluster-enabled') && config.get('log') === ''
    if (!isBranch && isOwnCluster) this.#cluster = openCluster(engine)
    const parts = makeParts(engine, { dial })
    parts.host = host
    const shardName = config.get('shard-name')
    if (shardName !== '') this.#shard = new StandaloneSentinelView(engine, parts.replication, shardName)
    parts.sentinelView = this.#shard ?? null
    if (config.get('log') !== '') this.#membership = logParticipationOf(engine, parts.replication, dial, openLog)
    parts.cluster = this.#cluster ?? this.#membership?.cluster ?? null
    return parts
  }

  #beginWith({ parts: { scripts }, clients: { users } }: Engine<CommandParts>, checkpoint: Checkpoint): void {
    const { engine } = this
    engine.clients.users.replaceAll(new Map(users.sorted().map((user) => [user.name, user.copy(users.ruleContext)])))
    engine.parts.scripts.addLibraries([...scripts.libraries()], 'append')
    engine.data.checkpoints.beginWith(checkpoint)
  }

  /**
   * Loads the data of the directory. With an append-only file, it goes on appending to it. Throws
   * PersistenceError.
   */
  async load(): Promise<Loaded> {
    await this.#claim()
    this.#isLoading = true
    try {
      const loaded = await this.#load()
      this.#cluster?.claimSlots()
      this.replication.begin(this.#saving)
      const primary = this.#cluster?.myself.primary
      if (primary !== undefined) this.replication.follow({ host: primary.ip, port: primary.port })
      return loaded
    } finally {
      this.#isLoading = false
    }
  }

  async #load(): Promise<Loaded> {
    const { engine } = this
    const { config } = engine
    const claims = this.#claims
    if (!this.#loads) {
      this.#saveBy(new BackgroundSaving(engine, { claims, second: audited }))
      return { keys: 0, bytes: 0, milliseconds: 0 }
    }
    if (this.#membership !== undefined) {
      const milliseconds = await this.#membership.join(
        claims,
        () => this.#shard?.look(),
        (saving) => {
          this.#parts.saving = saving
        },
        (broadcast) => {
          this.#parts.broadcast = broadcast
        },
      )
      return { keys: countKeys(engine), bytes: 0, milliseconds }
    }
    if (config.get('appendonly')) {
      const aof = await openJournal(engine)
      const { bytes, milliseconds } = aof.loaded
      const keys = countKeys(engine)
      this.#saveBy(new BackgroundSaving(engine, { aof, claims, second: audited, keysLoaded: keys }))
      return { keys, bytes, milliseconds }
    }
    await this.#tellOfUnloaded()
    const loaded = await loadSnapshot(engine)
    // From here on keys expire, and replicas must get these effects. So nothing may be awaited
    // until the stream is kept (replication.begin).
    engine.conditions.loading.end()
    const keys = countKeys(engine)
    const keysExpired = loaded?.keysExpired ?? 0
    this.#saveBy(new BackgroundSaving(engine, { claims, second: audited, keysLoaded: keys, keysExpired }))
    return { keys, bytes: loaded?.bytes ?? 0, milliseconds: loaded?.milliseconds ?? 0 }
  }

  #saveBy(saving: BackgroundSaving): void {
    this.#saving = saving
    this.#parts.saving = saving
  }

  /** Claims the directory for writing. A part that writes there only on request claims it then. */
  async #claim(): Promise<void> {
    const { config } = this.engine
    const { log } = this.engine.environment
    const isLogged = config.get('appendonly')
    if (!isLogged && config.get('save').length === 0) return
    try {
      await this.#claims.claim(config.get('dir'))
    } catch (error) {
      // Without an append-only file, data on a disk that refuses writes can be loaded and served.
      if (isLogged || error instanceof DirectoryInUseError) throw error
      log.warn({ error }, 'snapshots cannot be saved')
    }
  }

  async #tellOfUnloaded(): Promise<void> {
    const { config } = this.engine
    const { log } = this.engine.environment
    const directory = path.join(config.get('dir'), config.get('appenddirname'))
    if (!(await systemDisk.exists(path.join(directory, `${config.get('appendfilename')}.manifest`)))) return
    log.warn({ directory }, 'there are append-only files, which are not loaded: appendonly is no')
  }

  /**
   * Makes the snapshot that is due at the end of a server; returns false if that failed. From then
   * on no client is served. If the server does not end after all, call `goOn`.
   */
  saveAtEnd(save: ShutdownOptions['save']): Promise<boolean> {
    const { engine } = this
    const { saving } = engine.parts
    if (saving === undefined) return Promise.resolve(true)
    const isOwed = save === 'default' && engine.config.get('save').length > 0 && !saving.isBackup
    if (save !== 'save' && !isOwed) return Promise.resolve(true)
    engine.environment.log.info({}, 'Saving the final RDB snapshot before exiting.')
    engine.conditions.pause.begin('shutdown', 'all', Number.MAX_SAFE_INTEGER)
    return new Promise((resolve) => saving.save(resolve))
  }

  /**
   * Hands over to replicas or another node before this server ends, within `shutdown-timeout`.
   * Returns false if that was given up and writes continue.
   */
  async letOthersGoOn(): Promise<boolean> {
    if (this.#membership === undefined) return this.replicaDrain.wait()
    await this.#membership.handOver()
    return true
  }

  /**
   * `appendonly` was turned on, and its first base is not there yet. Ending now would lose
   * acknowledged writes.
   */
  get owesBase(): boolean {
    return this.#saving?.owesBase === true
  }

  goOn(): void {
    this.engine.conditions.pause.end('shutdown')
  }

  /**
   * Waits until the replies withheld for the disk have left: under `always`, those of commands from
   * before the end. It does not wait for a disk that refuses writes, nor for later commands.
   */
  #repliesLeft(): Promise<void> {
    const { durability } = this.engine.effects
    const { turn } = this.engine.requests
    this.engine.endTurn()
    const asked = durability.progress.appended
    return new Promise((resolve) => {
      const timer = this.#membership === undefined ? undefined : setTimeout(() => ended(), UNCONFIRMED_MS_MAX)
      const ended = (): void => {
        turn.ended.remove(look)
        clearTimeout(timer)
        resolve()
      }
      const look = (): void => {
        const { failure, synced } = durability.progress
        if (durability.heldClients === 0 || failure !== undefined || synced >= asked) ended()
      }
      turn.ended.add(look)
      look()
    })
  }

  /** Ends all connections, then makes everything durable. Throws the errors of the disk. */
  async close(): Promise<void> {
    await this.#repliesLeft()
    this.replication.stop()
    await this.#membership?.leave()
    this.engine.stop()
    if (this.#saving?.journal !== undefined) this.engine.environment.log.info({}, 'Calling fsync() on the AOF file.')
    try {
      await this.#saving?.close()
    } finally {
      // If no caller awaits a load any more, it continues until the process ends, which releases
      // the directory.
      if (!this.#isLoading) await this.#claims.release()
    }
  }
}

/** The longest wait for a log that may never have a quorum again. */
const UNCONFIRMED_MS_MAX = 1000

/**
 * A cluster has one database, and decides by itself which node follows which. Throws OptionError.
 */
function prepareForCluster(config: Config, log: Log | undefined): void {
  if (config.get('replicaof') !== '') throw new OptionError('replicaof directive not allowed in cluster mode')
  if (config.get('databases') === 1) return
  log?.warn({}, `WARNING: Changing databases number from ${config.get('databases')} to 1 since we are in cluster mode`)
  config.set('databases', '1')
}

/** Makes a server a node of a cluster, as its file says. Throws PersistenceError. */
function openCluster(engine: Engine): StandaloneCluster {
  const file = path.resolve(engine.config.get('dir'), engine.config.get('cluster-config-file'))
  try {
    return new StandaloneCluster(engine, new ClusterFile(file))
  } catch (error) {
    const isFormat = error instanceof NodesFileError
    const problem = isFormat ? error.message : describeDiskError(error)
    const advice = isFormat
      ? 'Mend it, or move it away: the node is a new one then, and owns no slots'
      : 'A node of a cluster keeps there which slots are its own'
    throw new PersistenceError(file, undefined, problem, advice, error)
  }
}

/** Converts the time and randomness of a test to options of an engine. Throws OptionError. */
function inTestsHands({ clock, seed }: TestOptions): Partial<EngineOptions> {
  const options: Partial<EngineOptions> = {}
  if (clock !== undefined) {
    if (!(clock instanceof HeldClock)) throw new OptionError("option 'clock': it is made by testClock()")
    options.clock = clock
    options.workClock = systemClock
    options.later = clock.later
  }
  if (seed !== undefined) {
    if (!Number.isInteger(seed) || seed < 0 || seed > SEED_MAX)
      throw new OptionError(`option 'seed': an integer from 0 to ${SEED_MAX}`)
    options.random = new Random(seed)
    // The order of members follows from their hashes.
    options.hashKey = new HashKey(seed, ~seed)
  }
  return options
}

/**
 * The parts that an engine shares with its branches: the clocks, and the seeds of the hashes of
 * keys.
 */
function sharedWith({ environment: { clock, later, workClock }, data: { dataset } }: Engine): Partial<EngineOptions> {
  return { clock, workClock, later, hashKey: dataset.hashKey }
}

/** Returns true if a client's reply is withheld for the disk, and will be released. */
function waitsForDisk({ effects: { durability } }: Engine): boolean {
  return durability.heldClients > 0 && durability.progress.failure === undefined
}

/**
 * CONFIG SET dir: refuses a missing directory, because redis-server changes to it at once. Throws
 * ConfigError.
 */
function refuseMissing(directory: string): void {
  let isDirectory: boolean
  try {
    isDirectory = fs.statSync(directory).isDirectory()
  } catch (error) {
    throw new ConfigError(describeDiskError(error))
  }
  if (!isDirectory) throw new ConfigError('Not a directory')
}

function countKeys(engine: Engine): number {
  let keys = 0
  for (const db of engine.databases) keys += db.keys.count
  return keys
}

/** Describes the location of the data for people. */
export function describeData(config: Config): string {
  if (!config.get('appendonly')) {
    return config.get('save').length === 0
      ? 'in memory only'
      : path.resolve(config.get('dir'), config.get('dbfilename'))
  }
  return path.resolve(config.get('dir'), config.get('appenddirname'))
}
