// Channels that remember: the room that knows which messages are kept, who reads them, and who was away.
//
//   PUBLISH ─▶ broker: route ─▶ log.begin (the message is kept, in the unit that published it) ─▶ fan-out ─▶ log.end
//                                                                                  └─▶ a client, or the reader on its behalf
//
// It sits at the broker as its keeper while there is a rule, and costs nothing else. What it keeps is data: streams of
// messages and hashes of places (channel-keys.ts), in database 0.

import type { MessageKeeper, SubscriptionKind } from '../broker/message-keeper.ts'
import { literalPrefix } from '../broker/pattern-index.ts'
import type { MessageKind, PubSub } from '../broker/pub-sub.ts'
import { isShared } from '../broker/shared-name.ts'
import type { Listener, Subscriber } from '../broker/subscriber.ts'
import type { Changes } from '../engine/changes.ts'
import { type ChannelRule, keeps } from '../engine/channel-rules.ts'
import { Client } from '../engine/client.ts'
import type { Clients } from '../engine/clients.ts'
import type { Config } from '../engine/config.ts'
import type { Dataset } from '../engine/dataset.ts'
import type { Word } from '../engine/effects.ts'
import type { Engine } from '../engine/engine.ts'
import type { EventName } from '../engine/events.ts'
import type { Loading } from '../engine/loading.ts'
import type { Moment } from '../engine/moment.ts'
import { PatternRules } from '../engine/pattern-rules.ts'
import type { Role } from '../engine/role.ts'
import type { ServerState } from '../engine/state.ts'
import type { Stats } from '../engine/stats.ts'
import type { Database } from '../store/database.ts'
import type { Hash } from '../store/hash.ts'
import type { StreamId } from '../store/stream-id.ts'
import { TYPE_HASH } from '../store/value.ts'
import { assert } from '../util/assert.ts'
import { Bytes } from '../util/bytes.ts'
import type { Clock, Timer } from '../util/clock.ts'
import { Glob } from '../util/glob.ts'
import { NameMap } from '../util/name-map.ts'
import { Audience, type AudienceHost } from './audience.ts'
import { type ChannelKind, channelOfKey, targetOfPlacesKey } from './channel-keys.ts'
import { ChannelLog, type ChannelLogHost } from './channel-log.ts'
import { GROUP_USER, type Group } from './group.ts'
import { Groups, type GroupsHost } from './groups.ts'
import { MessageIds } from './message-ids.ts'
import { Place, Places, type PlacesHost, placesIn, UNCOUNTED } from './places.ts'
import { Reader, type ReaderHost, SLICE_BYTES, type Sliced } from './reader.ts'
import { RecentIds } from './recent-ids.ts'
import { Schedule, type ScheduleHost, type ScheduleRoom } from './schedule.ts'
import { Tally, type TallyHost } from './tally.ts'

/** How long readers that are behind are served before everybody else is heard again. */
const READ_MS_MAX = 1
/** How often it is noted where each named subscriber is, at most and at least. */
const SAMPLE_MS_MIN = 50
const SAMPLE_MS_MAX = 1000
/** So many are looked at in one go, a millisecond's work; where there are more, the others follow after a fraction of that time. */
const SAMPLED_MAX = 1000
const SLICE_MS_MIN = 10
/** Samples within `redeliver`: so much of it may be sent again beyond it. */
const SAMPLES_PER_REDELIVER = 8
/** Places remembered in that time; the others' turn comes next. */
const PLACES_MAX = 1000
/** In how many logs at a time messages are looked for that are too old: in all of them once a second, if that is not too often. */
const SWEPT_MAX = 1000
const SWEEP_MS_MIN = 100
const SWEEP_MS_MAX = 1000

export interface ChannelsHost extends ScheduleHost {
  readonly config: Config
  readonly clock: Clock
  readonly machine: Clock
  readonly moment: Moment
  readonly state: ServerState
  readonly stats: Stats
  readonly changes: Changes
  readonly dataset: Dataset
  readonly loading: Loading
  readonly role: Role
  readonly pubSub: PubSub
  readonly clients: Clients
  readonly runner: { readonly client: Client | undefined }
  readonly propagation: ScheduleHost['propagation'] & {
    readonly on: boolean
    happened(database: number, words: readonly Word[]): void
    published(command: 'PUBLISH' | 'SPUBLISH', channel: Bytes, message: Bytes): void
  }
  readonly durability: { wrote(client: Client): void }
  readonly blocking: { wake(db: Database, key: Bytes): void }
}

export class Channels
  implements MessageKeeper, ChannelLogHost, PlacesHost, ReaderHost, GroupsHost, AudienceHost, TallyHost, ScheduleRoom
{
  readonly ids = new MessageIds()
  readonly places: Places
  readonly groups: Groups
  /** What is asked and changed of subscribers from outside. */
  readonly audience: Audience
  readonly tally: Tally
  /** What is to be published later. */
  readonly schedule: Schedule
  /** Which ids messages had lately. */
  readonly recentIds: RecentIds
  current: ChannelLog | null = null
  behind = 0
  readonly #host: ChannelsHost
  readonly #later: (run: () => void) => void
  #rules = new PatternRules<ChannelRule>([])
  /** The rules as they were given. */
  #given: readonly ChannelRule[] = []
  /** Follows a primary: no rule is in force. */
  #isReplica = false
  readonly #logs = { channel: new NameMap<ChannelLog>(), shard: new NameMap<ChannelLog>() }
  /** Who listens on whose behalf: client → kind and target → reader. */
  readonly #readers = new Map<Subscriber, NameMap<Reader>>()
  /** Those who are remembered: kind, target and subscriber → reader. */
  readonly #named = new NameMap<Reader>()
  /** Readers that read on as soon as they may. */
  #reading: Sliced[] = []
  #readingSoon = false
  /** Gaps to be told of when nobody is in the middle of something. */
  #gaps: { channel: string; text: string }[] = []
  #sampleTimer: Timer | undefined = undefined
  #sweepTimer: Timer | undefined = undefined
  /** Where the rounds of sampling, of remembering places, and of sweeping, are. */
  #sampling: Iterator<Reader> | undefined = undefined
  #placing: Iterator<Reader> | undefined = undefined
  #sweeping: Iterator<ChannelLog> | undefined = undefined

  constructor(host: ChannelsHost, later: (run: () => void) => void) {
    this.#host = host
    this.#later = later
    this.places = new Places(this)
    this.groups = new Groups(this)
    this.audience = new Audience(this)
    this.tally = new Tally(this)
    this.recentIds = new RecentIds(this)
    this.schedule = new Schedule(host, this, later)
    host.pubSub.sharing = this.groups
    host.config.onChange('channel', (rules) => this.#follow(rules))
    host.loading.changed.take(() => this.#follow(this.#given))
    host.role.changed.take(() => {
      if (host.role.isReplica !== this.#isReplica) this.#follow(this.#given)
    })
    this.#follow(host.config.get('channel'))
  }

  // ── rules ────────────────────────────────────────────────────────────────

  /** Follows these rules from now on: what was kept stays, and who is subscribed goes on where it is; while data is loaded, when that is over. */
  #follow(given: readonly ChannelRule[]): void {
    const { pubSub, role } = this.#host
    this.#given = given
    this.#isReplica = role.isReplica
    // A replica keeps what its primary has kept, and nothing by itself: its subscribers hear messages as they come.
    const rules = this.#isReplica ? [] : given
    this.#rules = new PatternRules(rules)
    this.#logs.channel.clear()
    this.#logs.shard.clear()
    pubSub.keeper = rules.length === 0 ? null : this
    if (this.#isOpen) this.#findLogs()
    if (!this.isLoading) {
      this.#rejoin()
      this.groups.follow()
    }
    this.#armSweep()
  }

  /** Tells whether messages are kept, or wait to be published. */
  get holdsData(): boolean {
    return this.#rules.size > 0 || this.schedule.hasAny
  }

  /** The data has become another: what is known of it is looked up anew. */
  contentsChanged(): void {
    if (this.#rules.size > 0) this.#follow(this.#given)
    this.schedule.findChannels()
  }

  get #isOpen(): boolean {
    return this.#rules.size > 0 && !this.#host.state.loading.holds
  }

  /** Comes to know the logs that there are, and the ids that were given. */
  #findLogs(): void {
    const { db } = this
    const key = new Bytes()
    for (let entry = 0; entry < db.keys.entriesEnd; entry++) {
      if (!db.keys.isLive(entry)) continue
      const name = db.keys.keyOf(entry, key)
      const first = name.at(0)
      if (first !== LETTER_C && first !== LETTER_S && first !== LETTER_P) continue
      const text = name.toString()
      const channel = channelOfKey(text)
      if (channel !== undefined) {
        const stream = this.logOf(channel.name, channel.kind)?.stream
        if (stream !== undefined) this.ids.see(stream.lastId)
      } else if (targetOfPlacesKey(text) !== undefined && db.typeOf(entry) === TYPE_HASH) {
        this.places.note(text)
        for (const [, { id }] of placesIn(db.structureOf(entry) as Hash)) this.ids.see(id)
      }
    }
  }

  /** Has everybody who is subscribed listen as the rules say now. */
  #rejoin(): void {
    for (const client of this.#host.clients.values()) {
      for (const name of client.channels) this.#rejoinOne(client, 'channel', name)
      for (const name of client.patterns) this.#rejoinOne(client, 'pattern', name)
      for (const name of client.shardChannels) this.#rejoinOne(client, 'shard', name)
    }
  }

  #rejoinOne(client: Client, kind: SubscriptionKind, name: string): void {
    if (isShared(name)) return
    const { pubSub } = this.#host
    const reader = this.#readers.get(client)?.get(keyOf(kind, name))
    const concerned = this.#isOpen && this.#concerns(kind, name)
    if (reader === undefined) {
      if (concerned) pubSub.replace(kind, name, client, this.#join(client, kind, name, true))
    } else if (!concerned) {
      this.#detach(reader)
      pubSub.replace(kind, name, reader, client)
    } else if (!reader.isLive) {
      reader.begin(reader.placeNow(undefined), this.logsOf(kind, name, reader.glob))
    }
  }

  logOf(name: string, kind: 'channel' | 'shard'): ChannelLog | null {
    const logs = this.#logs[kind]
    const log = logs.get(name)
    if (log !== undefined) return log
    const rule = this.#rules.find(Bytes.from(name))
    if (rule === undefined) return null
    const made = new ChannelLog(this, kind, name, rule)
    logs.set(name, made)
    return made
  }

  /** Tells whether a rule says something of a channel, or may do so of one that matches a pattern. */
  #concerns(kind: SubscriptionKind, name: string): boolean {
    if (kind !== 'pattern') return this.logOf(name, kind) !== null
    const prefix = literalPrefix(name)
    return this.#given.some(({ pattern }) => {
      const other = literalPrefix(pattern)
      return other.startsWith(prefix) || prefix.startsWith(other)
    })
  }

  /** The logs that a subscription reads. */
  *logsOf(kind: SubscriptionKind, name: string, glob: Glob | undefined): Iterable<ChannelLog> {
    if (kind !== 'pattern') {
      const log = this.logOf(name, kind)
      if (log?.keeps === true) yield log
      return
    }
    for (const log of this.#logs.channel.values()) if (log.keeps && glob!.matches(log.name)) yield log
  }

  keptLogsOf(kind: SubscriptionKind, target: string): readonly ChannelLog[] | undefined {
    if (!this.#isOpen || !this.#concerns(kind, target)) return undefined
    const logs = [...this.logsOf(kind, target, kind === 'pattern' ? new Glob(target) : undefined)]
    const isKept = kind === 'pattern' ? this.#given.some(keeps) : logs.length > 0
    return isKept ? logs : undefined
  }

  /** The logs of all channels, those of shard channels behind them. */
  *logs(): Iterable<ChannelLog> {
    yield* this.#logs.channel.values()
    yield* this.#logs.shard.values()
  }

  get logCount(): number {
    return this.#logs.channel.size + this.#logs.shard.size
  }

  // ── publishing ───────────────────────────────────────────────────────────

  publish(kind: ChannelKind, channel: Bytes, message: Bytes): number {
    const { propagation, pubSub } = this.#host
    const isShard = kind === 'shard'
    const receivers = isShard ? pubSub.publishShard(channel, message) : pubSub.publish(channel, message)
    propagation.published(isShard ? 'SPUBLISH' : 'PUBLISH', channel, message)
    return receivers
  }

  // ── subscribing ──────────────────────────────────────────────────────────

  join(subscriber: Subscriber, kind: SubscriptionKind, name: string): Listener {
    assert(subscriber instanceof Client, 'clients subscribe')
    return this.#isOpen && this.#concerns(kind, name) ? this.#join(subscriber, kind, name, false) : subscriber
  }

  /** `late` = it has been subscribed before there was a rule, or while data was loaded: it hears nothing twice. */
  #join(client: Client, kind: SubscriptionKind, name: string, late: boolean): Reader {
    const glob = kind === 'pattern' ? new Glob(name) : undefined
    const kept = this.keptLogsOf(kind, name)
    const logs = kept ?? []
    const isNobody = client.name === '' || client.user.name === GROUP_USER
    const subscriber = isNobody || kept === undefined ? '' : `${client.user.name} ${client.name}`
    const place = subscriber === '' ? undefined : this.#placeOf(kind, name, subscriber)
    const reader = new Reader(this, client, kind, name, subscriber, glob)
    if (place !== undefined) {
      reader.begin(place, logs)
      reader.remembered.set(place.id, place.count)
    } else if (!late) {
      this.beginFirst(reader, logs)
    }
    if (client.wantsMessageIds) reader.acknowledged = new Place().copyFrom(place ?? reader.placeNow(logs[0]))
    const readers = this.#readers.get(client) ?? new NameMap<Reader>()
    readers.set(keyOf(kind, name), reader)
    this.#readers.set(client, readers)
    if (subscriber !== '') {
      this.#named.set(keyOf(kind, name, subscriber), reader)
      if (place === undefined) this.remember(reader, reader.placeNow(logs[0]))
      reader.sample(this.#host.clock.monotonic(), logs[0])
      this.sampleSoon()
    }
    if (!reader.isLive) this.readSoon(reader)
    return reader
  }

  /** Nothing is remembered of whoever begins to read: it begins where the channels' rules say. */
  beginFirst(reader: Reader | Group, logs: readonly ChannelLog[]): void {
    const begins = logs.flatMap((log) => {
      const first = log.firstFor(log.rule.first)
      return first === undefined ? [] : [{ log, first }]
    })
    if (begins.length === 0) return
    const heard = new Place().set(begins[0]!.first, UNCOUNTED)
    for (const { first } of begins) if (first.compare(heard.id) < 0) heard.id.copyFrom(first)
    heard.id.decrement()
    reader.begin(heard, [])
    for (const { log, first } of begins) reader.beginAt(log, first)
  }

  /** How far a subscriber has heard. Who bears the same name and is connected gives its subscription up. */
  #placeOf(kind: SubscriptionKind, name: string, subscriber: string): Place | undefined {
    const holder = this.#named.get(keyOf(kind, name, subscriber))
    if (holder !== undefined) this.#displace(holder)
    return this.places.get(kind, name, subscriber)
  }

  /** Somebody else has taken a reader's place over: its client is told, or where that is impossible disconnected. */
  #displace(reader: Reader): void {
    const { client, kind, target } = reader
    const { clients, pubSub } = this.#host
    this.#leaveBehind(reader)
    if (client.protocol === 2) {
      clients.close(client, 'now')
      return
    }
    if (kind === 'channel') pubSub.unsubscribe(client, target)
    else if (kind === 'shard') pubSub.unsubscribeShard(client, target)
    else pubSub.unsubscribePattern(client, target)
    client.followSubscriptions()
    pubSub.sendEnd(client, kind, target, kind === 'shard' ? client.shardChannels.size : client.subscriptions)
  }

  leave(subscriber: Subscriber, kind: SubscriptionKind, name: string): Listener {
    const reader = this.#readers.get(subscriber)?.get(keyOf(kind, name))
    if (reader === undefined) return subscriber
    this.#detach(reader)
    // Who unsubscribes wants nothing more; who is gone may come back.
    if (!reader.vanished && reader.subscriber !== '' && !this.isLoading)
      this.places.forget(kind, name, reader.subscriber)
    return reader
  }

  vanish(subscriber: Subscriber): void {
    for (const reader of this.#readers.get(subscriber)?.values() ?? []) this.#leaveBehind(reader)
  }

  /** Remembers how far a reader has come that ends without its client having asked for that. */
  #leaveBehind(reader: Reader): void {
    const { client, subscriber } = reader
    reader.vanished = true
    if (subscriber === '') return
    const redeliverMs = this.#host.config.get('redeliver')
    const isCertain = redeliverMs === 0 || (client.lastCommand === 'quit' && client.transport.backlogBytes === 0)
    const place = isCertain ? reader.placeNow(this.#logOfReader(reader)) : this.#certainPlace(reader)
    if (place !== undefined) this.remember(reader, reader.acknowledged ?? place)
  }

  /** How far a reader has heard for certain: what it was sent before that was taken, and some time ago. */
  #certainPlace(reader: Reader): Place | undefined {
    return reader.acknowledged ?? reader.placeAt(this.#host.clock.monotonic() - this.#host.config.get('redeliver'))
  }

  /** Has a place written down, unless it is already, or data is loaded: what that brings is how it was. */
  remember(reader: Reader, place: Place): void {
    const { remembered, kind, subscriber, target } = reader
    if (this.isLoading) return
    if (remembered.id.equals(place.id) && !place.id.isZero) return
    remembered.set(place.id, place.count)
    this.places.set(kind, target, subscriber, place)
  }

  #detach(reader: Reader): void {
    const { client, kind, subscriber, target } = reader
    const readers = this.#readers.get(client)
    readers?.delete(keyOf(kind, target))
    if (readers?.size === 0) this.#readers.delete(client)
    reader.end()
    if (subscriber !== '' && this.#named.get(keyOf(kind, target, subscriber)) === reader) {
      this.#named.delete(keyOf(kind, target, subscriber))
    }
  }

  #logOfReader({ kind, target }: Reader): ChannelLog | undefined {
    return kind === 'pattern' ? undefined : (this.logOf(target, kind) ?? undefined)
  }

  /** Who listens on somebody's behalf. */
  readersOf(client: Client): Iterable<Reader> {
    return this.#readers.get(client)?.values() ?? []
  }

  /** Remembers a connected subscriber no more; it hears what is published as before. */
  disown(reader: Reader): void {
    this.#named.delete(keyOf(reader.kind, reader.target, reader.subscriber))
    reader.subscriber = ''
  }

  /** The reader of a remembered subscriber that is connected. */
  readerOf(kind: SubscriptionKind, target: string, subscriber: string): Reader | undefined {
    return this.#named.get(keyOf(kind, target, subscriber))
  }

  // ── reading ──────────────────────────────────────────────────────────────

  readSoon(reader: Sliced): void {
    if (reader.queued) return
    reader.queued = true
    this.#reading.push(reader)
    this.#serveSoon()
  }

  #serveSoon(): void {
    if (this.#readingSoon) return
    this.#readingSoon = true
    this.#later(() => this.#serve())
  }

  /** Gives readers their next slices, as far as their clients have taken the last. */
  #serve(): void {
    this.#readingSoon = false
    const { clock } = this.#host
    this.#host.moment.pass()
    const untilMs = clock.monotonic() + READ_MS_MAX
    const queue = this.#reading
    this.#reading = []
    let at = 0
    for (; at < queue.length && clock.monotonic() < untilMs; at++) this.#serveOne(queue[at]!)
    for (; at < queue.length; at++) this.#reading.push(queue[at]!)
    if (this.#reading.length > 0) this.#serveSoon()
    this.#tellGaps()
  }

  #serveOne(reader: Sliced): void {
    const { client } = reader
    const { transport } = client
    if (client.closed || reader.ended) return
    if (transport.backlogBytes > 0 || client.heldForDurability) {
      const again = (): void => {
        this.#reading.push(reader)
        this.#serveSoon()
      }
      if (!client.heldForDurability && transport.whenDrained !== undefined) transport.whenDrained(again)
      else this.#host.machine.after(1, again)
    } else if (client.pendingBytes >= SLICE_BYTES) {
      // What it was given leaves when this turn ends.
      this.#reading.push(reader)
    } else {
      reader.queued = false
      reader.read()
    }
  }

  send(
    client: Client,
    kind: MessageKind,
    pattern: string | undefined,
    channel: string,
    message: Bytes,
    id: StreamId | undefined,
  ): number {
    const { pubSub } = this.#host
    return pubSub.send(client, kind, pattern, channel, message, id?.toString())
  }

  noteMissed(reader: Reader | undefined, log: ChannelLog, count: number): void {
    if (reader !== undefined) reader.missed += count
    log.missed += count
    this.#host.stats.messagesMissed += count
  }

  noteGap(reader: Reader | undefined, log: ChannelLog, count: number, from: StreamId, to: StreamId): void {
    if (count !== UNCOUNTED) this.noteMissed(reader, log, count)
    if (this.#gaps.length === 0) this.#later(() => this.#tellGaps())
    this.#gaps.push({ channel: `__gap__:${log.name}`, text: `${count === UNCOUNTED ? '?' : count} ${from} ${to}` })
  }

  #tellGaps(): void {
    const gaps = this.#gaps
    if (gaps.length === 0) return
    this.#gaps = []
    for (const { channel, text } of gaps) this.#host.pubSub.publishTo(channel, Bytes.from(text))
  }

  // ── what is kept ─────────────────────────────────────────────────────────

  get db(): Database {
    return this.#host.dataset.databases[0]!
  }

  now(): number {
    return this.#host.moment.now()
  }

  get nodeBytesMax(): number {
    return this.#host.config.get('stream-node-max-bytes')
  }

  get nodeEntriesMax(): number {
    return this.#host.config.get('stream-node-max-entries')
  }

  get redeliverMs(): number {
    return this.#host.config.get('redeliver')
  }

  monotonic(): number {
    return this.#host.clock.monotonic()
  }

  isServing(client: Client): boolean {
    return this.#host.runner.client === client
  }

  forgetRoutes(): void {
    this.#host.pubSub.forgetRoutes()
  }

  get isLoading(): boolean {
    return this.#host.state.loading.holds
  }

  get propagates(): boolean {
    return this.#host.propagation.on
  }

  changed({ key }: ChannelLog, event: EventName, words: readonly Word[] | undefined): void {
    this.changedKey(key, event, words)
    this.#host.blocking.wake(this.db, key)
  }

  /** Says that a key has changed, and what is to be propagated of that; in the order in which commands do both. */
  changedKey(key: Bytes, event: EventName, words: readonly Word[] | undefined): void {
    const { changes, durability, propagation, runner, stats } = this.#host
    stats.changesSinceSave++
    if (changes.told !== null) changes.told(this.db, key, event)
    if (words === undefined) return
    propagation.happened(0, words)
    if (runner.client !== undefined) durability.wrote(runner.client)
  }

  // ── what happens by itself ───────────────────────────────────────────────

  sampleSoon(): void {
    if (this.#sampleTimer !== undefined || (this.#named.size === 0 && !this.groups.areSampled)) return
    const redeliverMs = this.#host.config.get('redeliver')
    const wantedMs = redeliverMs === 0 ? SAMPLE_MS_MAX : redeliverMs / SAMPLES_PER_REDELIVER
    const roundMs = Math.min(SAMPLE_MS_MAX, Math.max(SAMPLE_MS_MIN, wantedMs))
    const slices = Math.max(1, Math.ceil(this.#named.size / SAMPLED_MAX))
    this.#sampleTimer = this.#host.clock.after(Math.max(SLICE_MS_MIN, roundMs / slices), () => {
      this.#sampleTimer = undefined
      this.#sample(Math.ceil(PLACES_MAX / slices))
      this.sampleSoon()
    })
  }

  /** Notes where some named subscribers are, and remembers what is certain of some, at most `placesMax`. */
  #sample(placesMax: number): void {
    const nowMs = this.#host.clock.monotonic()
    this.#sampling = this.#visit(this.#sampling, SAMPLED_MAX, (reader) => {
      if (!reader.isSampled) reader.sample(nowMs, this.#logOfReader(reader))
    })
    this.#placing = this.#visit(this.#placing, placesMax, (reader) => {
      const place = this.#certainPlace(reader)
      if (place !== undefined) this.remember(reader, place)
    })
    this.groups.sample(nowMs)
  }

  /** Goes on with a round of the named subscribers, to its end or until so many were visited; returns where it is. */
  #visit(
    round: Iterator<Reader> | undefined,
    max: number,
    visit: (reader: Reader) => void,
  ): Iterator<Reader> | undefined {
    const readers = round ?? this.#named.values()
    for (let i = 0; i < max; i++) {
      const { value, done } = readers.next()
      if (done === true) return undefined
      visit(value)
    }
    return readers
  }

  #armSweep(): void {
    const { clock } = this.#host
    this.#sweepTimer?.cancel()
    this.#sweepTimer = undefined
    if (!this.#isOpen) return
    const delayMs = (SWEEP_MS_MAX * SWEPT_MAX) / Math.max(SWEPT_MAX, this.logCount)
    this.#sweepTimer = clock.after(Math.max(SWEEP_MS_MIN, delayMs), () => {
      this.#sweep()
      this.#armSweep()
    })
  }

  /** Looks into some logs for messages that are too old. */
  #sweep(): void {
    this.#host.moment.pass()
    this.tally.advance(SWEPT_MAX)
    this.#sweeping ??= this.logs()[Symbol.iterator]()
    for (let i = 0; i < SWEPT_MAX; i++) {
      const { value: log, done } = this.#sweeping.next()
      if (done === true) {
        this.#sweeping = undefined
        return
      }
      if (log.sweep()) continue
      log.isGone = true
      this.#logs[log.kind].delete(log.name)
      this.#host.pubSub.forgetRoutes()
    }
  }

  /** Fires no more. */
  stop(): void {
    this.schedule.stop()
    this.#sampleTimer?.cancel()
    this.#sweepTimer?.cancel()
  }
}

/** The engine's channels, made when first asked for. */
export function channelsOf(engine: Engine): Channels {
  if (engine.keeper instanceof Channels) return engine.keeper
  const made = new Channels(engine, engine.later)
  engine.keeper = made
  return made
}

const LETTER_C = 0x63
const LETTER_P = 0x70
const LETTER_S = 0x73

function keyOf(kind: SubscriptionKind, target: string, subscriber = ''): string {
  return `${kind} ${subscriber}\0${target}`
}
