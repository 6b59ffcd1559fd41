// The figures of another server: its INFO, asked each second while someone looks, once for all of
// them.

import type { Alert } from '../../monitoring/alerts.ts'
import { COARSE_STEP_MS, FINE_STEP_MS, History, type Rows } from '../../monitoring/history.ts'
import type { Figures, Viewer } from '../../monitoring/monitor.ts'
import { type Row, rounded, rowOf, type Sample } from '../../monitoring/sampled-columns.ts'
import type { Clock, Timer } from '../../util/time/clock.ts'
import { HttpError } from '../exchanges/http-error.ts'
import { RemoteAlerts } from './remote-alerts.ts'
import { type Info, infoOf, numberOfField } from './remote-info.ts'
import type { RemoteServer } from './remote-server.ts'

/** Beyond this time without a viewer nothing is asked for. */
const RESTS_AFTER_MS = COARSE_STEP_MS

export class RemoteFigures implements Figures {
  readonly #remote: RemoteServer
  readonly #clock: Clock
  readonly #history = new History()
  readonly #alerts = new RemoteAlerts()
  readonly #viewers = new Set<Viewer>()
  #timer: Timer | undefined = undefined
  #last: Row | undefined = undefined
  #before: { readonly atMs: number; readonly info: Info } | undefined = undefined
  #watchedMs = 0

  constructor(remote: RemoteServer, clock: Clock) {
    this.#remote = remote
    this.#clock = clock
  }

  get alerts(): readonly Alert[] {
    return this.#alerts.current
  }

  get history(): Rows {
    return this.#history.rows
  }

  get last(): Row | undefined {
    return this.#last
  }

  watch(viewer: Viewer): () => void {
    this.#viewers.add(viewer)
    this.#watchedMs = this.#clock.monotonic()
    if (this.#timer === undefined) this.#wait()
    return () => {
      this.#watchedMs = this.#clock.monotonic()
      this.#viewers.delete(viewer)
    }
  }

  close(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  #wait(): void {
    this.#timer = this.#clock.after(FINE_STEP_MS, () => {
      void this.#step().finally(() => {
        const rests = this.#viewers.size === 0 && this.#clock.monotonic() - this.#watchedMs > RESTS_AFTER_MS
        if (this.#timer !== undefined && !rests) this.#wait()
        else this.#timer = undefined
      })
    })
  }

  async #step(): Promise<void> {
    const info = await infoOf(this.#remote).catch((error: unknown) => {
      if (!(error instanceof HttpError)) throw error
      return error
    })
    const nowMs = this.#clock.now()
    if (info instanceof HttpError) {
      // The row is missing.
      if (this.#alerts.unreached(info.message, nowMs)) this.#tellAlerts()
      return
    }
    const atMs = this.#clock.monotonic()
    this.#last = rowOf(sampleOf(info, this.#before, atMs, nowMs))
    this.#before = { atMs, info }
    this.#history.add(this.#last)
    for (const viewer of this.#viewers) viewer.sample(this.#last)
    if (this.#alerts.look(info, nowMs)) this.#tellAlerts()
  }

  #tellAlerts(): void {
    for (const viewer of this.#viewers) viewer.alerts(this.#alerts.current)
  }
}

/** Makes a row of two answers. A figure that INFO does not tell is null. */
function sampleOf(
  info: Info,
  before: { readonly atMs: number; readonly info: Info } | undefined,
  atMs: number,
  nowMs: number,
): Sample {
  const of = (name: string, fields = info): number | null => numberOfField(fields, name)
  const rate = (name: string): number | null => {
    const [now, last] = [of(name), before === undefined ? null : of(name, before.info)]
    if (now === null || last === null || before === undefined || atMs <= before.atMs) return null
    return rounded(Math.max(0, now - last) / ((atMs - before.atMs) / 1000))
  }
  const published = callsSince('publish', info, before?.info) + callsSince('spublish', info, before?.info)
  const seconds = before === undefined ? 0 : (atMs - before.atMs) / 1000
  const cpu = [rate('used_cpu_sys'), rate('used_cpu_user')]
  return {
    time: Math.round(nowMs),
    commands: rate('total_commands_processed'),
    messagesIn: seconds <= 0 ? null : rounded(published / seconds),
    messagesOut: null,
    jobs: null,
    clients: of('connected_clients'),
    memory: of('used_memory'),
    memoryRss: of('used_memory_rss'),
    journalBytes: rate('aof_current_size'),
    fsyncMs: null,
    loopDelayMs: null,
    cpu: cpu[0] === null ? null : rounded((cpu[0] ?? 0) + (cpu[1] ?? 0)),
    inBytes: rate('total_net_input_bytes'),
    outBytes: rate('total_net_output_bytes'),
    backlogJobs: null,
    backlogReaders: null,
    unsyncedBytes: of('aof_buffer_length'),
    errors: rate('total_error_replies'),
    keys: keysOf(info),
  }
}

/** How often a command was called since an earlier answer, by the field `cmdstat_NAME:calls=…`. */
function callsSince(command: string, info: Info, before: Info | undefined): number {
  const calls = (fields: Info | undefined): number =>
    Number(/^calls=(\d+)/.exec(fields?.get(`cmdstat_${command}`) ?? '')?.[1] ?? 0)
  return Math.max(0, calls(info) - calls(before))
}

/** `db0:keys=3,expires=0,…` */
function keysOf(info: ReadonlyMap<string, string>): number {
  let keys = 0
  for (const [name, value] of info) if (/^db\d+$/.test(name)) keys += Number(/keys=(\d+)/.exec(value)?.[1] ?? 0)
  return keys
}
