// Who is subscribed under rules: for each subscription a reader that listens in its client's place, and what is remembered of
// those that have a name.
//
//   SUBSCRIBE ─▶ join: the place of that name is looked up, whoever has it gives it up ─▶ a reader
//   UNSUBSCRIBE ─▶ leave: the place is forgotten
//   the connection has ended ─▶ vanish: the place is written down ─▶ leave

import type { PubSub } from '../../broker/pub-sub.ts'
import { isShared, parseSharedName } from '../../broker/shared-name.ts'
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
  readonly places: ReadPositions
  /** True while data is being loaded: what that brings is how it was. */
  readonly isLoading: boolean
  readonly redeliverMs: number
  now(): number
  monotonic(): number
  /** Has places noted from time to time. */
  sampleSoon(): void
}

/** Where the clients are. */
export interface SubscriptionsEngine {
  readonly pubSub: PubSub
  readonly clients: Clients
}

export class Subscriptions {
  readonly #host: SubscriptionsHost
  readonly #engine: SubscriptionsEngine
  /** Who listens on whose behalf: client → kind and target → reader. */
  readonly #readers = new Map<Subscriber, NameMap<Reader>>()
  /** Those who are remembered: kind, target and subscriber → reader. */
  readonly #named = new NameMap<Reader>()

  constructor(host: SubscriptionsHost, engine: SubscriptionsEngine) {
    this.#host = host
    this.#engine = engine
  }

  // ── who is there ─────────────────────────────────────────────────────────

  /** Who listens on a client's behalf. */
  ofClient(client: Client): Iterable<Reader> {
    return this.#readers.get(client)?.values() ?? []
  }

  /** Who listens on a client's behalf to one channel or pattern. */
  of(client: Subscriber, kind: SubscriptionKind, target: string): Reader | undefined {
    return this.#readers.get(client)?.get(keyOf(kind, target))
  }

  /** The reader of a remembered subscriber that is connected. */
  named(kind: SubscriptionKind, target: string, subscriber: string): Reader | undefined {
    return this.#named.get(keyOf(kind, target, subscriber))
  }

  /** How many of them there are. */
  get namedCount(): number {
    return this.#named.size
  }

  allNamed(): Iterable<Reader> {
    return this.#named.values()
  }

  // ── who may come ─────────────────────────────────────────────────────────

  addsPlaces(client: Subscriber, kind: SubscriptionKind, names: readonly string[]): boolean {
    for (const _ of this.#newPlaces(client, kind, names)) return true
    return false
  }

  checkPlaces(client: Subscriber, kind: SubscriptionKind, names: readonly string[]): void {
    const { places } = this.#host
    const added = new Map<string, number>()
    for (const { rule, subscriber } of this.#newPlaces(client, kind, names)) {
      const counted = `${rule.pattern} ${userOf(subscriber)}`
      const count = (added.get(counted) ?? 0) + 1
      added.set(counted, count)
      if (places.roomFor(rule, subscriber) < count) {
        throw ERR.of(
          `too many places of this user are remembered already: the channel's rule says max-remembered ${rule.maxRemembered}`,
        )
      }
    }
  }

  /** The places that would be remembered besides, if a client subscribed to these, each with its rule. */
  *#newPlaces(
    client: Subscriber,
    kind: SubscriptionKind,
    names: readonly string[],
  ): Generator<{ readonly rule: ChannelRule; readonly subscriber: string }, undefined> {
    assert(client instanceof Client, 'clients subscribe')
    const { logs, places } = this.#host
    const own = subscriberOf(client)
    for (const name of names) {
      const shared = isShared(name) ? parseSharedName(name) : undefined
      const subscriber = shared === undefined ? own : groupSubscriber(shared.group)
      if (subscriber === '') continue
      const target = shared?.target ?? name
      const rule = logs.rememberingRule(kind, target)
      if (rule !== undefined && places.get(kind, target, subscriber) === undefined) yield { rule, subscriber }
    }
  }

  // ── who comes ────────────────────────────────────────────────────────────

  join(subscriber: Subscriber, kind: SubscriptionKind, name: string): Listener {
    assert(subscriber instanceof Client, 'clients subscribe')
    return this.#host.logs.concern(kind, name) ? this.#join(subscriber, kind, name, 'first') : subscriber
  }

  /** `late` = it has been subscribed before there was a rule, or while data was loaded: it hears nothing that was before. */
  #join(client: Client, kind: SubscriptionKind, name: string, when: 'first' | 'late'): Reader {
    const host = this.#host
    const { logs } = host
    const subscriber = logs.keep(kind, name) ? subscriberOf(client) : ''
    const place = subscriber === '' ? undefined : this.#placeOf(kind, name, subscriber)
    const reader = new Reader(host, client, kind, name, subscriber)
    const end = logs.endOf(kind, name)
    if (place !== undefined) {
      reader.begin(place, logs.of(kind, name))
      reader.remembered.set(place.id, place.count)
    } else if (when === 'first' && logs.beginBefore(kind, name)) {
      reader.beginFirst(logs.of(kind, name), end.id)
    }
    if (client.wantsMessageIds) reader.acknowledged = new ReadPosition().copyFrom(place ?? reader.placeNow(end))
    const readers = this.#readers.get(client) ?? new NameMap<Reader>()
    readers.set(keyOf(kind, name), reader)
    client.listenerBytes += reader.bytes
    this.#readers.set(client, readers)
    if (subscriber !== '') {
      this.#named.set(keyOf(kind, name, subscriber), reader)
      if (place === undefined) this.remember(reader, reader.placeNow(end))
      reader.sample(host.monotonic(), end)
      host.sampleSoon()
    }
    if (!reader.isLive) host.readSoon(reader)
    return reader
  }

  /** How far a subscriber has heard. Who bears the same name and is connected gives its subscription up. */
  #placeOf(kind: SubscriptionKind, name: string, subscriber: string): ReadPosition | undefined {
    const holder = this.named(kind, name, subscriber)
    if (holder !== undefined) this.#displace(holder)
    const { logs, places } = this.#host
    const place = places.get(kind, name, subscriber)
    return place && logs.correct(kind, name, place)
  }

  /** Somebody else has taken a reader's place over: its client is told, or where that is impossible disconnected. */
  #displace(reader: Reader): void {
    const { client, kind, target } = reader
    const { clients, pubSub } = this.#engine
    this.#leaveBehind(reader)
    if (client.protocol === 2) {
      clients.close(client, 'now')
      return
    }
    pubSub.unsubscribe(client, kind, target)
    client.followSubscriptions()
    pubSub.sendEnd(client, kind, target)
  }

  /** Other rules are in force, or data has come: has everybody who is subscribed listen as the rules say now. */
  follow(): void {
    for (const client of this.#engine.clients.values()) {
      for (const kind of SUBSCRIPTION_KINDS) {
        for (const name of SUBSCRIPTIONS[kind].names(client)) this.#followOne(client, kind, name)
      }
    }
  }

  #followOne(client: Client, kind: SubscriptionKind, name: string): void {
    if (isShared(name)) return
    const { logs } = this.#host
    const { pubSub } = this.#engine
    const reader = this.of(client, kind, name)
    const concerned = logs.concern(kind, name)
    if (reader === undefined) {
      if (concerned) pubSub.replace(kind, name, client, this.#join(client, kind, name, 'late'))
    } else if (!concerned) {
      this.#detach(reader)
      pubSub.replace(kind, name, reader, client)
    } else {
      reader.follow(logs.of(kind, name))
    }
  }

  // ── who goes ─────────────────────────────────────────────────────────────

  leave(subscriber: Subscriber, kind: SubscriptionKind, name: string): Listener {
    const reader = this.of(subscriber, kind, name)
    if (reader === undefined) return subscriber
    this.#detach(reader)
    // Who unsubscribes wants nothing more; who is gone may come back.
    const { isLoading, places } = this.#host
    if (!reader.vanished && reader.subscriber !== '' && !isLoading) places.forget(kind, name, reader.subscriber)
    return reader
  }

  vanish(subscriber: Subscriber): void {
    for (const reader of this.#readers.get(subscriber)?.values() ?? []) this.#leaveBehind(reader)
  }

  /** Remembers how far a reader has come that ends without its client having asked for that. */
  #leaveBehind(reader: Reader): void {
    const { client, kind, subscriber, target } = reader
    reader.vanished = true
    if (subscriber === '') return
    const { logs, redeliverMs } = this.#host
    const isCertain = redeliverMs === 0 || (client.lastCommand === 'quit' && client.transport.backlogBytes === 0)
    const place = isCertain ? reader.placeNow(logs.endOf(kind, target)) : this.certainPlace(reader)
    this.remember(reader, reader.acknowledged ?? place ?? reader.remembered, 'left')
  }

  #detach(reader: Reader): void {
    const { client, kind, subscriber, target } = reader
    const readers = this.#readers.get(client)
    readers?.delete(keyOf(kind, target))
    if (readers?.size === 0) this.#readers.delete(client)
    client.listenerBytes -= reader.bytes
    reader.end()
    if (subscriber !== '' && this.named(kind, target, subscriber) === reader) {
      this.#named.delete(keyOf(kind, target, subscriber))
    }
  }

  // ── what is remembered of them ───────────────────────────────────────────

  /** How far a reader has heard for certain: what it was sent before that was taken, and some time ago; undefined = not known. */
  certainPlace(reader: Reader): ReadPosition | undefined {
    return reader.acknowledged ?? reader.placeAt(this.#host.monotonic() - this.#host.redeliverMs)
  }

  /**
   * Has a place written down, unless it is already, or data is loaded: what that brings is how it was. Of a subscriber that has `left` it is
   * also written down when that was, if the last writing is some time ago.
   */
  remember(reader: Reader, place: ReadPosition, when: 'left' | 'there' = 'there'): void {
    const { remembered, kind, subscriber, target } = reader
    const { isLoading, places } = this.#host
    if (isLoading) return
    const nowMs = this.#host.now()
    const isWritten = when === 'there' || nowMs - reader.rememberedMs < WRITTEN_AGAIN_MS
    if (isWritten && remembered.id.equals(place.id) && !place.id.isZero) return
    remembered.set(place.id, place.count)
    reader.rememberedMs = nowMs
    places.set(kind, target, subscriber, place)
  }

  /** Remembers a connected subscriber no more; it hears what is published as before. */
  disown(reader: Reader): void {
    this.#named.delete(keyOf(reader.kind, reader.target, reader.subscriber))
    reader.subscriber = ''
  }
}

/** As whom a client is remembered; '' = it is not. */
function subscriberOf({ name, user }: Client): string {
  return name === '' || user.name === GROUP_USER ? '' : `${user.name} ${name}`
}

function keyOf(kind: SubscriptionKind, target: string, subscriber = ''): string {
  return `${kind} ${subscriber}\0${target}`
}
