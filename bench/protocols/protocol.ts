// How the bench speaks to a broker, whichever it is: raw bytes, so that it is the server that is
// measured and not a client library.

import type { Socket } from 'node:net'

export interface Counted {
  /** Adds to the number of acknowledged publications. */
  acknowledged(count: number): void
  /** Adds to the number of messages heard. */
  heard(count: number): void
}

export interface Protocol {
  /** Opens a connection, and makes what `kept`, `news` and `topics` need: see `Connection`. */
  open(port: number, counted: Counted): Promise<Connection>
}

/**
 * One connection. There are three kinds of channels. Messages of `kept.bench` are kept on disk, and
 * each is acknowledged. Messages of `news` go to all its listeners. Clients listen to
 * `orders.<anything>.created` by pattern.
 */
export interface Connection {
  readonly socket: Socket
  /** Publishes a message several times. */
  publish(channel: string, payload: string, count: number): void
  /**
   * Publishes to `nobody`, which has no listener; `acknowledged` counts it when the broker has
   * taken it. A connection does this or subscribes.
   */
  publishUnheard(payload: string, count: number): void
  subscribe(channel: string): Promise<void>
  /**
   * As `subscribe`; a star stands for one word between dots, and messages are heard by the first.
   */
  subscribeByPatterns(patterns: readonly string[]): Promise<void>
}

const QUIET_MS = 20

/**
 * Waits until something has come, and nothing more comes for a moment: the reply to a request that
 * is not counted.
 */
export function answered(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    let bytes = socket.bytesRead
    let isAnswered = false
    const timer = setInterval(() => {
      if (socket.bytesRead === bytes) {
        if (!isAnswered) return
        clearInterval(timer)
        resolve()
      }
      isAnswered = true
      bytes = socket.bytesRead
    }, QUIET_MS)
  })
}
