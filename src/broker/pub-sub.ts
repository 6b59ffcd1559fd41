// Publish and subscribe: the lists of subscriptions, and the way of a message to its subscribers.
//
// A message is encoded once for each protocol version, into a buffer for messages of that version.
// So the messages of one subscriber lie side by side there and leave as one piece. Channels are
// looked up from the bytes of the request through a small memo of recent routes. So a second
// message to a channel makes no string and asks no pattern.

import { REPLY_BUFFER_BYTES } from '../protocol/limits.ts'
import { ReplyBuffer } from '../protocol/reply-buffer.ts'
import { itemAt } from '../util/array-reads.ts'
import { assert } from '../util/assert.ts'
import { Bytes, copyBytes, Source } from '../util/bytes/bytes.ts'
import { type HashKey, hashBytes } from '../util/tables/keyed-hash.ts'
import { NameMap } from '../util/tables/name-map.ts'
import { isShared } from './group-name.ts'
import type { KeepingRules, MessageKeeper } from './message-keeper.ts'
import { Pattern, PatternIndex } from './pattern-index.ts'
import type { Listener, MessageLog, Subscriber } from './subscriber.ts'
import type { SubscriberGroup, SubscriberGroups } from './subscriber-groups.ts'
import { SubscriberList } from './subscriber-list.ts'
import {
  type ChannelKind,
  type MessageKind,
  SUBSCRIPTION_KINDS,
  SUBSCRIPTIONS,
  type SubscriptionKind,
} from './subscription-kind.ts'

/** Recent routes kept; a power of two. */
const ROUTES = 256
/**
 * Longer channel names are looked up each time: keeping them could cost more memory than the
 * subscriptions themselves.
 */
const ROUTE_NAME_BYTES_MAX = 256
/** Channels that match more patterns are looked up each time, for the same reason. */
const ROUTE_PATTERNS_MAX = 64
/**
 * The framing of a message besides its texts: five headers of at most 13 bytes, four line ends, the
 * kind's word, an id.
 */
const FRAME_BYTES_MAX = 160

/** The receivers of messages to one channel, as they were last time. */
interface Route {
  /** The channel's bytes, in memory of their own, and the same as latin1. */
  bytes: Bytes
  name: string
  /** The route is right while this equals the broker's. */
  generation: number
  channel: SubscriberList | undefined
  patterns: Pattern[]
  /** Groups that hear it. */
  groups: readonly SubscriberGroup[] | null
  /** The log that keeps the channel's messages. */
  log: MessageLog | null
}

const NO_PATTERNS: Pattern[] = []
const NO_BYTES = new Bytes()

export class PubSub {
  readonly #channels = new NameMap<SubscriberList>()
  readonly #shardChannels = new NameMap<SubscriberList>()
  readonly #patterns = new NameMap<SubscriberList>()
  readonly #lists: Readonly<Record<SubscriptionKind, NameMap<SubscriberList>>> = {
    channel: this.#channels,
    pattern: this.#patterns,
    shard: this.#shardChannels,
  }
  readonly #index = new PatternIndex()
  readonly #encoders = { 2: new MessageEncoder(2), 3: new MessageEncoder(3) }
  readonly #routes: (Route | undefined)[] = new Array(ROUTES).fill(undefined)
  /** Counts up whenever a route may have changed: a channel or pattern came or went. */
  #generation = 0
  #sequence = 0
  /** Messages that were published, keyspace events included, and deliveries to a subscriber. */
  published = 0
  delivered = 0
  readonly #hashKey: HashKey
  #keeper: MessageKeeper | null = null
  /**
   * Null = no rule is given. There may be rules without a keeper: a follower knows the rules, and
   * its leader keeps the messages.
   */
  rules: KeepingRules | null = null
  /**
   * The part that has groups. Null = there is none, and names of groups are names like any other.
   */
  sharing: SubscriberGroups | null = null

  constructor(hashKey: HashKey) {
    this.#hashKey = hashKey
  }

  // ── subscribing ──────────────────────────────────────────────────────────

  /** Adds a subscription; false when there is one already. */
  subscribe(subscriber: Subscriber, kind: SubscriptionKind, name: string): boolean {
    const names = SUBSCRIPTIONS[kind].names(subscriber)
    if (names.has(name)) return false
    names.add(name)
    const listener = this.#join(subscriber, kind, name)
    const list = this.#lists[kind].get(name) ?? this.#open(kind, name)
    list.add(listener)
    return true
  }

  /** Removes a subscription; false when there was none. */
  unsubscribe(subscriber: Subscriber, kind: SubscriptionKind, name: string): boolean {
    if (!SUBSCRIPTIONS[kind].names(subscriber).delete(name)) return false
    const listener = this.#leave(subscriber, kind, name)
    const list = this.#lists[kind].get(name)
    assert(list !== undefined, 'a name that a subscriber has leads to a list')
    list.remove(listener)
    if (list.count === 0) this.#close(kind, list)
    return true
  }

  /** Makes the list of a name that has its first subscriber. */
  #open(kind: SubscriptionKind, name: string): SubscriberList {
    const list = kind === 'pattern' ? new Pattern(name, this.#sequence++) : new SubscriberList(name)
    this.#lists[kind].set(name, list)
    if (list instanceof Pattern) this.#index.add(list)
    if (kind !== 'shard') this.forgetRoutes()
    return list
  }

  /** Removes a list that is empty. */
  #close(kind: SubscriptionKind, list: SubscriberList): void {
    this.#lists[kind].delete(list.name)
    if (list instanceof Pattern) this.#index.remove(list)
    if (kind !== 'shard') this.forgetRoutes()
  }

  /** Removes all of a subscriber's subscriptions: it is gone, or starts over. */
  remove(subscriber: Subscriber): void {
    if (
      subscriber.subscriptions.channels.size +
        subscriber.subscriptions.patterns.size +
        subscriber.subscriptions.shardChannels.size ===
      0
    )
      return
    this.#keeper?.vanish(subscriber)
    this.sharing?.vanish(subscriber)
    for (const kind of SUBSCRIPTION_KINDS) {
      for (const name of SUBSCRIPTIONS[kind].names(subscriber)) this.unsubscribe(subscriber, kind, name)
    }
  }

  /**
   * Tells whether subscribing to all of these adds a position to remember, which takes memory for
   * as long as a rule says.
   */
  remembersMore(subscriber: Subscriber, kind: SubscriptionKind, names: readonly string[]): boolean {
    return this.#keeper?.addsPlaces(subscriber, kind, names) === true
  }

  /**
   * Throws a ReplyError if a rule forbids to remember that many positions. To be asked before any
   * of these is subscribed to.
   */
  checkSubscribe(subscriber: Subscriber, kind: SubscriptionKind, names: readonly string[]): void {
    this.#keeper?.checkPlaces(subscriber, kind, names)
  }

  /** Asks for the listener on behalf of a subscriber. */
  #join(subscriber: Subscriber, kind: SubscriptionKind, name: string): Listener {
    if (this.sharing !== null && isShared(name)) {
      this.sharing.join(subscriber, kind, name)
      return subscriber
    }
    return this.#keeper === null ? subscriber : this.#keeper.join(subscriber, kind, name)
  }

  #leave(subscriber: Subscriber, kind: SubscriptionKind, name: string): Listener {
    if (this.sharing !== null && isShared(name)) {
      this.sharing.leave(subscriber, kind, name)
      return subscriber
    }
    return this.#keeper === null ? subscriber : this.#keeper.leave(subscriber, kind, name)
  }

  // ── keeping ──────────────────────────────────────────────────────────────

  /** Sets the keeper of messages; null = messages are not kept. */
  set keeper(keeper: MessageKeeper | null) {
    this.#keeper = keeper
    this.forgetRoutes()
  }

  /** Tells whether any messages may be kept. */
  get hasKeeper(): boolean {
    return this.#keeper !== null
  }

  /**
   * Forgets all routes: the keeper of a channel's messages has changed, or the groups that hear it.
   */
  forgetRoutes(): void {
    this.#generation++
  }

  /** Replaces one listener by another, in its place. */
  replace(kind: SubscriptionKind, name: string, listener: Listener, by: Listener): void {
    if (listener === by) return
    this.#lists[kind].get(name)?.replace(listener, by)
  }

  /**
   * Tells whether messages to a channel are kept: then publishing is a write, on whichever server
   * it is asked for.
   */
  isKept(channel: Bytes): boolean {
    return this.rules?.keeps(channel) === true
  }

  /**
   * Sends one listener a message, as if it had been published now; with its id where the listener
   * wants that. Returns its bytes.
   */
  send(
    listener: Listener,
    kind: MessageKind,
    pattern: string | undefined,
    channel: string,
    message: Bytes,
    id?: string,
  ): number {
    const encoder = this.#encoders[listener.protocol]
    encoder.encode(kind, pattern, channel, message, id)
    const { source, start, end } = encoder
    listener.deliver(source, start, end, null)
    return end - start
  }

  /** Tells a subscriber that a subscription of its has ended, as UNSUBSCRIBE would. */
  sendEnd(subscriber: Subscriber, kind: SubscriptionKind, name: string): void {
    const { count, unsubscribed } = SUBSCRIPTIONS[kind]
    const encoder = this.#encoders[subscriber.protocol]
    encoder.encodeEnd(unsubscribed, name, count(subscriber))
    subscriber.deliver(encoder.source, encoder.start, encoder.end, null)
  }

  // ── publishing ───────────────────────────────────────────────────────────

  /**
   * Delivers a message to the subscribers of this server, and returns how many received it.
   *
   * Replicas and other shards are not told: see `publishMessage` (engine/effects/publish.ts).
   */
  publish(kind: ChannelKind, channel: Bytes, message: Bytes): number {
    this.published++
    if (kind === 'shard') return this.#publishShard(channel, message)
    if (this.#channels.size === 0 && this.#patterns.size === 0 && this.#keeper === null) return 0
    return this.#fanOut(this.#routeOf(channel), message)
  }

  /** As `publish`, for a channel whose name is at hand as latin1. */
  publishTo(channel: string, message: Bytes): number {
    this.published++
    if (this.#channels.size === 0 && this.#patterns.size === 0 && this.#keeper === null) return 0
    return this.#fanOut(this.#resolve(NO_BYTES, channel), message)
  }

  /**
   * Delivers a message that another server has published, and keeps if a rule says so. It goes to
   * the subscribers of this server, except members of groups: those get it where it was published.
   * Returns how many received it.
   */
  hear(channel: Bytes, message: Bytes): number {
    if (this.#channels.size === 0 && this.#patterns.size === 0) return 0
    const { name, channel: listeners, patterns } = this.#routeOf(channel)
    return this.#deliverTo(name, listeners, patterns, message, null)
  }

  #publishShard(channel: Bytes, message: Bytes): number {
    if (this.#shardChannels.size === 0 && this.#keeper === null) return 0
    const name = channel.toString()
    const log = this.#keeper === null ? null : this.#keeper.logOf(name, 'shard')
    if (log !== null) log.record(message)
    const list = this.#shardChannels.get(name)
    let receivers = list === undefined ? 0 : this.#deliver(list, 'smessage', undefined, name, message, log)
    const groups = this.sharing === null ? null : this.sharing.groupsOf(name, 'shard')
    if (groups !== null) receivers += this.#share(groups, name, message, log)
    return receivers
  }

  #fanOut({ name, channel, patterns, groups, log }: Route, message: Bytes): number {
    if (log !== null) log.record(message)
    let receivers = this.#deliverTo(name, channel, patterns, message, log)
    if (groups !== null) receivers += this.#share(groups, name, message, log)
    return receivers
  }

  /** Delivers a message to the subscribers of its channel, and to patterns that match it. */
  #deliverTo(
    name: string,
    channel: SubscriberList | undefined,
    patterns: readonly Pattern[],
    message: Bytes,
    log: MessageLog | null,
  ): number {
    let receivers = channel === undefined ? 0 : this.#deliver(channel, 'message', undefined, name, message, log)
    for (let i = 0; i < patterns.length; i++) {
      receivers += this.#deliver(itemAt(patterns, i), 'pmessage', itemAt(patterns, i).name, name, message, log)
    }
    return receivers
  }

  /**
   * Delivers a message to each member of a list. Members may leave meanwhile; a member that comes
   * meanwhile does not receive it.
   */
  #deliver(
    list: SubscriberList,
    kind: MessageKind,
    pattern: string | undefined,
    channel: string,
    message: Bytes,
    log: MessageLog | null,
  ): number {
    const two = this.#encoders[2]
    const three = this.#encoders[3]
    let encodedTwo = false
    let encodedThree = false
    let receivers = 0
    const { members } = list
    const { length } = members
    list.messages++
    list.hold()
    for (let i = 0; i < length; i++) {
      const subscriber = members[i]
      if (subscriber === undefined) continue
      receivers++
      if (subscriber.protocol === 2) {
        if (!encodedTwo) {
          encodedTwo = true
          two.encode(kind, pattern, channel, message)
        }
        subscriber.deliver(two.source, two.start, two.end, log)
      } else {
        if (!encodedThree) {
          encodedThree = true
          three.encode(kind, pattern, channel, message)
        }
        subscriber.deliver(three.source, three.start, three.end, log)
      }
    }
    list.release()
    this.delivered += receivers
    return receivers
  }

  /** Delivers a message to one member of each group. */
  #share(groups: readonly SubscriberGroup[], channel: string, message: Bytes, log: MessageLog | null): number {
    let receivers = 0
    for (let i = 0; i < groups.length; i++) receivers += itemAt(groups, i).share(channel, message, log)
    this.delivered += receivers
    return receivers
  }

  #match(channel: string): Pattern[] {
    if (this.#patterns.size === 0) return NO_PATTERNS
    const found: Pattern[] = []
    this.#index.match(channel, found)
    return found
  }

  /** Finds the receivers of messages to a channel, from the memo if it was asked for lately. */
  #routeOf(channel: Bytes): Route {
    if (channel.length > ROUTE_NAME_BYTES_MAX) return this.#resolve(channel, channel.toString())
    const slot = hashBytes(channel.source, channel.start, channel.length, this.#hashKey) & (ROUTES - 1)
    let route = this.#routes[slot]
    if (route?.bytes.equals(channel)) {
      if (route.generation === this.#generation) return route
      route = this.#resolve(route.bytes, route.name)
    } else {
      route = this.#resolve(channel.copy(), channel.toString())
    }
    this.#routes[slot] = route.patterns.length <= ROUTE_PATTERNS_MAX ? route : undefined
    return route
  }

  #resolve(bytes: Bytes, name: string): Route {
    return {
      bytes,
      name,
      generation: this.#generation,
      channel: this.#channels.get(name),
      patterns: this.#match(name),
      groups: this.sharing === null ? null : this.sharing.groupsOf(name, 'channel'),
      log: this.#keeper === null ? null : this.#keeper.logOf(name, 'channel'),
    }
  }

  // ── asking ───────────────────────────────────────────────────────────────

  /** Returns the names of a kind that have subscribers. */
  names(kind: SubscriptionKind): Iterable<string> {
    return this.#lists[kind].keys()
  }

  /** Returns how many different names of a kind have subscribers. */
  count(kind: SubscriptionKind): number {
    return this.#lists[kind].size
  }

  /**
   * Returns the number of subscribers of a name; a channel's subscribers by pattern are not
   * included.
   */
  subscribersOf(kind: SubscriptionKind, name: string): number {
    return this.#lists[kind].get(name)?.count ?? 0
  }

  /** Returns how many messages a name's subscribers were handed since it has some. */
  messagesOf(kind: SubscriptionKind, name: string): number {
    return this.#lists[kind].get(name)?.messages ?? 0
  }

  // ── memory ───────────────────────────────────────────────────────────────

  /** Starts the buffers over: every message so far has left. */
  recycle(): void {
    this.#encoders[2].recycle()
    this.#encoders[3].recycle()
  }

  /**
   * Leaves the messages so far to receivers that still hold them: new ones are written elsewhere.
   */
  abandon(): void {
    this.#encoders[2].abandon()
    this.#encoders[3].abandon()
  }
}

/** Longer openings of messages are made each time. */
const OPENING_BYTES_MAX = 256

/**
 * Makes messages of one protocol version, each in one piece.
 *
 * Mostly one message follows another of the same channel. So the opening, all bytes before the
 * text, is kept and copied; that takes half the time of writing it.
 */
class MessageEncoder {
  /** Where the last message lies. */
  source: Source
  start = 0
  end = 0
  readonly #buffer: ReplyBuffer
  #used = false
  /**
   * The opening of the last message without an id, with the texts that it was made of; 0 bytes =
   * none is kept.
   */
  readonly #opening = Source.allocate(OPENING_BYTES_MAX)
  #openingBytes = 0
  #kind = ''
  #pattern: string | undefined = undefined
  #channel = ''

  constructor(protocol: 2 | 3) {
    this.#buffer = new ReplyBuffer(REPLY_BUFFER_BYTES, 0)
    this.#buffer.setProtocol(protocol)
    this.source = this.#buffer.source
  }

  encode(kind: string, pattern: string | undefined, channel: string, message: Bytes, id?: string): void {
    const buffer = this.#begin((pattern === undefined ? 0 : pattern.length) + channel.length + message.length)
    if (id === undefined) {
      this.#open(kind, pattern, channel)
      buffer.bulk(message)
    } else {
      this.#writeOpening(kind, pattern, channel, 1)
      buffer.bulk(message)
      buffer.text(id)
    }
    this.end = buffer.position
  }

  /** Writes the opening of a message without an id. */
  #open(kind: string, pattern: string | undefined, channel: string): void {
    const buffer = this.#buffer
    // The strings are mostly the same objects, so they are not compared letter by letter.
    if (this.#openingBytes > 0 && channel === this.#channel && kind === this.#kind && pattern === this.#pattern) {
      buffer.rawFrom(this.#opening, 0, this.#openingBytes)
      return
    }
    this.#writeOpening(kind, pattern, channel, 0)
    const bytes = buffer.position - this.start
    this.#openingBytes = bytes <= OPENING_BYTES_MAX ? bytes : 0
    if (this.#openingBytes === 0) return
    copyBytes(this.#opening, 0, this.source, this.start, bytes)
    this.#kind = kind
    this.#pattern = pattern
    this.#channel = channel
  }

  #writeOpening(kind: string, pattern: string | undefined, channel: string, more: number): void {
    const buffer = this.#buffer
    buffer.push((pattern === undefined ? 3 : 4) + more)
    buffer.text(kind)
    if (pattern !== undefined) buffer.text(pattern)
    buffer.text(channel)
  }

  encodeEnd(word: string, name: string, left: number): void {
    const buffer = this.#begin(name.length)
    buffer.push(3)
    buffer.text(word)
    buffer.text(name)
    buffer.integer(left)
    this.end = buffer.position
  }

  /** Begins a message whose texts take this many bytes. */
  #begin(bytes: number): ReplyBuffer {
    const buffer = this.#buffer
    this.#used = true
    buffer.reserve(FRAME_BYTES_MAX + bytes)
    this.source = buffer.source
    this.start = buffer.position
    return buffer
  }

  recycle(): void {
    if (this.#used) this.#buffer.recycle()
    this.#used = false
    this.source = this.#buffer.source
  }

  abandon(): void {
    if (this.#used) this.#buffer.abandon()
    this.#used = false
    this.source = this.#buffer.source
  }
}
