// All that a server listens at, and who is let in: TCP addresses and a unix socket.
//
// `bind` holds addresses as redis.conf has them: `*` for every IPv4 address, `::*`
// for every IPv6 one, and a `-` in front of those that may be missing on this
// machine. IPv6 listeners serve IPv6 only, so `* ::*` is no conflict.

import net from 'node:net'
import type { Engine } from '../engine/engine.ts'
import { type Endpoint, ListenError, Listener } from './listener.ts'
import { PlainTransport } from './plain-transport.ts'
import type { SocketTransport } from './socket-transport.ts'

/** Where TCP clients are served. */
export interface TcpPlace {
  /** 0 = any free port, the same for all addresses; undefined = no TCP. */
  readonly port: number | undefined
  /** Addresses as in `bind`. */
  readonly addresses: readonly string[]
}

export interface ListenOptions extends TcpPlace {
  /** Path of the unix socket; empty = none. */
  readonly unixSocket: string
  /** Its permissions; 0 = as the umask has it. */
  readonly unixSocketMode: number
  readonly backlog: number
}

/** A server that is full, or out of descriptors, refuses every attempt; saying so now and then is enough. */
const REFUSAL_TOLD_MS = 10_000
/** Errors that a `-` in front of an address excuses. */
const MISSING_ADDRESS = new Set(['EADDRNOTAVAIL', 'EAFNOSUPPORT', 'EPROTONOSUPPORT', 'EINVAL', 'ENOTFOUND'])

export class Listeners {
  /** The TCP port; 0 when there is none. */
  port = 0
  readonly transports = new Set<SocketTransport>()
  readonly #engine: Engine
  readonly #sharedReads: boolean
  #tcp: Listener[] = []
  #unix: Listener | undefined = undefined
  /** What the TCP listeners were opened with. */
  #place: TcpPlace = { port: undefined, addresses: [] }
  #refusalToldMs = Number.NEGATIVE_INFINITY

  /** `sharedReads` false = read through 'data' events, as where Node's insides are not what they were. */
  constructor(engine: Engine, sharedReads = true) {
    this.#engine = engine
    this.#sharedReads = sharedReads
  }

  /** Opens all listeners or none. Throws ListenError. */
  async open({ port, addresses, unixSocket, unixSocketMode, backlog }: ListenOptions): Promise<void> {
    try {
      let refused: ListenError | undefined
      for (const address of port === undefined ? [] : addresses) {
        try {
          this.#add(await Listener.open(this.#endpointOf(address, port!), backlog, this))
        } catch (error) {
          refused = excused(address, error)
        }
      }
      if (port !== undefined && this.#tcp.length === 0) {
        throw refused ?? new ListenError('no address to listen on: `bind` is empty')
      }
      this.#place = { port: port === undefined ? undefined : this.port, addresses }
      if (unixSocket !== '') {
        this.#unix = await Listener.open({ kind: 'unix', path: unixSocket, mode: unixSocketMode }, backlog, this)
      }
    } catch (error) {
      this.close()
      throw error
    }
  }

  /**
   * Serves TCP clients elsewhere from now on, or nowhere; connections stay. On ListenError the server listens where it did.
   *
   * Without an address, or if all that may be missing are, nobody is served by TCP: so it is with Redis.
   */
  moveTo(place: TcpPlace, backlog: number): void {
    const before = this.#place
    // The old ones close first: the new addresses may include them (`*`).
    this.#closeTcp()
    try {
      this.#openNow(place, backlog)
    } catch (error) {
      this.#closeTcp()
      this.#openNow(before, backlog)
      throw error
    }
  }

  #openNow(place: TcpPlace, backlog: number): void {
    const { port, addresses } = place
    this.#place = place
    for (const address of port === undefined ? [] : addresses) {
      const endpoint = this.#endpointOf(address, port!)
      try {
        this.#add(Listener.openNow(endpoint, backlog, this))
      } catch (error) {
        excused(address, error)
      }
    }
  }

  #add(listener: Listener): void {
    this.#tcp.push(listener)
    this.port = listener.port
  }

  /** An address of `bind`; what follows the first shares its port. */
  #endpointOf(address: string, port: number): Endpoint & { readonly kind: 'tcp' } {
    return { kind: 'tcp', host: hostOf(address), port: this.port || port }
  }

  /** The listening sockets' descriptors; none where they cannot be told. */
  get descriptors(): { descriptor: number; endpoint: Endpoint }[] {
    const all = this.#unix === undefined ? this.#tcp : [...this.#tcp, this.#unix]
    return all.map(({ descriptor, endpoint }) => ({ descriptor, endpoint })).filter(({ descriptor }) => descriptor >= 0)
  }

  /** The kinds of connections that are accepted. */
  get kinds(): Endpoint['kind'][] {
    return [
      ...new Set(
        [...this.#tcp, ...(this.#unix === undefined ? [] : [this.#unix])].map(({ endpoint }) => endpoint.kind),
      ),
    ]
  }

  /** Takes in a connection that was accepted elsewhere, by its descriptor. */
  adopt(descriptor: number, endpoint: Endpoint): void {
    const options = { fd: descriptor, manualStart: true } as net.SocketConstructorOpts
    const socket = new net.Socket(options)
    if (endpoint.kind === 'tcp') socket.setNoDelay(true)
    this.accepted(socket, endpoint)
  }

  /** Stops accepting. Connections stay. */
  close(): void {
    this.#closeTcp()
    this.#unix?.close()
    this.#unix = undefined
  }

  #closeTcp(): void {
    for (const listener of this.#tcp) listener.close()
    this.#tcp = []
    this.port = 0
  }

  // Door, for its listeners.

  failed(error: Error): void {
    if (this.#mayTellOfRefusal()) this.#engine.log.warn({ error }, 'Error accepting a client connection')
  }

  #mayTellOfRefusal(): boolean {
    const now = this.#engine.clock.monotonic()
    if (now - this.#refusalToldMs < REFUSAL_TOLD_MS) return false
    this.#refusalToldMs = now
    return true
  }

  accepted(socket: net.Socket, endpoint: Endpoint): void {
    const engine = this.#engine
    const { config } = engine
    if (engine.clients.size >= config.get('maxclients')) {
      engine.stats.connectionsRejected++
      if (this.#mayTellOfRefusal()) {
        engine.log.warn({ clients: engine.clients.size }, 'max number of clients reached: refusing a client')
      }
      turnAway(socket, '-ERR max number of clients reached\r\n')
      return
    }
    const isGuarded = endpoint.kind === 'tcp' && config.get('protected-mode') && engine.users.default.noPassword
    if (isGuarded && !isLoopback(socket.remoteAddress)) {
      engine.stats.connectionsRejected++
      turnAway(
        socket,
        '-DENIED Respite runs in protected mode and without a password, so it serves only clients on its own machine. ' +
          'To serve others set a password (requirepass) or turn protected-mode off.\r\n',
      )
      return
    }
    const transport = new PlainTransport(engine, socket, {
      endpoint,
      sharedReads: this.#sharedReads,
      onClosed: (closed) => this.transports.delete(closed),
    })
    this.transports.add(transport)
  }
}

/** Returns the error if the address may be missing and is, and throws it otherwise. */
function excused(address: string, error: unknown): ListenError {
  if (!(error instanceof ListenError)) throw error
  if (!address.startsWith('-') || error.code === undefined || !MISSING_ADDRESS.has(error.code)) throw error
  return error
}

/** Says a last word to somebody who is not let in. */
function turnAway(socket: net.Socket, line: string): void {
  // Whether it arrives is the other side's business.
  socket.on('error', () => socket.destroy())
  socket.end(line, 'latin1', () => socket.destroy())
}

function hostOf(address: string): string {
  const host = address.startsWith('-') ? address.slice(1) : address
  if (host === '*') return '0.0.0.0'
  if (host === '::*') return '::'
  return host === 'localhost' ? '127.0.0.1' : host
}

function isLoopback(address: string | undefined): boolean {
  if (address === undefined) return false
  return address === '::1' || /^(::ffff:)?127\./.test(address)
}
