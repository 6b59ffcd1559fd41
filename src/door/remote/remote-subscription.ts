// Messages of another server, over a connection of its own. A connection that breaks is made again,
// and the listener is told of a gap: a plain channel keeps nothing.

import type net from 'node:net'
import { CommandError, type ReplyValue, ReplyValueReader, type ReplyValueReceiver } from '../../protocol/reply-value.ts'
import { utf8Of } from '../../util/bytes/text.ts'
import type { Clock, Timer } from '../../util/time/clock.ts'
import { statusOf } from '../clients/error-status.ts'
import type { MessageSource, StreamListener, StreamMessage, StreamTargets } from '../clients/stream-client.ts'
import { HttpError } from '../exchanges/http-error.ts'
import type { RemoteAddress } from './remote-address.ts'
import { bytesOf, CONNECT_MS_MAX, dial, unreached } from './remote-connection.ts'
import { signInWords, withoutSignIn } from './remote-server.ts'

const AGAIN_MS = 1000
/** Probes of the system find a server that is gone without a word. */
const PROBE_MS = 10_000

export class RemoteSubscription implements MessageSource, ReplyValueReceiver<string> {
  /** Fulfilled when the subscriptions are in force; rejects with HttpError. */
  readonly ready: Promise<void>
  readonly #address: RemoteAddress
  readonly #targets: StreamTargets
  readonly #clock: Clock
  #socket: net.Socket
  #confirm: () => void = () => {}
  #fail: (error: HttpError) => void = () => {}
  /** Replies to signing in and confirmations that are still to come. */
  #missing = 0
  #wasReady = false
  #isOver = false
  #isAgain = false
  #listener: StreamListener | undefined = undefined
  #timer: Timer | undefined = undefined

  constructor(address: RemoteAddress, targets: StreamTargets, clock: Clock) {
    this.#address = address
    this.#targets = targets
    this.#clock = clock
    this.ready = new Promise((resolve, reject) => {
      this.#confirm = resolve
      this.#fail = reject
    })
    this.#socket = this.#begin()
  }

  listen(listener: StreamListener): void {
    this.#listener = listener
  }

  leave(): void {
    this.#isOver = true
    this.#timer?.cancel()
    this.#socket.destroy()
  }

  #begin(): net.Socket {
    const { channels, patterns } = this.#targets
    const names = (list: readonly string[]): string[] => list.map((name) => Buffer.from(name).toString('latin1'))
    const commands = signInWords(this.#address)
    this.#missing = commands.length + channels.length + patterns.length
    if (channels.length > 0) commands.push(['SUBSCRIBE', ...names(channels)])
    if (patterns.length > 0) commands.push(['PSUBSCRIBE', ...names(patterns)])
    const socket = dial(this.#address)
    const reader = new ReplyValueReader<string>(utf8Of, this)
    let failure = new Error('the connection was closed')
    socket.setTimeout(CONNECT_MS_MAX)
    socket.once(this.#address.isEncrypted ? 'secureConnect' : 'connect', () => socket.setTimeout(0))
    socket.setKeepAlive(true, PROBE_MS)
    socket.on('timeout', () => socket.destroy(new Error('the connection takes too long')))
    socket.on('data', (chunk: Buffer) => {
      reader.feed(chunk)
      this.#listener?.flush()
    })
    socket.on('error', (error) => {
      failure = error
    })
    socket.on('close', () => this.#lost(failure))
    socket.write(bytesOf(commands))
    return socket
  }

  #lost(error: Error): void {
    if (this.#isOver) return
    if (!this.#wasReady) {
      this.#refused(unreached(this.#address, error))
      return
    }
    this.#isAgain = true
    this.#timer = this.#clock.after(AGAIN_MS, () => {
      this.#socket = this.#begin()
    })
  }

  #refused(error: HttpError): void {
    this.leave()
    this.#fail(error)
    this.#listener?.ended()
  }

  // ── the server's side ────────────────────────────────────────────────────

  reply(value: ReplyValue<string>): void {
    if (value instanceof CommandError) {
      const error = withoutSignIn(new HttpError(statusOf(value.message), value.message))
      // A server that comes back may still be loading its data.
      if (this.#wasReady && error.status === 503) this.#socket.destroy()
      else this.#refused(error)
    } else if (Array.isArray(value)) this.push(value)
    else this.#confirmed()
  }

  push(parts: ReplyValue<string>[]): void {
    const [kind, name, ...rest] = parts as string[]
    if (kind === 'message') this.#message({ pattern: undefined, channel: String(name), text: String(rest[0]) })
    else if (kind === 'pmessage')
      this.#message({ pattern: String(name), channel: String(rest[0]), text: String(rest[1]) })
    else if (kind === 'subscribe' || kind === 'psubscribe') this.#confirmed()
  }

  #confirmed(): void {
    this.#missing--
    if (this.#missing > 0) return
    this.#wasReady = true
    this.#confirm()
    if (!this.#isAgain) return
    this.#isAgain = false
    const { channels, patterns } = this.#targets
    for (const channel of [...channels, ...patterns])
      this.#listener?.gap({ channel, count: null, after: '', before: '' })
  }

  #message(message: Omit<StreamMessage, 'id'>): void {
    this.#listener?.message({ ...message, id: undefined })
  }
}
