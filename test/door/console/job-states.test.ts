// A job of BullMQ in each of its states, as the API tells of it; and what the console's changes
// leave behind, as BullMQ's own worker takes it.

import { FlowProducer, type Job, Queue, Worker } from 'bullmq'
import { describe, expect, onTestFinished, test } from 'vitest'
import { startServer } from '../../../src/index.ts'
import { freePort } from '../../../src/util/free-ports.ts'
import { eventually } from '../../support/server.ts'

interface Details {
  readonly state: string
  readonly runsAt: number | null
  readonly priority: number
  readonly attemptsMade: number
  readonly attempts: number | null
  readonly stalled: number
  readonly worker: string | null
  readonly lock: { readonly token: string; readonly expiresInMs: number } | null
  readonly stacktrace: readonly string[]
  readonly logs: readonly string[]
  readonly failedReason: string | null
  readonly returnvalue: string | null
  readonly timeline: readonly { readonly at: number; readonly what: string }[]
  readonly parent: { readonly queue: string; readonly id: string; readonly state: string | null } | null
  readonly children: readonly { readonly name: string; readonly state: string | null }[]
}

interface End {
  readonly matched: number
  readonly done: number
  readonly refused: number
}

const HOUR_MS = 3_600_000

async function openServer() {
  const httpPort = await freePort()
  const config = { 'http-port': String(httpPort), appendonly: 'no', save: '', console: 'yes', requirepass: 'secret' }
  const server = await startServer({ port: 0, config })
  onTestFinished(() => server.close())
  const connection = { host: '127.0.0.1', port: server.port, password: 'secret', maxRetriesPerRequest: null }
  const headers = { Authorization: 'Bearer default:secret', 'X-Respite-Console': '1' }
  const ask = (path: string, body?: object): Promise<Response> =>
    fetch(`http://127.0.0.1:${httpPort}/v1/queues/${path}`, {
      headers,
      ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
    })
  const tell = async ({ id, queueName }: Job): Promise<Details> =>
    (await (await ask(`${queueName}/jobs/${id}`)).json()) as Details
  const act = async ({ id, queueName }: Job, action: string, body: object = {}): Promise<number> =>
    (await ask(`${queueName}/jobs/${id}/${action}`, body)).status
  const actOnAll = async (path: string, body: object = {}): Promise<End> => {
    const lines = (await (await ask(path, body)).text()).trim().split('\n')
    return (JSON.parse(lines.at(-1)!) as { end: End }).end
  }
  const openQueue = (name: string): Queue => {
    const queue = new Queue(name, { connection })
    onTestFinished(() => queue.close())
    return queue
  }
  const openWorker = (name: string, run: (job: Job) => Promise<unknown>, options: object = {}): Worker => {
    const worker = new Worker(name, run, { connection, ...options })
    worker.on('error', () => {})
    onTestFinished(() => worker.close())
    return worker
  }
  const flows = new FlowProducer({ connection })
  onTestFinished(() => flows.close())
  return { connection, ask, tell, act, actOnAll, openQueue, openWorker, flows }
}

describe('a job of BullMQ is told of', () => {
  test('while it waits, is delayed, has a priority, is held by a pause, and waits for children', async () => {
    const { flows, openQueue, tell } = await openServer()
    const queue = openQueue('states')
    const waiting = await queue.add('a', {})
    expect(await tell(waiting)).toMatchObject({ state: 'waiting', lock: null, timeline: [{ what: 'added' }] })
    const delayed = await queue.add('b', {}, { delay: HOUR_MS })
    const { runsAt, state, timeline } = await tell(delayed)
    expect(state).toBe('delayed')
    expect(runsAt! - Date.now()).toBeGreaterThan(HOUR_MS - 60_000)
    expect(timeline.map(({ what }) => what)).toEqual(['added', 'runs at'])
    const first = await queue.add('c', {}, { priority: 7 })
    expect(await tell(first)).toMatchObject({ state: 'prioritized', priority: 7 })
    const tree = await flows.add({
      name: 'top',
      queueName: 'states',
      children: [{ name: 'mid', queueName: 'states', children: [{ name: 'leaf', queueName: 'states' }] }],
    })
    const mid = tree.children![0]!
    expect(await tell(tree.job)).toMatchObject({
      state: 'waiting-children',
      parent: null,
      children: [{ name: 'mid', state: 'waiting-children' }],
    })
    expect(await tell(mid.job)).toMatchObject({
      parent: { queue: 'states', id: tree.job.id, state: 'waiting-children' },
      children: [{ name: 'leaf', state: 'waiting' }],
    })
    await queue.pause()
    expect((await tell(waiting)).state).toMatch(/^(waiting|paused)$/)
  })

  test('while a worker has it, after each failed attempt, and when it has finished', async () => {
    const { openQueue, openWorker, tell } = await openServer()
    const queue = openQueue('runs')
    const holding: { release?: () => void } = {}
    openWorker(
      'runs',
      async (job) => {
        await job.log(`attempt ${job.attemptsMade + 1}`)
        if (job.attemptsMade < 2) throw new Error(`no ${job.attemptsMade + 1}`)
        await new Promise<void>((resolve) => {
          holding.release = resolve
        })
        return { sent: true }
      },
      { name: 'runner' },
    )
    const job = await queue.add('a', {}, { attempts: 3 })
    await eventually(() => holding.release !== undefined)
    const active = await tell(job)
    expect(active).toMatchObject({ state: 'active', worker: 'runner', attemptsMade: 2, attempts: 3 })
    expect(active.lock!.expiresInMs).toBeGreaterThan(0)
    expect(active.stacktrace.map((stack) => stack.split('\n')[0])).toEqual(['Error: no 1', 'Error: no 2'])
    expect(active.logs).toEqual(['attempt 1', 'attempt 2', 'attempt 3'])
    // The queue's own events say when each attempt began and failed.
    expect(active.timeline.map(({ what }) => what)).toEqual([
      'added',
      'attempt 1 started',
      'attempt 1 failed: no 1',
      'attempt 2 started',
      'attempt 2 failed: no 2',
      'attempt 3 started',
    ])
    holding.release!()
    await eventually(async () => (await queue.getCompletedCount()) === 1)
    const finished = await tell(job)
    expect(finished).toMatchObject({ state: 'completed', lock: null, returnvalue: '{"sent":true}' })
    expect(finished.timeline.at(-1)!.what).toBe('finished')
    expect(finished.timeline).toHaveLength(7)
  })

  test('when its worker has stalled, and when its scheduler has made it', async () => {
    const { connection, openQueue, openWorker, tell, act } = await openServer()
    const queue = openQueue('stalls')
    const job = await queue.add('a', {})
    // A worker that takes a job by hand, and never renews its lock, has stalled.
    const lost = new Worker('stalls', undefined, { connection, lockDuration: 10 })
    onTestFinished(() => lost.close())
    await lost.getNextJob('token')
    expect(await tell(job)).toMatchObject({ state: 'active', stalled: 0 })
    const worker = openWorker('stalls', async () => {}, { stalledInterval: 20, autorun: true })
    await eventually(async () => (await tell(job)).stalled === 1)
    await eventually(async () => (await queue.getCompletedCount()) === 1)
    expect((await tell(job)).timeline.map(({ what }) => what)).toContain('attempt 1 stalled')
    await worker.close()
    const made = await queue.upsertJobScheduler('nightly', { pattern: '0 3 * * *' }, { name: 'report' })
    expect(await tell(made!)).toMatchObject({ state: 'delayed' })
    expect(await act(made!, 'remove')).toBe(409)
  })
})

describe('a worker of BullMQ takes', () => {
  test('jobs in the order that changes of one and of all have given them', async () => {
    const { act, actOnAll, openQueue, openWorker } = await openServer()
    const queue = openQueue('order')
    for (const name of ['a', 'b']) await queue.add(name, { group: 1 })
    const late = await queue.add('late', {}, { delay: HOUR_MS, priority: 2 })
    const first = await queue.add('first', {}, { priority: 9 })
    await queue.addBulk(Array.from({ length: 3 }, () => ({ name: 'soon', data: {}, opts: { delay: HOUR_MS } })))
    expect(await actOnAll('order/jobs/priority?data=group', { priority: 5 })).toMatchObject({ done: 2, refused: 0 })
    expect(await act(first, 'priority', { priority: 1 })).toBe(200)
    expect(await act(late, 'promote')).toBe(200)
    expect(await actOnAll('order/jobs/duplicate?name=b')).toMatchObject({ done: 1 })
    const done: string[] = []
    openWorker('order', async ({ name }) => {
      done.push(name)
    })
    await eventually(() => done.length === 5)
    expect(done).toEqual(['first', 'late', 'a', 'b', 'b'])
    // The worker sleeps until the hour is over: it hears that the delay is another.
    expect(await actOnAll('order/jobs/delay?state=delayed', { delay: 1 })).toMatchObject({ done: 3 })
    await eventually(() => done.length === 8)
    expect(await actOnAll('order/jobs/remove?state=completed')).toMatchObject({ done: 8, refused: 0 })
    expect(await queue.getJobCountByTypes('completed')).toBe(0)
  })

  test('a parent by its own priority and delay, when its last child is removed', async () => {
    const { act, flows, openQueue, tell } = await openServer()
    const queue = openQueue('up')
    const add = (name: string, opts: object) =>
      flows.add({ name, queueName: 'up', opts, children: [{ name: 'child', queueName: 'down' }] })
    const urgent = await add('urgent', { priority: 2 })
    const later = await add('later', { delay: HOUR_MS })
    for (const { children } of [urgent, later]) expect(await act(children![0]!.job, 'remove')).toBe(200)
    expect(await tell(urgent.job)).toMatchObject({ state: 'prioritized', children: [] })
    expect(await tell(later.job)).toMatchObject({ state: 'delayed' })
    expect(await queue.getJobCounts('prioritized', 'delayed')).toEqual({ prioritized: 1, delayed: 1 })
  })
})
