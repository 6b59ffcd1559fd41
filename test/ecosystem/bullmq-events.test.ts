// BullMQ: what a queue tells about itself. Events over a stream, getters, metrics, telemetry, and how it is emptied.

import { QueueEventsProducer, type Span, type Telemetry } from 'bullmq'
import { Redis } from 'ioredis'
import { expect, onTestFinished, test } from 'vitest'
import { eventually } from '../support/server.ts'
import { Bench, completions, nextEvent } from './bullmq-bench.ts'
import { Signal, useTarget } from './target.ts'

const target = useTarget()

function redis(): Redis {
  const client = new Redis(target.connection)
  onTestFinished(() => client.disconnect())
  return client
}

test('every step of a job is an event, in order', async () => {
  const bench = new Bench(target)
  const queue = bench.queue()
  const events = bench.events()
  const heard: string[] = []
  const names = [
    'added',
    'waiting',
    'delayed',
    'active',
    'progress',
    'completed',
    'failed',
    'retries-exhausted',
    'removed',
  ] as const
  for (const name of names) events.on(name, (event: { jobId: string }) => heard.push(`${event.jobId} ${name}`))
  const drained = nextEvent(events, 'drained')
  bench.worker(async (job) => {
    await job.updateProgress(1)
    if (job.name === 'breaks') throw new Error('broken')
    return { ok: true }
  })
  const completed = nextEvent<{ returnvalue: unknown; prev: string }>(events, 'completed')
  const failed = nextEvent<{ failedReason: string }>(events, 'failed')
  await queue.add('delayed', {}, { delay: 10, jobId: 'd' })
  expect(await completed).toMatchObject({ returnvalue: { ok: true }, prev: 'active' })
  await drained
  await queue.add('breaks', {}, { attempts: 1, jobId: 'b' })
  expect(await failed).toMatchObject({ failedReason: 'broken' })
  await queue.remove('d')
  await eventually(() => heard.at(-1) === 'd removed')
  expect(heard).toEqual([
    'd added',
    'd delayed',
    'd waiting',
    'd active',
    'd progress',
    'd completed',
    'b added',
    'b waiting',
    'b active',
    'b progress',
    'b failed',
    'b retries-exhausted',
    'd removed',
  ])
})

test('events are heard from where a listener left off, and the stream is trimmed', async () => {
  const bench = new Bench(target)
  const queue = bench.queue({ streams: { events: { maxLen: 10_000 } } })
  const ids: string[] = []
  const early = bench.events()
  const all = new Signal()
  early.on('added', ({ jobId }, id) => {
    ids.push(id)
    if (jobId === '100') all.give()
  })
  for (let i = 0; i < 100; i++) await queue.add('x', i)
  await all.reached
  const late = bench.events({ lastEventId: ids[49]! })
  const again: string[] = []
  late.on('added', ({ jobId }) => again.push(jobId))
  await eventually(() => again.length === 50)
  expect(again[0]).toBe('51')
  expect(ids.every((id) => /^\d+-\d+$/.test(id))).toBe(true)
  await queue.trimEvents(0)
  expect(await redis().xlen(queue.toKey('events'))).toBeLessThan(100)
})

test("events of one's own are published, paused and resumed are told", async () => {
  const bench = new Bench(target)
  const queue = bench.queue()
  const events = bench.events()
  const producer = new QueueEventsProducer(bench.name, { connection: target.connection })
  onTestFinished(() => producer.close())
  const custom = nextEvent<{ text: string }>(events, 'custom')
  await producer.publishEvent({ eventName: 'custom', text: 'grün' })
  expect(await custom).toEqual({ text: 'grün' })
  const paused = nextEvent(events, 'paused')
  const resumed = nextEvent(events, 'resumed')
  await queue.pause()
  await paused
  await queue.resume()
  await resumed
})

test('waitUntilFinished gives the result, the failure, or the time that has passed', async () => {
  const bench = new Bench(target)
  const queue = bench.queue()
  const events = bench.events()
  const never = await queue.add('never', {}, { delay: 60_000 })
  bench.worker(async (job) => {
    if (job.data.fail) throw new Error('refused')
    return [1, 'two', null]
  })
  expect(await (await queue.add('a', {})).waitUntilFinished(events)).toEqual([1, 'two', null])
  await expect((await queue.add('b', { fail: true })).waitUntilFinished(events)).rejects.toThrow('refused')
  await expect(never.waitUntilFinished(events, 20)).rejects.toThrow(/timed out/)
})

test('getters page through jobs of every state', async () => {
  const bench = new Bench(target)
  const queue = bench.queue()
  const begun = new Signal()
  const end = new Signal()
  const worker = bench.worker(async (job) => {
    if (job.name === 'fails') throw new Error('no')
    if (job.name === 'stays') {
      begun.give()
      await end.reached
    }
  })
  const done = completions(worker, 5)
  await queue.addBulk(Array.from({ length: 5 }, (_, i) => ({ name: 'done', data: i })))
  await queue.addBulk(Array.from({ length: 3 }, (_, i) => ({ name: 'fails', data: i })))
  await queue.add('stays', {})
  await done
  await begun.reached
  await queue.addBulk(Array.from({ length: 10 }, (_, i) => ({ name: 'waits', data: i })))
  await queue.addBulk(Array.from({ length: 4 }, (_, i) => ({ name: 'later', data: i, opts: { delay: 60_000 + i } })))
  await queue.addBulk(Array.from({ length: 2 }, (_, i) => ({ name: 'ranked', data: i, opts: { priority: 2 - i } })))
  expect(
    await queue.getJobCounts('active', 'completed', 'delayed', 'failed', 'prioritized', 'waiting', 'waiting-children'),
  ).toEqual({ active: 1, completed: 5, delayed: 4, failed: 3, prioritized: 2, waiting: 10, 'waiting-children': 0 })
  expect(await queue.count()).toBe(16)
  expect((await queue.getWaiting(2, 4)).map((job) => job.data)).toEqual([2, 3, 4])
  expect((await queue.getDelayed(0, 1)).map((job) => job.data)).toEqual([0, 1])
  expect((await queue.getPrioritized()).map((job) => job.data)).toEqual([1, 0])
  expect((await queue.getActive()).map((job) => job.name)).toEqual(['stays'])
  expect((await queue.getFailed()).map((job) => job.failedReason)).toEqual(['no', 'no', 'no'])
  expect((await queue.getJobs(['completed', 'failed'], 0, -1, true)).length).toBe(8)
  expect((await queue.getJobs(['waiting'], 0, 2, false)).map((job) => job.data)).toEqual([9, 8, 7])
  expect(await queue.getJobState('9')).toBe('active')
  expect(await queue.getJobState('10')).toBe('waiting')
  expect(await queue.getJobState('nobody')).toBe('unknown')
  expect(await queue.getMeta()).toMatchObject({ paused: false })
  expect(await queue.getVersion()).toMatch(/^bullmq:/)
  expect(await queue.exportPrometheusMetrics()).toContain(`bullmq_job_count{queue="${bench.name}", state="waiting"} 10`)
  end.give()
})

test("workers and listeners are found by their connections' names", async () => {
  const bench = new Bench(target)
  const queue = bench.queue()
  const named = bench.worker(async () => {}, { name: 'foreman' })
  const plain = bench.worker(async () => {})
  const events = bench.events()
  await Promise.all([named.waitUntilReady(), plain.waitUntilReady(), events.waitUntilReady()])
  const workers = await eventually(async () => {
    const found = await queue.getWorkers()
    return found.length === 2 ? found : undefined
  })
  expect(workers.map((worker) => worker.rawname).sort()).toEqual([
    `bull:${Buffer.from(bench.name).toString('base64')}`,
    `bull:${Buffer.from(bench.name).toString('base64')}:w:foreman`,
  ])
  for (const worker of workers)
    expect(worker).toMatchObject({
      addr: expect.stringMatching(/^(127\.0\.0\.1:\d+|in-process:0)$/),
      cmd: expect.any(String),
    })
  expect(await queue.getWorkersCount()).toBe(2)
  expect(await eventually(async () => (await queue.getQueueEvents())[0])).toMatchObject({ name: bench.name })
})

test('metrics count what was done by the minute', async () => {
  const bench = new Bench(target)
  const queue = bench.queue()
  const worker = bench.worker(
    async (job) => {
      if (job.data % 3 === 0) throw new Error('third')
    },
    { metrics: { maxDataPoints: 60 } },
  )
  const done = completions(worker, 6)
  await queue.addBulk(Array.from({ length: 9 }, (_, i) => ({ name: 'x', data: i })))
  await done
  const completed = await eventually(async () => {
    const metrics = await queue.getMetrics('completed')
    return metrics.meta.count === 6 ? metrics : undefined
  })
  expect(completed.meta.prevTS).toBeGreaterThan(Date.now() - 120_000)
  await eventually(async () => (await queue.getMetrics('failed')).meta.count === 3)
})

test('drain empties what waits, clean what is old, obliterate leaves nothing', async () => {
  const bench = new Bench(target)
  const queue = bench.queue()
  const client = redis()
  const worker = bench.worker(async (job) => {
    if (job.name === 'fails') throw new Error('no')
  })
  const done = completions(worker, 20)
  await queue.addBulk(Array.from({ length: 20 }, (_, i) => ({ name: 'done', data: i })))
  await queue.addBulk(Array.from({ length: 5 }, (_, i) => ({ name: 'fails', data: i })))
  await done
  await eventually(async () => (await queue.getFailedCount()) === 5)
  await worker.close()
  expect(await queue.clean(60_000, 100, 'completed')).toEqual([])
  expect(await queue.clean(0, 12, 'completed')).toHaveLength(12)
  expect(await queue.clean(0, 0, 'failed')).toHaveLength(5)
  expect(await queue.getJobCounts('completed', 'failed')).toEqual({ completed: 8, failed: 0 })

  await queue.addBulk(Array.from({ length: 30 }, (_, i) => ({ name: 'w', data: i })))
  await queue.addBulk(Array.from({ length: 6 }, (_, i) => ({ name: 'd', data: i, opts: { delay: 60_000 } })))
  await queue.addBulk(Array.from({ length: 4 }, (_, i) => ({ name: 'p', data: i, opts: { priority: 1 } })))
  expect(await queue.clean(0, 10, 'wait')).toHaveLength(10)
  expect(await queue.clean(0, 2, 'delayed')).toHaveLength(2)
  await queue.drain()
  expect(await queue.getJobCounts('waiting', 'prioritized', 'delayed')).toEqual({
    waiting: 0,
    prioritized: 0,
    delayed: 4,
  })
  await queue.drain(true)
  expect(await queue.count()).toBe(0)

  await queue.addBulk(Array.from({ length: 2500 }, (_, i) => ({ name: 'w', data: i })))
  await queue.upsertJobScheduler('s', { every: 100_000 })
  expect(await client.keys(`bull:${bench.name}:*`)).not.toEqual([])
  await queue.obliterate({ count: 700 })
  expect(await client.keys(`bull:${bench.name}:*`)).toEqual([])
})

test('a queue with a job in hand is obliterated only by force', async () => {
  const bench = new Bench(target)
  const queue = bench.queue()
  const worker = bench.worker(null)
  await queue.add('held', {})
  await worker.getNextJob('token')
  await expect(queue.obliterate()).rejects.toThrow('Cannot obliterate queue with active jobs')
  await queue.obliterate({ force: true })
  expect(await redis().keys(`bull:${bench.name}:*`)).toEqual([])
})

test('failed jobs are retried together; one job is removed, a locked one is not', async () => {
  const bench = new Bench(target)
  const queue = bench.queue()
  let broken = true
  const worker = bench.worker(async () => {
    if (broken) throw new Error('no')
  })
  await queue.addBulk(Array.from({ length: 30 }, (_, i) => ({ name: 'x', data: i })))
  await eventually(async () => (await queue.getFailedCount()) === 30)
  broken = false
  const done = completions(worker, 30)
  await queue.retryJobs({ count: 7 })
  await done
  await eventually(async () => (await queue.getCompletedCount()) === 30)
  expect(await queue.remove('1')).toBe(1)
  expect(await queue.getJob('1')).toBeUndefined()
  await worker.close()
  const hand = bench.worker(null)
  await queue.add('locked', {})
  const job = await hand.getNextJob('token')
  expect(await queue.remove(job!.id!)).toBe(0)
  await expect(job!.remove()).rejects.toThrow(/locked/)
})

test('telemetry: the context travels with the job from the producer to the worker', async () => {
  const spans: string[] = []
  let active = 'nothing'
  const telemetry: Telemetry<string> = {
    tracer: {
      startSpan(name, _options, context): Span<string> {
        const label = `${name} in ${context ?? active}`
        spans.push(label)
        return {
          setSpanOnContext: (context) => `${context}>${name}`,
          setAttribute() {},
          setAttributes() {},
          addEvent() {},
          recordException() {},
          end() {},
        }
      },
    },
    contextManager: {
      with(context, run) {
        const before = active
        active = context
        try {
          return run()
        } finally {
          active = before
        }
      },
      active: () => active,
      getMetadata: (context) => JSON.stringify({ context }),
      fromMetadata: (_active, metadata) => JSON.parse(metadata).context,
    },
  }
  const bench = new Bench(target)
  const queue = bench.queue({ telemetry })
  const done = completions(
    bench.worker(async () => 'traced', { telemetry }),
    1,
  )
  await queue.add('request', {})
  await done
  const add = `add ${bench.name}.request`
  expect(spans).toContain(`${add} in nothing`)
  expect(spans.some((span) => span.startsWith('process ') && span.includes(`nothing>${add}`))).toBe(true)
})
