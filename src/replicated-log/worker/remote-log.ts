// A log that another thread runs, as seen from this thread.

import { itemAt } from '../../util/array-reads.ts'
import { assert } from '../../util/assert.ts'
import { LogAway, type LogBounds, type LogEntry, OutcomeUnknown, type ReplicatedLog } from '../log.ts'
import type { Messaging } from '../messaging.ts'
import {
  copyToSend,
  entryBytes,
  type Method,
  type Port,
  READ_WINDOW_BYTES,
  type Reply,
  type Request,
  received,
} from './messages.ts'
import { Outbox } from './outbox.ts'

/**
 * A reader reports bytes as taken in steps of this size: not for each entry, and long before the
 * window is used up.
 */
const TAKEN_BYTES_MIN = READ_WINDOW_BYTES / 4

/** A call that waits for its answer. */
interface Waiting {
  readonly method: Method
  readonly resolve: (value: unknown) => void
  readonly reject: (error: Error) => void
}

export class RemoteLog implements ReplicatedLog {
  readonly batchBytesMax: number
  readonly inFlightMax: number
  readonly messaging: Messaging
  readonly #outbox: Outbox<Request>
  readonly #waiting = new Map<number, Waiting>()
  readonly #readers = new Map<number, PendingEntries>()
  /** Listeners for messages, by the id of their request. */
  readonly #listeners = new Map<number, (batch: Uint8Array) => void>()
  #lastId = 0
  #isGone = false

  /** Uses a port whose other end has sent `opened`. */
  constructor(port: Port, { batchBytesMax, inFlightMax, messageBytesMax }: Reply & { type: 'opened' }) {
    this.#outbox = new Outbox(port)
    this.batchBytesMax = batchBytesMax
    this.inFlightMax = inFlightMax
    this.messaging = {
      batchBytesMax: messageBytesMax,
      send: (batch) => this.#call('say', 0, batch),
      listen: (hear) => {
        const id = ++this.#lastId
        this.#listeners.set(id, hear)
        this.#outbox.send({ type: 'listen', id })
      },
    }
    port.on('message', (replies) => {
      for (const reply of replies as Reply[]) this.#hear(reply)
    })
  }

  append(batch: Uint8Array, expected: number): Promise<number> {
    return this.#call('append', expected, batch)
  }

  lead(record: Uint8Array, expected: number): Promise<number> {
    return this.#call('lead', expected, record)
  }

  at(position: number): Promise<Uint8Array | undefined> {
    return this.#call('at', position)
  }

  bounds(): Promise<LogBounds> {
    return this.#call('bounds')
  }

  async *read(from: number, signal: AbortSignal): AsyncIterable<LogEntry> {
    if (this.#isGone) throw new LogAway('the thread of the log has ended')
    const id = ++this.#lastId
    const arrivals = new PendingEntries()
    const stop = (): void => this.#outbox.send({ type: 'stop', id })
    this.#readers.set(id, arrivals)
    signal.addEventListener('abort', stop)
    this.#outbox.send({ type: 'read', id, from })
    let takenBytes = 0
    try {
      while (!signal.aborted) {
        const entry = await arrivals.next(signal)
        if (entry === undefined) return
        takenBytes += entryBytes(entry.batch)
        if (takenBytes >= TAKEN_BYTES_MIN) {
          this.#outbox.send({ type: 'taken', id, bytes: takenBytes })
          takenBytes = 0
        }
        yield entry
      }
    } finally {
      signal.removeEventListener('abort', stop)
      this.#readers.delete(id)
      stop()
    }
  }

  truncate(before: number): Promise<void> {
    return this.#call('truncate', before)
  }

  async close(): Promise<void> {
    if (this.#isGone) return
    const closed = this.#call<void>('close')
    this.#isGone = true
    await closed
  }

  /** The other end is gone: requests sent to it may have been carried out or not. */
  lost(): void {
    this.#isGone = true
    for (const { method, resolve, reject } of this.#waiting.values()) {
      if (method === 'close') resolve(undefined)
      else if (method === 'append' || method === 'lead') reject(new OutcomeUnknown('the thread of the log has ended'))
      else reject(new LogAway('the thread of the log has ended'))
    }
    this.#waiting.clear()
    for (const arrivals of this.#readers.values()) arrivals.end(new LogAway('the thread of the log has ended'))
  }

  #call<T>(method: Method, position = 0, batch?: Uint8Array): Promise<T> {
    if (this.#isGone) return Promise.reject(new LogAway('the log was closed'))
    return new Promise((resolve, reject) => {
      const id = ++this.#lastId
      this.#waiting.set(id, { method, resolve: resolve as (value: unknown) => void, reject })
      const sent = batch === undefined ? undefined : copyToSend(batch)
      this.#outbox.send({ type: 'call', id, method, position, ...(sent && { batch: sent }) }, sent)
    })
  }

  #hear(reply: Reply): void {
    switch (reply.type) {
      case 'entry':
        this.#readers.get(reply.id)?.add(reply)
        break
      case 'heard':
        this.#outbox.send({ type: 'taken', id: reply.id, bytes: entryBytes(reply.batch) })
        this.#listeners.get(reply.id)?.(reply.batch)
        break
      case 'done':
        this.#readers.get(reply.id)?.end()
        this.#take(reply.id)?.resolve(reply.value)
        break
      case 'failed':
        this.#readers.get(reply.id)?.end(received(reply.error))
        this.#take(reply.id)?.reject(received(reply.error))
    }
  }

  #take(id: number): Waiting | undefined {
    const found = this.#waiting.get(id)
    this.#waiting.delete(id)
    return found
  }
}

/** Entries that have arrived and were not taken yet, and how the stream ends. */
class PendingEntries {
  readonly #entries: LogEntry[] = []
  #taken = 0
  #hasEnded = false
  #error: Error | undefined
  #wake = (): void => {}

  add(entry: LogEntry): void {
    assert(!this.#hasEnded, 'no entry follows the end of a stream')
    this.#entries.push(entry)
    this.#wake()
  }

  end(error?: Error): void {
    if (this.#hasEnded) return
    this.#hasEnded = true
    this.#error = error
    this.#wake()
  }

  /** Resolves with the next entry; undefined when there are no more, or the signal aborts. */
  async next(signal: AbortSignal): Promise<LogEntry | undefined> {
    for (;;) {
      if (signal.aborted) return undefined
      if (this.#taken < this.#entries.length) {
        const entry = itemAt(this.#entries, this.#taken++)
        if (this.#taken === this.#entries.length) this.#taken = this.#entries.length = 0
        return { position: entry.position, batch: entry.batch }
      }
      if (this.#error !== undefined) throw this.#error
      if (this.#hasEnded) return undefined
      await new Promise<void>((resolve) => {
        const wake = (): void => {
          signal.removeEventListener('abort', wake)
          resolve()
        }
        this.#wake = wake
        signal.addEventListener('abort', wake)
      })
    }
  }
}
