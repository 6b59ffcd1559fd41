// The engine inside a program: no socket, no port, no second process.
//
//   const broker = await openBroker({ dir: './data' })
//   await broker.call('SET', 'greeting', 'hello')
//   await broker.subscribe('news', (message, channel) => …)
//   const redis = new Redis({ Connector: broker.Connector })      // ioredis
//   await broker.close()
//
// Calls share one client and run in the order they are made; a blocking one gets a client
// of its own, so that it holds up no other. An open broker does not keep the process alive,
// an unanswered call does.

import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Engine } from '../commands/call.ts'
import type { Log } from '../engine/log.ts'
import type { FaultRule, Faults } from '../engine/upkeep/faults.ts'
import { Boot, type Loaded, TEST_OPTIONS, type TestOptions } from '../server/boot/boot.ts'
import {
  anyArray,
  anyObject,
  createConfig,
  DATA_OPTIONS,
  type Settings,
  settingsOf,
  takeOptions,
} from '../server/boot/options.ts'
import { dialPrimary } from '../server/listening/dial-primary.ts'
import { EmbeddedListeners, type Listening, type ListeningOptions } from '../server/listening/embedded-listeners.ts'
import {
  type CommandWords,
  checkFunction,
  checkRequest,
  checkRequests,
  checkText,
  type Word,
} from './argument-checks.ts'
import { BrokerStream } from './broker-stream.ts'
import { Caller, type CommandReply } from './caller.ts'
import { type Commands, commandsOf, type SyncCommands, syncCommandsOf } from './commands/broker-commands.ts'
import { type ConnectorClass, connectorFor } from './connector.ts'
import { ConsoleListeners, type ConsoleOptions, type OpenConsole } from './console-listener.ts'
import { HttpHandlers, type HttpOptions, type NodeHandler } from './http-handlers.ts'
import { type FeedOptions, hand, MessageFeed, type MessageListener } from './message-feed.ts'
import { MessageIterator } from './message-iterator.ts'
import { type Listener, MessageListeners, type Unsubscribe } from './message-listeners.ts'
import { Moment } from './moment.ts'
import { mayWait, PlainCommands } from './plain-commands.ts'
import { Primary, type PrimaryOptions } from './primary.ts'
import { type PublishOptions, publishWords } from './publish-options.ts'
import { INSTEAD, Session, type SessionOptions } from './session.ts'
import { SyncCalls } from './sync-calls.ts'

export interface BrokerOptions extends TestOptions {
  /**
   * Directory of the append-only files. If it is given, `appendonly` is on. Without it the data is
   * in memory only.
   */
  dir?: string
  /** Keep every write on disk. Default: true if `dir` is given. */
  appendonly?: boolean
  /**
   * The time of the sync of writes: before each reply (`always`), every second (default), or when
   * the system decides.
   */
  appendfsync?: 'always' | 'everysec' | 'no'
  /**
   * Follow this server. The broker holds an up-to-date copy of its data to read; writes go to that
   * server.
   */
  replicaOf?: PrimaryOptions
  /** Any other setting, by its name in redis.conf. */
  config?: Settings
  /** The log for events; pino's shape. Default: none. */
  log?: Log
  /** Faults that are active from the beginning, for tests. `broker.faults` adds more. */
  faults?: readonly FaultRule[]
}

const BROKER_OPTIONS = { ...DATA_OPTIONS, ...TEST_OPTIONS, faults: anyArray, replicaOf: anyObject }

function primarySettings({ host, password = '', port, username = '' }: PrimaryOptions): Settings {
  return {
    replicaof: `${host} ${port}`,
    masteruser: username,
    masterauth: password,
    // No snapshot is loaded, and an existing file stays until it is replaced.
    'repl-diskless-load': 'swapdb',
  }
}

/** A branch writes no files, and has read those that it needs. */
const BRANCH_SETTINGS = { appendonly: 'no', save: '', aclfile: '', replicaof: 'no one' } as const

export class Broker {
  /** A class for ioredis: `new Redis({ Connector: broker.Connector })`. */
  readonly Connector: ConnectorClass
  /** The server that is followed. REPLICAOF changes it. */
  readonly primary: Primary
  /** The data that `dir` held. */
  readonly loaded: Loaded
  readonly #engine: Engine
  readonly #end: () => Promise<void>
  readonly #sockets: EmbeddedListeners
  readonly #http: HttpHandlers
  readonly #consoles: ConsoleListeners
  readonly #caller: Caller
  readonly #plain: PlainCommands
  #commands: Commands | undefined = undefined
  #sync: SyncCommands | undefined = undefined
  readonly #listeners: MessageListeners
  #closing: Promise<void> | undefined = undefined

  /** `end` closes the engine after all connections have ended. */
  private constructor(engine: Engine, loaded: Loaded, end: () => Promise<void>) {
    this.#engine = engine
    this.#end = end
    this.#sockets = new EmbeddedListeners(engine)
    this.#http = new HttpHandlers(engine)
    this.#consoles = new ConsoleListeners(engine)
    this.loaded = loaded
    this.primary = new Primary(engine, engine.parts.replication)
    this.#caller = new Caller(this.#engine)
    this.#plain = new PlainCommands(engine.commands)
    this.#listeners = new MessageListeners(this.#engine)
    this.Connector = connectorFor(() => this.connect())
  }

  /** See `openBroker`. */
  static async open(given: BrokerOptions): Promise<Broker> {
    const options = takeOptions(given, BROKER_OPTIONS)
    const { clock, faults = [], log, replicaOf, seed } = options
    // Snapshots are made only on request, because the append-only file keeps everything.
    const hasDirectory = options.dir !== undefined
    // A broker without a directory keeps no file for a primary's snapshot either.
    const defaults: Settings = { port: 0, appendonly: hasDirectory, save: '', 'rdb-del-sync-files': !hasDirectory }
    if (replicaOf !== undefined) Object.assign(defaults, primarySettings(replicaOf))
    const settings = settingsOf(options, DATA_OPTIONS, defaults)
    const config = createConfig(settings)
    const tls = replicaOf?.tls === true ? {} : replicaOf?.tls || undefined
    const boot = new Boot(config, log, {
      // Without a directory option, the broker must not load a snapshot that happens to lie in the
      // program's working directory.
      snapshot: settings.dir === undefined ? 'ignored' : 'loaded',
      clock,
      seed,
      dial: (...to) => dialPrimary(config, tls === undefined ? {} : { tls })(...to),
    })
    try {
      for (const fault of faults) boot.engine.upkeep.withFaults().add(fault)
      return new Broker(boot.engine, await boot.load(), endOf(boot))
    } catch (error) {
      await boot.close()
      throw error
    }
  }

  /** @internal A broker over an engine that its caller has opened, serves and closes. */
  static within(engine: Engine): Broker {
    return new Broker(engine, { keys: 0, bytes: 0, milliseconds: 0 }, () => Promise.resolve())
  }

  /**
   * Runs a command and returns its reply; an error reply rejects with CommandError.
   *
   * Words are strings (as UTF-8), numbers or bytes. Strings in the reply are decoded as UTF-8; see
   * `callBuffer`.
   */
  call(command: string, ...words: Word[]): Promise<CommandReply<string>> {
    return this.#call(command, words, false) as Promise<CommandReply<string>>
  }

  /** Like `call`, with the strings of the reply as bytes. */
  callBuffer(command: string, ...words: Word[]): Promise<CommandReply<Buffer>> {
    return this.#call(command, words, true) as Promise<CommandReply<Buffer>>
  }

  /**
   * Every command as a method: `await broker.commands.hset('h', { a: 1 })`. Options are objects,
   * and replies are typed.
   */
  get commands(): Commands {
    this.#commands ??= commandsOf(this.#engine.commands, (command, words, buffers) =>
      this.#call(command, words, buffers),
    )
    return this.#commands
  }

  /**
   * The same without promises, for commands that can answer at once: `broker.sync.get('k')`. With
   * `appendfsync always` a change is on disk when its call returns. A command that may have to wait
   * (BLPOP, WAIT) throws an Error.
   */
  get sync(): SyncCommands {
    this.#sync ??= syncCommandsOf(this.#engine.commands, new SyncCalls(this.#engine), () => {
      if (this.#closing !== undefined) throw closedError()
    })
    return this.#sync
  }

  #call(command: string, words: readonly Word[], buffers: boolean): Promise<CommandReply<string | Buffer>> {
    const known = this.#closing === undefined ? this.#plain.find(command) : undefined
    return known === undefined
      ? this.#callChecked(command, words, buffers)
      : this.#caller.call(command, words, buffers, known)
  }

  #callChecked(command: string, words: readonly Word[], buffers: boolean): Promise<CommandReply<string | Buffer>> {
    try {
      checkRequest(command, words)
      this.#check(command, words[0])
    } catch (error) {
      return Promise.reject(error)
    }
    return this.#blocks(command)
      ? this.#callBlocking(command, words, buffers)
      : this.#caller.call(command, words, buffers)
  }

  /**
   * Runs commands as MULTI/EXEC does: all of them or none, without other commands in between. A
   * command that fails is a CommandError among the replies.
   */
  async transaction(commands: readonly CommandWords[]): Promise<CommandReply<string>[]> {
    checkRequests('transaction()', commands)
    if (this.#closing !== undefined) throw closedError()
    for (const [command, second] of commands) this.#check(command, second)
    return this.#caller.transaction(commands)
  }

  /** Sends a message to a channel and returns the number of subscribers that got it. */
  publish(channel: string, message: string | Uint8Array): Promise<number>
  /**
   * With options: publishes later (`in`, `at`), or once for each `id`. Returns the id of a
   * scheduled message, else the number of subscribers. Rejects with OptionError, and with
   * CommandError if the channel's rule does not allow it.
   */
  publish(channel: string, message: string | Uint8Array, options: PublishOptions): Promise<number | string>
  async publish(channel: string, message: string | Uint8Array, options?: PublishOptions): Promise<number | string> {
    return (await this.call('PUBLISH', ...publishWords(channel, message, options))) as number | string
  }

  /**
   * Calls `listener` with every message on a channel, from the time when the promise is fulfilled
   * until `unsubscribe` is called.
   *
   * With options, the subscriber has a name or is in a group. It gets one message at a time: the
   * next one comes when the listener's promise is fulfilled. If a listener throws, its message does
   * not count as heard. The subscription ends then, and nothing is lost.
   */
  subscribe(channel: string, listener: Listener<string>): Promise<Unsubscribe>
  subscribe(channel: string, listener: MessageListener, options: FeedOptions): Promise<Unsubscribe>
  subscribe(channel: string, listener: MessageListener, options?: FeedOptions): Promise<Unsubscribe> {
    return this.#subscribe('channel', channel, listener, options)
  }

  /** Like `subscribe`, for every channel that matches a pattern like `news.*`. */
  subscribePattern(pattern: string, listener: Listener<string>): Promise<Unsubscribe>
  subscribePattern(pattern: string, listener: MessageListener, options: FeedOptions): Promise<Unsubscribe>
  subscribePattern(pattern: string, listener: MessageListener, options?: FeedOptions): Promise<Unsubscribe> {
    return this.#subscribe('pattern', pattern, listener, options)
  }

  async #subscribe(
    kind: 'channel' | 'pattern',
    name: string,
    listener: MessageListener,
    options: FeedOptions | undefined,
  ): Promise<Unsubscribe> {
    if (this.#closing !== undefined) throw closedError()
    const method = kind === 'channel' ? 'subscribe()' : 'subscribePattern()'
    checkText(method, kind, name)
    checkFunction(method, 'listener', listener)
    if (options === undefined) return this.#listeners.subscribe(kind, name, listener as Listener<string>)
    const feed = this.#feed(kind, name, options)
    await feed.ready
    void hand(feed, listener, options.ack ?? 'auto')
    return () => feed.leave()
  }

  /**
   * Iterates over the messages of a channel, or of all matching channels if the name contains `*`,
   * `?` or `[`. Leaving the loop, `await using` and `return()` end it. A slow loop delays no
   * publisher: the channel keeps its messages until the loop reads them.
   */
  messages(channel: string, options: FeedOptions = {}): MessageIterator {
    if (this.#closing !== undefined) throw closedError()
    checkText('messages()', 'channel', channel)
    return new MessageIterator(
      this.#feed(/[*?[]/.test(channel) ? 'pattern' : 'channel', channel, options),
      options.ack ?? 'auto',
    )
  }

  #feed(kind: 'channel' | 'pattern', name: string, options: FeedOptions): MessageFeed {
    return new MessageFeed(this.#engine, kind, name, options)
  }

  /** Makes a connection for client libraries: a stream that speaks the Redis protocol. */
  connect(): Duplex {
    if (this.#closing !== undefined) throw closedError()
    return new BrokerStream(this.#engine)
  }

  /**
   * Makes a connection for calls, with its own state (database, name, transaction) and its own
   * order.
   */
  session(options: SessionOptions = {}): Session {
    if (this.#closing !== undefined) throw closedError()
    return new Session(this.#engine, options)
  }

  /**
   * Keeps the present data, so that it can be restored. Nothing is copied. Rejects with
   * CheckpointError while data is being loaded or a command is running.
   */
  async checkpoint(): Promise<Moment> {
    if (this.#closing !== undefined) throw closedError()
    return new Moment(this.#engine, this.#caller)
  }

  /**
   * Opens another broker, in memory only, that begins with the data, settings, users and functions
   * of this one. Neither sees later changes of the other. No data is copied: the two share memory
   * until one of them changes it. So close a branch when it is not needed any more. Rejects with
   * CheckpointError, like `checkpoint`.
   */
  async branch(): Promise<Broker> {
    if (this.#closing !== undefined) throw closedError()
    const engine = this.#engine
    const checkpoint = engine.data.checkpoints.begin(true)
    const letGo = (): void => engine.data.checkpoints.release(checkpoint)
    const settings = { ...engine.config.changed(), ...BRANCH_SETTINGS }
    let boot: Boot | undefined
    try {
      boot = new Boot(createConfig(settings), engine.environment.log, {
        snapshot: 'ignored',
        branchOf: { engine, checkpoint },
      })
      return new Broker(boot.engine, await boot.load(), endOf(boot, letGo))
    } catch (error) {
      letGo()
      await boot?.close()
      throw error
    }
  }

  /**
   * Faults on demand, for tests: broken connections, late replies, errors. They cost nothing until
   * the first one.
   */
  get faults(): Faults {
    return this.#engine.upkeep.withFaults()
  }

  /**
   * Serves other programs, on a port or a unix socket, until the handle or the broker is closed.
   *
   * They work on the same data as `call`. Rejects with OptionError, TlsError or ListenError.
   */
  async listen(options: ListeningOptions = {}): Promise<Listening> {
    if (this.#closing !== undefined) throw closedError()
    return await this.#sockets.listen(options)
  }

  /**
   * Returns a handler for Node's HTTP server, Express or Fastify: streams that resume, publishing,
   * commands (docs/browsers.md).
   */
  http(options: HttpOptions<IncomingMessage> = {}): NodeHandler {
    if (this.#closing !== undefined) throw closedError()
    return this.#http.node(options)
  }

  /** Like `http`, for servers that speak the fetch API: Hono, Next and others. */
  async fetch(request: Request, options: HttpOptions<Request> = {}): Promise<Response> {
    if (this.#closing !== undefined) throw closedError()
    return await this.#http.fetch(request, options)
  }

  /**
   * Serves the console (docs/console.md) on a port of this machine alone, until the handle or the
   * broker is closed. Rejects with OptionError or ListenError.
   */
  async startConsole(options: ConsoleOptions = {}): Promise<OpenConsole> {
    if (this.#closing !== undefined) throw closedError()
    return await this.#consoles.open(options)
  }

  /**
   * Returns options for node-redis, which opens its sockets itself: `createClient(await
   * broker.nodeRedisOptions())`. They name a unix socket in a folder that only this user can enter
   * (a pipe on Windows). No port is opened; `close` removes the folder.
   */
  async nodeRedisOptions(): Promise<{ socket: { path: string; tls: false } }> {
    if (this.#closing !== undefined) throw closedError()
    return { socket: { path: await this.#sockets.privatePath(), tls: false } }
  }

  /**
   * Ends every connection and makes everything durable.
   *
   * Rejects if the disk refuses. Afterwards nothing of the broker keeps the process alive.
   * Unanswered calls reject.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    this.#engine.upkeep.faults?.clear()
    // Earlier calls are answered first.
    this.#engine.endTurn()
    this.#http.close()
    await this.#consoles.close()
    await this.#sockets.close()
    await this.#end()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  /**
   * All calls share a connection, so this throws for a command that changes it. It also throws
   * after `close`.
   */
  #check(command: string, second: Word | undefined): void {
    if (this.#closing !== undefined) throw closedError()
    const changes = this.#engine.commands.meant(command, second)?.spec.changesConnection
    if (changes === undefined) return
    throw new Error(`${command} changes the state of a connection, and all calls share one: ${INSTEAD[changes]}`)
  }

  #blocks(command: string): boolean {
    const found = this.#engine.commands.get(command)
    return found !== undefined && mayWait(found)
  }

  async #callBlocking(
    command: string,
    words: readonly Word[],
    buffers: boolean,
  ): Promise<CommandReply<string | Buffer>> {
    const caller = new Caller(this.#engine)
    try {
      return await caller.call(command, words, buffers)
    } finally {
      caller.close()
    }
  }
}

/**
 * Ends what a broker was opened with. Then `letGo` reports that a branch no longer reads the memory
 * it began with.
 */
function endOf(boot: Boot, letGo = (): void => {}): () => Promise<void> {
  return async () => {
    const saved = await boot.saveAtEnd('default')
    await boot.close()
    letGo()
    if (!saved) throw new Error('the snapshot could not be saved')
  }
}

/** The error of a call after `close`. */
function closedError(): Error {
  return new Error('the broker is closed')
}
