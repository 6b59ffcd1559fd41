// What every BullMQ test needs: queues, workers and the rest on the target, with names of their own, closed when the test ends.

import {
  FlowProducer,
  type Job,
  type Processor,
  Queue,
  QueueEvents,
  type QueueEventsOptions,
  type QueueOptions,
  Worker,
  type WorkerOptions,
} from 'bullmq'
import { onTestFinished } from 'vitest'
import type { Target } from './target.ts'

type Without<T> = Omit<T, 'connection'>

let lastName = 0

/** A name that no other queue of the file has. */
export function freshName(prefix = 'queue'): string {
  return `${prefix}-${++lastName}`
}

export class Bench {
  readonly #target: Target
  readonly name: string

  constructor(target: Target, name = freshName()) {
    this.#target = target
    this.name = name
  }

  queue(options: Without<QueueOptions> = {}, name = this.name): Queue {
    return closing(new Queue(name, { connection: this.#target.connection, ...options }))
  }

  worker(processor: string | Processor | null, options: Without<WorkerOptions> = {}, name = this.name): Worker {
    const worker = new Worker(name, processor, { connection: this.#target.connection, drainDelay: 1, ...options })
    return closing(worker)
  }

  /** Listens from the beginning of the stream, so that nothing is missed that happened before it was connected. */
  events(options: Without<QueueEventsOptions> = {}, name = this.name): QueueEvents {
    return closing(new QueueEvents(name, { connection: this.#target.connection, lastEventId: '0-0', ...options }))
  }

  flows(): FlowProducer {
    return closing(new FlowProducer({ connection: this.#target.connection }))
  }
}

function closing<T extends { close(): Promise<unknown>; on(event: 'error', listener: () => void): unknown }>(it: T): T {
  // An `error` event that nobody hears would end the process; what matters shows in what the test asserts.
  it.on('error', () => {})
  onTestFinished(async () => {
    await it.close()
  })
  return it
}

/** Gathers jobs as the worker finishes them, until there are `count`. */
export function completions(worker: Worker, count: number): Promise<Job[]> {
  const jobs: Job[] = []
  return new Promise((resolve) => {
    worker.on('completed', (job) => {
      jobs.push(job)
      if (jobs.length === count) resolve(jobs)
    })
  })
}

/** Waits for the next event of a queue's stream for which `check` holds. */
export function nextEvent<T = { jobId: string }>(
  events: QueueEvents,
  name: string,
  check: (event: T) => boolean = () => true,
): Promise<T> {
  return new Promise((resolve) => {
    const listener = (event: T) => {
      if (!check(event)) return
      events.off(name as 'active', listener as never)
      resolve(event)
    }
    events.on(name as 'active', listener as never)
  })
}
