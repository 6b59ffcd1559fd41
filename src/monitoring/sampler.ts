// Reads a row of figures off the engine's counters. Commands count nothing for it.

import { monitorEventLoopDelay } from 'node:perf_hooks'
import type { Engine } from '../commands/call.ts'
import type { KnownQueues } from './known-queues.ts'
import { type QueueTotals, totalsOfAll } from './queue-totals.ts'
import { type Column, rounded, type Sample } from './sampled-columns.ts'

const DELAY_RESOLUTION_MS = 20

/** Counters at one moment, whose growth makes rates. */
interface Counters {
  readonly atMs: number
  readonly commands: number
  readonly published: number
  readonly delivered: number
  readonly appended: number
  readonly syncs: number
  readonly syncSeconds: number
  readonly inBytes: number
  readonly outBytes: number
  readonly errors: number
  readonly cpuMs: number
}

export class Sampler {
  readonly #engine: Engine
  readonly #queues: KnownQueues
  readonly #delay = monitorEventLoopDelay({ resolution: DELAY_RESOLUTION_MS })
  #last: Counters
  #lastJobs: { readonly atMs: number; readonly totals: QueueTotals; readonly queues: number } | undefined = undefined

  constructor(engine: Engine, queues: KnownQueues) {
    this.#engine = engine
    this.#queues = queues
    this.#last = countersOf(engine)
    this.#delay.enable()
  }

  /** Reads a row. `withJobs`: the queues were looked at lately, so their jobs are counted. */
  sample(withJobs: boolean): Sample {
    const { clients, databases, effects, environment, parts, upkeep } = this.#engine
    const { progress } = effects.durability
    const now = countersOf(this.#engine)
    const rates = this.#ratesSince(now)
    this.#last = now
    const jobs = withJobs ? this.#jobs(now.atMs) : undefined
    let keys = 0
    for (const { size } of databases) keys += size
    return {
      ...rates,
      time: Math.round(environment.clock.now()),
      jobs: jobs?.finished ?? null,
      clients: clients.connected.size,
      memory: upkeep.memory.usedBytes,
      memoryRss: process.memoryUsage.rss(),
      loopDelayMs: this.#longestDelay(),
      backlogJobs: jobs?.waiting ?? null,
      backlogReaders: parts.channels.readersBehind,
      unsyncedBytes: Math.max(0, progress.appended - progress.synced),
      keys,
    }
  }

  stop(): void {
    this.#delay.disable()
  }

  #ratesSince(now: Counters): Pick<Sample, Exclude<Column, OtherColumns>> {
    const last = this.#last
    const seconds = Math.max(0.001, (now.atMs - last.atMs) / 1000)
    // CONFIG RESETSTAT sets counters back: what came since then counts.
    const grown = (name: keyof Counters): number => (now[name] < last[name] ? now[name] : now[name] - last[name])
    const rate = (name: keyof Counters): number => rounded(grown(name) / seconds)
    const syncs = grown('syncs')
    return {
      commands: rate('commands'),
      messagesIn: rate('published'),
      messagesOut: rate('delivered'),
      journalBytes: rate('appended'),
      fsyncMs: syncs === 0 ? null : rounded((grown('syncSeconds') / syncs) * 1000),
      cpu: rounded(grown('cpuMs') / 1000 / seconds),
      inBytes: rate('inBytes'),
      outBytes: rate('outBytes'),
      errors: rate('errors'),
    }
  }

  #longestDelay(): number {
    const { count, max } = this.#delay
    this.#delay.reset()
    return count === 0 ? 0 : rounded(Math.max(0, max / 1e6 - DELAY_RESOLUTION_MS))
  }

  /** Jobs that wait, and those finished a second; undefined while no queue is known. */
  #jobs(atMs: number): { waiting: number; finished: number | null } | undefined {
    const { queues, ...totals } = totalsOfAll(this.#queues)
    const last = this.#lastJobs
    this.#lastJobs = { atMs, totals, queues }
    if (queues === 0) return undefined
    // With another queue the sums are no more of the same.
    if (last === undefined || last.queues !== queues || atMs <= last.atMs)
      return { waiting: totals.waiting, finished: null }
    const added = totals.added - last.totals.added
    const finished = added - (totals.unfinished - last.totals.unfinished)
    return { waiting: totals.waiting, finished: rounded(Math.max(0, finished) / ((atMs - last.atMs) / 1000)) }
  }
}

type OtherColumns =
  | 'time'
  | 'jobs'
  | 'clients'
  | 'memory'
  | 'memoryRss'
  | 'loopDelayMs'
  | 'backlogJobs'
  | 'backlogReaders'
  | 'unsyncedBytes'
  | 'keys'

function countersOf({ clients: { pubSub }, effects, environment, figures: { stats } }: Engine): Counters {
  const { system, user } = process.cpuUsage()
  return {
    atMs: environment.workClock.monotonic(),
    commands: stats.commandsProcessed,
    published: pubSub.published,
    delivered: pubSub.delivered,
    appended: effects.durability.progress.appended,
    syncs: stats.syncs.count,
    syncSeconds: stats.syncs.sum,
    inBytes: stats.inputBytes,
    outBytes: stats.outputBytes,
    errors: stats.errorReplies,
    cpuMs: (system + user) / 1000,
  }
}
