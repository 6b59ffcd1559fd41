// The logs of all channels that a rule names: which there are, and which of them a subscription reads.
//
// A log is made when a message is published to its channel, or when its messages are found in data. A question makes none. A log of a
// channel that keeps nothing goes when other such logs come: a publisher may make up any number of names.

import type { ChannelKind, SubscriptionKind } from '../../broker/subscription-kind.ts'
import { type ChannelRule, keeps } from '../../config/channel-rules.ts'
import type { Hash } from '../../store/hash/hash.ts'
import { TYPE_HASH } from '../../store/structures/value.ts'
import { Bytes } from '../../util/bytes/bytes.ts'
import { Glob } from '../../util/bytes/glob.ts'
import { NameMap } from '../../util/tables/name-map.ts'
import { placesIn, ReadPosition, type ReadPositions, UNCOUNTED } from '../positions/read-positions.ts'
import { Round } from '../positions/round.ts'
import { channelOfKey, logKey, targetOfPlacesKey } from './channel-keys.ts'
import { ChannelLog, type ChannelLogHost, streamUnder } from './channel-log.ts'
import { RuledChannels } from './ruled-channels.ts'

/** What a log takes besides the names in it, and how often a channel's name stands in it and in the maps that lead to it; measured. */
const LOG_BYTES = 1024
const NAMES_OF_LOG = 3
/** Logs that are looked at when one is made: some more than one, so that what is not needed goes faster than it comes. */
const PRUNED = 3

export interface ChannelLogsHost extends ChannelLogHost {
  readonly places: ReadPositions
  /** Logs have gone. */
  forgetRoutes(): void
}

export class ChannelLogs {
  readonly #host: ChannelLogsHost
  /** The rules in force. */
  #rules = new RuledChannels([])
  readonly #logs = { channel: new NameMap<ChannelLog>(), shard: new NameMap<ChannelLog>() }
  readonly #sweeping = new Round<ChannelLog>(() => this.all())
  readonly #pruning = new Round<ChannelLog>(() => this.all())
  /** Bytes of all logs, without the messages, which are data. */
  bytes = 0

  constructor(host: ChannelLogsHost) {
    this.#host = host
  }

  /** Has other rules in force. What was kept stays. */
  follow(rules: readonly ChannelRule[]): void {
    this.#rules = new RuledChannels(rules)
    this.#logs.channel.clear()
    this.#logs.shard.clear()
    this.bytes = 0
    if (this.isOpen) this.#findInData()
  }

  /** Tells whether a rule is in force. */
  get areRuled(): boolean {
    return this.#rules.any
  }

  /** Tells whether a rule is in force, and the data are there. */
  get isOpen(): boolean {
    return this.areRuled && !this.#host.isLoading
  }

  /** Comes to know the logs that there are, and the ids that were given. */
  #findInData(): void {
    const { db, ids, places } = this.#host
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
        if (stream !== undefined) ids.see(stream.lastId, nowMs)
      } else if (targetOfPlacesKey(text) !== undefined && db.typeOf(entry) === TYPE_HASH) {
        places.note(text)
        for (const [, { id }] of placesIn(db.structureOf(entry) as Hash)) ids.see(id, nowMs)
      }
    }
    ids.endSearch()
  }

  // ── which there are ──────────────────────────────────────────────────────

  /** Returns the log of a channel, for a message that is going to be published there; null = no rule names it. */
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

  /** Returns the log of a channel if there is one. */
  known(name: string, kind: ChannelKind): ChannelLog | undefined {
    return this.#logs[kind].get(name)
  }

  /** Returns the rule of a channel; undefined = none names it. */
  ruleOf(name: string, kind: ChannelKind): ChannelRule | undefined {
    return this.known(name, kind)?.rule ?? this.#rules.ruleOf(Bytes.from(name))
  }

  /** Forgets a log that has no messages, or keeps none. */
  forget(log: ChannelLog): void {
    if (log.isGone) return
    log.isGone = true
    this.#logs[log.kind].delete(log.name)
    this.bytes -= bytesOf(log)
    this.#host.forgetRoutes()
  }

  /** Looks at a few logs, and forgets those that keep nothing and had no message since they were looked at last. */
  #prune(): void {
    this.#pruning.visit(PRUNED, (log) => {
      if (log.keeps) return
      if (log.isIdle) this.forget(log)
      else log.isIdle = true
    })
  }

  /** The logs of all channels, those of shard channels behind them. */
  *all(): Iterable<ChannelLog> {
    yield* this.#logs.channel.values()
    yield* this.#logs.shard.values()
  }

  get count(): number {
    return this.#logs.channel.size + this.#logs.shard.size
  }

  // ── which a subscription reads ───────────────────────────────────────────

  /** Tells whether a rule says something of a channel, or may do so of one that matches a pattern. */
  concern(kind: SubscriptionKind, target: string): boolean {
    return this.#isRuled(kind, target, () => true)
  }

  /** Tells whether messages of a channel are kept, or may be of one that matches a pattern. */
  keep(kind: SubscriptionKind, target: string): boolean {
    return this.#isRuled(kind, target, keeps)
  }

  /** Tells whether a new subscriber may have to hear something that was before. */
  beginBefore(kind: SubscriptionKind, target: string): boolean {
    return this.#isRuled(kind, target, (rule) => keeps(rule) && rule.first !== 'new')
  }

  /** Returns the rule by which places are remembered; undefined = none is in force. */
  rememberingRule(kind: SubscriptionKind, target: string): ChannelRule | undefined {
    return this.isOpen ? this.#rules.rememberingRule(kind, target) : undefined
  }

  #isRuled(kind: SubscriptionKind, target: string, says: (rule: ChannelRule) => boolean): boolean {
    return this.isOpen && this.#rules.say(kind, target, says)
  }

  /**
   * Returns the place behind all that a channel has, or all that the channels of a pattern have but for ids that are ahead of the clock.
   * Of a channel that keeps its messages it is counted.
   */
  endOf(kind: SubscriptionKind, target: string): ReadPosition {
    const end = new ReadPosition().set(this.#host.ids.last, UNCOUNTED)
    if (kind === 'pattern' || !this.keep(kind, target)) return end
    const stream = streamUnder(this.#host.db, Bytes.from(logKey(kind, target)))
    end.count = stream === undefined ? 0 : Number(stream.entriesAdded)
    if (stream !== undefined && stream.lastId.compare(end.id) > 0) end.id.copyFrom(stream.lastId)
    return end
  }

  /**
   * Moves a place back that is behind all there is: its id was ahead of the clock, and the stream that it comes from is gone. In a channel it
   * moves before everything that is kept; of a pattern to where the ids were when the data were found.
   */
  correct(kind: SubscriptionKind, target: string, place: ReadPosition): ReadPosition {
    if (place.id.compare(this.endOf(kind, target).id) <= 0) return place
    if (kind === 'pattern') place.id.copyFrom(this.#host.ids.found)
    else place.id.setZero()
    place.count = UNCOUNTED
    return place
  }

  /** Returns the log of a channel that has messages; undefined = it has none. */
  #withMessages(kind: ChannelKind, name: string): ChannelLog | undefined {
    if (!this.keep(kind, name)) return undefined
    const hasMessages = streamUnder(this.#host.db, Bytes.from(logKey(kind, name))) !== undefined
    return hasMessages ? (this.find(name, kind) ?? undefined) : undefined
  }

  /** The logs that a subscription reads. There may be very many to look at: each that it does not read counts as undefined. */
  *of(kind: SubscriptionKind, target: string): Generator<ChannelLog | undefined, undefined> {
    if (kind !== 'pattern') {
      yield this.#withMessages(kind, target)
      return
    }
    const glob = new Glob(target)
    for (const log of this.#logs.channel.values()) yield log.keeps && glob.matches(log.name) ? log : undefined
  }

  // ── which are no more ────────────────────────────────────────────────────

  /** Looks into so many logs for messages that are too old, the others' turn comes next; forgets logs without any. */
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
