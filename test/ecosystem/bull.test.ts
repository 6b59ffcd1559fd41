// Bull 4, the elder of BullMQ: other scripts, ioredis 5 (so RESP2), and publish/subscribe for its events.

import { join } from 'node:path'
import Bull from 'bull'
import { expect, onTestFinished, test } from 'vitest'
import { eventually } from '../support/server.ts'
import { Signal, useTarget } from './target.ts'

const target = useTarget()
let lastName = 0

function open(options: Bull.QueueOptions = {}, name = `bull-${++lastName}`): Bull.Queue {
  const queue = new Bull(name, { redis: { host: target.host, port: target.port }, ...options })
  queue.on('error', () => {})
  onTestFinished(() => queue.close(true))
  return queue
}

test('jobs are done, and all listeners hear of it', async () => {
  const queue = open()
  const elsewhere = open({}, queue.name)
  const heard: string[] = []
  elsewhere.on('global:completed', (id, result) => heard.push(`${id} ${result}`))
  elsewhere.on('global:progress', (id, progress) => heard.push(`${id} ${progress}%`))
  await elsewhere.isReady()
  void queue.process(3, async (job) => {
    await job.progress(50)
    return { square: job.data.n ** 2 }
  })
  const job = await queue.add({ n: 7, text: 'grün' })
  expect(await job.finished()).toEqual({ square: 49 })
  await eventually(() => heard.length === 2)
  expect(heard).toEqual(['1 50%', '1 {"square":49}'])
  await queue.addBulk(Array.from({ length: 50 }, (_, n) => ({ data: { n } })))
  await eventually(async () => (await queue.getCompletedCount()) === 51)
  expect((await queue.getJob(1))?.data).toEqual({ n: 7, text: 'grün' })
  expect(await queue.getJobCounts()).toEqual({ waiting: 0, active: 0, completed: 51, failed: 0, delayed: 0, paused: 0 })
})

test('delays, priorities and LIFO', async () => {
  const queue = open()
  await queue.add('delayed', {}, { delay: 60 })
  await queue.add('low', {}, { priority: 9 })
  await queue.add('high', {}, { priority: 1 })
  await queue.add('plain', {})
  await queue.add('last in', {}, { lifo: true })
  const order: string[] = []
  void queue.process('*', async (job) => void order.push(job.name))
  await eventually(() => order.length === 5)
  expect(order.at(-1)).toBe('delayed')
  expect(order.indexOf('high')).toBeLessThan(order.indexOf('low'))
  expect(order[0]).toBe('last in')
})

test('failures are tried again with backoff, then kept, then retried by hand', async () => {
  const queue = open()
  let broken = true
  let tries = 0
  void queue.process(async () => {
    tries++
    if (broken) throw new Error('the disk is full')
    return 'fine'
  })
  const job = await queue.add({}, { attempts: 3, backoff: { type: 'fixed', delay: 10 } })
  await expect(job.finished()).rejects.toThrow('the disk is full')
  expect(tries).toBe(3)
  const [failed] = await queue.getFailed()
  expect(failed).toMatchObject({ failedReason: 'the disk is full', attemptsMade: 3 })
  broken = false
  await failed!.retry()
  await eventually(async () => (await queue.getCompletedCount()) === 1)
})

test('a limiter, a pause, a lock that others respect', async () => {
  const queue = open({ limiter: { max: 2, duration: 80 } })
  await queue.pause()
  for (let i = 0; i < 5; i++) await queue.add({ i })
  expect(await queue.getPausedCount()).toBe(5)
  expect(await queue.isPaused()).toBe(true)
  const times: number[] = []
  const holding = new Signal()
  const release = new Signal()
  void queue.process(async () => {
    times.push(Date.now())
    if (times.length === 1) {
      holding.give()
      await release.reached
    }
  })
  await queue.resume()
  await holding.reached
  const [active] = await queue.getActive()
  await expect(active!.remove()).rejects.toThrow(/Could not remove job/)
  release.give()
  await eventually(async () => (await queue.getCompletedCount()) === 5)
  expect(times[4]! - times[0]!).toBeGreaterThanOrEqual(100)
})

test('repeated jobs come again and are listed', async () => {
  const queue = open()
  let ticks = 0
  void queue.process('tick', async () => void ticks++)
  await queue.add('tick', {}, { repeat: { every: 30, limit: 3 } })
  await eventually(() => ticks === 3)
  await queue.add('tick', {}, { repeat: { cron: '0 0 1 1 *' } })
  const repeatable = await queue.getRepeatableJobs()
  expect(repeatable.some((job) => job.cron === '0 0 1 1 *')).toBe(true)
  await queue.removeRepeatable('tick', { cron: '0 0 1 1 *' })
  expect((await queue.getRepeatableJobs()).some((job) => job.cron === '0 0 1 1 *')).toBe(false)
})

test('a job whose worker was lost is done by another', async () => {
  const settings = { stalledInterval: 60, lockDuration: 40, lockRenewTime: 100_000 }
  const lost = open({ settings })
  const begun = new Signal()
  void lost.process(async () => {
    begun.give()
    await new Promise(() => {})
  })
  const job = await lost.add({ n: 1 })
  await begun.reached
  await lost.close(true)
  const rescuer = open({ settings: { stalledInterval: 60 } }, lost.name)
  const done = new Promise((resolve) => rescuer.on('completed', (job, result) => resolve([job.id, result])))
  void rescuer.process(async () => 'rescued')
  expect(await done).toEqual([job.id, 'rescued'])
})

test('a processor in a process of its own', async () => {
  const queue = open()
  void queue.process(join(import.meta.dirname, 'processors/sandboxed.cjs'))
  const job = await queue.add({ numbers: [4, 5] })
  const result = await job.finished()
  expect(result.sum).toBe(9)
  expect(result.pid).not.toBe(process.pid)
  expect(await queue.getJobLogs(job.id)).toEqual({ logs: ['from the sandbox'], count: 1 })
})

test('clean, empty and obliterate', async () => {
  const queue = open()
  void queue.process(async () => {})
  for (let i = 0; i < 10; i++) await queue.add({ i })
  await eventually(async () => (await queue.getCompletedCount()) === 10)
  // Bull removes what is older than the grace, which is at least a millisecond.
  await eventually(async () => Date.now() > (await queue.getCompleted())[0]!.finishedOn!)
  expect(await queue.clean(0, 'completed', 4)).toHaveLength(4)
  expect(await queue.getCompletedCount()).toBe(6)
  await queue.pause()
  for (let i = 0; i < 10; i++) await queue.add({ i })
  await queue.empty()
  expect(await queue.count()).toBe(0)
  await queue.obliterate({ force: true })
  expect(await queue.client.keys(`bull:${queue.name}:*`)).toEqual([])
})
