// All listeners of a server, and the rules for accepting connections: a port, a port for TLS, a
// unix socket.

import net from 'node:net'
import type { TLSSocket } from 'node:tls'
import type { Engine } from '../../engine/engine.ts'
import { setImmediate, setTimeout } from '../../util/time/real-time.ts'
import { Handshakes } from '../connection/handshakes.ts'
import { PlainTransport } from '../connection/plain-transport.ts'
import type { SocketTransport } from '../connection/socket-transport.ts'
import { TlsTransport } from '../connection/tls-transport.ts'
import { AcceptingEndpoint, type Endpoint } from './accepting-endpoint.ts'
import { type PortAddresses, PortListeners } from './port-listeners.ts'

export interface ListenOptions extends PortAddresses {
  /** Like `port`, for clients that speak TLS; `handshakes` must have its settings. */
  readonly tlsPort?: number | undefined
  /** Path of the unix socket; empty = none. */
  readonly unixSocket: string
  /** Its permissions; 0 = as the umask says. */
  readonly unixSocketMode: number
  readonly backlog: number
}

/**
 * The interval between log lines about refused connections: a full server refuses every attempt,
 * and a client with wrong settings tries again.
 */
const REFUSAL_TOLD_MS = 10_000
/** The longest delay of a shutdown by clients that do not take their last replies. */
const FLUSH_MS_MAX = 1000

export class Listeners {
  readonly transports = new Set<SocketTransport>()
  readonly handshakes: Handshakes
  readonly tcp = new PortListeners('tcp', this)
  readonly tls = new PortListeners('tls', this)
  readonly #engine: Engine
  readonly #sharedReads: boolean
  #unix: AcceptingEndpoint | undefined = undefined
  #refusalToldMs = Number.NEGATIVE_INFINITY

  /**
   * With `sharedReads` false, connections are read through 'data' events, as if Node's internals
   * were unknown.
   */
  constructor(engine: Engine, sharedReads = true) {
    this.#engine = engine
    this.#sharedReads = sharedReads
    this.handshakes = new Handshakes(engine.environment.workClock, {
      done: (socket) => this.#shaken(socket),
      failed: (reason, addresses) => this.#warn(`Error accepting a client connection: ${reason}`, addresses),
    })
  }

  /** The TCP port; 0 when there is none. */
  get port(): number {
    return this.tcp.port
  }

  /** Opens all listeners or none. Throws ListenError. */
  async open({ port, tlsPort, addresses, unixSocket, unixSocketMode, backlog }: ListenOptions): Promise<void> {
    try {
      await this.tcp.open({ port, addresses }, backlog)
      await this.tls.open({ port: tlsPort, addresses }, backlog)
      if (unixSocket !== '') {
        this.#unix = await AcceptingEndpoint.open(
          { kind: 'unix', path: unixSocket, mode: unixSocketMode },
          backlog,
          this,
        )
      }
    } catch (error) {
      this.close()
      throw error
    }
  }

  /** Moves the ports to other addresses; connections stay. On ListenError nothing has changed. */
  bind(addresses: readonly string[], backlog: number): void {
    const before = this.tcp.where
    this.tcp.moveTo({ ...before, addresses }, backlog)
    try {
      this.tls.moveTo({ ...this.tls.where, addresses }, backlog)
    } catch (error) {
      this.tcp.moveTo(before, backlog)
      throw error
    }
  }

  /**
   * The descriptors of the listening sockets; none when they are unknown. Those for TLS are
   * excluded: without the event loop no handshake succeeds.
   */
  get descriptors(): { descriptor: number; endpoint: Endpoint }[] {
    const all = this.#unix === undefined ? this.tcp.listeners : [...this.tcp.listeners, this.#unix]
    return all.map(({ descriptor, endpoint }) => ({ descriptor, endpoint })).filter(({ descriptor }) => descriptor >= 0)
  }

  /** The kinds of connections that are accepted. */
  get kinds(): Endpoint['kind'][] {
    const all = [...this.tcp.listeners, ...this.tls.listeners, ...(this.#unix === undefined ? [] : [this.#unix])]
    return [...new Set(all.map(({ endpoint }) => endpoint.kind))]
  }

  /** Takes over a connection that was accepted elsewhere, by its descriptor. */
  adopt(descriptor: number, endpoint: Endpoint): void {
    const options = { fd: descriptor, manualStart: true } as net.SocketConstructorOpts
    const socket = new net.Socket(options)
    if (endpoint.kind !== 'unix') socket.setNoDelay(true)
    this.accepted(socket, endpoint)
  }

  /** Stops accepting. Connections stay, except those that are not yet secure. */
  close(): void {
    this.tcp.close()
    this.tls.close()
    this.#unix?.close()
    this.#unix = undefined
    this.handshakes.close()
  }

  /**
   * Ends every connection when its replies have left, which under `always` waits for the disk. The
   * connection of a client that does not read them is cut.
   */
  async hangUp(): Promise<void> {
    const { transports } = this
    for (const { client } of transports) this.#engine.clients.connected.close(client, 'flushed')
    this.#engine.endTurn()
    await this.#connectionsGone()
    for (const transport of transports) transport.close('now')
  }

  /** Waits until the last replies have left, at most FLUSH_MS_MAX. */
  #connectionsGone(): Promise<void> {
    const { transports } = this
    const { workClock } = this.#engine.environment
    return new Promise((resolve) => {
      const started = workClock.monotonic()
      const look = (): void => {
        for (const transport of transports) if (transport.client.connection.closed) transport.closeForShutdown()
        if (transports.size === 0 || workClock.monotonic() - started > FLUSH_MS_MAX) resolve()
        else setTimeout(look, 5)
      }
      setImmediate(look)
    })
  }

  // Door, for its listeners.

  failed(error: Error): void {
    this.#warn('Error accepting a client connection', { error })
  }

  accepted(socket: net.Socket, endpoint: Endpoint): void {
    const engine = this.#engine
    if (engine.clients.connected.size + this.handshakes.count >= engine.config.get('maxclients')) {
      engine.figures.stats.connectionsRejected++
      this.#warn('max number of clients reached: refusing a client', { clients: engine.clients.connected.size })
      // A client that is about to shake hands would not understand a line of plain text.
      if (endpoint.kind === 'tls') socket.destroy()
      else turnAway(socket, '-ERR max number of clients reached\r\n')
      return
    }
    if (endpoint.kind === 'tls') {
      this.handshakes.begin(socket)
      return
    }
    if (this.#isGuardedFrom(socket, endpoint)) return
    this.transports.add(
      new PlainTransport(engine, socket, {
        endpoint,
        sharedReads: this.#sharedReads,
        onClosed: (closed) => this.transports.delete(closed),
      }),
    )
  }

  #shaken(socket: TLSSocket): void {
    const endpoint: Endpoint = { kind: 'tls', host: socket.localAddress ?? '', port: socket.localPort ?? 0 }
    if (this.#isGuardedFrom(socket, endpoint)) return
    const transport = new TlsTransport(this.#engine, socket, {
      endpoint,
      sharedReads: this.#sharedReads,
      onClosed: (closed) => this.transports.delete(closed),
    })
    this.transports.add(transport)
  }

  /** Protected mode: refuses a client on another machine, and returns true. */
  #isGuardedFrom(socket: net.Socket, endpoint: Endpoint): boolean {
    const { config } = this.#engine
    const { stats } = this.#engine.figures
    const { users } = this.#engine.clients
    const isGuarded = endpoint.kind !== 'unix' && config.get('protected-mode') && users.default.noPassword
    if (!isGuarded || isLoopback(socket.remoteAddress)) return false
    stats.connectionsRejected++
    turnAway(
      socket,
      '-DENIED Respite runs in protected mode and without a password, so it serves only clients on its own machine. ' +
        'To serve others set a password (requirepass) or turn protected-mode off.\r\n',
    )
    return true
  }

  #warn(message: string, details: object): void {
    const now = this.#engine.environment.workClock.monotonic()
    if (now - this.#refusalToldMs < REFUSAL_TOLD_MS) return
    this.#refusalToldMs = now
    this.#engine.environment.log.warn(details, message)
  }
}

/** Sends a last line to a refused client. */
function turnAway(socket: net.Socket, line: string): void {
  // The line may not arrive; the server does not wait for it.
  socket.on('error', () => socket.destroy())
  socket.end(line, 'latin1', () => socket.destroy())
}

function isLoopback(address: string | undefined): boolean {
  if (address === undefined) return false
  return address === '::1' || /^(::ffff:)?127\./.test(address)
}
