// A stream over WebSocket, which publishes and acknowledges too. Every message is JSON.
//
//   here ──▶  {"id","channel","pattern","message"}        a message
//             {"gap":{"channel","count","after","before"}}      what retention removed
//             {"ref":…,"receivers":1} or {"ref":…,"error"} the answer to a publish that had a ref
//   there ──▶ {"publish":channel,"message":text,"key":…,"ref":…}
//             {"ack":id,"channel":…,"pattern":…}           heard up to this message (ack=manual)
//
// A peer that does not answer a ping until the next one is gone.

import type { WebSocket } from 'ws'
import type { Engine } from '../../commands/call.ts'
import type { Timer } from '../../util/time/clock.ts'
import type { StreamClient, StreamGap, StreamListener, StreamMessage } from '../clients/stream-client.ts'
import type { Outlet } from '../exchanges/exchange.ts'
import { OutletBacklog } from '../exchanges/outlet-backlog.ts'
import { messageJson } from '../streams/event-format.ts'
import type { OpenStream, OpenStreams } from '../streams/open-streams.ts'

/**
 * A peer that leaves as much unread is not read from: each request may have an answer, which
 * carries its ref.
 */
const UNREAD_BYTES_MAX = 64 * 1024
const REF_CHARACTERS_MAX = 256
/** Codes of RFC 6455: this side goes away; the other sent what cannot be understood. */
const GOING_AWAY = 1001
const UNSUPPORTED = 1003

/** A request of the other side. */
export interface SocketRequest {
  readonly publish?: unknown
  readonly message?: unknown
  readonly key?: unknown
  readonly ref?: unknown
  readonly ack?: unknown
  readonly channel?: unknown
  readonly pattern?: unknown
}

export interface WebSocketStreamOptions {
  /** Undefined = it only publishes. */
  readonly client: StreamClient | undefined
  readonly expiresMs: number
  readonly release: () => void
  /** Publishes, and returns the answer without its ref. */
  readonly publish: (request: SocketRequest) => Promise<object>
}

export class WebSocketStream implements StreamListener, Outlet, OpenStream {
  readonly #backlog = new OutletBacklog()
  readonly #engine: Engine
  readonly #socket: WebSocket
  readonly #streams: OpenStreams
  readonly #options: WebSocketStreamOptions
  #closed: (() => void)[] = []
  #beat: Timer | undefined = undefined
  #expiry: Timer | undefined = undefined
  #isAlive = true
  #isOver = false

  constructor(engine: Engine, socket: WebSocket, streams: OpenStreams, options: WebSocketStreamOptions) {
    this.#engine = engine
    this.#socket = socket
    this.#streams = streams
    this.#options = options
    streams.add(this)
    socket.on('message', (data, isBinary) => this.#asked(isBinary ? undefined : String(data)))
    socket.on('pong', () => {
      this.#isAlive = true
    })
    socket.on('close', () => this.#over())
    // 'close' follows.
    socket.on('error', () => socket.terminate())
    options.client?.listen(this, this)
    this.#beatLater()
    this.#endWhenExpired()
  }

  // ── the stream ───────────────────────────────────────────────────────────

  message(message: StreamMessage): void {
    const { figures } = this.#streams
    const text = messageJson(message)
    figures.messages++
    figures.bytes += text.length
    this.write(text)
  }

  gap(gap: StreamGap): void {
    this.#streams.figures.gaps++
    this.write(JSON.stringify({ gap }))
  }

  /** Each message is a frame of its own. */
  flush(): void {}

  ended(): void {
    this.end()
  }

  // ── the way out ──────────────────────────────────────────────────────────

  write(text: string): void {
    if (this.#isOver) return
    const bytes = Buffer.byteLength(text)
    this.#backlog.add(bytes)
    this.#socket.send(text, () => this.#taken(bytes))
    if (this.#backlog.bytes > UNREAD_BYTES_MAX) this.#socket.pause()
  }

  #taken(bytes: number): void {
    if (this.#backlog.bytes === bytes) this.#socket.resume()
    this.#backlog.taken(bytes)
  }

  whenDrained(tell: () => void): void {
    this.#backlog.whenDrained(tell)
  }

  get backlogBytes(): number {
    return this.#backlog.bytes
  }

  onClose(run: () => void): void {
    this.#closed.push(run)
  }

  end(): void {
    if (this.#isOver) return
    this.#socket.close(GOING_AWAY)
    this.#over()
  }

  #over(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#beat?.cancel()
    this.#expiry?.cancel()
    this.#streams.remove(this)
    this.#options.release()
    this.#options.client?.leave()
    for (const run of this.#closed.splice(0)) run()
  }

  // ── what the other side asks ─────────────────────────────────────────────

  #asked(text: string | undefined): void {
    const request = text === undefined ? undefined : parse(text)
    if (request === undefined || !isRef(request.ref)) {
      this.#socket.close(UNSUPPORTED)
      return
    }
    if (request.publish !== undefined) void this.#publish(request)
    else if (typeof request.ack === 'string') this.#acknowledge(request)
  }

  async #publish(request: SocketRequest): Promise<void> {
    const answer = await this.#options.publish(request)
    if (request.ref !== undefined) this.write(JSON.stringify({ ref: request.ref, ...answer }))
  }

  #acknowledge({ ack, channel, pattern }: SocketRequest): void {
    if (typeof ack !== 'string' || typeof channel !== 'string') return
    this.#options.client?.acknowledge(ack, channel, typeof pattern === 'string' ? pattern : undefined)
  }

  // ── timers ───────────────────────────────────────────────────────────────

  #beatLater(): void {
    const { config, environment } = this.#engine
    this.#beat = environment.workClock.after(config.get('http-heartbeat') * 1000, () => {
      if (!this.#isAlive) {
        this.#socket.terminate()
        return
      }
      this.#isAlive = false
      this.#socket.ping()
      this.#beatLater()
    })
  }

  #endWhenExpired(): void {
    const { expiresMs } = this.#options
    if (expiresMs === Number.POSITIVE_INFINITY) return
    const { clock } = this.#engine.environment
    this.#expiry = clock.after(Math.max(0, expiresMs - clock.now()), () => this.end())
  }
}

function parse(text: string): SocketRequest | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? value : undefined
  } catch {
    return undefined
  }
}

/** A ref goes back as it came, so it is short and has no depth. */
function isRef(ref: unknown): boolean {
  return ref === undefined || typeof ref === 'number' || (typeof ref === 'string' && ref.length <= REF_CHARACTERS_MAX)
}
