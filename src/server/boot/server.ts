// A server: an engine, its journal and its listeners, started and stopped in the right order.
//
//   start   config → log → engine → listen (clients get LOADING) → metrics → load → ready
//   stop    (snapshot, if there are save points) → stop accepting → replies leave
//           → journal written and synced → closed
//
// A supervisor is told when the server is ready and when the stop begins; /readyz shows the same.
//
// A second request to stop changes nothing. After the first one no client is served.

import fs from 'node:fs'
import path from 'node:path'
import type { Engine } from '../../commands/call.ts'
import { CONFIG_NAMES, type Config, ConfigError } from '../../config/config.ts'
import type { CommandRename } from '../../config/config-file.ts'
import { RESPITE_VERSION } from '../../config/version.ts'
import type { EngineHost, HostDescription, ShutdownOptions } from '../../engine/engine-host.ts'
import { type Log, silentLog } from '../../engine/log.ts'
import { MetricsEndpoint } from '../../metrics/endpoint.ts'
import { setImmediate } from '../../util/time/real-time.ts'
import { BlockedLoopSockets } from '../connection/blocked-loop-sockets.ts'
import { IdleClients } from '../connection/idle-clients.ts'
import { dialPrimary } from '../listening/dial-primary.ts'
import { DoorPorts } from '../listening/door-ports.ts'
import { Listeners } from '../listening/listeners.ts'
import { readTlsSettings, type TlsMaterial, usesTls } from '../listening/tls-settings.ts'
import { ServiceNotifier, supervisorOf } from '../process/service-notifier.ts'
import { Boot, describeData, type TestOptions } from './boot.ts'
import { ListenError, TlsError } from './errors.ts'

/** Redis's. Each takes a descriptor. */
const ADDRESSES_MAX = 16

const CANNOT_LISTEN_ON_PORT = 'Unable to listen on this port. Check server logs.'
const CANNOT_LISTEN_ON_ADDRESSES = 'Failed to bind to specified addresses.'
const CANNOT_CONFIGURE_TLS = 'Unable to update TLS configuration. Check server logs.'

/** Settings that affect TLS handshakes. Redis reads all of them again when one is set. */
const TLS_SETTINGS = [
  'tls-cert-file',
  'tls-key-file',
  'tls-key-file-pass',
  'tls-client-cert-file',
  'tls-client-key-file',
  'tls-client-key-file-pass',
  'tls-ca-cert-file',
  'tls-ca-cert-dir',
  'tls-dh-params-file',
  'tls-protocols',
  'tls-ciphers',
  'tls-ciphersuites',
  'tls-prefer-server-ciphers',
  'tls-session-caching',
  'tls-session-cache-size',
  'tls-session-cache-timeout',
  'tls-replication',
  'tls-cluster',
] as const

export interface ServerSettings extends TestOptions {
  config: Config
  log?: Log
  /** With `port` 0 the server listens at a free port, instead of at none. */
  ephemeralPort?: boolean
  /** The same for `tls-port` 0. */
  ephemeralTlsPort?: boolean
  /** Certificates that are not in files. */
  tls?: TlsMaterial
  /** The path of the config file, for CONFIG REWRITE. */
  configFile?: string
  /** Users in the configuration: each a name, then rules. */
  users?: readonly (readonly string[])[]
  /** Measures the process, if it belongs to the server alone. */
  processBytes?: () => number
  /** The process does nothing else. */
  ownsLoop?: boolean
  /** Renamed and removed commands, in order. */
  renames?: readonly CommandRename[]
}

export class Server {
  readonly engine: Engine
  readonly #boot: Boot
  readonly #config: Config
  readonly #log: Log
  readonly #listeners: Listeners
  readonly #idle: IdleClients
  readonly #busySockets: BlockedLoopSockets
  readonly #ephemeralPort: boolean
  readonly #ephemeralTlsPort: boolean
  readonly #tlsMaterial: TlsMaterial
  readonly #supervision: ServiceNotifier
  readonly #http: DoorPorts
  /** Undefined unless `metrics-port` is set. */
  #metrics: MetricsEndpoint | undefined = undefined
  #stopping: Promise<void> | undefined = undefined
  #stopped: (error?: unknown) => void = () => {}
  /** Fulfilled when the server has stopped; rejected if its data could not be made durable. */
  readonly stopped: Promise<void>

  private constructor(settings: ServerSettings) {
    this.#config = settings.config
    this.#log = settings.log ?? silentLog
    this.#ephemeralPort = settings.ephemeralPort ?? false
    this.#ephemeralTlsPort = settings.ephemeralTlsPort ?? false
    this.#tlsMaterial = settings.tls ?? {}
    this.#supervision = new ServiceNotifier(supervisorOf(this.#config.get('supervised'), process.env), this.#log)
    const host: EngineHost = {}
    this.#boot = new Boot(this.#config, this.#log, {
      host,
      processBytes: settings.processBytes,
      ownsLoop: settings.ownsLoop,
      users: settings.users,
      clock: settings.clock,
      seed: settings.seed,
      dial: dialPrimary(this.#config, { material: this.#tlsMaterial }),
    })
    this.engine = this.#boot.engine
    for (const [from, to] of settings.renames ?? []) this.engine.commands.rename(from, to)
    this.#listeners = new Listeners(this.engine)
    this.#http = new DoorPorts(this.#boot.engine, () => readTlsSettings(this.#config, this.#tlsMaterial))
    this.#idle = new IdleClients(this.engine, this.#listeners.transports)
    this.stopped = new Promise((resolve, reject) => {
      this.#stopped = (error) => (error === undefined ? resolve() : reject(error))
    })
    // A caller need not await it.
    this.stopped.catch(() => {})
    const configFile = settings.configFile === undefined ? undefined : path.resolve(settings.configFile)
    this.#busySockets = new BlockedLoopSockets(this.engine, this.#listeners)
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
    // Clients cannot abort a stop that the program has decided.
    host.abortShutdown = () => this.#stopping === undefined && this.#boot.replicaDrain.giveUp()
    if (configFile !== undefined) host.configFile = configFile
    host.describe = () => {
      const endsInMs = this.#boot.replicaDrain.millisecondsLeft
      return { ...this.#describe(configFile ?? ''), ...(endsInMs === undefined ? {} : { endsInMs }) }
    }
  }

  #describe(configFile: string): HostDescription {
    return {
      tcpPort: this.#listeners.port,
      tlsPort: this.tlsPort,
      hasClosedTcp: this.#listeners.tcp.isClosed,
      hasClosedTls: this.#listeners.tls.isClosed,
      unixSocket: this.#config.get('unixsocket'),
      configFile,
      executable: process.argv[1] ?? process.execPath,
      supervisor: this.#supervision.supervisor,
    }
  }

  /**
   * Starts a server. Throws TlsError, ListenError or PersistenceError; then nothing is left open.
   */
  static async start(settings: ServerSettings): Promise<Server> {
    const server = new Server(settings)
    try {
      await server.#start()
    } catch (error) {
      server.#idle.stop()
      server.#listeners.close()
      server.#http.close()
      server.#http.hangUp()
      server.#metrics?.close()
      await server.#boot.close()
      throw error
    }
    return server
  }

  /** The TCP port; 0 when there is none. */
  get port(): number {
    return this.#listeners.port
  }

  /** The port for TLS; 0 when there is none. */
  get tlsPort(): number {
    return this.#listeners.tls.port
  }

  /** The ports of HTTP. */
  get http(): DoorPorts {
    return this.#http
  }

  /**
   * The first address and the port; without a port, that for TLS; without either, the path of the
   * unix socket.
   */
  get address(): string {
    const port = this.port || this.tlsPort
    return port === 0 ? this.#config.get('unixsocket') : `${firstHost(this.#config)}:${port}`
  }

  /**
   * Stops the server; `why` is for the log. Rejects if the data could not be made durable; the
   * server has stopped all the same.
   */
  stop(why: string): Promise<void> {
    this.#stopping ??= this.#stop(why, 'default', 'waits')
    return this.#stopping
  }

  /**
   * Stops the server. Goes on and returns false if a snapshot is due and cannot be made, or after
   * SHUTDOWN ABORT. Rejects as `stop` does.
   */
  async shutdown(why: string, { save, force, now }: ShutdownOptions): Promise<boolean> {
    this.#tellReadiness('stopping')
    if (this.#stopping === undefined && !now && !(await this.#boot.letOthersGoOn())) {
      this.#tellReadiness('serving')
      this.#log.info({ why }, 'Shutdown manually aborted.')
      return false
    }
    if (this.#stopping === undefined && this.#boot.owesBase) {
      this.#log.warn({ why }, force ? 'Writing initial AOF. Exit anyway.' : "Writing initial AOF, can't exit.")
      if (!force) return this.#goOn()
    }
    if (this.#stopping === undefined && !force && !(await this.#boot.saveAtEnd(save))) {
      this.#log.error({ why }, "Error trying to save the DB, can't exit.")
      return this.#goOn()
    }
    this.#stopping ??= this.#stop(why, force ? save : 'nosave')
    await this.#stopping
    return true
  }

  /** It does not come to an end. */
  #goOn(): false {
    this.#boot.goOn()
    this.#tellReadiness('serving')
    this.#log.warn({}, 'Errors trying to shut down the server. Check the logs for more information.')
    return false
  }

  async #start(): Promise<void> {
    const config = this.#config
    if (usesTls(config) || this.#ephemeralTlsPort) this.#useTlsSettings()
    await this.#listeners.open({
      port: config.get('port') === 0 && !this.#ephemeralPort ? undefined : config.get('port'),
      tlsPort: config.get('tls-port') === 0 && !this.#ephemeralTlsPort ? undefined : config.get('tls-port'),
      addresses: addressesOf(config),
      unixSocket: config.get('unixsocket'),
      unixSocketMode: config.get('unixsocketperm'),
      backlog: config.get('tcp-backlog'),
    })
    // From here on the setting is the port that the system chose.
    if (this.#ephemeralPort) config.set('port', String(this.port))
    if (this.#ephemeralTlsPort) config.set('tls-port', String(this.tlsPort))
    await this.#openMetrics()
    await this.#http.open()
    this.#followSettings()
    const loading = this.#boot.load().catch((error: unknown) => {
      // SHUTDOWN has interrupted the load, so its failure does not matter.
      if (this.#stopping === undefined) throw error
    })
    const loaded = await Promise.race([loading, this.stopped])
    // SHUTDOWN is obeyed while loading, too.
    if (loaded === undefined || this.#stopping !== undefined) return
    this.#writePidFile()
    const inert = config.reportInert(CONFIG_NAMES.values())
    if (inert.length > 0) this.#log.warn({ settings: inert.join(', ') }, 'set, but without effect here')
    this.#log.info(
      {
        address: this.address,
        ...(this.tlsPort === 0 ? {} : { tlsPort: this.tlsPort }),
        ...(config.get('unixsocket') === this.address ? {} : { unixSocket: config.get('unixsocket') || undefined }),
        data: describeData(config),
        keys: loaded.keys,
        loadedMs: Math.round(loaded.milliseconds),
        pid: process.pid,
        node: process.version,
      },
      `respite ${RESPITE_VERSION} is ready`,
    )
    for (const kind of this.#listeners.kinds) this.#log.info({}, `Ready to accept connections ${kind}`)
    this.#supervision.ready()
  }

  async #openMetrics(): Promise<void> {
    const port = this.#config.get('metrics-port')
    if (port === 0) return
    const host = this.#config.get('metrics-bind')
    try {
      this.#metrics = await MetricsEndpoint.open(this.engine, { host, port })
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException
      throw new ListenError(`cannot serve metrics on ${host}:${port}: ${message}`, code)
    }
  }

  /**
   * A change by CONFIG SET takes effect before its reply. If it is refused, nothing has changed.
   */
  #followSettings(): void {
    const config = this.#config
    const { handshakes, tcp, tls } = this.#listeners
    const backlog = config.get('tcp-backlog')
    config.onChange('port', (port) =>
      this.#move(CANNOT_LISTEN_ON_PORT, (addresses) => tcp.moveTo({ port: port || undefined, addresses }, backlog)),
    )
    config.onChange('bind', () =>
      this.#move(CANNOT_LISTEN_ON_ADDRESSES, (addresses) => this.#listeners.bind(addresses, backlog)),
    )
    config.onChange('tls-port', (port) => {
      if (port === this.tlsPort) return
      // A listener that only changes its port keeps the settings in force, as in Redis.
      if (this.tlsPort === 0) this.#changeTlsSettings()
      this.#move(CANNOT_LISTEN_ON_PORT, (addresses) => tls.moveTo({ port: port || undefined, addresses }, backlog))
    })
    for (const name of TLS_SETTINGS) {
      config.onChange(name, () => {
        if (usesTls(config)) this.#changeTlsSettings()
      })
    }
    config.onChange('tls-auth-clients', (certificates) => handshakes.want(certificates))
  }

  /**
   * Listens at another address. Throws ConfigError with `refusal`; then the server still listens at
   * the old one.
   */
  #move(refusal: string, move: (addresses: readonly string[]) => void): void {
    const addresses = addressesOf(this.#config)
    if (addresses.length > ADDRESSES_MAX) throw new ConfigError('Too many bind addresses specified.')
    this.#busySockets.forgetListeners()
    try {
      move(addresses)
      this.#log.info({ address: this.address }, 'listening elsewhere')
    } catch (error) {
      if (!(error instanceof ListenError)) throw error
      this.#log.error({ reason: error.message }, 'cannot listen there; listening where it was')
      throw new ConfigError(refusal)
    }
  }

  /**
   * Reads certificates and other TLS settings for later connections. Throws TlsError; then nothing
   * has changed.
   */
  #useTlsSettings(): void {
    const config = this.#config
    this.#listeners.handshakes.use(readTlsSettings(config, this.#tlsMaterial), config.get('tls-auth-clients'))
  }

  /** Like `#useTlsSettings`, while the server runs. Throws ConfigError. */
  #changeTlsSettings(): void {
    try {
      this.#useTlsSettings()
    } catch (error) {
      if (!(error instanceof TlsError)) throw error
      this.#log.warn({}, error.message)
      throw new ConfigError(CANNOT_CONFIGURE_TLS)
    }
  }

  #tellReadiness(what: 'serving' | 'stopping'): void {
    if (this.#metrics !== undefined) this.#metrics.isStopping = what === 'stopping'
  }

  async #stop(
    why: string,
    save: ShutdownOptions['save'],
    forReplicas: 'waits' | 'has waited' = 'has waited',
  ): Promise<void> {
    this.#log.info({ why }, 'User requested shutdown...')
    this.#supervision.stopping()
    this.#tellReadiness('stopping')
    if (forReplicas === 'waits') await this.#boot.letOthersGoOn()
    const saved = await this.#boot.saveAtEnd(save)
    this.#busySockets.forgetListeners()
    this.#listeners.close()
    this.#http.close()
    this.#idle.stop()
    try {
      await this.#listeners.hangUp()
      this.#http.hangUp()
      await this.#boot.close()
      this.#metrics?.close()
      if (!saved) throw new Error('the snapshot could not be saved')
      this.#removePidFile()
      this.#log.info({}, 'Respite is now ready to exit, bye bye...')
      this.#stopped()
    } catch (error) {
      this.#metrics?.close()
      this.#log.fatal({ error }, 'stopped, but not everything is on disk')
      this.#stopped(error)
      throw error
    }
  }

  #writePidFile(): void {
    const file = this.#config.get('pidfile')
    if (file === '') return
    try {
      fs.writeFileSync(file, `${process.pid}\n`)
    } catch (error) {
      // As in redis-server, a missing pid file is no reason not to serve clients.
      this.#log.warn({ pidfile: file, reason: (error as Error).message }, 'the process id cannot be written')
    }
  }

  #removePidFile(): void {
    const file = this.#config.get('pidfile')
    if (file !== '') fs.rmSync(file, { force: true })
  }
}

/** The addresses as given. Two blanks in a row enclose an empty one, which is skipped. */
function addressesOf(config: Config): string[] {
  const bind = config.get('bind')
  return bind === '' ? [] : bind.split(' ')
}

function firstHost(config: Config): string {
  const address = (addressesOf(config)[0] ?? '').replace(/^-/, '')
  if (address === '*') return '0.0.0.0'
  return address.includes(':') ? `[${address === '::*' ? '::' : address}]` : address
}
