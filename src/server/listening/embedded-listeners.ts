// Listeners for an engine inside a program, so that other programs can connect to its data.
//
// A server has its listeners for life, and they follow its settings. These can be opened and closed
// at any time, and leave the engine as it was.

import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import type { Engine } from '../../engine/engine.ts'
import { OptionError } from '../../util/option-error.ts'
import { ListenError } from '../boot/errors.ts'
import {
  anyHost,
  anyObject,
  port as anyPort,
  anyText,
  createConfig,
  type OptionKind,
  settingsOf,
  takeOptions,
} from '../boot/options.ts'
import { BlockedLoopSockets } from '../connection/blocked-loop-sockets.ts'
import { IdleClients } from '../connection/idle-clients.ts'
import { Listeners } from './listeners.ts'
import { splitTls, type TlsOptions } from './tls-options.ts'
import { readTlsSettings } from './tls-settings.ts'

export interface ListeningOptions {
  /** TCP port; 0 = any free one, which is the default without a `unixSocket`; `false` = no TCP. */
  port?: number | false
  /** Addresses to listen on, as in `bind`. Default 127.0.0.1. */
  host?: string | readonly string[]
  /** Path of a unix socket; on Windows, the name of a pipe. */
  unixSocket?: string
  /** The certificate, and the trusted authorities. The port then serves TLS clients only. */
  tls?: TlsOptions
}

/** Where others are served. */
export interface Listening {
  /** The TCP port; 0 when there is none. */
  readonly port: number
  /** `host:port`, or the unix socket's path. */
  readonly address: string
  /** Stops accepting, sends the pending replies, and ends the connections. The data stays. */
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

const LISTENING_OPTIONS = { port: anyPort, host: anyHost, unixSocket: anyText, tls: anyObject } satisfies Record<
  keyof ListeningOptions,
  OptionKind
>
const DEFAULT_HOST = '127.0.0.1'

/** All listeners of one engine. */
export class EmbeddedListeners {
  readonly #engine: Engine
  readonly #open = new Set<OpenListeners>()
  #privateFolder: Promise<string> | undefined = undefined

  constructor(engine: Engine) {
    this.#engine = engine
  }

  /** Opens listeners. Throws OptionError, TlsError or ListenError; then nothing is left open. */
  async listen(options: ListeningOptions = {}): Promise<Listening> {
    const opened = await OpenListeners.open(this.#engine, options)
    this.#open.add(opened)
    this.#tellHost()
    const close = async (): Promise<void> => {
      if (!this.#open.delete(opened)) return
      this.#tellHost()
      await opened.close()
    }
    const { address, port } = opened
    return { address, port, close, [Symbol.asyncDispose]: close }
  }

  /**
   * Returns the path of a unix socket that only this user can reach, opened when first asked for; a
   * pipe on Windows. Its folder is removed by `close`.
   */
  privatePath(): Promise<string> {
    this.#privateFolder ??= this.#listenPrivately()
    return this.#privateFolder
  }

  async #listenPrivately(): Promise<string> {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'respite-'))
    const unixSocket =
      process.platform === 'win32' ? `\\\\.\\pipe\\${path.basename(folder)}` : path.join(folder, 'socket')
    try {
      await this.listen({ unixSocket })
    } catch (error) {
      fs.rmSync(folder, { recursive: true, force: true })
      this.#privateFolder = undefined
      throw error
    }
    return unixSocket
  }

  /** Closes whatever is open. */
  async close(): Promise<void> {
    const open = [...this.#open]
    this.#open.clear()
    this.#tellHost()
    await Promise.all(open.map((sockets) => sockets.close()))
    const unixSocket = await this.#privateFolder?.catch(() => undefined)
    if (unixSocket !== undefined && process.platform !== 'win32')
      fs.rmSync(path.dirname(unixSocket), { recursive: true, force: true })
  }

  /**
   * While listeners are open, clients are served during slow scripts, too, and INFO shows the first
   * port.
   */
  #tellHost(): void {
    const { host } = this.#engine.parts
    const open = [...this.#open]
    if (open.length === 0) {
      delete host.whileBusy
      delete host.describe
      return
    }
    host.whileBusy = {
      listen: (clients) => {
        for (const { busy } of open) busy.listen(clients)
      },
      done: () => {
        for (const { busy } of open) busy.done()
      },
    }
    host.describe = () => ({
      tcpPort: open.find(({ isSecure, port }) => !isSecure && port > 0)?.port ?? 0,
      tlsPort: open.find(({ isSecure, port }) => isSecure && port > 0)?.port ?? 0,
      unixSocket: open.find(({ unixSocket }) => unixSocket !== '')?.unixSocket ?? '',
      configFile: '',
      executable: process.argv[1] ?? process.execPath,
      supervisor: 'no',
    })
  }
}

/** The listeners that one call of `listen` has opened. */
class OpenListeners {
  readonly busy: BlockedLoopSockets
  readonly isSecure: boolean
  readonly unixSocket: string
  readonly port: number
  readonly address: string
  readonly #listeners: Listeners
  readonly #idle: IdleClients

  private constructor(engine: Engine, listeners: Listeners, isSecure: boolean, host: string, unixSocket: string) {
    this.#listeners = listeners
    this.#idle = new IdleClients(engine, listeners.transports)
    this.busy = new BlockedLoopSockets(engine, listeners)
    this.isSecure = isSecure
    this.unixSocket = unixSocket
    this.port = isSecure ? listeners.tls.port : listeners.port
    this.address = this.port === 0 ? unixSocket : `${host.includes(':') ? `[${host}]` : host}:${this.port}`
  }

  static async open(engine: Engine, given: ListeningOptions): Promise<OpenListeners> {
    const options = takeOptions(given, LISTENING_OPTIONS)
    const { host = DEFAULT_HOST, tls, unixSocket = '' } = options
    const { port = unixSocket === '' ? 0 : false } = options
    if (port === false && tls !== undefined) throw new OptionError("option 'tls': it needs a port")
    if (port === false && unixSocket === '') throw new OptionError("option 'port': without one it needs a 'unixSocket'")
    const addresses = typeof host === 'string' ? host.split(' ') : host
    const listeners = new Listeners(engine)
    if (tls !== undefined) {
      const [settings, material] = splitTls(tls)
      const config = createConfig(settingsOf({}, {}, settings))
      listeners.handshakes.use(readTlsSettings(config, material), config.get('tls-auth-clients'))
    }
    const { config } = engine
    const number = port === false ? undefined : port
    await listeners.open({
      port: tls === undefined ? number : undefined,
      tlsPort: tls === undefined ? undefined : number,
      addresses,
      unixSocket,
      unixSocketMode: config.get('unixsocketperm'),
      backlog: config.get('tcp-backlog'),
    })
    if (listeners.kinds.length === 0) throw new ListenError('no address to listen on')
    return new OpenListeners(engine, listeners, tls !== undefined, addresses[0] ?? '', unixSocket)
  }

  async close(): Promise<void> {
    this.busy.forgetListeners()
    this.#listeners.close()
    this.#idle.stop()
    await this.#listeners.hangUp()
  }
}
