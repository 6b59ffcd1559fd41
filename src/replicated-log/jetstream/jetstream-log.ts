// A replicated log in NATS JetStream: batches are the messages of a stream, positions are its
// sequence numbers.
//
//   append   a publication that names the expected last sequence number; answered after a quorum
//            has synced
//   at       one message
//   bounds   the state of the stream, after a request that only a leader with a quorum can carry
//            out
//   read     an ordered consumer, which the client makes again whenever it is lost
//   truncate a purge up to a sequence number
//
// Publications of a connection arrive in the order of sending, and each is accepted only behind the
// one before. So several may be in flight, and after a refused one none is accepted.

import type { ConsumerMessages, JetStreamManager, JsMsg } from '@nats-io/jetstream'
import type { Msg } from '@nats-io/transport-node'
import { assert } from '../../util/assert.ts'
import { sleep } from '../../util/time/real-time.ts'
import {
  Gap,
  LogAway,
  type LogBounds,
  type LogEntry,
  type LogError,
  OutcomeUnknown,
  type ReplicatedLog,
  Truncated,
} from '../log.ts'
import { LogUnfit } from '../log-unfit.ts'
import { LastingConnection, loadNats, type NatsConnection, type NatsPackages } from './connection.ts'
import { failure, refusal, type ServerError, unanswered } from './failures.ts'
import { NatsMessaging } from './nats-messaging.ts'
import type { JetStreamOptions } from './options.ts'
import { requireSafeMembers } from './server-answers.ts'
import { stopWhenSilent } from './silent-reader.ts'
import { membersOf, openStream, requireStreamName, STREAM_TIMEOUT_MS, subjectOf } from './stream.ts'

/**
 * A larger batch would delay the others of its Raft group: its bytes go to each follower before the
 * next batch.
 */
const BATCH_BYTES_MAX = 1024 * 1024
/** Headers count towards the servers' `max_payload` (1 MB unless set). */
const HEADER_BYTES_MAX = 1024
/**
 * The least `max_payload` of servers. A small one makes many records of one large write, and one of
 * the size of the headers leaves no byte for a batch.
 */
const MAX_PAYLOAD_MIN_BYTES = 64 * 1024
/** Throughput grows up to this number (docs/decisions/0033-which-log.md). */
const IN_FLIGHT_MAX = 16
/**
 * A quorum that can be reached answers within milliseconds; one that is electing a leader refuses.
 */
const APPEND_TIMEOUT_MS = 5_000
const REQUEST_TIMEOUT_MS = 2_000
/** How far a reader may be ahead of the consumer of its batches. */
const READ_AHEAD_BYTES = 8 * BATCH_BYTES_MAX
const READ_EXPIRES_MS = 2_000
/**
 * An idle server sends a heartbeat this often. A reader that misses two is made again, on another
 * server if need be. It is the least that servers take.
 */
const READ_HEARTBEAT_MS = 500
const READ_RETRY_MS = 200

interface Acknowledgement {
  readonly seq?: number
  readonly error?: ServerError
}

/**
 * Opens a log. Throws `LogUnfit` when it could lose acknowledged batches, `LogAway` when it does
 * not answer.
 */
export async function openJetStreamLog(options: JetStreamOptions): Promise<ReplicatedLog> {
  requireStreamName(options.stream)
  const packages = await loadNats()
  const connection = await LastingConnection.open(packages, options)
  try {
    const { current } = connection
    const batchBytesMax = batchBytesMaxOf(current)
    const info = await openStream(packages, await managerOf(packages, current, STREAM_TIMEOUT_MS), options, current)
    if (options.safety === 'required') {
      await requireSafeMembers(packages, current, membersOf(info, current.info?.server_name ?? ''))
    }
    return new JetStreamLog(packages, connection, options.stream, batchBytesMax)
  } catch (error) {
    await connection.close()
    throw failure(packages, error)
  }
}

/** Tells how large a batch the servers take. Throws `LogUnfit` when that is too small for a log. */
function batchBytesMaxOf({ info }: NatsConnection): number {
  const payloadBytesMax = info?.max_payload ?? 0
  if (payloadBytesMax < MAX_PAYLOAD_MIN_BYTES) {
    throw new LogUnfit(
      `max_payload of the NATS servers is ${payloadBytesMax} bytes: a log needs ${MAX_PAYLOAD_MIN_BYTES} or more`,
    )
  }
  return Math.min(BATCH_BYTES_MAX, payloadBytesMax - HEADER_BYTES_MAX)
}

function managerOf(
  { jetstream }: NatsPackages,
  connection: NatsConnection,
  timeout = REQUEST_TIMEOUT_MS,
): Promise<JetStreamManager> {
  return jetstream.jetstreamManager(connection, { checkAPI: false, timeout })
}

class JetStreamLog implements ReplicatedLog {
  readonly batchBytesMax: number
  readonly inFlightMax = IN_FLIGHT_MAX
  readonly messaging: NatsMessaging
  readonly #packages: NatsPackages
  readonly #connection: LastingConnection
  readonly #stream: string
  readonly #subject: string
  /** Each entry rejects an append that is in flight. */
  readonly #underWay = new Set<(error: LogError) => void>()
  readonly #closing = new AbortController()

  constructor(packages: NatsPackages, connection: LastingConnection, stream: string, batchBytesMax: number) {
    this.#packages = packages
    this.#connection = connection
    this.#stream = stream
    this.#subject = subjectOf(stream)
    this.batchBytesMax = batchBytesMax
    this.messaging = new NatsMessaging(connection, stream, this.#closing.signal)
    connection.onLost = () => this.#endAppends(new OutcomeUnknown('the connection was lost'))
  }

  append(batch: Uint8Array, expected: number): Promise<number> {
    if (batch.length > this.batchBytesMax) {
      return Promise.reject(new RangeError(`a batch of ${batch.length} bytes is too large`))
    }
    if (!this.#connection.isUp) return Promise.reject(new LogAway('there is no connection to the log'))
    return new Promise((resolve, reject) => {
      const end = (error: LogError): void => {
        this.#underWay.delete(end)
        reject(error)
      }
      this.#underWay.add(end)
      this.#publish(batch, expected).then(
        (answer) => {
          const { seq, error } = answer.json<Acknowledgement>()
          if (error !== undefined) return end(refusal(error))
          if (seq !== expected + 1) return end(new Gap(`position ${expected + 1} was asked for, and ${seq} given`))
          this.#underWay.delete(end)
          resolve(seq)
        },
        (error: unknown) => end(unanswered(this.#packages, error)),
      )
    })
  }

  lead(record: Uint8Array, expected: number): Promise<number> {
    return this.append(record, expected)
  }

  async at(position: number): Promise<Uint8Array | undefined> {
    const found = await this.#message(position)
    if (found !== undefined) return found
    const { first, last } = await this.bounds()
    if (position < first) throw new Truncated(`position ${position} is not kept any more`)
    if (position > last) return undefined
    // The server that answered first was behind the leader that has answered since.
    const behind = await this.#message(position)
    if (behind === undefined) throw new Gap(`there is nothing at position ${position}`)
    return behind
  }

  async bounds(): Promise<LogBounds> {
    // A deposed leader that does not know it yet would answer from memory. But it cannot purge, not
    // even nothing: a purge is an entry of the Raft log, which takes a quorum.
    await this.#ask((manager) => manager.streams.purge(this.#stream, { filter: `${this.#subject}.nothing` }))
    return this.#state()
  }

  async *read(from: number, signal: AbortSignal): AsyncIterable<LogEntry> {
    const stopped = AbortSignal.any([signal, this.#closing.signal])
    let next = from
    while (!stopped.aborted) {
      try {
        await this.#requireKept(next)
        for await (const message of this.#messagesFrom(next, stopped)) {
          if (message.seq < next) continue
          if (message.seq > next) {
            await this.#requireKept(next)
            throw new Gap(`position ${message.seq} follows ${next - 1}`)
          }
          yield { position: next++, batch: message.data }
        }
      } catch (error) {
        const known = failure(this.#packages, error)
        if (!(known instanceof LogAway)) throw known
        if (!stopped.aborted) await sleep(READ_RETRY_MS)
      }
    }
  }

  async truncate(before: number): Promise<void> {
    const { first, last } = await this.bounds()
    // After a purge beyond the end, the next sequence numbers would begin there.
    const end = Math.min(before, last + 1)
    if (end > first) await this.#ask((manager) => manager.streams.purge(this.#stream, { seq: end }))
  }

  async close(): Promise<void> {
    this.#closing.abort()
    this.#endAppends(new LogAway('the log was closed'))
    await this.#connection.close()
  }

  #publish(batch: Uint8Array, expected: number): Promise<Msg> {
    const headers = this.#packages.nats.headers()
    headers.set('Nats-Expected-Stream', this.#stream)
    headers.set('Nats-Expected-Last-Sequence', String(expected))
    return this.#connection.current.request(this.#subject, batch, { headers, timeout: APPEND_TIMEOUT_MS })
  }

  async #message(position: number): Promise<Uint8Array | undefined> {
    const message = await this.#ask((manager) => manager.streams.getMessage(this.#stream, { seq: position }))
    return message?.data
  }

  async #state(): Promise<LogBounds> {
    const { state } = await this.#ask((manager) => manager.streams.info(this.#stream))
    // An empty stream that is new reports 0.
    return { first: Math.max(1, state.first_seq), last: state.last_seq }
  }

  async #requireKept(position: number): Promise<void> {
    const { first } = await this.#state()
    if (position < first) throw new Truncated(`position ${position} is not kept any more`)
  }

  /**
   * Yields messages from a sequence number on, in order, possibly with gaps. Ends when the signal
   * aborts.
   */
  async *#messagesFrom(from: number, signal: AbortSignal): AsyncIterable<JsMsg> {
    await this.#connection.whenUp(REQUEST_TIMEOUT_MS)
    const client = this.#packages.jetstream.jetstream(this.#connection.current, { timeout: REQUEST_TIMEOUT_MS })
    const consumer = await this.#orClosed(client.consumers.get(this.#stream, { opt_start_seq: from }))
    let messages: ConsumerMessages | undefined
    const stop = (): void => messages?.stop()
    signal.addEventListener('abort', stop)
    try {
      messages = await this.#orClosed(
        consumer.consume({
          max_bytes: READ_AHEAD_BYTES,
          expires: READ_EXPIRES_MS,
          idle_heartbeat: READ_HEARTBEAT_MS,
        }),
      )
      void stopWhenSilent(messages)
      if (!signal.aborted) yield* messages
    } finally {
      signal.removeEventListener('abort', stop)
      messages?.stop()
      // A consumer that is left behind costs the servers work for five minutes, until they remove
      // it.
      consumer.delete().catch(() => {})
    }
  }

  /** Makes a request that changes no batch, so it may wait for the next connection. */
  async #ask<T>(request: (manager: JetStreamManager) => Promise<T>): Promise<T> {
    try {
      await this.#connection.whenUp(REQUEST_TIMEOUT_MS)
      return await this.#orClosed(request(await managerOf(this.#packages, this.#connection.current)))
    } catch (error) {
      throw failure(this.#packages, error)
    }
  }

  /** Awaits an answer, and rejects when the log is closed meanwhile. */
  #orClosed<T>(answer: Promise<T>): Promise<T> {
    const { signal } = this.#closing
    return new Promise((resolve, reject) => {
      const end = (): void => reject(new LogAway('the log was closed'))
      signal.addEventListener('abort', end)
      answer.then(resolve, reject).finally(() => signal.removeEventListener('abort', end))
    })
  }

  #endAppends(error: LogError): void {
    for (const end of [...this.#underWay]) end(error)
    assert(this.#underWay.size === 0, 'no append is in flight over a connection that was lost')
  }
}
