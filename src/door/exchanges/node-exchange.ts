// An exchange over Node's HTTP server.

import type http from 'node:http'
import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { nextTick } from '../../util/time/real-time.ts'
import { ChunkedOutlet } from './chunked-outlet.ts'
import type { Authorize, Connection, Exchange, Headers, Outlet } from './exchange.ts'
import { HttpError } from './http-error.ts'

const TOO_LARGE = 'the body is larger than http-max-body'

/** A URL needs a host to be read; nothing looks at this one. */
const ANY_BASE = 'http://host'

export class NodeExchange implements Exchange {
  readonly method: string
  readonly path: string
  readonly query: URLSearchParams
  readonly connection: Connection
  readonly isWithinProgram: boolean
  readonly authorize: Authorize | undefined
  readonly #request: http.IncomingMessage
  readonly #response: http.ServerResponse
  readonly #added: Record<string, string> = {}
  /** Of a URL that names its host, as a proxy sends it: it stands before that of the header. */
  #urlHost: string | undefined = undefined

  /** Throws HttpError for a URL that is none. `within`: the program's server took it. */
  constructor(
    request: http.IncomingMessage,
    response: http.ServerResponse,
    connection: Connection,
    within?: { readonly url: string; readonly authorize: Authorize | undefined },
  ) {
    this.isWithinProgram = within !== undefined
    this.authorize = within?.authorize
    this.#request = request
    this.#response = response
    this.connection = connection
    this.method = request.method ?? 'GET'
    const url = within?.url ?? request.url ?? '/'
    const mark = url.indexOf('?')
    this.path = mark < 0 ? url : url.slice(0, mark)
    if (!this.path.startsWith('/') && this.path !== '*') {
      const { host, pathname } = parsed(url)
      this.path = pathname
      this.#urlHost = host
    }
    this.query = new URLSearchParams(mark < 0 ? '' : url.slice(mark + 1))
  }

  get address(): string {
    return addressOf(this.#request.socket.remoteAddress, this.#request.socket.remotePort)
  }

  get ip(): string {
    return this.#request.socket.remoteAddress ?? ''
  }

  get localAddress(): string {
    return addressOf(this.#request.socket.localAddress, this.#request.socket.localPort)
  }

  get isEncrypted(): boolean {
    return (this.#request.socket as TLSSocket).encrypted === true
  }

  header(name: string): string | undefined {
    if (this.#urlHost !== undefined && name === 'host') return this.#urlHost
    const value = this.#request.headers[name]
    return Array.isArray(value) ? value.join(', ') : value
  }

  body(bytesMax: number): Promise<Buffer> {
    if (Number(this.header('content-length') ?? 0) > bytesMax) return Promise.reject(new HttpError(413, TOO_LARGE))
    const read = readAlready(this.#request)
    return read === undefined ? readBody(this.#request, bytesMax) : Promise.resolve(read)
  }

  addHeader(name: string, value: string): void {
    this.#added[name] = value
  }

  answer(status: number, headers: Headers, body: string | Buffer): void {
    const response = this.#response
    if (response.destroyed || response.headersSent) return
    const isUnread = !this.#request.complete
    const all = { ...this.#added, ...headers, 'Content-Length': String(Buffer.byteLength(body)) }
    // The rest of a body that was refused is not read.
    response.writeHead(status, (isUnread ? { ...all, Connection: 'close' } : all) as http.OutgoingHttpHeaders)
    response.end(this.method === 'HEAD' ? undefined : body)
  }

  get isOver(): boolean {
    return this.#response.destroyed || this.#request.socket.destroyed
  }

  onEnd(run: () => void): void {
    if (this.#response.closed) nextTick(run)
    else this.#response.once('close', run)
  }

  stream(status: number, headers: Headers): Outlet {
    this.#response.writeHead(status, { ...this.#added, ...headers } as http.OutgoingHttpHeaders)
    this.#response.flushHeaders()
    const { socket } = this.#response
    // A program's server may have put something between, which compresses for example.
    if (this.isWithinProgram || socket === null || !ChunkedOutlet.admits(this.#response))
      return new ResponseOutlet(this.#response)
    return new ChunkedOutlet(this.#response, socket)
  }
}

/** The connection of a socket; requests find it by the socket. */
export class SocketConnection implements Connection {
  readonly #socket: Socket
  /** Requests without their whole answers. */
  #requests = 0

  constructor(socket: Socket) {
    this.#socket = socket
  }

  onClose(run: () => void): void {
    if (this.#socket.closed) nextTick(run)
    else this.#socket.once('close', run)
  }

  /** Counts a request until its answer has left; returns how many there are. */
  begin(response: http.ServerResponse): number {
    response.once('close', () => {
      this.#requests--
    })
    return ++this.#requests
  }

  destroy(): void {
    this.#socket.destroy()
  }
}

class ResponseOutlet implements Outlet {
  backlogBytes = 0
  readonly #response: http.ServerResponse
  #drained: (() => void)[] = []

  constructor(response: http.ServerResponse) {
    this.#response = response
    // The other side may break the connection at any time; 'close' follows.
    response.on('error', () => response.destroy())
  }

  write(text: string): void {
    const bytes = Buffer.byteLength(text)
    this.backlogBytes += bytes
    this.#response.write(text, 'utf8', () => this.#taken(bytes))
  }

  #taken(bytes: number): void {
    this.backlogBytes -= bytes
    if (this.backlogBytes > 0) return
    const drained = this.#drained
    this.#drained = []
    for (const tell of drained) tell()
  }

  whenDrained(tell: () => void): void {
    if (this.backlogBytes === 0) nextTick(tell)
    else this.#drained.push(tell)
  }

  onClose(run: () => void): void {
    this.#response.once('close', run)
  }

  end(when: 'flushed' | 'now'): void {
    if (when === 'now') this.#response.destroy()
    else this.#response.end()
  }
}

function parsed(url: string): URL {
  try {
    return new URL(url, ANY_BASE)
  } catch {
    throw new HttpError(400, 'the URL cannot be read')
  }
}

function addressOf(ip: string | undefined, port: number | undefined): string {
  if (ip === undefined) return '?:0'
  return `${ip.includes(':') ? `[${ip}]` : ip}:${port ?? 0}`
}

/**
 * The body that a framework has read before (Express's `json`, `text` and `raw`); undefined =
 * nothing has.
 */
function readAlready(request: http.IncomingMessage): Buffer | undefined {
  if (!request.readableEnded) return undefined
  const { body } = request as { body?: unknown }
  if (body === undefined || Buffer.isBuffer(body)) return body
  return Buffer.from(typeof body === 'string' ? body : JSON.stringify(body))
}

function readBody(request: http.IncomingMessage, bytesMax: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let bytes = 0
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length
      if (bytes > bytesMax) {
        request.pause()
        reject(new HttpError(413, TOO_LARGE))
        return
      }
      chunks.push(chunk)
    })
    request.once('end', () =>
      resolve(chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks)),
    )
    request.once('error', reject)
    request.once('close', () => reject(new HttpError(400, 'the request broke off')))
  })
}
