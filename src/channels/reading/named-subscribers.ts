// Who listens to a channel under its name, and how far each has heard: what CHANNEL SUBSCRIBERS, LAG, ACK, SEEK and FORGET ask and change.
//
// A subscriber is known by what is remembered of it (read-positions.ts). While it is connected its reader knows better, and is told of what
// changes.

import type { SubscriptionKind } from '../../broker/message-keeper.ts'
import { isShared } from '../../broker/shared-name.ts'
import type { EventName } from '../../config/event-flags.ts'
import type { Client } from '../../engine/clients/client.ts'
import type { Word } from '../../engine/effects/effects.ts'
import type { Database } from '../../store/keyspace/database.ts'
import { Stream } from '../../store/stream/stream.ts'
import { StreamId } from '../../store/stream/stream-id.ts'
import { Bytes } from '../../util/bytes/bytes.ts'
import type { Group } from '../groups/group.ts'
import type { Groups } from '../groups/groups.ts'
import { logKey } from '../log/channel-keys.ts'
import { streamUnder } from '../log/channel-log.ts'
import type { ChannelLogs } from '../log/channel-logs.ts'
import type { MessageIds } from '../log/message-ids.ts'
import { countBetween, LagCounter } from '../positions/lag-counter.ts'
import { ReadPosition, type ReadPositions, UNCOUNTED } from '../positions/read-positions.ts'
import { Reader } from './reader.ts'
import type { Subscriptions } from './subscriptions.ts'

export interface NamedSubscribersHost {
  readonly db: Database
  readonly ids: MessageIds
  readonly positions: ReadPositions
  readonly logs: ChannelLogs
  readonly subscriptions: Subscriptions
  readonly groups: Groups
  /** A key has changed: what is said of it, and what has to be propagated. */
  changedKey(key: Bytes, event: EventName, words: readonly Word[]): void
}

/** One who is remembered. */
export interface SubscriberState {
  readonly user: string
  readonly name: string
  readonly isConnected: boolean
  /** How far it has heard: what it was sent, or what it acknowledged. */
  readonly position: ReadPosition
  /** Messages that it has not heard yet. */
  lag: number
}

/** Where CHANNEL SEEK has a subscriber go: behind an id, to a time, before all that is kept, behind all of it. */
export type SeekTarget = { readonly behind: StreamId } | { readonly ms: number } | 'first' | 'last'

/** Subscribers of a channel whose messages are counted between two steps. */
const COUNTED = 20
const END = new StreamId().setMax()

export class NamedSubscribers {
  readonly #host: NamedSubscribersHost

  constructor(host: NamedSubscribersHost) {
    this.#host = host
  }

  /**
   * Returns the subscribers that are remembered of a channel or a pattern, or one of them, in steps of bounded work: there may be very many
   * of them, and of the channels. What changes between the steps may be told as it was before.
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

  *#count(
    kind: 'channel' | 'shard',
    target: string,
    found: readonly SubscriberState[],
  ): Generator<undefined, undefined> {
    const key = Bytes.from(logKey(kind, target))
    for (let i = 0; i < found.length; i++) {
      const stream = streamUnder(this.#host.db, key)
      if (stream === undefined) return
      found[i]!.lag = messagesBehind(stream, found[i]!.position)
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
    for (let i = 0; i < found.length; i++) found[i]!.lag = lags[i]!
  }

  /** Describes a subscriber, but for what it has not heard. */
  #describe(kind: SubscriptionKind, target: string, subscriber: string, remembered: ReadPosition): SubscriberState {
    const position = this.#positionOf(this.#connected(kind, target, subscriber)) ?? remembered
    const space = subscriber.indexOf(' ')
    return {
      user: subscriber.slice(0, space),
      name: subscriber.slice(space + 1),
      isConnected: position !== remembered,
      position: new ReadPosition().copyFrom(position),
      lag: 0,
    }
  }

  /** Who listens as a subscriber that is remembered, if it is there: a reader, or a group with members. */
  #connected(kind: SubscriptionKind, target: string, subscriber: string): Reader | Group | undefined {
    const { groups, subscriptions } = this.#host
    return subscriptions.named(kind, target, subscriber) ?? groups.ofSubscriber(kind, target, subscriber)
  }

  #positionOf(reader: Reader | Group | undefined): ReadPosition | undefined {
    if (reader === undefined) return undefined
    if (!(reader instanceof Reader)) return this.#host.groups.positionOf(reader)
    if (reader.acknowledged !== undefined) return reader.acknowledged
    const { kind, target } = reader
    return reader.positionNow(this.#host.logs.endOf(kind, target))
  }

  /** Returns the messages of a channel, if a rule names it still or did so once. Throws when something else is there. */
  messagesOf(name: string, kind: 'channel' | 'shard'): Stream | undefined {
    return this.#host.db.getForRead(Bytes.from(logKey(kind, name)), Stream)
  }

  /** Returns the stream of one channel. A stream that no rule names any more is not read, but can still be asked for. */
  #streamOf(kind: SubscriptionKind, target: string): Stream | undefined {
    return kind === 'pattern' ? undefined : streamUnder(this.#host.db, Bytes.from(logKey(kind, target)))
  }

  // ── changing ─────────────────────────────────────────────────────────────

  /**
   * Notes that everything up to an id was heard: by this client, or where it is not subscribed itself by the subscriber of its name; in a
   * group, everything that this member was given up to the message of that id. False when that was known already. undefined = nobody
   * is subscribed who acknowledges.
   */
  acknowledge(client: Client, kind: SubscriptionKind, target: string, id: StreamId): boolean | undefined {
    const { groups, positions, subscriptions } = this.#host
    if (isShared(target)) return groups.named(kind, target)?.acknowledge(client, id)
    const subscriber = client.name === '' ? '' : `${client.user.name} ${client.name}`
    const reader = subscriptions.of(client, kind, target) ?? this.#host.subscriptions.named(kind, target, subscriber)
    if (reader === undefined) {
      const position = subscriber === '' ? undefined : positions.get(kind, target, subscriber)
      if (position === undefined) return undefined
      if (!this.#advance(position, id, this.#host.logs.endOf(kind, target).id, kind, target)) return false
      positions.set(kind, target, subscriber, position)
      return true
    }
    const { acknowledged } = reader
    if (acknowledged === undefined) return undefined
    // What it was not sent it cannot have heard.
    const sent = reader.positionNow(this.#host.logs.endOf(kind, target)).id
    if (!this.#advance(acknowledged, id, sent, kind, target)) return false
    if (reader.subscriber !== '') this.#host.subscriptions.remember(reader, acknowledged)
    return true
  }

  /** Moves a place to an id, but not beyond what was sent, and never back. */
  #advance(position: ReadPosition, id: StreamId, sent: StreamId, kind: SubscriptionKind, target: string): boolean {
    const to = id.compare(sent) < 0 ? id : sent
    if (to.compare(position.id) <= 0) return false
    if (position.count !== UNCOUNTED) {
      const stream = this.#streamOf(kind, target)
      position.count = stream === undefined ? UNCOUNTED : countAt(stream, position, to)
    }
    position.id.copyFrom(to)
    return true
  }

  /** Has a subscriber go on elsewhere, at once if it is connected; false when nothing is remembered of it. */
  seek(kind: SubscriptionKind, target: string, subscriber: string, aim: SeekTarget): boolean {
    const { positions } = this.#host
    if (positions.get(kind, target, subscriber) === undefined) return false
    const position = this.#positionFor(kind, target, aim)
    const reader = this.#connected(kind, target, subscriber)
    if (reader === undefined) {
      positions.set(kind, target, subscriber, position)
    } else if (!(reader instanceof Reader)) {
      this.#host.groups.seek(reader, position)
    } else {
      reader.seek(position, this.#host.logs.logsOf(kind, target))
      this.#host.subscriptions.remember(reader, position)
    }
    return true
  }

  /** Where somebody stands who is to go on there. What has gone already is not counted as missed: nobody wants to hear it who goes back. */
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

  /** Has messages of a channel removed; returns how many that were. Throws when something else is there. */
  trim(name: string, kind: 'channel' | 'shard', trim: (stream: Stream) => number): number {
    const key = Bytes.from(logKey(kind, name))
    const stream = this.#host.db.getForWrite(key, Stream)
    const removed = stream === undefined ? 0 : trim(stream)
    if (removed > 0) this.#host.changedKey(key, 'xtrim', ['XTRIM', key, 'MAXLEN', '=', stream!.length])
    return removed
  }

  /**
   * Forgets a subscriber; false when nothing was remembered of it. One that is connected goes on hearing, as if it had no name; a group
   * that has members goes on with what is new.
   */
  forget(kind: SubscriptionKind, target: string, subscriber: string): boolean {
    const reader = this.#connected(kind, target, subscriber)
    if (reader instanceof Reader) this.#host.subscriptions.disown(reader)
    else reader?.forget()
    return this.#host.positions.forget(kind, target, subscriber)
  }
}

/** Counts the messages of a stream behind a place. Walks only where the place does not say how many were before it. */
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

/** How many messages a channel has had up to an id behind a place; UNCOUNTED. */
function countAt(stream: Stream, position: ReadPosition, id: StreamId): number {
  if (position.id.compare(stream.firstId) >= 0) return position.count + countBetween(stream, position.id, id)
  return Number(stream.entriesAdded) - stream.length + countBetween(stream, position.id, id)
}
