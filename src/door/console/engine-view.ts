// The view of the broker in this process: it is read off the engine.

import type { Engine } from '../../commands/call.ts'
import { databaseOf, keyOf, nameKey } from '../../engine/data/key-name.ts'
import type { Parked } from '../../engine/waiting/blocking.ts'
import type { KnownQueue } from '../../monitoring/known-queues.ts'
import type { Monitor } from '../../monitoring/monitor.ts'
import { Bytes } from '../../util/bytes/bytes.ts'
import { listClients } from '../jobs/queue-figures.ts'
import type { QueueName } from '../jobs/queue-keys.ts'
import type { Visitor } from '../rights/visitor.ts'
import { latin1Of } from '../routes/names.ts'
import type { Asker } from './asker.ts'
import type { BrokerView, FoundKeys, Listed, Listening, ListWaiters, Patterns } from './broker-view.ts'

const LISTS_MAX = 200
const WAITERS_MAX = 200

export class EngineView implements BrokerView {
  readonly #engine: Engine
  readonly #monitor: Monitor

  constructor(engine: Engine, monitor: Monitor) {
    this.#engine = engine
    this.#monitor = monitor
  }

  keepsChannels(): Promise<boolean> {
    return Promise.resolve(true)
  }

  hasShardChannels(): Promise<boolean> {
    return Promise.resolve(true)
  }

  /** No command lists patterns, so a user sees those that the user could subscribe to. */
  patterns(_asker: Asker, { user }: Visitor): Promise<Patterns> {
    const { clients } = this.#engine
    const selectors = clients.users.get(user)?.selectors ?? []
    const names = [...clients.pubSub.names('pattern')]
      .filter((name) => selectors.some((selector) => selector.allowsChannelNamed(name, true)))
      .map(textOf)
    return Promise.resolve({ names, unnamed: 0 })
  }

  listening(_asker: Asker, channels: readonly Listed[]): Promise<Listening[]> {
    const { pubSub } = this.#engine.clients
    return Promise.resolve(
      channels.map(({ kind, name }) => {
        const latin1 = latin1Of(name)
        const rate = this.#monitor.rates.rateOf(`${kind} ${latin1}`, pubSub.messagesOf(kind, latin1))
        return { subscribers: pubSub.subscribersOf(kind, latin1), rate }
      }),
    )
  }

  keptRate({ kind, name }: Listed): number | null {
    const { namedSubscribers } = this.#engine.parts.channels
    const stream = namedSubscribers.messagesOf(latin1Of(name), kind === 'shard' ? 'shard' : 'channel')
    return this.#monitor.rates.rateOf(`kept ${kind} ${name}`, Number(stream?.entriesAdded ?? 0))
  }

  rememberedFor(pattern: string): number {
    return this.#engine.parts.channels.positions.count('pattern', latin1Of(pattern))
  }

  findQueues(_asker: Asker, database: number): Promise<FoundKeys> {
    const { queues } = this.#monitor
    queues.look()
    const isHere = ({ db }: KnownQueue): boolean => db.index === database
    const lists = new Set<string>()
    for (const { db, name } of queues.keys) if (db.index === database) lists.add(name)
    for (const topic of this.#engine.blocking.room.keys())
      if (databaseOf(topic) === database) lists.add(keyOf(topic).toString())
    return Promise.resolve({
      queues: [
        ...[...queues.bullmq].filter(isHere).map((queue) => nameOf(queue, 'bullmq')),
        ...[...queues.bull].filter(isHere).map((queue) => nameOf(queue, 'bull')),
      ],
      lists: [...lists].slice(0, LISTS_MAX).map(textOf),
      streams: [...queues.streams].filter(isHere).map(({ name }) => textOf(name)),
      isLooking: queues.isLooking,
    })
  }

  async waitersOn(asker: Asker, database: number, list: string): Promise<ListWaiters> {
    // The addresses of other clients are told to those alone who may list clients.
    const isTold = (await listClients(asker)) !== undefined
    const nowMs = this.#engine.environment.clock.now()
    const clients = this.#parkedOn(database, latin1Of(list)).map(({ client, command }) => ({
      clientId: client.id,
      name: isTold ? client.identity.name : '',
      address: isTold ? client.connection.transport.address : '',
      command: command.name.toUpperCase(),
      waitsMs: Math.max(0, Math.round(nowMs - client.activity.lastActiveMs)),
    }))
    return { clients, areOfThisList: true }
  }

  #parkedOn(database: number, name: string): Parked[] {
    const found: Parked[] = []
    this.#engine.blocking.room.forEachOn(
      nameKey(database, Bytes.from(name)),
      ({ owner }) => found.push(owner) < WAITERS_MAX,
    )
    return found
  }
}

function nameOf({ name }: KnownQueue, kind: QueueName['kind']): QueueName {
  const colon = name.lastIndexOf(':')
  return { prefix: textOf(name.slice(0, Math.max(0, colon))), name: textOf(name.slice(colon + 1)), kind }
}

/** Bytes of a name as text. */
function textOf(latin1: string): string {
  return Buffer.from(latin1, 'latin1').toString('utf8')
}
