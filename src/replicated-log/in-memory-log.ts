// A replicated log in memory, for tests: a sequence of batches, and clients that reach it over a
// network that a test makes unreliable.
//
//   client ── request ──▶ the log: accepts, or refuses ── reply ──▶ client
//               │ takes a while, in order             │ takes a while, or is lost
//
// A request that has left arrives whatever becomes of its sender. So an append of a leader that is
// paused, fenced or dead can land behind the first record of its successor. The log accepts an
// append if its last position is the expected one, and checks nothing else, as JetStream does.
//
// The log has a clock of its own, and each client uses the clock of its node: a paused node
// receives its replies when it continues.

import { itemAt } from '../util/array-reads.ts'
import { assert } from '../util/assert.ts'
import type { Clock, Timer } from '../util/time/clock.ts'
import {
  Fenced,
  Gap,
  LogAway,
  type LogBounds,
  type LogEntry,
  LogFull,
  OutcomeUnknown,
  type ReplicatedLog,
  Truncated,
} from './log.ts'
import type { Messaging } from './messaging.ts'

/** The faults of a client's network; asked for each message. */
export interface Weather {
  /**
   * How long a request or a reply travels, in milliseconds. Requests of one client still arrive in
   * order.
   */
  delayMs(what: 'request' | 'reply' | 'read'): number
  /** The request never arrives. */
  losesRequest(): boolean
  losesReply(): boolean
}

export const FAIR_WEATHER: Weather = { delayMs: () => 0, losesRequest: () => false, losesReply: () => false }

export interface InMemoryLogOptions {
  readonly clock: Clock
  readonly batchBytesMax?: number
  readonly inFlightMax?: number
  /** The capacity for all batches, in bytes; an append beyond it is refused. */
  readonly capacityBytes?: number
  /** An answer that takes longer than this counts as lost. */
  readonly answerTimeoutMs?: number
}

const ANSWER_TIMEOUT_MS = 500
const BATCH_BYTES_MAX = 1024 * 1024
/** The same number that the adapters of real logs allow. */
const IN_FLIGHT_MAX = 4

/** A batch in the log; its bytes are undefined when they were lost. */
interface Kept {
  batch: Uint8Array | undefined
  readonly bytes: number
  readonly arrivedMs: number
}

export class InMemoryLog {
  readonly batchBytesMax: number
  readonly inFlightMax: number
  readonly clock: Clock
  /** Applies to requests from now on. */
  answerTimeoutMs: number
  capacityBytes: number
  /** Whether there is no quorum: all requests are refused. */
  isAway = false
  #first = 1
  #batches: Kept[] = []
  #bytes = 0
  readonly #readers = new Set<() => void>()
  readonly #listeners = new Set<(batch: Uint8Array) => void>()

  constructor({ answerTimeoutMs, batchBytesMax, capacityBytes, clock, inFlightMax }: InMemoryLogOptions) {
    this.clock = clock
    this.batchBytesMax = batchBytesMax ?? BATCH_BYTES_MAX
    this.inFlightMax = inFlightMax ?? IN_FLIGHT_MAX
    this.answerTimeoutMs = answerTimeoutMs ?? ANSWER_TIMEOUT_MS
    this.capacityBytes = capacityBytes ?? Number.POSITIVE_INFINITY
  }

  /** Opens a client, with the clock of the node that it belongs to. */
  connect(clock: Clock = this.clock, weather: Weather = FAIR_WEATHER): ReplicatedLog {
    return new MemoryLogClient(this, clock, weather)
  }

  // ── requests ─────────────────────────────────────────────────────────

  get bounds(): LogBounds {
    return { first: this.#first, last: this.#first + this.#batches.length - 1 }
  }

  append(batch: Uint8Array, expected: number): number {
    const { last } = this.bounds
    if (this.isAway) throw new LogAway('there is no quorum')
    if (batch.length > this.batchBytesMax) throw new RangeError(`a batch of ${batch.length} bytes is too large`)
    if (expected !== last) throw new Fenced(`the last position is ${last}, not ${expected}`)
    if (this.#bytes + batch.length > this.capacityBytes) throw new LogFull('there is no room')
    this.#batches.push({ batch: Uint8Array.from(batch), bytes: batch.length, arrivedMs: this.clock.monotonic() })
    this.#bytes += batch.length
    this.#tell()
    return last + 1
  }

  at(position: number): Uint8Array | undefined {
    if (this.isAway) throw new LogAway('there is no quorum')
    if (position < this.#first) throw new Truncated(`position ${position} is not kept any more`)
    return this.#batches[position - this.#first]?.batch
  }

  truncate(before: number): void {
    if (this.isAway) throw new LogAway('there is no quorum')
    const removed = this.#batches.splice(0, Math.max(0, before - this.#first))
    for (const { bytes } of removed) this.#bytes -= bytes
    this.#first += removed.length
    this.#checkBytes()
  }

  #checkBytes(): void {
    assert(this.#bytes >= 0, 'each batch that goes was counted when it arrived')
    assert(this.#batches.length > 0 || this.#bytes === 0, 'an empty log takes no bytes')
  }

  /** When the batch at a position arrived. */
  arrivedMs(position: number): number {
    return itemAt(this.#batches, position - this.#first).arrivedMs
  }

  /** Calls `run` for each new batch, until the returned function is called. */
  onAppend(run: () => void): () => void {
    this.#readers.add(run)
    return () => this.#readers.delete(run)
  }

  #tell(): void {
    for (const run of [...this.#readers]) run()
  }

  /** Sends a batch of messages to all listeners; it is not kept. */
  say(batch: Uint8Array): void {
    if (this.isAway) throw new LogAway('the log is away')
    for (const hear of [...this.#listeners]) hear(batch)
  }

  /** Calls `hear` for each batch of messages, until the returned function is called. */
  onSaid(hear: (batch: Uint8Array) => void): () => void {
    this.#listeners.add(hear)
    return () => this.#listeners.delete(hear)
  }

  // ── faults for tests ───────────────────────────────────────────────

  /**
   * Loses everything from a position on, although it was acknowledged: all disks of the log lied.
   */
  loseEnd(from: number): void {
    for (const { bytes } of this.#batches.splice(from - this.#first)) this.#bytes -= bytes
    this.#checkBytes()
  }

  /** Replaces the bytes of a batch. */
  replace(position: number, batch: Uint8Array): void {
    itemAt(this.#batches, position - this.#first).batch = batch
  }

  /** Loses a batch in the middle: later ones keep their positions. */
  remove(position: number): void {
    itemAt(this.#batches, position - this.#first).batch = undefined
  }
}

class MemoryLogClient implements ReplicatedLog {
  readonly batchBytesMax: number
  readonly inFlightMax: number
  readonly messaging: Messaging
  readonly #log: InMemoryLog
  readonly #clock: Clock
  readonly #weather: Weather
  /** When the last request arrives; no later one overtakes it. */
  #arrivalMs = 0
  /** Each entry ends something in flight. */
  readonly #underWay = new Set<() => void>()
  #isClosed = false

  constructor(log: InMemoryLog, clock: Clock, weather: Weather) {
    this.#log = log
    this.#clock = clock
    this.#weather = weather
    this.batchBytesMax = log.batchBytesMax
    this.inFlightMax = log.inFlightMax
    this.messaging = {
      batchBytesMax: log.batchBytesMax,
      send: (batch) => this.#ask(() => log.say(Uint8Array.from(batch))),
      listen: (hear) => this.#listen(hear),
    }
  }

  append(batch: Uint8Array, expected: number): Promise<number> {
    return this.#ask(() => this.#log.append(batch, expected))
  }

  lead(record: Uint8Array, expected: number): Promise<number> {
    return this.append(record, expected)
  }

  at(position: number): Promise<Uint8Array | undefined> {
    return this.#ask(() => this.#log.at(position))
  }

  bounds(): Promise<LogBounds> {
    return this.#ask(() => {
      if (this.#log.isAway) throw new LogAway('there is no quorum')
      return this.#log.bounds
    })
  }

  truncate(before: number): Promise<void> {
    return this.#ask(() => this.#log.truncate(before))
  }

  async *read(from: number, signal: AbortSignal): AsyncIterable<LogEntry> {
    let wake = (): void => {}
    const leave = this.#log.onAppend(() => wake())
    const stop = (): void => wake()
    signal.addEventListener('abort', stop)
    this.#underWay.add(stop)
    try {
      for (let position = from; !signal.aborted && !this.#isClosed; ) {
        const { first, last } = this.#log.bounds
        if (position < first) throw new Truncated(`position ${position} is not kept any more`)
        if (this.#log.isAway) {
          await this.#pass(this.#log.answerTimeoutMs)
        } else if (position > last) {
          await new Promise<void>((resolve) => {
            wake = resolve
          })
        } else {
          await this.#pass(this.#log.arrivedMs(position) + this.#weather.delayMs('read') - this.#log.clock.monotonic())
          if (signal.aborted || this.#isClosed) return
          if (this.#log.isAway || position > this.#log.bounds.last || position < this.#log.bounds.first) continue
          const batch = this.#log.at(position)
          if (batch === undefined) throw new Gap(`there is nothing at position ${position}`)
          yield { position, batch }
          position++
        }
      }
    } finally {
      leave()
      signal.removeEventListener('abort', stop)
      this.#underWay.delete(stop)
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true
    for (const end of [...this.#underWay]) end()
  }

  #listen(hear: (batch: Uint8Array) => void): void {
    const world = this.#log.clock
    /** When the last batch arrives; no later one overtakes it. */
    let arrivalMs = 0
    const leave = this.#log.onSaid((batch) => {
      arrivalMs = Math.max(arrivalMs, world.monotonic() + this.#weather.delayMs('read'))
      if (this.#weather.losesReply()) return
      world.after(arrivalMs - world.monotonic(), () => {
        void this.#clock.after(0, () => this.#isClosed || hear(batch))
      })
    })
    this.#underWay.add(leave)
  }

  #pass(milliseconds: number): Promise<void> {
    if (milliseconds <= 0) return Promise.resolve()
    return new Promise((resolve) => void this.#clock.after(milliseconds, resolve))
  }

  /**
   * Sends a request and awaits the reply. The bytes are copied only when the request arrives: the
   * sender keeps them unchanged.
   */
  #ask<T>(arrive: () => T): Promise<T> {
    if (this.#isClosed) return Promise.reject(new LogAway('this client is closed'))
    const world = this.#log.clock
    const clock = this.#clock
    const weather = this.#weather
    return new Promise<T>((resolve, reject) => {
      let timer: Timer | undefined
      const end = (run: () => void): void => {
        timer?.cancel()
        this.#underWay.delete(close)
        run()
      }
      const close = (): void => end(() => reject(new LogAway('this client is closed')))
      this.#underWay.add(close)
      timer = clock.after(this.#log.answerTimeoutMs, () => end(() => reject(new OutcomeUnknown('no answer came'))))
      if (weather.losesRequest()) return
      this.#arrivalMs = Math.max(this.#arrivalMs, world.monotonic() + weather.delayMs('request'))
      world.after(this.#arrivalMs - world.monotonic(), () => {
        let answer: () => void
        try {
          const value = arrive()
          answer = () => resolve(value)
        } catch (error) {
          answer = () => reject(error)
        }
        if (!weather.losesReply()) clock.after(weather.delayMs('reply'), () => end(answer))
      })
    })
  }
}
