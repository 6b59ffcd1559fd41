// What an exchange reads of Node's request; how it is answered is its subclasses'.

import type http from 'node:http'
import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import type { Authorize, Connection, Exchange, Headers, Outlet } from './exchange.ts'
import { HttpError } from './http-error.ts'

const TOO_LARGE = 'the body is larger than http-max-body'

/** A URL needs a host to be read; nothing looks at this one. */
const ANY_BASE = 'http://host'

/** The program's own server took the request, and says what it is. */
export interface WithinProgram {
  readonly url: string
  readonly authorize: Authorize | undefined
}

export abstract class IncomingExchange implements Exchange {
  readonly method: string
  path: string
  readonly query: URLSearchParams
  readonly connection: Connection
  readonly isWithinProgram: boolean
  readonly authorize: Authorize | undefined
  readonly #request: http.IncomingMessage
  readonly #added: Record<string, string> = {}
  /** The host of a URL that names one, as a proxy sends it. It has precedence over the header's. */
  readonly #urlHost: string | undefined

  /** Throws HttpError for a URL that cannot be read. */
  constructor(request: http.IncomingMessage, connection: Connection, within: WithinProgram | undefined) {
    this.isWithinProgram = within !== undefined
    this.authorize = within?.authorize
    this.#request = request
    this.connection = connection
    this.method = request.method ?? 'GET'
    const url = within?.url ?? request.url ?? '/'
    const mark = url.indexOf('?')
    const path = mark < 0 ? url : url.slice(0, mark)
    const whole = path.startsWith('/') || path === '*' ? undefined : parsed(url)
    this.path = whole?.pathname ?? path
    this.#urlHost = whole?.host
    this.query = new URLSearchParams(mark < 0 ? '' : url.slice(mark + 1))
  }

  get address(): string {
    return addressOf(this.#socket.remoteAddress, this.#socket.remotePort)
  }

  get ip(): string {
    return this.#socket.remoteAddress ?? ''
  }

  get localAddress(): string {
    return addressOf(this.#socket.localAddress, this.#socket.localPort)
  }

  get isEncrypted(): boolean {
    return (this.#socket as TLSSocket).encrypted === true
  }

  get #socket(): Socket {
    return this.#request.socket
  }

  /** The connection has ended. */
  protected get isBroken(): boolean {
    return this.#socket.destroyed
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

  cutPath(base: string): void {
    if (this.path.startsWith(`${base}/`)) this.path = this.path.slice(base.length)
  }

  addHeader(name: string, value: string): void {
    this.#added[name] = value
  }

  /** Answers by Node's response. */
  protected respond(response: http.ServerResponse, status: number, headers: Headers, body: string | Buffer): void {
    if (response.destroyed || response.headersSent) return
    const isUnread = !this.#request.complete
    const all = { ...this.withAdded(headers), 'Content-Length': String(Buffer.byteLength(body)) }
    // The rest of a body that was refused is not read.
    response.writeHead(status, (isUnread ? { ...all, Connection: 'close' } : all) as http.OutgoingHttpHeaders)
    response.end(this.method === 'HEAD' ? undefined : body)
  }

  /** Joins the headers of an answer and those that were added to it. */
  protected withAdded(headers: Headers): Headers {
    return { ...this.#added, ...headers }
  }

  abstract readonly isOver: boolean
  abstract answer(status: number, headers: Headers, body: string | Buffer): void
  abstract onEnd(run: () => void): void
  abstract stream(status: number, headers: Headers): Outlet
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
