// Connects to a primary, or to the target of MIGRATE: TCP, or TLS where `tls-replication` says so,
// or `tls-cluster` for a target, as in Redis.

import net from 'node:net'
import tls, { type ConnectionOptions } from 'node:tls'
import type { Config } from '../../config/config.ts'
import type { Address, Connection, ConnectionListener, Destination, Dial } from '../../replication/connection.ts'
import { nextTick } from '../../util/time/real-time.ts'
import { readTlsClientSettings, type TlsMaterial } from './tls-settings.ts'

/** A program's TLS options for the primary, as Node's tls takes them. */
export type PrimaryTls = Pick<ConnectionOptions, 'ca' | 'cert' | 'key' | 'servername' | 'rejectUnauthorized'>

export interface DialOptions {
  /** Certificates that are not in files. */
  readonly material?: TlsMaterial
  /** Use TLS whatever the settings say. */
  readonly tls?: PrimaryTls
}

/** Makes the function that connects to other servers, by the settings of that moment. */
export function dialPrimary(config: Config, { material = {}, tls: own }: DialOptions = {}): Dial {
  return (to, listener, destination) => {
    let socket: net.Socket
    try {
      socket = open(config, to, destination, material, destination === 'primary' ? own : undefined)
    } catch (error) {
      // The certificates cannot be read. They may be readable at the next attempt.
      const failed = new net.Socket()
      nextTick(() => failed.destroy(error as Error))
      socket = failed
    }
    return new PrimarySocket(socket, socket instanceof tls.TLSSocket ? 'secureConnect' : 'connect', config, listener)
  }
}

function open(
  config: Config,
  { host, port }: Address,
  destination: Destination,
  material: TlsMaterial,
  own: PrimaryTls | undefined,
): net.Socket {
  // Node would take an empty address for this machine.
  if (host === '') throw new Error('there is no host without a name')
  const source = config.get('bind-source-addr')
  const where = { host, port, ...(source === '' ? {} : { localAddress: source }) }
  if (own !== undefined) return tls.connect({ ...where, ...(net.isIP(host) === 0 ? { servername: host } : {}), ...own })
  if (!config.get(destination === 'primary' ? 'tls-replication' : 'tls-cluster')) return net.connect(where)
  // As in Redis, the certificate must come from a trusted authority, whatever name it has.
  return tls.connect({ ...where, ...readTlsClientSettings(config, material), checkServerIdentity: () => undefined })
}

export class PrimarySocket implements Connection {
  readonly #socket: net.Socket
  #listener: ConnectionListener | undefined

  constructor(socket: net.Socket, ready: 'connect' | 'secureConnect', config: Config, listener: ConnectionListener) {
    this.#socket = socket
    this.#listener = listener
    let reason = 'the other side has closed the connection'
    socket.on(ready, () => {
      socket.setNoDelay(true)
      const seconds = config.get('tcp-keepalive')
      if (seconds > 0) socket.setKeepAlive(true, seconds * 1000)
      this.#listener?.connected()
    })
    socket.on('data', (bytes: Buffer) => this.#listener?.received(bytes))
    socket.on('error', (error: NodeJS.ErrnoException) => {
      // If several addresses have failed, the error has only a code.
      reason = error.message || (error.code ?? error.name)
    })
    socket.on('close', () => {
      const told = this.#listener
      this.#listener = undefined
      told?.ended(reason)
    })
  }

  get address(): string {
    return formatAddress(this.#socket.remoteAddress, this.#socket.remotePort)
  }

  get localAddress(): string {
    return formatAddress(this.#socket.localAddress, this.#socket.localPort)
  }

  get descriptor(): number {
    return (this.#socket as unknown as { _handle?: { fd?: number } | null })._handle?.fd ?? -1
  }

  write(data: string | Buffer, written?: () => void): void {
    if (this.#socket.destroyed) return
    this.#socket.write(data, 'latin1', (error) => {
      if (!error && this.#listener !== undefined) written?.()
    })
  }

  pause(): void {
    this.#socket.pause()
  }

  resume(): void {
    this.#socket.resume()
  }

  close(): void {
    this.#listener = undefined
    this.#socket.destroy()
  }
}

function formatAddress(host: string | undefined, port: number | undefined): string {
  if (host === undefined) return '?:0'
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}
