// Connections of HTTP and HTTPS, and their limits. Others listen and hand over what they accepted.
//
// A connection that has no request in progress for a while is closed, and one whose request does
// not arrive whole in time. The number of connections is bounded for each address, so that one
// machine with many slow requests does not keep others out.

import http from 'node:http'
import https from 'node:https'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { TlsOptions } from 'node:tls'
import type { Engine } from '../../commands/call.ts'
import { Door } from '../door.ts'
import { errorBody, HttpError } from '../exchanges/http-error.ts'
import { JSON_HEADERS } from '../exchanges/json-headers.ts'
import { NodeExchange } from '../exchanges/node-exchange.ts'
import { SocketConnection } from '../exchanges/socket-connection.ts'
import { SocketExchange } from '../exchanges/socket-exchange.ts'
import type { RemoteServer } from '../remote/remote-server.ts'
import { isForStream, streamRequests } from './stream-requests.ts'

const HEADER_BYTES_MAX = 16 * 1024
const HEADERS_MAX = 100
/** The limits for TLS's handshake, for the head of a request, and for the whole request. */
const HANDSHAKE_MS_MAX = 10_000
const HEAD_MS_MAX = 10_000
const REQUEST_MS_MAX = 30_000
/** The limit for an idle connection; functions and proxies send the next request soon. */
const IDLE_MS_MAX = 65_000
/** The interval between checks of these limits. */
const LOOK_MS = 2_000
/** The system looks after a silent connection from then on. */
const KEEP_ALIVE_MS = 60_000
/** The most connections of an address, beyond its streams. */
const OTHERS_OF_ADDRESS_MAX = 512
/**
 * Requests of one connection that may wait for their answers; more are refused. Node reads no more
 * when some refusals wait, too.
 */
const REQUESTS_OF_CONNECTION_MAX = 1000
const TOO_MANY_REQUESTS = 'too many requests of this connection wait for their answers'
/** An answer of which the other side takes nothing for so long ends with its connection. */
const UNREAD_MS_MAX = 60_000

/** Times that a connection may take. */
export interface ConnectionLimits {
  readonly headersTimeout: number
  readonly requestTimeout: number
  readonly keepAliveTimeout: number
  readonly connectionsCheckingInterval: number
  /** For an answer of which the other side takes nothing. */
  readonly answerTimeout: number
}

const LIMITS: ConnectionLimits = {
  headersTimeout: HEAD_MS_MAX,
  requestTimeout: REQUEST_MS_MAX,
  keepAliveTimeout: IDLE_MS_MAX,
  connectionsCheckingInterval: LOOK_MS,
  answerTimeout: UNREAD_MS_MAX,
}

export class DoorServer {
  readonly door: Door
  readonly #engine: Engine
  readonly #limits: ConnectionLimits
  readonly #plain: http.Server
  /** Undefined until there are certificates. */
  #secure: https.Server | undefined = undefined
  readonly #connections = new WeakMap<Socket, SocketConnection>()
  /** Sockets that were accepted, by address. */
  readonly #sockets = new Set<Socket>()
  readonly #ofAddress = new Map<string, number>()

  /** `withConsole`: there is a console, whatever the setting says. Throws TokenKeysError. */
  constructor(engine: Engine, limits: ConnectionLimits = LIMITS, withConsole: boolean | RemoteServer = false) {
    this.#engine = engine
    this.door = new Door(engine, withConsole)
    this.#limits = limits
    this.#plain = this.#prepare(http.createServer(this.#options, this.#take))
  }

  /** Has TLS shake hands with these certificates from now on. Throws what node:tls says of them. */
  useTls(options: TlsOptions): void {
    const own = { ...this.#options, handshakeTimeout: HANDSHAKE_MS_MAX }
    if (this.#secure !== undefined) this.#secure.setSecureContext(options)
    else this.#secure = this.#prepare(https.createServer({ ...own, ...options }, this.#take))
  }

  /** Takes in a connection. */
  accepted(socket: Socket, kind: 'plain' | 'secure'): void {
    const server = kind === 'plain' ? this.#plain : this.#secure
    if (server === undefined || !this.#admits(socket)) {
      socket.destroy()
      return
    }
    socket.setKeepAlive(true, KEEP_ALIVE_MS)
    server.emit('connection', socket)
    socket.resume()
  }

  /** Ends every connection, and lets go of timers. */
  close(): void {
    this.door.close()
    for (const socket of this.#sockets) socket.destroy()
    // Without a listener there is nothing to wait for; this ends the search for slow connections.
    this.#plain.close()
    this.#secure?.close()
  }

  get #options(): http.ServerOptions {
    const IncomingMessage = streamRequests((socket) => this.#connectionOf(socket).isAnswered)
    return { ...this.#limits, maxHeaderSize: HEADER_BYTES_MAX, IncomingMessage }
  }

  #prepare<S extends http.Server>(server: S): S {
    server.maxHeadersCount = HEADERS_MAX
    server.on('upgrade', this.#upgrade)
    // Node looks for slow requests from here on.
    server.emit('listening')
    return server
  }

  #admits(socket: Socket): boolean {
    const address = socket.remoteAddress ?? ''
    const count = (this.#ofAddress.get(address) ?? 0) + 1
    if (count > this.#engine.config.get('http-streams-per-address') + OTHERS_OF_ADDRESS_MAX) return false
    this.#ofAddress.set(address, count)
    this.#sockets.add(socket)
    socket.once('close', () => this.#left(socket, address))
    return true
  }

  #left(socket: Socket, address: string): void {
    this.#sockets.delete(socket)
    const count = (this.#ofAddress.get(address) ?? 1) - 1
    if (count === 0) this.#ofAddress.delete(address)
    else this.#ofAddress.set(address, count)
  }

  readonly #take = (request: http.IncomingMessage, response: http.ServerResponse): void => {
    const connection = this.#connectionOf(request.socket)
    this.#watch(request.socket, response)
    try {
      const exchange = new NodeExchange(request, response, connection)
      if (connection.begin(response) <= REQUESTS_OF_CONNECTION_MAX) void this.door.take(exchange)
      else exchange.answer(503, JSON_HEADERS, errorBody(TOO_MANY_REQUESTS))
    } catch (error) {
      response.writeHead(error instanceof HttpError ? error.status : 500, { Connection: 'close' }).end()
    }
  }

  /** Ends a connection whose other side takes nothing of a complete answer. Streams look themselves. */
  #watch(socket: Socket, response: http.ServerResponse): void {
    const { answerTimeout } = this.#limits
    response.once('prefinish', () => {
      if (socket.writableLength > 0) socket.setTimeout(answerTimeout)
    })
    response.once('finish', () => {
      if (socket.timeout === answerTimeout) socket.setTimeout(0)
    })
  }

  /** Takes a request whose socket Node's server has given up. */
  readonly #upgrade = (request: http.IncomingMessage, socket: Duplex, head: Buffer): void => {
    socket.on('error', () => socket.destroy())
    try {
      const exchange = new SocketExchange(request, this.#connectionOf(request.socket))
      if (!isForStream(request)) void this.door.upgrade(exchange, { request, socket, head })
      else {
        // The peer has nothing more to say; it ends its side when it leaves.
        socket.once('end', () => socket.end()).resume()
        void this.door.take(exchange)
      }
    } catch {
      // The URL cannot be read.
      socket.destroy()
    }
  }

  #connectionOf(socket: Socket): SocketConnection {
    const found = this.#connections.get(socket)
    if (found !== undefined) return found
    const made = new SocketConnection(socket)
    this.#connections.set(socket, made)
    return made
  }
}
