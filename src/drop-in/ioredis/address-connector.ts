// Connects an instance of ioredis to the broker of the address in its options.

import type { Duplex } from 'node:stream'
import { BrokerAtAddress, type InitialData } from './broker-at-address.ts'

/**
 * The options of an instance that are read here, from any of their forms: port and host, URL,
 * object.
 */
export interface PlaceOptions {
  host?: string
  port?: number
  path?: string
  db?: number
  data?: InitialData
  username?: string | null
  password?: string | null
}

/** It follows the contract of ioredis's AbstractConnector. ioredis makes one for each instance. */
export class AddressConnector {
  firstError: Error | undefined = undefined
  readonly #place: BrokerAtAddress
  #stream: Duplex | undefined = undefined
  #connecting = false

  constructor(options: PlaceOptions) {
    const { host, port, path, db = 0, data } = options
    this.#place = BrokerAtAddress.at(path ?? `${host}:${port}`)
    if (data !== undefined) this.#place.fill(data, db)
    // A copy of this instance (`duplicate`) must not load the data again, and needs no password
    // here.
    delete options.data
    options.username = null
    options.password = null
  }

  check(): boolean {
    return true
  }

  async connect(): Promise<Duplex> {
    this.#connecting = true
    const broker = await this.#place.broker
    if (!this.#connecting) throw new Error('Connection is closed.')
    const stream = broker.connect()
    this.#stream = stream
    stream.once('error', (error) => {
      this.firstError = error
    })
    return stream
  }

  disconnect(): void {
    this.#connecting = false
    this.#stream?.end()
  }
}
