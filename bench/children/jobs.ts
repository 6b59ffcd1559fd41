// BullMQ as its users run it: adds jobs, works them off, reports how long that took.

import { FlowProducer, Queue, QueueEvents, setDefaultBackendFactory, Worker } from 'bullmq'
import { childInput, reportAndExit } from '../child.ts'

export type Work = 'add' | 'addBulk' | 'process1' | 'process100' | 'flows' | 'latency'

/**
 * Where the jobs are: on a server, or in this process, reached through ioredis or below the wire.
 */
export type Place = { port: number } | { inProcess: 'connector' | 'backend' }

interface Input {
  place: Place
  work: Work
  jobs: number
}

interface Package {
  openBroker(): Promise<{ Connector: unknown }>
  createBrokerBackend(broker: unknown): NonNullable<Parameters<typeof setDefaultBackendFactory>[0]>
}

const IN_FLIGHT = 64
const BULK = 1000
const WARM_JOBS = 4000
const JOBS_PER_SECOND = 500

const { place, work, jobs } = childInput<Input>()
const connection = { ...(await connectionTo(place)), maxRetriesPerRequest: null }
const queue = new Queue('bench', { connection })
await queue.waitUntilReady()
await queue.obliterate({ force: true })

const data = { to: 'someone@example.org', subject: 'what a job carries', attempt: 1, list: [1, 2, 3] }

async function connectionTo(place: Place): Promise<object> {
  if ('port' in place) return { host: '127.0.0.1', port: place.port }
  const load = async (name: string) => (await import(new URL(`../../dist/${name}.js`, import.meta.url).href)) as Package
  const broker = await (await load('index')).openBroker()
  if (place.inProcess === 'connector') return { Connector: broker.Connector }
  setDefaultBackendFactory((await load('drop-in/bullmq')).createBrokerBackend(broker))
  return {}
}

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

// V8 has compiled what it will run from then on; a server is warmed up by the measuring process.
if ('inProcess' in place) {
  await addSingly(WARM_JOBS)
  await addInBulk(WARM_JOBS)
  await worked(20, 2 * WARM_JOBS, () => {})
}

let started = performance.now()
let cpu = process.cpuUsage()
const begin = (): void => {
  started = performance.now()
  cpu = process.cpuUsage()
}
begin()
let tail: number[] = []
if (work === 'add') await addSingly(jobs)
else if (work === 'addBulk') await addInBulk(jobs)
else if (work === 'flows') await flows(jobs)
else if (work === 'latency') tail = await latencies(jobs)
else {
  await addInBulk(jobs)
  await worked(work === 'process1' ? 1 : 100, jobs, begin)
}
const seconds = (performance.now() - started) / 1000
const { user, system } = process.cpuUsage(cpu)
reportAndExit({ seconds, cpuSeconds: (user + system) / 1e6, latencies: tail })
