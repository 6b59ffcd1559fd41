// A replicated log in a thread of its own. If the thread ends, which it should not, the log is away
// until the next thread has opened it.

import { Worker } from 'node:worker_threads'
import { assert } from '../../util/assert.ts'
import { sleep } from '../../util/time/real-time.ts'
import { LogAway, type LogBounds, type LogEntry, type ReplicatedLog } from '../log.ts'
import type { Messaging } from '../messaging.ts'
import type { LogSource } from './log-source.ts'
import { type Reply, received } from './messages.ts'
import { RemoteLog } from './remote-log.ts'

/** The wait before a thread that has ended, or could not open the log again, is replaced. */
const RESTART_MS = 200

/**
 * The file that the thread runs. In the built program it lies beside this file. From the source,
 * which Node 20 cannot run in a thread, it is the file that was last built.
 */
const IS_SOURCE = import.meta.url.endsWith('.ts')
const BUILT_FILE = IS_SOURCE ? '../../../dist/replicated-log/log-worker.js' : './replicated-log/log-worker.js'
const WORKER_FILE = new URL(BUILT_FILE, import.meta.url)

/**
 * Opens a log in a thread of its own. Throws errors of opening it: `LogUnfit`, `LogAway`. `file` is
 * what the thread runs.
 */
export async function openWorkerLog(source: LogSource, file: URL = WORKER_FILE): Promise<ReplicatedLog> {
  const log = new WorkerLog(source, file)
  await log.start()
  return log
}

class WorkerLog implements ReplicatedLog {
  readonly #source: LogSource
  readonly #file: URL
  #worker: Worker | undefined
  /** Undefined while the log is away. */
  #log: RemoteLog | undefined
  #limits = { batchBytesMax: 0, inFlightMax: 0, messageBytesMax: 0 }
  /** The listener for messages, given to each new thread. */
  #hear: ((batch: Uint8Array) => void) | undefined = undefined
  #whyAway = 'the thread of the log has ended'
  readonly #closing = new AbortController()

  constructor(source: LogSource, file: URL) {
    this.#source = source
    this.#file = file
  }

  get batchBytesMax(): number {
    return this.#limits.batchBytesMax
  }

  get inFlightMax(): number {
    return this.#limits.inFlightMax
  }

  get messaging(): Messaging {
    return {
      batchBytesMax: this.#limits.messageBytesMax,
      send: (batch) => this.#log?.messaging.send(batch) ?? this.#away(),
      listen: (hear) => {
        assert(this.#hear === undefined, 'messages are listened to once')
        this.#hear = hear
        this.#log?.messaging.listen(hear)
      },
    }
  }

  /** Starts a thread, and waits until it has opened the log. */
  async start(): Promise<void> {
    const worker = new Worker(this.#file, { workerData: this.#source, execArgv: [] })
    assert(this.#log === undefined, 'a thread is started when none has the log open')
    this.#worker = worker
    let log: RemoteLog | undefined
    await new Promise<void>((resolve, reject) => {
      worker.once('message', ([reply]: [Reply]) => {
        if (reply.type === 'opened') {
          this.#limits = reply
          this.#log = log = new RemoteLog(worker, reply)
          if (this.#hear !== undefined) log.messaging.listen(this.#hear)
          return resolve()
        }
        reject(
          reply.type === 'unopened'
            ? received(reply.error)
            : new LogAway('the thread of the log has sent an unexpected message'),
        )
        void worker.terminate()
      })
      // An uncaught error in the thread, which ends with it.
      worker.once('error', (error: Error) => {
        this.#whyAway = `the thread of the log has ended: ${error.message}`
      })
      worker.once('exit', () => {
        reject(new LogAway(this.#whyAway))
        if (log === undefined) return
        this.#log = undefined
        log.lost()
        void this.#restart()
      })
    })
  }

  append(batch: Uint8Array, expected: number): Promise<number> {
    return this.#log?.append(batch, expected) ?? this.#away()
  }

  lead(record: Uint8Array, expected: number): Promise<number> {
    return this.#log?.lead(record, expected) ?? this.#away()
  }

  at(position: number): Promise<Uint8Array | undefined> {
    return this.#log?.at(position) ?? this.#away()
  }

  bounds(): Promise<LogBounds> {
    return this.#log?.bounds() ?? this.#away()
  }

  async *read(from: number, signal: AbortSignal): AsyncIterable<LogEntry> {
    const stopped = AbortSignal.any([signal, this.#closing.signal])
    let next = from
    while (!stopped.aborted) {
      const log = this.#log
      if (log === undefined) {
        await sleep(RESTART_MS)
        continue
      }
      try {
        for await (const entry of log.read(next, stopped)) {
          yield entry
          next = entry.position + 1
        }
      } catch (error) {
        // The thread has ended. The log itself never throws LogAway to a reader.
        if (!(error instanceof LogAway)) throw error
      }
    }
  }

  truncate(before: number): Promise<void> {
    return this.#log?.truncate(before) ?? this.#away()
  }

  async close(): Promise<void> {
    this.#closing.abort()
    const log = this.#log
    this.#log = undefined
    this.#whyAway = 'the log was closed'
    await log?.close()
    await this.#worker?.terminate()
  }

  #away(): Promise<never> {
    return Promise.reject(new LogAway(this.#whyAway))
  }

  async #restart(): Promise<void> {
    while (!this.#closing.signal.aborted) {
      await sleep(RESTART_MS)
      if (this.#closing.signal.aborted) return
      try {
        await this.start()
        if (this.#closing.signal.aborted) await this.#worker?.terminate()
        return
      } catch (error) {
        this.#whyAway = (error as Error).message
      }
    }
  }
}
