// The alerts that hold, and since when.

import type { Engine } from '../commands/call.ts'
import { ALERT_RULES, type AlertCounters, type AlertRule, type AlertView } from './alert-rules.ts'
import type { History } from './history.ts'
import { type KnownQueues, lengthOf } from './known-queues.ts'
import { COLUMNS, type Column } from './sampled-columns.ts'

/** Averages are those of five minutes, in rows of ten seconds. */
const AVERAGED_ROWS = 30
const MINUTE_MS = 60_000
/** The longest time that a rule looks back. */
const KEPT_MS = 15 * MINUTE_MS

export interface Alert {
  readonly rule: string
  readonly severity: 'warning' | 'critical'
  /** Unix milliseconds. */
  readonly since: number
  readonly summary: string
  readonly advice: string
}

interface Reading {
  readonly atMs: number
  readonly counters: AlertCounters
}

export class Alerts implements AlertView {
  readonly engine: Engine
  readonly queues: KnownQueues
  readonly #history: History
  readonly #readings: Reading[] = []
  /** Rule → when it began to hold, in Unix milliseconds. */
  readonly #began = new Map<AlertRule, number>()
  #current: readonly Alert[] = []

  constructor(engine: Engine, queues: KnownQueues, history: History) {
    this.engine = engine
    this.queues = queues
    this.#history = history
  }

  get current(): readonly Alert[] {
    return this.#current
  }

  /** Looks at all rules. Returns true if what they say has changed. */
  look(): boolean {
    const nowMs = this.engine.environment.clock.now()
    const atMs = this.engine.environment.workClock.monotonic()
    this.#readings.push({ atMs, counters: countersOf(this.engine, this.queues) })
    while ((this.#readings[1]?.atMs ?? atMs) < atMs - KEPT_MS) this.#readings.shift()
    const found: Alert[] = []
    for (const rule of ALERT_RULES) {
      const summary = rule.find(this)
      if (summary === undefined) {
        this.#began.delete(rule)
        continue
      }
      const since = this.#began.get(rule) ?? nowMs
      this.#began.set(rule, since)
      const { advice, name, severity } = rule
      if (nowMs - since >= rule.forMs) found.push({ rule: name, severity, since: Math.round(since), summary, advice })
    }
    const hasChanged = JSON.stringify(found) !== JSON.stringify(this.#current)
    this.#current = found
    return hasChanged
  }

  readonly grown = (counter: keyof AlertCounters, minutes: number): number => {
    const last = this.#readings.at(-1)
    if (last === undefined) return 0
    const first = this.#readings.find(({ atMs }) => atMs >= last.atMs - minutes * MINUTE_MS) ?? last
    // CONFIG RESETSTAT sets counters back.
    return Math.max(0, last.counters[counter] - first.counters[counter])
  }

  get loopDelayMs(): number | null {
    return this.#average('loopDelayMs')
  }

  get fsyncMs(): number | null {
    return this.#average('fsyncMs')
  }

  get cpu(): number | null {
    return this.#average('cpu')
  }

  #average(column: Column): number | null {
    const at = COLUMNS.indexOf(column)
    const rows = this.#history.rows.coarse.slice(-AVERAGED_ROWS)
    const known = rows.map((row) => row[at]).filter((value) => typeof value === 'number')
    return known.length === 0 ? null : known.reduce((sum, value) => sum + value, 0) / known.length
  }
}

function countersOf({ figures: { stats } }: Engine, queues: KnownQueues): AlertCounters {
  let failedJobs = 0
  for (const { db, name } of queues.bullmq) failedJobs += lengthOf(db, `${name}:failed`)
  return {
    evictedKeys: stats.evictedKeys,
    memoryRefusals: stats.errors.get('OOM') ?? 0,
    disconnects: stats.outputLimitDisconnects,
    wrongPasswords: stats.accessDenied.auth,
    fullSyncs: stats.fullSyncs,
    failedJobs,
  }
}
