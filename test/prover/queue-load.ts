// A queue of BullMQ as a load of the proof of a cluster.

import { Queue, Worker } from 'bullmq'
import { Redis } from 'ioredis'
import { SHARD } from '../../src/prover/cluster/broker.ts'
import type { Load } from '../../src/prover/cluster/load.ts'
import type { TrialProcess } from '../../src/prover/cluster/trial-process.ts'
import { sleep } from '../../src/util/time/real-time.ts'
import { eventually } from '../support/server.ts'
import type { LibraryTotals } from './library-totals.ts'
import { Quiet } from './quiet.ts'

const WORK_MS = 5
const REST_MS = 20
const DRAIN_MS = 60_000

/**
 * A queue with one producer and two workers. Each job whose addition was acknowledged is completed;
 * it is processed again only if it stalled.
 */
export class QueueLoad implements Load {
  readonly keys: readonly string[] = []
  readonly #prefix: string
  readonly #totals: LibraryTotals
  readonly #redis: Redis[] = []
  readonly #queue: Queue
  readonly #workers: Worker[] = []
  readonly #open: () => Redis
  readonly #added = new Set<string>()
  /** How often each job was processed. */
  readonly #processed = new Map<string, number>()
  readonly #quiet = new Quiet()
  #isOver = false
  #working: Promise<void> = Promise.resolve()

  constructor(brokers: readonly TrialProcess[], prefix: string, totals: LibraryTotals) {
    this.#prefix = prefix.replaceAll(':', '-')
    this.#totals = totals
    this.#open = () => {
      const redis = new Redis({
        sentinels: brokers.map(({ host, port }) => ({ host, port })),
        name: SHARD,
        maxRetriesPerRequest: null,
      })
      redis.on('error', () => {})
      this.#redis.push(redis)
      return redis
    }
    this.#queue = new Queue('jobs', { connection: this.#open(), prefix: this.#prefix })
    this.#queue.on('error', () => {})
  }

  start(): void {
    for (let i = 0; i < 2; i++) {
      const worker = new Worker(
        'jobs',
        async ({ id }) => {
          this.#processed.set(id!, (this.#processed.get(id!) ?? 0) + 1)
          await sleep(WORK_MS)
        },
        {
          connection: this.#open(),
          prefix: this.#prefix,
          concurrency: 4,
          lockDuration: 3000,
          stalledInterval: 1000,
          maxStalledCount: 1000,
        },
      )
      worker.on('error', () => {})
      this.#workers.push(worker)
    }
    this.#working = this.#produce()
  }

  async #produce(): Promise<void> {
    for (let i = 0; !this.#isOver; i++) {
      await this.#quiet.run(() =>
        this.#queue.add('job', { i }, { jobId: `job-${i}` }).then(
          ({ id }) => void this.#added.add(id!),
          () => void this.#totals.failed++,
        ),
      )
      await sleep(REST_MS)
    }
  }

  async stop(): Promise<void> {
    this.#isOver = true
    await this.#working
  }

  /** Workers go on: they have their own connections, and jobs to do. */
  fallQuiet(): Promise<void> {
    return this.#quiet.begin()
  }

  goOn(): void {
    this.#quiet.end()
  }

  async problems(): Promise<string[]> {
    const found: string[] = []
    await eventually(
      async () => {
        const counts = await this.#queue.getJobCounts('wait', 'active', 'delayed', 'prioritized')
        return Object.values(counts).every((count) => count === 0)
      },
      'all jobs are done',
      DRAIN_MS,
    ).catch((error: Error) => found.push(`BullMQ: ${error.message}`))
    for (const id of this.#added) {
      const job = await this.#queue.getJob(id)
      const state = job === undefined ? 'gone' : await job.getState()
      const times = this.#processed.get(id) ?? 0
      const stalled = job?.stalledCounter ?? 0
      this.#totals.jobs++
      this.#totals.stalled += stalled
      if (state !== 'completed') found.push(`BullMQ: ${id} was added and is ${state}`)
      if (state === 'completed' && times === 0) found.push(`BullMQ: ${id} is completed, and was not processed`)
      if (times > 1 + stalled) found.push(`BullMQ: ${id} was processed ${times} times, and stalled ${stalled} times`)
    }
    await Promise.all(this.#workers.map((worker) => worker.close(true)))
    await this.#queue.obliterate({ force: true })
    for (const redis of this.#redis) redis.disconnect()
    return found
  }
}
