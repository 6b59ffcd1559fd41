// The engine inside a program: no socket, no port, no second process.
//
//   const broker = await openBroker({ dir: './data' })
//   await broker.call('SET', 'greeting', 'hello')
//   await broker.subscribe('news', (message, channel) => …)
//   const redis = new Redis({ Connector: broker.Connector })      // ioredis
//   await broker.close()
//
// Calls share one client and run in the order they are made; a blocking one gets a client
// of its own, so that it holds up nobody. An open broker does not keep the process alive,
// an unanswered call does.

import type { Duplex } from 'node:stream'
import type { Engine } from '../engine/engine.ts'
import type { Log } from '../engine/log.ts'
import { Boot, createConfig, type Loaded, type Settings, settingsOf } from '../server/boot.ts'
import { BrokerStream } from './broker-stream.ts'
import { Caller, type CommandReply, type Word } from './caller.ts'
import { type ConnectorClass, connectorFor } from './connector.ts'
import { checkFeedOptions, type FeedOptions, hand, MessageFeed, type MessageListener } from './message-feed.ts'
import { Messages } from './messages.ts'
import { Moment } from './moment.ts'
import { type Listener, Subscriptions, type Unsubscribe } from './subscriptions.ts'

export interface BrokerOptions {
  /** Directory of the append-only files; giving one turns `appendonly` on. Without it data lives in memory only. */
  dir?: string
  /** Keep every write on disk; default: whether there is a `dir`. */
  appendonly?: boolean
  /** When writes are synced: before each reply (`always`), every second (default), or when the system likes. */
  appendfsync?: 'always' | 'everysec' | 'no'
  /** Any other setting, by its name in redis.conf. */
  config?: Settings
  /** Where events are logged; pino's shape. Default: nowhere. */
  log?: Log
}

/** What to use instead of a command that changes what its connection is; through `call` it would change it for every caller. */
const INSTEAD = {
  subscriptions: 'use subscribe() or subscribePattern()',
  transaction: 'use transaction()',
  state: 'use a connection of your own: connect()',
} as const

/** A branch writes no files, and has read those it needs. */
const BRANCH_SETTINGS = { appendonly: 'no', save: '', aclfile: '' } as const

export class Broker {
  /** A class for ioredis: `new Redis({ Connector: broker.Connector })`. */
  readonly Connector: ConnectorClass
  /** What was found in `dir`. */
  readonly loaded: Loaded
  readonly #boot: Boot
  readonly #engine: Engine
  readonly #caller: Caller
  readonly #subscriptions: Subscriptions
  /** For a branch: says that the memory it began with is not read any more. */
  readonly #letGo: () => void
  #closing: Promise<void> | undefined = undefined

  private constructor(boot: Boot, loaded: Loaded, letGo: () => void = () => {}) {
    this.#boot = boot
    this.#letGo = letGo
    this.#engine = boot.engine
    // SHUTDOWN ends a program; which one runs here is not a client's business.
    this.#engine.host = {}
    this.loaded = loaded
    this.#caller = new Caller(this.#engine)
    this.#subscriptions = new Subscriptions(this.#engine)
    this.Connector = connectorFor(() => this.connect())
  }

  /** See `openBroker`. */
  static async open(options: BrokerOptions): Promise<Broker> {
    const { dir, appendonly = dir !== undefined, appendfsync, config, log } = options
    const settings = settingsOf({
      port: 0,
      appendonly,
      ...(dir === undefined ? {} : { dir }),
      ...(appendfsync === undefined ? {} : { appendfsync }),
      // Snapshots only for who asks for them: the append-only file keeps everything.
      save: '',
      ...config,
    })
    // A program that names no directory has nothing to do with what lies in the one it was started in.
    const boot = new Boot(createConfig(settings), log, { snapshot: settings.dir === undefined ? 'ignored' : 'loaded' })
    try {
      return new Broker(boot, await boot.load())
    } catch (error) {
      await boot.close()
      throw error
    }
  }

  /**
   * Runs a command and returns its reply; an error reply rejects with CommandError.
   *
   * Words are strings (as UTF-8), numbers or bytes. Strings in the reply are decoded as UTF-8; see `callBuffer`.
   */
  call(command: string, ...words: Word[]): Promise<CommandReply<string>> {
    const refusal = this.#refusal(command, words)
    if (refusal !== undefined) return Promise.reject(refusal)
    if (this.#blocks(command)) return this.#callBlocking(command, words) as Promise<CommandReply<string>>
    return this.#caller.call(command, words, false) as Promise<CommandReply<string>>
  }

  /** As `call`, with the strings of the reply as bytes. */
  callBuffer(command: string, ...words: Word[]): Promise<CommandReply<Buffer>> {
    const refusal = this.#refusal(command, words)
    if (refusal !== undefined) return Promise.reject(refusal)
    if (this.#blocks(command)) return this.#callBlocking(command, words, true) as Promise<CommandReply<Buffer>>
    return this.#caller.call(command, words, true) as Promise<CommandReply<Buffer>>
  }

  /** Runs commands as MULTI/EXEC does: all or none, nothing between them. A command that fails is a CommandError among the replies. */
  transaction(commands: readonly (readonly [command: string, ...words: Word[]])[]): Promise<CommandReply<string>[]> {
    if (this.#closing !== undefined) return Promise.reject(closedError())
    for (const [command, ...words] of commands) {
      const refusal = this.#refusal(command, words)
      if (refusal !== undefined) return Promise.reject(refusal)
    }
    return this.#caller.transaction(commands)
  }

  /** Sends a message to a channel and returns how many subscribers it reached. */
  async publish(channel: string, message: string | Uint8Array): Promise<number> {
    return (await this.call('PUBLISH', channel, message)) as number
  }

  /**
   * Calls `listener` with every message on a channel, from when the promise is fulfilled until `unsubscribe` is called.
   *
   * With options, as a subscriber with a name or in a group: one message at a time, the next when the promise that the listener
   * returned is fulfilled. A listener that throws has not heard its message; the subscription ends then, and nothing is lost.
   */
  subscribe(channel: string, listener: Listener<string>): Promise<Unsubscribe>
  subscribe(channel: string, listener: MessageListener, options: FeedOptions): Promise<Unsubscribe>
  subscribe(channel: string, listener: MessageListener, options?: FeedOptions): Promise<Unsubscribe> {
    return this.#subscribe('channel', channel, listener, options)
  }

  /** As `subscribe`, for every channel that matches a pattern like `news.*`. */
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
    if (options === undefined) return this.#subscriptions.subscribe(kind, name, listener as Listener<string>)
    const feed = this.#feed(kind, name, options)
    await feed.ready
    void hand(feed, listener, options.ack ?? 'auto')
    return () => feed.leave()
  }

  /**
   * Iterates over the messages of a channel, or of all that match if it contains `*`, `?` or `[`; ended by leaving the loop, by
   * `await using`, or by `return()`. A slow loop holds nobody up: what a channel keeps is read as the loop goes on.
   */
  messages(channel: string, options: FeedOptions = {}): Messages {
    if (this.#closing !== undefined) throw closedError()
    return new Messages(
      this.#feed(/[*?[]/.test(channel) ? 'pattern' : 'channel', channel, options),
      options.ack ?? 'auto',
    )
  }

  #feed(kind: 'channel' | 'pattern', name: string, options: FeedOptions): MessageFeed {
    checkFeedOptions(options)
    return new MessageFeed(this.#engine, kind, name, options)
  }

  /** Connects: a stream that speaks the Redis protocol, for client libraries and for whoever likes to. */
  connect(): Duplex {
    if (this.#closing !== undefined) throw closedError()
    return new BrokerStream(this.#engine)
  }

  /** Keeps the data as it is now, to be gone back to. It takes no copy. Rejects with CheckpointError: data is being loaded, or a command is running. */
  async checkpoint(): Promise<Moment> {
    if (this.#closing !== undefined) throw closedError()
    return new Moment(this.#engine, this.#caller)
  }

  /**
   * Opens another broker, in memory only, that begins with the data, settings, users and functions of this one: neither sees what the
   * other does from then on. It copies no data: memory is shared until one of them changes it, so close the branch when it is not needed
   * any more. Rejects with CheckpointError, as `checkpoint`.
   */
  async branch(): Promise<Broker> {
    if (this.#closing !== undefined) throw closedError()
    const engine = this.#engine
    const checkpoint = engine.checkpoints.begin(true)
    const letGo = (): void => engine.checkpoints.release(checkpoint)
    const settings = { ...engine.config.changed(), ...BRANCH_SETTINGS }
    let boot: Boot | undefined
    try {
      boot = new Boot(createConfig(settings), engine.log, { snapshot: 'ignored', branchOf: { engine, checkpoint } })
      return new Broker(boot, await boot.load(), letGo)
    } catch (error) {
      letGo()
      await boot?.close()
      throw error
    }
  }

  /**
   * Ends every connection and makes everything durable. Rejects when the disk refuses.
   *
   * Nothing of the broker keeps the process alive afterwards. Unanswered calls reject.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    // What was called before is answered first.
    this.#engine.endTurn()
    const saved = await this.#boot.saveAtEnd('default')
    await this.#boot.close()
    this.#letGo()
    if (!saved) throw new Error('the snapshot could not be saved')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  #refusal(command: string, words: readonly Word[]): Error | undefined {
    if (this.#closing !== undefined) return closedError()
    const { commands } = this.#engine
    const named = commands.get(command)
    const meant = named?.subcommands === undefined ? named : commands.get(`${command}|${words[0]}`)
    const changes = meant?.spec.changesConnection
    if (changes === undefined) return undefined
    return new Error(`${command} changes the state of a connection, and all calls share one: ${INSTEAD[changes]}`)
  }

  #blocks(command: string): boolean {
    const found = this.#engine.commands.get(command)
    return found !== undefined && (found.flags.has('blocking') || found.spec.mayWait === true)
  }

  async #callBlocking(
    command: string,
    words: readonly Word[],
    buffers = false,
  ): Promise<CommandReply<string | Buffer>> {
    const caller = new Caller(this.#engine)
    try {
      return await caller.call(command, words, buffers)
    } finally {
      caller.close()
    }
  }
}

/** The error of whoever uses a broker after `close`. */
function closedError(): Error {
  return new Error('the broker is closed')
}
