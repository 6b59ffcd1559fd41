// The connection of a socket; requests find it by the socket.

import type http from 'node:http'
import type { Socket } from 'node:net'
import { nextTick } from '../../util/time/real-time.ts'
import type { Connection } from './exchange.ts'

export class SocketConnection implements Connection {
  readonly #socket: Socket
  /** Requests without their whole answers. */
  #requests = 0

  constructor(socket: Socket) {
    this.#socket = socket
  }

  /** Tells whether every request has its whole answer. */
  get isAnswered(): boolean {
    return this.#requests === 0
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
