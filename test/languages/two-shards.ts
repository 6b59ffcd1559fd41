// Two shards of a cluster, a broker each, on replicated logs. While a program counts, the slot of its
// key moves from the first, which has all slots at the beginning, to the second.

import { setTimeout as pause } from 'node:timers/promises'
import { type LogServers, natsLog } from '../support/log-servers.ts'
import { LoggedBroker } from './logged-broker.ts'
import { until, type Variables } from './servers.ts'

const FIRST = 'mails'
const SECOND = 'events'
const LOOK_MS = 10

export class TwoShards {
  readonly variables: Variables
  readonly #first: LoggedBroker
  readonly #second: LoggedBroker

  private constructor(first: LoggedBroker, second: LoggedBroker) {
    this.#first = first
    this.#second = second
    this.variables = { RESPITE_NODES: `${first.address},${second.address}` }
  }

  static async start(dir: string, ports: readonly [number, number], logServers: LogServers): Promise<TwoShards> {
    const enabled = ['--cluster-enabled', 'yes']
    const first = new LoggedBroker(dir, ports[0], logServers, FIRST, enabled)
    await until(() => first.isLeader(), 'the first shard has a leader')
    const also = ['--cluster-log', natsLog(logServers, FIRST)]
    const second = new LoggedBroker(dir, ports[1], logServers, SECOND, [...enabled, ...also])
    await until(async () => {
      const nodes = String(await second.client.cluster('NODES').catch(() => ''))
      return nodes.includes('0-16383') && (await second.isLeader())
    }, 'the second shard has a leader')
    const shards = new TwoShards(first, second)
    // A node without slots is in no map: phpredis 5.3 crashes when MOVED names it, at redis-server too.
    await shards.#move('any')
    return shards
  }

  /** Moves the slot of a tag from the first shard to the second. */
  async #move(tag: string): Promise<void> {
    const slot = Number(await this.#first.client.cluster('KEYSLOT', tag))
    // The first shard may not have heard yet that the second has a leader.
    await until(async () => {
      const reply = await this.#first.client.call('CLUSTER', 'MOVESLOTS', SECOND, slot, slot).catch(() => undefined)
      return reply === 'OK'
    }, 'the slot begins to move')
    await until(async () => {
      const there = await this.#second.client.exists(`{${tag}}ready`).catch(() => undefined)
      return there !== undefined
    }, 'the slot has moved')
  }

  /** Moves the slot of a program once it is ready, unless it ends before. */
  async accompany(tag: string, hasEnded: () => boolean): Promise<void> {
    await this.#first.client.set(`{${tag}}go`, 'wait')
    const isReady = async (): Promise<boolean> => (await this.#first.client.get(`{${tag}}ready`)) === 'slots'
    while (!hasEnded() && !(await isReady())) await pause(LOOK_MS)
    if (hasEnded()) return
    await this.#move(tag)
    await this.#second.client.set(`{${tag}}go`, 'slots')
  }

  async stop(): Promise<void> {
    await Promise.all([this.#first.stop(), this.#second.stop()])
  }
}
