// The public API: a server, or the engine alone inside a program. Nothing else is imported by
// users.
//
//   import { startServer, openBroker } from 'respite'

import { Broker, type BrokerOptions } from './embedded/broker.ts'
import type { ConsoleOptions, OpenConsole } from './embedded/console-listener.ts'
import { type Log, silentLog } from './engine/log.ts'
import { checkFaultRule, type FaultRule } from './engine/upkeep/faults.ts'
import { TEST_OPTIONS, type TestOptions } from './server/boot/boot.ts'
import {
  anyArray,
  anyHost,
  anyObject,
  anyText,
  createConfig,
  DATA_OPTIONS,
  OptionError,
  type OptionKind,
  port,
  type Settings,
  settingsOf,
  takeOptions,
} from './server/boot/options.ts'
import { Server } from './server/boot/server.ts'
import { splitTls, type TlsOptions } from './server/listening/tls-options.ts'
import { ProgramLog } from './server/process/logger.ts'

export { RESPITE_VERSION as version } from './config/version.ts'
export type { CommandWords, Word } from './embedded/argument-checks.ts'
export type { Broker, BrokerOptions } from './embedded/broker.ts'
export type { CommandReply } from './embedded/caller.ts'
export type { Commands, SyncCommands } from './embedded/commands/broker-commands.ts'
export type { Pairs, Telling, Told, TypedCommands, Words } from './embedded/commands/typed-commands.ts'
export type { ConnectorClass } from './embedded/connector.ts'
export type { ConsoleOptions, OpenConsole } from './embedded/console-listener.ts'
export type { HttpOptions, NodeHandler, Permission } from './embedded/http-handlers.ts'
export { type FeedOptions, type Message, type MessageListener, SubscriptionEnded } from './embedded/message-feed.ts'
export type { MessageIterator as Messages } from './embedded/message-iterator.ts'
export type { Listener, Unsubscribe } from './embedded/message-listeners.ts'
export type { Moment } from './embedded/moment.ts'
export type { Primary, PrimaryEvent, PrimaryOptions, PrimaryStatus } from './embedded/primary.ts'
export type { PublishOptions } from './embedded/publish-options.ts'
export type { Session, SessionOptions } from './embedded/session.ts'
export { CheckpointError } from './engine/data/checkpoints.ts'
export type { Log } from './engine/log.ts'
export type { Fault, FaultRule, Faults, FaultyCondition } from './engine/upkeep/faults.ts'
export { PersistenceError } from './persistence/errors.ts'
export { CommandError } from './protocol/reply-value.ts'
export type { TestOptions } from './server/boot/boot.ts'
export { ListenError, LogFileError, TlsError, UsersError } from './server/boot/errors.ts'
export { OptionError, type Settings } from './server/boot/options.ts'
export type { Listening, ListeningOptions } from './server/listening/embedded-listeners.ts'
export type { PemSource, TlsOptions } from './server/listening/tls-options.ts'
export type { Duration } from './util/time/duration.ts'
export { type PointInTime, type TestClock, testClock } from './util/time/held-clock.ts'

export interface ServerOptions extends TestOptions {
  /** TCP port; 0 = any free one, `false` = no TCP. Default 6379. */
  port?: number | false
  /**
   * Port for clients that speak TLS; 0 = any free one, `false` = none, which is the default. It
   * needs `tls`.
   */
  tlsPort?: number | false
  /** The server's certificate and the authorities that it trusts. */
  tls?: TlsOptions
  /** Addresses to listen on, as in `bind`. Default 127.0.0.1. */
  host?: string | readonly string[]
  /** Path of a unix socket to listen on as well. */
  unixSocket?: string
  /** Password of the default user. */
  password?: string
  /**
   * Directory of the append-only files; giving one turns `appendonly` on. Without it data lives in
   * memory only.
   */
  dir?: string
  /** Keep every write on disk; default: whether there is a `dir`. */
  appendonly?: boolean
  /**
   * When writes are synced: before each reply (`always`), every second (default), or when the
   * system likes.
   */
  appendfsync?: 'always' | 'everysec' | 'no'
  /** Any other setting, by its name in redis.conf. */
  config?: Settings
  /** Faults that happen from the beginning, for tests; more of them by `server.faults`. */
  faults?: readonly FaultRule[]
  /**
   * Where events are logged; pino's shape, so a pino logger fits. Default: the `logfile` of
   * `config`; without one, nowhere.
   */
  log?: Log
}

/**
 * The calls with which the program that runs a server may use its data without a socket, as with a
 * broker.
 */
type InProcess = Pick<
  Broker,
  | 'call'
  | 'callBuffer'
  | 'transaction'
  | 'publish'
  | 'subscribe'
  | 'subscribePattern'
  | 'messages'
  | 'commands'
  | 'sync'
  | 'connect'
  | 'Connector'
  | 'faults'
>

export interface RunningServer extends InProcess {
  /** The TCP port; 0 when there is none. */
  readonly port: number
  /** The port for TLS; 0 when there is none. */
  readonly tlsPort: number
  /** `host:port`, or the unix socket's path. */
  readonly address: string
  /**
   * Fulfilled when the server has stopped, by `close` or by a client's SHUTDOWN; rejected when its
   * data could not be made durable.
   */
  readonly stopped: Promise<void>
  /**
   * Stops accepting, sends the pending replies, makes everything durable. Nothing keeps the process
   * alive afterwards.
   */
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/**
 * Starts a server in this process; it is ready when the promise is fulfilled.
 *
 * Rejects with OptionError, TlsError (certificates that cannot be used), UsersError (an `aclfile`
 * that cannot be taken), LogFileError, ListenError (address in use, …) or PersistenceError (files
 * that cannot be trusted).
 */
export async function startServer(given: ServerOptions = {}): Promise<RunningServer> {
  const options = takeOptions(given, SERVER_OPTIONS)
  const { tls, log, faults = [] } = options
  for (const fault of faults) checkFaultRule(fault)
  if (tls === undefined && typeof options.tlsPort === 'number')
    throw new OptionError("option 'tlsPort': it needs 'tls'")
  const [tlsSettings, tlsMaterial] = tls === undefined ? [{}, {}] : splitTls(tls, options.config ?? {})
  const settings = settingsOf(options, SERVER_OPTIONS, {
    port: 6379,
    appendonly: options.dir !== undefined,
    // Snapshots are made only on request, because the append-only file keeps everything.
    save: '',
    // A server without a directory keeps no file of a primary's snapshot either.
    'rdb-del-sync-files': options.dir === undefined,
    ...tlsSettings,
  })
  const config = createConfig(settings)
  const [ephemeralPort, ephemeralTlsPort] = [options.port === 0, options.tlsPort === 0]
  const isReachable =
    ephemeralPort ||
    ephemeralTlsPort ||
    config.get('port') > 0 ||
    config.get('tls-port') > 0 ||
    config.get('unixsocket') !== ''
  if (!isReachable) throw new OptionError("option 'port': without it there must be 'tlsPort' or 'unixSocket'")
  const fileLog = log === undefined && config.get('logfile') !== '' ? new ProgramLog(config) : undefined
  const server = await Server.start({
    config,
    ephemeralPort,
    ephemeralTlsPort,
    tls: tlsMaterial,
    log: log ?? fileLog ?? silentLog,
    clock: options.clock,
    seed: options.seed,
  })
  const inside = Broker.within(server.engine)
  for (const fault of faults) inside.faults.add(fault)
  // A client may end it, too.
  const ended = (): void => void inside.close()
  server.stopped.then(ended, ended)
  const close = async (): Promise<void> => {
    // Earlier calls are answered, later ones are refused.
    void inside.close()
    await server.stop('close').finally(() => fileLog?.written())
  }
  return {
    call: inside.call.bind(inside),
    callBuffer: inside.callBuffer.bind(inside),
    transaction: inside.transaction.bind(inside),
    publish: inside.publish.bind(inside),
    subscribe: inside.subscribe.bind(inside),
    subscribePattern: inside.subscribePattern.bind(inside),
    messages: inside.messages.bind(inside),
    connect: inside.connect.bind(inside),
    Connector: inside.Connector,
    get commands() {
      return inside.commands
    },
    get sync() {
      return inside.sync
    },
    get faults() {
      return inside.faults
    },
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

const SERVER_OPTIONS = {
  ...DATA_OPTIONS,
  ...TEST_OPTIONS,
  faults: anyArray,
  port: { ...port, setting: 'port' },
  tlsPort: { ...port, setting: 'tls-port' },
  tls: anyObject,
  host: { ...anyHost, setting: 'bind' },
  unixSocket: { ...anyText, setting: 'unixsocket' },
  password: { ...anyText, setting: 'requirepass' },
} as const satisfies Record<keyof ServerOptions, OptionKind>

/**
 * Opens the engine in this process, without a socket; it is ready when the promise is fulfilled.
 *
 * Rejects with OptionError, UsersError or PersistenceError.
 */
export function openBroker(options: BrokerOptions = {}): Promise<Broker> {
  return Broker.open(options)
}

/** Serves the console of a broker inside this program: see Broker.startConsole. */
export function startConsole(broker: Broker, options: ConsoleOptions = {}): Promise<OpenConsole> {
  return broker.startConsole(options)
}
