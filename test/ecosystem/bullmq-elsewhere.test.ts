// BullMQ away from the common setup: processors in processes and threads of their own, over node-redis, over RESP2, in a
// program that holds the broker itself, and Relay (messages between the processes of a fleet).

import { join } from 'node:path'
import { Queue, QueueEvents, Relay, type RelayMessage, type RelayOptions, Worker } from 'bullmq'
import { Redis } from 'ioredis'
import { createClient } from 'redis'
import { expect, onTestFinished, test } from 'vitest'
import { type Broker, openBroker } from '../../src/index.ts'
import { eventually, temporaryDirectory } from '../support/server.ts'
import { Bench, completions, freshName } from './bullmq-bench.ts'
import { useTarget } from './target.ts'

const target = useTarget()
const SANDBOXED = join(import.meta.dirname, 'processors/sandboxed.cjs')

for (const useWorkerThreads of [false, true]) {
  test(`a processor runs in a ${useWorkerThreads ? 'thread' : 'process'} of its own`, async () => {
    const bench = new Bench(target)
    const queue = bench.queue()
    const events = bench.events()
    // Flags of the test runner that a thread does not take.
    bench.worker(SANDBOXED, { useWorkerThreads, workerThreadsOptions: { execArgv: [] } })
    const job = await queue.add('sum', { numbers: [1, 2, 3] })
    const result = await job.waitUntilFinished(events)
    expect(result.sum).toBe(6)
    expect(result.pid === process.pid).toBe(useWorkerThreads)
    expect((await queue.getJob(job.id!))!.progress).toEqual({ at: 'half' })
    expect((await queue.getJobLogs(job.id!)).logs).toEqual(['from the sandbox'])
    await expect((await queue.add('bad', { fail: 'broken' })).waitUntilFinished(events)).rejects.toThrow(
      /^broken in process/,
    )
    if (!useWorkerThreads) {
      await expect((await queue.add('gone', { crash: true })).waitUntilFinished(events)).rejects.toThrow(/exit/i)
    }
  })
}

test('BullMQ over node-redis', async () => {
  const name = freshName('node-redis')
  const connection = createClient({ url: target.url })
  connection.on('error', () => {})
  await connection.connect()
  onTestFinished(async () => connection.destroy())
  const queue = new Queue(name, { connection })
  const events = new QueueEvents(name, { connection, lastEventId: '0-0' })
  const worker = new Worker(name, async (job) => job.data.n + 1, { connection, drainDelay: 1 })
  queue.on('error', () => {})
  events.on('error', () => {})
  worker.on('error', () => {})
  onTestFinished(async () => {
    await Promise.all([worker.close(), events.close(), queue.close()])
  })
  const done = completions(worker, 12)
  const delayed = await queue.add('delayed', { n: 100 }, { delay: 30 })
  await queue.addBulk(Array.from({ length: 10 }, (_, n) => ({ name: 'bulk', data: { n } })))
  await queue.add('urgent', { n: 200 }, { priority: 1 })
  expect(await delayed.waitUntilFinished(events)).toBe(101)
  expect((await done).map((job) => job.returnvalue).sort((a, b) => a - b)).toEqual([
    1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 101, 201,
  ])
  expect(await queue.getJobCounts('completed', 'waiting')).toEqual({ completed: 12, waiting: 0 })
})

test('BullMQ over RESP2', async () => {
  const name = freshName('resp2')
  const connection = { ...target.connection, protocol: 2 as const }
  const queue = new Queue(name, { connection })
  const events = new QueueEvents(name, { connection, lastEventId: '0-0' })
  const worker = new Worker(name, async (job) => job.data * 2, { connection, drainDelay: 1 })
  onTestFinished(async () => {
    await Promise.all([worker.close(), events.close(), queue.close()])
  })
  expect(await (await queue.add('a', 21)).waitUntilFinished(events)).toBe(42)
  expect(await (await queue.add('b', 4, { delay: 10, priority: 2 })).waitUntilFinished(events)).toBe(8)
  expect(await queue.getWorkersCount()).toBe(1)
})

/** Queue, worker and events on a broker in this process. */
function embedded(broker: Broker, name: string, processor: (data: number) => unknown) {
  // Options rather than a client: BullMQ makes its connections from them, what blocks included, and closes them.
  const connection = { Connector: broker.Connector, maxRetriesPerRequest: null }
  const queue = new Queue(name, { connection })
  const events = new QueueEvents(name, { connection, lastEventId: '0-0' })
  const worker = new Worker(name, async (job) => processor(job.data), { connection, drainDelay: 1 })
  const close = async () => {
    await Promise.all([worker.close(), events.close(), queue.close()])
  }
  return { queue, events, worker, close }
}

test('BullMQ in a program that holds the broker: no port, and its jobs survive it', async () => {
  const dir = temporaryDirectory()
  const first = await openBroker({ dir })
  const before = embedded(first, 'inside', (n) => n + 1)
  expect(await (await before.queue.add('now', 1)).waitUntilFinished(before.events)).toBe(2)
  await before.worker.pause()
  await before.queue.addBulk([1, 2, 3].map((n) => ({ name: 'kept', data: n })))
  await before.queue.add('kept too', 4, { delay: 50 })
  await before.close()
  await first.close()

  const second = await openBroker({ dir })
  onTestFinished(() => second.close())
  const after = embedded(second, 'inside', (n) => n * 10)
  onTestFinished(after.close)
  await eventually(async () => (await after.queue.getCompletedCount()) === 5)
  // A client of one's own does as well.
  const client = new Redis({ Connector: second.Connector, maxRetriesPerRequest: null })
  onTestFinished(() => client.disconnect())
  const borrowing = new Queue('inside', { connection: client })
  onTestFinished(() => borrowing.close())
  expect(await borrowing.getJobCounts('completed', 'waiting')).toEqual({ completed: 5, waiting: 0 })
  const results = (await after.queue.getCompleted()).map((job) => [job.name, job.returnvalue])
  expect(results.sort()).toEqual(
    [
      ['kept too', 40],
      ['kept', 10],
      ['kept', 20],
      ['kept', 30],
      ['now', 2],
    ].sort(),
  )
})

function relay(options: Partial<RelayOptions> = {}): Relay {
  const node = new Relay({ connection: target.connection, blockTimeout: 500, ...options })
  node.on('error', () => {})
  onTestFinished(() => node.close())
  return node
}

test('Relay: a message reaches every node that listens, by topic and by pattern', async () => {
  const namespace = freshName('relay')
  const [one, two, three] = ['one', 'two', 'three'].map((nodeId) =>
    relay({ namespace, nodeId, name: `service ${nodeId}` }),
  )
  const heard: string[] = []
  const listen = (by: string) => (message: RelayMessage) => {
    heard.push(`${by}: ${message.topic} ${JSON.stringify(message.data)}`)
  }
  await one!.subscribe('orders.created', listen('one'))
  await two!.subscribe('orders.*', listen('two'))
  const all = await two!.subscribe('>', listen('two all'))
  const result = await three!.publish('orders.created', { id: 1, text: 'grün' })
  expect(result).toMatchObject({ nodes: 2, endpoints: 3 })
  expect(await three!.publish('orders.paid.late', 2)).toMatchObject({ nodes: 1, endpoints: 1 })
  await eventually(() => heard.length === 4)
  expect(heard.sort()).toEqual([
    'one: orders.created {"id":1,"text":"grün"}',
    'two all: orders.created {"id":1,"text":"grün"}',
    'two all: orders.paid.late 2',
    'two: orders.created {"id":1,"text":"grün"}',
  ])
  await all.unsubscribe()
  expect(await three!.publish('nobody.hears', 3)).toMatchObject({ nodes: 0, endpoints: 0 })
  expect(await three!.getCounts()).toEqual({ nodes: 3, subscriptions: 2, patterns: 2, retained: 0 })
  const nodes = (await one!.getNodes()).map((node) => [node.id, node.info.name, node.subscriptions])
  expect(nodes.sort()).toEqual([
    ['one', 'service one', 1],
    ['three', 'service three', 0],
    ['two', 'service two', 1],
  ])
  expect(await one!.getPatterns()).toEqual([
    { pattern: 'orders.*', subscriptions: 1 },
    { pattern: 'orders.created', subscriptions: 1 },
  ])
  expect(await one!.getSubscriptions({ nodeId: 'two' })).toMatchObject([{ nodeId: 'two', pattern: 'orders.*' }])
  expect(await one!.getNamespaces()).toContain(namespace)
  expect(await eventually(async () => (await one!.getNodeConnections('two'))[0])).toMatchObject({
    address: expect.stringContaining('127.0.0.1'),
  })
})

test('Relay: messages keep their order, and the last one of a topic is kept for those who come later', async () => {
  const namespace = freshName('relay')
  const [sender, receiver] = [relay({ namespace }), relay({ namespace, inboxMaxLength: 50_000 })]
  const numbers: number[] = []
  await receiver.subscribe<number>('count', ({ data }) => void numbers.push(data))
  for (let i = 0; i < 200; i++) await sender.publish('count', i)
  await eventually(() => numbers.length === 200)
  expect(numbers).toEqual(Array.from({ length: 200 }, (_, i) => i))

  await sender.publish('state', 'old', { retain: 60_000 })
  await sender.publish('state', 'new', { retain: 60_000 })
  const states: RelayMessage[] = []
  await receiver.subscribe('state', (message) => void states.push(message))
  await eventually(() => states.length === 1)
  expect(states[0]).toMatchObject({ data: 'new', retained: true })
  expect((await sender.getRetained()).map((kept) => kept.topic)).toEqual(['state'])
  expect(await sender.deleteRetained('state')).toBe(true)
  expect(await sender.deleteRetained('state')).toBe(false)
})

test('Relay: a node that gives no sign of life is swept away with its subscriptions', async () => {
  const namespace = freshName('relay')
  const lasting = relay({ namespace, nodeId: 'lasting', sweepInterval: 60, leaseDuration: 2000 })
  const lost = relay({
    namespace,
    nodeId: 'lost',
    leaseDuration: 50,
    heartbeatInterval: 100_000,
    sweepInterval: 100_000,
  })
  await lost.subscribe('news', () => {})
  const swept = new Promise<string[]>((resolve) => lasting.once('swept', resolve))
  await lasting.waitUntilReady()
  expect(await swept).toEqual(['lost'])
  expect(await lasting.getCounts()).toMatchObject({ nodes: 1, subscriptions: 0 })
})
