// Where the server listens: TCP addresses and a unix socket.
//
// `bind` holds addresses as redis.conf has them: `*` for every IPv4 address, `::*`
// for every IPv6 one, and a `-` in front of those that may be missing on this
// machine. IPv6 listeners serve IPv6 only, so `* ::*` is no conflict.

import fs from 'node:fs'
import net from 'node:net'
import type { Engine } from '../engine/engine.ts'
import { SocketTransport } from './socket-transport.ts'

/** Nobody can listen there; the message is one line for a person. */
export class ListenError extends Error {}

export interface ListenOptions {
  /** TCP port; 0 = any free one, the same for all addresses; undefined = no TCP. */
  port: number | undefined
  /** Addresses as in `bind`. */
  addresses: readonly string[]
  /** Path of the unix socket; empty = none. */
  unixSocket: string
  /** Its permissions; 0 = as the umask has it. */
  unixSocketMode: number
  backlog: number
}

/** A server out of descriptors fails at every attempt; saying so now and then is enough. */
const ACCEPT_ERROR_LOG_MS = 10_000
/** Errors that a `-` in front of an address excuses. */
const MISSING_ADDRESS = new Set(['EADDRNOTAVAIL', 'EAFNOSUPPORT', 'EPROTONOSUPPORT', 'EINVAL', 'ENOTFOUND'])

export class Listeners {
  /** The TCP port; 0 when there is none. */
  port = 0
  readonly transports = new Set<SocketTransport>()
  readonly #engine: Engine
  readonly #sharedReads: boolean
  readonly #tcp: net.Server[] = []
  #unix: net.Server | undefined = undefined
  #unixPath = ''
  /** What the TCP listeners were opened with. */
  #listening: { port: number; addresses: readonly string[] } | undefined = undefined
  #acceptErrorLoggedMs = 0

  /** `sharedReads` false = read through 'data' events, as where Node's insides are not what they were. */
  constructor(engine: Engine, sharedReads = true) {
    this.#engine = engine
    this.#sharedReads = sharedReads
  }

  /** Opens all listeners or none. Throws ListenError. */
  async open(options: ListenOptions): Promise<void> {
    try {
      if (options.port !== undefined) await this.#openTcp(options.port, options.addresses, options.backlog)
      if (options.unixSocket !== '') await this.#openUnix(options)
    } catch (error) {
      this.close()
      throw error
    }
  }

  /** Moves the TCP listeners to another port or other addresses. On ListenError the server listens where it did before. */
  async rebind(port: number | undefined, addresses: readonly string[], backlog: number): Promise<void> {
    const before = this.#listening
    // The old ones close first: the new addresses may include them (`*`).
    closeAll(this.#tcp)
    this.port = 0
    try {
      if (port !== undefined) await this.#openTcp(port, addresses, backlog)
    } catch (error) {
      closeAll(this.#tcp)
      if (before !== undefined) await this.#openTcp(before.port, before.addresses, backlog)
      throw error
    }
  }

  /** Descriptors of the listening sockets, each with its unix socket's path; none where they cannot be told. */
  get descriptors(): { descriptor: number; unixSocket: string | undefined }[] {
    const found: { descriptor: number; unixSocket: string | undefined }[] = []
    for (const server of this.#tcp) found.push({ descriptor: descriptorOf(server), unixSocket: undefined })
    if (this.#unix !== undefined) found.push({ descriptor: descriptorOf(this.#unix), unixSocket: this.#unixPath })
    return found.filter(({ descriptor }) => descriptor >= 0)
  }

  /** Takes in a connection that was accepted elsewhere, by its descriptor. */
  adopt(descriptor: number, unixSocket: string | undefined): void {
    const options = { fd: descriptor, manualStart: true } as net.SocketConstructorOpts
    const socket = new net.Socket(options)
    if (unixSocket === undefined) socket.setNoDelay(true)
    this.#accept(socket, unixSocket)
  }

  /** Stops accepting. Connections stay. */
  close(): void {
    closeAll(this.#tcp)
    this.#unix?.close()
    this.#unix = undefined
  }

  async #openTcp(port: number, addresses: readonly string[], backlog: number): Promise<void> {
    let last: ListenError | undefined
    for (const address of addresses) {
      const optional = address.startsWith('-')
      const host = hostOf(optional ? address.slice(1) : address)
      const server = this.#createServer()
      try {
        await listen(server, { host, port: this.port || port, backlog, ipv6Only: net.isIPv6(host) }, (error) =>
          this.#acceptFailed(error),
        )
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException
        last = new ListenError(`cannot listen on ${formatHost(host)}:${port}: ${reason(error)}`)
        if (optional && code !== undefined && MISSING_ADDRESS.has(code)) continue
        throw last
      }
      this.port = (server.address() as net.AddressInfo).port
      this.#tcp.push(server)
    }
    if (this.#tcp.length === 0) throw last ?? new ListenError('no address to listen on: `bind` is empty')
    this.#listening = { port: this.port, addresses }
  }

  async #openUnix(options: ListenOptions): Promise<void> {
    const { unixSocket } = options
    removeStaleSocket(unixSocket)
    const server = this.#createServer(unixSocket)
    try {
      await listen(server, { path: unixSocket, backlog: options.backlog }, (error) => this.#acceptFailed(error))
      if (options.unixSocketMode !== 0) fs.chmodSync(unixSocket, options.unixSocketMode)
    } catch (error) {
      throw new ListenError(`cannot listen on the unix socket ${unixSocket}: ${reason(error)}`)
    }
    this.#unix = server
    this.#unixPath = unixSocket
  }

  #createServer(unixSocket?: string): net.Server {
    const options = { pauseOnConnect: true, noDelay: true }
    return net.createServer(options, (socket) => this.#accept(socket, unixSocket))
  }

  /** Out of descriptors, or a connection that was gone before it was accepted: the next one may fare better. */
  #acceptFailed(error: Error): void {
    const now = this.#engine.clock.monotonic()
    if (now - this.#acceptErrorLoggedMs < ACCEPT_ERROR_LOG_MS) return
    this.#acceptErrorLoggedMs = now
    this.#engine.log.warn({ error }, 'cannot accept a connection')
  }

  #accept(socket: net.Socket, unixSocket: string | undefined): void {
    const engine = this.#engine
    const { config } = engine
    if (engine.clients.size >= config.get('maxclients')) {
      engine.stats.connectionsRejected++
      turnAway(socket, '-ERR max number of clients reached\r\n')
      return
    }
    const isGuarded = unixSocket === undefined && config.get('protected-mode') && engine.users.isOpen
    if (isGuarded && !isLoopback(socket.remoteAddress)) {
      engine.stats.connectionsRejected++
      turnAway(
        socket,
        '-DENIED Respite runs in protected mode and without a password, so it serves only clients on its own machine. ' +
          'To serve others set a password (requirepass) or turn protected-mode off.\r\n',
      )
      return
    }
    const transport = new SocketTransport(engine, socket, {
      unixSocket,
      sharedReads: this.#sharedReads,
      keepAliveSeconds: config.get('tcp-keepalive'),
      onClosed: (closed) => this.transports.delete(closed),
    })
    this.transports.add(transport)
  }
}

/** Says a last word to somebody who is not let in. */
function turnAway(socket: net.Socket, line: string): void {
  // Whether it arrives is the other side's business.
  socket.on('error', () => socket.destroy())
  socket.end(line, 'latin1', () => socket.destroy())
}

function listen(server: net.Server, options: net.ListenOptions, failed: (error: Error) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(options, () => {
      server.off('error', reject)
      server.on('error', failed)
      resolve()
    })
  })
}

/** Closes listening sockets at once; nothing waits for connections, which are not theirs any more. */
function closeAll(servers: net.Server[]): void {
  for (const server of servers.splice(0)) server.close()
}

function descriptorOf(server: net.Server): number {
  return (server as unknown as { _handle?: { fd?: number } | null })._handle?.fd ?? -1
}

function hostOf(address: string): string {
  if (address === '*') return '0.0.0.0'
  if (address === '::*') return '::'
  return address
}

function formatHost(host: string): string {
  return host.includes(':') ? `[${host}]` : host
}

/** Says in words why listening failed. */
function reason(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException
  if (code === 'EADDRINUSE') return 'the address is in use (is another server running?)'
  if (code === 'EACCES') return 'permission denied'
  if (code === 'EADDRNOTAVAIL') return 'this machine has no such address'
  return message
}

/** A socket file that a killed server left behind would make listening fail; anything else stays. */
function removeStaleSocket(path: string): void {
  const stats = fs.lstatSync(path, { throwIfNoEntry: false })
  if (stats?.isSocket()) fs.unlinkSync(path)
}

function isLoopback(address: string | undefined): boolean {
  if (address === undefined) return false
  return address === '::1' || /^(::ffff:)?127\./.test(address)
}
