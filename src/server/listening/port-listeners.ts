// One port at several addresses, all with the same protocol: plain TCP or TLS.
//
// `bind` holds addresses as redis.conf has them: `*` for every IPv4 address, `::*` for every IPv6
// one, and a `-` in front of those that may be missing on this machine. IPv6 listeners serve IPv6
// only, so `* ::*` is no conflict.

import { ListenError } from '../boot/errors.ts'
import { type AcceptHooks, AcceptingEndpoint, type PortEndpoint, type PortKind } from './accepting-endpoint.ts'

/** Where clients are served. */
export interface PortAddresses {
  /** 0 = any free port, the same for all addresses; undefined = no listener. */
  readonly port: number | undefined
  /** Addresses as in `bind`. */
  readonly addresses: readonly string[]
}

/** Errors that a `-` in front of an address excuses. */
const MISSING_ADDRESS = new Set(['EADDRNOTAVAIL', 'EAFNOSUPPORT', 'EPROTONOSUPPORT', 'EINVAL', 'ENOTFOUND'])

export class PortListeners {
  /** 0 when there is none. */
  port = 0
  readonly #kind: PortKind
  readonly #door: AcceptHooks
  #listeners: AcceptingEndpoint[] = []
  #wasOpen = false
  /** The addresses and port that the listeners were opened with. */
  #where: PortAddresses = { port: undefined, addresses: [] }

  constructor(kind: PortKind, door: AcceptHooks) {
    this.#kind = kind
    this.#door = door
  }

  get listeners(): readonly AcceptingEndpoint[] {
    return this.#listeners
  }

  get where(): PortAddresses {
    return this.#where
  }

  /** The listeners were open once, and are closed now. */
  get isClosed(): boolean {
    return this.#wasOpen && this.port === 0
  }

  /**
   * Opens all listeners. If it throws ListenError, `close` must still be called for those that are
   * open.
   */
  async open({ port, addresses }: PortAddresses, backlog: number): Promise<void> {
    let refused: ListenError | undefined
    for (const address of port === undefined ? [] : addresses) {
      try {
        this.#add(await AcceptingEndpoint.open(this.#endpointOf(address, port!), backlog, this.#door))
      } catch (error) {
        refused = excused(address, error)
      }
    }
    if (port !== undefined && this.#listeners.length === 0) {
      throw refused ?? new ListenError('no address to listen on: `bind` is empty')
    }
    this.#where = { port: port === undefined ? undefined : this.port, addresses }
  }

  /**
   * Moves to other addresses, or to none; connections stay.
   *
   * On ListenError the listeners stay as they were. Without an address, or if all optional ones are
   * missing, no client is served, as in Redis.
   */
  moveTo(where: PortAddresses, backlog: number): void {
    const before = this.#where
    // The old ones close first: the new addresses may include them (`*`).
    this.close()
    try {
      this.#openNow(where, backlog)
    } catch (error) {
      this.close()
      this.#openNow(before, backlog)
      throw error
    }
  }

  /** Stops accepting. Connections stay. */
  close(): void {
    for (const listener of this.#listeners) listener.close()
    this.#listeners = []
    this.port = 0
  }

  #openNow(where: PortAddresses, backlog: number): void {
    const { port, addresses } = where
    this.#where = where
    for (const address of port === undefined ? [] : addresses) {
      const endpoint = this.#endpointOf(address, port!)
      try {
        this.#add(AcceptingEndpoint.openNow(endpoint, backlog, this.#door))
      } catch (error) {
        excused(address, error)
      }
    }
  }

  #add(listener: AcceptingEndpoint): void {
    this.#listeners.push(listener)
    this.#wasOpen = true
    this.port = listener.port
  }

  /** An address of `bind`; what follows the first shares its port. */
  #endpointOf(address: string, port: number): PortEndpoint {
    return { kind: this.#kind, host: hostOf(address), port: this.port || port }
  }
}

/** Returns the error if the address is optional and missing, and throws it otherwise. */
function excused(address: string, error: unknown): ListenError {
  if (!(error instanceof ListenError)) throw error
  if (!address.startsWith('-') || error.code === undefined || !MISSING_ADDRESS.has(error.code)) throw error
  return error
}

function hostOf(address: string): string {
  const host = address.startsWith('-') ? address.slice(1) : address
  if (host === '*') return '0.0.0.0'
  if (host === '::*') return '::'
  return host === 'localhost' ? '127.0.0.1' : host
}
