// The class that ioredis asks for: `new Redis({ Connector: broker.Connector })`.
//
// It follows the contract of ioredis's AbstractConnector (`connect`, `disconnect`, `check`) without
// importing it, because a broker does not need ioredis.

import type { Duplex } from 'node:stream'
import { nextTick } from '../util/time/real-time.ts'

/**
 * Constructed by ioredis with its options. ioredis types the result as its own abstract class,
 * whose protected members no other class can have; `never` is assignable to it.
 */
export type ConnectorClass = new (options: unknown) => never

/** Makes a connector class over a way to open streams. */
export function connectorFor(open: () => Duplex): ConnectorClass {
  class Connector {
    firstError: Error | undefined = undefined
    #stream: Duplex | undefined = undefined
    #connecting = false

    check(): boolean {
      return true
    }

    connect(): Promise<Duplex> {
      this.#connecting = true
      return new Promise((resolve, reject) => {
        // Asynchronous, like ioredis's own connectors: listeners are attached after `connect` has
        // returned.
        nextTick(() => {
          if (!this.#connecting) return reject(new Error('Connection is closed.'))
          try {
            const stream = open()
            this.#stream = stream
            stream.once('error', (error) => {
              this.firstError = error
            })
            resolve(stream)
          } catch (error) {
            reject(error)
          }
        })
      })
    }

    disconnect(): void {
      this.#connecting = false
      this.#stream?.end()
    }
  }
  return Connector as unknown as ConnectorClass
}
