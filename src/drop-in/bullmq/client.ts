// A Redis client for BullMQ, over a session of a broker in this process: no socket, no stream, no
// client library.
//
// BullMQ's interface `IRedisClient` defines such a client: a state, some thirty commands, and
// scripts by name.
//
//   ready ──disconnect, quit, or the broker ends it──▶ end ──connect──▶ ready (with a new session)

import { EventEmitter } from 'node:events'
import { Readable } from 'node:stream'
import { ConnectionClosedError, type IRedisClient } from 'bullmq'
import type { Broker, Session, Word } from '../../index.ts'
import { CommandError } from '../../index.ts'
import { type GatheredLine, GatheredRequests } from './gathered-requests.ts'
import { NamedScripts } from './named-scripts.ts'
import { type Reply, type Request, requests, type StreamTrim, type Words } from './requests.ts'

export interface BrokerClientOptions {
  /** Number of the database. Default 0. */
  db?: number
  /** The name in CLIENT LIST, by which BullMQ finds workers. */
  connectionName?: string
}

/** NamedScripts are the same for every client of a broker. */
const scriptsOf = new WeakMap<Broker, NamedScripts>()

export class BrokerClient extends EventEmitter implements IRedisClient, GatheredLine {
  readonly isCluster = false
  readonly scripts: NamedScripts
  /** BullMQ sets `end` on a client that it has closed. */
  status = 'ready'
  readonly options: BrokerClientOptions & { maxRetriesPerRequest: null }
  readonly #broker: Broker
  #session: Session

  constructor(broker: Broker, options: BrokerClientOptions = {}) {
    super()
    this.#broker = broker
    // Nothing has to be sent again here, but BullMQ requires the field.
    this.options = { ...options, maxRetriesPerRequest: null }
    let scripts = scriptsOf.get(broker)
    if (scripts === undefined) {
      scripts = new NamedScripts()
      scriptsOf.set(broker, scripts)
    }
    this.scripts = scripts
    this.#session = this.#open()
  }

  // ── connection ───────────────────────────────────────────────────────────

  async connect(): Promise<void> {
    if (this.status === 'ready') return
    this.#session = this.#open()
    this.status = 'ready'
    this.emit('ready')
  }

  /**
   * Ends the connection. Requests that wait for a reply reject. With `reconnect` it is connected
   * again.
   */
  disconnect(reconnect = false): void {
    this.status = 'end'
    this.#session.close()
    if (reconnect) void this.connect()
  }

  async quit(): Promise<string> {
    this.disconnect()
    return 'OK'
  }

  duplicate(options: BrokerClientOptions = {}): BrokerClient {
    const { db, connectionName } = { ...this.options, ...options }
    return new BrokerClient(this.#broker, {
      ...(db === undefined ? {} : { db }),
      ...(connectionName === undefined ? {} : { connectionName }),
    })
  }

  #open(): Session {
    const session = this.#broker.session({
      protocol: 2,
      onClose: () => {
        if (session === this.#session) this.status = 'end'
        this.emit('close')
        this.emit('end')
      },
    })
    const { db = 0, connectionName } = this.options
    const failed = (error: unknown): void => void this.emit('error', error)
    if (db !== 0) session.call('SELECT', db).catch(failed)
    if (connectionName !== undefined) session.call('CLIENT', 'SETNAME', connectionName).catch(failed)
    return session
  }

  // ── requests ─────────────────────────────────────────────────────────────

  async call(words: Words): Promise<Reply>
  async call(command: string, ...words: Word[]): Promise<Reply>
  async call(command: string | Words, ...words: Word[]): Promise<Reply> {
    try {
      return await (typeof command === 'string'
        ? this.#session.call(command, ...words)
        : this.#session.call(...command))
    } catch (error) {
      throw inBullMQsWords(error)
    }
  }

  async callTogether(commands: Words[], how: 'transaction' | 'pipeline'): Promise<Reply[]> {
    try {
      return await (how === 'transaction' ? this.#session.transaction(commands) : this.#session.callAll(commands))
    } catch (error) {
      throw inBullMQsWords(error)
    }
  }

  /** `T` is BullMQ's type of the command's reply. */
  async #run<T>({ words, shape }: Request): Promise<T> {
    const reply = await this.call(words)
    return (shape === undefined ? reply : shape(reply)) as T
  }

  defineCommand(name: string, { numberOfKeys, lua }: { numberOfKeys: number; lua: string }): void {
    this.scripts.define(name, lua, numberOfKeys)
  }

  // The interface types replies of scripts as `any`: only the caller knows the script.
  runCommand(name: string, args: unknown[]): ReturnType<IRedisClient['runCommand']> {
    return this.scripts.run(this, name, args)
  }

  multi(): GatheredRequests {
    return new GatheredRequests(this, 'transaction')
  }

  pipeline(): GatheredRequests {
    return new GatheredRequests(this, 'pipeline')
  }

  hgetall(key: string): Promise<Record<string, string>> {
    return this.#run(requests.hgetall(key))
  }

  hget(key: string, field: string): Promise<string | null> {
    return this.#run(requests.hget(key, field))
  }

  hmget(key: string, ...fields: string[]): Promise<(string | null)[]> {
    return this.#run(requests.hmget(key, fields))
  }

  hset(key: string, data: Record<string, string | number>): Promise<number> {
    return this.#run(requests.hset(key, data))
  }

  hdel(key: string, ...fields: string[]): Promise<number> {
    return this.#run(requests.hdel(key, fields))
  }

  hexists(key: string, field: string): Promise<number> {
    return this.#run(requests.hexists(key, field))
  }

  get(key: string): Promise<string | null> {
    return this.#run(requests.get(key))
  }

  set(key: string, value: string | number, options?: { PX?: number; EX?: number }): Promise<string | null> {
    return this.#run(requests.set(key, value, options))
  }

  del(...keys: string[]): Promise<number> {
    return this.#run(requests.del(keys))
  }

  zrange(key: string, start: number, end: number, options?: { WITHSCORES?: boolean }): Promise<string[]> {
    return this.#run(requests.zrange(key, start, end, options))
  }

  zrevrange(key: string, start: number, end: number, options?: { WITHSCORES?: boolean }): Promise<string[]> {
    return this.#run(requests.zrevrange(key, start, end, options))
  }

  zcard(key: string): Promise<number> {
    return this.#run(requests.zcard(key))
  }

  zscore(key: string, member: string): Promise<string | null> {
    return this.#run(requests.zscore(key, member))
  }

  bzpopmin(key: string, timeout: number): Promise<[key: string, member: string, score: string] | null> {
    return this.#run(requests.bzpopmin(key, timeout))
  }

  lrange(key: string, start: number, end: number): Promise<string[]> {
    return this.#run(requests.lrange(key, start, end))
  }

  llen(key: string): Promise<number> {
    return this.#run(requests.llen(key))
  }

  ltrim(key: string, start: number, end: number): Promise<string> {
    return this.#run(requests.ltrim(key, start, end))
  }

  lpos(key: string, value: string): Promise<number | null> {
    return this.#run(requests.lpos(key, value))
  }

  smembers(key: string): Promise<string[]> {
    return this.#run(requests.smembers(key))
  }

  xadd(key: string, id: string, fields: Record<string, string | number>, trim?: StreamTrim): Promise<string> {
    return this.#run(requests.xadd(key, id, fields, trim))
  }

  xread(streams: { key: string; id: string }[], options?: { BLOCK?: number; COUNT?: number }): Promise<Reply> {
    return this.#run(requests.xread(streams, options))
  }

  xtrim(key: string, _strategy: 'MAXLEN', length: number, trim?: StreamTrim): Promise<number> {
    return this.#run(requests.xtrim(key, length, trim))
  }

  info(): Promise<string> {
    return this.#run(requests.info())
  }

  clientSetName(name: string): Promise<string> {
    return this.#run(requests.clientSetName(name))
  }

  clientList(): Promise<string> {
    return this.#run(requests.clientList())
  }

  clientInfo(): Promise<string> {
    return this.#run(requests.clientInfo())
  }

  scan(cursor: string | number, options: { MATCH?: string; COUNT?: number } = {}): Promise<[string, string[]]> {
    return this.#run(requests.scan(cursor, options))
  }

  /** Yields the matching keys, a page at a time. */
  scanStream({ match, count }: { match: string; count?: number }): Readable {
    const client = this
    async function* pages(): AsyncGenerator<string[]> {
      let cursor = '0'
      do {
        const [next, keys] = await client.scan(cursor, {
          MATCH: match,
          ...(count === undefined ? {} : { COUNT: count }),
        })
        yield keys
        cursor = next
      } while (cursor !== '0')
    }
    return Readable.from(pages())
  }
}

/** BullMQ stops quietly if the connection has ended, and reports any other error. */
function inBullMQsWords(error: unknown): unknown {
  if (error instanceof CommandError) return error
  return new ConnectionClosedError('Connection is closed.', error as Error)
}
