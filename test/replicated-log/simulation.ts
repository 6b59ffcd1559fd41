// A simulated cluster: engines with their journals and disks, a log in memory, clients and faults,
// all in one process and in an order that a seed decides. The same seed gives the same run.
//
// Clients push unique values, read lists, write and read registers, and do several of these in a
// transaction. They publish messages that are kept, in every possible way; such a message counts as
// a push. A client keeps its connections: a read on one that it opened to a leader must not be
// outdated. Meanwhile nodes are paused for longer than their lease (also with a clock that does not
// notice), are killed, lose power (data that their disk had not synced is lost), or are cut off.
// The log is away or full; answers are lost, appends arrive late; the lead is handed over. In the
// end all faults are mended. Then the clients' records must be explained by the data
// (history-check.ts), on every node.

import { catalog } from '../../src/commands/catalog.ts'
import { makeParts, type OwnParts } from '../../src/commands/parts.ts'
import { Config, type ConfigName } from '../../src/config/config.ts'
import type { Client } from '../../src/engine/clients/client.ts'
import type { Transport } from '../../src/engine/clients/transport.ts'
import { Engine } from '../../src/engine/engine.ts'
import { checkList, checkRegister, type Operation } from '../../src/prover/durability/history-check.ts'
import { InMemoryLog, type Weather } from '../../src/replicated-log/in-memory-log.ts'
import { LogNodeView } from '../../src/replicated-log/log-node-view.ts'
import { openReplicated } from '../../src/replicated-log/open-replicated.ts'
import type { ReplicatedNode } from '../../src/replicated-log/replicated-node.ts'
import { MemorySnapshots } from '../../src/replicated-log/snapshots/memory-snapshots.ts'
import type { Timing } from '../../src/replicated-log/timing.ts'
import { Source } from '../../src/util/bytes/bytes.ts'
import { Random } from '../../src/util/numbers/random.ts'
import { HashKey } from '../../src/util/tables/keyed-hash.ts'
import { type Network, type Reachable, type Wire, wiredDial } from '../shards/wires.ts'
import { encode } from '../support/engine.ts'
import { MemoryDisk } from '../support/memory-disk.ts'
import { ProcessClock, SimWorld } from './sim-clock.ts'

/** A tenth of the usual durations, so that more happens in less time. */
export const SIM_TIMING: Timing = { leaseMs: 200, leaseMsMax: 200, heartbeatMs: 50, retryMs: 20 }
/** How long faults last, and how long the cluster has to recover. */
const TROUBLE_MS = 2000
const RECOVERY_MS = 1200
const NODES = 3
const CLIENTS = 4
const LISTS = ['list:a', 'list:b']
const REGISTERS = ['register:a', 'register:b']
const KEPT = ['kept:a', 'kept:b']
/** How often a reason to use an idle connection is looked for. */
const RESTING_MS_MAX = 10
/** Messages are kept, however far wall clocks jump. */
const SETTINGS: Partial<Record<ConfigName, string>> = { channel: 'kept:* keep forever' }
/** A client without a reply for this long asks another node. */
const PATIENCE_MS = 250

export interface SimulationOptions {
  readonly seed: number
  /** Makes the nodes misbehave, to prove that it is found. */
  readonly sabotage?: (node: SimNode) => void
  /** The timing of all nodes. */
  readonly timing?: Timing
  /** Called for each event. */
  readonly trace?: (line: string) => void
}

export interface SimulationReport {
  /** The problem found; undefined when there is none. */
  readonly problem: string | undefined
  readonly acknowledged: number
  readonly epochs: number
  /** Connections over which requests were sent on after a handover. */
  readonly relays: number
}

/** Runs one cluster from start to end. */
export async function simulate(options: SimulationOptions): Promise<SimulationReport> {
  return new Simulation(options).run()
}

/** One node: its disk and, while it runs, its process. */
export class SimNode {
  readonly name: string
  readonly weather: Weather
  disk = new MemoryDisk()
  process: SimProcess | undefined = undefined
  /** Chances of faults on its way to the log. */
  lossOfRequests = 0
  lossOfReplies = 0
  delayMsMax = 2
  readonly #random: Random

  constructor(name: string, random: Random) {
    this.name = name
    this.#random = random
    this.weather = {
      delayMs: () => 0.2 + this.#chance() * this.delayMsMax,
      losesRequest: () => this.#chance() < this.lossOfRequests,
      losesReply: () => this.#chance() < this.lossOfReplies,
    }
  }

  #chance(): number {
    return this.#random.uint32() / 2 ** 32
  }

  get isLeading(): boolean {
    return this.process?.node?.state === 'leading'
  }
}

/** A process of a node, from its start to its end. */
export interface SimProcess extends Reachable {
  readonly engine: Engine<OwnParts>
  readonly clock: ProcessClock
  /** Undefined until the copy is loaded. */
  node: ReplicatedNode | undefined
  isPaused: boolean
  isEnding: boolean
  /** When it last continued after a pause. */
  wokenMs: number
  /** Idle until the lead is lost, or may be; undefined = it has not led yet. */
  resting: SimConnection | undefined
  readonly connections: Set<SimConnection>
  readonly wires: Set<Wire>
}

/** A client's connection: replies are gathered until they are complete. */
export class SimConnection implements Transport {
  readonly kind = 'tcp'
  readonly address = 'sim:1'
  readonly localAddress = 'sim:2'
  readonly descriptor = -1
  readonly backlogBytes = 0
  readonly client: Client
  received = ''
  isClosed = false
  /** For idle connections: whether a reply is awaited. */
  isAsked = false
  /** Whether it was opened to a leader. */
  readonly isToLeader: boolean
  /** Called when bytes have arrived, or it is closed. */
  changed: () => void = () => {}

  constructor(engine: Engine, isToLeader = false) {
    this.client = engine.connect(this)
    this.isToLeader = isToLeader
  }

  write(bytes: Buffer): boolean {
    this.received += bytes.toString('latin1')
    this.changed()
    return true
  }

  close(): void {
    this.isClosed = true
    this.changed()
  }
}

class Simulation {
  readonly #options: SimulationOptions
  readonly #world = new SimWorld()
  readonly #random: Random
  readonly #log: InMemoryLog
  readonly #snapshots = new MemorySnapshots()
  readonly #nodes: SimNode[] = []
  /** Between nodes: requests are sent on after a handover. */
  readonly #network: Network = {
    world: this.#world,
    processAt: ({ host }) => this.#nodes.find(({ name }) => name === host)?.process,
    delayMs: () => 0.1 + this.#wireRandom.below(30) / 10,
  }
  /** Of its own, so that the rest of a seed stays as it is. */
  readonly #wireRandom: Random
  readonly #operations: Operation[] = []
  /** Pushes of one transaction, which must be there together or not at all. */
  readonly #together: Operation[][] = []
  #values = 0
  #relays = 0
  #isTroubled = true
  #problem: string | undefined = undefined

  constructor(options: SimulationOptions) {
    this.#options = options
    this.#random = new Random(options.seed)
    this.#wireRandom = new Random(options.seed)
    this.#log = new InMemoryLog({
      clock: this.#world,
      batchBytesMax: this.#below(2) === 0 ? 160 : 64 * 1024,
      answerTimeoutMs: 100,
    })
    for (let i = 0; i < NODES; i++) this.#nodes.push(new SimNode(`node-${i}`, new Random(this.#random.uint32())))
  }

  async run(): Promise<SimulationReport> {
    for (const node of this.#nodes) this.#start(node)
    for (let i = 0; i < CLIENTS; i++) this.#begin(i)
    for (const [i, node] of this.#nodes.entries()) this.#rest(CLIENTS + i, node)
    this.#plan()
    await this.#world.runTo(TROUBLE_MS)
    this.#isTroubled = false
    this.#heal()
    await this.#world.runTo(TROUBLE_MS + RECOVERY_MS)
    this.#check()
    for (const { process } of this.#nodes) process?.engine.stop()
    const acknowledged = this.#operations.filter(({ outcome }) => outcome === 'done').length
    const epochs = Math.max(0, ...this.#nodes.map(({ process }) => process?.node?.chain.epoch ?? 0))
    return { problem: this.#problem, acknowledged, epochs, relays: this.#relays }
  }

  #below(bound: number): number {
    return this.#random.below(bound)
  }

  #trace(what: string): void {
    this.#options.trace?.(`${this.#world.nowMs.toFixed(1)} ${what}`)
  }

  // ── nodes ────────────────────────────────────────────────────────────────

  /** Every third cluster rewrites its copies again and again. */
  get #copySettings(): Partial<Record<ConfigName, string>> {
    return this.#options.seed % 3 === 1 ? { 'auto-aof-rewrite-min-size': '1', 'auto-aof-rewrite-percentage': '20' } : {}
  }

  #start(node: SimNode): void {
    const { sabotage, timing = SIM_TIMING } = this.#options
    // Two clocks differ by less than CLOCK_DRIFT, but not by much less.
    const clock = new ProcessClock(this.#world, 0.87 + this.#below(27) / 100)
    const engine = new Engine(
      {
        commands: catalog,
        clock,
        workClock: clock,
        random: new Random(this.#random.uint32()),
        hashKey: new HashKey(1, 2),
        config: new Config({
          dir: '/data',
          databases: '1',
          appendfsync: 'always',
          save: '',
          ...SETTINGS,
          ...this.#copySettings,
        }),
        later: (run) => this.#world.later(run),
      },
      makeParts,
    )
    const process: SimProcess = {
      engine,
      clock,
      node: undefined,
      isPaused: false,
      isEnding: false,
      wokenMs: Number.NEGATIVE_INFINITY,
      resting: undefined,
      connections: new Set(),
      wires: new Set(),
    }
    node.process = process
    this.#trace(`${node.name} starts`)
    const view = new LogNodeView(clock)
    engine.parts.replication.join(view)
    const dial = wiredDial(this.#network, () => process)
    const log = this.#log.connect(clock, node.weather)
    const opening = openReplicated({
      engine,
      onSaving: (saving) => {
        engine.parts.saving = saving
      },
      log,
      node: node.name,
      address: `${node.name}:6379`,
      dial: (...to) => {
        this.#relays++
        return dial(...to)
      },
      relayKey: `key of ${node.name}`,
      disk: node.disk,
      timing,
      // Without truncation other things are tested.
      ...(this.#options.seed % 4 === 0 ? { snapshots: this.#snapshots, snapshotEvery: 10 } : {}),
    })
    opening.then(
      (opened) => {
        process.node = opened
        view.show(opened)
        opened.onChange(() =>
          this.#trace(
            `${node.name} ${opened.state} ${opened.chain.epoch}/${opened.chain.position} ${opened.failure ?? ''}`,
          ),
        )
        sabotage?.(node)
      },
      (error: unknown) => this.#fail(`${node.name} cannot start: ${error}`),
    )
  }

  /** Ends a process at once; `after` tells the state of its disk. */
  #kill(node: SimNode, after: 'killed' | 'power cut'): void {
    const { process } = node
    if (process === undefined) return
    this.#trace(`${node.name} ${after}`)
    process.clock.die()
    node.process = undefined
    node.disk = after === 'killed' ? node.disk.copy() : node.disk.powerCut(this.#below(40))
    process.engine.stop()
    for (const connection of process.connections) connection.close()
    for (const wire of [...process.wires]) wire.cut()
  }

  #heal(): void {
    this.#trace('all is well')
    this.#log.isAway = false
    this.#log.capacityBytes = Number.POSITIVE_INFINITY
    for (const node of this.#nodes) {
      node.lossOfReplies = 0
      node.lossOfRequests = 0
      node.delayMsMax = 2
      this.#goOn(node)
      if (node.process === undefined) this.#start(node)
    }
  }

  #goOn({ process }: SimNode): void {
    if (process?.isPaused !== true) return
    process.isPaused = false
    process.wokenMs = this.#world.nowMs
    process.clock.resume()
  }

  // ── faults ───────────────────────────────────────────────────────────

  #plan(): void {
    this.#world.after(20 + this.#below(300), () => {
      if (!this.#isTroubled) return
      this.#strike()
      this.#plan()
    })
  }

  #strike(): void {
    const leader = this.#nodes.find(({ isLeading }) => isLeading)
    // Leaders are hit more often than others.
    const node = leader !== undefined && this.#below(3) > 0 ? leader : this.#nodes[this.#below(NODES)]!
    const { process } = node
    const lengthMs = 20 + this.#below(700)
    const later = (run: () => void): void => void this.#world.after(lengthMs, () => this.#isTroubled && run())
    switch (this.#below(9)) {
      case 0:
      case 1:
        if (process === undefined || process.isPaused) return
        process.isPaused = true
        if (this.#below(3) > 0) {
          this.#trace(`${node.name} stands still for ${lengthMs}`)
          process.clock.pause()
        } else {
          this.#trace(`${node.name} is suspended for ${lengthMs}`)
          process.clock.suspend()
        }
        later(() => node.process === process && this.#goOn(node))
        return
      case 2:
        this.#kill(node, 'killed')
        later(() => node.process === undefined && this.#start(node))
        return
      case 3: {
        const hit = this.#below(4) === 0 ? this.#nodes : [node]
        for (const one of hit) {
          this.#kill(one, 'power cut')
          later(() => one.process === undefined && this.#start(one))
        }
        return
      }
      case 4:
        this.#trace(`the log is away for ${lengthMs}`)
        this.#log.isAway = true
        later(() => {
          this.#log.isAway = false
        })
        return
      case 5:
        this.#trace(`the log is full for ${lengthMs}`)
        this.#log.capacityBytes = 0
        later(() => {
          this.#log.capacityBytes = Number.POSITIVE_INFINITY
        })
        return
      case 6:
        this.#trace(`${node.name} loses messages for ${lengthMs}`)
        node.lossOfReplies = this.#below(5) / 4
        node.lossOfRequests = this.#below(3) / 4
        later(() => {
          node.lossOfReplies = 0
          node.lossOfRequests = 0
        })
        return
      case 7:
        // Its appends arrive when others may lead.
        this.#trace(`${node.name} is slow for ${lengthMs}`)
        node.delayMsMax = lengthMs
        if (this.#below(2) === 0 && process !== undefined && !process.isPaused) {
          this.#world.after(5, () => {
            if (!this.#isTroubled || node.process !== process || process.isPaused) return
            process.isPaused = true
            process.clock.pause()
            later(() => node.process === process && this.#goOn(node))
          })
        }
        later(() => {
          node.delayMsMax = 2
        })
        return
      default:
        if (process?.node === undefined || process.isPaused) return
        process.clock.wallOffsetMs += this.#below(2) === 0 ? 3_600_000 : -3_600_000
        this.#trace(`${node.name} hands over`)
        void process.node.handOver()
    }
  }

  // ── clients ──────────────────────────────────────────────────────────────

  /** A client sends a request, waits for the reply, and starts again. */
  #begin(client: number): void {
    let at = this.#below(NODES)
    let connection: SimConnection | undefined
    let process: SimProcess | undefined
    const next = (): void => {
      const pauseMs = 1 + this.#below(50)
      this.#world.after(pauseMs, ask)
    }
    const ask = (): void => {
      if (!this.#isTroubled && this.#world.nowMs > TROUBLE_MS + RECOVERY_MS - 600) return
      const node = this.#nodes[at]!
      if (connection?.isClosed !== false || process !== node.process) {
        process = node.process
        connection = undefined
        if (process === undefined || process.isPaused) {
          at = this.#below(NODES)
          next()
          return
        }
        connection = new SimConnection(process.engine, node.isLeading)
        process.connections.add(connection)
      }
      const asked = this.#operation(client)
      const { operations, requests, replies } = asked
      let isOver = false
      const mine = connection
      const server = process!
      const end = (outcome: Operation['outcome'], goesElsewhere: boolean): void => {
        if (isOver) return
        isOver = true
        timer.cancel()
        for (const operation of operations) {
          operation.outcome = outcome
          if (outcome !== 'unknown') operation.endedMs = this.#world.nowMs
        }
        if (goesElsewhere) {
          mine.isClosed = true
          at = this.#below(NODES)
        }
        next()
      }
      const timer = this.#world.after(PATIENCE_MS, () => end('unknown', true))
      mine.received = ''
      mine.changed = () => {
        if (isOver) return
        const parsed = parseReplies(mine.received, replies)
        if (parsed === undefined) {
          if (mine.isClosed) end('unknown', true)
          return
        }
        const error = parsed.find((reply) => typeof reply === 'string' && reply.startsWith('-'))
        if (error !== undefined) {
          end('none', true)
          return
        }
        asked.read(parsed.at(-1)!)
        end('done', false)
      }
      server.clock.after(0.1 + this.#below(3), () => {
        if (mine.isClosed || server.node === undefined) {
          end('unknown', true)
          return
        }
        const isLate = !mine.isToLeader && server.node.state !== 'leading'
        for (const operation of operations) operation.isLate = isLate
        send(server.engine, mine, requests)
      })
    }
    next()
  }

  /**
   * A client keeps a connection to a leader, and reads over it when the leader has lost the lead,
   * or may have lost it without noticing.
   */
  #rest(client: number, node: SimNode): void {
    this.#world.after(1 + this.#below(RESTING_MS_MAX), () => {
      this.#rest(client, node)
      const { isLeading, process } = node
      if (process === undefined || process.isPaused || !this.#isTroubled) return
      if (isLeading && process.resting?.isClosed !== false) {
        process.resting = new SimConnection(process.engine, true)
        process.connections.add(process.resting)
        return
      }
      const { resting } = process
      if (resting === undefined || resting.isClosed || resting.isAsked) return
      if (!isLeading || this.#world.nowMs < process.wokenMs + RESTING_MS_MAX)
        this.#readResting(client, process, resting)
    })
  }

  #readResting(client: number, { engine }: SimProcess, connection: SimConnection): void {
    const { operations, requests, replies, read } = this.#reading(client)
    const [operation] = operations
    connection.isAsked = true
    connection.received = ''
    connection.changed = () => {
      const parsed = parseReplies(connection.received, replies)
      if (parsed === undefined) return
      connection.isAsked = false
      operation!.endedMs = this.#world.nowMs
      operation!.outcome = 'done'
      read(parsed[0]!)
    }
    send(engine, connection, requests)
  }

  #reading(client: number): Asked {
    const register = REGISTERS[this.#below(REGISTERS.length)]!
    const operation = this.#remember(client, 'read', register)
    return ask([operation], [['GET', register]], (reply) => {
      operation.seen = [reply as string]
    })
  }

  #remember(client: number, kind: Operation['kind'], key: string, value = ''): Operation {
    const operation: Operation = {
      client,
      key,
      kind,
      value,
      beganMs: this.#world.nowMs,
      endedMs: Number.POSITIVE_INFINITY,
      outcome: 'unknown',
      seen: [],
      isLate: false,
    }
    this.#operations.push(operation)
    return operation
  }

  /** Draws a client's next operation. */
  #operation(client: number): Asked {
    const make = (kind: Operation['kind'], key: string, value = ''): Operation =>
      this.#remember(client, kind, key, value)
    const list = LISTS[this.#below(LISTS.length)]!
    const register = REGISTERS[this.#below(REGISTERS.length)]!
    const value = `${client}-${++this.#values}`
    switch (this.#below(10)) {
      case 0:
      case 1:
      case 2:
        return ask([make('push', list, value)], [['RPUSH', list, value]])
      case 3: {
        const read = make('list', list, value)
        return ask([read], [['LRANGE', list, '0', '-1']], (reply) => {
          read.seen = reply as string[]
        })
      }
      case 4:
        return ask([make('write', register, value)], [['SET', register, value]])
      case 5:
        return this.#reading(client)
      case 6: {
        const swap = make('swap', register, value)
        return ask([swap], [['MULTI'], ['GET', register], ['SET', register, value], ['EXEC']], (reply) => {
          swap.seen = [reply[0] as string]
        })
      }
      case 7: {
        const channel = KEPT[this.#below(KEPT.length)]!
        if (this.#below(3) === 0) {
          const read = make('list', channel, value)
          return ask([read], [requestForKept(channel)], (reply) => {
            read.seen = messagesIn(reply)
          })
        }
        return ask([make('push', channel, value)], this.#publishing(channel, value))
      }
      default: {
        const pushes = LISTS.map((key) => make('push', key, value))
        this.#together.push(pushes)
        return ask(pushes, [['MULTI'], ...LISTS.map((key) => ['RPUSH', key, value]), ['EXEC']])
      }
    }
  }

  /** Draws a way to publish. */
  #publishing(channel: string, message: string): string[][] {
    switch (this.#below(4)) {
      case 0:
        return [['MULTI'], ['PUBLISH', channel, message], ['EXEC']]
      case 1:
        return [['EVAL', "return redis.call('PUBLISH', KEYS[1], ARGV[1])", '1', channel, message]]
      default:
        return [['PUBLISH', channel, message]]
    }
  }

  // ── checks ────────────────────────────────────────────────────

  #fail(problem: string): void {
    this.#problem ??= problem
    this.#trace(problem)
  }

  #check(): void {
    const leaders = this.#nodes.filter(({ isLeading }) => isLeading)
    if (leaders.length !== 1) this.#fail(`${leaders.length} nodes lead in the end`)
    for (const { name, process } of this.#nodes) {
      if (process?.node?.failure !== undefined) this.#fail(`${name} has stopped: ${process.node.failure}`)
    }
    if (this.#problem !== undefined) return
    const contents = this.#nodes.map(({ process }) => {
      const connection = new SimConnection(process!.engine)
      const answer = (words: string[]): string => {
        const bytes = Buffer.from(encode(words), 'latin1')
        process!.engine.receive(connection.client, new Source(bytes), 0, bytes.length)
        process!.engine.endTurn()
        const { received } = connection
        connection.received = ''
        return received
      }
      return {
        lists: LISTS.map((key) => answer(['LRANGE', key, '0', '-1'])),
        registers: REGISTERS.map((key) => answer(['GET', key])),
        kept: KEPT.map((channel) => answer(requestForKept(channel))),
      }
    })
    for (const [i, one] of contents.entries()) {
      if (JSON.stringify(one) !== JSON.stringify(contents[0])) this.#fail(`node-${i} has other data than node-0`)
    }
    for (const [i, key] of LISTS.entries()) {
      const final = parseReplies(contents[0]!.lists[i]!, 1)![0] as string[]
      const operations = this.#operations.filter((operation) => operation.key === key)
      const problem = checkList(operations, final)
      if (problem !== undefined) this.#fail(`${key}: ${problem}`)
      for (const pushes of this.#together)
        for (const push of pushes) if (push.key === key && final.includes(push.value)) push.seen = ['there']
    }
    for (const [i, channel] of KEPT.entries()) {
      const final = messagesIn(parseReplies(contents[0]!.kept[i]!, 1)![0]!)
      const problem = checkList(
        this.#operations.filter((operation) => operation.key === channel),
        final,
      )
      if (problem !== undefined) this.#fail(`${channel}: ${problem}`)
    }
    for (const pushes of this.#together) {
      if (pushes.some(({ seen }) => seen.length > 0) && pushes.some(({ seen }) => seen.length === 0))
        this.#fail(`half of the transaction with ${pushes[0]!.value} is there`)
    }
    for (const key of REGISTERS) {
      const problem = checkRegister(this.#operations.filter((operation) => operation.key === key))
      if (problem !== undefined) this.#fail(`${key}: ${problem}`)
    }
  }
}

function send(engine: Engine, { client }: SimConnection, requests: Asked['requests']): void {
  const bytes = Buffer.from(requests.map(encode).join(''), 'latin1')
  engine.receive(client, new Source(bytes), 0, bytes.length)
  engine.requests.turn.endSoon()
}

/** Returns the request that reads the messages of a channel. */
function requestForKept(channel: string): string[] {
  return ['XRANGE', `channel:{${channel}}`, '-', '+']
}

function messagesIn(entries: Reply): string[] {
  return (entries as [id: string, fields: [name: string, text: string]][]).map(([, [, text]]) => text)
}

export type Reply = string | Reply[]

/** The requests of a client, and a function for the last of their replies. */
export interface Asked {
  readonly operations: readonly Operation[]
  readonly requests: readonly (readonly string[])[]
  readonly replies: number
  read(reply: Reply): void
}

export function ask(
  operations: readonly Operation[],
  requests: readonly (readonly string[])[],
  read: (reply: Reply) => void = () => {},
): Asked {
  return { operations, requests, replies: requests.length, read }
}

/**
 * Parses this many replies in RESP2; undefined when they have not all come. Errors keep their '-',
 * nil is ''.
 */
export function parseReplies(text: string, count: number): Reply[] | undefined {
  let at = 0
  const line = (): string | undefined => {
    const end = text.indexOf('\r\n', at)
    if (end === -1) return undefined
    const found = text.slice(at, end)
    at = end + 2
    return found
  }
  const reply = (): Reply | undefined => {
    const head = line()
    if (head === undefined) return undefined
    const rest = head.slice(1)
    if (head[0] === '-') return head
    if (head[0] === '$') {
      if (rest === '-1') return ''
      const value = text.slice(at, at + Number(rest))
      at += Number(rest) + 2
      return at <= text.length ? value : undefined
    }
    if (head[0] !== '*') return rest
    const elements: Reply[] = []
    for (let i = 0; i < Number(rest); i++) {
      const element = reply()
      if (element === undefined) return undefined
      elements.push(element)
    }
    return elements
  }
  const replies: Reply[] = []
  for (let i = 0; i < count; i++) {
    const one = reply()
    if (one === undefined) return undefined
    replies.push(one)
  }
  return replies
}
