// What BullMQ's own tests (test/ecosystem/bullmq-in-process.test.ts) do not ask of its backend.

import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { FlowProducer, Queue, RedisConnection, withBackend } from 'bullmq'
import { expect, onTestFinished, test } from 'vitest'
import { BrokerClient } from '../../src/drop-in/bullmq/client.ts'
import { createBrokerBackend } from '../../src/drop-in/bullmq.ts'
import { type Broker, openBroker } from '../../src/index.ts'

async function open(): Promise<Broker> {
  const broker = await openBroker()
  onTestFinished(() => broker.close())
  return broker
}

/** Closes when the test ends, what was made last first. */
function closing<T extends { close(): Promise<unknown> }>(it: T): T {
  onTestFinished(async () => void (await it.close()))
  return it
}

test('jobs that are added below the wire are there over the wire, and the other way round', async () => {
  const broker = await open()
  const below = withBackend(createBrokerBackend(broker))
  const queue = closing(new below.Queue('mails', { connection: {} }))
  const wired = closing(new Queue('mails', { connection: { Connector: broker.Connector, maxRetriesPerRequest: null } }))
  await queue.add('below', { to: 'grün' })
  await wired.add('above', { to: 'blau' })
  expect((await wired.getWaiting()).map(({ name, data }) => [name, data.to])).toEqual([
    ['below', 'grün'],
    ['above', 'blau'],
  ])
  const worker = closing(new below.Worker<{ to: string }>('mails', async ({ data }) => data.to, { connection: {} }))
  const done: string[] = []
  await new Promise<void>((resolve) => {
    worker.on('completed', (_, result) => {
      if (done.push(result) === 2) resolve()
    })
  })
  expect(done).toEqual(['grün', 'blau'])
  expect(await wired.getCompletedCount()).toBe(2)
  expect(await broker.call('EXISTS', 'bull:mails:1')).toBe(1)
})

test('queues with a database of their own do not meet, nor do those of two brokers', async () => {
  const [one, two] = [createBrokerBackend(await open()), createBrokerBackend(await open())]
  const queues = [
    new Queue('jobs', { connection: {} } as never, one as never),
    new Queue('jobs', { connection: { db: 4 } } as never, one as never),
    new Queue('jobs', { connection: {} } as never, two as never),
  ].map(closing)
  await queues[0]!.add('a', 1)
  expect(await Promise.all(queues.map((queue) => queue.getWaitingCount()))).toEqual([1, 0, 0])
})

test('scripts are loaded anew after SCRIPT FLUSH, singly and in a flow', async () => {
  const broker = await open()
  const backend = createBrokerBackend(broker)
  const queue = closing(new Queue('jobs', { connection: {} }, backend as never))
  const flows = closing(new FlowProducer({ connection: {} }, backend as never))
  for (let i = 0; i < 2; i++) {
    await queue.add('single', i)
    await flows.add({ name: 'parent', queueName: 'jobs', children: [{ name: 'child', queueName: 'jobs' }] })
    await broker.call('SCRIPT', 'FLUSH')
  }
  expect(await queue.getJobCounts('waiting', 'waiting-children')).toEqual({ waiting: 4, 'waiting-children': 2 })
})

test('a client that was disconnected connects again, and its name with it', async () => {
  const client = new BrokerClient(await open(), { connectionName: 'clerk', db: 2 })
  const connection = new RedisConnection(client, { blocking: true })
  onTestFinished(() => connection.close())
  await connection.client
  const waits = client.bzpopmin('nothing', 0)
  waits.catch(() => {})
  await connection.disconnect()
  await expect(waits).rejects.toThrow('Connection is closed.')
  expect(client.status).toBe('end')
  await connection.reconnect()
  expect(client.status).toBe('ready')
  expect(await client.clientInfo()).toMatch(/ name=clerk .* db=2 /)
  client.disconnect(true)
  expect(await client.clientInfo()).toMatch(/ name=clerk .* db=2 /)
})

test('an error of a command is told as it is', async () => {
  const broker = await open()
  await broker.call('SET', 'text', 'x')
  const client = new BrokerClient(broker)
  await expect(client.hget('text', 'f')).rejects.toThrow(/^WRONGTYPE/)
  const [first, second] = await client.pipeline().llen('text').call('GET', 'text').exec()
  expect(first![0]!.message).toMatch(/^WRONGTYPE/)
  expect(second).toEqual([null, 'x'])
  expect(await client.multi().hset('h', { a: 1 }).hgetall('h').exec()).toEqual([
    [null, 1],
    [null, { a: '1' }],
  ])
  await expect(client.runCommand('unknown', [])).rejects.toThrow("no script is defined as 'unknown'")
})

test('keys are scanned page by page', async () => {
  const broker = await open()
  for (let i = 0; i < 30; i++) await broker.call('SET', `job:${i}`, i)
  const found: string[] = []
  for await (const keys of new BrokerClient(broker).scanStream({ match: 'job:1*', count: 5 })) found.push(...keys)
  expect(new Set(found).size).toBe(11)
})

test('ioredis need not be installed', () => {
  const program = `
    const { Module } = require('node:module')
    const resolve = Module._resolveFilename
    Module._resolveFilename = function (name, ...rest) {
      if (name === 'ioredis') throw Object.assign(new Error('not installed'), { code: 'MODULE_NOT_FOUND' })
      return resolve.call(this, name, ...rest)
    }
    ;(async () => {
      const { openBroker } = await import('./dist/index.js')
      const { createBrokerBackend } = await import('./dist/drop-in/bullmq.js')
      const { withBackend } = await import('bullmq')
      const broker = await openBroker()
      const { Queue } = withBackend(createBrokerBackend(broker))
      const queue = new Queue('jobs', { connection: {} })
      console.log((await queue.add('a', 1)).id)
      await queue.close()
      await broker.close()
    })()`
  const { stdout, stderr } = spawnSync(process.execPath, ['-e', program], {
    cwd: join(import.meta.dirname, '../..'),
    encoding: 'utf8',
  })
  expect([stdout, stderr]).toEqual(['1\n', ''])
})
