// The reader of one subscription under rules. It listens to a channel or pattern for a client.
//
//             no message is unread ───────────────▶ live ── the client is slow ──▶ behind
//   behind ── a slice at a time, as the socket drains ──▶ (live again)
//
// A live reader passes on messages as they are published. A reader is behind when its client came
// back, began with old messages, or is too slow. Then it reads from the logs in slices, each after
// the client took the one before. So nothing is buffered, and no message lies between the last one
// read from a log and the first one heard live.
//
// Messages of a channel that keeps none pass through. Under a `slow` rule a slow client gets only
// some of them (slow-subscriber-buffer.ts).

import type { Listener, MessageLog } from '../../broker/subscriber.ts'
import { type MessageKind, SUBSCRIPTIONS, type SubscriptionKind } from '../../broker/subscription-kind.ts'
import type { Client } from '../../engine/clients/client.ts'
import { StreamId } from '../../store/stream/stream-id.ts'
import { assert } from '../../util/assert.ts'
import type { Bytes, Source } from '../../util/bytes/bytes.ts'
import { ChannelLog } from '../log/channel-log.ts'
import type { MessageIds } from '../log/message-ids.ts'
import { ProgressHistory } from '../positions/progress-history.ts'
import { ReadPosition, type Stretch, UNCOUNTED } from '../positions/read-positions.ts'
import { readInOrder } from './ordered-readers.ts'
import type { SharedPosition } from './shared-position.ts'
import { SlowSubscriberBuffer } from './slow-subscriber-buffer.ts'
import { type LogSearch, UnreadMessages } from './unread-messages.ts'

/** Bytes that a reader sends in one slice. A client with more waiting bytes is slow. */
export const SLICE_BYTES = 64 * 1024
/**
 * Bytes that may wait within one turn for a client that took everything before. It will probably
 * take these too.
 */
const TURN_BYTES_MAX = 256 * 1024

/**
 * Measured size of a reader without the names in its maps, and how many copies of the target's name
 * those hold. A remembered reader also has a history of its positions.
 */
const READER_BYTES = 1024
const MARKS_BYTES = 2048
const NAMES_OF_READER = 3

/** A reader that is given one slice at a time. */
export interface PacedReader {
  readonly client: Client
  /** True when its subscription or membership has ended. */
  readonly ended: boolean
  /** True while it waits in the catch-up queue. */
  queued: boolean
  /** Sends the next slice. Its client has taken the slice before. */
  read(): void
}

/** The services for readers, and for groups that read for their members. */
export interface DeliveryHost {
  readonly ids: MessageIds
  /** Sends one message to a client; `id` is set for a kept message. Returns its bytes. */
  send(
    client: Client,
    kind: MessageKind,
    pattern: string | undefined,
    channel: string,
    message: Bytes,
    id: StreamId | undefined,
  ): number
  /** Calls `read` when the client has taken what it was sent. */
  readSoon(reader: PacedReader): void
  /**
   * Reports that messages behind one id and before another were removed before they were read:
   * `count` of them, or UNCOUNTED. A group has no reader.
   */
  noteGap(reader: Reader | undefined, log: ChannelLog, count: number, after: StreamId, before: StreamId): void
}

export interface ReaderHost extends DeliveryHost {
  readonly logs: { logsOf(kind: SubscriptionKind, target: string): LogSearch }
  /** Number of readers that are behind. */
  readersBehind: number
  /** Counts messages that were dropped for a slow reader. */
  noteMissed(reader: Reader, log: ChannelLog, count: number): void
  /** Returns all readers of a client. */
  readersOf(client: Client): Iterable<Reader>
}

export class Reader implements Listener, PacedReader {
  readonly client: Client
  readonly kind: SubscriptionKind
  /** The channel or the pattern. */
  readonly target: string
  /** `user name`, under which its position is remembered; '' when it is not remembered. */
  subscriber: string
  /**
   * The position that its client acknowledged (CHANNEL ACK); messages then carry their ids.
   * undefined when the client does not acknowledge; then sent messages count as heard.
   */
  acknowledged: ReadPosition | undefined = undefined
  /** Number of messages that it will never hear, as far as they were counted. */
  missed = 0
  /** True when its connection ended without UNSUBSCRIBE. Its position stays remembered. */
  vanished = false
  ended = false
  queued = false
  /** The position that its name remembers; undefined when it is not remembered. */
  shared: SharedPosition<Reader> | undefined = undefined
  /** It hears every message behind this id. */
  readonly since = new StreamId()
  /** Bytes of the reader. */
  readonly bytes: number
  readonly #host: ReaderHost
  #isLive = true
  /** The messages that it has not read yet, while it is behind. */
  readonly #unread: UnreadMessages
  readonly #taken = new ProgressHistory<ReadPosition>()
  /**
   * Set while it reads messages that it does not go on behind: at the end of `from` it continues at
   * `to`. The messages between them were heard before.
   */
  #heard: { readonly from: StreamId; readonly to: ReadPosition } | undefined = undefined
  /** Messages that its client was sent before it read the hole before them. */
  #sentBefore: Stretch | undefined = undefined
  #slowBuffer: SlowSubscriberBuffer | undefined = undefined

  constructor(host: ReaderHost, client: Client, kind: SubscriptionKind, target: string, subscriber: string) {
    this.#host = host
    this.client = client
    this.kind = kind
    this.target = target
    this.subscriber = subscriber
    this.bytes = READER_BYTES + (subscriber === '' ? 0 : MARKS_BYTES) + NAMES_OF_READER * target.length
    const last = kind === 'pattern' ? host.ids.last : undefined
    this.#unread = new UnreadMessages(last, (log, count, after, before) =>
      host.noteGap(this, log, count, after, before),
    )
  }

  /** How far it has read, while it is behind. */
  get position(): ReadPosition {
    return this.#unread.position
  }

  get protocol(): 2 | 3 {
    return this.client.protocol
  }

  /** False while it has unread messages. */
  get isLive(): boolean {
    return this.#isLive
  }

  #setLive(isLive: boolean): void {
    if (isLive !== this.#isLive) this.#noteChange(isLive ? -1 : 1)
    this.#isLive = isLive
    assert(!isLive || this.#unread.isEmpty, 'a live reader has nothing unread')
    assert(this.#host.readersBehind >= 0, 'readers that are behind are counted')
  }

  #noteChange(behind: 1 | -1): void {
    const {
      subscriptions: { ordered },
    } = this.client
    this.#host.readersBehind += behind
    if (ordered === null) return
    ordered.behind += behind
    assert(ordered.behind >= 0, 'readers of a client that are behind are counted')
  }

  // ── live messages ────────────────────────────────────────────────────────

  deliver(source: Source, start: number, end: number, log: MessageLog | null): void {
    const { client } = this
    if (log === null) {
      client.deliver(source, start, end)
      return
    }
    assert(log instanceof ChannelLog, 'a log is of the room that keeps messages')
    if (!log.keeps) {
      if (!this.#bufferIfSlow(log)) client.deliver(source, start, end)
    } else if (!this.isLive) {
      this.#unread.add(log)
    } else if (isSlow(client) || this.#mustWait) {
      this.#fallBehind(log)
    } else if (this.#showsIds) {
      this.#send(log, log.message, log.id)
    } else {
      client.deliver(source, start, end)
    }
  }

  /**
   * True when another reader of its client has older messages unread, and the client wants them
   * first.
   */
  get #mustWait(): boolean {
    return this.client.subscriptions.ordered !== null && this.client.subscriptions.ordered.behind > 0
  }

  /** True when kept messages carry their ids. */
  get #showsIds(): boolean {
    return this.acknowledged !== undefined || this.client.subscriptions.ordered !== null
  }

  /** Leaves live delivery. The last message of this log is the first unread one. */
  #fallBehind(log: ChannelLog): void {
    const { position } = this
    this.#setLive(false)
    const { last } = this.#host.ids
    const isForeign = this.kind === 'pattern' && log.id.compare(last) > 0
    position.id.copyFrom(isForeign ? last : log.id).decrement()
    position.count = this.kind === 'pattern' ? UNCOUNTED : log.messagesEver - 1
    this.#unread.add(log)
    this.#host.readSoon(this)
  }

  /**
   * Buffers or drops a message for a slow client; returns false when the message may be sent at
   * once.
   */
  #bufferIfSlow(log: ChannelLog): boolean {
    if (this.#slowBuffer === undefined || this.#slowBuffer.isEmpty) {
      if (!isSlow(this.client)) return false
      this.#slowBuffer ??= new SlowSubscriberBuffer(SLICE_BYTES)
      this.#host.readSoon(this)
    }
    const missed = this.#slowBuffer.add(log)
    if (missed > 0) this.#host.noteMissed(this, log, missed)
    return true
  }

  // ── catching up ──────────────────────────────────────────────────────────

  /** Begins behind a position, and reads the messages that the logs have since then. */
  begin(position: ReadPosition, logs: LogSearch): void {
    this.#unread.begin(position, logs)
    this.#setLive(false)
  }

  /** Begins at a remembered position, and does not hear the stretch ahead of it. */
  beginAgain(position: ReadPosition, logs: LogSearch): void {
    const { ahead } = position
    this.#heard = ahead && { from: ahead.from, to: new ReadPosition().set(ahead.to, UNCOUNTED) }
    this.begin(position, logs)
  }

  /**
   * Reads the messages between a position and its own first one, and then continues where it is
   * now; `end` is the position behind the last message.
   */
  readHole(position: ReadPosition, end: ReadPosition): void {
    assert(this.#heard === undefined, 'a reader reads one hole at a time')
    assert(this.since.compare(position.id) > 0, 'a hole lies before the messages of its reader')
    const to = this.positionNow(end)
    this.#heard = { from: new StreamId().copyFrom(this.since), to }
    this.#sentBefore = { from: this.#heard.from, to: to.id }
    this.since.copyFrom(position.id)
    this.acknowledged?.set(position.id, UNCOUNTED)
    this.#taken.clear()
    this.begin(new ReadPosition().set(position.id, UNCOUNTED), this.#host.logs.logsOf(this.kind, this.target))
    this.#host.readSoon(this)
  }

  /**
   * Returns the stretch of a message that was sent before an earlier hole was read. Acknowledging
   * such a message says nothing about the messages of the hole.
   */
  sentBefore(id: StreamId): Stretch | undefined {
    const stretch = this.#sentBefore
    return stretch !== undefined && id.compare(stretch.from) > 0 && id.compare(stretch.to) <= 0 ? stretch : undefined
  }

  /**
   * Returns the id behind which its client was sent every message, in order, up to a given one;
   * without one, up to any.
   */
  heardBehind(id?: StreamId): StreamId {
    const before = id === undefined ? this.#sentBefore : this.sentBefore(id)
    return before?.from ?? this.since
  }

  /** Begins where the rules start a new subscriber; `since` is the last message before it came. */
  beginFirst(logs: LogSearch, since: StreamId): void {
    this.#unread.beginFirst(logs, since)
    this.#setLive(this.#unread.isEmpty)
  }

  /** Continues in the logs of the new rules from its position, if it is behind. */
  rulesChanged(logs: LogSearch): void {
    if (!this.#isLive) this.#unread.rulesChanged(logs)
  }

  /** Moves to another position. Its history of positions is no longer valid. */
  seek(position: ReadPosition, logs: LogSearch): void {
    this.#heard = undefined
    this.#sentBefore = undefined
    this.begin(position, logs)
    this.#taken.clear()
    this.acknowledged?.set(position.id, position.count)
    this.#host.readSoon(this)
  }

  /** Ends with its subscription. */
  end(): void {
    assert(!this.ended, 'a reader ends once')
    this.ended = true
    this.#unread.forget()
    this.#setLive(true)
    this.#slowBuffer = undefined
  }

  /** Sends the client the next slice. Queues itself again until no message is unread. */
  read(): void {
    const { client } = this
    const bytesMax = client.pendingBytes + SLICE_BYTES
    if (this.#slowBuffer !== undefined && !this.#slowBuffer.isEmpty) {
      this.#slowBuffer.take((log, spared) => {
        this.#send(log, spared, undefined)
        return client.pendingBytes < bytesMax
      })
    }
    if (client.subscriptions.ordered !== null) readInOrder(this.#host.readersOf(client), bytesMax)
    else this.readTo(bytesMax, undefined)
    if (!this.isLive || this.#slowBuffer?.isEmpty === false) this.#host.readSoon(this)
  }

  /**
   * Sends unread messages until `bytesMax` wait for the client; with `bound`, none that is behind
   * the next id.
   */
  readTo(bytesMax: number, bound: StreamId | undefined): void {
    if (this.isLive || !this.#search()) return
    const { client } = this
    const heard = this.#heard
    let isPassed = false
    const isDone = this.#unread.read((log, message, id) => {
      if (heard !== undefined && id.compare(heard.from) > 0) {
        isPassed = true
        return false
      }
      if (client.pendingBytes >= bytesMax) return false
      if (bound !== undefined && !this.#unread.mayPass(bound, id)) return false
      this.#send(log, message, id)
      return true
    })
    if (heard !== undefined && (isDone || isPassed)) this.#pass(heard.to)
    else if (isDone) this.#setLive(true)
  }

  /** True when it knows which of its logs have unread messages. */
  get isSearched(): boolean {
    return this.#unread.isSearched
  }

  /** Continues behind the messages that were heard before. */
  #pass(to: ReadPosition): void {
    this.#heard = undefined
    this.#unread.begin(to, this.#host.logs.logsOf(this.kind, this.target))
  }

  /** Searches some more logs for unread messages; returns true when the search is complete. */
  #search(): boolean {
    if (this.#unread.isSearched) return true
    const { isFirst } = this.#unread
    if (!this.#unread.search()) return false
    // The position of a new subscriber is known from here on.
    if (isFirst) this.acknowledged?.copyFrom(this.position)
    return true
  }

  #send(log: ChannelLog, text: Bytes, id: StreamId | undefined): void {
    const pattern = this.kind === 'pattern' ? this.target : undefined
    this.#host.send(
      this.client,
      SUBSCRIPTIONS[this.kind].message,
      pattern,
      log.name,
      text,
      this.#showsIds ? id : undefined,
    )
  }

  // ── position ─────────────────────────────────────────────────────────────

  /**
   * Returns the position up to which messages were sent; `end` is the position behind the last
   * message.
   */
  positionNow(end: ReadPosition): ReadPosition {
    return new ReadPosition().copyFrom(this.isLive ? end : this.position)
  }

  /**
   * The position up to which its client took messages, or acknowledged them; undefined when not
   * known.
   */
  get takenPosition(): ReadPosition | undefined {
    return this.acknowledged ?? this.#taken.last
  }

  /**
   * Returns the position up to which messages are certain to be heard: they were taken until `ms`,
   * or acknowledged.
   */
  certainPosition(ms: number): ReadPosition | undefined {
    return this.acknowledged ?? this.#taken.at(ms)
  }

  /** Notes that its client took every message that it was sent. */
  tookAll(nowMs: number, end: ReadPosition): void {
    this.#taken.note(nowMs, this.positionNow(end))
  }

  /** True when it is live, and no message was kept since its last sample. */
  get isSampled(): boolean {
    return this.#isLive && this.#taken.last?.id.equals(this.#host.ids.last) === true
  }

  /** Notes its position, if the client has taken everything; `end` as for `positionNow`. */
  sample(nowMs: number, end: ReadPosition): void {
    if (this.client.outputBytes > 0) return
    const position = this.positionNow(end)
    if (this.#taken.last?.id.equals(position.id) !== true) this.#taken.note(nowMs, position)
  }
}

/** Says what `isKept` asserts. */
export const KEPT_FIRST = 'a message is kept before a client hears it'

/** Tells whether the message that a log delivers was kept; for assertions. */
export function isKept(log: ChannelLog): boolean {
  return log.stream?.lastId.equals(log.id) === true
}

/** Tells whether a client takes so little that it should read from the log. */
export function isSlow(client: Client): boolean {
  const { backlogBytes } = client.connection.transport
  return backlogBytes > 0 ? backlogBytes + client.pendingBytes > SLICE_BYTES : client.pendingBytes > TURN_BYTES_MAX
}
