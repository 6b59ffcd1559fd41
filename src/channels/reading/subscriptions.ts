// The subscriptions under rules. Each has a reader that listens for its client, and a remembered
// position if the client has a name.
//
//   SUBSCRIBE            ─▶ join: finds the position of that name, and takes it from its holder ─▶ a reader
//   UNSUBSCRIBE          ─▶ leave: forgets the position
//   the connection ended ─▶ vanish: writes the position ─▶ leave

import { isShared, parseSharedName } from '../../broker/group-name.ts'
import type { PubSub } from '../../broker/pub-sub.ts'
import type { Listener, Subscriber } from '../../broker/subscriber.ts'
import { SUBSCRIPTION_KINDS, SUBSCRIPTIONS, type SubscriptionKind } from '../../broker/subscription-kind.ts'
import type { ChannelRule } from '../../config/channel-rules.ts'
import { Client } from '../../engine/clients/client.ts'
import type { Clients } from '../../engine/clients/clients.ts'
import { ERR } from '../../protocol/errors.ts'
import { assert } from '../../util/assert.ts'
import { NameMap } from '../../util/tables/name-map.ts'
import { GROUP_USER, groupSubscriber } from '../groups/group.ts'
import type { ChannelLogs } from '../log/channel-logs.ts'
import { userOf } from '../positions/position-counts.ts'
import { ReadPosition, type ReadPositions, WRITTEN_AGAIN_MS } from '../positions/read-positions.ts'
import { Reader, type ReaderHost } from './reader.ts'

export interface SubscriptionsHost extends ReaderHost {
  readonly logs: ChannelLogs
  readonly positions: ReadPositions
  /** True while data is being loaded. Positions come from that data and are not written. */
  readonly isLoading: boolean
  readonly redeliverMs: number
  now(): number
  monotonic(): number
  /** Samples positions from time to time. */
  sampleSoon(): void
}

/** Gives access to the clients and their subscriptions. */
export interface SubscriptionsEngine {
  readonly clients: {
    readonly pubSub: PubSub
    readonly connected: Clients
  }
}

export class Subscriptions {
  readonly #host: SubscriptionsHost
  readonly #engine: SubscriptionsEngine
  /** Client → kind and target → reader. */
  readonly #readers = new Map<Subscriber, NameMap<Reader>>()
  /** Kind, target and subscriber → reader, for remembered subscribers. */
  readonly #named = new NameMap<Reader>()

  constructor(host: SubscriptionsHost, engine: SubscriptionsEngine) {
    this.#host = host
    this.#engine = engine
  }

  // ── connected subscribers ────────────────────────────────────────────────

  /** Returns the readers of a client. */
  ofClient(client: Client): Iterable<Reader> {
    return this.#readers.get(client)?.values() ?? []
  }

  /** Returns the reader of a client's subscription to one channel or pattern. */
  of(client: Subscriber, kind: SubscriptionKind, target: string): Reader | undefined {
    return this.#readers.get(client)?.get(keyOf(kind, target))
  }

  /** Returns the reader of a remembered subscriber that is connected. */
  named(kind: SubscriptionKind, target: string, subscriber: string): Reader | undefined {
    return this.#named.get(keyOf(kind, target, subscriber))
  }

  /** Number of connected subscribers that are remembered. */
  get namedCount(): number {
    return this.#named.size
  }

  allNamed(): Iterable<Reader> {
    return this.#named.values()
  }

  // ── limits ───────────────────────────────────────────────────────────────

  addsPlaces(client: Subscriber, kind: SubscriptionKind, names: readonly string[]): boolean {
    for (const _ of this.#newPositions(client, kind, names)) return true
    return false
  }

  checkPlaces(client: Subscriber, kind: SubscriptionKind, names: readonly string[]): void {
    const { positions } = this.#host
    const added = new Map<string, number>()
    for (const { rule, subscriber } of this.#newPositions(client, kind, names)) {
      const counted = `${rule.pattern} ${userOf(subscriber)}`
      const count = (added.get(counted) ?? 0) + 1
      added.set(counted, count)
      if (positions.roomFor(rule, subscriber) < count) {
        throw ERR.of(
          `too many places of this user are remembered already: the channel's rule says max-remembered ${rule.maxRemembered}`,
        )
      }
    }
  }

  /**
   * Yields the positions that would be remembered in addition if a client subscribed to these
   * names.
   */
  *#newPositions(
    client: Subscriber,
    kind: SubscriptionKind,
    names: readonly string[],
  ): Generator<{ readonly rule: ChannelRule; readonly subscriber: string }, undefined> {
    assert(client instanceof Client, 'clients subscribe')
    const { logs, positions } = this.#host
    const own = subscriberOf(client)
    for (const name of names) {
      const shared = isShared(name) ? parseSharedName(name) : undefined
      const subscriber = shared === undefined ? own : groupSubscriber(shared.group)
      if (subscriber === '') continue
      const target = shared?.target ?? name
      const rule = logs.rememberingRule(kind, target)
      if (rule !== undefined && positions.get(kind, target, subscriber) === undefined) yield { rule, subscriber }
    }
  }

  // ── joining ──────────────────────────────────────────────────────────────

  join(subscriber: Subscriber, kind: SubscriptionKind, name: string): Listener {
    assert(subscriber instanceof Client, 'clients subscribe')
    return this.#host.logs.isNamedByRule(kind, name) ? this.#join(subscriber, kind, name, 'first') : subscriber
  }

  /**
   * With `late`, the client subscribed before there was a rule or during loading, so it hears no
   * old messages.
   */
  #join(client: Client, kind: SubscriptionKind, name: string, when: 'first' | 'late'): Reader {
    const host = this.#host
    const { logs } = host
    assert(this.of(client, kind, name) === undefined, 'a client subscribes once to a name')
    const subscriber = logs.mayKeep(kind, name) ? subscriberOf(client) : ''
    const position = subscriber === '' ? undefined : this.#takeOverPosition(kind, name, subscriber)
    const reader = new Reader(host, client, kind, name, subscriber)
    const end = logs.endOf(kind, name)
    if (position !== undefined) {
      reader.begin(position, logs.logsOf(kind, name))
      reader.remembered.set(position.id, position.count)
    } else if (when === 'first' && logs.startsWithHistory(kind, name)) {
      reader.beginFirst(logs.logsOf(kind, name), end.id)
    }
    if (client.wantsMessageIds) reader.acknowledged = new ReadPosition().copyFrom(position ?? reader.positionNow(end))
    const readers = this.#readers.get(client) ?? new NameMap<Reader>()
    readers.set(keyOf(kind, name), reader)
    client.listenerBytes += reader.bytes
    this.#readers.set(client, readers)
    if (subscriber !== '') {
      this.#named.set(keyOf(kind, name, subscriber), reader)
      if (position === undefined) this.remember(reader, reader.positionNow(end))
      reader.sample(host.monotonic(), end)
      host.sampleSoon()
    }
    if (!reader.isLive) host.readSoon(reader)
    return reader
  }

  /**
   * Returns the position of a subscriber. A connected client that holds the same name loses its
   * subscription.
   */
  #takeOverPosition(kind: SubscriptionKind, name: string, subscriber: string): ReadPosition | undefined {
    const holder = this.named(kind, name, subscriber)
    if (holder !== undefined) this.#displace(holder)
    const { logs, positions } = this.#host
    const position = positions.get(kind, name, subscriber)
    return position && logs.correct(kind, name, position)
  }

  /**
   * Ends a subscription whose name another client took over. RESP3 clients are told; RESP2 clients
   * are disconnected.
   */
  #displace(reader: Reader): void {
    const { client, kind, target } = reader
    const { connected: clients, pubSub } = this.#engine.clients
    this.#rememberVanished(reader)
    if (client.protocol === 2) {
      clients.close(client, 'now')
      return
    }
    pubSub.unsubscribe(client, kind, target)
    client.followSubscriptions()
    pubSub.sendEnd(client, kind, target)
  }

  /** Adapts all subscriptions to other rules or other data. */
  rulesChanged(): void {
    for (const client of this.#engine.clients.connected.values()) {
      for (const kind of SUBSCRIPTION_KINDS) {
        for (const name of SUBSCRIPTIONS[kind].names(client)) this.#followOne(client, kind, name)
      }
    }
  }

  #followOne(client: Client, kind: SubscriptionKind, name: string): void {
    if (isShared(name)) return
    const { logs } = this.#host
    const { pubSub } = this.#engine.clients
    const reader = this.of(client, kind, name)
    const concerned = logs.isNamedByRule(kind, name)
    if (reader === undefined) {
      if (concerned) pubSub.replace(kind, name, client, this.#join(client, kind, name, 'late'))
    } else if (!concerned) {
      this.#detach(reader)
      pubSub.replace(kind, name, reader, client)
    } else {
      reader.rulesChanged(logs.logsOf(kind, name))
    }
  }

  // ── leaving ──────────────────────────────────────────────────────────────

  leave(subscriber: Subscriber, kind: SubscriptionKind, name: string): Listener {
    const reader = this.of(subscriber, kind, name)
    if (reader === undefined) return subscriber
    this.#detach(reader)
    // UNSUBSCRIBE means that the client wants nothing more. A client that vanished may come back.
    const { isLoading, positions } = this.#host
    if (!reader.vanished && reader.subscriber !== '' && !isLoading) positions.forget(kind, name, reader.subscriber)
    return reader
  }

  vanish(subscriber: Subscriber): void {
    for (const reader of this.#readers.get(subscriber)?.values() ?? []) this.#rememberVanished(reader)
  }

  /** Remembers the position of a reader whose connection ended without UNSUBSCRIBE. */
  #rememberVanished(reader: Reader): void {
    const { client, kind, subscriber, target } = reader
    reader.vanished = true
    if (subscriber === '') return
    const { logs, redeliverMs } = this.#host
    const isCertain = redeliverMs === 0 || (client.lastCommand === 'quit' && client.transport.backlogBytes === 0)
    const position = isCertain ? reader.positionNow(logs.endOf(kind, target)) : this.confirmedPosition(reader)
    this.remember(reader, reader.acknowledged ?? position ?? reader.remembered, 'left')
  }

  #detach(reader: Reader): void {
    const { client, kind, subscriber, target } = reader
    const readers = this.#readers.get(client)
    assert(readers?.get(keyOf(kind, target)) === reader, 'a reader that is detached was joined')
    readers.delete(keyOf(kind, target))
    if (readers.size === 0) this.#readers.delete(client)
    client.listenerBytes -= reader.bytes
    assert(client.listenerBytes >= 0, 'the bytes of readers are counted')
    reader.end()
    if (subscriber !== '' && this.named(kind, target, subscriber) === reader) {
      this.#named.delete(keyOf(kind, target, subscriber))
    }
  }

  // ── remembered positions ─────────────────────────────────────────────────

  /**
   * Returns the position up to which a reader has certainly heard: messages sent at least
   * `redeliver` ago whose bytes were taken, or acknowledged messages; undefined when not known.
   */
  confirmedPosition(reader: Reader): ReadPosition | undefined {
    return reader.acknowledged ?? reader.positionAt(this.#host.monotonic() - this.#host.redeliverMs)
  }

  /**
   * Writes a position, unless it is written already or data is being loaded. For a subscriber that
   * `left`, the time of leaving is written too, if the last write is not recent.
   */
  remember(reader: Reader, position: ReadPosition, when: 'left' | 'there' = 'there'): void {
    const { remembered, kind, subscriber, target } = reader
    const { isLoading, positions } = this.#host
    if (isLoading) return
    assert(subscriber !== '', 'only named subscribers are remembered')
    const nowMs = this.#host.now()
    const isWritten = when === 'there' || nowMs - reader.rememberedMs < WRITTEN_AGAIN_MS
    if (isWritten && remembered.id.equals(position.id) && !position.id.isZero) return
    remembered.set(position.id, position.count)
    reader.rememberedMs = nowMs
    positions.set(kind, target, subscriber, position)
  }

  /** Stops remembering a connected subscriber. It still hears what is published. */
  disown(reader: Reader): void {
    this.#named.delete(keyOf(reader.kind, reader.target, reader.subscriber))
    reader.subscriber = ''
  }
}

/** Returns the name under which a client is remembered; '' when it is not. */
function subscriberOf({ name, user }: Client): string {
  return name === '' || user.name === GROUP_USER ? '' : `${user.name} ${name}`
}

function keyOf(kind: SubscriptionKind, target: string, subscriber = ''): string {
  return `${kind} ${subscriber}\0${target}`
}
