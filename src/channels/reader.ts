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

import type { SubscriptionKind } from '../broker/message-keeper.ts'
import type { MessageKind } from '../broker/pub-sub.ts'
import type { Listener } from '../broker/subscriber.ts'
import type { Client } from '../engine/client.ts'
import type { EntryCursor } from '../store/stream-cursor.ts'
import { StreamId } from '../store/stream-id.ts'
import { Bytes, type Source } from '../util/bytes.ts'
import type { Glob } from '../util/glob.ts'
import type { ChannelLog } from './channel-log.ts'
import type { MessageIds } from './message-ids.ts'
import { Place, UNCOUNTED } from './places.ts'
import { SpareMessages } from './spare-messages.ts'

/** What a reader is given at a time, and what may wait for a client before it counts as slow: bytes. */
export const SLICE_BYTES = 64 * 1024
/** What may wait within one turn for a client that has taken all so far: it may well take this too. */
const TURN_BYTES_MAX = 256 * 1024

/** Places kept to tell where a client was some time ago. */
const SAMPLES_MAX = 12

const KINDS: Readonly<Record<SubscriptionKind, MessageKind>> = {
  channel: 'message',
  pattern: 'pmessage',
  shard: 'smessage',
}

export interface ReaderHost {
  readonly ids: MessageIds
  /** The log whose message is being delivered; null = it has none. */
  readonly current: ChannelLog | null
  /** Sends a client one message. `id` = that of a kept one. */
  send(
    client: Client,
    kind: MessageKind,
    pattern: string | undefined,
    channel: string,
    message: Bytes,
    id: StreamId | undefined,
  ): void
  /** How many readers are behind. */
  behind: number
  /** Has `read` called when the client has taken what it was given. */
  readSoon(reader: Reader): void
  /** A slow reader is spared messages: so many. */
  noteMissed(reader: Reader, log: ChannelLog, count: number): void
  /** Messages have gone before a reader read them: `count` of them, UNCOUNTED = not known, from one id to another. */
  noteGap(reader: Reader, log: ChannelLog, count: number, from: StreamId, to: StreamId): void
}

interface Sample {
  readonly ms: number
  readonly place: Place
}

const field = new Bytes()
const message = new Bytes()
const from = new StreamId()
const to = new StreamId()

export class Reader implements Listener {
  readonly client: Client
  readonly kind: SubscriptionKind
  /** The channel or the pattern. */
  readonly target: string
  /** As whom it is remembered: `user name`; '' = nobody remembers it. */
  subscriber: string
  readonly glob: Glob | undefined
  /** While behind: how far it has read. */
  readonly heard = new Place()
  /**
   * How far its client says that it has heard (CHANNEL ACK): then messages carry their ids. undefined = what it was sent counts.
   */
  acknowledged: Place | undefined = undefined
  /** Messages that it will never hear, as far as they were counted. */
  missed = 0
  /** It ends without its client having asked for that: its place is remembered. */
  vanished = false
  /** Nobody listens through it any more. */
  ended = false
  /** It is in the line of those who read on. */
  queued = false
  /** The place that was last remembered. */
  readonly remembered = new Place()
  readonly #host: ReaderHost
  #isLive = true
  /** While behind: logs that may have something unread, each with the id to begin at if that is not where the reader is. */
  readonly #unread = new Map<ChannelLog, StreamId | undefined>()
  #samples: Sample[] = []
  #spare: SpareMessages | undefined = undefined

  constructor(
    host: ReaderHost,
    client: Client,
    kind: SubscriptionKind,
    target: string,
    subscriber: string,
    glob: Glob | undefined,
  ) {
    this.#host = host
    this.client = client
    this.kind = kind
    this.target = target
    this.subscriber = subscriber
    this.glob = glob
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

  deliver(source: Source, start: number, end: number): void {
    const { client } = this
    const { current } = this.#host
    if (current === null) {
      client.deliver(source, start, end)
    } else if (!current.keeps) {
      if (!this.#spares(current)) client.deliver(source, start, end)
    } else if (!this.isLive) {
      if (!this.#unread.has(current)) this.#unread.set(current, undefined)
    } else if (isSlow(client)) {
      this.#fallBehind(current)
    } else if (this.acknowledged !== undefined) {
      this.#send(current, current.message, current.id)
    } else {
      client.deliver(source, start, end)
    }
  }

  /** The message that is being delivered is the first that it does not hear live. */
  #fallBehind(current: ChannelLog): void {
    const { heard } = this
    this.#setLive(false)
    heard.id.copyFrom(current.id).decrement()
    heard.count = this.kind === 'pattern' ? UNCOUNTED : current.messages - 1
    this.#unread.set(current, undefined)
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
  begin(place: Place, logs: Iterable<ChannelLog>): void {
    this.heard.set(place.id, place.count)
    this.#setLive(false)
    this.#unread.clear()
    for (const log of logs) this.#unread.set(log, undefined)
  }

  /** Goes on behind a place, wherever it has been: what it was sent so far says nothing of where it is any more. */
  seek(place: Place, logs: Iterable<ChannelLog>): void {
    this.begin(place, logs)
    this.#samples = []
    this.acknowledged?.set(place.id, place.count)
    this.#host.readSoon(this)
  }

  /** Its subscription has ended. */
  end(): void {
    this.#catchUp()
    this.#spare = undefined
  }

  /** Has a log read from an id on, which the reader would have passed. */
  beginAt(log: ChannelLog, first: StreamId): void {
    this.#unread.set(log, first)
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
    if (!this.isLive) {
      if (this.kind === 'pattern') this.#readMany(bytesMax)
      else this.#readOne(bytesMax)
    }
    if (!this.isLive || this.#spare?.isEmpty === false) this.#host.readSoon(this)
  }

  #readOne(bytesMax: number): void {
    for (const [log, first] of this.#unread) {
      if (!this.#open(log, first)) continue
      const { stream, cursor } = log
      do {
        if (this.client.pendingBytes >= bytesMax) return
        this.#hand(log, cursor)
      } while (stream!.next(cursor))
    }
    this.#catchUp()
  }

  /** As `#readOne`, from several logs, always from the one whose next message is the oldest. */
  #readMany(bytesMax: number): void {
    const heads: ChannelLog[] = []
    for (const [log, first] of this.#unread) {
      if (this.#open(log, first)) heads.push(log)
      else this.#unread.delete(log)
    }
    heads.sort((a, b) => a.cursor.id.compare(b.cursor.id))
    while (heads.length > 0) {
      const log = heads[0]!
      const next = heads[1]?.cursor.id
      const stream = log.stream!
      do {
        if (this.client.pendingBytes >= bytesMax) return
        // Passed from now on: the reader's own place says where to go on.
        if (this.#unread.get(log) !== undefined) this.#unread.set(log, undefined)
        this.#hand(log, log.cursor)
        if (!stream.next(log.cursor)) {
          this.#unread.delete(log)
          heads.shift()
          break
        }
      } while (next === undefined || log.cursor.id.compare(next) < 0)
      if (heads[0] === log) settle(heads)
    }
    this.#catchUp()
  }

  #catchUp(): void {
    this.#unread.clear()
    this.#setLive(true)
  }

  /** Has a log's cursor stand at the first message that is to be read; false = there is none. */
  #open(log: ChannelLog, first: StreamId | undefined): boolean {
    const { heard } = this
    const { stream } = log
    if (log.isGone || stream === undefined || stream.length === 0) return false
    if (first !== undefined && first.compare(heard.id) > 0) from.copyFrom(first)
    else from.copyFrom(heard.id).increment()
    if (stream.lastId.compare(from) < 0) return false
    if (first === undefined && stream.firstId.compare(from) > 0) this.#noteGap(log)
    if (log.rule.slow !== 'conflate') return stream.seek(from, log.cursor)
    // Of what it could not take it hears the last alone.
    if (!stream.last(log.cursor)) return false
    return log.cursor.id.compare(from) >= 0
  }

  /** Messages may have gone before they were read: those between where it was and the first that is left. */
  #noteGap(log: ChannelLog): void {
    const stream = log.stream!
    const gone = Number(stream.entriesAdded) - stream.length
    const { count } = this.heard
    // Who has heard more than has gone heard it of a stream that was here before this one (DEL).
    const missed = count === UNCOUNTED || count > gone ? UNCOUNTED : gone - count
    if (count !== UNCOUNTED) this.heard.count = gone
    if (missed === 0 || gone === 0) return
    to.copyFrom(stream.firstId).decrement()
    this.#host.noteGap(this, log, missed, from, to)
  }

  #hand(log: ChannelLog, cursor: EntryCursor): void {
    cursor.beginFields()
    cursor.nextField(field, message)
    this.#send(log, message, cursor.id)
    this.heard.id.copyFrom(cursor.id)
    if (this.heard.count !== UNCOUNTED) this.heard.count++
  }

  #send(log: ChannelLog, text: Bytes, id: StreamId | undefined): void {
    const pattern = this.kind === 'pattern' ? this.target : undefined
    this.#host.send(this.client, KINDS[this.kind], pattern, log.name, text, this.acknowledged && id)
  }

  // ── where it is ──────────────────────────────────────────────────────────

  /** How far it has been sent messages. */
  placeNow(log: ChannelLog | undefined): Place {
    if (!this.isLive) return new Place().set(this.heard.id, this.heard.count)
    return new Place().set(this.#host.ids.last, log === undefined ? UNCOUNTED : log.messages)
  }

  /** True when nothing has been published since it was last noted where it is, and it has nothing to read. */
  get isSampled(): boolean {
    return this.#isLive && this.#samples.at(-1)?.place.id.equals(this.#host.ids.last) === true
  }

  /** Notes where it is, if its client has taken everything. */
  sample(nowMs: number, log: ChannelLog | undefined): void {
    if (this.client.outputBytes > 0) return
    const place = this.placeNow(log)
    if (this.#samples.at(-1)?.place.id.equals(place.id)) return
    if (this.#samples.length >= SAMPLES_MAX) this.#samples.splice(1, 1)
    this.#samples.push({ ms: nowMs, place })
  }

  /** How far it had heard at a time, everything sent until then having been taken; undefined = that is not known any more. */
  placeAt(ms: number): Place | undefined {
    const samples = this.#samples
    let last = -1
    while (last + 1 < samples.length && samples[last + 1]!.ms <= ms) last++
    if (last === -1) return undefined
    if (last > 0) samples.splice(0, last)
    return samples[0]!.place
  }
}

/** True when a client takes so little that it had better read on from a log. */
function isSlow(client: Client): boolean {
  const { backlogBytes } = client.transport
  return backlogBytes > 0 ? backlogBytes + client.pendingBytes > SLICE_BYTES : client.pendingBytes > TURN_BYTES_MAX
}

/** Moves the first of some logs, in order but for this one, to where it belongs. */
function settle(heads: ChannelLog[]): void {
  const log = heads[0]!
  let at = 0
  while (at + 1 < heads.length && heads[at + 1]!.cursor.id.compare(log.cursor.id) < 0) {
    heads[at] = heads[at + 1]!
    at++
  }
  heads[at] = log
}
