// The client of one stream: subscribes for a visitor and hands on what it hears.
//
// Messages of kept channels come in the order of their ids, whatever the stream listens to, so
// one id says how far it is. The way to the other side is this client's backlog: a stream that
// is slow is read for from the log, a slice at a time, or is treated as the channel's rule says.

import { GAP_CHANNEL } from '../../channels/reading/gap-notices.ts'
import type { SeekTarget } from '../../channels/reading/named-subscribers.ts'
import type { Engine } from '../../commands/call.ts'
import type { Client } from '../../engine/clients/client.ts'
import { OrderedDelivery } from '../../engine/clients/ordered-delivery.ts'
import type { Transport } from '../../engine/clients/transport.ts'
import { CommandError, type ReplyValue, ReplyValueReader, type ReplyValueReceiver } from '../../protocol/reply-value.ts'
import { encodeRequest } from '../../protocol/request-writer.ts'
import { StreamId } from '../../store/stream/stream-id.ts'
import { Source } from '../../util/bytes/bytes.ts'
import { textOf, utf8Of } from '../../util/bytes/text.ts'
import { nextTick } from '../../util/time/real-time.ts'
import type { Exchange, Outlet } from '../exchanges/exchange.ts'
import { HttpError } from '../exchanges/http-error.ts'
import { connectVisitor, type Visitor } from '../rights/visitor.ts'
import { statusOf } from './error-status.ts'
import type { Encoding } from './json-replies.ts'

/** Longer bytes are a slice of what one stream catches up with. */
const READ_ONCE_BYTES_MAX = 16 * 1024

/**
 * The bytes that were read last, and what they say: streams that hear the same are sent the same
 * bytes one after another.
 */
const lastRead: { bytes: Buffer; encoding: Encoding; pushes: readonly ReplyValue<string>[][] } = {
  bytes: Buffer.alloc(0),
  encoding: 'utf8',
  pushes: [],
}

export interface StreamTargets {
  readonly channels: readonly string[]
  readonly patterns: readonly string[]
  /** The name under which its position is remembered; undefined = it is not. */
  readonly name: string | undefined
  /** The start; undefined = as the channels' rules say, or the position of the name. */
  readonly from: SeekTarget | undefined
  /** Only acknowledgements advance the position of its name. */
  readonly acknowledges?: boolean
  /** The form of a message's text. */
  readonly encoding: Encoding
}

export interface StreamMessage {
  readonly channel: string
  /** Undefined if the stream listens to the channel itself. */
  readonly pattern: string | undefined
  readonly text: string
  /** Undefined if no rule keeps the channel's messages. */
  readonly id: string | undefined
}

/** Messages that were removed before the stream had read them. */
export interface StreamGap {
  readonly channel: string
  /** Null if it is not known. */
  readonly count: number | null
  /** The gap lies between these two ids. */
  readonly after: string
  readonly before: string
}

export interface StreamListener {
  message(message: StreamMessage): void
  gap(gap: StreamGap): void
  /** Ends a group of messages that arrived together. */
  flush(): void
  /** The engine has ended the stream. */
  ended(): void
}

/** A subscription that hands on what it hears. */
export interface MessageSource {
  /** Passes messages on from now on; `outlet` is the way of the listener to the other side. */
  listen(listener: StreamListener, outlet: Outlet | undefined): void
  /** Unsubscribes. */
  leave(): void
}

export class StreamClient implements Transport, MessageSource, ReplyValueReceiver<string> {
  readonly kind = 'tcp'
  readonly address: string
  readonly localAddress: string
  readonly isEncrypted: boolean
  readonly descriptor = -1
  /** Fulfilled when the subscriptions are in force; rejects with HttpError. */
  readonly ready: Promise<void>
  readonly #engine: Engine
  readonly #client: Client
  readonly #ordered = new OrderedDelivery()
  readonly #reader: ReplyValueReader<string>
  readonly #targets: StreamTargets
  readonly #channels: ReadonlySet<string>
  /** The id behind which it began; 0-0 if it began with what is kept. */
  readonly #beginning = new StreamId()
  #confirm: () => void = () => {}
  #fail: (error: HttpError) => void = () => {}
  /** The number of confirmations and replies that are still to come. */
  #missing = 0
  #listener: StreamListener | undefined = undefined
  #outlet: Outlet | undefined = undefined
  /** Messages that came before there was a listener, and their length: a slice at most. */
  #early: (StreamMessage | StreamGap)[] = []
  #earlyBytes = 0
  #isWriting = false
  /** Notes what the bytes that are being read say, unless a reply is among it. */
  #pushes: ReplyValue<string>[][] | undefined = undefined

  /** Throws HttpError if the visitor's user is unknown. */
  constructor(engine: Engine, exchange: Exchange, visitor: Visitor, targets: StreamTargets) {
    const { address, isEncrypted, localAddress } = exchange
    this.address = address
    this.localAddress = localAddress
    this.isEncrypted = isEncrypted
    this.#engine = engine
    this.#targets = targets
    this.#channels = new Set(targets.channels)
    // Names are UTF-8. The encoding of messages is decided when they are read.
    this.#reader = new ReplyValueReader<string>(targets.encoding === 'utf8' ? utf8Of : textOf, this)
    this.#client = connectVisitor(engine, this, visitor)
    this.#client.protocol = 3
    this.#client.subscriptions.ordered = this.#ordered
    this.#client.subscriptions.wantsMessageIds = targets.acknowledges === true
    this.ready = new Promise((resolve, reject) => {
      this.#confirm = resolve
      this.#fail = reject
    })
    this.#subscribe()
  }

  #subscribe(): void {
    const { channels, from, name, patterns } = this.#targets
    if (name !== undefined) this.#ask(1, ['CLIENT', 'SETNAME', name])
    if (channels.length > 0) this.#ask(channels.length, ['SUBSCRIBE', ...channels])
    if (patterns.length > 0) this.#ask(patterns.length, ['PSUBSCRIBE', ...patterns])
    // In the same turn: nothing is published between.
    const { ids, namedSubscribers } = this.#engine.parts.channels
    if (from === undefined || from === 'last') this.#beginning.copyFrom(ids.last)
    if (from === undefined) return
    if (typeof from === 'object' && 'behind' in from)
      this.#beginning.copyFrom(from.behind.compare(ids.last) < 0 ? from.behind : ids.last)
    for (const channel of channels) namedSubscribers.seekConnected(this.#client, 'channel', latin1Of(channel), from)
    for (const pattern of patterns) namedSubscribers.seekConnected(this.#client, 'pattern', latin1Of(pattern), from)
  }

  #ask(replies: number, words: readonly string[]): void {
    this.#missing += replies
    const request = encodeRequest(words, 'utf8')
    this.#engine.receive(this.#client, new Source(request), 0, request.length)
  }

  /** Passes messages on from now on, beginning with those that have arrived already. */
  listen(listener: StreamListener, outlet: Outlet | undefined): void {
    this.#listener = listener
    this.#outlet = outlet
    const early = this.#early
    this.#early = []
    this.#earlyBytes = 0
    for (const each of early) hand(each, listener)
    listener.flush()
    if (this.#client.connection.closed) listener.ended()
  }

  /** True when the messages of some of its channels have ids. */
  get isKept(): boolean {
    const { logs, subscriptions } = this.#engine.parts.channels
    if (!logs.areRulesInForce) return false
    for (const _ of subscriptions.ofClient(this.#client)) return true
    return false
  }

  /** The id behind which it began; undefined where no channel keeps anything. */
  get beginning(): string | undefined {
    return this.isKept ? this.#beginning.toString() : undefined
  }

  /**
   * Returns an id up to which everything was passed on, and which the journal has; undefined while
   * that is not certain, and if it is below `known`, an id that the other side has heard.
   */
  positionFrom(known: string | undefined): string | undefined {
    if (!this.isKept || this.#ordered.behind > 0) return undefined
    if (this.#client.pendingBytes > 0 || this.#client.output.heldForDurability) return undefined
    const id = this.#idInJournal
    return id.compare(known === undefined ? this.#beginning : idOf(known)) < 0 ? undefined : id.toString()
  }

  /** An id that a power cut does not undo, nor a failover; without fsync, nor the end of the process. */
  get #idInJournal(): StreamId {
    const { config, effects, parts } = this.#engine
    const { progress } = effects.durability
    const isNeverSynced = config.get('appendfsync') === 'no' && config.get('log') === ''
    return parts.channels.ids.lastIn(progress, isNeverSynced ? progress.written : progress.synced)
  }

  /** Acknowledges a message and all before it. */
  acknowledge(id: string, channel: string, pattern: string | undefined): void {
    if (this.#client.connection.closed) return
    this.#ask(1, ['CHANNEL', 'ACK', channel, id, ...(pattern === undefined ? [] : ['PATTERN', pattern])])
  }

  /** Unsubscribes. A name is remembered. */
  leave(): void {
    const disconnect = (): void => this.#engine.disconnect(this.#client)
    // The engine may be handing over what the client was sent, piece by piece.
    if (this.#isWriting) nextTick(disconnect)
    else disconnect()
  }

  // ── the engine's side ────────────────────────────────────────────────────

  get backlogBytes(): number {
    return this.#outlet === undefined ? this.#earlyBytes : this.#outlet.backlogBytes
  }

  whenDrained(tell: () => void): void {
    if (this.#outlet === undefined) nextTick(tell)
    else this.#outlet.whenDrained(tell)
  }

  write(bytes: Buffer): boolean {
    this.#isWriting = true
    this.#read(bytes)
    this.#listener?.flush()
    this.#isWriting = false
    return true
  }

  /** Reads bytes, or knows from the stream before what they say. */
  #read(bytes: Buffer): void {
    const { encoding } = this.#targets
    if (!this.#reader.isBetween || bytes.length > READ_ONCE_BYTES_MAX) {
      this.#reader.feed(bytes)
    } else if (lastRead.encoding === encoding && bytes.equals(lastRead.bytes)) {
      for (const parts of lastRead.pushes) this.push(parts)
    } else {
      const pushes: ReplyValue<string>[][] = []
      this.#pushes = pushes
      this.#reader.feed(bytes)
      const isWhole = this.#pushes === pushes && this.#reader.isBetween
      this.#pushes = undefined
      if (isWhole) Object.assign(lastRead, { bytes: Buffer.from(bytes), encoding, pushes })
    }
  }

  close(): void {
    this.#fail(new HttpError(503, 'the connection was ended'))
    this.#listener?.ended()
  }

  reply(value: ReplyValue<string>): void {
    this.#pushes = undefined
    if (value instanceof CommandError) this.#fail(new HttpError(statusOf(value.message), value.message))
    else this.#confirmed()
  }

  push(parts: ReplyValue<string>[]): void {
    this.#pushes?.push(parts)
    const [kind, name, ...rest] = parts as string[]
    if (kind === 'message') this.#message(undefined, String(name), rest)
    else if (kind === 'pmessage') this.#message(String(name), String(rest[0]), rest.slice(1))
    else if (kind === 'subscribe' || kind === 'psubscribe') this.#confirmed()
    // Another connection took over the name.
    else if (kind === 'unsubscribe' || kind === 'punsubscribe') this.close()
  }

  #confirmed(): void {
    this.#missing--
    if (this.#missing === 0) this.#confirm()
  }

  #message(pattern: string | undefined, channel: string, [text = '', id]: readonly string[]): void {
    const isGap = pattern === undefined && channel.startsWith(GAP_CHANNEL) && !this.#channels.has(this.#name(channel))
    if (isGap) this.#heard(gapOf(this.#name(channel), text))
    else
      this.#heard({ channel: this.#name(channel), pattern: pattern && this.#name(pattern), text: this.#text(text), id })
  }

  #heard(what: StreamMessage | StreamGap): void {
    if (this.#listener !== undefined) {
      hand(what, this.#listener)
      return
    }
    this.#early.push(what)
    if ('text' in what) this.#earlyBytes += what.text.length
  }

  #text(text: string): string {
    return this.#targets.encoding === 'utf8' ? text : Buffer.from(text, 'latin1').toString('base64')
  }

  #name(text: string): string {
    return this.#targets.encoding === 'utf8' ? text : Buffer.from(text, 'latin1').toString('utf8')
  }
}

function hand(what: StreamMessage | StreamGap, listener: StreamListener): void {
  if ('text' in what) listener.message(what)
  else listener.gap(what)
}

function gapOf(channel: string, text: string): StreamGap {
  const [count = '?', after = '', before = ''] = text.split(' ')
  return { channel: channel.slice(GAP_CHANNEL.length), count: count === '?' ? null : Number(count), after, before }
}

function idOf(text: string): StreamId {
  const [ms = '0', seq = '0'] = text.split('-')
  return StreamId.of(BigInt(ms), BigInt(seq))
}

function latin1Of(name: string): string {
  return Buffer.from(name, 'utf8').toString('latin1')
}
