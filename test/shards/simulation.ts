// Several simulated shards: engines with logs of their own, one log with the map, clients that
// follow MOVED, slots that move back and forth, and faults. As in test/replicated-log/simulation.ts
// everything happens in one process, in an order that a seed decides. The final data must explain
// the clients' records, and every key must be in one shard, on all of its nodes.

import { catalog } from '../../src/commands/catalog.ts'
import { makeParts, type OwnParts } from '../../src/commands/parts.ts'
import { Config } from '../../src/config/config.ts'
import { Engine } from '../../src/engine/engine.ts'
import { checkList, checkRegister, type Operation } from '../../src/prover/durability/history-check.ts'
import { InMemoryLog, type Weather } from '../../src/replicated-log/in-memory-log.ts'
import { LogNodeView } from '../../src/replicated-log/log-node-view.ts'
import { openReplicated } from '../../src/replicated-log/open-replicated.ts'
import type { ReplicatedNode } from '../../src/replicated-log/replicated-node.ts'
import { ShardedCluster } from '../../src/shards/sharded-cluster.ts'
import type { SlotMoverTiming } from '../../src/shards/slot-mover.ts'
import { Bytes, Source } from '../../src/util/bytes/bytes.ts'
import { Random } from '../../src/util/numbers/random.ts'
import { hashSlotOf } from '../../src/util/tables/hash-slot.ts'
import { HashKey } from '../../src/util/tables/keyed-hash.ts'
import { ProcessClock, SimWorld } from '../replicated-log/sim-clock.ts'
import { type Asked, ask, parseReplies, type Reply, SIM_TIMING, SimConnection } from '../replicated-log/simulation.ts'
import { encode } from '../support/engine.ts'
import { MemoryDisk } from '../support/memory-disk.ts'
import { News } from './news.ts'
import { type Network, type Reachable, type Wire, wiredDial } from './wires.ts'

const MOVER: SlotMoverTiming = { retryMs: 20, silenceMs: 150, syncMs: 100, confirmEveryMs: 2, confirmMs: 60 }
/** How long faults last, and how long the cluster has to recover. */
const TROUBLE_MS = 2000
const RECOVERY_MS = 2000
/** When the single move begins, and how long its fault lasts: another node leads meanwhile. */
const CRASH_AT_MS = 900
const CRASH_MS = 700
const SHARDS = ['a', 'b']
const NODES_A_SHARD = 2
const CLIENTS = 4
/** Keys with the same tag are used together. */
const TAGS = ['{0}', '{1}', '{2}', '{3}']
const LISTS = TAGS.map((tag) => `list:${tag}`)
const REGISTERS = TAGS.map((tag) => `register:${tag}`)
/** The slots that move, with their keys. */
const SLOTS = TAGS.map((tag) => hashSlotOf(Bytes.from(tag)))
/** A client without a reply for this long asks another node. */
const PATIENCE_MS = 250
/** At the end each node publishes a message; all must have received it within this time. */
const NEWS_MS = 200
const PORT = 6379

export interface ShardSimulationOptions {
  readonly seed: number
  /** Makes a node misbehave, to prove that it is found. */
  readonly sabotage?: (process: ShardProcess) => void
  readonly trace?: (line: string) => void
  /** One move with one fault in the middle of it, instead of many at random. */
  readonly crash?: Crash
}

/** A fault of a node, at a time after the start of the move. */
export interface Crash {
  readonly victim: 'source' | 'target' | 'map'
  readonly how: 'killed' | 'paused'
  readonly afterMs: number
}

export interface ShardSimulationReport {
  /** The problem found; undefined when there is none. */
  readonly problem: string | undefined
  readonly acknowledged: number
  /** The number of completed moves. */
  readonly moves: number
  readonly epochs: number
}

export async function simulateShards(options: ShardSimulationOptions): Promise<ShardSimulationReport> {
  return new ShardSimulation(options).run()
}

/** A process of a node, from its start to its end. */
export interface ShardProcess extends Reachable {
  readonly engine: Engine<OwnParts>
  readonly cluster: ShardedCluster
  readonly clock: ProcessClock
  readonly wires: Set<Wire>
  readonly connections: Set<SimConnection>
  node: ReplicatedNode | undefined
  isPaused: boolean
  isDead: boolean
}

class ShardNode {
  readonly name: string
  readonly shard: string
  readonly weather: Weather
  disk = new MemoryDisk()
  process: ShardProcess | undefined = undefined
  lossOfRequests = 0
  lossOfReplies = 0
  delayMsMax = 2
  readonly #random: Random

  constructor(name: string, shard: string, random: Random) {
    this.name = name
    this.shard = shard
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

class ShardSimulation {
  readonly #options: ShardSimulationOptions
  readonly #world = new SimWorld()
  readonly #random: Random
  readonly #logs = new Map<string, InMemoryLog>()
  readonly #mapLog: InMemoryLog
  readonly #nodes: ShardNode[] = []
  readonly #network: Network
  readonly #news: News
  readonly #operations: Operation[] = []
  /** Pushes of one transaction, which must be there together or not at all. */
  readonly #together: Operation[][] = []
  #values = 0
  #isTroubled = true
  #problem: string | undefined = undefined

  constructor(options: ShardSimulationOptions) {
    this.#options = options
    this.#random = new Random(options.seed)
    const log = (): InMemoryLog => new InMemoryLog({ clock: this.#world, answerTimeoutMs: 100 })
    this.#mapLog = log()
    for (const shard of SHARDS) {
      this.#logs.set(shard, log())
      for (let i = 0; i < NODES_A_SHARD; i++)
        this.#nodes.push(new ShardNode(`${shard}${i}`, shard, new Random(this.#random.uint32())))
    }
    this.#network = {
      world: this.#world,
      processAt: ({ host }) => this.#nodes.find(({ name }) => name === host)?.process,
      delayMs: () => 0.1 + this.#below(20) / 10,
    }
    this.#news = new News(this.#world, new Random(this.#random.uint32()), this.#nodes)
  }

  async run(): Promise<ShardSimulationReport> {
    for (const node of this.#nodes) this.#start(node)
    for (let i = 0; i < CLIENTS; i++) this.#begin(i)
    if (this.#options.crash === undefined) {
      this.#plan()
      this.#planMoves()
    } else {
      this.#world.after(CRASH_AT_MS, () => this.#crash(this.#options.crash!))
    }
    this.#news.speakUntil(TROUBLE_MS + RECOVERY_MS - 2 * NEWS_MS)
    await this.#world.runTo(TROUBLE_MS)
    this.#isTroubled = false
    this.#heal()
    await this.#world.runTo(TROUBLE_MS + RECOVERY_MS - NEWS_MS)
    const lastNews = this.#nodes.map((node) => this.#news.say(node))
    await this.#world.runTo(TROUBLE_MS + RECOVERY_MS)
    this.#check(lastNews)
    for (const { process } of this.#nodes) process?.engine.stop()
    const acknowledged = this.#operations.filter(({ outcome }) => outcome === 'done').length
    const moves = this.#nodes[0]!.process?.cluster.moves.list ?? []
    return {
      problem: this.#problem,
      acknowledged,
      moves: moves.filter(({ state }) => state === 'done').length,
      epochs: this.#nodes.reduce((sum, { process }) => sum + (process?.node?.chain.epoch ?? 0), 0),
    }
  }

  #below(bound: number): number {
    return this.#random.below(bound)
  }

  #trace(what: string): void {
    this.#options.trace?.(`${this.#world.nowMs.toFixed(1)} ${what}`)
  }

  // ── nodes ────────────────────────────────────────────────────────────────

  #start(node: ShardNode): void {
    const clock = new ProcessClock(this.#world, 0.9 + this.#below(20) / 100)
    const dial = wiredDial(this.#network, () => process)
    let cluster!: ShardedCluster
    const makeNodeParts = (made: Engine): OwnParts => {
      const parts = makeParts(made, { dial })
      cluster = new ShardedCluster(made, {
        shard: node.shard,
        log: `memory/${node.shard}`,
        isFirst: node.shard === SHARDS[0],
        dial,
        timing: MOVER,
      })
      parts.cluster = cluster
      return parts
    }
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
          // What moves is made durable in either case.
          appendfsync: 'always',
          save: '',
          'cluster-enabled': 'yes',
        }),
        later: (run) => this.#world.later(() => process.isDead || run()),
      },
      makeNodeParts,
    )
    const process: ShardProcess = {
      engine,
      cluster,
      clock,
      wires: new Set(),
      connections: new Set(),
      node: undefined,
      isPaused: false,
      isDead: false,
    }
    node.process = process
    this.#trace(`${node.name} starts`)
    this.#news.listen(node, process)
    const { replication } = engine.parts
    const view = new LogNodeView(clock)
    replication.join(view)
    cluster.mapLog.changed.add(() => this.#trace(`${node.name} has map ${cluster.mapLog.version}`))
    const address = `${node.name}:${PORT}`
    cluster.address(this.#mapLog.connect(clock, node.weather), { address, port: PORT, tlsPort: 0 })
    const opening = openReplicated({
      engine,
      onSaving: (saving) => {
        engine.parts.saving = saving
      },
      log: this.#logs.get(node.shard)!.connect(clock, node.weather),
      node: address,
      address,
      disk: node.disk,
      timing: SIM_TIMING,
      enter: (epoch, isWanted) => cluster.enter(epoch, isWanted),
    })
    opening.then(
      (opened) => {
        process.node = opened
        cluster.attach(view)
        view.show(opened)
        opened.onChange(() => this.#trace(`${node.name} ${opened.state} ${opened.chain.epoch} ${opened.failure ?? ''}`))
        this.#options.sabotage?.(process)
      },
      (error: unknown) => this.#fail(`${node.name} cannot start: ${error}`),
    )
  }

  #kill(node: ShardNode, after: 'killed' | 'power cut'): void {
    const { process } = node
    if (process === undefined) return
    this.#trace(`${node.name} ${after}`)
    process.clock.die()
    process.isDead = true
    node.process = undefined
    node.disk = after === 'killed' ? node.disk.copy() : node.disk.powerCut(this.#below(40))
    for (const wire of [...process.wires]) wire.cut()
    process.engine.stop()
    for (const connection of process.connections) connection.close()
  }

  #heal(): void {
    this.#trace('all is well')
    for (const log of [...this.#logs.values(), this.#mapLog]) {
      log.isAway = false
      log.capacityBytes = Number.POSITIVE_INFINITY
    }
    for (const node of this.#nodes) {
      node.lossOfReplies = 0
      node.lossOfRequests = 0
      node.delayMsMax = 2
      this.#goOn(node)
      if (node.process === undefined) this.#start(node)
    }
  }

  #goOn({ process }: ShardNode): void {
    if (process?.isPaused !== true) return
    process.isPaused = false
    process.clock.resume()
  }

  // ── faults ─────────────────────────────────────────────────────────

  /** Now and then some slots begin to move from their owner to the other shard. */
  #planMoves(): void {
    this.#world.after(10 + this.#below(120), () => {
      if (!this.#isTroubled) return
      this.#planMoves()
      const leader = this.#nodes.filter(({ isLeading, process }) => isLeading && !process!.isPaused)[this.#below(2)]
      if (leader?.process === undefined) return
      const { cluster } = leader.process
      if (this.#below(12) === 0) {
        this.#trace(`${leader.name} calls its moves off`)
        cluster.moves.cancel().catch(() => {})
        return
      }
      const slots = SLOTS.filter(() => this.#below(2) === 0).sort((a, b) => a - b)
      const own = slots.filter((slot) => cluster.mapLog.map.ownerOf(slot) === leader.shard)
      if (own.length === 0) return
      const to = SHARDS.find((shard) => shard !== leader.shard)!
      this.#trace(`${leader.name} is to move ${own} to ${to}`)
      cluster.moves.begin(to, own).catch((error: { text: string }) => this.#trace(`refused: ${error.text}`))
    })
  }

  #crash({ afterMs, how, victim }: Crash): void {
    const [source, target] = SHARDS.map((shard) => this.#nodes.find((node) => node.shard === shard && node.isLeading)!)
    source!.process!.cluster.moves.begin(SHARDS[1]!, SLOTS).catch(() => this.#fail('the move was refused'))
    this.#world.after(afterMs, () => {
      const node = victim === 'source' ? source! : target!
      const later = (run: () => void): void => void this.#world.after(CRASH_MS, run)
      if (victim === 'map') {
        this.#mapLog.isAway = true
        later(() => {
          this.#mapLog.isAway = false
        })
      } else if (how === 'killed') {
        this.#kill(node, 'killed')
        later(() => this.#start(node))
      } else if (node.process !== undefined) {
        node.process.isPaused = true
        node.process.clock.pause()
        later(() => this.#goOn(node))
      }
    })
  }

  #plan(): void {
    this.#world.after(20 + this.#below(300), () => {
      if (!this.#isTroubled) return
      this.#strike()
      this.#plan()
    })
  }

  #strike(): void {
    const leaders = this.#nodes.filter(({ isLeading }) => isLeading)
    // Leaders are hit more often than others.
    const node =
      (this.#below(3) > 0 ? leaders[this.#below(2)] : undefined) ?? this.#nodes[this.#below(this.#nodes.length)]!
    const { process } = node
    const lengthMs = 20 + this.#below(500)
    const later = (run: () => void): void => void this.#world.after(lengthMs, () => this.#isTroubled && run())
    const logs = [...this.#logs.values(), this.#mapLog, this.#mapLog]
    const log = logs[this.#below(logs.length)]!
    switch (this.#below(10)) {
      case 0:
      case 1:
        if (process === undefined || process.isPaused) return
        this.#trace(`${node.name} stands still for ${lengthMs}`)
        process.isPaused = true
        process.clock.pause()
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
        this.#trace(`${log === this.#mapLog ? 'the map’s log' : 'a log'} is away for ${lengthMs}`)
        log.isAway = true
        later(() => {
          log.isAway = false
        })
        return
      case 5:
        this.#trace(`${log === this.#mapLog ? 'the map’s log' : 'a log'} is full for ${lengthMs}`)
        log.capacityBytes = 0
        later(() => {
          log.capacityBytes = Number.POSITIVE_INFINITY
        })
        return
      case 6:
        this.#trace(`${node.name} loses messages to and from the logs for ${lengthMs}`)
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
      case 8:
        this.#trace(`connections of ${node.name} are cut`)
        for (const wire of [...(process?.wires ?? [])]) wire.cut()
        return
      default:
        if (process?.node === undefined || process.isPaused) return
        process.clock.wallOffsetMs += this.#below(2) === 0 ? 3_600_000 : -3_600_000
        this.#trace(`${node.name} hands over`)
        void process.node.handOver()
    }
  }

  // ── clients ──────────────────────────────────────────────────────────────

  /** A client sends a request, waits for the reply, and starts again; it follows redirections. */
  #begin(client: number): void {
    const next = (): void => {
      this.#world.after(1 + this.#below(30), () => {
        if (!this.#isTroubled && this.#world.nowMs > TROUBLE_MS + RECOVERY_MS - 800) return
        this.#ask(this.#operation(client), this.#nodes[this.#below(this.#nodes.length)]!, 0, next)
      })
    }
    next()
  }

  #ask(asked: Asked, node: ShardNode, redirections: number, next: () => void): void {
    const { operations, requests, replies } = asked
    const { process } = node
    if (process === undefined || process.isPaused) {
      this.#settle(asked, 'none', next)
      return
    }
    const connection = new SimConnection(process.engine)
    process.connections.add(connection)
    let isOver = false
    const leave = (): boolean => {
      if (isOver) return false
      isOver = true
      timer.cancel()
      process.connections.delete(connection)
      return true
    }
    const end = (outcome: Operation['outcome']): void => {
      if (!leave()) return
      process.engine.disconnect(connection.client)
      this.#settle(asked, outcome, next)
    }
    const timer = this.#world.after(PATIENCE_MS, () => end('unknown'))
    connection.changed = () => {
      if (isOver) return
      const parsed = parseReplies(connection.received, replies)
      if (parsed === undefined) {
        if (connection.isClosed) end('unknown')
        return
      }
      const error = parsed.find((reply) => typeof reply === 'string' && reply.startsWith('-')) as string | undefined
      const [, , host] = /^-MOVED (\d+) ([^:]*):/.exec(error ?? '') ?? []
      const elsewhere = this.#nodes.find(({ name }) => name === host)
      if (elsewhere !== undefined && redirections < 8) {
        if (!leave()) return
        process.engine.disconnect(connection.client)
        this.#ask(asked, elsewhere, redirections + 1, next)
      } else if (error !== undefined) {
        end('none')
      } else {
        asked.read(parsed.at(-1)!)
        end('done')
      }
    }
    process.clock.after(0.1 + this.#below(3), () => {
      if (connection.isClosed || isOver) {
        end('unknown')
        return
      }
      const bytes = Buffer.from(requests.map(encode).join(''), 'latin1')
      for (const operation of operations) operation.isLate = false
      process.engine.receive(connection.client, new Source(bytes), 0, bytes.length)
      process.engine.requests.turn.endSoon()
    })
  }

  #settle({ operations }: Asked, outcome: Operation['outcome'], next: () => void): void {
    for (const operation of operations) {
      operation.outcome = outcome
      if (outcome !== 'unknown') operation.endedMs = this.#world.nowMs
    }
    next()
  }

  /** Draws a client's next operation. */
  #operation(client: number): Asked {
    const make = (kind: Operation['kind'], key: string, value = ''): Operation => {
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
    const tag = this.#below(TAGS.length)
    const list = LISTS[tag]!
    const register = REGISTERS[tag]!
    const value = `${client}-${++this.#values}`
    switch (this.#below(8)) {
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
      case 5: {
        const read = make('read', register)
        return ask([read], [['GET', register]], (reply) => {
          read.seen = [reply as string]
        })
      }
      case 6: {
        const swap = make('swap', register, value)
        return ask([swap], [['MULTI'], ['GET', register], ['SET', register, value], ['EXEC']], (reply) => {
          swap.seen = [reply[0] as string]
        })
      }
      default: {
        const both = [list, `second-${list}`]
        const pushes = both.map((key) => make('push', key, value))
        this.#together.push(pushes)
        return ask(pushes, [['MULTI'], ...both.map((key) => ['RPUSH', key, value]), ['EXEC']])
      }
    }
  }

  // ── checks ────────────────────────────────────────────────────

  #fail(problem: string): void {
    this.#problem ??= problem
    this.#trace(problem)
  }

  #check(lastNews: readonly (string | undefined)[]): void {
    for (const shard of SHARDS) {
      const leaders = this.#nodes.filter((node) => node.shard === shard && node.isLeading)
      if (leaders.length !== 1) this.#fail(`${leaders.length} nodes lead ${shard} in the end`)
    }
    for (const { name, process } of this.#nodes) {
      if (process?.node?.failure !== undefined) this.#fail(`${name} has stopped: ${process.node.failure}`)
    }
    const versions = new Set(this.#nodes.map(({ process }) => process?.cluster.mapLog.version))
    if (versions.size > 1) this.#fail(`there are maps ${[...versions]}`)
    if (this.#problem !== undefined) return
    this.#checkNews(lastNews)
    const { map } = this.#nodes[0]!.process!.cluster.mapLog
    for (const move of map.moves) if (move.state === 'moving') this.#fail(`move ${move.id} is not over`)
    const contents = new Map<string, Reply>()
    for (const node of this.#nodes) this.#checkNode(node, contents)
    if (this.#problem !== undefined) return
    for (const key of [...LISTS, ...LISTS.map((list) => `second-${list}`)]) {
      const final = (contents.get(key) ?? []) as string[]
      const problem = checkList(
        this.#operations.filter((operation) => operation.key === key),
        final,
      )
      if (problem !== undefined) this.#fail(`${key}: ${problem}`)
      for (const pushes of this.#together)
        for (const push of pushes) if (push.key === key && final.includes(push.value)) push.seen = ['there']
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

  #checkNews(last: readonly (string | undefined)[]): void {
    const problem = this.#news.check()
    if (problem !== undefined) this.#fail(problem)
    for (const message of last) {
      if (message === undefined) continue
      const missing = this.#news.missing(message)
      if (missing !== undefined) this.#fail(`${missing} has not heard ${message}`)
    }
  }

  /** Checks that a node has the keys of its shard, like the shard's other nodes, and no others. */
  #checkNode({ name, process, shard }: ShardNode, contents: Map<string, Reply>): void {
    const { map } = process!.cluster.mapLog
    const connection = new SimConnection(process!.engine)
    const answer = (...words: string[]): Reply => {
      const bytes = Buffer.from(encode(['READONLY']) + encode(words), 'latin1')
      process!.engine.receive(connection.client, new Source(bytes), 0, bytes.length)
      process!.engine.endTurn()
      const { received } = connection
      connection.received = ''
      return parseReplies(received, 2)?.[1] ?? '-nothing'
    }
    for (const key of answer('KEYS', '*') as string[]) {
      if (map.ownerOf(hashSlotOf(Bytes.from(key))) !== shard) {
        this.#fail(`${name} has ${key}, which is not its own`)
        continue
      }
      const value = key.startsWith('register') ? answer('GET', key) : answer('LRANGE', key, '0', '-1')
      if (typeof value === 'string' && value.startsWith('-')) this.#fail(`${name} says of ${key}: ${value}`)
      const other = contents.get(key)
      if (other !== undefined && JSON.stringify(other) !== JSON.stringify(value))
        this.#fail(`${name} has another ${key} than others: ${value} instead of ${other}`)
      contents.set(key, value)
    }
    if (process!.cluster.hasHeldSlots) this.#fail(`${name} holds requests`)
  }
}
