// BullMQ as its users run it: adds jobs, works them off, reports how long that took.

import { FlowProducer, Queue, QueueEvents, Worker } from 'bullmq'
import { childInput, reportAndExit } from '../child.ts'

export type Work = 'add' | 'addBulk' | 'process1' | 'process100' | 'flows' | 'latency'

interface Input {
  port: number
  work: Work
  jobs: number
}

const IN_FLIGHT = 64
const BULK = 1000
const JOBS_PER_SECOND = 500

const { port, work, jobs } = childInput<Input>()
const connection = { host: '127.0.0.1', port, maxRetriesPerRequest: null }
const queue = new Queue('bench', { connection })
await queue.waitUntilReady()
await queue.obliterate({ force: true })

const data = { to: 'someone@example.org', subject: 'what a job carries', attempt: 1, list: [1, 2, 3] }

async function addSingly(count: number): Promise<void> {
  let next = 0
  const lane = async (): Promise<void> => {
    while (next < count) {
      next++
      await queue.add('job', data)
    }
  }
  await Promise.all(Array.from({ length: IN_FLIGHT }, lane))
}

async function addInBulk(count: number): Promise<void> {
  for (let left = count; left > 0; left -= BULK) {
    await queue.addBulk(Array.from({ length: Math.min(BULK, left) }, () => ({ name: 'job', data })))
  }
}

/** Resolves when `count` jobs were worked off. */
async function worked(concurrency: number, count: number, onStart: () => void): Promise<void> {
  let done = 0
  let finish: () => void = () => {}
  const all = new Promise<void>((resolve) => {
    finish = resolve
  })
  const worker = new Worker('bench', async () => 'done', { connection, concurrency, autorun: false })
  await worker.waitUntilReady()
  worker.on('completed', () => {
    if (++done === count) finish()
  })
  worker.on('error', (error) => {
    throw error
  })
  onStart()
  void worker.run()
  await all
  await worker.close()
}

async function flows(count: number): Promise<void> {
  const producer = new FlowProducer({ connection })
  for (let i = 0; i < count; i += 4) {
    const children = Array.from({ length: 3 }, (_, child) => ({ name: `child ${child}`, queueName: 'bench', data }))
    await producer.add({ name: 'parent', queueName: 'bench', data, children })
  }
  await worked(20, count, () => {})
  await producer.close()
}

/** Milliseconds from add to completion as QueueEvents tells it, at an even rate. */
async function latencies(count: number): Promise<number[]> {
  const events = new QueueEvents('bench', { connection })
  await events.waitUntilReady()
  const worker = new Worker('bench', async () => 'done', { connection, concurrency: 20 })
  await worker.waitUntilReady()
  const started = new Map<string, number>()
  const early = new Map<string, number>()
  const taken: number[] = []
  const everything = new Promise<void>((resolve) => {
    const note = (ms: number): void => {
      taken.push(ms)
      if (taken.length === count) resolve()
    }
    events.on('completed', ({ jobId }) => {
      const from = started.get(jobId)
      if (from === undefined) early.set(jobId, performance.now())
      else note(performance.now() - from)
    })
    let sent = 0
    const began = performance.now()
    const tick = (): void => {
      const due = Math.min(count, Math.floor(((performance.now() - began) / 1000) * JOBS_PER_SECOND))
      for (; sent < due; sent++) {
        const from = performance.now()
        void queue.add('job', data).then(({ id }) => {
          const finished = early.get(id!)
          if (finished === undefined) started.set(id!, from)
          else note(finished - from)
        })
      }
      if (sent < count) setTimeout(tick, 1)
    }
    tick()
  })
  await everything
  await worker.close()
  await events.close()
  return taken.sort((a, b) => a - b)
}

let started = performance.now()
const begin = (): void => {
  started = performance.now()
}
let tail: number[] = []
if (work === 'add') await addSingly(jobs)
else if (work === 'addBulk') await addInBulk(jobs)
else if (work === 'flows') await flows(jobs)
else if (work === 'latency') tail = await latencies(jobs)
else {
  await addInBulk(jobs)
  await worked(work === 'process1' ? 1 : 100, jobs, begin)
}
reportAndExit({ seconds: (performance.now() - started) / 1000, latencies: tail })
