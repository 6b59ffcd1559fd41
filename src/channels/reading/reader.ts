// One subscription under rules: who listens to a channel or a pattern in a client's place.
//
//            has heard all there is ──────────────▶ live ── the client takes too little ──▶ behind
//   behind ── a slice a time, as its socket drains ──▶ (live again)
//
// A reader that is live hands on what is published. One that is behind, because it has come back, has begun before now or
// is too slow, reads from the logs, in slices, each when the client has taken the one before: nothing is buffered, and
// nothing is between the last message that was read and the first that is heard live.
//
// What no rule keeps passes through; under a `slow` rule a client that takes too little is given less of it (spare-messages.ts).

import type { Listener, MessageLog } from '../../broker/subscriber.ts'
import { type MessageKind, SUBSCRIPTIONS, type SubscriptionKind } from '../../broker/subscription-kind.ts'
import type { Client } from '../../engine/clients/client.ts'
import type { StreamId } from '../../store/stream/stream-id.ts'
import { assert } from '../../util/assert.ts'
import type { Bytes, Source } from '../../util/bytes/bytes.ts'
import { ChannelLog } from '../log/channel-log.ts'
import type { MessageIds } from '../log/message-ids.ts'
import { ReadPosition, UNCOUNTED } from '../positions/read-positions.ts'
import { TakenMarks } from '../positions/taken-marks.ts'
import { SpareMessages } from './spare-messages.ts'
import { type Search, UnreadMessages } from './unread-messages.ts'

/** So many bytes a reader is given at a time. A client for whom more than that waits is slow. */
export const SLICE_BYTES = 64 * 1024
/** So many bytes may wait within one turn for a client that has taken everything before: it will probably take these, too. */
const TURN_BYTES_MAX = 256 * 1024

/**
 * What a reader takes besides the names in the maps that lead to it, and how often its target stands there; measured. One that is
 * remembered also has marks of where it was.
 */
const READER_BYTES = 1024
const MARKS_BYTES = 2048
const NAMES_OF_READER = 3

/** Somebody who is given a slice at a time. */
export interface Sliced {
  readonly client: Client
  /** Nobody listens through it any more. */
  readonly ended: boolean
  /** It is in the line of those who read on. */
  queued: boolean
  /** Gives its client what comes next; the client has taken what it was given before. */
  read(): void
}

/** What whoever reads on behalf of others needs: readers, and groups for their members. */
export interface DeliveryHost {
  readonly ids: MessageIds
  /** Sends a client one message. `id` = that of a kept one. Returns its bytes. */
  send(
    client: Client,
    kind: MessageKind,
    pattern: string | undefined,
    channel: string,
    message: Bytes,
    id: StreamId | undefined,
  ): number
  /** Has `read` called when the client has taken what it was given. */
  readSoon(reader: Sliced): void
  /** Messages have gone before they were read: `count` of them, UNCOUNTED = not known, from one id to another. A group has no reader. */
  noteGap(reader: Reader | undefined, log: ChannelLog, count: number, from: StreamId, to: StreamId): void
}

export interface ReaderHost extends DeliveryHost {
  /** How many readers are behind. */
  behind: number
  /** A slow reader is spared messages: so many. */
  noteMissed(reader: Reader, log: ChannelLog, count: number): void
}

export class Reader implements Listener, Sliced {
  readonly client: Client
  readonly kind: SubscriptionKind
  /** The channel or the pattern. */
  readonly target: string
  /** As whom it is remembered: `user name`; '' = nobody remembers it. */
  subscriber: string
  /**
   * How far its client says that it has heard (CHANNEL ACK): then messages carry their ids. undefined = what it was sent counts.
   */
  acknowledged: ReadPosition | undefined = undefined
  /** Messages that it will never hear, as far as they were counted. */
  missed = 0
  /** It ends without its client having asked for that: its place is remembered. */
  vanished = false
  ended = false
  queued = false
  /** The place that was last remembered, and when that was written; 0 = by others, some time ago. */
  readonly remembered = new ReadPosition()
  rememberedMs = 0
  /** Bytes that it takes. */
  readonly bytes: number
  readonly #host: ReaderHost
  #isLive = true
  /** While behind: what it has not read yet. */
  readonly #unread: UnreadMessages
  readonly #taken = new TakenMarks<ReadPosition>()
  #spare: SpareMessages | undefined = undefined

  constructor(host: ReaderHost, client: Client, kind: SubscriptionKind, target: string, subscriber: string) {
    this.#host = host
    this.client = client
    this.kind = kind
    this.target = target
    this.subscriber = subscriber
    this.bytes = READER_BYTES + (subscriber === '' ? 0 : MARKS_BYTES) + NAMES_OF_READER * target.length
    const last = kind === 'pattern' ? host.ids.last : undefined
    this.#unread = new UnreadMessages(last, (log, count, from, to) => host.noteGap(this, log, count, from, to))
  }

  /** While behind: how far it has read. */
  get heard(): ReadPosition {
    return this.#unread.heard
  }

  get protocol(): 2 | 3 {
    return this.client.protocol
  }

  /** False while it has to read what it did not hear. */
  get isLive(): boolean {
    return this.#isLive
  }

  #setLive(isLive: boolean): void {
    if (isLive !== this.#isLive) this.#host.behind += isLive ? -1 : 1
    this.#isLive = isLive
  }

  // ── messages that are published ──────────────────────────────────────────

  deliver(source: Source, start: number, end: number, log: MessageLog | null): void {
    const { client } = this
    if (log === null) {
      client.deliver(source, start, end)
      return
    }
    assert(log instanceof ChannelLog, 'a log is of the room that keeps messages')
    if (!log.keeps) {
      if (!this.#spares(log)) client.deliver(source, start, end)
    } else if (!this.isLive) {
      this.#unread.add(log)
    } else if (isSlow(client)) {
      this.#fallBehind(log)
    } else if (this.acknowledged !== undefined) {
      this.#send(log, log.message, log.id)
    } else {
      client.deliver(source, start, end)
    }
  }

  /** The last message of this log is the first that it does not hear live. */
  #fallBehind(log: ChannelLog): void {
    const { heard } = this
    this.#setLive(false)
    const { last } = this.#host.ids
    const isForeign = this.kind === 'pattern' && log.id.compare(last) > 0
    heard.id.copyFrom(isForeign ? last : log.id).decrement()
    heard.count = this.kind === 'pattern' ? UNCOUNTED : log.messages - 1
    this.#unread.add(log)
    this.#host.readSoon(this)
  }

  /** Keeps a message of a channel whose rule spares slow readers, or leaves it out; false = it may be delivered. */
  #spares(log: ChannelLog): boolean {
    if (this.#spare === undefined || this.#spare.isEmpty) {
      if (!isSlow(this.client)) return false
      this.#spare ??= new SpareMessages(SLICE_BYTES)
      this.#host.readSoon(this)
    }
    const missed = this.#spare.add(log)
    if (missed > 0) this.#host.noteMissed(this, log, missed)
    return true
  }

  // ── messages that it has missed ──────────────────────────────────────────

  /** Begins behind a place: what these logs have since then is to be read. */
  begin(place: ReadPosition, logs: Search): void {
    this.#unread.begin(place, logs)
    this.#setLive(false)
  }

  /** Begins where the logs' rules have a new subscriber begin; `since` = the last message that was there before it came. */
  beginFirst(logs: Search, since: StreamId): void {
    this.#unread.beginFirst(logs, since)
    this.#setLive(this.#unread.isEmpty)
  }

  /** Other rules are in force: while behind, it reads these logs on from where it is. */
  follow(logs: Search): void {
    if (!this.#isLive) this.#unread.follow(logs)
  }

  /** Goes on behind a place, wherever it has been: what it was sent so far says nothing of where it is any more. */
  seek(place: ReadPosition, logs: Search): void {
    this.begin(place, logs)
    this.#taken.clear()
    this.acknowledged?.set(place.id, place.count)
    this.#host.readSoon(this)
  }

  /** Its subscription has ended. */
  end(): void {
    this.ended = true
    this.#unread.forget()
    this.#setLive(true)
    this.#spare = undefined
  }

  /** Gives the client what comes next, up to a slice. Has itself called again until nothing is left. */
  read(): void {
    const { client } = this
    const bytesMax = client.pendingBytes + SLICE_BYTES
    if (this.#spare !== undefined && !this.#spare.isEmpty) {
      this.#spare.take((log, spared) => {
        this.#send(log, spared, undefined)
        return client.pendingBytes < bytesMax
      })
    }
    if (!this.isLive && this.#search()) {
      const isDone = this.#unread.read((log, message, id) => {
        if (client.pendingBytes >= bytesMax) return false
        this.#send(log, message, id)
        return true
      })
      if (isDone) this.#setLive(true)
    }
    if (!this.isLive || this.#spare?.isEmpty === false) this.#host.readSoon(this)
  }

  /** Looks into some of the logs that were not looked into yet; true when it knows what is unread. */
  #search(): boolean {
    if (this.#unread.isSearched) return true
    if (!this.#unread.search()) return false
    // Where it begins is known now.
    this.acknowledged?.copyFrom(this.heard)
    return true
  }

  #send(log: ChannelLog, text: Bytes, id: StreamId | undefined): void {
    const pattern = this.kind === 'pattern' ? this.target : undefined
    this.#host.send(this.client, SUBSCRIPTIONS[this.kind].message, pattern, log.name, text, this.acknowledged && id)
  }

  // ── where it is ──────────────────────────────────────────────────────────

  /** How far it has been sent messages; `end` = the place behind all there is. */
  placeNow(end: ReadPosition): ReadPosition {
    return new ReadPosition().copyFrom(this.isLive ? end : this.heard)
  }

  /** True when nothing has been published since it was last noted where it is, and it has nothing to read. */
  get isSampled(): boolean {
    return this.#isLive && this.#taken.last?.id.equals(this.#host.ids.last) === true
  }

  /** Notes where it is, if its client has taken everything; `end` as of `placeNow`. */
  sample(nowMs: number, end: ReadPosition): void {
    if (this.client.outputBytes > 0) return
    const place = this.placeNow(end)
    if (this.#taken.last?.id.equals(place.id) !== true) this.#taken.note(nowMs, place)
  }

  /** How far it had heard at a time, everything sent until then having been taken; undefined = that is not known any more. */
  placeAt(ms: number): ReadPosition | undefined {
    return this.#taken.at(ms)
  }
}

/** True when a client takes so little that it had better read on from a log. */
export function isSlow(client: Client): boolean {
  const { backlogBytes } = client.transport
  return backlogBytes > 0 ? backlogBytes + client.pendingBytes > SLICE_BYTES : client.pendingBytes > TURN_BYTES_MAX
}
