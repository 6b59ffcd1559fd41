import Bull from 'bull'
import { Queue, Worker } from 'bullmq'
import { describe, expect, onTestFinished, test } from 'vitest'
import { startServer } from '../../src/index.ts'
import { freePort } from '../../src/util/free-ports.ts'
import { openDoor } from '../support/door.ts'
import { eventually } from '../support/server.ts'

interface Figures {
  readonly kind: string
  readonly isPaused: boolean
  readonly backlog: number
  readonly oldestMs: number | null
  readonly counts: Record<string, number>
}

/** A server with a door, and how queues of programs connect to it. */
async function openServer() {
  const httpPort = await freePort()
  const server = await startServer({ port: 0, config: { 'http-port': String(httpPort), appendonly: 'no' } })
  onTestFinished(() => server.close())
  const ask = async (path: string): Promise<Figures> =>
    (await (await fetch(`http://127.0.0.1:${httpPort}/v1/queues/${path}`)).json()) as Figures
  return { ask, connection: { host: '127.0.0.1', port: server.port, maxRetriesPerRequest: null } }
}

describe('GET /v1/queues/NAME', () => {
  test('tells of BullMQ’s jobs by state, and of the one that waits longest', async () => {
    const { ask, connection } = await openServer()
    const queue = new Queue('mails', { connection })
    onTestFinished(() => queue.close())
    await queue.add('a', {}, { timestamp: Date.now() - 60_000 })
    await queue.add('b', {})
    await queue.add('c', {}, { priority: 3, timestamp: Date.now() - 90_000 })
    await queue.add('d', {}, { delay: 3_600_000 })
    const before = await ask('mails')
    expect(before).toMatchObject({ name: 'mails', kind: 'bullmq', isPaused: false, backlog: 3 })
    expect(before.counts).toMatchObject({ waiting: 2, prioritized: 1, delayed: 1, active: 0, completed: 0, failed: 0 })
    expect(before.oldestMs).toBeGreaterThanOrEqual(90_000)

    await queue.pause()
    expect(await ask('mails')).toMatchObject({ isPaused: true, backlog: 3 })
    await queue.resume()

    const run = async ({ name }: { name: string }): Promise<void> => {
      if (name === 'b') throw new Error('no')
    }
    const worker = new Worker('mails', run, { connection })
    onTestFinished(() => worker.close())
    await eventually(async () => (await ask('mails')).counts.completed === 2)
    await eventually(async () => (await ask('mails')).counts.failed === 1)
    expect(await ask('mails')).toMatchObject({ backlog: 0, oldestMs: null, counts: { delayed: 1 } })
  })

  test('tells of Bull’s jobs, and of another prefix', async () => {
    const { ask, connection } = await openServer()
    const queue = new Bull('images', { redis: { ...connection, enableReadyCheck: false }, prefix: 'shop' })
    onTestFinished(() => queue.close())
    await queue.add({})
    await queue.add({}, { priority: 1 })
    expect(await ask('images?prefix=shop')).toMatchObject({ kind: 'bull', backlog: 2, isPaused: false })
    await queue.pause()
    expect(await ask('images?prefix=shop')).toMatchObject({ kind: 'bull', backlog: 2, isPaused: true })
  })

  test('tells the length of a list or of a stream', async () => {
    const door = await openDoor()
    await door.broker.call('RPUSH', 'tasks', 'a', 'b')
    await door.broker.call('XADD', 'log', '*', 'a', '1')
    expect(await (await door.ask('/v1/queues/tasks')).json()).toMatchObject({ kind: 'list', backlog: 2 })
    expect(await (await door.ask('/v1/queues/log')).json()).toMatchObject({ kind: 'stream', backlog: 1 })
  })

  test('is refused where there is no queue, for users who may not read it, and for tokens', async () => {
    const door = await openDoor()
    await door.broker.call('ACL', 'SETUSER', 'guest', 'on', '>pw', '+@read', '~mine:*')
    await door.broker.call('RPUSH', 'tasks', 'a')
    await door.broker.call('RPUSH', 'mine:tasks', 'a')
    expect((await door.ask('/v1/queues/none')).status).toBe(404)
    expect((await door.ask('/v1/queues/tasks', { method: 'POST' })).status).toBe(405)
    const headers = { Authorization: 'Bearer guest:pw' }
    expect((await door.ask('/v1/queues/tasks', { headers })).status).toBe(403)
    expect((await door.ask('/v1/queues/mine:tasks?prefix=mine', { headers })).status).toBe(200)
  })
})
