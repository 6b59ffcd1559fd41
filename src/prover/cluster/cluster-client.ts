// A client of the cluster that works like clients of Redis Sentinel: it asks any broker for the
// leader, and connects to it. A client that hears notices goes where MOVING sends it, as node-redis
// and redis-py do; until then its old broker sends its requests on.

import type { Random } from '../../util/numbers/random.ts'
import type { Reply } from '../durability/write-methods.ts'
import { anyOf } from './any-of.ts'
import { SHARD } from './broker.ts'
import { Connection, Unreached } from './connection.ts'
import type { TrialProcess } from './trial-process.ts'

/**
 * A connection that has been silent for this long counts as dead. This is longer than a failover of
 * idle brokers would take, and shorter than an election of the log.
 */
const PATIENCE_MS = 1500

/** Sent by default by node-redis and redis-py. */
const ASK_FOR_NOTICES = ['CLIENT', 'MAINT_NOTIFICATIONS', 'ON', 'moving-endpoint-type', 'internal-ip']

/** So often a request that was redirected is sent to another broker. */
const REDIRECTIONS_MAX = 5

export interface ClusterClientOptions {
  /** Whether it asks for notices of maintenance. */
  readonly hearsNotices?: boolean
  /**
   * A key of the slot that it uses, in a cluster of several shards: it follows MOVED then, as
   * clients of Redis Cluster do. Undefined: it asks as clients of Redis Sentinel do.
   */
  readonly key?: string | undefined
}

export class ClusterClient {
  readonly #brokers: readonly TrialProcess[]
  readonly #random: Random
  readonly #hearsNotices: boolean
  readonly #key: string | undefined
  #connection: Connection | undefined = undefined
  /** Where MOVING has sent this client. */
  #next: { readonly host: string; readonly port: number } | undefined = undefined

  constructor(
    brokers: readonly TrialProcess[],
    random: Random,
    { hearsNotices = false, key }: ClusterClientOptions = {},
  ) {
    this.#brokers = brokers
    this.#random = random
    this.#hearsNotices = hearsNotices
    this.#key = key
  }

  /** Asks the leader, as far as it is known. Throws `Unreached`, `Unanswered`. */
  async askLeader(requests: readonly (readonly string[])[]): Promise<Reply[]> {
    for (let i = 0; ; i++) {
      const replies = await this.#askOnce(requests)
      // The whole request or transaction was refused, so it is sent again.
      if (i === REDIRECTIONS_MAX || !replies.some(isRedirection)) return replies
      this.forget()
    }
  }

  async #askOnce(requests: readonly (readonly string[])[]): Promise<Reply[]> {
    // A connection that a server has closed while no reply was awaited is an error to no library.
    if (this.#connection?.isClosed === true) this.forget()
    if (this.#next !== undefined) {
      const { host, port } = this.#next
      this.forget()
      this.#connection = await this.#open(host, port)
    }
    this.#connection ??= await this.#findLeader()
    return this.#askOf(this.#connection, requests)
  }

  /**
   * Opens a separate connection to the leader, which must confirm that it leads; undefined when
   * there is none now. Throws the same errors.
   */
  async openToLeader(): Promise<{ broker: TrialProcess; connection: Connection } | undefined> {
    const connection = await this.#findLeader()
    const broker = this.#brokers.find(({ address }) => address === connection.address)
    const [role] = await this.#askOf(connection, [['ROLE']])
    if (broker !== undefined && Array.isArray(role) && role[0] === 'master') return { broker, connection }
    connection.end()
    return undefined
  }

  /** Asks any broker. Throws the same errors. */
  async askAnybody(requests: readonly (readonly string[])[]): Promise<Reply[]> {
    const { host, port } = this.#draw()
    const connection = new Connection(host, port)
    try {
      // In a cluster followers answer these clients alone.
      if (this.#key !== undefined) await connection.ask([['READONLY']], PATIENCE_MS)
      return await connection.ask(requests, PATIENCE_MS)
    } finally {
      connection.end()
    }
  }

  /** Forgets the leader. */
  forget(): void {
    this.#connection?.end()
    this.#connection = undefined
    this.#next = undefined
  }

  async #askOf(connection: Connection, requests: readonly (readonly string[])[]): Promise<Reply[]> {
    try {
      return await connection.ask(requests, PATIENCE_MS)
    } catch (error) {
      this.forget()
      throw error
    }
  }

  async #findLeader(): Promise<Connection> {
    if (this.#key !== undefined) return this.#findOwner(this.#key)
    const [address] = await this.askAnybody([['SENTINEL', 'GET-MASTER-ADDR-BY-NAME', SHARD]]).catch(() => [])
    if (!Array.isArray(address)) throw new Unreached('no broker knows the leader')
    return this.#open(String(address[0]), Number(address[1]))
  }

  async #findOwner(key: string): Promise<Connection> {
    const { host, port } = this.#draw()
    const connection = new Connection(host, port)
    const [reply] = await connection.ask([['EXISTS', key]], PATIENCE_MS).catch(() => [])
    connection.end()
    const redirection = isRedirection(reply) ? /^MOVED \d+ (.+):(\d+)$/.exec(String(reply.message)) : null
    if (redirection !== null) return this.#open(redirection[1] ?? '', Number(redirection[2]))
    if (typeof reply === 'number') return this.#open(host, port)
    throw new Unreached('no broker knows the owner')
  }

  /** Connects to a broker, and asks it for notices if this client hears them. */
  async #open(host: string, port: number): Promise<Connection> {
    const connection = new Connection(host, port)
    if (!this.#hearsNotices) return connection
    connection.pushed = ([word, , , to]) => {
      const address = word === 'MOVING' ? /^(.+):(\d+)$/.exec(String(to)) : null
      if (address !== null && connection === this.#connection)
        this.#next = { host: address[1] ?? '', port: Number(address[2]) }
    }
    try {
      await connection.ask([['HELLO', '3'], ASK_FOR_NOTICES], PATIENCE_MS)
      return connection
    } catch {
      connection.end()
      throw new Unreached('the leader does not answer')
    }
  }

  #draw(): TrialProcess {
    return anyOf(this.#brokers, this.#random)
  }
}

function isRedirection(reply: Reply | undefined): reply is Reply & Error {
  return reply instanceof Error && reply.message.startsWith('MOVED ')
}
