// Who listens to a channel under its name, and how far each has heard: what CHANNEL SUBSCRIBERS, LAG, ACK, SEEK and FORGET ask and change.
//
// A subscriber is known by what is remembered of it (read-positions.ts). While it is connected its reader knows better, and is told of what
// changes.

import { isShared } from '../../broker/shared-name.ts'
import type { SubscriptionKind } from '../../broker/subscription-kind.ts'
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
import { countBetween, LagCount } from '../positions/lag-count.ts'
import { ReadPosition, type ReadPositions, UNCOUNTED } from '../positions/read-positions.ts'
import { Reader } from './reader.ts'
import type { Subscriptions } from './subscriptions.ts'

export interface AudienceHost {
  readonly db: Database
  readonly ids: MessageIds
  readonly places: ReadPositions
  readonly logs: ChannelLogs
  readonly subscriptions: Subscriptions
  readonly groups: Groups
  /** A key has changed: what is said of it, and what has to be propagated. */
  changedKey(key: Bytes, event: EventName, words: readonly Word[]): void
}

/** One who is remembered. */
export interface Listening {
  readonly user: string
  readonly name: string
  readonly isConnected: boolean
  /** How far it has heard: what it was sent, or what it acknowledged. */
  readonly place: ReadPosition
  /** Messages that it has not heard yet. */
  lag: number
}

/** Where CHANNEL SEEK has a subscriber go: behind an id, to a time, before all that is kept, behind all of it. */
export type Aim = { readonly behind: StreamId } | { readonly ms: number } | 'first' | 'last'

/** Subscribers of a channel whose messages are counted between two steps. */
const COUNTED = 20
const END = new StreamId().setMax()

export class Audience {
  readonly #host: AudienceHost

  constructor(host: AudienceHost) {
    this.#host = host
  }

  /**
   * Returns the subscribers that are remembered of a channel or a pattern, or one of them, in steps of bounded work: there may be very many
   * of them, and of the channels. What changes between the steps may be told as it was before.
   */
  *look(kind: SubscriptionKind, target: string, subscriber?: string): Generator<undefined, readonly Listening[]> {
    const { places } = this.#host
    const found: Listening[] = []
    if (subscriber === undefined) {
      for (const some of places.of(kind, target)) {
        for (const [each, place] of some) found.push(this.#describe(kind, target, each, place))
        yield
      }
    } else {
      const place = places.get(kind, target, subscriber)
      if (place !== undefined) found.push(this.#describe(kind, target, subscriber, place))
    }
    if (kind === 'pattern') yield* this.#countByPattern(target, found)
    else yield* this.#count(kind, target, found)
    return found
  }

  *#count(kind: 'channel' | 'shard', target: string, found: readonly Listening[]): Generator<undefined, undefined> {
    const key = Bytes.from(logKey(kind, target))
    for (let i = 0; i < found.length; i++) {
      const stream = streamUnder(this.#host.db, key)
      if (stream === undefined) return
      found[i]!.lag = messagesBehind(stream, found[i]!.place)
      if (i % COUNTED === COUNTED - 1) yield
    }
  }

  *#countByPattern(pattern: string, found: readonly Listening[]): Generator<undefined, undefined> {
    const count = new LagCount(found.map(({ place }) => place.id))
    for (const log of this.#host.logs.of('pattern', pattern)) {
      if (log?.stream !== undefined) yield* count.add(log.stream)
      yield
    }
    const lags = count.lags()
    for (let i = 0; i < found.length; i++) found[i]!.lag = lags[i]!
  }

  /** Describes a subscriber, but for what it has not heard. */
  #describe(kind: SubscriptionKind, target: string, subscriber: string, remembered: ReadPosition): Listening {
    const place = this.#placeOf(this.#connected(kind, target, subscriber)) ?? remembered
    const space = subscriber.indexOf(' ')
    return {
      user: subscriber.slice(0, space),
      name: subscriber.slice(space + 1),
      isConnected: place !== remembered,
      place: new ReadPosition().copyFrom(place),
      lag: 0,
    }
  }

  /** Who listens as a subscriber that is remembered, if it is there: a reader, or a group with members. */
  #connected(kind: SubscriptionKind, target: string, subscriber: string): Reader | Group | undefined {
    const { groups, subscriptions } = this.#host
    return subscriptions.named(kind, target, subscriber) ?? groups.ofSubscriber(kind, target, subscriber)
  }

  #placeOf(reader: Reader | Group | undefined): ReadPosition | undefined {
    if (reader === undefined) return undefined
    if (!(reader instanceof Reader)) return this.#host.groups.placeOf(reader)
    if (reader.acknowledged !== undefined) return reader.acknowledged
    const { kind, target } = reader
    return reader.placeNow(this.#host.logs.endOf(kind, target))
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
    const { groups, places, subscriptions } = this.#host
    if (isShared(target)) return groups.named(kind, target)?.acknowledge(client, id)
    const subscriber = client.name === '' ? '' : `${client.user.name} ${client.name}`
    const reader = subscriptions.of(client, kind, target) ?? this.#host.subscriptions.named(kind, target, subscriber)
    if (reader === undefined) {
      const place = subscriber === '' ? undefined : places.get(kind, target, subscriber)
      if (place === undefined) return undefined
      if (!this.#advance(place, id, this.#host.logs.endOf(kind, target).id, kind, target)) return false
      places.set(kind, target, subscriber, place)
      return true
    }
    const { acknowledged } = reader
    if (acknowledged === undefined) return undefined
    // What it was not sent it cannot have heard.
    const sent = reader.placeNow(this.#host.logs.endOf(kind, target)).id
    if (!this.#advance(acknowledged, id, sent, kind, target)) return false
    if (reader.subscriber !== '') this.#host.subscriptions.remember(reader, acknowledged)
    return true
  }

  /** Moves a place to an id, but not beyond what was sent, and never back. */
  #advance(place: ReadPosition, id: StreamId, sent: StreamId, kind: SubscriptionKind, target: string): boolean {
    const to = id.compare(sent) < 0 ? id : sent
    if (to.compare(place.id) <= 0) return false
    if (place.count !== UNCOUNTED) {
      const stream = this.#streamOf(kind, target)
      place.count = stream === undefined ? UNCOUNTED : countAt(stream, place, to)
    }
    place.id.copyFrom(to)
    return true
  }

  /** Has a subscriber go on elsewhere, at once if it is connected; false when nothing is remembered of it. */
  seek(kind: SubscriptionKind, target: string, subscriber: string, aim: Aim): boolean {
    const { places } = this.#host
    if (places.get(kind, target, subscriber) === undefined) return false
    const place = this.#placeFor(kind, target, aim)
    const reader = this.#connected(kind, target, subscriber)
    if (reader === undefined) {
      places.set(kind, target, subscriber, place)
    } else if (!(reader instanceof Reader)) {
      this.#host.groups.seek(reader, place)
    } else {
      reader.seek(place, this.#host.logs.of(kind, target))
      this.#host.subscriptions.remember(reader, place)
    }
    return true
  }

  /** Where somebody stands who is to go on there. What has gone already is not counted as missed: nobody wants to hear it who goes back. */
  #placeFor(kind: SubscriptionKind, target: string, aim: Aim): ReadPosition {
    const last = this.#host.logs.endOf(kind, target).id
    const place = new ReadPosition().set(last, UNCOUNTED)
    if (aim !== 'last') {
      if (aim === 'first') place.id.setZero()
      else if ('behind' in aim) place.id.copyFrom(aim.behind)
      else if (aim.ms > 0) place.id.setTime(aim.ms).decrement()
      else place.id.setZero()
      if (place.id.compare(last) > 0) place.id.copyFrom(last)
    }
    if (kind === 'pattern') return place
    const stream = this.#streamOf(kind, target)
    if (stream === undefined || stream.length === 0) return place
    if (place.id.compare(stream.firstId) < 0) {
      place.id.copyFrom(stream.firstId).decrement()
      place.count = Number(stream.entriesAdded) - stream.length
    } else {
      place.count = Number(stream.entriesAdded) - messagesBehind(stream, place)
    }
    return place
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
    return this.#host.places.forget(kind, target, subscriber)
  }
}

/** Counts the messages of a stream behind a place. Walks only where the place does not say how many were before it. */
export function messagesBehind(stream: Stream, place: ReadPosition): number {
  const { length } = stream
  if (length === 0 || place.id.compare(stream.lastId) >= 0) return 0
  if (place.id.compare(stream.firstId) < 0) return length
  if (place.count !== UNCOUNTED && !stream.hasTombstonesFrom(place.id)) {
    const count = Number(stream.entriesAdded) - place.count
    if (count >= 0 && count <= length) return count
  }
  return countBetween(stream, place.id, END)
}

/** How many messages a channel has had up to an id behind a place; UNCOUNTED. */
function countAt(stream: Stream, place: ReadPosition, id: StreamId): number {
  if (place.id.compare(stream.firstId) >= 0) return place.count + countBetween(stream, place.id, id)
  return Number(stream.entriesAdded) - stream.length + countBetween(stream, place.id, id)
}
