// bull-board's API over BullMQ and Bull: what the dashboard asks, without a browser or a web server between.

import { createBullBoard } from '@bull-board/api'
import { BullAdapter } from '@bull-board/api/bullAdapter'
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter'
import Bull from 'bull'
import { expect, onTestFinished, test } from 'vitest'
import { eventually } from '../support/server.ts'
import { Bench, completions } from './bullmq-bench.ts'
import { useTarget } from './target.ts'

const target = useTarget()

type Request = { params?: Record<string, string>; query?: Record<string, unknown>; body?: unknown }
type Answer = { status?: number; body: never }
interface Route {
  method: string | string[]
  route: string | string[]
  handler(request: Request & { queues: unknown; uiConfig: object }): Promise<Answer>
}

/** Stands where a web framework would: keeps the routes and calls them. */
class Direct {
  #queues: unknown
  #routes: Route[] = []

  setQueues(queues: unknown) {
    this.#queues = queues
    return this
  }
  setViewsPath = () => this
  setStaticPath = () => this
  setEntryRoute = () => this
  setErrorHandler = () => this
  setUIConfig = () => this
  setApiRoutes(routes: Route[]) {
    this.#routes = routes
    return this
  }

  async ask<T>(method: string, path: string, request: Request = {}): Promise<T> {
    const route = this.#routes.find((one) => [one.method].flat().includes(method) && [one.route].flat().includes(path))
    if (route === undefined) throw new Error(`no route ${method} ${path}`)
    const answer = await route.handler({ query: {}, params: {}, ...request, queues: this.#queues, uiConfig: {} })
    if (answer.status !== undefined && answer.status >= 300) throw new Error(`${path}: ${JSON.stringify(answer)}`)
    return answer.body
  }
}

test('queues, jobs, logs, workers and the server are shown, and acted upon', async () => {
  const bench = new Bench(target)
  const queue = bench.queue()
  const bull = new Bull(`${bench.name}-bull`, { redis: { host: target.host, port: target.port } })
  onTestFinished(() => bull.close(true))
  const board = new Direct()
  createBullBoard({
    queues: [new BullMQAdapter(queue), new BullAdapter(bull)],
    serverAdapter: board as never,
  })
  const worker = bench.worker(async (job) => {
    await job.log(`doing ${job.name}`)
    if (job.name === 'bad') throw new Error('broken')
    return 'fine'
  })
  const done = completions(worker, 2)
  await queue.addBulk(['good', 'bad', 'good'].map((name) => ({ name, data: {} })))
  await done
  await eventually(async () => (await queue.getFailedCount()) === 1)
  await queue.add('later', { n: 1 }, { delay: 60_000 })
  await bull.add('waits', { n: 2 })

  type Shown = { name: string; counts: Record<string, number>; jobs: { name: string }[]; isPaused: boolean }
  const shown = async () => {
    const query = { activeQueue: bench.name, status: 'latest', page: '1', jobsPerPage: '10' }
    return (await board.ask<{ queues: Shown[] }>('get', '/api/queues', { query })).queues
  }
  const [mq, old] = await shown()
  expect(mq!.counts).toMatchObject({ completed: 2, failed: 1, delayed: 1, waiting: 0 })
  expect(mq!.jobs.map((job) => job.name).sort()).toEqual(['bad', 'good', 'good', 'later'])
  expect(old!.counts).toMatchObject({ waiting: 1 })

  const params = { queueName: bench.name, jobId: '2' }
  const job = await board.ask<{ job: object; status: string }>('get', '/api/queues/:queueName/:jobId', { params })
  expect(job).toMatchObject({ status: 'failed', job: { name: 'bad', failedReason: 'broken', isFailed: true } })
  expect(await board.ask('get', '/api/queues/:queueName/:jobId/logs', { params })).toEqual(['doing bad'])
  expect(await board.ask('get', '/api/queues/:queueName/workers', { params })).toMatchObject({
    workers: [{ addr: expect.stringMatching(/^127\.0\.0\.1:/) }],
  })

  const stats = await board.ask<Record<string, unknown>>('get', '/api/redis/stats')
  expect(stats).toMatchObject({
    version: expect.stringMatching(/^7\./),
    mode: 'standalone',
    port: target.port,
    uptime: expect.any(Number),
    memory: {
      total: expect.any(Number),
      used: expect.any(Number),
      peak: expect.any(Number),
      fragmentationRatio: expect.any(Number),
    },
    clients: { connected: expect.any(Number), blocked: expect.any(Number) },
  })
  expect(JSON.stringify(stats)).not.toContain('null')

  await board.ask('put', '/api/queues/:queueName/pause', { params })
  expect((await shown())[0]!.isPaused).toBe(true)
  await board.ask('put', '/api/queues/:queueName/resume', { params })
  await board.ask('put', '/api/queues/:queueName/promote', { params })
  await eventually(async () => (await queue.getCompletedCount()) === 3)
  await board.ask('put', '/api/queues/:queueName/:jobId/clean', { params })
  expect(await queue.getFailedCount()).toBe(0)
  await board.ask('put', '/api/queues/:queueName/pause', { params })
  await board.ask('put', '/api/queues/:queueName/obliterate', { params })
  expect((await shown())[0]!.counts).toMatchObject({ completed: 0, failed: 0, delayed: 0, waiting: 0 })
})
