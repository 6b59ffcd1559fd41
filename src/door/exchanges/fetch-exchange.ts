// An exchange over the fetch API's Request and Response, for programs whose server speaks it
// (Hono, Next, Deno's style).

import { nextTick } from '../../util/time/real-time.ts'
import type { Headers as AnswerHeaders, Authorize, Connection, Exchange, Outlet } from './exchange.ts'
import { HttpError } from './http-error.ts'

/** A stream asks for more when nothing waits: the engine counts what does. */
const WAITING_BYTES = 1

export class FetchExchange implements Exchange, Connection {
  readonly method: string
  path: string
  readonly query: URLSearchParams
  readonly address = 'fetch:0'
  readonly ip = ''
  readonly localAddress = 'fetch:0'
  readonly isEncrypted: boolean
  readonly isWithinProgram = true
  readonly authorize: Authorize | undefined
  /** Fulfilled with the answer. */
  readonly response: Promise<Response>
  readonly #request: Request
  readonly #added: Record<string, string> = {}
  #respond: (response: Response) => void = () => {}
  #isAnswered = false
  #ended: (() => void)[] = []

  constructor(request: Request, path: string, authorize: Authorize | undefined) {
    const url = new URL(request.url)
    this.#request = request
    this.method = request.method
    this.path = path
    this.query = url.searchParams
    this.isEncrypted = url.protocol === 'https:'
    this.authorize = authorize
    this.response = new Promise((resolve) => {
      this.#respond = resolve
    })
    request.signal.addEventListener('abort', () => this.#end())
  }

  /** Each request is a connection of its own. */
  get connection(): Connection {
    return this
  }

  header(name: string): string | undefined {
    // A Request need not carry it: its URL says the same.
    if (name === 'host') return this.#request.headers.get('host') ?? new URL(this.#request.url).host
    return this.#request.headers.get(name) ?? undefined
  }

  async body(bytesMax: number): Promise<Buffer> {
    const chunks: Uint8Array[] = []
    let bytes = 0
    for await (const chunk of this.#request.body ?? []) {
      bytes += chunk.length
      if (bytes > bytesMax) throw new HttpError(413, 'the body is larger than http-max-body')
      chunks.push(chunk)
    }
    return Buffer.concat(chunks)
  }

  cutPath(base: string): void {
    if (this.path.startsWith(`${base}/`)) this.path = this.path.slice(base.length)
  }

  addHeader(name: string, value: string): void {
    this.#added[name] = value
  }

  answer(status: number, headers: AnswerHeaders, body: string | Buffer): void {
    if (this.#isAnswered) return
    this.#isAnswered = true
    const hasBody = this.method !== 'HEAD' && status !== 204
    this.#respond(new Response(hasBody ? body : null, { status, headers: this.#headersOf(headers) }))
    this.#end()
  }

  stream(status: number, headers: AnswerHeaders): Outlet {
    this.#isAnswered = true
    const outlet = new FetchOutlet()
    this.#respond(new Response(outlet.readable, { status, headers: this.#headersOf(headers) }))
    this.onEnd(() => outlet.end('now'))
    outlet.onClose(() => this.#end())
    return outlet
  }

  #headersOf(headers: AnswerHeaders): Headers {
    const all = new Headers(this.#added)
    for (const [name, value] of Object.entries(headers)) all.set(name, String(value))
    return all
  }

  get isOver(): boolean {
    return this.#isAnswered || this.#request.signal.aborted
  }

  onEnd(run: () => void): void {
    this.#ended.push(run)
  }

  onClose(run: () => void): void {
    this.#ended.push(run)
  }

  /** The engine has ended the client of this request. */
  destroy(): void {
    this.#end()
  }

  #end(): void {
    for (const run of this.#ended.splice(0)) run()
  }
}

class FetchOutlet implements Outlet {
  readonly readable: ReadableStream<Uint8Array>
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined = undefined
  #drained: (() => void)[] = []
  #closed: (() => void)[] = []
  #isOver = false

  constructor() {
    this.readable = new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          this.#controller = controller
        },
        pull: () => this.#pulled(),
        cancel: () => this.#over(),
      },
      new ByteLengthQueuingStrategy({ highWaterMark: WAITING_BYTES }),
    )
  }

  get backlogBytes(): number {
    return this.#isOver ? 0 : WAITING_BYTES - (this.#controller?.desiredSize ?? WAITING_BYTES)
  }

  write(text: string): void {
    if (!this.#isOver) this.#controller?.enqueue(Buffer.from(text))
  }

  #pulled(): void {
    if (this.backlogBytes > 0) return
    for (const tell of this.#drained.splice(0)) tell()
  }

  whenDrained(tell: () => void): void {
    if (this.backlogBytes === 0) nextTick(tell)
    else this.#drained.push(tell)
  }

  onClose(run: () => void): void {
    this.#closed.push(run)
  }

  end(when: 'flushed' | 'now'): void {
    if (this.#isOver) return
    if (when === 'flushed') this.#controller?.close()
    else this.#controller?.error(new Error('the stream was ended'))
    this.#over()
  }

  #over(): void {
    if (this.#isOver) return
    this.#isOver = true
    for (const run of this.#closed.splice(0)) run()
  }
}
