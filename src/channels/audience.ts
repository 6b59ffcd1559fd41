// Who listens to a channel under its name, and how far each has heard: what CHANNEL SUBSCRIBERS, LAG, ACK, SEEK and FORGET ask and change.
//
// A subscriber is known by what is remembered of it (places.ts). While it is connected its reader knows better, and is told of what
// changes.

import type { SubscriptionKind } from '../broker/message-keeper.ts'
import { isShared } from '../broker/shared-name.ts'
import type { Client } from '../engine/client.ts'
import type { Word } from '../engine/effects.ts'
import type { EventName } from '../engine/events.ts'
import type { Database } from '../store/database.ts'
import { Stream } from '../store/stream.ts'
import { EntryCursor } from '../store/stream-cursor.ts'
import { StreamId } from '../store/stream-id.ts'
import { Bytes } from '../util/bytes.ts'
import { logKey } from './channel-keys.ts'
import { streamUnder } from './channel-log.ts'
import type { ChannelLogs } from './channel-logs.ts'
import type { Group } from './group.ts'
import type { Groups } from './groups.ts'
import type { MessageIds } from './message-ids.ts'
import { Place, type Places, UNCOUNTED } from './places.ts'
import { Reader } from './reader.ts'
import type { Subscriptions } from './subscriptions.ts'

export interface AudienceHost {
  readonly db: Database
  readonly ids: MessageIds
  readonly places: Places
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
  readonly place: Place
  /** Messages that it has not heard yet. */
  readonly lag: number
}

/** Where CHANNEL SEEK has a subscriber go: behind an id, to a time, before all that is kept, behind all of it. */
export type Aim = { readonly behind: StreamId } | { readonly ms: number } | 'first' | 'last'

const from = new StreamId()
const END = new StreamId().setMax()

export class Audience {
  readonly #host: AudienceHost

  constructor(host: AudienceHost) {
    this.#host = host
  }

  /** Returns everybody who is remembered of a channel or a pattern. */
  of(kind: SubscriptionKind, target: string): Listening[] {
    const streams = this.#streams(kind, target)
    const found: Listening[] = []
    for (const [subscriber, place] of this.#host.places.of(kind, target)) {
      found.push(this.#describe(kind, target, subscriber, place, streams))
    }
    return found
  }

  /** Returns one of them; undefined = nothing is remembered of it. */
  find(kind: SubscriptionKind, target: string, subscriber: string): Listening | undefined {
    const place = this.#host.places.get(kind, target, subscriber)
    return place && this.#describe(kind, target, subscriber, place, this.#streams(kind, target))
  }

  #describe(
    kind: SubscriptionKind,
    target: string,
    subscriber: string,
    remembered: Place,
    streams: readonly Stream[],
  ): Listening {
    const place = this.#placeOf(this.#connected(kind, target, subscriber)) ?? remembered
    const space = subscriber.indexOf(' ')
    let lag = 0
    for (const stream of streams) lag += messagesBehind(stream, place)
    return {
      user: subscriber.slice(0, space),
      name: subscriber.slice(space + 1),
      isConnected: place !== remembered,
      place,
      lag,
    }
  }

  /** Who listens as a subscriber that is remembered, if it is there: a reader, or a group with members. */
  #connected(kind: SubscriptionKind, target: string, subscriber: string): Reader | Group | undefined {
    const { groups, subscriptions } = this.#host
    return subscriptions.named(kind, target, subscriber) ?? groups.ofSubscriber(kind, target, subscriber)
  }

  #placeOf(reader: Reader | Group | undefined): Place | undefined {
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

  /** The streams that a subscription reads. What no rule names any more is read by nobody, but still there to be asked for. */
  #streams(kind: SubscriptionKind, target: string): Stream[] {
    const { db } = this.#host
    const streams: Stream[] = []
    if (kind === 'pattern') {
      for (const log of this.#host.logs.of(kind, target)) if (log?.stream !== undefined) streams.push(log.stream)
    } else {
      const stream = streamUnder(db, Bytes.from(logKey(kind, target)))
      if (stream !== undefined) streams.push(stream)
    }
    return streams
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
  #advance(place: Place, id: StreamId, sent: StreamId, kind: SubscriptionKind, target: string): boolean {
    const to = id.compare(sent) < 0 ? id : sent
    if (to.compare(place.id) <= 0) return false
    if (place.count !== UNCOUNTED) {
      const [stream] = this.#streams(kind, target)
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
  #placeFor(kind: SubscriptionKind, target: string, aim: Aim): Place {
    const last = this.#host.logs.endOf(kind, target).id
    const place = new Place().set(last, UNCOUNTED)
    if (aim !== 'last') {
      if (aim === 'first') place.id.setZero()
      else if ('behind' in aim) place.id.copyFrom(aim.behind)
      else if (aim.ms > 0) place.id.setTime(aim.ms).decrement()
      else place.id.setZero()
      if (place.id.compare(last) > 0) place.id.copyFrom(last)
    }
    if (kind === 'pattern') return place
    const [stream] = this.#streams(kind, target)
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
export function messagesBehind(stream: Stream, place: Place): number {
  const { length } = stream
  if (length === 0 || place.id.compare(stream.lastId) >= 0) return 0
  if (place.id.compare(stream.firstId) < 0) return length
  if (place.count !== UNCOUNTED && !stream.hasTombstonesFrom(place.id)) {
    const count = Number(stream.entriesAdded) - place.count
    if (count >= 0 && count <= length) return count
  }
  return countFrom(stream, place.id, END)
}

/** How many messages a channel has had up to an id behind a place; UNCOUNTED. */
function countAt(stream: Stream, place: Place, id: StreamId): number {
  if (place.id.compare(stream.firstId) >= 0) return place.count + countFrom(stream, place.id, id)
  return Number(stream.entriesAdded) - stream.length + countFrom(stream, place.id, id)
}

/** Counts the entries behind an id, up to another. */
function countFrom(stream: Stream, behind: StreamId, to: StreamId): number {
  from.copyFrom(behind).increment()
  const cursor = new EntryCursor()
  return stream.seek(from, cursor) ? stream.countUpTo(cursor, to, Number.POSITIVE_INFINITY) : 0
}
