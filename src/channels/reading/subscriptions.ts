// The subscriptions under rules. Each has a reader that listens for its client, and a remembered
// position if the client has a name.
//
//   SUBSCRIBE            ─▶ join: finds the position of that name, which its connections share ─▶ a reader
//   UNSUBSCRIBE          ─▶ leave: the last connection of the name forgets the position
//   the connection ended ─▶ vanish: the last connection of the name writes the position ─▶ leave
//
// The first connection of a name hears what the name missed. Others that come while it is there
// hear every message from their SUBSCRIBE on (shared-position.ts).

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
import { SharedPosition } from './shared-position.ts'

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
  /** Notes that a name continues at its remembered position. */
  noteResumed(reader: Reader): void
  /** Notes that another connection of a name has come. */
  noteShared(reader: Reader): void
}

/** The position of a connected name. */
export type NamePosition = SharedPosition<Reader>

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
  /** Kind, target and subscriber → position, for remembered subscribers that are connected. */
  readonly #named = new NameMap<NamePosition>()
  /** Number of names that several connections share. */
  sharedNames = 0

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

  /** Returns the position of a remembered subscriber that is connected. */
  named(kind: SubscriptionKind, target: string, subscriber: string): NamePosition | undefined {
    return this.#named.get(keyOf(kind, target, subscriber))
  }

  /** Number of names with a connection. */
  get namedCount(): number {
    return this.#named.size
  }

  allNamed(): Iterable<NamePosition> {
    return this.#named.values()
  }

  // ── limits ───────────────────────────────────────────────────────────────

  addsPlaces(client: Subscriber, kind: SubscriptionKind, names: readonly string[]): boolean {
    for (const _ of this.#newPositions(client, kind, names)) return true
    return false
  }

  checkPlaces(client: Subscriber, kind: SubscriptionKind, names: readonly string[]): void {
    const { positions } = this.#host
    for (const name of names) this.#checkExclusive(client, kind, name)
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

  /** Refuses a second connection of a name where a rule says `names exclusive`. */
  #checkExclusive(client: Subscriber, kind: SubscriptionKind, target: string): void {
    assert(client instanceof Client, 'clients subscribe')
    const subscriber = subscriberOf(client)
    if (subscriber === '' || this.of(client, kind, target) !== undefined) return
    if (this.named(kind, target, subscriber) === undefined || !this.#host.logs.isExclusive(kind, target)) return
    throw ERR.of(
      `the name '${client.identity.name}' is in use: another connection of user '${client.identity.user.name}' is subscribed to '${target}', and the channel's rule says names exclusive`,
    )
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
    const shared = this.named(kind, name, subscriber)
    const position = shared === undefined ? this.#rememberedPosition(kind, name, subscriber) : undefined
    const reader = new Reader(host, client, kind, name, subscriber)
    const end = logs.endOf(kind, name)
    if (position !== undefined) {
      reader.beginAgain(position, logs.logsOf(kind, name))
    } else if (shared === undefined && when === 'first' && logs.startsWithHistory(kind, name)) {
      reader.beginFirst(logs.logsOf(kind, name), end.id)
    }
    const begin = position ?? reader.positionNow(end)
    reader.since.copyFrom(begin.id)
    if (client.subscriptions.wantsMessageIds) reader.acknowledged = new ReadPosition().set(begin.id, begin.count)
    const readers = this.#readers.get(client) ?? new NameMap<Reader>()
    readers.set(keyOf(kind, name), reader)
    client.bytes.listeners += reader.bytes
    this.#readers.set(client, readers)
    if (subscriber !== '') this.#joinName(reader, begin, position !== undefined)
    if (!reader.isLive) host.readSoon(reader)
    return reader
  }

  /** Adds a connection to its name; `begin` is where it begins. */
  #joinName(reader: Reader, begin: ReadPosition, isRemembered: boolean): void {
    const { kind, subscriber, target } = reader
    const host = this.#host
    const others = this.named(kind, target, subscriber)
    if (others === undefined) {
      const shared = new SharedPosition<Reader>(kind, target, subscriber, begin, host.logs.endOf(kind, target).id)
      this.#named.set(keyOf(kind, target, subscriber), shared)
      reader.shared = shared
      if (isRemembered) {
        shared.remembered.copyFrom(begin)
        host.noteResumed(reader)
      } else {
        this.remember(shared, begin)
      }
    } else {
      // The others have taken what lies before the new connection, unless they are slow.
      this.sampleName(others)
      reader.shared = others
      if (others.readers.length === 1) this.sharedNames++
      host.noteShared(reader)
    }
    assert(reader.shared !== undefined, 'a named reader has a position')
    reader.shared.join(reader)
    this.sampleName(reader.shared)
    host.sampleSoon()
  }

  /** Returns the position of a subscriber; undefined when it is not remembered. */
  #rememberedPosition(kind: SubscriptionKind, name: string, subscriber: string): ReadPosition | undefined {
    if (subscriber === '') return undefined
    const { logs, positions } = this.#host
    const position = positions.get(kind, name, subscriber)
    return position && logs.correct(kind, name, position)
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
    const { shared } = reader
    const { isLoading, positions } = this.#host
    if (!reader.vanished && shared !== undefined) this.#leaveName(reader, shared, 'heard all')
    this.#detach(reader)
    // UNSUBSCRIBE means that the client wants nothing more. A client that vanished may come back.
    const isLast = shared?.readers.length === 0
    if (!reader.vanished && isLast && !isLoading) positions.forget(kind, name, reader.subscriber)
    return reader
  }

  vanish(subscriber: Subscriber): void {
    for (const reader of this.#readers.get(subscriber)?.values() ?? []) this.#vanish(reader)
  }

  /** Remembers the position of a name whose last connection ended without UNSUBSCRIBE. */
  #vanish(reader: Reader): void {
    const { client, shared } = reader
    reader.vanished = true
    if (shared === undefined) return
    const { redeliverMs } = this.#host
    const heardAll =
      redeliverMs === 0 || (client.activity.lastCommand === 'quit' && client.connection.transport.backlogBytes === 0)
    const position = this.#leaveName(reader, shared, heardAll ? 'heard all' : 'broke')
    if (shared.readers.length === 0) this.remember(shared, position ?? shared.remembered, 'left')
  }

  /**
   * Removes a connection from its name. The other connections hear what only this one was hearing,
   * and, if it broke, what it was sent lately and they were not.
   * Returns the position that is certain when it was the last one; undefined when not known.
   */
  #leaveName(reader: Reader, shared: NamePosition, how: 'heard all' | 'broke'): ReadPosition | undefined {
    const { logs } = this.#host
    const { kind, target } = shared
    const nowMs = this.#host.monotonic()
    const end = logs.endOf(kind, target)
    if (how === 'heard all') reader.tookAll(nowMs, end)
    const certainMs = nowMs - this.#host.redeliverMs
    shared.advance()
    const position = how === 'heard all' ? shared.taken : shared.certainPosition(certainMs)
    if (!shared.leave(reader, how === 'heard all' ? nowMs : certainMs)) return position
    if (shared.readers.length === 1) this.sharedNames--
    if (how === 'broke') shared.doubt(position ?? shared.remembered, certainMs)
    const { heir } = shared
    if (heir !== undefined) shared.inherit(heir, end, certainMs)
    return position
  }

  #detach(reader: Reader): void {
    const { client, kind, subscriber, target } = reader
    const readers = this.#readers.get(client)
    assert(readers?.get(keyOf(kind, target)) === reader, 'a reader that is detached was joined')
    readers.delete(keyOf(kind, target))
    if (readers.size === 0) this.#readers.delete(client)
    client.bytes.listeners -= reader.bytes
    assert(client.bytes.listeners >= 0, 'the bytes of readers are counted')
    reader.end()
    const { shared } = reader
    if (shared === undefined) return
    if (shared.leave(reader, this.#host.monotonic()) && shared.readers.length === 1) this.sharedNames--
    reader.shared = undefined
    if (shared.readers.length === 0 && this.named(kind, target, subscriber) === shared) {
      this.#named.delete(keyOf(kind, target, subscriber))
    }
  }

  // ── remembered positions ─────────────────────────────────────────────────

  /** Notes how far the connections of a name have taken messages. */
  sampleName(shared: NamePosition): void {
    const { logs } = this.#host
    const nowMs = this.#host.monotonic()
    if (shared.readers.every(isSampled)) return
    const end = logs.endOf(shared.kind, shared.target)
    shared.correct(end)
    for (const reader of shared.readers) reader.sample(nowMs, end)
    shared.sample(nowMs)
  }

  /**
   * Remembers the certain position of a name: up to messages that were taken at least `redeliver`
   * ago, or acknowledged.
   */
  rememberCertain(shared: NamePosition): void {
    const position = shared.certainPosition(this.#host.monotonic() - this.#host.redeliverMs)
    if (position !== undefined) this.remember(shared, position)
  }

  /**
   * Writes a position, unless it is written already or data is being loaded. For a subscriber that
   * `left`, the time of leaving is written too, if the last write is not recent.
   */
  remember(shared: NamePosition, position: ReadPosition, when: 'left' | 'there' = 'there'): void {
    const { remembered, kind, subscriber, target } = shared
    const { isLoading, positions } = this.#host
    if (isLoading) return
    assert(subscriber !== '', 'only named subscribers are remembered')
    const nowMs = this.#host.now()
    const isWritten = when === 'there' || nowMs - shared.rememberedMs < WRITTEN_AGAIN_MS
    if (isWritten && remembered.equals(position) && !position.id.isZero) return
    remembered.copyFrom(position)
    shared.rememberedMs = nowMs
    positions.set(kind, target, subscriber, position)
  }

  /** Moves the connections of a name to another position. */
  seek(shared: NamePosition, position: ReadPosition): void {
    const { kind, readers, target } = shared
    shared.seek(position)
    for (const reader of readers) reader.seek(position, this.#host.logs.logsOf(kind, target))
    this.remember(shared, position)
  }

  /** Stops remembering a connected subscriber. Its connections still hear what is published. */
  disown({ kind, readers, subscriber, target }: NamePosition): void {
    this.#named.delete(keyOf(kind, target, subscriber))
    if (readers.length > 1) this.sharedNames--
    for (const reader of readers) {
      reader.subscriber = ''
      reader.shared = undefined
    }
  }
}

/** Returns the name under which a client is remembered; '' when it is not. */
function subscriberOf({ identity: { user, name } }: Client): string {
  return name === '' || user.name === GROUP_USER ? '' : `${user.name} ${name}`
}

function isSampled(reader: Reader): boolean {
  return reader.isSampled
}

function keyOf(kind: SubscriptionKind, target: string, subscriber = ''): string {
  return `${kind} ${subscriber}\0${target}`
}
