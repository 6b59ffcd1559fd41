// BullMQ: the life of a job, from `add` to its end, in every way that BullMQ offers.

import { DelayedError, type Job, RateLimitError, UnrecoverableError, Worker } from 'bullmq'
import { expect, test } from 'vitest'
import { eventually } from '../support/server.ts'
import { Bench, completions, freshName, nextEvent } from './bullmq-bench.ts'
import { Signal, useTarget } from './target.ts'

const target = useTarget()

test('jobs added singly are done in order, and what they return is kept', async () => {
  const bench = new Bench(target)
  const queue = bench.queue()
  for (let i = 0; i < 20; i++) await queue.add('square', { i, text: 'grün \0 "quoted"' })
  expect(await queue.getJobCounts('waiting', 'active', 'completed')).toEqual({ waiting: 20, active: 0, completed: 0 })
  const worker = bench.worker(async (job) => ({ square: job.data.i ** 2, text: job.data.text }))
  const done = await completions(worker, 20)
  expect(done.map((job) => job.id)).toEqual(Array.from({ length: 20 }, (_, i) => String(i + 1)))
  const job = await queue.getJob('7')
  expect(job).toMatchObject({ name: 'square', returnvalue: { square: 36, text: 'grün \0 "quoted"' }, attemptsMade: 1 })
  expect(await job!.getState()).toBe('completed')
  expect(job!.finishedOn! >= job!.processedOn! && job!.processedOn! >= job!.timestamp).toBe(true)
})

test('a thousand jobs in one addBulk, a hundred at a time', async () => {
  const bench = new Bench(target)
  const queue = bench.queue()
  const jobs = await queue.addBulk(Array.from({ length: 1000 }, (_, i) => ({ name: 'bulk', data: { i } })))
  expect(jobs.map((job) => job.id)).toEqual(jobs.map((_, i) => String(i + 1)))
  let running = 0
  let most = 0
  const worker = bench.worker(
    async () => {
      most = Math.max(most, ++running)
      await new Promise(setImmediate)
      running--
    },
    { concurrency: 100 },
  )
  const done = await completions(worker, 1000)
  expect(new Set(done.map((job) => job.data.i)).size).toBe(1000)
  expect(most).toBeGreaterThan(10)
  expect(most).toBeLessThanOrEqual(100)
  await eventually(async () => (await queue.getCompletedCount()) === 1000)
  expect(await queue.count()).toBe(0)
})

test('several workers share a queue: every job is done exactly once', async () => {
  const bench = new Bench(target)
  const queue = bench.queue()
  const doneBy = new Map<string, number[]>()
  const workers = [0, 1, 2].map((n) =>
    bench.worker(
      async (job) => {
        doneBy.set(job.id!, [...(doneBy.get(job.id!) ?? []), n])
      },
      { concurrency: 3 },
    ),
  )
  await Promise.all(workers.map((worker) => worker.waitUntilReady()))
  for (let i = 0; i < 200; i++) await queue.add('shared', i)
  await eventually(async () => (await queue.getCompletedCount()) === 200)
  expect(doneBy.size).toBe(200)
  expect([...doneBy.values()].every((by) => by.length === 1)).toBe(true)
})

test('a worker that waits is woken by a job at once', async () => {
  const bench = new Bench(target)
  const queue = bench.queue()
  const worker = bench.worker(async () => 'done', { drainDelay: 30 })
  await worker.waitUntilReady()
  for (let i = 0; i < 5; i++) {
    const done = completions(worker, 1)
    const started = performance.now()
    await queue.add('wake', i)
    await done
    expect(performance.now() - started).toBeLessThan(10_000)
    worker.removeAllListeners('completed')
  }
})

test('delayed jobs wait for their time, in the order of their times', async () => {
  const bench = new Bench(target)
  const queue = bench.queue()
  const started = Date.now()
  // Both count from the same moment, however long the first takes to be added.
  await queue.add('late', {}, { delay: 120, timestamp: started })
  await queue.add('early', {}, { delay: 40, timestamp: started })
  await queue.add('now', {})
  expect(await queue.getDelayedCount()).toBe(2)
  const worker = bench.worker(async () => Date.now() - started)
  const done = await completions(worker, 3)
  expect(done.map((job) => job.name)).toEqual(['now', 'early', 'late'])
  expect(done[1]!.returnvalue).toBeGreaterThanOrEqual(40)
  expect(done[2]!.returnvalue).toBeGreaterThanOrEqual(120)
})

test('a delayed job is promoted, or its delay is changed', async () => {
  const bench = new Bench(target)
  const queue = bench.queue()
  const promoted = await queue.add('promoted', {}, { delay: 100_000 })
  const hastened = await queue.add('hastened', {}, { delay: 100_000 })
  expect((await queue.getDelayed()).map((job) => job.id)).toEqual([promoted.id, hastened.id])
  await promoted.promote()
  await hastened.changeDelay(30)
  const done = await completions(
    bench.worker(async () => {}),
    2,
  )
  expect(done.map((job) => job.name)).toEqual(['promoted', 'hastened'])
  await expect(promoted.promote()).rejects.toThrow(/not in the delayed state/)
})

test('all delayed jobs are promoted together', async () => {
  const queue = new Bench(target).queue()
  await queue.addBulk(Array.from({ length: 50 }, (_, i) => ({ name: 'x', data: i, opts: { delay: 60_000 + i } })))
  await queue.promoteJobs({ count: 20 })
  expect(await queue.getJobCounts('delayed', 'waiting')).toEqual({ delayed: 0, waiting: 50 })
})

test('priorities go before age, 1 before 10, no priority before all; LIFO jumps the queue', async () => {
  const bench = new Bench(target)
  const queue = bench.queue()
  await queue.add('p10', {}, { priority: 10 })
  await queue.add('p1', {}, { priority: 1 })
  await queue.add('p10 again', {}, { priority: 10 })
  await queue.add('p5', {}, { priority: 5 })
  await queue.add('plain', {})
  await queue.add('last in', {}, { lifo: true })
  expect(await queue.getCountsPerPriority([0, 1, 5, 10])).toEqual({ 0: 2, 1: 1, 5: 1, 10: 2 })
  expect((await queue.getPrioritized()).map((job) => job.name)).toEqual(['p1', 'p5', 'p10', 'p10 again'])
  const done = await completions(
    bench.worker(async () => {}),
    6,
  )
  expect(done.map((job) => job.name)).toEqual(['last in', 'plain', 'p1', 'p5', 'p10', 'p10 again'])
})

test('a priority is changed while the job waits', async () => {
  const bench = new Bench(target)
  const queue = bench.queue()
  const first = await queue.add('a', {}, { priority: 5 })
  await queue.add('b', {}, { priority: 3 })
  const last = await queue.add('c', {}, { priority: 9 })
  await last.changePriority({ priority: 1 })
  await first.changePriority({ priority: 3, lifo: true })
  const done = await completions(
    bench.worker(async () => {}),
    3,
  )
  expect(done.map((job) => job.name)).toEqual(['c', 'a', 'b'])
})

test('a failing job is tried again after its backoff, until it succeeds', async () => {
  const bench = new Bench(target)
  const queue = bench.queue()
  const tries: number[] = []
  const worker = bench.worker(async (job) => {
    tries.push(Date.now())
    if (job.attemptsMade < 2) throw new Error(`try ${job.attemptsMade} failed`)
    return 'at last'
  })
  const done = completions(worker, 1)
  await queue.add('stubborn', {}, { attempts: 3, backoff: { type: 'exponential', delay: 20 } })
  const [job] = await done
  expect(job).toMatchObject({ returnvalue: 'at last', attemptsMade: 3 })
  expect(tries[1]! - tries[0]!).toBeGreaterThanOrEqual(20)
  expect(tries[2]! - tries[1]!).toBeGreaterThanOrEqual(40)
  expect((await queue.getJob(job!.id!))!.stacktrace).toHaveLength(2)
})

test('a job that fails for good keeps its reason and can be retried by hand', async () => {
  const bench = new Bench(target)
  const queue = bench.queue()
  const events = bench.events()
  let broken = true
  bench.worker(async () => {
    if (broken) throw new Error('the disk is full')
    return 'fine'
  })
  const job = await queue.add('fragile', {}, { attempts: 2, backoff: 5 })
  await expect(job.waitUntilFinished(events)).rejects.toThrow('the disk is full')
  expect(await job.getState()).toBe('failed')
  const [failed] = await queue.getFailed()
  expect(failed).toMatchObject({ failedReason: 'the disk is full', attemptsMade: 2 })
  broken = false
  await failed!.retry()
  expect(await eventually(async () => (await job.isCompleted()) && (await queue.getJob(job.id!)))).toMatchObject({
    returnvalue: 'fine',
  })
  await expect(failed!.retry()).rejects.toThrow(/not in the failed state/)
})

test('UnrecoverableError ends the tries, custom backoffs are asked', async () => {
  const bench = new Bench(target)
  const queue = bench.queue()
  const asked: number[] = []
  const worker = bench.worker(
    async (job) => {
      if (job.name === 'hopeless') throw new UnrecoverableError('never')
      if (job.attemptsMade === 0) throw new Error('not yet')
    },
    {
      settings: {
        backoffStrategy: (attempts) => {
          asked.push(attempts)
          return 10
        },
      },
    },
  )
  const failed = new Promise<Job>((resolve) => worker.on('failed', (job) => job?.name === 'hopeless' && resolve(job)))
  const done = completions(worker, 1)
  await queue.add('hopeless', {}, { attempts: 5 })
  await queue.add('custom', {}, { attempts: 2, backoff: { type: 'custom' } })
  expect((await failed).attemptsMade).toBe(1)
  expect((await done)[0]!.name).toBe('custom')
  expect(asked).toEqual([1])
  expect(await queue.getFailedCount()).toBe(1)
})

test('a limiter lets so many jobs through in so much time', async () => {
  const bench = new Bench(target)
  const queue = bench.queue()
  await queue.addBulk(Array.from({ length: 6 }, (_, i) => ({ name: 'limited', data: i })))
  const times: number[] = []
  const started = Date.now()
  const worker = bench.worker(
    async () => {
      times.push(Date.now())
    },
    { limiter: { max: 2, duration: 80 }, concurrency: 6 },
  )
  await completions(worker, 6)
  // Three windows: before the last job at least two durations pass (less what the clocks round away). Not counted from the
  // first job, which a busy machine may begin long after its window.
  expect(times[5]! - started).toBeGreaterThanOrEqual(155)
  expect(await queue.getRateLimitTtl(2)).toBeGreaterThan(0)
  await queue.removeRateLimitKey()
  expect(await queue.getRateLimitTtl(2)).toBeLessThanOrEqual(0)
})

test('a worker limits its own rate from within, a queue has a global one', async () => {
  const bench = new Bench(target)
  const queue = bench.queue()
  let first = true
  const worker = bench.worker(async () => {
    if (first) {
      first = false
      await worker.rateLimit(60)
      throw new RateLimitError()
    }
    return Date.now()
  })
  const done = completions(worker, 1)
  const started = Date.now()
  await queue.add('throttled', {})
  const [job] = await done
  expect(job!.returnvalue - started).toBeGreaterThanOrEqual(55)
  expect(job!.attemptsMade).toBe(1)
  await queue.setGlobalRateLimit(10, 1000)
  expect(await queue.getGlobalRateLimit()).toEqual({ max: 10, duration: 1000 })
  await queue.removeGlobalRateLimit()
  expect(await queue.getGlobalRateLimit()).toBeNull()
})

test('global concurrency holds for all workers together', async () => {
  const bench = new Bench(target)
  const queue = bench.queue()
  await queue.setGlobalConcurrency(2)
  expect(await queue.getGlobalConcurrency()).toBe(2)
  let running = 0
  let most = 0
  const work = async () => {
    most = Math.max(most, ++running)
    await new Promise((resolve) => setTimeout(resolve, 3))
    running--
  }
  bench.worker(work, { concurrency: 5 })
  bench.worker(work, { concurrency: 5 })
  await queue.addBulk(Array.from({ length: 20 }, (_, i) => ({ name: 'x', data: i })))
  await eventually(async () => (await queue.getCompletedCount()) === 20)
  expect(most).toBe(2)
})

test('a paused queue gives out nothing; resumed it goes on where it was', async () => {
  const bench = new Bench(target)
  const queue = bench.queue()
  await queue.pause()
  expect(await queue.isPaused()).toBe(true)
  await queue.add('a', {})
  await queue.add('b', {}, { priority: 2 })
  await queue.add('c', {}, { delay: 5 })
  const worker = bench.worker(async () => {})
  await worker.waitUntilReady()
  const done = completions(worker, 3)
  expect(await queue.getJobCounts('completed', 'active')).toEqual({ completed: 0, active: 0 })
  expect(await queue.count()).toBe(3)
  await queue.resume()
  expect((await done).map((job) => job.name).sort()).toEqual(['a', 'b', 'c'])
  expect(await queue.isPaused()).toBe(false)
})

test('a paused worker finishes what it has, another goes on', async () => {
  const bench = new Bench(target)
  const queue = bench.queue()
  const begun = new Signal()
  const goOn = new Signal()
  const worker = bench.worker(async () => {
    begun.give()
    await goOn.reached
    return 'paused one'
  })
  await queue.add('a', {})
  await begun.reached
  const paused = worker.pause()
  goOn.give()
  await paused
  expect(worker.isPaused()).toBe(true)
  expect(await queue.getCompletedCount()).toBe(1)
  await queue.add('b', {})
  const [job] = await completions(
    bench.worker(async () => 'other one'),
    1,
  )
  expect(job).toMatchObject({ name: 'b', returnvalue: 'other one' })
})

test('deduplication: once until done, throttled for a time, the last one of a burst', async () => {
  const bench = new Bench(target)
  const queue = bench.queue()
  const events = bench.events()
  const deduplicated = nextEvent<{ jobId: string; deduplicationId: string; deduplicatedJobId: string }>(
    events,
    'deduplicated',
  )
  const simple = await queue.add('simple', 1, { deduplication: { id: 'one' } })
  const again = await queue.add('simple', 2, { deduplication: { id: 'one' } })
  expect(again.id).toBe(simple.id)
  expect(await queue.getDeduplicationJobId('one')).toBe(simple.id)
  expect(await deduplicated).toMatchObject({ jobId: simple.id, deduplicationId: 'one' })

  const throttled = await queue.add('throttled', 1, { deduplication: { id: 'two', ttl: 200 } })
  expect((await queue.add('throttled', 2, { deduplication: { id: 'two', ttl: 200 } })).id).toBe(throttled.id)
  await eventually(async () => (await queue.getDeduplicationJobId('two')) === null)
  expect((await queue.add('throttled', 3, { deduplication: { id: 'two', ttl: 200 } })).id).not.toBe(throttled.id)

  const debounce = { delay: 250, deduplication: { id: 'three', ttl: 250, extend: true, replace: true } }
  for (let i = 1; i <= 4; i++) await queue.add('debounced', i, debounce)
  expect(await queue.getDelayedCount()).toBe(1)
  const done = await completions(
    bench.worker(async (job) => job.data),
    4,
  )
  expect(done.map((job) => [job.name, job.returnvalue])).toEqual([
    ['simple', 1],
    ['throttled', 1],
    ['throttled', 3],
    ['debounced', 4],
  ])
  expect(await queue.getDeduplicationJobId('one')).toBeNull()
  const after = await queue.add('simple', 3, { deduplication: { id: 'one', ttl: 10_000 } })
  expect(after.id).not.toBe(simple.id)
  expect(await queue.removeDeduplicationKey('one')).toBe(1)
})

test('a job id is taken once', async () => {
  const bench = new Bench(target)
  const queue = bench.queue()
  const events = bench.events()
  const duplicated = nextEvent(events, 'duplicated')
  await queue.add('first', { n: 1 }, { jobId: 'mine' })
  await queue.add('second', { n: 2 }, { jobId: 'mine' })
  expect(await duplicated).toMatchObject({ jobId: 'mine' })
  expect(await queue.getWaitingCount()).toBe(1)
  expect(await queue.getJob('mine')).toMatchObject({ name: 'first', data: { n: 1 } })
})

test('progress, logs and data are updated from within', async () => {
  const bench = new Bench(target)
  const queue = bench.queue()
  const events = bench.events()
  const progress: unknown[] = []
  events.on('progress', ({ data }) => progress.push(data))
  bench.worker(async (job) => {
    await job.updateProgress(50)
    await job.updateProgress({ step: 'last', ratio: 0.25 })
    await job.updateData({ ...job.data, changed: true })
    for (const row of ['one', 'two', 'three']) await job.log(row)
  })
  const job = await queue.add('talkative', { n: 1 }, { keepLogs: 2 })
  await job.waitUntilFinished(events)
  await eventually(() => progress.length === 2)
  expect(progress).toEqual([50, { step: 'last', ratio: 0.25 }])
  expect(await queue.getJobLogs(job.id!)).toEqual({ logs: ['two', 'three'], count: 2 })
  expect(await queue.getJob(job.id!)).toMatchObject({
    data: { n: 1, changed: true },
    progress: { step: 'last', ratio: 0.25 },
  })
  await job.clearLogs()
  expect((await queue.getJobLogs(job.id!)).count).toBe(0)
})

test('finished jobs are removed at once, by number, by age', async () => {
  const bench = new Bench(target)
  const queue = bench.queue()
  const done = completions(
    bench.worker(async (job) => {
      if (job.name === 'fails') throw new Error('no')
    }),
    11,
  )
  await queue.add('gone', {}, { removeOnComplete: true })
  await queue.add('fails', {}, { removeOnFail: true })
  await queue.addBulk(
    // Jobs that end in the same millisecond are ordered by their ids.
    Array.from({ length: 10 }, (_, i) => ({
      name: 'counted',
      data: i,
      opts: { jobId: `counted-${i}`, removeOnComplete: { count: 3 } },
    })),
  )
  await done
  await eventually(async () => (await queue.getCompletedCount()) === 3)
  expect((await queue.getCompleted()).map((job) => job.data)).toEqual([9, 8, 7])
  expect(await queue.getFailedCount()).toBe(0)
  expect(await queue.getJob('1')).toBeUndefined()
})

test('steps: a job moves itself back to the delayed ones and goes on later', async () => {
  const bench = new Bench(target)
  const queue = bench.queue()
  const worker = bench.worker(async (job, token) => {
    if (job.data.step === 1) {
      await job.updateData({ step: 2 })
      await job.moveToDelayed(Date.now() + 30, token)
      throw new DelayedError()
    }
    return job.data.step
  })
  const done = completions(worker, 1)
  const started = Date.now()
  await queue.add('steps', { step: 1 })
  expect((await done)[0]).toMatchObject({ returnvalue: 2, attemptsStarted: 2, attemptsMade: 1 })
  expect(Date.now() - started).toBeGreaterThanOrEqual(30)
})

test("jobs are fetched and finished by hand, under a lock of one's own", async () => {
  const bench = new Bench(target)
  const queue = bench.queue()
  const worker = bench.worker(null)
  await queue.add('a', { n: 1 })
  await queue.add('b', { n: 2 })
  const job = (await worker.getNextJob('my-token'))!
  expect(job.name).toBe('a')
  await expect(job.moveToCompleted('x', 'another-token', false)).rejects.toThrow(/Lock mismatch|Missing lock/)
  expect(await job.extendLock('my-token', 5000)).toBe(1)
  const next = await job.moveToCompleted('result', 'my-token', true)
  expect((next as unknown[])[1]).toBe('2')
  const second = (await queue.getJob('2'))!
  expect(await second.getState()).toBe('active')
  await second.moveToFailed(new Error('by hand'), 'my-token')
  expect(await second.isFailed()).toBe(true)
  expect(await worker.getNextJob('my-token', { block: false })).toBeUndefined()
})

test('a job whose worker was lost is found, and done by another', async () => {
  const name = freshName('stalled')
  const bench = new Bench(target, name)
  const queue = bench.queue()
  const events = bench.events()
  const begun = new Signal<string>()
  // Takes a job under a short lock that it never renews, as a process does that was killed.
  const lost = new Worker(
    name,
    async (job) => {
      begun.give(job.id!)
      await new Promise(() => {})
    },
    { connection: target.connection, lockDuration: 40, skipLockRenewal: true, skipStalledCheck: true },
  )
  lost.on('error', () => {})
  const job = await queue.add('orphan', {})
  expect(await begun.reached).toBe(job.id)
  await lost.close(true)
  const stalled = nextEvent(events, 'stalled')
  bench.worker(async () => 'rescued', { stalledInterval: 50, lockDuration: 1000 })
  expect((await stalled).jobId).toBe(job.id)
  expect(await job.waitUntilFinished(events)).toBe('rescued')
  expect(await queue.getJob(job.id!)).toMatchObject({ stalledCounter: 1 })
})

test('a job that is lost too often fails', async () => {
  const name = freshName('stalled')
  const bench = new Bench(target, name)
  const queue = bench.queue()
  const worker = bench.worker(null, { lockDuration: 20, maxStalledCount: 0 })
  const job = await queue.add('orphan', {})
  await worker.getNextJob('lost', { block: false })
  const rescuer = bench.worker(async () => 'too late', { stalledInterval: 30, maxStalledCount: 0 })
  const failed = new Promise<string>((resolve) => rescuer.on('failed', (_, error) => resolve(error.message)))
  expect(await failed).toMatch(/job stalled more than allowable limit/)
  expect(await job.getState()).toBe('failed')
})
