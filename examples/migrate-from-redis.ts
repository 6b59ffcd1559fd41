// Moving from redis-server to Respite and back while clients work, as docs/replication.md describes
// it: clients notice one longer reply. Shops put orders into a list and a worker moves them to
// another one; in the end each acknowledged order is there, once.
//
//   shops ── RPUSH orders ──▶ door ──▶ the leading server: redis-server, then Respite, then redis-server again
//   worker ── BLMOVE orders handled ─▲
//
// The door stands for the proxy, the name in DNS or the virtual address by which clients find the
// server. A server that has handed its place over answers READONLY. Its clients then reconnect, and
// the door leads them to the other one.

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { startServer } from 'respite'

const HOST = '127.0.0.1'
const SHOPS = 4
/** Orders that each server takes before the next step. */
const ORDERS_PER_STEP = 1000
/** How long writes may be held up while the data is compared, or a server hands its place over. */
const HOLD_MS = 5000
const GIVE_UP_MS = 60_000

/** A server, and its operator's connection, which does not go through the door. */
interface Server {
  readonly name: string
  readonly port: number
  readonly admin: Redis
}

const dir = mkdtempSync(join(tmpdir(), 'respite-migrate-'))
const deadline = Date.now() + GIVE_UP_MS
let child: ChildProcess | undefined

async function main(): Promise<void> {
  const redis = await startRedis()
  const door = await openDoor(redis.port)
  const shops = Array.from({ length: SHOPS }, (_, i) => new Shop(`shop ${i + 1}`, connect(door.port)))
  const working = shops.map((shop) => shop.work())
  void handle(connect(door.port))
  const orders = (): number => shops.reduce((sum, shop) => sum + shop.taken, 0)
  const moreOrders = async (leader: Server): Promise<void> => {
    const enough = orders() + ORDERS_PER_STEP
    await until(() => orders() >= enough, 'more orders')
    console.log(`${leader.name} leads, and takes orders`)
  }

  await moreOrders(redis)
  const { port } = await startServer({ port: 0, dir, config: { 'enable-debug-command': 'local' } })
  const respite: Server = { name: 'Respite', port, admin: connect(port) }
  await respite.admin.replicaof(HOST, redis.port)
  for (const [from, to] of [[redis, respite] as const, [respite, redis] as const]) {
    await isUp(to)
    await compare(from, to)
    await handOver(from, to)
    door.leadTo(to.port)
    const waited = shops.map((shop) => shop.takeLongestWait())
    await moreOrders(to)
    const longest = Math.max(...waited, ...shops.map((shop) => shop.takeLongestWait()))
    console.log(`a client waited ${longest.toFixed(0)} ms for a reply at most`)
  }

  for (const shop of shops) shop.closes = true
  await Promise.all(working)
  const { admin } = redis
  await until(async () => (await admin.llen('orders')) === 0, 'an idle worker')
  const times = new Map<string, number>()
  for (const order of await admin.lrange('handled', 0, -1)) times.set(order, (times.get(order) ?? 0) + 1)
  const count = orders()
  let lost = 0
  for (const shop of shops) {
    for (let number = 1; number <= shop.taken; number++) if (!times.has(`${shop.name}, order ${number}`)) lost++
  }
  const twice = [...times.values()].filter((value) => value > 1).length
  const failed = shops.reduce((sum, shop) => sum + shop.failed, 0)
  console.log(`${count} orders acknowledged: ${lost} lost, ${twice} there twice, ${failed} requests failed`)
  if (lost + twice + failed > 0) process.exitCode = 1
}

// ── those who work ─────────────────────────────────────────────────────────

/**
 * A client that reconnects when its server does not lead any more, and then repeats the refused
 * request.
 */
function connect(port: number): Redis {
  const refused = /^(READONLY|UNBLOCKED)/
  const client = new Redis(port, HOST, {
    reconnectOnError: ({ message }) => (refused.test(message) ? 2 : false),
    retryStrategy: () => 10,
    maxRetriesPerRequest: null,
  })
  // The door has closed: ioredis tries again by itself.
  client.on('error', () => {})
  return client
}

class Shop {
  readonly name: string
  taken = 0
  failed = 0
  closes = false
  readonly #client: Redis
  #longestWaitMs = 0

  constructor(name: string, client: Redis) {
    this.name = name
    this.#client = client
  }

  /** Puts one order after the other into the list, each when the one before was acknowledged. */
  async work(): Promise<void> {
    while (!this.closes) {
      const asked = performance.now()
      try {
        await this.#client.rpush('orders', `${this.name}, order ${this.taken + 1}`)
        this.taken++
      } catch {
        this.failed++
      }
      this.#longestWaitMs = Math.max(this.#longestWaitMs, performance.now() - asked)
      await sleep(1)
    }
  }

  takeLongestWait(): number {
    const waited = this.#longestWaitMs
    this.#longestWaitMs = 0
    return waited
  }
}

/** The worker: waits for orders, and moves them to the list of orders that are done. */
async function handle(client: Redis): Promise<void> {
  while (true) await client.blmove('orders', 'handled', 'LEFT', 'RIGHT', 0)
}

// ── those who move ─────────────────────────────────────────────────────────

/** Waits until a server follows the other one. */
async function isUp({ admin }: Server): Promise<void> {
  await until(async () => (await field(admin, 'master_link_status')) === 'up', 'a replica that follows')
}

/** Holds writes for a moment, in which primary and replica must have the same data. */
async function compare(primary: Server, replica: Server): Promise<void> {
  await primary.admin.client('PAUSE', HOLD_MS, 'WRITE')
  const offset = await field(primary.admin, 'master_repl_offset')
  await until(async () => (await field(replica.admin, 'slave_repl_offset')) === offset, 'a replica that has everything')
  const digests = await Promise.all([primary, replica].map(({ admin }) => admin.call('DEBUG', 'DIGEST')))
  await primary.admin.client('UNPAUSE')
  if (digests[0] !== digests[1]) throw new Error(`the data differs: ${digests}`)
  console.log(`${replica.name} follows, and has the same data`)
}

/** Makes a primary give its place to its replica. Writes wait meanwhile, so none is lost. */
async function handOver(primary: Server, replica: Server): Promise<void> {
  await primary.admin.call('FAILOVER', 'TO', HOST, replica.port, 'TIMEOUT', HOLD_MS)
  await until(
    async () => (await field(primary.admin, 'master_failover_state')) === 'no-failover',
    'an end of the failover',
  )
  if ((await field(replica.admin, 'role')) !== 'master') throw new Error(`${replica.name} has not taken over`)
}

async function field(admin: Redis, name: string): Promise<string | undefined> {
  return new RegExp(`^${name}:(.*)\r$`, 'm').exec(await admin.info('replication'))?.[1]
}

// ── what they need ─────────────────────────────────────────────────────────

/** Starts a redis-server; rejects with ENOENT where there is none. */
async function startRedis(): Promise<Server> {
  const port = await freePort()
  const options = ['--port', String(port), '--dir', dir, '--save', '', '--enable-debug-command', 'local']
  // The replica gets its snapshot at once, without a wait for others.
  child = spawn('redis-server', [...options, '--repl-diskless-sync-delay', '0'], { stdio: 'ignore' })
  await once(child, 'spawn')
  return { name: 'redis-server', port, admin: connect(port) }
}

/** Opens a port that leads to another one, which can be changed. */
async function openDoor(to: number): Promise<{ readonly port: number; leadTo(port: number): void }> {
  let behind = to
  const server = net.createServer((socket) => {
    const inner = net.connect(behind, HOST)
    socket.pipe(inner).pipe(socket)
    socket.on('error', () => inner.destroy())
    inner.on('error', () => socket.destroy())
  })
  server.listen(0, HOST)
  await once(server, 'listening')
  const { port } = server.address() as net.AddressInfo
  return {
    port,
    leadTo(next) {
      behind = next
    },
  }
}

async function freePort(): Promise<number> {
  const server = net.createServer().listen(0, HOST)
  await once(server, 'listening')
  const { port } = server.address() as net.AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

async function until(isSo: () => boolean | Promise<boolean>, what: string): Promise<void> {
  while (!(await isSo())) {
    if (Date.now() > deadline) throw new Error(`${what} did not come about`)
    await sleep(5)
  }
}

// Last, when everything above is there.
try {
  await main()
} catch (error) {
  if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
    console.log('left out: there is no redis-server on the PATH')
  } else {
    console.error(error)
    process.exitCode = 1
  }
} finally {
  child?.kill('SIGKILL')
  rmSync(dir, { recursive: true, force: true })
}
process.exit()
