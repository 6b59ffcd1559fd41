// The public API: a server, or the engine alone inside a program. Nothing else is imported by users.
//
//   import { startServer, openBroker } from 'respite'

import { Broker, type BrokerOptions } from './embedded/broker.ts'
import { type Log, silentLog } from './engine/log.ts'
import { createConfig, type Settings, settingsOf } from './server/boot.ts'
import { ProgramLog } from './server/logger.ts'
import { Server } from './server/server.ts'

export type { Broker, BrokerOptions } from './embedded/broker.ts'
export type { CommandReply, Word } from './embedded/caller.ts'
export type { ConnectorClass } from './embedded/connector.ts'
export type { Listener, Unsubscribe } from './embedded/subscriptions.ts'
export type { Log } from './engine/log.ts'
export { RESPITE_VERSION as version } from './engine/version.ts'
export { PersistenceError } from './persistence/errors.ts'
export { CommandError } from './protocol/reply-value.ts'
export { OptionError, type Settings } from './server/boot.ts'
export { ListenError } from './server/listener.ts'
export { UsersError } from './server/load-users.ts'
export { LogFileError } from './server/logger.ts'

export interface ServerOptions {
  /** TCP port; 0 = any free one, `false` = no TCP. Default 6379. */
  port?: number | false
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

export interface RunningServer {
  /** The TCP port; 0 when there is none. */
  readonly port: number
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
 * Rejects with OptionError, UsersError (an `aclfile` that cannot be taken), LogFileError, ListenError (address in use, …) or
 * PersistenceError (files that cannot be trusted).
 */
export async function startServer(options: ServerOptions = {}): Promise<RunningServer> {
  const { port = 6379, host, unixSocket, password, dir, appendonly = dir !== undefined, appendfsync, log } = options
  const settings = settingsOf({
    port: port === false ? 0 : port,
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
  const ephemeralPort = port === 0
  const fileLog = log === undefined && config.get('logfile') !== '' ? new ProgramLog(config) : undefined
  const server = await Server.start({ config, ephemeralPort, log: log ?? fileLog ?? silentLog })
  const close = async (): Promise<void> => {
    await server.stop('close').finally(() => fileLog?.written())
  }
  return {
    get port() {
      return server.port
    },
    get address() {
      return server.address
    },
    stopped: server.stopped,
    close,
    [Symbol.asyncDispose]: close,
  }
}

/**
 * Opens the engine in this process, without a socket; it is ready when the promise is fulfilled.
 *
 * Rejects with OptionError, UsersError or PersistenceError.
 */
export function openBroker(options: BrokerOptions = {}): Promise<Broker> {
  return Broker.open(options)
}
