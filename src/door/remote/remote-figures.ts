// The figures of another server: its INFO, asked each second while someone looks.

import type { Alert } from '../../monitoring/alerts.ts'
import { COARSE_STEP_MS, FINE_STEP_MS, History, type Rows } from '../../monitoring/history.ts'
import type { Figures, Viewer } from '../../monitoring/monitor.ts'
import { type Row, rounded, rowOf, type Sample } from '../../monitoring/sampled-columns.ts'
import type { Clock, Timer } from '../../util/time/clock.ts'
import { textOf } from '../console/asker.ts'
import { HttpError } from '../exchanges/http-error.ts'
import type { RemoteServer } from './remote-server.ts'

/** Beyond this time without a viewer nothing is asked for. */
const RESTS_AFTER_MS = COARSE_STEP_MS

export class RemoteFigures implements Figures {
  readonly alerts: readonly Alert[] = []
  readonly #remote: RemoteServer
  readonly #clock: Clock
  readonly #history = new History()
  readonly #viewers = new Set<Viewer>()
  #timer: Timer | undefined = undefined
  #last: Row | undefined = undefined
  #before: { readonly atMs: number; readonly info: ReadonlyMap<string, string> } | undefined = undefined
  #watchedMs = 0

  constructor(remote: RemoteServer, clock: Clock) {
    this.#remote = remote
    this.#clock = clock
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
      // It is not reached now: the row is missing.
      return undefined
    })
    if (info === undefined) return
    const atMs = this.#clock.monotonic()
    const sample = sampleOf(info, this.#before, atMs, this.#clock.now())
    this.#before = { atMs, info }
    this.#last = rowOf(sample)
    this.#history.add(this.#last)
    for (const viewer of this.#viewers) viewer.sample(this.#last)
  }
}

/** Returns the fields of INFO. Rejects with HttpError. */
export async function infoOf(remote: RemoteServer): Promise<ReadonlyMap<string, string>> {
  const asker = await remote.asker(0)
  const [text] = await asker.ask([['INFO']])
  const lines = (textOf(text) ?? '').split(/\r?\n/).filter((line) => line.includes(':'))
  return new Map(
    lines.map((line): [string, string] => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)]),
  )
}

/** Makes a row of two answers. A figure that INFO does not tell is null. */
function sampleOf(
  info: ReadonlyMap<string, string>,
  before: { readonly atMs: number; readonly info: ReadonlyMap<string, string> } | undefined,
  atMs: number,
  nowMs: number,
): Sample {
  const of = (name: string, fields = info): number | null => {
    const value = Number(fields.get(name) ?? Number.NaN)
    return Number.isFinite(value) ? value : null
  }
  const rate = (name: string): number | null => {
    const [now, last] = [of(name), before === undefined ? null : of(name, before.info)]
    if (now === null || last === null || before === undefined || atMs <= before.atMs) return null
    return rounded(Math.max(0, now - last) / ((atMs - before.atMs) / 1000))
  }
  const cpu = [rate('used_cpu_sys'), rate('used_cpu_user')]
  return {
    time: Math.round(nowMs),
    commands: rate('total_commands_processed'),
    messagesIn: null,
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
    unsyncedBytes: null,
    errors: rate('total_error_replies'),
    keys: keysOf(info),
  }
}

/** `db0:keys=3,expires=0,…` */
function keysOf(info: ReadonlyMap<string, string>): number {
  let keys = 0
  for (const [name, value] of info) if (/^db\d+$/.test(name)) keys += Number(/keys=(\d+)/.exec(value)?.[1] ?? 0)
  return keys
}
