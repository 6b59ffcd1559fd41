// The view of another server: by commands that a Redis and a Valkey have, too.

import type { Clock } from '../../util/time/clock.ts'
import { type Asker, numberOf } from '../console/asker.ts'
import type { BrokerView, FoundKeys, Listed, Listening, ListWaiters, Patterns } from '../console/broker-view.ts'
import { HttpError } from '../exchanges/http-error.ts'
import { listClients } from '../jobs/queue-figures.ts'
import { infoOf, kindIn, type RemoteKind } from './remote-info.ts'
import { RemoteKeyspace } from './remote-keyspace.ts'
import type { RemoteServer } from './remote-server.ts'

/** The kind is asked for again then: another server may have come in its place. */
const KIND_MS = 10_000
const SHARD_CHANNELS_SINCE = 7
/** Commands that wait for an element of a list. */
const LIST_WAITS: ReadonlySet<string> = new Set(['blpop', 'brpop', 'blmove', 'blmpop', 'brpoplpush'])
const UNKNOWN: RemoteKind = { name: 'redis', version: '', redisVersion: '' }

export class RemoteView implements BrokerView {
  readonly #remote: RemoteServer
  readonly #clock: Clock
  readonly #keyspace: RemoteKeyspace
  #kind: Promise<RemoteKind> | undefined = undefined
  #kindMs = 0

  constructor(remote: RemoteServer, clock: Clock) {
    this.#remote = remote
    this.#clock = clock
    this.#keyspace = new RemoteKeyspace(clock)
  }

  /** The kind of the server; that of a Redis where its user may not ask. Rejects with HttpError. */
  kind(): Promise<RemoteKind> {
    const nowMs = this.#clock.monotonic()
    if (this.#kind !== undefined && nowMs - this.#kindMs < KIND_MS) return this.#kind
    const asked = infoOf(this.#remote, 'server').then(kindIn, (error: unknown) => {
      if (error instanceof HttpError && error.status === 403) return UNKNOWN
      this.#kind = undefined
      throw error
    })
    this.#kind = asked
    this.#kindMs = nowMs
    return asked
  }

  async keepsChannels(): Promise<boolean> {
    return (await this.kind()).name === 'respite'
  }

  async hasShardChannels(): Promise<boolean> {
    return Number.parseInt((await this.kind()).redisVersion, 10) >= SHARD_CHANNELS_SINCE
  }

  async patterns(asker: Asker): Promise<Patterns> {
    const [count] = await asker.ask([['PUBSUB', 'NUMPAT']])
    return { names: [], unnamed: numberOf(count) ?? 0 }
  }

  async listening(asker: Asker, channels: readonly Listed[]): Promise<Listening[]> {
    const plain = channels.filter(({ kind }) => kind === 'channel').map(({ name }) => name)
    const shards = channels.filter(({ kind }) => kind === 'shard').map(({ name }) => name)
    const counts = {
      channel: new Map<string, number>(),
      pattern: new Map<string, number>(),
      shard: new Map<string, number>(),
    }
    for (const [kind, words, names] of [
      ['channel', 'NUMSUB', plain],
      ['shard', 'SHARDNUMSUB', shards],
    ] as const) {
      if (names.length === 0) continue
      const [flat] = await asker.ask([['PUBSUB', words, ...names]])
      // Names come in the order of the question.
      for (const [i, name] of names.entries()) counts[kind].set(name, numberOf((flat as unknown[])[2 * i + 1]) ?? 0)
    }
    return channels.map(({ kind, name }) => ({ subscribers: counts[kind].get(name) ?? 0, rate: null }))
  }

  keptRate(): null {
    return null
  }

  rememberedFor(): number {
    return 0
  }

  findQueues(asker: Asker, database: number): Promise<FoundKeys> {
    return this.#keyspace.find(asker, database)
  }

  /** CLIENT LIST tells which clients are blocked, and in which command, and not by which key. */
  async waitersOn(asker: Asker, database: number): Promise<ListWaiters> {
    const clients = (await listClients(asker)) ?? []
    const waiting = clients.filter(
      (client) =>
        (client.get('flags') ?? '').includes('b') &&
        client.get('db') === String(database) &&
        LIST_WAITS.has(client.get('cmd') ?? ''),
    )
    return {
      areOfThisList: false,
      clients: waiting
        .map((client) => ({
          clientId: numberOf(client.get('id')),
          name: client.get('name') ?? '',
          address: client.get('addr') ?? '',
          command: (client.get('cmd') ?? '').toUpperCase(),
          waitsMs: (numberOf(client.get('idle')) ?? 0) * 1000,
        }))
        .sort((a, b) => b.waitsMs - a.waitsMs),
    }
  }
}
