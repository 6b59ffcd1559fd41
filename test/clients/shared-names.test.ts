// Instances of one service: connections of one name by ioredis, node-redis and redis-py, in RESP2 and
// RESP3. They listen beside each other, are killed, and reconnect to a broker that was killed.
// Repeated messages are recognised as docs/channels.md shows it.

import { Redis } from 'ioredis'
import { expect, onTestFinished, test } from 'vitest'
import { eventually, temporaryDirectory } from '../support/server.ts'
import { type ServerProcess, startServerProcess } from '../support/server-process.ts'
import { byIoredis, byNodeRedis, byRedisPy, type Connect, python, speaksResp3 } from './named-instances.ts'

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
async function live(protocol: 2 | 3, connect: Connect, reconnects = true): Promise<void> {
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

  if (!reconnects) return
  // The broker is killed. What libraries that reconnect hear again is recognised.
  first.child.kill('SIGKILL')
  await first.exited
  await start(dir, port)
  await eventually(async () => (await publisher.connections().catch(() => 0)) === 2)
  const again = await publisher.publish(3)
  await eventually(() => [four, five].every(({ heard }) => again.ids.every((id) => heard.includes(id))))
  for (const { heard } of [four, five]) expect(new Set(heard).size).toBe(heard.length)
}

test.each([
  ['ioredis', 2, byIoredis],
  ['ioredis', 3, byIoredis],
  ['node-redis', 2, byNodeRedis],
  ['node-redis', 3, byNodeRedis],
] as const)(
  'instances of one name by %s in RESP%i hear everything beside each other, and after kill -9 of one, all and the broker',
  (_, protocol, connect) => live(protocol, connect),
)

test.skipIf(python === undefined)(
  'instances of one name by redis-py hear everything beside each other, and after kill -9 of one, all and the broker',
  // redis-py 4 does not connect again: its next `listen()` fails with an AttributeError.
  () => live(2, byRedisPy, speaksResp3),
)

test.skipIf(!speaksResp3)('the same in RESP3', () => live(3, byRedisPy))

test.skipIf(python === undefined)('instances by three libraries share one name', async () => {
  const { port } = await start(temporaryDirectory(), 0)
  const publisher = new Publisher(port)
  const all = [
    await byIoredis(port, 3),
    await byNodeRedis(port, 3),
    await byNodeRedis(port, 2),
    await byRedisPy(port, 2),
  ]
  const { ids, receivers } = await publisher.publish(100)
  expect(new Set(receivers)).toEqual(new Set([4]))
  await eventually(() => all.every(({ heard }) => heard.length === 100))
  for (const { heard, reconnects, repeated } of all) expect([heard, reconnects, repeated]).toEqual([ids, 0, 0])
})
