// A few nodes on one log in memory; the test controls the time.

import { catalog } from '../../src/commands/catalog.ts'
import { makeParts, type OwnParts } from '../../src/commands/parts.ts'
import { Config, type ConfigName } from '../../src/config/config.ts'
import { Engine } from '../../src/engine/engine.ts'
import { silentLog } from '../../src/engine/log.ts'
import { InMemoryLog, type InMemoryLogOptions, type Weather } from '../../src/replicated-log/in-memory-log.ts'
import { LogNodeView } from '../../src/replicated-log/log-node-view.ts'
import { openReplicated, type ReplicatedOptions } from '../../src/replicated-log/open-replicated.ts'
import type { ReplicatedNode } from '../../src/replicated-log/replicated-node.ts'
import type { Timing } from '../../src/replicated-log/timing.ts'
import type { Connection, ConnectionListener } from '../../src/replication/connection.ts'
import { StandaloneSentinelView } from '../../src/replication/standalone-sentinel-view.ts'
import { secondEngine } from '../../src/server/boot/replay-engine.ts'
import { Random } from '../../src/util/numbers/random.ts'
import { HashKey } from '../../src/util/tables/keyed-hash.ts'
import { TestClient } from '../support/engine.ts'
import { MemoryDisk } from '../support/memory-disk.ts'
import { ProcessClock, SimWorld } from './sim-clock.ts'

export const QUICK: Timing = { leaseMs: 200, leaseMsMax: 200, heartbeatMs: 50, retryMs: 20 }

/** Settings that every node gets. */
const ON_A_LOG = { log: 'nats://127.0.0.1:1/orders', 'shard-name': 'orders' }
/** Messages take a millisecond in each direction. */
const WEATHER: Weather = { delayMs: () => 1, losesRequest: () => false, losesReply: () => false }

export interface ClusterNode {
  readonly name: string
  disk: MemoryDisk
  clock: ProcessClock
  engine: Engine<OwnParts>
  node: ReplicatedNode | undefined
  /** Why it could not be opened. */
  refusal: unknown
  /** The errors it has logged. */
  readonly errors: Record<string, unknown>[]
  weather: Weather
}

export class Cluster {
  readonly world = new SimWorld()
  readonly log: InMemoryLog
  readonly nodes: ClusterNode[] = []
  /** Whether a node can connect to another one. */
  isReachable = true
  readonly #options: Partial<ReplicatedOptions>
  readonly #settings: Partial<Record<ConfigName, string>>

  constructor(
    settings: Partial<Record<ConfigName, string>> = {},
    options: Partial<ReplicatedOptions> = {},
    log: Partial<InMemoryLogOptions> = {},
  ) {
    this.#settings = settings
    this.#options = options
    this.log = new InMemoryLog({ clock: this.world, answerTimeoutMs: 100, ...log })
  }

  /** Starts a node, on a new disk or on one that it has used before. */
  start(name: string, disk = new MemoryDisk(), clockRate = 1): ClusterNode {
    const clock = new ProcessClock(this.world, clockRate)
    const errors: Record<string, unknown>[] = []
    const engine = new Engine(
      {
        log: { ...silentLog, error: (details, message) => void errors.push({ ...details, message }) },
        commands: catalog,
        clock,
        workClock: clock,
        random: new Random(1),
        hashKey: new HashKey(1, 2),
        config: new Config({
          dir: '/data',
          appendfsync: 'always',
          save: '',
          ...ON_A_LOG,
          ...this.#settings,
        }),
        later: (run) => this.world.later(run),
      },
      makeParts,
    )
    const member: ClusterNode = {
      name,
      disk,
      clock,
      engine,
      node: undefined,
      refusal: undefined,
      errors,
      weather: WEATHER,
    }
    const weather: Weather = {
      delayMs: (what) => member.weather.delayMs(what),
      losesRequest: () => member.weather.losesRequest(),
      losesReply: () => member.weather.losesReply(),
    }
    const view = new LogNodeView(clock)
    engine.parts.replication.join(view)
    engine.parts.sentinelView = new StandaloneSentinelView(engine, engine.parts.replication, 'orders')
    this.nodes.push(member)
    const log = this.log.connect(clock, weather)
    openReplicated({
      engine,
      onSaving: (saving) => {
        engine.parts.saving = saving
      },
      log,
      second: secondEngine,
      node: name,
      address: `${name}:6379`,
      dial: (to, listener) => this.#dial(to.host, listener, clock),
      relayKey: `key of ${name}`,
      disk,
      timing: QUICK,
      ...this.#options,
    }).then(
      (node) => {
        member.node = node
        view.show(node)
      },
      (error: unknown) => {
        member.refusal = error
      },
    )
    return member
  }

  /** Connects to a node by its name, which is its host. Messages take a millisecond. */
  #dial(name: string, listener: ConnectionListener, clock: ProcessClock): Connection {
    const member = this.nodes.find((node) => node.name === name)
    let client: TestClient | undefined
    let isOpen = true
    const end = (reason: string): void => {
      if (!isOpen) return
      isOpen = false
      client?.disconnect()
      listener.ended(reason)
    }
    const pass = (received: string): void => {
      if (received !== '' && isOpen) listener.received(Buffer.from(received, 'latin1'))
    }
    const look = (): void => {
      if (!isOpen || client === undefined) return
      pass(client.received())
      if (client.closed === undefined) clock.after(1, look)
      else end('the other side has closed the connection')
    }
    clock.after(1, () => {
      if (!isOpen) return
      if (member === undefined || !this.isReachable) return end('connect ECONNREFUSED')
      client = new TestClient(member.engine, 2)
      listener.connected()
      look()
    })
    return {
      address: `${name}:6379`,
      localAddress: 'here:1',
      descriptor: -1,
      write: (data) =>
        void clock.after(1, () => pass(isOpen && client !== undefined ? client.sendRaw(data.toString('latin1')) : '')),
      pause() {},
      resume() {},
      close() {
        isOpen = false
        client?.disconnect()
      },
    }
  }

  /** Ends a node at once, like kill -9. Its disk stays. */
  kill(member: ClusterNode): void {
    member.clock.die()
    this.nodes.splice(this.nodes.indexOf(member), 1)
    member.engine.stop()
  }

  async pass(milliseconds: number): Promise<void> {
    await this.world.runTo(this.world.nowMs + milliseconds)
  }

  /** Lets time pass until a node leads. */
  async leader(): Promise<ClusterNode> {
    for (let waited = 0; waited < 5000; waited += 10) {
      const leader = this.nodes.find(({ node }) => node?.state === 'leading')
      if (leader !== undefined) return leader
      await this.pass(10)
    }
    throw new Error('nobody leads')
  }

  followers(): ClusterNode[] {
    return this.nodes.filter(({ node }) => node?.state === 'following')
  }

  /** Asks a node, and returns the replies after a while. */
  async ask(member: ClusterNode, ...words: string[]): Promise<string> {
    const client = new TestClient(member.engine, 2)
    const atOnce = client.ask(...words)
    await this.pass(20)
    const reply = atOnce + client.received()
    client.disconnect()
    return reply
  }

  /** Ends all nodes. */
  stop(): void {
    for (const { engine } of this.nodes) engine.stop()
  }
}
