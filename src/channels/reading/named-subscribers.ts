// The subscribers of a channel that are remembered by name, and how far each has read. CHANNEL
// SUBSCRIBERS, LAG, ACK, SEEK and FORGET read and change their state here.
//
// The remembered position of a subscriber is data (read-positions.ts). The reader of a connected
// subscriber knows a newer position, and is told of changes.

import { isShared } from '../../broker/group-name.ts'
import type { ChannelKind, SubscriptionKind } from '../../broker/subscription-kind.ts'
import type { Client } from '../../engine/clients/client.ts'
import { Stream } from '../../store/stream/stream.ts'
import { StreamId } from '../../store/stream/stream-id.ts'
import { assert } from '../../util/assert.ts'
import { Bytes } from '../../util/bytes/bytes.ts'
import { Glob } from '../../util/bytes/glob.ts'
import type { Group } from '../groups/group.ts'
import type { Groups } from '../groups/groups.ts'
import { logKey } from '../log/channel-keys.ts'
import { streamUnder } from '../log/channel-log.ts'
import type { ChannelLogs } from '../log/channel-logs.ts'
import type { MessageIds } from '../log/message-ids.ts'
import type { StoredKeys } from '../log/stored-keys.ts'
import { countBetween, LagCounter } from '../positions/lag-counter.ts'
import { ReadPosition, type ReadPositions, UNCOUNTED } from '../positions/read-positions.ts'
import type { Reader } from './reader.ts'
import { SharedPosition } from './shared-position.ts'
import type { NamePosition, Subscriptions } from './subscriptions.ts'

export interface NamedSubscribersHost extends StoredKeys {
  readonly ids: MessageIds
  readonly positions: ReadPositions
  readonly logs: ChannelLogs
  readonly subscriptions: Subscriptions
  readonly groups: Groups
}

/** The state of one remembered subscriber. */
export interface SubscriberState {
  readonly user: string
  readonly name: string
  /** Number of connections; for a group, of members. */
  readonly connections: number
  /** The last message that it was sent, or that it acknowledged. */
  readonly position: ReadPosition
  /** Number of messages behind its position. */
  lag: number
}

/**
 * The target of CHANNEL SEEK: behind an id, at a time, before the first kept message, or behind the
 * last.
 */
export type SeekTarget = { readonly behind: StreamId } | { readonly ms: number } | 'first' | 'last'

/** Subscribers whose lag is counted between two steps. */
const COUNTED = 20
const END = new StreamId().setMax()

export class NamedSubscribers {
  readonly #host: NamedSubscribersHost

  constructor(host: NamedSubscribersHost) {
    this.#host = host
  }

  /**
   * Returns the remembered subscribers of a channel or pattern, or one of them. It works in bounded
   * steps, because subscribers and channels may be very many. State that changes between two steps
   * may be reported as before.
   */
  *list(kind: SubscriptionKind, target: string, subscriber?: string): Generator<undefined, readonly SubscriberState[]> {
    const { positions } = this.#host
    const found: SubscriberState[] = []
    if (subscriber === undefined) {
      for (const some of positions.of(kind, target)) {
        for (const [each, position] of some) found.push(this.#describe(kind, target, each, position))
        yield
      }
    } else {
      const position = positions.get(kind, target, subscriber)
      if (position !== undefined) found.push(this.#describe(kind, target, subscriber, position))
    }
    if (kind === 'pattern') yield* this.#countByPattern(target, found)
    else yield* this.#count(kind, target, found)
    return found
  }

  /**
   * Counts the remembered subscribers that are not connected and will hear a message to a channel
   * when they come back: by its name, or by a pattern that matches it. It works in bounded steps.
   */
  *away(kind: ChannelKind, channel: string): Generator<undefined, { readonly count: number }> {
    let count = yield* this.#awayOf(kind, channel)
    if (kind === 'shard') return { count }
    for (const pattern of this.#host.positions.patterns()) {
      if (pattern !== undefined && new Glob(pattern).matches(channel)) count += yield* this.#awayOf('pattern', pattern)
      yield
    }
    return { count }
  }

  *#awayOf(kind: SubscriptionKind, target: string): Generator<undefined, number> {
    let count = 0
    for (const some of this.#host.positions.of(kind, target)) {
      for (const [subscriber] of some) if (this.#connected(kind, target, subscriber) === undefined) count++
      yield
    }
    return count
  }

  *#count(
    kind: 'channel' | 'shard',
    target: string,
    found: readonly SubscriberState[],
  ): Generator<undefined, undefined> {
    const key = Bytes.from(logKey(kind, target))
    for (const [i, each] of found.entries()) {
      const stream = streamUnder(this.#host.db, key)
      if (stream === undefined) return
      each.lag = messagesBehind(stream, each.position)
      if (i % COUNTED === COUNTED - 1) yield
    }
  }

  *#countByPattern(pattern: string, found: readonly SubscriberState[]): Generator<undefined, undefined> {
    const count = new LagCounter(found.map(({ position }) => position.id))
    for (const log of this.#host.logs.logsOf('pattern', pattern)) {
      if (log?.stream !== undefined) yield* count.add(log.stream)
      yield
    }
    const lags = count.lags()
    assert(lags.length === found.length, 'each subscriber has a lag')
    for (const [i, each] of found.entries()) each.lag = lags[i] ?? 0
  }

  /** Describes a subscriber, without its lag. */
  #describe(kind: SubscriptionKind, target: string, subscriber: string, remembered: ReadPosition): SubscriberState {
    const connected = this.#connected(kind, target, subscriber)
    const position = connected === undefined ? remembered : this.#positionOf(connected)
    const space = subscriber.indexOf(' ')
    return {
      user: subscriber.slice(0, space),
      name: subscriber.slice(space + 1),
      connections: connected === undefined ? 0 : connectionsOf(connected),
      position: new ReadPosition().copyFrom(position),
      lag: 0,
    }
  }

  /** Returns the position of a connected subscriber, or its group if that has members. */
  #connected(kind: SubscriptionKind, target: string, subscriber: string): NamePosition | Group | undefined {
    const { groups, subscriptions } = this.#host
    return subscriptions.named(kind, target, subscriber) ?? groups.ofSubscriber(kind, target, subscriber)
  }

  #positionOf(connected: NamePosition | Group): ReadPosition {
    const { groups, logs } = this.#host
    if (!(connected instanceof SharedPosition)) return groups.positionOf(connected)
    return connected.sentPosition(logs.endOf(connected.kind, connected.target))
  }

  /**
   * Returns the stream of a channel, whether or not a rule still names the channel. Throws when the
   * key has another type.
   */
  messagesOf(name: string, kind: 'channel' | 'shard'): Stream | undefined {
    return this.#host.db.getForRead(Bytes.from(logKey(kind, name)), Stream)
  }

  /**
   * Returns the stream of one channel. A channel that no rule names any more is not read, but
   * commands still show it.
   */
  #streamOf(kind: SubscriptionKind, target: string): Stream | undefined {
    return kind === 'pattern' ? undefined : streamUnder(this.#host.db, Bytes.from(logKey(kind, target)))
  }

  // ── changes ──────────────────────────────────────────────────────────────

  /**
   * Notes that all messages up to an id were heard. The subscriber is the client itself; when the
   * client is not subscribed, it is the subscriber of the client's user and name. In a group, the
   * id ends the messages that this member has in flight. Returns false when they were acknowledged
   * already, and undefined when no such subscriber acknowledges.
   */
  acknowledge(client: Client, kind: SubscriptionKind, target: string, id: StreamId): boolean | undefined {
    const { groups, positions, subscriptions } = this.#host
    if (isShared(target)) return groups.named(kind, target)?.acknowledge(client, id)
    const subscriber = client.identity.name === '' ? '' : `${client.identity.user.name} ${client.identity.name}`
    const own = subscriptions.of(client, kind, target)
    const readers = own === undefined ? subscriptions.named(kind, target, subscriber)?.readers : [own]
    if (readers !== undefined) return this.#acknowledgeBy(readers, id)
    const position = subscriber === '' ? undefined : positions.get(kind, target, subscriber)
    if (position === undefined) return undefined
    if (!this.#advance(position, id, this.#host.logs.endOf(kind, target).id, kind, target)) return false
    positions.set(kind, target, subscriber, position)
    return true
  }

  /**
   * Notes the acknowledgement for the connections of a name that were sent the message. Which of
   * them heard it is not known.
   */
  #acknowledgeBy(readers: readonly Reader[], id: StreamId): boolean | undefined {
    const asked = readers.filter(({ acknowledged }) => acknowledged !== undefined)
    if (asked.length === 0) return undefined
    const reached = asked.length === 1 ? asked : asked.filter((reader) => this.#wasSent(reader, id))
    let isNew = false
    for (const reader of reached) if (this.#acknowledgeOne(reader, id)) isNew = true
    const shared = reached[0]?.shared
    if (isNew && shared !== undefined) this.#host.subscriptions.rememberCertain(shared)
    return isNew
  }

  #wasSent(reader: Reader, id: StreamId): boolean {
    if (id.compare(reader.since) <= 0) return false
    const { id: sent } = reader.positionNow(this.#host.logs.endOf(reader.kind, reader.target))
    return id.compare(sent) <= 0 || reader.sentBefore(id) !== undefined
  }

  #acknowledgeOne(reader: Reader, id: StreamId): boolean {
    const { acknowledged, kind, shared, target } = reader
    assert(acknowledged !== undefined, 'the client acknowledges')
    const before = reader.sentBefore(id)
    if (before !== undefined && acknowledged.id.compare(before.from) <= 0 && shared !== undefined) {
      shared.taken.extendAhead(before.from, id)
      return true
    }
    // The client cannot have heard messages that it was not sent.
    return this.#advance(acknowledged, id, reader.positionNow(this.#host.logs.endOf(kind, target)).id, kind, target)
  }

  /** Moves a position forward to an id, at most to the last message sent. */
  #advance(position: ReadPosition, id: StreamId, sent: StreamId, kind: SubscriptionKind, target: string): boolean {
    const to = id.compare(sent) < 0 ? id : sent
    if (to.compare(position.id) <= 0) return false
    if (position.count !== UNCOUNTED) {
      const stream = this.#streamOf(kind, target)
      position.count = stream === undefined ? UNCOUNTED : countAt(stream, position, to)
    }
    position.id.copyFrom(to)
    assert(to.compare(sent) <= 0, 'only sent messages are acknowledged')
    return true
  }

  /**
   * Moves a subscriber to another position, at once when it is connected. Returns false when it is
   * not remembered.
   */
  seek(kind: SubscriptionKind, target: string, subscriber: string, aim: SeekTarget): boolean {
    const { positions } = this.#host
    if (positions.get(kind, target, subscriber) === undefined) return false
    const position = this.#positionFor(kind, target, aim)
    const connected = this.#connected(kind, target, subscriber)
    if (connected === undefined) positions.set(kind, target, subscriber, position)
    else if (connected instanceof SharedPosition) this.#host.subscriptions.seek(connected, position)
    else this.#host.groups.seek(connected, position)
    return true
  }

  /**
   * Has a connected subscriber go on at another position, whether it is remembered or not. Returns
   * false when its subscription is under no rule. Behind an id that is older than all kept messages
   * it is told of a gap.
   */
  seekConnected(client: Client, kind: SubscriptionKind, target: string, aim: SeekTarget): boolean {
    const { logs, subscriptions } = this.#host
    const reader = subscriptions.of(client, kind, target)
    if (reader === undefined) return false
    const position = this.#positionFor(kind, target, aim)
    if (typeof aim === 'object' && 'behind' in aim && aim.behind.compare(position.id) < 0)
      position.set(aim.behind, UNCOUNTED)
    if (reader.shared?.readers.length === 1) subscriptions.seek(reader.shared, position)
    else {
      // Other connections of its name go on where they are. One of them may be the client's own before.
      reader.seek(position, logs.logsOf(kind, target))
      reader.since.copyFrom(position.id)
      if (typeof aim === 'object' && 'behind' in aim) reader.shared?.confirm(reader, position.id)
    }
    return true
  }

  /**
   * Returns the position of a seek target. Messages that are gone do not count as missed: the seek
   * asked for what is left.
   */
  #positionFor(kind: SubscriptionKind, target: string, aim: SeekTarget): ReadPosition {
    const last = this.#host.logs.endOf(kind, target).id
    const position = new ReadPosition().set(last, UNCOUNTED)
    if (aim !== 'last') {
      if (aim === 'first') position.id.setZero()
      else if ('behind' in aim) position.id.copyFrom(aim.behind)
      else if (aim.ms > 0) position.id.setTime(aim.ms).decrement()
      else position.id.setZero()
      if (position.id.compare(last) > 0) position.id.copyFrom(last)
    }
    if (kind === 'pattern') return position
    const stream = this.#streamOf(kind, target)
    if (stream === undefined || stream.length === 0) return position
    if (position.id.compare(stream.firstId) < 0) {
      position.id.copyFrom(stream.firstId).decrement()
      position.count = Number(stream.entriesAdded) - stream.length
    } else {
      position.count = Number(stream.entriesAdded) - messagesBehind(stream, position)
    }
    return position
  }

  /** Removes messages of a channel; returns how many. Throws when the key has another type. */
  trim(name: string, kind: 'channel' | 'shard', trim: (stream: Stream) => number): number {
    const key = Bytes.from(logKey(kind, name))
    const stream = this.#host.db.getForWrite(key, Stream)
    if (stream === undefined) return 0
    const removed = trim(stream)
    if (removed > 0) this.#host.changedKey(key, 'xtrim', ['XTRIM', key, 'MAXLEN', '=', stream.length])
    return removed
  }

  /**
   * Forgets a subscriber; returns false when it was not remembered. If it is connected, it
   * continues like a subscriber without a name. A group with members continues with new messages.
   */
  forget(kind: SubscriptionKind, target: string, subscriber: string): boolean {
    const connected = this.#connected(kind, target, subscriber)
    if (connected instanceof SharedPosition) this.#host.subscriptions.disown(connected)
    else connected?.forget()
    return this.#host.positions.forget(kind, target, subscriber)
  }
}

function connectionsOf(connected: NamePosition | Group): number {
  return connected instanceof SharedPosition ? connected.readers.length : connected.size
}

/** Counts the messages behind a position. Walks the stream only when the position has no count. */
export function messagesBehind(stream: Stream, position: ReadPosition): number {
  const { length } = stream
  if (length === 0 || position.id.compare(stream.lastId) >= 0) return 0
  if (position.id.compare(stream.firstId) < 0) return length
  if (position.count !== UNCOUNTED && !stream.hasTombstonesFrom(position.id)) {
    const count = Number(stream.entriesAdded) - position.count
    if (count >= 0 && count <= length) return count
  }
  return countBetween(stream, position.id, END)
}

/**
 * Returns the number of messages that the channel had up to an id behind a position; UNCOUNTED when
 * unknown.
 */
function countAt(stream: Stream, position: ReadPosition, id: StreamId): number {
  if (position.id.compare(stream.firstId) >= 0) return position.count + countBetween(stream, position.id, id)
  return Number(stream.entriesAdded) - stream.length + countBetween(stream, position.id, id)
}
