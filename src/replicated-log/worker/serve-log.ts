// Carries out the requests of another thread on a log.

import { assert } from '../../util/assert.ts'
import { LogError, type ReplicatedLog } from '../log.ts'
import { copyToSend, entryBytes, type Port, READ_WINDOW_BYTES, type Reply, type Request, sendable } from './messages.ts'
import { Outbox } from './outbox.ts'

/** Sends `opened` with the limits of the log, and answers requests from then on. */
export function serveLog(log: ReplicatedLog, port: Port): void {
  const readers = new Map<number, Reader>()
  const listeners = new Map<number, MessageWindow>()
  const outbox = new Outbox<Reply>(port)
  const send = outbox.send.bind(outbox)
  const answer = async (id: number, run: () => Promise<unknown>): Promise<void> => {
    try {
      const value = await run()
      if (!(value instanceof Uint8Array)) return send({ type: 'done', id, value })
      const bytes = copyToSend(value)
      send({ type: 'done', id, value: bytes }, bytes)
    } catch (error) {
      send({ type: 'failed', id, error: sendable(error) })
    }
  }
  const hear = (request: Request): void => {
    switch (request.type) {
      case 'call':
        void answer(request.id, () => call(log, request))
        break
      case 'read': {
        const reader = new Reader(log, request.from, (position, batch) => {
          const bytes = copyToSend(batch)
          send({ type: 'entry', id: request.id, position, batch: bytes }, bytes)
        })
        readers.set(request.id, reader)
        void answer(request.id, () => reader.run()).finally(() => readers.delete(request.id))
        break
      }
      case 'taken':
        readers.get(request.id)?.took(request.bytes)
        listeners.get(request.id)?.took(request.bytes)
        break
      case 'stop':
        readers.get(request.id)?.stop()
        break
      case 'listen': {
        const window = new MessageWindow()
        listeners.set(request.id, window)
        log.messaging.listen((batch) => {
          if (!window.takes(batch)) return
          const bytes = copyToSend(batch)
          send({ type: 'heard', id: request.id, batch: bytes }, bytes)
        })
      }
    }
  }
  port.on('message', (requests) => {
    for (const request of requests as Request[]) hear(request)
  })
  const { batchBytesMax, inFlightMax, messaging } = log
  send({ type: 'opened', batchBytesMax, inFlightMax, messageBytesMax: messaging.batchBytesMax })
}

function call(log: ReplicatedLog, { method, position, batch }: Request & { type: 'call' }): Promise<unknown> {
  switch (method) {
    case 'append':
    case 'lead':
      if (batch === undefined) throw new LogError(`${method} without a batch`)
      return log[method](batch, position)
    case 'say':
      if (batch === undefined) throw new LogError(`${method} without a batch`)
      return log.messaging.send(batch)
    case 'at':
    case 'truncate':
      return log[method](position)
    case 'bounds':
    case 'close':
      return log[method]()
  }
}

/**
 * How many bytes were sent ahead of the other thread. Messages do not wait: those that do not fit
 * are lost.
 */
class MessageWindow {
  #aheadBytes = 0

  takes(batch: Uint8Array): boolean {
    if (this.#aheadBytes >= READ_WINDOW_BYTES) return false
    this.#aheadBytes += entryBytes(batch)
    return true
  }

  took(bytes: number): void {
    this.#aheadBytes -= bytes
    assert(this.#aheadBytes >= 0, 'no more messages are taken than were sent')
  }
}

/** Reads for the other thread, at most a window ahead of it. */
class Reader {
  readonly #log: ReplicatedLog
  readonly #from: number
  readonly #entry: (position: number, batch: Uint8Array) => void
  readonly #stopping = new AbortController()
  #aheadBytes = 0
  #goOn = (): void => {}

  constructor(log: ReplicatedLog, from: number, entry: (position: number, batch: Uint8Array) => void) {
    this.#log = log
    this.#from = from
    this.#entry = entry
  }

  async run(): Promise<void> {
    for await (const { position, batch } of this.#log.read(this.#from, this.#stopping.signal)) {
      if (this.#stopping.signal.aborted) return
      this.#aheadBytes += entryBytes(batch)
      this.#entry(position, batch)
      while (this.#aheadBytes >= READ_WINDOW_BYTES && !this.#stopping.signal.aborted) {
        await new Promise<void>((resolve) => {
          this.#goOn = resolve
        })
      }
    }
  }

  took(bytes: number): void {
    this.#aheadBytes -= bytes
    assert(this.#aheadBytes >= 0, 'no more entries are taken than were sent')
    this.#goOn()
  }

  stop(): void {
    this.#stopping.abort()
    this.#goOn()
  }
}
