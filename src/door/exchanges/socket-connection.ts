// The connection of a socket; requests find it by the socket.

import type http from 'node:http'
import type { Socket } from 'node:net'
import type { Connection } from './exchange.ts'

export class SocketConnection implements Connection {
  /** The answer that comes last on this connection; undefined = no request has come. */
  lastResponse: http.ServerResponse | undefined = undefined
  readonly #socket: Socket

  constructor(socket: Socket) {
    this.#socket = socket
  }

  /** Tells whether every request has been answered. */
  get isAnswered(): boolean {
    return this.lastResponse === undefined || this.lastResponse.writableFinished
  }

  onClose(run: () => void): void {
    this.#socket.once('close', run)
  }

  destroy(): void {
    this.#socket.destroy()
  }
}
