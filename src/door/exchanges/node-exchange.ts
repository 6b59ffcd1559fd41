// An exchange over Node's HTTP server.

import type http from 'node:http'
import { nextTick } from '../../util/time/real-time.ts'
import type { Connection, Headers, Outlet } from './exchange.ts'
import { IncomingExchange, type WithinProgram } from './incoming-exchange.ts'
import { OutletBacklog } from './outlet-backlog.ts'

export class NodeExchange extends IncomingExchange {
  readonly #response: http.ServerResponse

  /** Throws HttpError for a URL that cannot be read. */
  constructor(
    request: http.IncomingMessage,
    response: http.ServerResponse,
    connection: Connection,
    within?: WithinProgram,
  ) {
    super(request, connection, within)
    this.#response = response
  }

  answer(status: number, headers: Headers, body: string | Buffer): void {
    this.respond(this.#response, status, headers, body)
  }

  get isOver(): boolean {
    return this.#response.destroyed || this.isBroken
  }

  onEnd(run: () => void): void {
    if (this.#response.closed) nextTick(run)
    else this.#response.once('close', run)
  }

  stream(status: number, headers: Headers): Outlet {
    this.#response.writeHead(status, this.withAdded(headers) as http.OutgoingHttpHeaders)
    this.#response.flushHeaders()
    return new ResponseOutlet(this.#response)
  }
}

class ResponseOutlet implements Outlet {
  readonly #backlog = new OutletBacklog()
  readonly #response: http.ServerResponse

  constructor(response: http.ServerResponse) {
    this.#response = response
    // The other side may break the connection at any time; 'close' follows.
    response.on('error', () => response.destroy())
  }

  write(text: string): void {
    const bytes = Buffer.byteLength(text)
    this.#backlog.add(bytes)
    this.#response.write(text, 'utf8', () => this.#backlog.taken(bytes))
  }

  whenDrained(tell: () => void): void {
    this.#backlog.whenDrained(tell)
  }

  get backlogBytes(): number {
    return this.#backlog.bytes
  }

  onClose(run: () => void): void {
    this.#response.once('close', run)
  }

  end(when: 'flushed' | 'now'): void {
    if (when === 'now') this.#response.destroy()
    else this.#response.end()
  }
}
