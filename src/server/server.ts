// A server: an engine, its journal and its listeners, started and stopped in the right order.
//
//   start   config → log → engine → listen (clients hear LOADING) → load the journal → ready
//   stop    (snapshot, if there are save points) → stop accepting → what is owed leaves → journal written and synced → closed
//
// A second request to stop changes nothing; nobody is served after the first.

import fs from 'node:fs'
import path from 'node:path'
import { type Config, ConfigError } from '../engine/config.ts'
import type { Engine } from '../engine/engine.ts'
import type { ShutdownOptions } from '../engine/engine-host.ts'
import { type Log, silentLog } from '../engine/log.ts'
import { RESPITE_VERSION } from '../engine/version.ts'
import { Boot, describeData } from './boot.ts'
import { BusySockets } from './busy-sockets.ts'
import { IdleClients } from './idle-clients.ts'
import { ListenError } from './listener.ts'
import { Listeners } from './listeners.ts'

/** Clients that do not take their last replies hold up a shutdown no longer than this. */
const FLUSH_MS_MAX = 1000
/** Redis's. Each takes a descriptor. */
const ADDRESSES_MAX = 16

const CANNOT_LISTEN_ON_PORT = 'Unable to listen on this port. Check server logs.'
const CANNOT_LISTEN_ON_ADDRESSES = 'Failed to bind to specified addresses.'

export interface ServerSettings {
  config: Config
  log?: Log
  /** Any free port instead of none where `port` is 0. */
  ephemeralPort?: boolean
  /** The file the configuration came from, for CONFIG REWRITE. */
  configFile?: string
  /** Users that the configuration names: a name, then rules. */
  users?: readonly (readonly string[])[]
  /** Tells what the process holds, where the server has it for itself. */
  processBytes?: () => number
}

export class Server {
  readonly engine: Engine
  readonly #boot: Boot
  readonly #config: Config
  readonly #log: Log
  readonly #listeners: Listeners
  readonly #idle: IdleClients
  readonly #busySockets: BusySockets
  readonly #ephemeralPort: boolean
  #stopping: Promise<void> | undefined = undefined
  #stopped: (error?: unknown) => void = () => {}
  /** Fulfilled when the server has stopped, rejected when its data could not be made durable. */
  readonly stopped: Promise<void>

  private constructor(settings: ServerSettings) {
    this.#config = settings.config
    this.#log = settings.log ?? silentLog
    this.#ephemeralPort = settings.ephemeralPort ?? false
    this.#boot = new Boot(this.#config, this.#log, { processBytes: settings.processBytes, users: settings.users })
    this.engine = this.#boot.engine
    this.#listeners = new Listeners(this.engine)
    this.#idle = new IdleClients(this.engine, this.#listeners.transports)
    this.stopped = new Promise((resolve, reject) => {
      this.#stopped = (error) => (error === undefined ? resolve() : reject(error))
    })
    // Nobody need wait for it.
    this.stopped.catch(() => {})
    const configFile = settings.configFile === undefined ? undefined : path.resolve(settings.configFile)
    const { host } = this.engine
    this.#busySockets = new BusySockets(this.engine, this.#listeners)
    host.whileBusy = this.#busySockets
    host.shutdown = (options, refused) => {
      // Not from inside the command that asks for it.
      setImmediate(() => {
        this.shutdown('SHUTDOWN', options).then(
          (stopped) => {
            if (!stopped) refused()
          },
          () => {},
        )
      })
    }
    if (configFile !== undefined) host.configFile = configFile
    host.describe = () => ({
      tcpPort: this.#listeners.port,
      unixSocket: this.#config.get('unixsocket'),
      configFile: configFile ?? '',
      executable: process.argv[1] ?? process.execPath,
    })
  }

  /** Starts a server. Throws ListenError or PersistenceError; nothing is left open then. */
  static async start(settings: ServerSettings): Promise<Server> {
    const server = new Server(settings)
    try {
      await server.#start()
    } catch (error) {
      server.#idle.stop()
      server.#listeners.close()
      await server.#boot.close()
      throw error
    }
    return server
  }

  /** The TCP port; 0 when there is none. */
  get port(): number {
    return this.#listeners.port
  }

  /** The first address and the port, or the unix socket's path. */
  get address(): string {
    return this.port === 0 ? this.#config.get('unixsocket') : `${firstHost(this.#config)}:${this.port}`
  }

  /** Stops the server; `why` is for the log. Rejects, stopped all the same, when the data could not be made durable. */
  stop(why: string): Promise<void> {
    this.#stopping ??= this.#stop(why, 'default')
    return this.#stopping
  }

  /** Stops the server, or goes on and returns false when a snapshot is owed and cannot be made. Rejects as `stop` does. */
  async shutdown(why: string, { save, force }: Pick<ShutdownOptions, 'save' | 'force'>): Promise<boolean> {
    if (this.#stopping === undefined && !force && !(await this.#boot.saveAtEnd(save))) {
      this.#boot.goOn()
      this.#log.error({ why }, 'not shutting down: the snapshot could not be saved')
      return false
    }
    this.#stopping ??= this.#stop(why, force ? save : 'nosave')
    await this.#stopping
    return true
  }

  async #start(): Promise<void> {
    const config = this.#config
    await this.#listeners.open({
      port: config.get('port') === 0 && !this.#ephemeralPort ? undefined : config.get('port'),
      addresses: addressesOf(config),
      unixSocket: config.get('unixsocket'),
      unixSocketMode: config.get('unixsocketperm'),
      backlog: config.get('tcp-backlog'),
    })
    // What the system chose is the port from here on.
    if (this.#ephemeralPort) config.set('port', String(this.port))
    config.onChange('port', () => this.#move(CANNOT_LISTEN_ON_PORT))
    config.onChange('bind', () => this.#move(CANNOT_LISTEN_ON_ADDRESSES))
    const loading = this.#boot.load().catch((error: unknown) => {
      // What a load says that SHUTDOWN put an end to is of no interest.
      if (this.#stopping === undefined) throw error
    })
    const loaded = await Promise.race([loading, this.stopped])
    // SHUTDOWN is obeyed while loading, too.
    if (loaded === undefined || this.#stopping !== undefined) return
    this.#writePidFile()
    this.#log.info(
      {
        address: this.address,
        ...(config.get('unixsocket') === '' || this.port === 0 ? {} : { unixSocket: config.get('unixsocket') }),
        data: describeData(config),
        keys: loaded.keys,
        loadedMs: Math.round(loaded.milliseconds),
        pid: process.pid,
        node: process.version,
      },
      `respite ${RESPITE_VERSION} is ready`,
    )
  }

  /** CONFIG SET port, bind: listens there before the reply. Throws ConfigError with `refusal`; the server stays where it was then. */
  #move(refusal: string): void {
    const config = this.#config
    const addresses = addressesOf(config)
    if (addresses.length > ADDRESSES_MAX) throw new ConfigError('Too many bind addresses specified.')
    this.#busySockets.forgetListeners()
    try {
      this.#listeners.moveTo({ port: config.get('port') || undefined, addresses }, config.get('tcp-backlog'))
      this.#log.info({ address: this.address }, 'listening elsewhere')
    } catch (error) {
      if (!(error instanceof ListenError)) throw error
      this.#log.error({ reason: error.message }, 'cannot listen there; listening where it was')
      throw new ConfigError(refusal)
    }
  }

  async #stop(why: string, save: ShutdownOptions['save']): Promise<void> {
    this.#log.info({ why }, 'shutting down')
    const saved = await this.#boot.saveAtEnd(save)
    this.#busySockets.forgetListeners()
    this.#listeners.close()
    this.#idle.stop()
    try {
      // Everybody gets what is owed; under `always` that waits for the disk.
      for (const { client } of this.#listeners.transports) this.engine.clients.close(client, 'flushed')
      this.engine.endTurn()
      await this.#connectionsGone()
      for (const transport of this.#listeners.transports) transport.close('now')
      await this.#boot.close()
      if (!saved) throw new Error('the snapshot could not be saved')
      this.#removePidFile()
      this.#log.info({}, 'bye')
      this.#stopped()
    } catch (error) {
      this.#log.fatal({ error }, 'stopped, but not everything is on disk')
      this.#stopped(error)
      throw error
    }
  }

  /** Waits until the last replies have left, at most FLUSH_MS_MAX. */
  #connectionsGone(): Promise<void> {
    const { transports } = this.#listeners
    return new Promise((resolve) => {
      const started = this.engine.clock.monotonic()
      const look = (): void => {
        for (const transport of transports) if (transport.client.closed) transport.closeForShutdown()
        if (transports.size === 0 || this.engine.clock.monotonic() - started > FLUSH_MS_MAX) resolve()
        else setTimeout(look, 5)
      }
      setImmediate(look)
    })
  }

  #writePidFile(): void {
    const file = this.#config.get('pidfile')
    if (file !== '') fs.writeFileSync(file, `${process.pid}\n`)
  }

  #removePidFile(): void {
    const file = this.#config.get('pidfile')
    if (file !== '') fs.rmSync(file, { force: true })
  }
}

/** Addresses as they were given; between two blanks there is an empty one, which is none to listen on. */
function addressesOf(config: Config): string[] {
  const bind = config.get('bind')
  return bind === '' ? [] : bind.split(' ')
}

function firstHost(config: Config): string {
  const address = (addressesOf(config)[0] ?? '').replace(/^-/, '')
  if (address === '*') return '0.0.0.0'
  return address.includes(':') ? `[${address === '::*' ? '::' : address}]` : address
}
