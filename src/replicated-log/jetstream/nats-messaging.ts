// Messages beside a log on JetStream: plain NATS publications, which no stream keeps, on a subject
// beside that of the log.
//
// It uses the log's connection. A batch has left when the server has answered a PING that was sent
// behind it; then the next batch may be sent. So a slow server makes batches grow at the sender,
// where they are bounded, and not in the NATS client.

import { assert } from '../../util/assert.ts'
import { LogAway, LogError } from '../log.ts'
import type { Messaging } from '../messaging.ts'
import type { LastingConnection, NatsConnection } from './connection.ts'

/** One write of this size delays an append behind it by less than a millisecond. */
const BATCH_BYTES_MAX = 256 * 1024

/** The subject of the messages for a stream. */
export const messagesSubjectOf = (stream: string): string => `respite.messages.${stream}`

export class NatsMessaging implements Messaging {
  readonly batchBytesMax: number
  readonly #connection: LastingConnection
  readonly #subject: string
  readonly #closing: AbortSignal
  #hear: ((batch: Uint8Array) => void) | undefined = undefined
  /** The server's last refusal; the next sender is told. */
  #refusal: Error | undefined = undefined

  /** `closing` is aborted when the log is closed. */
  constructor(connection: LastingConnection, stream: string, closing: AbortSignal) {
    this.#connection = connection
    this.#subject = messagesSubjectOf(stream)
    this.#closing = closing
    this.batchBytesMax = Math.min(BATCH_BYTES_MAX, connection.current.info?.max_payload ?? 0)
    connection.onOpened = (current) => this.#subscribe(current)
    connection.onRefused = (subject, error) => {
      if (subject === this.#subject) this.#refusal = error
    }
  }

  async send(batch: Uint8Array): Promise<void> {
    if (!this.#connection.isUp) throw new LogAway('there is no connection to the log')
    const { current } = this.#connection
    try {
      current.publish(this.#subject, batch)
      await this.#orClosed(current.flush())
    } catch (error) {
      throw new LogAway(`the batch was lost: ${(error as Error).message}`, { cause: error })
    }
    const refusal = this.#refusal
    this.#refusal = undefined
    if (refusal !== undefined) throw new LogError(`the account may not do this: ${refusal.message}`, { cause: refusal })
  }

  listen(hear: (batch: Uint8Array) => void): void {
    assert(this.#hear === undefined, 'messages are listened to once')
    this.#hear = hear
    this.#subscribe(this.#connection.current)
  }

  /**
   * Subscribes. The NATS client subscribes again after a reconnect, but a new client that replaces
   * it does not.
   */
  #subscribe(connection: NatsConnection): void {
    const hear = this.#hear
    if (hear === undefined) return
    connection.subscribe(this.#subject, {
      callback: (error, message) => {
        // `onRefused` reports a refusal.
        if (error === null) hear(message.data)
      },
    })
  }

  #orClosed(left: Promise<void>): Promise<void> {
    return new Promise((resolve, reject) => {
      const end = (): void => reject(new LogAway('the log was closed'))
      if (this.#closing.aborted) end()
      this.#closing.addEventListener('abort', end)
      left.then(resolve, reject).finally(() => this.#closing.removeEventListener('abort', end))
    })
  }
}
