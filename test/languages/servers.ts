// The servers that the programs talk to: a single broker that is started again when it ends, a
// redis-server in its place, and two shards on a replicated log. All are on loopback, on ports that
// the system chooses.

import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { Cluster, Redis } from 'ioredis'
import { freePorts } from '../../src/prover/cluster/free-ports.ts'
import { program } from '../support/build.ts'
import { type LogServers, natsLog, startNatsServers } from '../support/log-servers.ts'
import { certificateFile } from '../support/tls/certificates.ts'

export const HOST = '127.0.0.1'
const USER = 'app'
const PASSWORD = 'secret'
const GIVE_UP_MS = 60_000
const LOOK_MS = 10

const running = new Set<ChildProcess>()
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

/** A command that is started again when it ends, as a supervisor does it. */
class Supervised {
  readonly #command: readonly string[]
  #child: ChildProcess | undefined
  #isWanted = true

  constructor(command: readonly string[]) {
    this.#command = command
    this.#start()
  }

  #start(): void {
    const child = spawn(this.#command[0]!, this.#command.slice(1), { stdio: ['ignore', 'ignore', 'inherit'] })
    running.add(child)
    child.once('exit', () => {
      running.delete(child)
      if (this.#isWanted) this.#start()
    })
    this.#child = child
  }

  async stop(): Promise<void> {
    this.#isWanted = false
    const child = this.#child!
    if (!running.has(child)) return
    const gone = new Promise((resolve) => child.once('exit', resolve))
    child.kill('SIGKILL')
    await gone
  }
}

/** Waits until a condition holds. */
export async function until(isTrue: () => boolean | Promise<boolean>, what: string): Promise<void> {
  for (const end = performance.now() + GIVE_UP_MS; !(await isTrue()); await pause(LOOK_MS)) {
    if (performance.now() > end) throw new Error(`waited in vain: ${what}`)
  }
}

/** A client of the runner. It asks again until the server is there. */
export function clientOf(port: number): Redis {
  const client = new Redis({ host: HOST, port, retryStrategy: () => 20, maxRetriesPerRequest: null })
  client.on('error', () => {})
  return client
}

/** The variables that tell programs where servers are. */
export type Variables = Readonly<Record<string, string>>

export interface SingleServer {
  readonly port: number
  readonly variables: Variables
  stop(): Promise<void>
}

/** Starts a broker with TLS and a user whose keys begin with `app:`. */
export async function startBroker(): Promise<SingleServer> {
  const [port, tlsPort] = (await freePorts(2)) as [number, number]
  const dir = mkdtempSync(join(tmpdir(), 'respite-clients-'))
  const words = [
    ...['--port', port, '--bind', HOST, '--dir', dir, '--appendonly', 'yes'],
    ...['--tls-port', tlsPort, '--tls-cert-file', certificateFile('server.crt')],
    ...['--tls-key-file', certificateFile('server.key'), '--tls-ca-cert-file', certificateFile('authority.crt')],
    ...['--tls-auth-clients', 'no', '--channel', 'orders.* keep 1h dedupe 1h'],
  ]
  const server = await single(new Supervised([process.execPath, program(), ...words.map(String)]), port, dir, {
    RESPITE_TLS_ADDRESS: `${HOST}:${tlsPort}`,
    RESPITE_TLS_CA: certificateFile('authority.crt'),
    RESPITE_USER: USER,
    RESPITE_PASSWORD: PASSWORD,
  })
  const client = clientOf(port)
  await client.acl('SETUSER', USER, 'on', `>${PASSWORD}`, '~app:*', '&*', '+@all')
  client.disconnect()
  return server
}

/** Starts redis-server in the broker's place, without TLS. */
export async function startRedis(): Promise<SingleServer> {
  const [port] = (await freePorts(1)) as [number]
  const dir = mkdtempSync(join(tmpdir(), 'respite-clients-'))
  const words = ['--port', `${port}`, '--bind', HOST, '--dir', dir, '--appendonly', 'yes', '--save', '']
  return single(new Supervised(['redis-server', ...words]), port, dir, {})
}

async function single(server: Supervised, port: number, dir: string, more: Variables): Promise<SingleServer> {
  const client = clientOf(port)
  await until(async () => (await client.ping()) === 'PONG', 'the server answers')
  client.disconnect()
  return {
    port,
    variables: { RESPITE_ADDRESS: `${HOST}:${port}`, ...more },
    async stop() {
      await server.stop()
      rmSync(dir, { recursive: true, force: true })
    },
  }
}

const SHARD = 'orders'
const OTHER_SHARD = 'mails'

/**
 * Two shards on a replicated log: `orders` has two brokers and all slots at first, `mails` has one
 * broker. It hands the lead over, or moves a slot, when a program says that it is ready.
 */
export class ClusterServers {
  readonly variables: Variables
  readonly #dir: string
  readonly #logServers: LogServers
  readonly #brokers: readonly Supervised[]
  readonly #members: readonly Redis[]
  readonly #cluster: Cluster
  #isOpen = true

  private constructor(dir: string, logServers: LogServers, ports: readonly number[], brokers: readonly Supervised[]) {
    this.#dir = dir
    this.#logServers = logServers
    this.#brokers = brokers
    this.#members = ports.map(clientOf)
    const addresses = ports.map((port) => `${HOST}:${port}`)
    this.variables = {
      RESPITE_SENTINELS: addresses.slice(0, 2).join(','),
      RESPITE_SHARD: SHARD,
      RESPITE_NODES: addresses.join(','),
    }
    this.#cluster = new Cluster(
      ports.map((port) => ({ host: HOST, port })),
      { lazyConnect: true, clusterRetryStrategy: () => 50, redisOptions: { maxRetriesPerRequest: null } },
    )
    this.#cluster.on('error', () => {})
  }

  static async start(): Promise<ClusterServers> {
    const dir = mkdtempSync(join(tmpdir(), 'respite-clients-'))
    const logServers = await startNatsServers()
    const ports = await freePorts(3)
    const brokers = ports.map((port, i) => {
      const shard = i < 2 ? SHARD : OTHER_SHARD
      const own = join(dir, `${i}`)
      mkdirSync(own)
      const words = [
        ...['--port', `${port}`, '--bind', HOST, '--dir', own, '--appendfsync', 'always'],
        ...['--cluster-enabled', 'yes', '--shard-name', shard, '--log', natsLog(logServers, shard)],
        ...(shard === SHARD ? [] : ['--cluster-log', natsLog(logServers, SHARD)]),
        ...['--channel', 'orders.* keep 1h dedupe 1h'],
      ]
      return new Supervised([process.execPath, program(), ...words])
    })
    const servers = new ClusterServers(dir, logServers, ports, brokers)
    await until(async () => (await servers.#leader()) !== undefined, 'the shard has a leader')
    await until(async () => {
      const nodes = String(await servers.#members[2]!.cluster('NODES').catch(() => ''))
      return nodes.includes('0-16383') && (await isPrimary(servers.#members[2]!))
    }, 'the other shard has a leader')
    await servers.#cluster.connect()
    return servers
  }

  /** The member of the first shard that leads; undefined when there is none. */
  async #leader(): Promise<Redis | undefined> {
    for (const member of this.#members.slice(0, 2)) if (await isPrimary(member)) return member
    return undefined
  }

  /** Does what a program waits for, until the program has ended. */
  async accompany(tag: string, hasEnded: () => boolean): Promise<void> {
    let done = ''
    while (!hasEnded() && this.#isOpen) {
      const ready = await this.#cluster.get(`{${tag}}ready`)
      if (ready !== null && ready !== done) {
        if (ready === 'failover') await this.#handOver()
        else await this.#moveSlot(tag)
        done = ready
        await this.#cluster.set(`{${tag}}go`, ready)
      }
      await pause(LOOK_MS)
    }
  }

  async #handOver(): Promise<void> {
    const before = await this.#leader()
    await before?.call('FAILOVER').catch(() => {})
    await until(async () => {
      const now = await this.#leader()
      return now !== undefined && now !== before
    }, 'another broker leads')
  }

  async #moveSlot(tag: string): Promise<void> {
    const leader = (await this.#leader())!
    const slot = Number(await leader.cluster('KEYSLOT', tag))
    await leader.call('CLUSTER', 'MOVESLOTS', OTHER_SHARD, slot, slot)
    await until(async () => {
      const reply = await this.#members[2]!.get(`{${tag}}ready`).catch(() => null)
      return reply !== null
    }, 'the slot has moved')
  }

  async stop(): Promise<void> {
    this.#isOpen = false
    this.#cluster.disconnect()
    for (const member of this.#members) member.disconnect()
    await Promise.all(this.#brokers.map((broker) => broker.stop()))
    await this.#logServers.stop()
    rmSync(this.#dir, { recursive: true, force: true })
  }
}

async function isPrimary(member: Redis): Promise<boolean> {
  const role = (await Promise.race([member.call('ROLE'), pause(500)]).catch(() => undefined)) as unknown
  return Array.isArray(role) && role[0] === 'master'
}
