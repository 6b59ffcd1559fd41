// bee-queue: BRPOPLPUSH, small scripts, events over publish/subscribe; over node-redis 3, the oldest client here.

import BeeQueue from 'bee-queue'
import { expect, onTestFinished, test } from 'vitest'
import { eventually } from '../support/server.ts'
import { Signal, useTarget } from './target.ts'

const target = useTarget()
let lastName = 0

function open(settings: BeeQueue.QueueSettings = {}, name = `bee-${++lastName}`): BeeQueue {
  const queue = new BeeQueue(name, { redis: { host: target.host, port: target.port }, ...settings })
  queue.on('error', () => {})
  onTestFinished(() => queue.close(1).catch(() => {}))
  return queue
}

test('jobs are done elsewhere, and the one who made them hears of it', async () => {
  const producer = open({ isWorker: false })
  const worker = open({ getEvents: false }, producer.name)
  worker.process<number>(2, async (job) => {
    job.reportProgress({ at: 'half' })
    return job.data.n * 2
  })
  const job = await producer.createJob({ n: 21 }).save()
  const progress = new Promise((resolve) => job.on('progress', resolve))
  expect(await new Promise((resolve) => job.on('succeeded', resolve))).toBe(42)
  expect(await progress).toEqual({ at: 'half' })
  const jobs = Array.from({ length: 40 }, (_, n) => producer.createJob({ n }))
  expect((await producer.saveAll(jobs)).size).toBe(0)
  await eventually(async () => (await producer.checkHealth()).succeeded === 41)
  expect(await producer.checkHealth()).toMatchObject({ waiting: 0, active: 0, failed: 0, delayed: 0, newestJob: 41 })
})

test('retries with backoff, then failed', async () => {
  const queue = open({ activateDelayedJobs: true, delayedDebounce: 1 })
  let tries = 0
  queue.process(async () => {
    tries++
    throw new Error('no luck')
  })
  const job = await queue.createJob({}).retries(2).backoff('fixed', 10).save()
  const error = await new Promise<Error>((resolve) => job.on('failed', resolve))
  expect(error.message).toBe('no luck')
  expect(tries).toBe(3)
  await eventually(async () => (await queue.checkHealth()).failed === 1)
  expect((await queue.getJobs('failed', { size: 10 })).map((failed) => failed.id)).toEqual([job.id])
})

test('delayed jobs are activated at their time', async () => {
  const queue = open({ activateDelayedJobs: true, delayedDebounce: 1, nearTermWindow: 1000 })
  const started = Date.now()
  const done = new Signal<number>()
  queue.process(async () => done.give(Date.now() - started))
  await queue.ready()
  await queue
    .createJob({})
    .delayUntil(started + 800)
    .save()
  expect((await queue.checkHealth()).delayed).toBe(1)
  expect(await done.reached).toBeGreaterThanOrEqual(800)
})

test('a stalled job goes back into the queue', async () => {
  const lost = open({ stallInterval: 50 })
  const begun = new Signal()
  lost.process(async () => {
    begun.give()
    await new Promise(() => {})
  })
  const job = await lost.createJob({ n: 1 }).save()
  await begun.reached
  await lost.close(1).catch(() => {})
  const rescuer = open({ stallInterval: 50 }, lost.name)
  const done = new Signal<string>()
  rescuer.process(async (job) => done.give(job.id))
  await eventually(async () => (await rescuer.checkStalledJobs()) > 0)
  expect(await done.reached).toBe(job.id)
})

test('a job id is taken once; jobs are removed, the queue destroyed', async () => {
  const queue = open({ isWorker: false })
  const first = await queue.createJob({ n: 1 }).setId('mine').save()
  expect(first.id).toBe('mine')
  expect((await queue.createJob({ n: 2 }).setId('mine').save()).id).toBeNull()
  expect((await queue.getJob('mine')).data).toEqual({ n: 1 })
  await queue.removeJob('mine')
  expect((await queue.checkHealth()).waiting).toBe(0)
  await queue.createJob({ n: 3 }).save()
  await queue.destroy()
  expect((await queue.checkHealth()).waiting).toBe(0)
})
