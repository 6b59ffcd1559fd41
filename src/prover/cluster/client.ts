// A client of the cluster, as clients of Redis Sentinel are: it asks any broker where the leader is, and goes there.

import type { Random } from '../../util/numbers/random.ts'
import type { Reply } from '../durability/ways.ts'
import { SHARD } from './broker.ts'
import { Connection, Unreached } from './connection.ts'
import type { Member } from './member.ts'

/** Who has heard nothing for so long takes the connection for dead. Longer than an election would take with three brokers that are idle, and shorter than a log's. */
const PATIENCE_MS = 1500

export class Client {
  readonly #brokers: readonly Member[]
  readonly #random: Random
  #connection: Connection | undefined = undefined

  constructor(brokers: readonly Member[], random: Random) {
    this.#brokers = brokers
    this.#random = random
  }

  /** Asks the leader, as far as is known who that is. Throws `Unreached`, `Unanswered`. */
  async askLeader(requests: readonly (readonly string[])[]): Promise<Reply[]> {
    this.#connection ??= await this.#findLeader()
    return this.#askOf(this.#connection, requests)
  }

  /** Opens a connection of its own to the leader, which says itself that it leads; undefined = there is none at the moment. Throws the same. */
  async openToLeader(): Promise<{ broker: Member; connection: Connection } | undefined> {
    const connection = await this.#findLeader()
    const broker = this.#brokers.find(({ address }) => address === connection.address)
    const [role] = await this.#askOf(connection, [['ROLE']])
    if (broker !== undefined && Array.isArray(role) && role[0] === 'master') return { broker, connection }
    connection.end()
    return undefined
  }

  /** Asks a broker, whichever it is. Throws the same. */
  async askAnybody(requests: readonly (readonly string[])[]): Promise<Reply[]> {
    const { host, port } = this.#draw()
    const connection = new Connection(host, port)
    try {
      return await connection.ask(requests, PATIENCE_MS)
    } finally {
      connection.end()
    }
  }

  /** Forgets who leads. */
  forget(): void {
    this.#connection?.end()
    this.#connection = undefined
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
    const [address] = await this.askAnybody([['SENTINEL', 'GET-MASTER-ADDR-BY-NAME', SHARD]]).catch(() => [])
    if (!Array.isArray(address)) throw new Unreached('nobody says who leads')
    return new Connection(String(address[0]), Number(address[1]))
  }

  #draw(): Member {
    return this.#brokers[this.#random.below(this.#brokers.length)]!
  }
}
