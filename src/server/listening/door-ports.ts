// The ports of HTTP, as the settings name them. The code of the door is loaded when the first port
// opens.

import type net from 'node:net'
import type { TlsOptions } from 'node:tls'
import type { Engine } from '../../commands/call.ts'
import { ConfigError } from '../../config/config.ts'
import { DoorServer } from '../../door/listening/door-server.ts'
import { TokenKeysError } from '../../door/rights/token-keys.ts'
import { ListenError, TlsError } from '../boot/errors.ts'
import type { Endpoint } from './accepting-endpoint.ts'
import { type PortAddresses, PortListeners } from './port-listeners.ts'

/** Settings that make other handshakes. */
const TLS_SETTINGS = [
  'tls-cert-file',
  'tls-key-file',
  'tls-key-file-pass',
  'tls-protocols',
  'tls-ciphers',
  'tls-ciphersuites',
] as const

const CANNOT_LISTEN = 'Unable to listen on this port. Check server logs.'

export class DoorPorts {
  readonly #engine: Engine
  /** Reads the certificates. Throws TlsError. */
  readonly #readTls: () => TlsOptions
  readonly #plain: PortListeners
  readonly #secure: PortListeners
  /** Undefined until the first port opens. */
  #server: DoorServer | undefined = undefined

  constructor(engine: Engine, readTls: () => TlsOptions) {
    this.#engine = engine
    this.#readTls = readTls
    this.#plain = new PortListeners('tcp', this)
    this.#secure = new PortListeners('tls', this)
  }

  /** The port of HTTP, and that of HTTPS; 0 = none. */
  get port(): number {
    return this.#plain.port
  }

  get tlsPort(): number {
    return this.#secure.port
  }

  /** Makes the word of a link to the console (docs/console.md); undefined = there is none. */
  issueLink(user: string): string | undefined {
    return this.#server?.door.console?.issueLink(user)
  }

  /**
   * Opens the ports that the settings name. Rejects with ListenError or TlsError, or if the file of
   * keys cannot be used.
   */
  async open(): Promise<void> {
    const { config } = this.#engine
    const backlog = config.get('tcp-backlog')
    try {
      this.#load()
      await this.#plain.open(this.#where('http-port'), backlog)
      await this.#secure.open(this.#where('http-tls-port'), backlog)
    } catch (error) {
      this.close()
      throw error instanceof TokenKeysError ? new ListenError(error.message) : error
    }
    for (const name of ['http-port', 'http-tls-port', 'http-bind'] as const)
      config.onChange(name, () => this.#moveAll(backlog))
    for (const name of TLS_SETTINGS) config.onChange(name, () => this.#changed(() => this.#renewTls()))
    for (const name of ['http-token-keys', 'http-token-secret', 'http-token-audience'] as const)
      config.onChange(name, () => this.#changed(() => this.reload()))
  }

  /** Reads certificates and keys of tokens again. Throws TlsError or TokenKeysError. */
  reload(): void {
    this.#server?.door.gatekeeper.tokens.reload()
    this.#renewTls()
  }

  #renewTls(): void {
    if (this.tlsPort !== 0) this.#server?.useTls(this.#readTls())
  }

  /** Stops accepting. */
  close(): void {
    this.#plain.close()
    this.#secure.close()
  }

  /** Ends every connection. */
  hangUp(): void {
    this.#server?.close()
  }

  accepted(socket: net.Socket, endpoint: Endpoint): void {
    this.#server?.accepted(socket, endpoint.kind === 'tls' ? 'secure' : 'plain')
  }

  failed(error: Error): void {
    this.#engine.environment.log.warn({ error }, 'the HTTP port cannot accept a connection')
  }

  /** Makes the server if a port is set. */
  #load(): void {
    const { config } = this.#engine
    if (config.get('http-port') === 0 && config.get('http-tls-port') === 0) return
    this.#server ??= new DoorServer(this.#engine)
    if (config.get('http-tls-port') !== 0) this.#server.useTls(this.#readTls())
  }

  #where(name: 'http-port' | 'http-tls-port'): PortAddresses {
    const { config } = this.#engine
    return { port: config.get(name) || undefined, addresses: config.get('http-bind').split(' ').filter(Boolean) }
  }

  #moveAll(backlog: number): void {
    this.#changed(() => {
      this.#load()
      this.#plain.moveTo(this.#where('http-port'), backlog)
      this.#secure.moveTo(this.#where('http-tls-port'), backlog)
    })
  }

  /** Makes a change. Throws ConfigError. */
  #changed(change: () => void): void {
    try {
      change()
    } catch (error) {
      if (error instanceof TokenKeysError || error instanceof TlsError) throw new ConfigError(error.message)
      if (!(error instanceof ListenError)) throw error
      this.#engine.environment.log.error({ reason: error.message }, 'cannot serve HTTP there')
      throw new ConfigError(CANNOT_LISTEN)
    }
  }
}
