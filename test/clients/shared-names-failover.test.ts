// Instances of services on brokers with a replicated log, by three libraries in RESP2 and RESP3:
// leaders hand over or are killed, instances are killed and come, at random. A naive model knows
// every acknowledged message, and when each instance heard it.
//
// Nothing that was acknowledged is lost for a name. A message is heard again only when it was first
// heard shortly before a connection broke.

import net, { type AddressInfo, type Socket } from 'node:net'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { Random } from '../../src/util/numbers/random.ts'
import { sleep } from '../../src/util/time/real-time.ts'
import { type LogServers, natsLog, natsServerMissing, startNatsServers } from '../support/log-servers.ts'
import { eventually, temporaryDirectory } from '../support/server.ts'
import { type ServerProcess, startServerProcess } from '../support/server-process.ts'
import {
  byIoredis,
  byNodeRedis,
  byRedisPy,
  type Connect,
  type Instance,
  python,
  speaksResp3,
} from './named-instances.ts'

const REDELIVER_MS = 400
/** Positions are written every second or so; the rest is what a busy machine adds to that. */
const SLACK_MS = 3000
/** The longest pause between two steps at random: some breaks lie further apart than the bound. */
/** The longest pause between two steps at random: some breaks lie further apart than the bound. */
const PAUSE_MS_MAX = 6000
const INSTANCES = 2
const IS_LONG = process.env.SOAK !== undefined

interface Library {
  readonly name: string
  readonly protocol: 2 | 3
  readonly connect: Connect
}

const LIBRARIES: readonly Library[] = [
  { name: 'ioredis', protocol: 2, connect: byIoredis },
  { name: 'ioredis', protocol: 3, connect: byIoredis },
  { name: 'node-redis', protocol: 2, connect: byNodeRedis },
  { name: 'node-redis', protocol: 3, connect: byNodeRedis },
  ...(python === undefined ? [] : [{ name: 'redis-py', protocol: 2 as const, connect: byRedisPy }]),
  ...(speaksResp3 ? [{ name: 'redis-py', protocol: 3 as const, connect: byRedisPy }] : []),
]

/** An address for clients that is always that of the leader, as one of a load balancer. */
class LeaderAddress {
  /** The leader's port; connections are refused while it is undefined. */
  leader: number | undefined = undefined
  /** When connections ended. */
  readonly brokenMs: number[] = []
  readonly #listener = net.createServer((client) => this.#forward(client))
  readonly #sockets = new Set<Socket>()

  static async open(): Promise<LeaderAddress> {
    const address = new LeaderAddress()
    await new Promise<void>((resolve) => address.#listener.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => {
      address.#listener.close()
      for (const socket of address.#sockets) socket.destroy()
    })
    return address
  }

  get port(): number {
    return (this.#listener.address() as AddressInfo).port
  }

  #forward(client: Socket): void {
    client.on('error', () => {})
    if (this.leader === undefined) {
      client.destroy()
      return
    }
    const server = net.connect(this.leader, '127.0.0.1')
    server.on('error', () => {})
    for (const [from, to] of [
      [client, server],
      [server, client],
    ] as const) {
      this.#sockets.add(from)
      from.pipe(to)
      from.on('close', () => {
        this.#sockets.delete(from)
        this.brokenMs.push(performance.now())
        to.destroy()
      })
    }
  }
}

/** Two brokers on one log, which are killed and begin again. */
class Brokers {
  readonly #log: string
  readonly #nodes: { dir: string; server: ServerProcess; asks: Redis }[] = []

  constructor(log: string) {
    this.#log = log
  }

  async start(dir = temporaryDirectory()): Promise<void> {
    const config = { log: this.#log, channel: 'orders.* keep 1h dedupe 1h', redeliver: REDELIVER_MS }
    const server = await startServerProcess({ port: 0, dir, appendfsync: 'always', config })
    const asks = new Redis({ port: server.port, maxRetriesPerRequest: 0, retryStrategy: () => 20 })
    asks.on('error', () => {})
    onTestFinished(async () => {
      asks.disconnect()
      server.child.kill('SIGKILL')
      await server.exited
    })
    this.#nodes.push({ dir, server, asks })
  }

  /** Waits until a broker leads. */
  async leader(): Promise<{ dir: string; server: ServerProcess; asks: Redis }> {
    return await eventually(async () => {
      for (const node of this.#nodes) {
        const role = await node.asks.call('ROLE').catch(() => [])
        if ((role as unknown[])[0] === 'master') return node
      }
      return undefined
    }, 'a leader')
  }

  /** Asks the leader to hand over, and waits until another broker leads. */
  async handOver(): Promise<void> {
    const before = await this.leader()
    await eventually(async () => {
      await before.asks.call('FAILOVER').catch(() => undefined)
      return (await this.leader()) !== before
    }, 'another leader')
  }

  /** Kills the leader with signal 9; returns its directory. */
  async kill(): Promise<string> {
    const { server, asks, dir } = await this.leader()
    server.child.kill('SIGKILL')
    await server.exited
    asks.disconnect()
    this.#nodes.splice(
      this.#nodes.findIndex((node) => node.server === server),
      1,
    )
    return dir
  }
}

class Service {
  readonly name: string
  readonly #library: Library
  readonly #port: number
  /** Those that are killed, too. */
  readonly #all: Instance[] = []
  readonly #here: Instance[] = []

  constructor(library: Library, port: number) {
    this.name = `${library.name}-${library.protocol}`
    this.#library = library
    this.#port = port
  }

  /** Connects instances until all are there. */
  async come(): Promise<void> {
    // Each instance by redis-py is a process, which takes a second of a busy machine.
    const wanted = this.#library.connect === byRedisPy && !IS_LONG ? 1 : INSTANCES
    const missing = Array.from({ length: wanted - this.#here.length }, () =>
      this.#library.connect(this.#port, this.#library.protocol, this.name),
    )
    const come = await Promise.all(missing)
    this.#all.push(...come)
    this.#here.push(...come)
  }

  /** Kills the oldest instance. */
  leave(): void {
    this.#here.shift()?.kill()
  }

  get heard(): Set<number> {
    return new Set(this.#all.flatMap(({ heard }) => heard))
  }

  /** Returns messages that were heard again though they were first heard long before a break. */
  lateRepetitions(brokenMs: readonly number[]): string[] {
    const first = new Map<number, number>()
    const arrivals = this.#all.flatMap((instance) => instance.arrivals).sort((a, b) => a.atMs - b.atMs)
    const late: string[] = []
    for (const { id, atMs } of arrivals) {
      const firstMs = first.get(id)
      if (firstMs === undefined) first.set(id, atMs)
      else {
        const lastBreakMs = brokenMs.findLast((each) => each <= atMs) ?? Number.NEGATIVE_INFINITY
        const beforeMs = Math.round(lastBreakMs - firstMs)
        // Without a break, the instances beside each other hear a message at about the same time.
        if (beforeMs > REDELIVER_MS + SLACK_MS) late.push(`${this.name}: ${id}, heard ${beforeMs} ms before a break`)
      }
    }
    return late
  }
}

class Run {
  readonly #brokers: Brokers
  readonly #address: LeaderAddress
  readonly #services: readonly Service[]
  readonly #publisher: Redis
  #published = 0

  private constructor(brokers: Brokers, address: LeaderAddress) {
    this.#brokers = brokers
    this.#address = address
    this.#services = LIBRARIES.map((library) => new Service(library, address.port))
    this.#publisher = new Redis({
      port: address.port,
      maxRetriesPerRequest: 0,
      autoResendUnfulfilledCommands: false,
      retryStrategy: () => 20,
    })
    this.#publisher.on('error', () => {})
    onTestFinished(() => this.#publisher.disconnect())
  }

  static async begin(log: string): Promise<Run> {
    const brokers = new Brokers(log)
    const address = await LeaderAddress.open()
    await Promise.all([brokers.start(), brokers.start()])
    const run = new Run(brokers, address)
    await run.#lead()
    await run.step('come')
    return run
  }

  async step(kind: Step): Promise<void> {
    if (kind === 'publish') await this.#publish()
    else if (kind === 'come') await Promise.all(this.#services.map((service) => service.come()))
    else if (kind === 'leave') for (const service of this.#services) service.leave()
    else await this.#failOver(kind)
  }

  /** Waits until every name has heard everything. */
  async finish(): Promise<void> {
    await this.step('come')
    await eventually(
      () => this.#services.every((service) => service.heard.size === this.#published),
      `everything at each name: ${this.#published} of`,
      30_000,
    ).catch(() => {})
    for (const service of this.#services) {
      const heard = service.heard
      const lost = Array.from({ length: this.#published }, (_, id) => id).filter((id) => !heard.has(id))
      expect(lost, `${service.name} loses nothing`).toEqual([])
      expect(service.lateRepetitions(this.#address.brokenMs)).toEqual([])
    }
  }

  async #lead(): Promise<void> {
    this.#address.leader = (await this.#brokers.leader()).server.port
  }

  async #failOver(kind: 'hand over' | 'kill'): Promise<void> {
    this.#address.leader = undefined
    if (kind === 'hand over') await this.#brokers.handOver()
    else {
      const dir = await this.#brokers.kill()
      await Promise.all([this.#brokers.leader(), this.#brokers.start(dir)])
    }
    await this.#lead()
  }

  /** Publishes messages until each is acknowledged; a repeated id publishes nothing. */
  async #publish(): Promise<void> {
    for (let i = 0; i < 20; i++) {
      const id = this.#published++
      await eventually(async () => {
        const message = JSON.stringify({ id })
        const publishing = this.#publisher.call('PUBLISH', 'orders.eu', message, 'ID', String(id))
        return await publishing.then(
          () => true,
          async () => {
            // On a busy machine the leader may change by itself.
            await this.#lead()
            return false
          },
        )
      }, 'a message')
    }
  }
}

const STEPS = ['publish', 'come', 'leave', 'hand over', 'kill'] as const
type Step = (typeof STEPS)[number]

describe.skipIf(natsServerMissing())('instances by three libraries, in RESP2 and RESP3', () => {
  let nats: LogServers

  beforeAll(async () => {
    nats = await startNatsServers()
  })

  afterAll(async () => {
    await nats?.stop()
  })

  test('lose nothing when the leader hands over, and when it is killed', async () => {
    const run = await Run.begin(natsLog(nats, 'names'))
    for (const step of ['publish', 'hand over', 'publish', 'leave', 'kill', 'publish'] as const) await run.step(step)
    await run.finish()
  })

  test.skipIf(!IS_LONG)(
    'lose nothing in many failovers at random',
    async () => {
      for (let seed = 1; seed <= 5; seed++) {
        const random = new Random(seed)
        const run = await Run.begin(natsLog(nats, `names-${seed}`))
        for (let i = 0; i < 30; i++) {
          await run.step(STEPS[random.below(STEPS.length)]!)
          // Breaks lie further apart than `redeliver`, so that late repetitions would be seen.
          await sleep(random.below(PAUSE_MS_MAX))
        }
        await run.finish()
      }
    },
    1_200_000,
  )
})
