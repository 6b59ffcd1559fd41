// The heart: where the parts are put together. What each of them does stands in its own file; README.md says in which order to
// read them.
//
// An engine knows no sockets and no files: an embedded user runs exactly this.
// Clock, chance, journal and the loop's "later" are handed in.

import { PubSub } from '../broker/pub-sub.ts'
import { Config } from '../config/config.ts'
import { ReplyBuffer } from '../protocol/reply-buffer.ts'
import type { Database } from '../store/keyspace/database.ts'
import { assert } from '../util/assert.ts'
import type { Source } from '../util/bytes/bytes.ts'
import { Random } from '../util/numbers/random.ts'
import { RESTLESS } from '../util/restless.ts'
import { HashKey } from '../util/tables/keyed-hash.ts'
import { type Clock, systemClock } from '../util/time/clock.ts'
import { setImmediate } from '../util/time/real-time.ts'
import type { Client, Origin, Transport } from './clients/client.ts'
import { ClientMemory } from './clients/client-memory.ts'
import { Clients } from './clients/clients.ts'
import { Monitors } from './clients/monitors.ts'
import { OutputLimits } from './clients/output-limits.ts'
import { Users } from './clients/users.ts'
import type { ClusterView } from './cluster-view/cluster-view.ts'
import { Redirection } from './cluster-view/redirection.ts'
import type { SentinelView } from './cluster-view/sentinel-view.ts'
import { HeldKeys } from './conditions/held-keys.ts'
import { Loading } from './conditions/loading.ts'
import { Pause } from './conditions/pause.ts'
import { ServerState } from './conditions/state.ts'
import { Changes } from './data/changes.ts'
import { Checkpoints } from './data/checkpoints.ts'
import { Dataset } from './data/dataset.ts'
import { KeyspaceEvents } from './data/keyspace-events.ts'
import { Watches } from './data/watches.ts'
import { Durability } from './effects/durability.ts'
import { Propagation } from './effects/propagation.ts'
import type { Replication } from './effects/replication.ts'
import { ReplicationHistory } from './effects/replication-history.ts'
import { Role } from './effects/role.ts'
import type { Saving } from './effects/saving.ts'
import type { EngineHost, KeptChannels } from './engine-host.ts'
import type { EngineOptions } from './engine-options.ts'
import { CommandTimes } from './figures/command-times.ts'
import { LatencyMonitor } from './figures/latency-monitor.ts'
import { ProcessPauses } from './figures/process-pauses.ts'
import { SlowLog } from './figures/slow-log.ts'
import { Stats } from './figures/stats.ts'
import { type Log, silentLog } from './log.ts'
import { Admission } from './requests/admission.ts'
import type { Call } from './requests/call.ts'
import { Dispatch } from './requests/dispatch.ts'
import { Requests } from './requests/requests.ts'
import { Runner } from './requests/runner.ts'
import { noScripts, type ScriptRunner } from './requests/script-runner.ts'
import { Turn } from './requests/turn.ts'
import { CommandTable } from './spec/command-table.ts'
import { Tracking } from './tracking/tracking.ts'
import { DebugSwitches } from './upkeep/debug-switches.ts'
import { Eviction } from './upkeep/eviction.ts'
import { Faults } from './upkeep/faults.ts'
import { Memory } from './upkeep/memory.ts'
import { ReplicaExpiry } from './upkeep/replica-expiry.ts'
import { RestlessHousekeeping } from './upkeep/restless-housekeeping.ts'
import { Timekeeper } from './upkeep/timekeeper.ts'
import { UnitClock } from './upkeep/unit-clock.ts'
import { Blocking } from './waiting/blocking.ts'

/** Each part is given the whole and names, as an interface of its own, the few others that it needs. */
export class Engine {
  // What is handed in.
  readonly config: Config
  readonly clock: Clock
  readonly workClock: Clock
  readonly random: Random
  readonly log: Log
  readonly commands: CommandTable
  // What everybody may look at.
  readonly state = new ServerState()
  readonly stats = new Stats()
  readonly unitClock: UnitClock
  /** 40 hexadecimal digits, new at each start. */
  readonly runId: string
  readonly startedMs: number
  /** What the data has been through, for replicas to compare. */
  readonly history: ReplicationHistory
  readonly switches = new DebugSwitches()
  // The data, and who hears of its changes.
  readonly changes = new Changes()
  readonly pubSub: PubSub
  readonly dataset: Dataset
  readonly events: KeyspaceEvents
  readonly watches: Watches
  readonly tracking: Tracking
  readonly blocking: Blocking
  readonly propagation: Propagation
  readonly durability: Durability
  readonly loading: Loading
  readonly role: Role
  readonly replicaExpiry: ReplicaExpiry
  /** Earlier states of the data. */
  readonly checkpoints = new Checkpoints(this)
  // Who asks, and what they are told.
  readonly replies = new ReplyBuffer()
  readonly users: Users
  readonly clients: Clients
  readonly pause: Pause
  readonly heldKeys: HeldKeys
  readonly outputLimits: OutputLimits
  readonly clientMemory: ClientMemory
  readonly monitors: Monitors
  // From bytes to replies.
  readonly requests: Requests
  readonly dispatch: Dispatch
  readonly admission: Admission
  readonly runner: Runner
  /** How long all that takes. */
  readonly times: CommandTimes
  readonly slowLog: SlowLog
  readonly latency: LatencyMonitor
  readonly pauses: ProcessPauses
  readonly turn: Turn
  // What happens by itself.
  readonly timekeeper: Timekeeper
  readonly memory: Memory
  readonly eviction: Eviction
  /** Null but where housekeeping never rests, for tests. */
  readonly restless: RestlessHousekeeping | null
  // What the program around it brings.
  host: EngineHost = {}
  /** Undefined where nothing is ever saved. */
  saving: Saving | undefined = undefined
  /** Undefined where nobody may follow, and nobody is followed. */
  replication: Replication | undefined = undefined
  scripts: ScriptRunner = noScripts
  /** Null until a test asks for some. */
  faults: Faults | null = null
  /** Null where this server is no node of a cluster, and serves all keys. */
  cluster: ClusterView | null = null
  redirection: Redirection | null = null
  /** Null where nobody is told, as by a Sentinel, who is the primary. */
  sentinelView: SentinelView | null = null
  /**
   * Each boot makes it, whether or not messages are kept; undefined in an engine without a boot.
   */
  channels: KeptChannels | undefined = undefined
  /** The event loop serves nobody but this engine's clients. */
  readonly ownsLoop: boolean
  /** Runs something after the events of this turn of the loop. */
  readonly later: (run: () => void) => void

  constructor(options: EngineOptions) {
    this.clock = options.clock ?? systemClock
    this.workClock = options.workClock ?? this.clock
    this.random = options.random ?? new Random()
    this.log = options.log ?? silentLog
    this.config = options.config ?? new Config()
    this.commands = new CommandTable(options.commands, ({ spec }) => spec.isOffered?.(this.config) ?? true)
    // Names are not drawn from what a test may have seeded: two engines are two.
    this.runId = new Random().hex(40)
    this.startedMs = this.clock.now()
    this.history = new ReplicationHistory(new Random())
    this.unitClock = new UnitClock(this.clock)
    const hashKey = options.hashKey ?? HashKey.draw()
    this.pubSub = new PubSub(hashKey)
    this.users = new Users(this)
    this.clients = new Clients(this)
    this.ownsLoop = options.ownsLoop === true
    this.later = options.later ?? ((run) => setImmediate(run))
    this.turn = new Turn(this, this.later)
    this.propagation = new Propagation(this)
    this.dataset = new Dataset(this, hashKey)
    this.latency = new LatencyMonitor(this)
    this.pauses = new ProcessPauses(this)
    this.slowLog = new SlowLog(this)
    this.times = new CommandTimes(this)
    this.runner = new Runner(this)
    this.events = new KeyspaceEvents(this)
    this.watches = new Watches(this.changes)
    this.tracking = new Tracking(this, hashKey)
    this.blocking = new Blocking(this)
    this.durability = new Durability(this)
    this.loading = new Loading(this)
    this.pause = new Pause(this)
    this.heldKeys = new HeldKeys(this)
    this.outputLimits = new OutputLimits(this)
    this.clientMemory = new ClientMemory(this)
    this.monitors = new Monitors(this)
    this.timekeeper = new Timekeeper(this)
    this.memory = new Memory(this, options.processBytes)
    this.replicaExpiry = new ReplicaExpiry(this)
    this.role = new Role(this)
    this.eviction = new Eviction(this)
    this.admission = new Admission(this)
    this.restless = RESTLESS ? new RestlessHousekeeping(this) : null
    this.dispatch = new Dispatch(this)
    this.requests = new Requests(this)
    // In this order a client that is gone is forgotten.
    this.clients.gone.add((client) => this.blocking.release(client))
    this.clients.gone.add((client) => this.watches.clear(client))
    this.clients.gone.add((client) => this.tracking.forget(client))
    this.clients.gone.add((client) => this.pubSub.remove(client))
    this.clients.gone.add((client) => this.monitors.remove(client))
    this.clients.gone.add((client) => this.pause.forget(client))
    this.clients.gone.add((client) => this.heldKeys.forget(client))
    this.clients.gone.add((client) => this.outputLimits.forget(client))
    this.clients.gone.add((client) => this.durability.forget(client))
    this.clients.gone.add((client) => this.clientMemory.forget(client))
  }

  /** Faults on demand, for tests. */
  withFaults(): Faults {
    this.faults ??= new Faults(this)
    return this.faults
  }

  /** Is a node of a cluster from now on. */
  join(cluster: ClusterView): void {
    this.cluster = cluster
    this.redirection = new Redirection(this, cluster)
    this.state.clustered.begin()
  }

  // ── the front door: what whoever holds an engine does with it ────────────

  get databases(): readonly Database[] {
    return this.dataset.databases
  }

  /** Takes a new client in. */
  connect(transport: Transport, origin: Origin = 'client'): Client {
    return this.clients.connect(transport, origin)
  }

  /** Takes bytes [start, end) that came from a client; the buffer may be reused afterwards. `alone`: the turn ends with them. */
  receive(client: Client, source: Source, start: number, end: number, alone = false): void {
    this.requests.receive(client, source, start, end, alone)
  }

  /** Resumes served clients, writes the journal, sends every client what it is owed. */
  endTurn(): void {
    this.turn.end()
  }

  /** The other side of a client is gone. */
  disconnect(client: Client): void {
    this.clients.disconnect(client)
  }

  /** Lets go of timers and clients; nothing keeps the process alive afterwards. */
  stop(): void {
    this.timekeeper.stop()
    this.channels?.stop()
    this.pause.stop()
    this.eviction.stop()
    this.outputLimits.stop()
    this.clientMemory.stop()
    this.memory.stop()
    this.pauses.stop()
    for (const client of [...this.clients.values()]) this.clients.close(client, 'now')
  }
}

/** The whole engine, for commands that are about the server itself. */
export function engineOf({ engine }: Call): Engine {
  assert(engine instanceof Engine, 'calls are made by an engine')
  return engine
}
