// The messages of one channel, pattern or group, for one subscriber, one after the other. Listeners
// and iterations of named subscribers are made of it.
//
// It is a connection of its own, with a name. Messages that arrived and were not taken count as its
// backlog. So a slow reader reads on from the kept messages of the channel, like any other slow
// client. A message counts as heard when it is acknowledged, not before.

import type { Engine } from '../commands/call.ts'
import type { Client } from '../engine/clients/client.ts'
import type { Transport } from '../engine/clients/transport.ts'
import { CommandError, type ReplyValue, ReplyValueReader, type ReplyValueReceiver } from '../protocol/reply-value.ts'
import { encodeRequest } from '../protocol/request-writer.ts'
import { anyText, OptionError, type OptionKind, oneOf, takeOptions } from '../server/boot/options.ts'
import { itemAt } from '../util/array-reads.ts'
import { Source } from '../util/bytes/bytes.ts'
import { utf8Of } from '../util/bytes/text.ts'
import { nextTick } from '../util/time/real-time.ts'

/** One message. */
export interface Message {
  /** The channel it was published on. */
  readonly channel: string
  readonly message: string
  /** Its id; undefined where the channel keeps nothing. */
  readonly id: string | undefined
  /**
   * Acknowledges this message and all before it: they are not sent again. With `ack: 'auto'` the
   * feed does this by itself.
   */
  ack(): Promise<void>
}

export interface FeedOptions {
  /**
   * The name of the subscriber. If the channel keeps its messages, those that arrive while no
   * connection has this name are delivered later.
   */
  name?: string
  /** Shares the messages with the other members of a group. Each message goes to one of them. */
  group?: string
  /**
   * The start, whatever was heard before: the first kept message, the end, the message behind an
   * id, or a time. Default: the position of this name; a new name begins as the channel's rule
   * says. Needs a name.
   */
  from?: 'first' | 'last' | string | Date
  /**
   * `auto` (default): a message counts as heard when the listener is done with it, or asks for the
   * next. `manual`: when `ack` is called.
   */
  ack?: 'auto' | 'manual'
}

/** The subscription was ended from outside. */
export class SubscriptionEnded extends Error {
  override name = 'SubscriptionEnded'
}

/** Called with each message. The next one comes when the returned promise is fulfilled. */
export type MessageListener = (message: string, channel: string, details: Message) => unknown

const FEED_OPTIONS = {
  name: anyText,
  group: anyText,
  from: {
    what: "'first', 'last', the id of a message, or a Date",
    accepts: (value: unknown) => anyText.accepts(value) || value instanceof Date,
  },
  ack: oneOf('auto', 'manual'),
} satisfies Record<keyof FeedOptions, OptionKind>

/** Returns a copy of the options. Throws OptionError for contradictory ones. */
function takeFeedOptions(given: FeedOptions): FeedOptions {
  const options = takeOptions(given, FEED_OPTIONS)
  const { name, group, from, ack } = options
  if (name !== undefined && !/^[!-~]+$/.test(name))
    throw new OptionError("option 'name': printable characters without blanks")
  if (group !== undefined && (group === '' || group.includes('/')))
    throw new OptionError("option 'group': a name without slashes")
  if (from !== undefined && (name === undefined || group !== undefined)) {
    throw new OptionError("option 'from': a subscriber with a name that is in no group can go elsewhere")
  }
  if (from instanceof Date && Number.isNaN(from.getTime())) throw new OptionError("option 'from': no valid date")
  if (ack === 'manual' && name === undefined && group === undefined) {
    throw new OptionError("option 'ack': manual needs a name or a group")
  }
  return options
}

/** Hands the messages of a feed to a listener, one after the other, until the feed ends. */
export async function hand(feed: MessageFeed, listener: MessageListener, ack: 'auto' | 'manual'): Promise<void> {
  try {
    for (let message = await feed.next(); message !== undefined; message = await feed.next()) {
      await listener(message.message, message.channel, message)
      if (ack === 'auto') await message.ack()
    }
  } catch (error) {
    feed.leave()
    if (error instanceof SubscriptionEnded) return
    // Like an error in the listener of an event emitter.
    nextTick(() => {
      throw error
    })
  }
}

interface Waiting<T> {
  resolve(value: T): void
  reject(error: Error): void
}

export class MessageFeed implements Transport, ReplyValueReceiver<string> {
  readonly kind = 'in-process'
  readonly address = 'in-process:0'
  readonly localAddress = 'in-process:0'
  readonly descriptor = -1
  backlogBytes = 0
  /** Fulfilled when it is subscribed. */
  readonly ready: Promise<void>
  readonly #engine: Engine
  readonly #client: Client
  readonly #reader = new ReplyValueReader<string>(utf8Of, this)
  readonly #isPattern: boolean
  readonly #target: string
  /** The name in the subscription: the target, or that of a group. */
  readonly #subscription: string
  readonly #acknowledges: boolean
  readonly #replies: Waiting<ReplyValue<string>>[] = []
  /** Messages that the program has not taken yet. */
  #messages: Message[] = []
  #taking: Waiting<Message | undefined> | undefined = undefined
  #drained: (() => void)[] = []
  /** The end of the feed: null = it was closed, else the error that ended it. */
  #end: Error | null | undefined = undefined

  /** Throws OptionError for options that cannot be taken. */
  constructor(engine: Engine, kind: 'channel' | 'pattern', name: string, given: FeedOptions) {
    const options = takeFeedOptions(given)
    if (options.name !== undefined && options.group === undefined && !engine.parts.channels.mayKeep(kind, name)) {
      throw new OptionError(
        `option 'name': no rule keeps messages of '${name}', so nothing would be remembered: give the broker one, such as channel: '${name} keep 24h'`,
      )
    }
    this.#engine = engine
    this.#isPattern = kind === 'pattern'
    this.#target = name
    this.#subscription = options.group === undefined ? name : `$share/${options.group}/${name}`
    this.#acknowledges = options.name !== undefined || options.group !== undefined
    this.#client = engine.connect(this, 'internal')
    this.#client.protocol = 3
    this.ready = this.#subscribe(options)
    // Takers of messages learn of the end, too.
    this.ready.catch((error: Error) => this.#finish(error))
  }

  async #subscribe({ name, from }: FeedOptions): Promise<void> {
    const all: Promise<unknown>[] = []
    if (this.#acknowledges) all.push(this.#ask('CLIENT', 'CAPA', 'message-ids'))
    if (name !== undefined) all.push(this.#ask('CLIENT', 'SETNAME', name))
    all.push(this.#ask(this.#isPattern ? 'PSUBSCRIBE' : 'SUBSCRIBE', this.#subscription))
    if (from !== undefined) {
      const aim = from instanceof Date ? String(from.getTime()) : from
      const {
        identity: { user },
      } = this.#client
      all.push(
        this.#ask('CHANNEL', 'SEEK', this.#target, user.name, name!, aim, ...(this.#isPattern ? ['PATTERN'] : [])),
      )
    }
    await Promise.all(all)
  }

  // ── messages ─────────────────────────────────────────────────────────────

  /**
   * Takes the next message when there is one; undefined = the feed was closed. Rejects if the
   * subscription has ended otherwise.
   */
  next(): Promise<Message | undefined> {
    const message = this.#messages.shift()
    if (message !== undefined) {
      this.backlogBytes -= message.message.length
      if (this.#messages.length === 0) this.#tellDrained()
      return Promise.resolve(message)
    }
    if (this.#end === null) return Promise.resolve(undefined)
    if (this.#end !== undefined) return Promise.reject(this.#end)
    return new Promise((resolve, reject) => {
      this.#taking = { resolve, reject }
    })
  }

  #tellDrained(): void {
    this.backlogBytes = 0
    const drained = this.#drained
    this.#drained = []
    for (const tell of drained) nextTick(tell)
  }

  push(parts: ReplyValue<string>[]): void {
    const [word, ...rest] = parts as string[]
    // Members of a group get messages under the name of their subscription.
    if (word === 'message') this.#arrived(this.#target, itemAt(rest, 1), rest[2])
    else if (word === 'pmessage') this.#arrived(itemAt(rest, 1), itemAt(rest, 2), rest[3])
    else if (word === 'subscribe' || word === 'psubscribe') this.#replies.shift()?.resolve(null)
    else this.#finish(new SubscriptionEnded(`the broker has ended the subscription to '${this.#target}'`))
  }

  #arrived(channel: string, text: string, id: string | undefined): void {
    const message: Message = { channel, message: text, id, ack: () => this.#acknowledge(channel, id) }
    const taking = this.#taking
    if (taking !== undefined) {
      this.#taking = undefined
      taking.resolve(message)
      return
    }
    this.#messages.push(message)
    this.backlogBytes += text.length
  }

  async #acknowledge(channel: string, id: string | undefined): Promise<void> {
    if (id === undefined || !this.#acknowledges || this.#end !== undefined) return
    if (this.#isPattern) await this.#ask('CHANNEL', 'ACK', channel, id, 'PATTERN', this.#subscription)
    else await this.#ask('CHANNEL', 'ACK', this.#subscription, id)
  }

  // ── the connection ───────────────────────────────────────────────────────

  #ask(command: string, ...words: string[]): Promise<ReplyValue<string>> {
    return new Promise((resolve, reject) => {
      this.#replies.push({ resolve, reject })
      const request = encodeRequest([command, ...words], 'utf8')
      this.#engine.receive(this.#client, new Source(request), 0, request.length)
    })
  }

  write(bytes: Buffer): boolean {
    this.#reader.feed(bytes)
    return true
  }

  reply(value: ReplyValue<string>): void {
    const waiting = this.#replies.shift()
    if (value instanceof CommandError) waiting?.reject(value)
    else waiting?.resolve(value)
  }

  whenDrained(tell: () => void): void {
    if (this.backlogBytes === 0) nextTick(tell)
    else this.#drained.push(tell)
  }

  /** The engine has ended the connection. */
  close(): void {
    this.#finish(new SubscriptionEnded('the connection to the broker was closed'))
  }

  /**
   * Unsubscribes. The name is remembered, and messages that arrived but were not taken will be sent
   * again.
   */
  leave(): void {
    if (this.#end !== undefined) return
    this.#finish(null)
  }

  #finish(end: Error | null): void {
    if (this.#end !== undefined) return
    this.#end = end
    this.#messages = []
    this.#engine.disconnect(this.#client)
    for (const { reject } of this.#replies) reject(end ?? new SubscriptionEnded('the subscription was closed'))
    const taking = this.#taking
    this.#taking = undefined
    if (end === null) taking?.resolve(undefined)
    else taking?.reject(end)
  }
}
