// BullMQ: options and calls that change how a job goes its way, beside those that the life of a job itself needs.

import { type Job, Queue, WaitingError, Worker } from 'bullmq'
import { Redis } from 'ioredis'
import { expect, onTestFinished, test } from 'vitest'
import { eventually } from '../support/server.ts'
import { Bench, completions, nextEvent } from './bullmq-bench.ts'
import { Signal, useTarget } from './target.ts'

const target = useTarget()

/** Resolves with the first job of a worker that fails. */
function failure(worker: Worker): Promise<Job> {
  return new Promise((resolve) => {
    worker.on('failed', (job) => job !== undefined && resolve(job))
  })
}

test('deduplication: while one is in hand the last of those that come is kept and done next', async () => {
  const bench = new Bench(target)
  const queue = bench.queue()
  const [begun, release] = [new Signal(), new Signal()]
  const running = new Set<string>()
  const worker = bench.worker(
    async (job) => {
      expect(running.size).toBe(0)
      running.add(job.id!)
      begun.give()
      await release.reached
      running.delete(job.id!)
      return job.data
    },
    { concurrency: 4 },
  )
  const done = completions(worker, 2)
  const deduplication = { id: 'key', keepLastIfActive: true }
  await queue.add('first', 1, { deduplication })
  await begun.reached
  for (const n of [2, 3, 4]) await queue.add('later', n, { deduplication })
  release.give()
  expect((await done).map((job) => job.returnvalue)).toEqual([1, 4])
  await eventually(async () => (await queue.getDeduplicationJobId('key')) === null)
  expect(await queue.getJobCountByTypes('waiting', 'active', 'delayed', 'prioritized')).toBe(0)
})

test('deduplication: a delayed job is moved to another time, and stays what it is', async () => {
  const bench = new Bench(target)
  const queue = bench.queue()
  const deduplication = { id: 'key', reschedule: true }
  const job = await queue.add('once', 'kept', { delay: 60_000, deduplication })
  const again = await queue.add('once', 'dropped', { delay: 10, deduplication })
  expect(again.id).toBe(job.id)
  expect(await queue.getDelayedCount()).toBe(1)
  const [done] = await completions(
    bench.worker(async ({ data }) => data),
    1,
  )
  expect(done).toMatchObject({ id: job.id, returnvalue: 'kept' })
})

test('deduplication: the key is the job’s to give up', async () => {
  const bench = new Bench(target)
  const queue = bench.queue()
  const job = await queue.add('one', 1, { deduplication: { id: 'key' } })
  expect(await job.removeDeduplicationKey()).toBe(true)
  const other = await queue.add('two', 2, { deduplication: { id: 'key' } })
  expect(other.id).not.toBe(job.id)
  expect(await job.removeDeduplicationKey()).toBe(false)
  expect(await queue.getDeduplicationJobId('key')).toBe(other.id)
})

test('backoffs with jitter are between what is left and the whole', async () => {
  const bench = new Bench(target)
  const queue = bench.queue()
  const delays: Record<string, number[]> = { fixed: [], doubling: [] }
  const worker = bench.worker(async (job) => {
    if (job.attemptsMade < 2) throw new Error('again')
  })
  worker.on('failed', (job) => delays[job!.name]!.push(job!.delay))
  const done = completions(worker, 2)
  await queue.add('fixed', {}, { attempts: 3, backoff: { type: 'fixed', delay: 60, jitter: 0.5 } })
  await queue.add('doubling', {}, { attempts: 3, backoff: { type: 'exponential', delay: 40, jitter: 0.25 } })
  await done
  const within = (delay: number | undefined, least: number, most: number): boolean => delay! >= least && delay! <= most
  expect(delays.fixed!.map((delay) => within(delay, 30, 60))).toEqual([true, true])
  expect([within(delays.doubling![0], 30, 40), within(delays.doubling![1], 60, 80)]).toEqual([true, true])
})

test('a job goes back to those that wait, by its own hand', async () => {
  const bench = new Bench(target)
  const queue = bench.queue()
  let turn = 0
  const worker = bench.worker(async (job, token) => {
    if (job.name === 'polite' && ++turn === 1) {
      await job.moveToWait(token)
      throw new WaitingError()
    }
    return turn
  })
  const done = completions(worker, 1)
  await queue.add('polite', {})
  expect((await done)[0]).toMatchObject({ returnvalue: 2, attemptsStarted: 2, attemptsMade: 1 })
})

test('every state is told by its own question, and counted', async () => {
  const bench = new Bench(target)
  const queue = bench.queue()
  const delayed = await queue.add('delayed', {}, { delay: 60_000 })
  const prioritized = await queue.add('prioritized', {}, { priority: 5 })
  const { job: parent } = await bench
    .flows()
    .add({ name: 'parent', queueName: bench.name, children: [{ name: 'child', queueName: `${bench.name}-other` }] })
  const [begun, release] = [new Signal(), new Signal()]
  await queue.add('first', {})
  const worker = bench.worker(async () => {
    begun.give()
    await release.reached
  })
  await begun.reached
  const waiting = await queue.add('waiting', {})
  const active = (await queue.getActive())[0]!
  expect([await active.isActive(), await active.isWaiting(), await active.isCompleted()]).toEqual([true, false, false])
  expect([await delayed.isDelayed(), await delayed.isActive(), await delayed.isFailed()]).toEqual([true, false, false])
  expect([await waiting.isWaiting(), await waiting.isDelayed()]).toEqual([true, false])
  expect([await parent.isWaitingChildren(), await parent.isWaiting()]).toEqual([true, false])
  expect(await prioritized.getState()).toBe('prioritized')
  expect(await queue.getActiveCount()).toBe(1)
  expect(await queue.getPrioritizedCount()).toBe(1)
  expect((await queue.getWaitingChildren()).map((job) => job.id)).toEqual([parent.id])
  expect(await queue.getJobCountByTypes('active', 'delayed', 'prioritized', 'waiting-children')).toBe(4)
  expect(await queue.getRanges(['delayed', 'prioritized'])).toEqual([delayed.id, prioritized.id])
  expect(await queue.getCountsPerPriority([0, 5, 6])).toEqual({ 0: 1, 5: 1, 6: 0 })
  expect(await queue.isMaxed()).toBe(false)
  release.give()
  await completions(worker, 1)
  expect(worker.isRunning()).toBe(true)
})

test('a queue is full at its global concurrency, until that is lifted', async () => {
  const bench = new Bench(target)
  const queue = bench.queue()
  await queue.setGlobalConcurrency(1)
  const release = new Signal()
  let running = 0
  const worker = bench.worker(
    async () => {
      running++
      await release.reached
    },
    { concurrency: 3 },
  )
  const done = completions(worker, 3)
  for (let i = 0; i < 3; i++) await queue.add('slow', i)
  await eventually(() => running > 0)
  expect(await queue.isMaxed()).toBe(true)
  expect(running).toBe(1)
  await queue.removeGlobalConcurrency()
  expect(await queue.getGlobalConcurrency()).toBeNull()
  expect(await queue.isMaxed()).toBe(false)
  release.give()
  await done
})

test('the errors of failed children are listed by child, ignored or not', async () => {
  const bench = new Bench(target)
  const children = `${bench.name}-children`
  const flow = await bench.flows().add({
    name: 'parent',
    queueName: bench.name,
    children: [
      { name: 'bad', queueName: children, opts: { ignoreDependencyOnFailure: true } },
      { name: 'worse', queueName: children, opts: { continueParentOnFailure: true } },
    ],
  })
  bench.worker(
    async (job) => {
      throw new Error(`${job.name} broke`)
    },
    {},
    children,
  )
  const [done] = await completions(
    bench.worker(async (job) => job.getFailedChildrenValues()),
    1,
  )
  expect(done!.id).toBe(flow.job.id)
  expect(Object.values(done!.returnvalue as Record<string, string>)).toContain('worse broke')
  const left = await flow.job.getDependenciesCount({ failed: true, ignored: true })
  expect((left.failed ?? 0) + (left.ignored ?? 0)).toBeGreaterThan(0)
})

test('progress and logs are written from outside, logs kept up to a number and cleared', async () => {
  const bench = new Bench(target)
  const queue = bench.queue()
  const events = bench.events()
  const job = await queue.add('watched', {})
  const progress = nextEvent<{ jobId: string; data: unknown }>(events, 'progress')
  await queue.updateJobProgress(job.id!, { percent: 40 })
  expect(await progress).toMatchObject({ jobId: job.id, data: { percent: 40 } })
  for (let i = 1; i <= 5; i++) await queue.addJobLog(job.id!, `line ${i}`, 3)
  expect(await queue.getJobLogs(job.id!)).toEqual({ logs: ['line 3', 'line 4', 'line 5'], count: 3 })
  expect(await queue.getJobLogs(job.id!, 0, 0, false)).toEqual({ logs: ['line 5'], count: 3 })
  await job.clearLogs(1)
  expect((await queue.getJobLogs(job.id!)).logs).toEqual(['line 5'])
  await job.clearLogs()
  expect((await queue.getJobLogs(job.id!)).count).toBe(0)
  await expect(queue.updateJobProgress('none', 1)).rejects.toThrow(/Missing key for job none/)
})

test('a job in hand is told to stop, one or all, and why', async () => {
  const bench = new Bench(target)
  const queue = bench.queue()
  const started: string[] = []
  const worker = bench.worker(
    (job, _token, signal) => {
      started.push(job.id!)
      return new Promise((_, reject) => {
        signal!.addEventListener('abort', () =>
          reject(new Error(`stopped: ${signal!.reason?.message ?? signal!.reason}`)),
        )
      })
    },
    { concurrency: 3 },
  )
  const failed: Job[] = []
  worker.on('failed', (job) => failed.push(job!))
  for (const id of ['a', 'b', 'c']) await queue.add('long', {}, { jobId: id })
  await eventually(() => started.length === 3)
  expect(worker.cancelJob('b', 'no longer wanted')).toBe(true)
  expect(worker.cancelJob('none')).toBe(false)
  await eventually(() => failed.length === 1)
  expect(failed[0]!.id).toBe('b')
  expect((await queue.getJob('b'))!.failedReason).toMatch(/no longer wanted/)
  worker.cancelAllJobs()
  await eventually(() => failed.length === 3)
  expect(await queue.getFailedCount()).toBe(3)
})

test('finished jobs are kept for a time, and go when another one ends', async () => {
  const bench = new Bench(target)
  const queue = bench.queue()
  const worker = bench.worker(async (job) => {
    if (job.name === 'fails') throw new Error('no')
  })
  const ends = new Promise<void>((resolve) => {
    let left = 2
    const count = (): void => void (--left === 0 && resolve())
    worker.on('completed', count)
    worker.on('failed', count)
  })
  await queue.add('works', {}, { jobId: 'old' })
  await queue.add('fails', {}, { jobId: 'old failed' })
  await ends
  // A time of 0 seconds has passed as soon as the next job ends in a later millisecond.
  const since = (await queue.getJob('old failed'))!.finishedOn!
  await eventually(() => Date.now() > since + 1)
  const next = Promise.all([completions(worker, 1), failure(worker)])
  await queue.add('works', {}, { jobId: 'new', removeOnComplete: { age: 0, count: 10 } })
  await queue.add('fails', {}, { jobId: 'new failed', removeOnFail: { age: 0, limit: 5 } })
  await next
  expect(await queue.getJob('old')).toBeUndefined()
  expect(await queue.getJob('old failed')).toBeUndefined()
})

test('limits: how often a job may begin, how large it may be, how much of its stacks is kept', async () => {
  const bench = new Bench(target)
  const queue = bench.queue({ defaultJobOptions: { attempts: 4, stackTraceLimit: 2, backoff: 1 } })
  await expect(queue.add('large', 'x'.repeat(100), { sizeLimit: 50 })).rejects.toThrow(/exceeds the limit/)
  expect(await queue.count()).toBe(0)
  const worker = bench.worker(
    async (job, token) => {
      if (job.name === 'circles') {
        await job.moveToWait(token)
        throw new WaitingError()
      }
      throw new Error(`try ${job.attemptsMade}`)
    },
    { maxStartedAttempts: 3 },
  )
  const failed = failure(worker)
  await queue.add('circles', {}, { attempts: 1 })
  await failed
  expect((await queue.getFailed())[0]).toMatchObject({ failedReason: 'job started more than allowable limit' })
  await worker.close()
  bench.worker(async (job) => {
    throw new Error(`try ${job.attemptsMade}`)
  })
  const job = await queue.add('fails', {})
  await eventually(() => job.isFailed())
  const { stacktrace, attemptsMade } = (await queue.getJob(job.id!))!
  expect(attemptsMade).toBe(4)
  expect(stacktrace!.map((stack) => /try \d/.exec(stack)![0])).toEqual(['try 2', 'try 3'])
})

test('a finished job is run again from its first try', async () => {
  const bench = new Bench(target)
  const queue = bench.queue()
  const worker = bench.worker(async (job) => `after ${job.attemptsMade}`)
  const [first] = await Promise.all([completions(worker, 1), queue.add('again', {})])
  const done = completions(worker, 1)
  await first[0]!.retry('completed', { resetAttemptsMade: true, resetAttemptsStarted: true })
  const [second] = await done
  expect(second).toMatchObject({ id: first[0]!.id, returnvalue: 'after 0', attemptsMade: 1, attemptsStarted: 1 })
})

test('a queue limits its rate by hand, whatever its workers say', async () => {
  const bench = new Bench(target)
  const queue = bench.queue()
  await queue.rateLimit(120)
  const started = Date.now()
  const worker = bench.worker(async () => Date.now(), { limiter: { max: 1, duration: 10 } })
  const done = completions(worker, 1)
  await queue.add('held', {})
  expect(await queue.getRateLimitTtl()).toBeGreaterThan(0)
  expect((await done)[0]!.returnvalue - started).toBeGreaterThanOrEqual(100)
})

test('a scheduler begins at its date and ends at another', async () => {
  const bench = new Bench(target)
  const queue = bench.queue()
  const startDate = Date.now() + 3_600_000
  await queue.upsertJobScheduler('later', { every: 60_000, startDate }, { name: 'later' })
  const [job] = await queue.getDelayed()
  expect(job!.timestamp + job!.delay).toBeGreaterThanOrEqual(startDate)
  await expect(queue.upsertJobScheduler('over', { every: 60_000, endDate: Date.now() - 1 })).rejects.toThrow(/End date/)
  expect(await queue.getJobScheduler('over')).toBeUndefined()
  await queue.upsertJobScheduler('now', { pattern: '0 0 1 1 *', immediately: true }, { name: 'now' })
  const [done] = await completions(
    bench.worker(async () => {}),
    1,
  )
  expect(done!.name).toBe('now')
  await eventually(async () => (await queue.getDelayedCount()) === 2)
  await expect(queue.upsertJobScheduler('both', { every: 1, pattern: '* * * * *' })).rejects.toThrow(/Both/)
})

test('jobs that no list knows are found and swept away', async () => {
  const bench = new Bench(target)
  const queue = bench.queue()
  for (let i = 0; i < 5; i++) await queue.add('kept', i)
  const redis = new Redis(target.connection)
  onTestFinished(() => redis.disconnect())
  for (const id of ['lost', 'gone'])
    await redis.hset(queue.toKey(id), 'name', 'x', 'data', '{}', 'timestamp', '1', 'opts', '{}')
  await redis.rpush(`${queue.toKey('lost')}:logs`, 'a line')
  expect(await queue.removeOrphanedJobs()).toBe(2)
  expect(await redis.exists(queue.toKey('lost'), queue.toKey('gone'), `${queue.toKey('lost')}:logs`)).toBe(0)
  expect(await queue.getWaitingCount()).toBe(5)
})

test('a worker that is not run begins when it is, with a connection of the caller’s', async () => {
  const bench = new Bench(target)
  const queue = bench.queue()
  const connection = new Redis(target.connection)
  const worker = new Worker(bench.name, async (job) => job.data, { connection, autorun: false, drainDelay: 1 })
  onTestFinished(async () => {
    await worker.close()
    connection.disconnect()
  })
  await queue.add('a', 1)
  await worker.waitUntilReady()
  expect(worker.isRunning()).toBe(false)
  expect(await queue.getWaitingCount()).toBe(1)
  const done = completions(worker, 1)
  const run = worker.run()
  expect((await done)[0]!.returnvalue).toBe(1)
  await worker.close()
  await run
})

test('locks of several jobs are prolonged together; those that are lost are told', async () => {
  const bench = new Bench(target)
  const queue = bench.queue()
  const worker = bench.worker(null)
  for (let i = 0; i < 3; i++) await queue.add('a', i)
  const jobs = [await worker.getNextJob('t'), await worker.getNextJob('t'), await worker.getNextJob('other')]
  const ids = jobs.map((job) => job!.id!)
  expect(await worker.extendJobLocks(ids, ['t', 't', 't'], 60_000)).toEqual([ids[2]])
})

test('queues of any prefix and name live beside each other', async () => {
  const names = ['plain', 'dotted.name', 'ünïcödé', 'with spaces', '{tagged}']
  const queues = names.flatMap((name) =>
    ['bull', '{bull}', 'my.prefix'].map((prefix) => new Queue(name, { connection: target.connection, prefix })),
  )
  onTestFinished(async () => {
    await Promise.all(queues.map((queue) => queue.close()))
  })
  for (const [i, queue] of queues.entries()) await queue.add('job', { i }, { delay: i % 2 === 0 ? 0 : 60_000 })
  for (const [i, queue] of queues.entries()) {
    expect(await queue.getJobCounts('waiting', 'delayed')).toEqual({ waiting: 1 - (i % 2), delayed: i % 2 })
    expect((await queue.getJobs())[0]!.data).toEqual({ i })
    await queue.obliterate()
  }
})
