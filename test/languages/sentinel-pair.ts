// Two brokers on a replicated log, which answer in the place of Sentinels. While a program publishes,
// the lead is handed over, and then the leader is killed.

import { setTimeout as pause } from 'node:timers/promises'
import type { LogServers } from '../support/log-servers.ts'
import { LoggedBroker } from './logged-broker.ts'
import { until, type Variables } from './servers.ts'

const SHARD = 'orders'
const LOOK_MS = 10
/** The program has survived a failover when so many messages more are kept. */
const MORE_MESSAGES = 3
/** Longer than a handover or a takeover lasts. */
const TAKE_AGAIN_MS = 5000

export class SentinelPair {
  readonly variables: Variables
  readonly #brokers: readonly LoggedBroker[]

  private constructor(brokers: readonly LoggedBroker[]) {
    this.#brokers = brokers
    this.variables = { RESPITE_SENTINELS: brokers.map(({ address }) => address).join(','), RESPITE_SHARD: SHARD }
  }

  static async start(dir: string, ports: readonly number[], logServers: LogServers): Promise<SentinelPair> {
    const pair = new SentinelPair(ports.map((port) => new LoggedBroker(dir, port, logServers, SHARD)))
    await until(async () => (await pair.#leader()) !== undefined, 'the pair has a leader')
    return pair
  }

  async #leader(): Promise<LoggedBroker | undefined> {
    for (const broker of this.#brokers) if (await broker.isLeader()) return broker
    return undefined
  }

  /** Makes the failovers that a program waits for, unless it ends before it is ready for them. */
  async accompany(tag: string, hasEnded: () => boolean): Promise<void> {
    while (!hasEnded() && (await this.#get(`{${tag}}ready`)) !== 'failover') await pause(LOOK_MS)
    const hasGoneOn = async (): Promise<void> => {
      const key = `channel:{orders.${tag}}`
      const before = await this.#length(key)
      while (!hasEnded() && (await this.#length(key)) < before + MORE_MESSAGES) await pause(LOOK_MS)
    }
    await hasGoneOn()
    if (!hasEnded()) await this.#lead((leader) => leader.client.call('FAILOVER'))
    await hasGoneOn()
    if (!hasEnded()) await this.#lead((leader) => leader.kill())
    await hasGoneOn()
    if (!hasEnded()) await (await this.#leader())?.client.set(`{${tag}}go`, 'failover')
  }

  async #get(key: string): Promise<string | null> {
    return (await (await this.#leader())?.client.get(key).catch(() => null)) ?? null
  }

  async #length(key: string): Promise<number> {
    return (await (await this.#leader())?.client.xlen(key).catch(() => 0)) ?? 0
  }

  /**
   * Takes the lead from its broker, and waits until the other one leads. On a busy machine the same
   * broker may be back first: then it loses the lead again.
   */
  async #lead(take: (leader: LoggedBroker) => Promise<unknown>): Promise<void> {
    await until(async () => (await this.#leader()) !== undefined, 'a broker leads')
    const before = (await this.#leader())!
    let nextMs = 0
    await until(async () => {
      const now = await this.#leader()
      if (now === before && performance.now() >= nextMs) {
        await take(before).catch(() => {})
        nextMs = performance.now() + TAKE_AGAIN_MS
      }
      return now !== undefined && now !== before
    }, 'the other broker leads')
  }

  async stop(): Promise<void> {
    await Promise.all(this.#brokers.map((broker) => broker.stop()))
  }
}
