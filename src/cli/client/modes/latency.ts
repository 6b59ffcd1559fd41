// `--latency`, `--latency-history`: how long PING takes, in milliseconds.

import type { Task } from '../task.ts'

/** Between two samples. */
const SAMPLE_REST_MS = 10
const ONCE_MS = 1000
const HISTORY_MS = 15_000
/** To the line's beginning, and clears the line. */
const AGAIN = '\x1b[0G\x1b[2K'

/** The measurements since the range began. */
class Samples {
  readonly beganMs: number
  #count = 0
  #sum = 0
  #min = Number.POSITIVE_INFINITY
  #max = 0

  constructor(beganMs: number) {
    this.beganMs = beganMs
  }

  add(milliseconds: number): void {
    this.#count++
    this.#sum += milliseconds
    this.#min = Math.min(this.#min, milliseconds)
    this.#max = Math.max(this.#max, milliseconds)
  }

  /** The line of redis-cli in a format. */
  printed(format: 'people' | 'raw' | 'csv'): string {
    const average = (this.#sum / this.#count).toFixed(2)
    if (format === 'raw') return `${this.#min} ${this.#max} ${average} ${this.#count}\n`
    if (format === 'csv') return `${this.#min},${this.#max},${average},${this.#count}\n`
    return `${AGAIN}min: ${this.#min}, max: ${this.#max}, avg: ${average} (${this.#count} samples)`
  }
}

/**
 * Runs until the user ends it. Elsewhere than on a terminal `--latency` ends by itself, with one
 * line.
 */
export async function printLatency(task: Task, kind: 'now' | 'history'): Promise<void> {
  const { connection, options, streams } = task
  const format = options.format === 'csv' ? 'csv' : task.isRaw ? 'raw' : 'people'
  const endsAfterMs = kind === 'now' && format !== 'people' ? (options.intervalMs ?? ONCE_MS) : undefined
  const rangeMs = kind === 'history' ? (options.intervalMs ?? HISTORY_MS) : Number.POSITIVE_INFINITY
  let samples = new Samples(streams.now())
  while (true) {
    const began = streams.now()
    // An error reply takes as long as another, and is a sample in redis-cli, too.
    await connection.ask(['PING'])
    samples.add(Math.floor(streams.now() - began))
    const spentMs = streams.now() - samples.beganMs
    if (endsAfterMs === undefined) streams.print(samples.printed(format))
    else if (spentMs > endsAfterMs) return streams.print(samples.printed(format))
    if (spentMs > rangeMs) {
      streams.print(` -- ${(spentMs / 1000).toFixed(2)} seconds range\n`)
      samples = new Samples(streams.now())
    }
    if (!(await streams.rest(SAMPLE_REST_MS))) return
  }
}
