// Instances of one service: connections of one name by ioredis, node-redis and redis-py, in RESP2 and
// RESP3. They listen beside each other, are killed, and reconnect to a broker that was killed.
// Repeated messages are recognised as docs/channels.md shows it.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { Redis } from 'ioredis'
import { createClient } from 'redis'
import { expect, onTestFinished, test } from 'vitest'
import { eventually, temporaryDirectory } from '../support/server.ts'
import { type ServerProcess, startServerProcess } from '../support/server-process.ts'

const PROGRAM = fileURLToPath(new URL('shared-names.py', import.meta.url))
const SEEN_MAX = 10_000

/** A Python that has redis-py; undefined when there is none. */
function findPython(): string | undefined {
  const pythons = ['python3', '/usr/bin/python3']
  const found = pythons.find((python) => spawnSync(python, ['-c', 'import redis']).status === 0)
  if (found === undefined) console.warn('skipped: there is no Python with redis-py (apt-get install python3-redis)')
  return found
}

const python = findPython()

/** redis-py speaks RESP3 from version 5 on. */
const speaksResp3 =
  python !== undefined &&
  spawnSync(python, ['-c', 'import redis, sys; sys.exit(int(redis.__version__.split(".")[0]) < 5)']).status === 0
if (python !== undefined && !speaksResp3) console.warn('skipped: this redis-py does not speak RESP3')

/** The ids of messages in the order of their arrival, without repeated ones. */
class Ear {
  readonly heard: number[] = []
  repeated = 0
  /** Connections that ended and were made again. */
  reconnects = 0
  readonly #seen = new Set<number>()

  readonly hear = (message: string): void => {
    const { id } = JSON.parse(message) as { id: number }
    if (this.#seen.has(id)) {
      this.repeated++
      return
    }
    if (this.#seen.add(id).size > SEEN_MAX) this.#seen.delete(this.#seen.values().next().value!)
    this.heard.push(id)
  }
}

interface Instance extends Pick<Ear, 'heard' | 'repeated' | 'reconnects'> {
  /** Ends the connection as a process does that is killed. */
  kill(): void
}

async function byIoredis(port: number): Promise<Instance> {
  const ear = new Ear()
  const subscriber = new Redis({ port, connectionName: 'billing', retryStrategy: () => 20, lazyConnect: true })
  subscriber.on('error', () => {})
  subscriber.on('reconnecting', () => ear.reconnects++)
  subscriber.on('message', (_, message) => ear.hear(message))
  onTestFinished(() => subscriber.disconnect())
  await subscriber.connect()
  await subscriber.subscribe('orders.eu')
  return Object.assign(ear, { kill: () => subscriber.disconnect() })
}

async function byNodeRedis(port: number, protocol: 2 | 3): Promise<Instance> {
  const ear = new Ear()
  const socket = { port, host: '127.0.0.1', reconnectStrategy: () => 20 }
  const subscriber = createClient({ socket, name: 'billing', RESP: protocol })
  subscriber.on('error', () => {})
  subscriber.on('reconnecting', () => ear.reconnects++)
  const kill = (): void => {
    if (subscriber.isOpen) subscriber.destroy()
  }
  onTestFinished(kill)
  await subscriber.connect()
  await subscriber.subscribe('orders.eu', ear.hear)
  return Object.assign(ear, { kill })
}

async function byRedisPy(port: number, protocol: 2 | 3): Promise<Instance> {
  const child: ChildProcess = spawn(python!, [PROGRAM, String(port), String(protocol)], {
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  let output = ''
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    output += text
  })
  await eventually(() => output.includes('subscribed'))
  const lines = (): string[] => output.split('\n').filter((line) => line !== '' && line !== 'subscribed')
  return {
    reconnects: 0,
    get heard() {
      return lines()
        .filter((line) => !line.startsWith('again'))
        .map(Number)
    },
    get repeated() {
      return lines().filter((line) => line.startsWith('again')).length
    },
    kill: () => void child.kill('SIGKILL'),
  }
}

async function start(dir: string, port: number): Promise<ServerProcess> {
  const config = { channel: 'orders.* keep 1h', appendonly: 'yes', redeliver: 1000 } as const
  const server = await startServerProcess({ dir, port, config })
  onTestFinished(async () => {
    server.child.kill('SIGKILL')
    await server.exited
  })
  return server
}

/** Publishes messages with ids of their own. */
class Publisher {
  readonly ids: number[] = []
  readonly #redis: Redis

  constructor(port: number) {
    this.#redis = new Redis({ port, retryStrategy: () => 20 })
    this.#redis.on('error', () => {})
    onTestFinished(() => this.#redis.disconnect())
  }

  /** Returns the ids, and how many received each message. */
  async publish(count: number): Promise<{ ids: number[]; receivers: number[] }> {
    const ids = Array.from({ length: count }, (_, i) => this.ids.length + i)
    this.ids.push(...ids)
    const all = ids.map((id) => this.#redis.publish('orders.eu', JSON.stringify({ id })))
    return { ids, receivers: await Promise.all(all) }
  }

  async connections(): Promise<number> {
    const list = (await this.#redis.client('LIST')) as string
    return list.split('\n').filter((line) => line.includes(' name=billing ') && / sub=1 /.test(line)).length
  }
}

/** Goes through the life of two instances of one name. */
async function live(protocol: 2 | 3, connect: (port: number, protocol: 2 | 3) => Promise<Instance>): Promise<void> {
  const dir = temporaryDirectory()
  const first = await start(dir, 0)
  const { port } = first
  const publisher = new Publisher(port)
  const one = await connect(port, protocol)
  const early = await publisher.publish(3)
  await eventually(() => one.heard.length === 3)
  const two = await connect(port, protocol)
  const both = await publisher.publish(20)
  expect(both.receivers.every((count) => count === 2)).toBe(true)
  await eventually(() => one.heard.length === 23 && two.heard.length === 20)
  expect([one.heard, two.heard]).toEqual([[...early.ids, ...both.ids], both.ids])
  expect([one, two].map(({ reconnects, repeated }) => [reconnects, repeated])).toEqual([
    [0, 0],
    [0, 0],
  ])

  // One instance is killed, and another one takes its place: nothing comes again, nothing is missed. What only the killed one was sent
  // lately may never have reached it: the oldest of the others hears it.
  one.kill()
  await eventually(async () => (await publisher.connections()) === 1)
  const three = await connect(port, protocol)
  const later = await publisher.publish(5)
  const own = (): number[] => two.heard.filter((id) => !early.ids.includes(id))
  await eventually(() => three.heard.length === 5 && own().length === 25)
  expect([three.heard, own(), two.repeated]).toEqual([later.ids, [...both.ids, ...later.ids], 0])

  // All are killed: the next one hears what the name missed, and the one after it only new messages.
  for (const each of [two, three]) each.kill()
  await eventually(async () => (await publisher.connections()) === 0)
  const missed = await publisher.publish(4)
  expect(missed.receivers).toEqual([0, 0, 0, 0])
  const four = await connect(port, protocol)
  await eventually(() => missed.ids.every((id) => four.heard.includes(id)))
  const five = await connect(port, protocol)
  const last = await publisher.publish(2)
  await eventually(() => five.heard.length === 2 && last.ids.every((id) => four.heard.includes(id)))
  expect(five.heard).toEqual(last.ids)
  expect(new Set([...one.heard, ...two.heard, ...three.heard, ...four.heard]).size).toBe(publisher.ids.length)

  // The broker is killed. What libraries that reconnect hear again is recognised.
  first.child.kill('SIGKILL')
  await first.exited
  await start(dir, port)
  // redis-py leaves reconnecting to the program.
  if (connect === byRedisPy) return
  await eventually(async () => (await publisher.connections().catch(() => 0)) === 2)
  const again = await publisher.publish(3)
  await eventually(() => [four, five].every(({ heard }) => again.ids.every((id) => heard.includes(id))))
  for (const { heard } of [four, five]) expect(new Set(heard).size).toBe(heard.length)
}

test.each([
  ['ioredis', 2, byIoredis],
  ['node-redis', 2, byNodeRedis],
  ['node-redis', 3, byNodeRedis],
] as const)(
  'instances of one name by %s in RESP%i hear everything beside each other, and after kill -9 of one, all and the broker',
  (_, protocol, connect) => live(protocol, connect),
)

test.skipIf(python === undefined)(
  'instances of one name by redis-py hear everything beside each other, and after kill -9 of one and of all',
  () => live(2, byRedisPy),
)

test.skipIf(!speaksResp3)('the same in RESP3', () => live(3, byRedisPy))

test.skipIf(python === undefined)('instances by three libraries share one name', async () => {
  const { port } = await start(temporaryDirectory(), 0)
  const publisher = new Publisher(port)
  const all = [await byIoredis(port), await byNodeRedis(port, 3), await byNodeRedis(port, 2), await byRedisPy(port, 2)]
  const { ids, receivers } = await publisher.publish(100)
  expect(new Set(receivers)).toEqual(new Set([4]))
  await eventually(() => all.every(({ heard }) => heard.length === 100))
  for (const { heard, reconnects, repeated } of all) expect([heard, reconnects, repeated]).toEqual([ids, 0, 0])
})
