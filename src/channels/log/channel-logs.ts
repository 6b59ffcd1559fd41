// The logs of all channels that a rule names, and which of them a subscription reads.
//
// A log is made when a message is published to its channel, or when its messages are found in
// loaded data. A question about a name makes none. Logs of channels that keep nothing are pruned as
// others are made, because a publisher may invent any number of names.

import type { ChannelKind, SubscriptionKind } from '../../broker/subscription-kind.ts'
import { type ChannelRule, keeps } from '../../config/channel-rules.ts'
import type { Hash } from '../../store/hash/hash.ts'
import { TYPE_HASH } from '../../store/structures/value.ts'
import { assert } from '../../util/assert.ts'
import { Bytes } from '../../util/bytes/bytes.ts'
import { Glob } from '../../util/bytes/glob.ts'
import { CHECKED } from '../../util/invariant.ts'
import { NameMap } from '../../util/tables/name-map.ts'
import { positionsIn, ReadPosition, type ReadPositions, UNCOUNTED } from '../positions/read-positions.ts'
import { RoundRobin } from '../positions/round-robin.ts'
import { channelOfKey, logKey, targetOfPositionsKey } from './channel-keys.ts'
import { ChannelLog, type ChannelLogHost, streamUnder } from './channel-log.ts'
import { RuleLookup } from './rule-lookup.ts'

/**
 * Measured size of a log without its names, and how many copies of a channel's name the log and its
 * maps hold.
 */
const LOG_BYTES = 1024
const NAMES_OF_LOG = 3
/**
 * Logs visited when one is made. More than one, so that unused logs go faster than new ones come.
 */
const PRUNED = 3

export interface ChannelLogsHost extends ChannelLogHost {
  readonly positions: ReadPositions
  /** Drops the broker's cached routes, because logs are gone. */
  forgetRoutes(): void
}

export class ChannelLogs {
  readonly #host: ChannelLogsHost
  /** The rules in force. */
  #rules = new RuleLookup([])
  readonly #logs = { channel: new NameMap<ChannelLog>(), shard: new NameMap<ChannelLog>() }
  readonly #sweeping = new RoundRobin<ChannelLog>(() => this.all())
  readonly #pruning = new RoundRobin<ChannelLog>(() => this.all())
  /** Bytes of all logs, without the messages, which are data. */
  bytes = 0

  constructor(host: ChannelLogsHost) {
    this.#host = host
  }

  /** Puts other rules in force. Kept messages stay. */
  applyRules(rules: readonly ChannelRule[]): void {
    this.#rules = new RuleLookup(rules)
    this.#logs.channel.clear()
    this.#logs.shard.clear()
    this.bytes = 0
    if (this.areRulesInForce) this.#findInData()
  }

  /** Tells whether a rule is in force. */
  get hasRules(): boolean {
    return this.#rules.any
  }

  /** Tells whether a rule is in force and the data is loaded. */
  get areRulesInForce(): boolean {
    return this.hasRules && !this.#host.isLoading
  }

  /** Finds the logs and the highest ids in the data. */
  #findInData(): void {
    const { db, ids, positions } = this.#host
    const nowMs = this.#host.now()
    const key = new Bytes()
    for (let entry = 0; entry < db.keys.entriesEnd; entry++) {
      if (!db.keys.isLive(entry)) continue
      const name = db.keys.keyOf(entry, key)
      const first = name.at(0)
      if (first !== LETTER_C && first !== LETTER_S && first !== LETTER_P) continue
      const text = name.toString()
      const channel = channelOfKey(text)
      if (channel !== undefined) {
        const stream = this.find(channel.name, channel.kind)?.stream
        if (stream !== undefined) ids.observe(stream.lastId, nowMs)
      } else if (targetOfPositionsKey(text) !== undefined && db.typeOf(entry) === TYPE_HASH) {
        positions.noteKey(text)
        for (const [, { id }] of positionsIn(db.structureOf(entry) as Hash)) ids.observe(id, nowMs)
      }
    }
    ids.endScan()
  }

  // ── finding logs ─────────────────────────────────────────────────────────

  /**
   * Returns the log of a channel that a message will be published to, and makes it if needed; null
   * when no rule names the channel.
   */
  find(name: string, kind: ChannelKind): ChannelLog | null {
    const log = this.known(name, kind)
    if (log !== undefined) return log
    const rule = this.#rules.ruleOf(Bytes.from(name))
    if (rule === undefined) return null
    if (!keeps(rule)) this.#prune()
    const made = new ChannelLog(this.#host, kind, name, rule)
    this.#logs[kind].set(name, made)
    this.bytes += bytesOf(made)
    return made
  }

  /** Returns the log of a channel; undefined when it has none yet. */
  known(name: string, kind: ChannelKind): ChannelLog | undefined {
    return this.#logs[kind].get(name)
  }

  /** Returns the rule of a channel; undefined when no rule names it. */
  ruleOf(name: string, kind: ChannelKind): ChannelRule | undefined {
    return this.known(name, kind)?.rule ?? this.#rules.ruleOf(Bytes.from(name))
  }

  /** Forgets a log that has no messages, or that keeps none. */
  forget(log: ChannelLog): void {
    if (log.isGone) return
    if (CHECKED) assert(this.known(log.name, log.kind) === log, 'a log that is forgotten is known')
    log.isGone = true
    this.#logs[log.kind].delete(log.name)
    this.bytes -= bytesOf(log)
    if (CHECKED) assert(this.count > 0 ? this.bytes > 0 : this.bytes === 0, 'the bytes of all logs are counted')
    this.#host.forgetRoutes()
  }

  /**
   * Visits a few logs, and forgets those that keep nothing and had no message since the last visit.
   */
  #prune(): void {
    this.#pruning.visit(PRUNED, (log) => {
      if (log.keeps) return
      if (log.isIdle) this.forget(log)
      else log.isIdle = true
    })
  }

  /** Yields the logs of all channels, then those of shard channels. */
  *all(): Iterable<ChannelLog> {
    yield* this.#logs.channel.values()
    yield* this.#logs.shard.values()
  }

  get count(): number {
    return this.#logs.channel.size + this.#logs.shard.size
  }

  // ── what a subscription reads ────────────────────────────────────────────

  /** Tells whether a rule names the channel, or may name a channel that the pattern matches. */
  isNamedByRule(kind: SubscriptionKind, target: string): boolean {
    return this.#someRule(kind, target, () => true)
  }

  /**
   * Tells whether messages of the channel, or of a channel that the pattern matches, may be kept.
   */
  mayKeep(kind: SubscriptionKind, target: string): boolean {
    return this.#someRule(kind, target, keeps)
  }

  /** Tells whether a name may have one connection only. */
  isExclusive(kind: SubscriptionKind, target: string): boolean {
    return this.#someRule(kind, target, (rule) => keeps(rule) && rule.names === 'exclusive')
  }

  /** Tells whether a new subscriber may start with messages from before it subscribed. */
  startsWithHistory(kind: SubscriptionKind, target: string): boolean {
    return this.#someRule(kind, target, (rule) => keeps(rule) && rule.first !== 'new')
  }

  /**
   * Returns the rule under which read positions are remembered; undefined when none is in force.
   */
  rememberingRule(kind: SubscriptionKind, target: string): ChannelRule | undefined {
    return this.areRulesInForce ? this.#rules.rememberingRule(kind, target) : undefined
  }

  #someRule(kind: SubscriptionKind, target: string, says: (rule: ChannelRule) => boolean): boolean {
    return this.areRulesInForce && this.#rules.someRule(kind, target, says)
  }

  /**
   * Returns the position behind the last message of a channel. For a pattern it is behind the last
   * id that the server gave, so ids ahead of the clock do not count. The count is known for a
   * channel that keeps messages.
   */
  endOf(kind: SubscriptionKind, target: string): ReadPosition {
    const end = new ReadPosition().set(this.#host.ids.last, UNCOUNTED)
    if (kind === 'pattern' || !this.mayKeep(kind, target)) return end
    const stream = streamUnder(this.#host.db, Bytes.from(logKey(kind, target)))
    end.count = stream === undefined ? 0 : Number(stream.entriesAdded)
    if (stream !== undefined && stream.lastId.compare(end.id) > 0) end.id.copyFrom(stream.lastId)
    return end
  }

  /**
   * Moves a position back when it is behind every existing message. That happens when its id was
   * ahead of the clock and its stream is gone. In a channel it moves before the first kept message;
   * for a pattern it moves to the last id at load time.
   */
  correct(kind: SubscriptionKind, target: string, position: ReadPosition): ReadPosition {
    const { id: end } = this.endOf(kind, target)
    if (position.ahead !== undefined && position.ahead.to.compare(end) > 0) position.ahead = undefined
    if (position.id.compare(end) <= 0) return position
    if (kind === 'pattern') position.id.copyFrom(this.#host.ids.lastAtLoad)
    else position.id.setZero()
    position.count = UNCOUNTED
    return position
  }

  /** Returns the log of a channel that has messages; undefined when it has none. */
  #withMessages(kind: ChannelKind, name: string): ChannelLog | undefined {
    if (!this.mayKeep(kind, name)) return undefined
    const hasMessages = streamUnder(this.#host.db, Bytes.from(logKey(kind, name))) !== undefined
    return hasMessages ? (this.find(name, kind) ?? undefined) : undefined
  }

  /**
   * Yields the logs that a subscription reads. Very many logs may be visited, so it yields
   * undefined for each log that the subscription does not read.
   */
  *logsOf(kind: SubscriptionKind, target: string): Generator<ChannelLog | undefined, undefined> {
    if (kind !== 'pattern') {
      yield this.#withMessages(kind, target)
      return
    }
    const glob = new Glob(target)
    for (const log of this.#logs.channel.values()) yield log.keeps && glob.matches(log.name) ? log : undefined
  }

  // ── expired messages ─────────────────────────────────────────────────────

  /**
   * Searches up to `max` logs for expired messages, and forgets empty logs. The next call continues
   * with the others.
   */
  sweep(max: number): void {
    this.#sweeping.visit(max, (log) => {
      if (!log.sweep()) this.forget(log)
    })
  }
}

function bytesOf({ name }: ChannelLog): number {
  return LOG_BYTES + NAMES_OF_LOG * name.length
}

const LETTER_C = 0x63
const LETTER_P = 0x70
const LETTER_S = 0x73
