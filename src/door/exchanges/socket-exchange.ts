// An exchange whose socket Node's HTTP server has given up: a stream of events, or a WebSocket.
//
// Node's server keeps a parser, a request and a response for each connection. A stream needs none
// of them once it is open, and takes half the memory without them (npm run bench -- door). A
// refusal is answered as to any other request, and ends the connection.

import http from 'node:http'
import type { Socket } from 'node:net'
import { dateNow, nextTick } from '../../util/time/real-time.ts'
import { ChunkedOutlet } from './chunked-outlet.ts'
import type { Connection, Headers, Outlet } from './exchange.ts'
import { IncomingExchange } from './incoming-exchange.ts'

export class SocketExchange extends IncomingExchange {
  readonly #request: http.IncomingMessage
  readonly #socket: Socket

  /** Throws HttpError for a URL that cannot be read. */
  constructor(request: http.IncomingMessage, connection: Connection) {
    super(request, connection, undefined)
    this.#request = request
    this.#socket = request.socket
  }

  get isOver(): boolean {
    return this.isBroken || this.#socket.writableEnded
  }

  answer(status: number, headers: Headers, body: string | Buffer): void {
    const response = new http.ServerResponse(this.#request)
    response.assignSocket(this.#socket)
    response.shouldKeepAlive = false
    // The other side may never end its own direction.
    response.once('finish', () => this.#socket.destroySoon())
    this.respond(response, status, headers, body)
  }

  onEnd(run: () => void): void {
    if (this.#socket.closed) nextTick(run)
    else this.#socket.once('close', run)
  }

  stream(status: number, headers: Headers): Outlet {
    const all = { ...this.withAdded(headers), Date: new Date(dateNow()).toUTCString(), ...CHUNKED }
    this.#socket.write(headOf(status, all), 'latin1')
    return new ChunkedOutlet(this.#socket)
  }
}

/** No request comes behind a stream. */
const CHUNKED: Headers = { Connection: 'close', 'Transfer-Encoding': 'chunked' }

/** Writes the head of an answer. Throws where a value has bytes that no header may have. */
function headOf(status: number, headers: Headers): string {
  let text = `HTTP/1.1 ${status} ${http.STATUS_CODES[status] ?? ''}\r\n`
  for (const [name, values] of Object.entries(headers)) {
    for (const value of [values].flat()) {
      http.validateHeaderValue(name, value)
      text += `${name}: ${value}\r\n`
    }
  }
  return `${text}\r\n`
}
