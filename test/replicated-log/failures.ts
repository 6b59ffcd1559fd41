// Failures of a real log and of its users, and the check of their batches afterwards.

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { expect } from 'vitest'
import { Fenced, LogAway, type LogEntry, OutcomeUnknown, type ReplicatedLog } from '../../src/replicated-log/log.ts'
import type { LogSource } from '../../src/replicated-log/worker/log-source.ts'
import { sleep } from '../../src/util/time/real-time.ts'
import { logWorker } from '../support/build.ts'
import { openSoon } from './open-soon.ts'

/** Appends in flight at once. */
const UNDER_WAY = 4
/** The wait after a failure before the rest is tried again. */
const PAUSE_MS = 50
const POLL_MS = 5

/**
 * Appends unique batches one after the other despite failures of the log, and records which were
 * acknowledged.
 */
export class SureAppender {
  /** Position → the batch acknowledged there. */
  readonly acknowledged = new Map<number, string>()
  readonly #log: ReplicatedLog
  #count = 0

  constructor(log: ReplicatedLog) {
    this.#log = log
  }

  /** Appends until the condition is met. */
  async run(isDone: () => boolean): Promise<void> {
    let { last } = await openSoon(() => this.#log.bounds())
    let pending: string[] = []
    while (!isDone()) {
      while (pending.length < UNDER_WAY) pending.push(`batch ${++this.#count}`)
      const outcomes = await Promise.allSettled(
        pending.map((batch, i) => this.#log.append(Buffer.from(batch), last + i)),
      )
      const isFailure = outcomes.some(({ status }) => status === 'rejected')
      if (isFailure) await sleep(PAUSE_MS)
      // The log tells which unacknowledged batches it has; the others are appended again.
      const found = isFailure ? await openSoon(() => this.#inLog(last, pending)) : pending.length
      pending.slice(0, found).forEach((batch, i) => {
        this.acknowledged.set(last + i + 1, batch)
      })
      outcomes.forEach((outcome, i) => {
        if (outcome.status === 'fulfilled') expect(i).toBeLessThan(found)
        else expect([Fenced, LogAway, OutcomeUnknown].some((type) => outcome.reason instanceof type)).toBe(true)
      })
      last += found
      pending = pending.slice(found)
    }
  }

  /** Waits until it has this many acknowledgements. */
  async reach(count: number): Promise<void> {
    while (this.acknowledged.size < count) await sleep(POLL_MS)
  }

  /** How many of these batches are behind a position. */
  async #inLog(last: number, batches: readonly string[]): Promise<number> {
    let found = 0
    while (found < batches.length) {
      const batch = await this.#log.at(last + found + 1)
      if (batch === undefined) break
      expect(Buffer.from(batch).toString()).toBe(batches[found])
      found++
    }
    return found
  }

  /** Checks that every acknowledged batch is at its position, and nowhere else. */
  async verify(log: ReplicatedLog): Promise<void> {
    const found = await readAll(log)
    for (const [position, batch] of this.acknowledged) expect(found[position - 1]).toBe(batch)
    expect(new Set(found).size).toBe(found.length)
  }
}

/** The text of all batches. */
export async function readAll(log: ReplicatedLog): Promise<string[]> {
  const { last } = await openSoon(() => log.bounds())
  const found: string[] = []
  const stop = new AbortController()
  for await (const { batch } of log.read(1, stop.signal) as AsyncIterable<LogEntry>) {
    found.push(Buffer.from(batch).toString())
    if (found.length === last) break
  }
  stop.abort()
  return found
}

/**
 * A process that appends to a log, several batches at once, through the thread of the built
 * program, until it is fenced.
 */
export class AppendingProcess {
  /** Positions that were acknowledged to it. */
  readonly acknowledged: number[] = []
  /** Resolves with the name of the error that has ended it. */
  readonly ended: Promise<string>
  readonly #child: ChildProcess

  constructor(source: LogSource) {
    const script = `
      const { Worker } = require('node:worker_threads')
      const worker = new Worker(${JSON.stringify(logWorker())}, { workerData: ${JSON.stringify(source)} })
      let position = 0
      const next = () => {
        const batch = new Uint8Array(Buffer.from('old ' + position))
        worker.postMessage([{ type: 'call', id: position + 1, method: 'append', position: position++, batch }], [batch.buffer])
      }
      worker.on('message', (replies) => replies.forEach(({ type, value, error }) => {
        if (type === 'opened') for (let i = 0; i < ${UNDER_WAY}; i++) next()
        if (type === 'done') { console.log(value); next() }
        if (type === 'failed' || type === 'unopened') { console.log(error.name); process.exit() }
      }))`
    this.#child = spawn(process.execPath, ['--eval', script], { stdio: ['ignore', 'pipe', 'inherit'] })
    this.ended = new Promise((resolve) => {
      createInterface({ input: this.#child.stdout! }).on('line', (line) => {
        if (Number(line) > 0) this.acknowledged.push(Number(line))
        else resolve(line)
      })
    })
  }

  /** Waits until it has this many acknowledgements. */
  async reach(count: number): Promise<void> {
    while (this.acknowledged.length < count) await once(this.#child.stdout!, 'data')
  }

  pause(): void {
    this.#child.kill('SIGSTOP')
  }

  goOn(): void {
    this.#child.kill('SIGCONT')
  }

  kill(): void {
    this.#child.kill('SIGKILL')
  }
}

/**
 * Another client takes over while the first is paused. When the first continues it is fenced, and
 * none of its acknowledged appends is lost.
 */
export async function takeOverFromPaused(log: ReplicatedLog, source: LogSource): Promise<void> {
  const old = new AppendingProcess(source)
  try {
    await old.reach(20)
    old.pause()
    let lead: number | undefined
    while (lead === undefined) {
      const { last } = await openSoon(() => log.bounds())
      lead = await log.lead(Buffer.from('epoch 2'), last).catch((error: unknown) => {
        // Appends that the first has sent arrive nevertheless.
        if (error instanceof Fenced) return undefined
        throw error
      })
    }
    let { last } = await openSoon(() => log.bounds())
    for (let i = 0; i < 5; i++) last = await log.append(Buffer.from(`new ${i}`), last)
    old.goOn()
    expect(await old.ended).toBe('Fenced')
    const found = await readAll(log)
    for (const position of old.acknowledged) expect(found[position - 1]).toBe(`old ${position - 1}`)
    expect(found[lead - 1]).toBe('epoch 2')
    const after = found.slice(lead)
    expect(after.filter((batch) => batch.startsWith('new'))).toHaveLength(5)
    expect(after.filter((batch) => batch.startsWith('old')).length).toBeLessThan(UNDER_WAY)
  } finally {
    old.kill()
  }
}
