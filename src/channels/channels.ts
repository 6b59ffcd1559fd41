// Channels that keep their messages. This room assembles the logs, the readers, the remembered
// positions, the groups and the schedule. The broker and the engine see only this object of them.
//
//   PUBLISH ─▶ broker: route ─▶ log.record (the message is kept, in the unit that published it) ─▶ fan-out, with the log
//                                                                                   └─▶ a client, or the reader on its behalf
//
// The room is the broker's keeper while a rule exists, and costs nothing otherwise. Everything it
// keeps is data in database 0: streams of messages and hashes of read positions (channel-keys.ts).

import type { KeepingRules, MessageKeeper } from '../broker/message-keeper.ts'
import type { PubSub } from '../broker/pub-sub.ts'
import type { Listener, Subscriber } from '../broker/subscriber.ts'
import type { ChannelKind, MessageKind, SubscriptionKind } from '../broker/subscription-kind.ts'
import { type ChannelRule, keeps } from '../config/channel-rules.ts'
import type { Config } from '../config/config.ts'
import type { EventName } from '../config/event-flags.ts'
import type { Client } from '../engine/clients/client.ts'
import type { Clients } from '../engine/clients/clients.ts'
import type { Loading } from '../engine/conditions/loading.ts'
import type { ServerState } from '../engine/conditions/state.ts'
import type { Changes } from '../engine/data/changes.ts'
import type { Dataset } from '../engine/data/dataset.ts'
import type { Effect } from '../engine/effects/effects.ts'
import { type PublishHost, publishMessage } from '../engine/effects/publish.ts'
import type { Role } from '../engine/effects/role.ts'
import type { Stats } from '../engine/figures/stats.ts'
import type { Log } from '../engine/log.ts'
import type { UnitClock } from '../engine/upkeep/unit-clock.ts'
import type { Database } from '../store/keyspace/database.ts'
import type { StreamId } from '../store/stream/stream-id.ts'
import { assert } from '../util/assert.ts'
import { Bytes } from '../util/bytes/bytes.ts'
import type { Clock, Timer } from '../util/time/clock.ts'
import { Groups, type GroupsHost } from './groups/groups.ts'
import type { ChannelLog } from './log/channel-log.ts'
import { ChannelLogs, type ChannelLogsHost } from './log/channel-logs.ts'
import { ChannelTotals } from './log/channel-totals.ts'
import { type KeptChannel, keptInData, keptInLogs } from './log/kept-channels.ts'
import { MessageIds } from './log/message-ids.ts'
import { RecentIds } from './log/recent-ids.ts'
import { RuleLookup } from './log/rule-lookup.ts'
import { PositionSampler, type PositionSamplerHost } from './positions/position-sampler.ts'
import { ReadPositions, type ReadPositionsHost, UNCOUNTED } from './positions/read-positions.ts'
import { CatchUpQueue } from './reading/catch-up-queue.ts'
import { GapNotices, gapNotice } from './reading/gap-notices.ts'
import { NamedSubscribers, type NamedSubscribersHost } from './reading/named-subscribers.ts'
import type { PacedReader, Reader } from './reading/reader.ts'
import { Subscriptions, type SubscriptionsHost } from './reading/subscriptions.ts'
import { Schedule, type ScheduleHost, type SchedulePublisher } from './schedule/schedule.ts'

/**
 * Number of logs that one sweep searches for expired messages. Sweeps are spaced so that every log
 * is searched once a second, as long as that does not take more than one sweep in 100 ms.
 */
const SWEPT_MAX = 1000
const SWEEP_MS_MIN = 100
const SWEEP_MS_MAX = 1000

export interface ChannelsHost extends ScheduleHost {
  readonly config: Config
  readonly environment: ScheduleHost['environment'] & {
    readonly clock: Clock
    readonly workClock: Clock
    readonly unitClock: UnitClock
    readonly log: Log
  }
  readonly conditions: ScheduleHost['conditions'] & {
    readonly state: ServerState
    readonly loading: Loading
  }
  readonly figures: {
    readonly stats: Stats
  }
  readonly data: ScheduleHost['data'] & {
    readonly changes: Changes
    readonly dataset: Dataset
  }
  readonly effects: ScheduleHost['effects'] & {
    readonly role: Role
    readonly propagation: ScheduleHost['effects']['propagation'] &
      PublishHost['effects']['propagation'] & {
        readonly on: boolean
        happened(database: number, effect: Effect): void
      }
    readonly durability: { wrote(client: Client): void }
  }
  readonly clients: ScheduleHost['clients'] & {
    readonly pubSub: PubSub
    readonly connected: Clients
  }
  readonly requests: ScheduleHost['requests'] & {
    readonly runner: { readonly client: Client | undefined }
  }
  readonly blocking: { wake(db: Database, key: Bytes): void }
}

export class Channels
  implements
    KeepingRules,
    MessageKeeper,
    ChannelLogsHost,
    ReadPositionsHost,
    SubscriptionsHost,
    GroupsHost,
    NamedSubscribersHost,
    PositionSamplerHost,
    SchedulePublisher
{
  readonly ids = new MessageIds()
  readonly logs: ChannelLogs
  readonly positions: ReadPositions
  readonly subscriptions: Subscriptions
  readonly groups: Groups
  /** Reads and changes the state of named subscribers for the CHANNEL commands. */
  readonly namedSubscribers: NamedSubscribers
  readonly totals: ChannelTotals
  /** Messages to be published later. */
  readonly schedule: Schedule
  /** Ids of recently published messages, for deduplication. */
  readonly recentIds: RecentIds
  readersBehind = 0
  readonly #host: ChannelsHost
  readonly #catchUpQueue: CatchUpQueue
  readonly #gaps: GapNotices
  readonly #sampler: PositionSampler
  /**
   * The rules as configured, and a lookup over them. Neither says whether the rules are in force.
   */
  #given: readonly ChannelRule[] = []
  #ruled = new RuleLookup([])
  /** True while this server follows a primary. No rule is in force then. */
  #isReplica = false
  #sweepTimer: Timer | undefined = undefined
  /** What was logged, once while the program runs. */
  readonly #hasLogged = { resumed: false, shared: false }

  constructor(host: ChannelsHost, later: (run: () => void) => void) {
    this.#host = host
    this.#catchUpQueue = new CatchUpQueue(host.environment, later)
    this.#gaps = new GapNotices((channel, text) => void host.clients.pubSub.publishTo(channel, text))
    this.#sampler = new PositionSampler(this, host.environment.clock)
    this.logs = new ChannelLogs(this)
    this.positions = new ReadPositions(this)
    this.subscriptions = new Subscriptions(this, host)
    this.groups = new Groups(this)
    this.namedSubscribers = new NamedSubscribers(this)
    this.totals = new ChannelTotals(this.logs, this.positions)
    this.recentIds = new RecentIds(this)
    this.schedule = new Schedule(host, this, later)
    host.clients.pubSub.sharing = this.groups
    host.config.onChange('channel', (rules) => this.#setRules(rules))
    host.conditions.loading.changed.add(() => this.#applyRules())
    host.effects.role.changed.add(() => {
      if (host.effects.role.isReplica !== this.#isReplica) this.#applyRules()
    })
    this.#setRules(host.config.get('channel'))
  }

  // ── rules ────────────────────────────────────────────────────────────────

  /**
   * Adopts new rules. Kept messages stay, and subscribers continue at their positions. While data
   * is being loaded, the rules take effect when loading ends.
   */
  #setRules(rules: readonly ChannelRule[]): void {
    this.#given = rules
    this.#ruled = new RuleLookup(rules)
    this.#host.clients.pubSub.rules = rules.length > 0 ? this : null
    this.#applyRules()
  }

  /**
   * Tells whether messages of a channel, or of a channel that a pattern matches, are kept by this
   * server or by the primary that it follows.
   */
  mayKeep(kind: SubscriptionKind, target: string): boolean {
    return this.#ruled.someRule(kind, target, keeps)
  }

  keeps(channel: Bytes): boolean {
    const rule = this.#ruled.ruleOf(channel)
    return rule !== undefined && keeps(rule)
  }

  /** Puts the rules in force, if this server decides which messages are kept. */
  #applyRules(): void {
    const { pubSub } = this.#host.clients
    const { role } = this.#host.effects
    this.#isReplica = role.isReplica
    // A replica keeps the messages that its primary kept, and no others. Its subscribers hear
    // messages as they arrive. A publish to a kept channel is refused, because it is a write
    // (`keeps`).
    this.logs.applyRules(this.#isReplica ? [] : this.#given)
    assert(!this.#isReplica || !this.logs.hasRules, 'no rule is in force on a replica')
    pubSub.keeper = this.logs.hasRules ? this : null
    if (!this.isLoading) {
      this.positions.rulesChanged()
      this.subscriptions.rulesChanged()
      this.groups.rulesChanged()
    }
    this.#armSweep()
  }

  /**
   * The channels that have kept messages and that a rule names, here or at the server that this one
   * follows.
   */
  get keptChannels(): Iterable<KeptChannel> {
    return this.#isReplica ? keptInData(this.db, (channel) => this.keeps(channel)) : keptInLogs(this.logs)
  }

  /** Tells whether messages are kept or scheduled. */
  get holdsData(): boolean {
    return this.logs.hasRules || this.schedule.hasAny
  }

  /** Bytes of bookkeeping about channels, without the data and without the clients. */
  get bytes(): number {
    return this.logs.bytes + this.positions.bytes + this.groups.bytes + this.schedule.bytes
  }

  /** Tells whether a key of database 0 belongs to a kept channel. Replicas answer alike. */
  ownsKey(key: Bytes): boolean {
    return this.#ruled.any && this.#ruled.ownsKey(key)
  }

  /** The data set was replaced, so everything known about it is looked up again. */
  contentsChanged(): void {
    if (this.logs.hasRules) this.#applyRules()
    this.schedule.findChannels()
  }

  // ── the broker's keeper ──────────────────────────────────────────────────

  logOf(name: string, kind: ChannelKind): ChannelLog | null {
    return this.logs.find(name, kind)
  }

  join(subscriber: Subscriber, kind: SubscriptionKind, name: string): Listener {
    return this.subscriptions.join(subscriber, kind, name)
  }

  leave(subscriber: Subscriber, kind: SubscriptionKind, name: string): Listener {
    return this.subscriptions.leave(subscriber, kind, name)
  }

  addsPlaces(subscriber: Subscriber, kind: SubscriptionKind, names: readonly string[]): boolean {
    return this.subscriptions.addsPlaces(subscriber, kind, names)
  }

  checkPlaces(subscriber: Subscriber, kind: SubscriptionKind, names: readonly string[]): void {
    this.subscriptions.checkPlaces(subscriber, kind, names)
  }

  vanish(subscriber: Subscriber): void {
    this.subscriptions.vanish(subscriber)
  }

  // ── publishing and sending ───────────────────────────────────────────────

  publish(kind: ChannelKind, channel: Bytes, message: Bytes): number {
    return publishMessage(this.#host, kind, channel, message, undefined)
  }

  publishScheduled(kind: ChannelKind, channel: Bytes, message: Bytes, id: Bytes): void {
    const log = this.#host.clients.pubSub.isKept(channel) ? this.logs.find(channel.toString(), kind) : null
    if (log !== null) log.scheduledId = id
    try {
      this.publish(kind, channel, message)
    } finally {
      if (log !== null) log.scheduledId = undefined
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
    const { pubSub } = this.#host.clients
    return pubSub.send(client, kind, pattern, channel, message, id?.toString())
  }

  readSoon(reader: PacedReader): void {
    this.#catchUpQueue.add(reader)
  }

  readersOf(client: Client): Iterable<Reader> {
    return this.subscriptions.ofClient(client)
  }

  sampleSoon(): void {
    this.#sampler.soon()
  }

  noteMissed(reader: Reader | undefined, log: ChannelLog, count: number): void {
    assert(count >= 0, 'a number of missed messages is counted')
    if (reader !== undefined) reader.missed += count
    log.missed += count
    this.#host.figures.stats.messagesMissed += count
  }

  noteResumed({ client, target }: Reader): void {
    this.#host.figures.stats.positionsResumed++
    if (this.#hasLogged.resumed) return
    this.#hasLogged.resumed = true
    const details = { user: client.identity.user.name, name: client.identity.name, subscription: target }
    this.#host.environment.log.info(
      details,
      'a subscriber with a name came back and hears what it missed; more of them are counted as resumed_positions',
    )
  }

  noteShared({ client, target }: Reader): void {
    if (this.#hasLogged.shared) return
    this.#hasLogged.shared = true
    const details = { user: client.identity.user.name, name: client.identity.name, subscription: target }
    this.#host.environment.log.info(
      details,
      'several connections listen under one name; each hears all new messages, and the first one what the name missed',
    )
  }

  noteGap(reader: Reader | undefined, log: ChannelLog, count: number, after: StreamId, before: StreamId): void {
    if (count !== UNCOUNTED) this.noteMissed(reader, log, count)
    this.#gaps.note(log, count, after, before)
    if (reader === undefined || reader.client.subscriptions.ordered === null) return
    const { channel, text } = gapNotice(log, count, after, before)
    this.send(reader.client, 'message', undefined, channel, Bytes.from(text), undefined)
  }

  // ── services for the parts ───────────────────────────────────────────────

  get db(): Database {
    const db = this.#host.data.dataset.databases[0]
    assert(db !== undefined, 'there is a database 0')
    return db
  }

  now(): number {
    return this.#host.environment.unitClock.now()
  }

  get redeliverMs(): number {
    return this.#host.config.get('redeliver')
  }

  monotonic(): number {
    return this.#host.environment.clock.monotonic()
  }

  rememberingRule(kind: SubscriptionKind, target: string): ChannelRule | undefined {
    return this.logs.rememberingRule(kind, target)
  }

  isListening(kind: SubscriptionKind, target: string, subscriber: string): boolean {
    return (
      this.subscriptions.named(kind, target, subscriber) !== undefined ||
      this.groups.ofSubscriber(kind, target, subscriber) !== undefined
    )
  }

  isServing(client: Client): boolean {
    return this.#host.requests.runner.client === client
  }

  forget(log: ChannelLog): void {
    this.logs.forget(log)
  }

  forgetRoutes(): void {
    this.#host.clients.pubSub.forgetRoutes()
  }

  get isLoading(): boolean {
    return this.#host.conditions.state.loading.holds
  }

  get propagates(): boolean {
    return this.#host.effects.propagation.on
  }

  changed({ key }: ChannelLog, event: EventName, effect: Effect | undefined): void {
    this.changedKey(key, event, effect)
    this.#host.blocking.wake(this.db, key)
  }

  /**
   * Announces a change of a key and propagates its effect, in the order in which commands do both.
   */
  changedKey(key: Bytes, event: EventName, effect: Effect | undefined): void {
    const { changes } = this.#host.data
    const { durability, propagation } = this.#host.effects
    const { runner } = this.#host.requests
    const { stats } = this.#host.figures
    stats.changesSinceSave++
    if (changes.told !== null) changes.told(this.db, key, event)
    if (effect === undefined) return
    propagation.happened(0, effect)
    if (runner.client !== undefined) durability.wrote(runner.client)
  }

  // ── timers ───────────────────────────────────────────────────────────────

  #armSweep(): void {
    const { clock } = this.#host.environment
    this.#sweepTimer?.cancel()
    this.#sweepTimer = undefined
    if (!this.logs.areRulesInForce) return
    const delayMs = (SWEEP_MS_MAX * SWEPT_MAX) / Math.max(SWEPT_MAX, this.logs.count)
    this.#sweepTimer = clock.after(Math.max(SWEEP_MS_MIN, delayMs), () => {
      this.#host.environment.unitClock.pass()
      this.totals.advance(SWEPT_MAX)
      this.logs.sweep(SWEPT_MAX)
      this.positions.sweep(SWEPT_MAX)
      this.#armSweep()
    })
  }

  /** Cancels the timers. */
  stop(): void {
    this.schedule.stop()
    this.#sampler.stop()
    this.#sweepTimer?.cancel()
  }
}
