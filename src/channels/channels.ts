// Channels that remember: the room that knows which messages are kept, who reads them, and who was away.
//
//   PUBLISH ─▶ broker: route ─▶ log.record (the message is kept, in the unit that published it) ─▶ fan-out, with the log
//                                                                                   └─▶ a client, or the reader on its behalf
//
// It sits at the broker as its keeper while there is a rule, and costs nothing else. What it keeps is data: streams of
// messages and hashes of places (channel-keys.ts), in database 0. The parts are put together here, and told what the engine
// says; each knows its own noun.

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
import type { Engine } from '../engine/engine.ts'
import type { Stats } from '../engine/figures/stats.ts'
import type { UnitClock } from '../engine/upkeep/unit-clock.ts'
import type { Database } from '../store/keyspace/database.ts'
import type { StreamId } from '../store/stream/stream-id.ts'
import type { Bytes } from '../util/bytes/bytes.ts'
import type { Clock, Timer } from '../util/time/clock.ts'
import { Groups, type GroupsHost } from './groups/groups.ts'
import type { ChannelLog } from './log/channel-log.ts'
import { ChannelLogs, type ChannelLogsHost } from './log/channel-logs.ts'
import { MessageIds } from './log/message-ids.ts'
import { RecentIds } from './log/recent-ids.ts'
import { RuledChannels } from './log/ruled-channels.ts'
import { Tally, type TallyHost } from './log/tally.ts'
import { ReadPositions, type ReadPositionsHost, UNCOUNTED } from './positions/read-positions.ts'
import { Sampling, type SamplingHost } from './positions/sampling.ts'
import { Audience, type AudienceHost } from './reading/audience.ts'
import { Gaps } from './reading/gaps.ts'
import type { Reader, Sliced } from './reading/reader.ts'
import { ReadingLine } from './reading/reading-line.ts'
import { Subscriptions, type SubscriptionsHost } from './reading/subscriptions.ts'
import { Schedule, type ScheduleHost, type ScheduleRoom } from './schedule/schedule.ts'

/** In how many logs at a time messages are looked for that are too old: in all of them once a second, if that is not too often. */
const SWEPT_MAX = 1000
const SWEEP_MS_MIN = 100
const SWEEP_MS_MAX = 1000

export interface ChannelsHost extends ScheduleHost {
  readonly config: Config
  readonly clock: Clock
  readonly workClock: Clock
  readonly unitClock: UnitClock
  readonly state: ServerState
  readonly stats: Stats
  readonly changes: Changes
  readonly dataset: Dataset
  readonly loading: Loading
  readonly role: Role
  readonly pubSub: PubSub
  readonly clients: Clients
  readonly runner: { readonly client: Client | undefined }
  readonly propagation: ScheduleHost['propagation'] &
    PublishHost['propagation'] & {
      readonly on: boolean
      happened(database: number, effect: Effect): void
    }
  readonly durability: { wrote(client: Client): void }
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
    AudienceHost,
    SamplingHost,
    TallyHost,
    ScheduleRoom
{
  readonly ids = new MessageIds()
  readonly logs: ChannelLogs
  readonly places: ReadPositions
  readonly subscriptions: Subscriptions
  readonly groups: Groups
  /** What is asked and changed of subscribers from outside. */
  readonly audience: Audience
  readonly tally: Tally
  /** What is to be published later. */
  readonly schedule: Schedule
  /** Which ids messages had lately. */
  readonly recentIds: RecentIds
  behind = 0
  readonly #host: ChannelsHost
  readonly #line: ReadingLine
  readonly #gaps: Gaps
  readonly #sampling: Sampling
  /** The rules as they were given, and what they say, whether or not they are in force. */
  #given: readonly ChannelRule[] = []
  #ruled = new RuledChannels([])
  /** Follows a primary: no rule is in force. */
  #isReplica = false
  #sweepTimer: Timer | undefined = undefined

  constructor(host: ChannelsHost, later: (run: () => void) => void) {
    this.#host = host
    this.#line = new ReadingLine(host, later)
    this.#gaps = new Gaps((channel, text) => void host.pubSub.publishTo(channel, text), later)
    this.#sampling = new Sampling(this, host.clock)
    this.logs = new ChannelLogs(this)
    this.places = new ReadPositions(this)
    this.subscriptions = new Subscriptions(this, host)
    this.groups = new Groups(this)
    this.audience = new Audience(this)
    this.tally = new Tally(this)
    this.recentIds = new RecentIds(this)
    this.schedule = new Schedule(host, this, later)
    host.pubSub.sharing = this.groups
    host.config.onChange('channel', (rules) => this.#give(rules))
    host.loading.changed.add(() => this.#follow())
    host.role.changed.add(() => {
      if (host.role.isReplica !== this.#isReplica) this.#follow()
    })
    this.#give(host.config.get('channel'))
  }

  // ── rules ────────────────────────────────────────────────────────────────

  /** Follows these rules from now on: what was kept stays, and who is subscribed goes on where it is; while data is loaded, when that is over. */
  #give(rules: readonly ChannelRule[]): void {
    this.#given = rules
    this.#ruled = new RuledChannels(rules)
    this.#host.pubSub.rules = rules.length > 0 ? this : null
    this.#follow()
  }

  keeps(channel: Bytes): boolean {
    const rule = this.#ruled.ruleOf(channel)
    return rule !== undefined && keeps(rule)
  }

  /** Has the rules in force where this server decides what is kept. */
  #follow(): void {
    const { pubSub, role } = this.#host
    this.#isReplica = role.isReplica
    // A replica keeps what its primary has kept, and nothing by itself: its subscribers hear messages as they come. What its
    // clients publish to a kept channel is refused: it is a write (`keeps`).
    this.logs.follow(this.#isReplica ? [] : this.#given)
    pubSub.keeper = this.logs.areRuled ? this : null
    if (!this.isLoading) {
      this.places.follow()
      this.subscriptions.follow()
      this.groups.follow()
    }
    this.#armSweep()
  }

  /** Tells whether messages are kept, or wait to be published. */
  get holdsData(): boolean {
    return this.logs.areRuled || this.schedule.hasAny
  }

  /** Bytes of what is known of channels, besides the data and the clients. */
  get bytes(): number {
    return this.logs.bytes + this.places.bytes + this.groups.bytes + this.schedule.bytes
  }

  /** Tells whether a key of database 0 holds what a kept channel consists of, on a replica too. */
  ownsKey(key: Bytes): boolean {
    return this.#ruled.any && this.#ruled.ownsKey(key)
  }

  /** The data has become another: what is known of it is looked up anew. */
  contentsChanged(): void {
    if (this.logs.areRuled) this.#follow()
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

  // ── messages on their way ────────────────────────────────────────────────

  publish(kind: ChannelKind, channel: Bytes, message: Bytes): number {
    return publishMessage(this.#host, kind, channel, message, undefined)
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

  readSoon(reader: Sliced): void {
    this.#line.add(reader)
  }

  sampleSoon(): void {
    this.#sampling.soon()
  }

  noteMissed(reader: Reader | undefined, log: ChannelLog, count: number): void {
    if (reader !== undefined) reader.missed += count
    log.missed += count
    this.#host.stats.messagesMissed += count
  }

  noteGap(reader: Reader | undefined, log: ChannelLog, count: number, from: StreamId, to: StreamId): void {
    if (count !== UNCOUNTED) this.noteMissed(reader, log, count)
    this.#gaps.note(log, count, from, to)
  }

  // ── what is kept ─────────────────────────────────────────────────────────

  get db(): Database {
    return this.#host.dataset.databases[0]!
  }

  now(): number {
    return this.#host.unitClock.now()
  }

  get redeliverMs(): number {
    return this.#host.config.get('redeliver')
  }

  monotonic(): number {
    return this.#host.clock.monotonic()
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
    return this.#host.runner.client === client
  }

  forget(log: ChannelLog): void {
    this.logs.forget(log)
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

  changed({ key }: ChannelLog, event: EventName, effect: Effect | undefined): void {
    this.changedKey(key, event, effect)
    this.#host.blocking.wake(this.db, key)
  }

  /** Says that a key has changed, and what is to be propagated of that; in the order in which commands do both. */
  changedKey(key: Bytes, event: EventName, effect: Effect | undefined): void {
    const { changes, durability, propagation, runner, stats } = this.#host
    stats.changesSinceSave++
    if (changes.told !== null) changes.told(this.db, key, event)
    if (effect === undefined) return
    propagation.happened(0, effect)
    if (runner.client !== undefined) durability.wrote(runner.client)
  }

  // ── what happens by itself ───────────────────────────────────────────────

  #armSweep(): void {
    const { clock } = this.#host
    this.#sweepTimer?.cancel()
    this.#sweepTimer = undefined
    if (!this.logs.isOpen) return
    const delayMs = (SWEEP_MS_MAX * SWEPT_MAX) / Math.max(SWEPT_MAX, this.logs.count)
    this.#sweepTimer = clock.after(Math.max(SWEEP_MS_MIN, delayMs), () => {
      this.#host.unitClock.pass()
      this.tally.advance(SWEPT_MAX)
      this.logs.sweep(SWEPT_MAX)
      this.places.look(SWEPT_MAX)
      this.#armSweep()
    })
  }

  /** Fires no more. */
  stop(): void {
    this.schedule.stop()
    this.#sampling.stop()
    this.#sweepTimer?.cancel()
  }
}

/** The engine's channels, made when first asked for. */
export function channelsOf(engine: Engine): Channels {
  if (engine.channels instanceof Channels) return engine.channels
  const made = new Channels(engine, engine.later)
  engine.channels = made
  return made
}
