// The public API: a server, or the engine alone inside a program. Nothing else is imported by users.
//
//   import { startServer, openBroker } from 'respite'

import { Broker, type BrokerOptions } from './embedded/broker.ts'
import { type Log, silentLog } from './engine/log.ts'
import { createConfig, OptionError, type Settings, settingsOf } from './server/boot.ts'
import { ProgramLog } from './server/logger.ts'
import { Server } from './server/server.ts'
import type { TlsMaterial } from './server/tls-settings.ts'

export type { Broker, BrokerOptions } from './embedded/broker.ts'
export type { CommandReply, Word } from './embedded/caller.ts'
export type { ConnectorClass } from './embedded/connector.ts'
export { type FeedOptions, type Message, type MessageListener, SubscriptionEnded } from './embedded/message-feed.ts'
export type { Messages } from './embedded/messages.ts'
export type { Moment } from './embedded/moment.ts'
export type { Listener, Unsubscribe } from './embedded/subscriptions.ts'
export { CheckpointError } from './engine/checkpoints.ts'
export type { Log } from './engine/log.ts'
export { RESPITE_VERSION as version } from './engine/version.ts'
export { PersistenceError } from './persistence/errors.ts'
export { CommandError } from './protocol/reply-value.ts'
export { OptionError, type Settings } from './server/boot.ts'
export { ListenError } from './server/listener.ts'
export { UsersError } from './server/load-users.ts'
export { LogFileError } from './server/logger.ts'
export { TlsError } from './server/tls-settings.ts'

export interface ServerOptions {
  /** TCP port; 0 = any free one, `false` = no TCP. Default 6379. */
  port?: number | false
  /** Port for clients that speak TLS; 0 = any free one, `false` = none, which is the default. It needs `tls`. */
  tlsPort?: number | false
  /** The server's certificate and whom it trusts. */
  tls?: TlsOptions
  /** Addresses to listen on, as in `bind`. Default 127.0.0.1. */
  host?: string | readonly string[]
  /** Path of a unix socket to listen on as well. */
  unixSocket?: string
  /** Password of the default user. */
  password?: string
  /** Directory of the append-only files; giving one turns `appendonly` on. Without it data lives in memory only. */
  dir?: string
  /** Keep every write on disk; default: whether there is a `dir`. */
  appendonly?: boolean
  /** When writes are synced: before each reply (`always`), every second (default), or when the system likes. */
  appendfsync?: 'always' | 'everysec' | 'no'
  /** Any other setting, by its name in redis.conf. */
  config?: Settings
  /** Where events are logged; pino's shape, so a pino logger fits. Default: the `logfile` of `config`; without one, nowhere. */
  log?: Log
}

/** PEM, or the name of a file that holds it; a file is read again by CONFIG SET of its setting. */
export type PemSource = string | Buffer

export interface TlsOptions {
  /** The certificate, and those between it and its authority. */
  cert: PemSource
  /** Its private key. */
  key: PemSource
  /** Password of the key. */
  passphrase?: string
  /** Authorities whose clients' certificates are trusted. */
  ca?: PemSource
  /** Whether clients need a certificate of one of them; `optional` = one that is shown must be. Default: where there is a `ca`. */
  authClients?: 'no' | 'yes' | 'optional'
}

export interface RunningServer {
  /** The TCP port; 0 when there is none. */
  readonly port: number
  /** The port for TLS; 0 when there is none. */
  readonly tlsPort: number
  /** `host:port`, or the unix socket's path. */
  readonly address: string
  /** Fulfilled when the server has stopped, by `close` or by a client's SHUTDOWN; rejected when its data could not be made durable. */
  readonly stopped: Promise<void>
  /** Stops accepting, sends what is owed, makes everything durable. Nothing keeps the process alive afterwards. */
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/**
 * Starts a server in this process; it is ready when the promise is fulfilled.
 *
 * Rejects with OptionError, TlsError (certificates that cannot be used), UsersError (an `aclfile` that cannot be taken), LogFileError,
 * ListenError (address in use, …) or PersistenceError (files that cannot be trusted).
 */
export async function startServer(options: ServerOptions = {}): Promise<RunningServer> {
  const { port = 6379, host, unixSocket, password, dir, appendonly = dir !== undefined, appendfsync, log } = options
  const { tlsPort = false } = options
  if (tlsPort !== false && options.tls === undefined) throw new OptionError("option 'tlsPort': it needs 'tls'")
  const [tlsSettings, tlsMaterial] = options.tls === undefined ? [{}, {}] : splitTls(options.tls)
  const settings = settingsOf({
    port: port === false ? 0 : port,
    'tls-port': tlsPort === false ? 0 : tlsPort,
    ...tlsSettings,
    appendonly,
    ...(host === undefined ? {} : { bind: typeof host === 'string' ? host : host.join(' ') }),
    ...(unixSocket === undefined ? {} : { unixsocket: unixSocket }),
    ...(password === undefined ? {} : { requirepass: password }),
    ...(dir === undefined ? {} : { dir }),
    ...(appendfsync === undefined ? {} : { appendfsync }),
    // Snapshots only for who asks for them: the append-only file keeps everything.
    save: '',
    ...options.config,
  })
  const config = createConfig(settings)
  const [ephemeralPort, ephemeralTlsPort] = [port === 0, tlsPort === 0]
  const fileLog = log === undefined && config.get('logfile') !== '' ? new ProgramLog(config) : undefined
  const server = await Server.start({
    config,
    ephemeralPort,
    ephemeralTlsPort,
    tls: tlsMaterial,
    log: log ?? fileLog ?? silentLog,
  })
  const close = async (): Promise<void> => {
    await server.stop('close').finally(() => fileLog?.written())
  }
  return {
    get port() {
      return server.port
    },
    get tlsPort() {
      return server.tlsPort
    },
    get address() {
      return server.address
    },
    stopped: server.stopped,
    close,
    [Symbol.asyncDispose]: close,
  }
}

/** Names of files are settings, what is no name is given as it is. */
function splitTls({ cert, key, passphrase, ca, authClients }: TlsOptions): [Settings, TlsMaterial] {
  const settings: Settings = { 'tls-auth-clients': authClients ?? (ca === undefined ? 'no' : 'yes') }
  const material: { -readonly [Part in keyof TlsMaterial]: TlsMaterial[Part] } = {}
  if (passphrase !== undefined) settings['tls-key-file-pass'] = passphrase
  for (const [part, source] of [
    ['cert', cert],
    ['key', key],
    ['ca', ca],
  ] as const) {
    if (typeof source === 'string' && !source.includes('-----BEGIN ')) settings[TLS_FILES[part]] = source
    else material[part] = source
  }
  return [settings, material]
}

const TLS_FILES = { cert: 'tls-cert-file', key: 'tls-key-file', ca: 'tls-ca-cert-file' } as const

/**
 * Opens the engine in this process, without a socket; it is ready when the promise is fulfilled.
 *
 * Rejects with OptionError, UsersError or PersistenceError.
 */
export function openBroker(options: BrokerOptions = {}): Promise<Broker> {
  return Broker.open(options)
}
