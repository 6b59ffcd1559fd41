// Watches a broker for all who look at it: a row a second, the history, the alerts, the stalls.

import type { Engine } from '../commands/call.ts'
import type { Timer } from '../util/time/clock.ts'
import { type Alert, Alerts } from './alerts.ts'
import { ChannelRates } from './channel-rates.ts'
import { FINE_STEP_MS, History, type Rows } from './history.ts'
import { HistoryFile } from './history-file.ts'
import { KnownQueues } from './known-queues.ts'
import { type Row, rowOf } from './sampled-columns.ts'
import { Sampler } from './sampler.ts'
import { Stalls } from './stalls.ts'

/** The queues are walked, and the rules looked at, each so many rows. */
const WALK_ROWS = 10
const RULES_ROWS = 5
/** Without a viewer, jobs are counted only each so many rows. */
const JOBS_ROWS = 10
const FILE_ROWS = 60

/** Someone who looks. */
export interface Viewer {
  sample(row: Row): void
  alerts(alerts: readonly Alert[]): void
}

/** The figures of a server, as they are shown. */
export interface Figures {
  readonly history: Rows
  readonly alerts: readonly Alert[]
  /** The last row; undefined before the first. */
  readonly last: Row | undefined
  /** Tells a viewer of all that comes; the function that is returned ends that. */
  watch(viewer: Viewer): () => void
}

export class Monitor implements Figures {
  readonly queues: KnownQueues
  readonly rates: ChannelRates
  readonly stalls: Stalls
  readonly #engine: Engine
  readonly #history = new History()
  readonly #alerts: Alerts
  readonly #sampler: Sampler
  #file: HistoryFile | undefined = undefined
  readonly #viewers = new Set<Viewer>()
  #timer: Timer | undefined = undefined
  #rows = 0
  #last: Row | undefined = undefined

  constructor(engine: Engine) {
    this.#engine = engine
    this.queues = new KnownQueues(engine)
    this.rates = new ChannelRates(engine.environment.workClock)
    this.stalls = new Stalls(engine)
    this.#alerts = new Alerts(engine, this.queues, this.#history)
    this.#sampler = new Sampler(engine, this.queues)
    this.#wait()
  }

  get history(): Rows {
    this.#restore()
    return this.#history.rows
  }

  get alerts(): readonly Alert[] {
    return this.#alerts.current
  }

  /** The last row; undefined before the first. */
  get last(): Row | undefined {
    return this.#last
  }

  /** The number of those that look. */
  get viewers(): number {
    return this.#viewers.size
  }

  /** Tells a viewer of all that comes; the function that is returned ends that. */
  watch(viewer: Viewer): () => void {
    this.#viewers.add(viewer)
    if (this.#viewers.size === 1) this.queues.look()
    return () => this.#viewers.delete(viewer)
  }

  /** Stops, and keeps the history. */
  close(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    this.queues.stop()
    this.stalls.stop()
    this.#sampler.stop()
    this.#file?.writeNow(this.#history.rows)
  }

  /**
   * Reads the file once the data are loaded: ports open before, and only then is the directory the
   * broker's own.
   */
  #restore(): void {
    if (this.#file !== undefined || !keepsFiles(this.#engine)) return
    const { config, environment } = this.#engine
    this.#file = new HistoryFile(config.get('dir'), environment.log)
    const earlier = this.#file.read()
    if (earlier !== undefined) this.#history.restore(earlier, environment.clock.now())
  }

  #wait(): void {
    this.#timer = this.#engine.environment.workClock.after(FINE_STEP_MS, () => {
      this.#step()
      this.#wait()
    })
  }

  #step(): void {
    this.#restore()
    const rows = this.#rows++
    const isWatched = this.#viewers.size > 0
    if (isWatched && rows % WALK_ROWS === 0) this.queues.look()
    this.#last = rowOf(this.#sampler.sample(isWatched || rows % JOBS_ROWS === 0))
    this.#history.add(this.#last)
    const haveChanged = rows % RULES_ROWS === 0 && this.#alerts.look()
    for (const viewer of this.#viewers) {
      viewer.sample(this.#last)
      if (haveChanged) viewer.alerts(this.#alerts.current)
    }
    if (rows % FILE_ROWS === FILE_ROWS - 1) void this.#file?.write(this.#history.rows)
  }
}

/** An engine that keeps nothing has no directory of its own. */
function keepsFiles({ config, parts }: Engine): boolean {
  return parts.saving !== undefined && (config.get('appendonly') || config.get('save').length > 0)
}
