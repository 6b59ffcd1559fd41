// The logs of all channels that a rule names: which there are, and which of them a subscription reads.
//
// A log is made when somebody asks for its channel first, or when its messages are found in data that was loaded.

import type { SubscriptionKind } from '../broker/message-keeper.ts'
import { type ChannelRule, keeps } from '../engine/channel-rules.ts'
import type { Hash } from '../store/hash.ts'
import { TYPE_HASH } from '../store/value.ts'
import { Bytes } from '../util/bytes.ts'
import { Glob } from '../util/glob.ts'
import { NameMap } from '../util/name-map.ts'
import { type ChannelKind, channelOfKey, targetOfPlacesKey } from './channel-keys.ts'
import { ChannelLog, type ChannelLogHost } from './channel-log.ts'
import { type Places, placesIn } from './places.ts'
import { Round } from './round.ts'
import { RuledChannels } from './ruled-channels.ts'

export interface ChannelLogsHost extends ChannelLogHost {
  readonly places: Places
  /** Logs have gone. */
  forgetRoutes(): void
}

export class ChannelLogs {
  readonly #host: ChannelLogsHost
  /** The rules in force. */
  #rules = new RuledChannels([])
  readonly #logs = { channel: new NameMap<ChannelLog>(), shard: new NameMap<ChannelLog>() }
  readonly #sweeping = new Round<ChannelLog>(() => this.all())

  constructor(host: ChannelLogsHost) {
    this.#host = host
  }

  /** Has other rules in force. What was kept stays. */
  follow(rules: readonly ChannelRule[]): void {
    this.#rules = new RuledChannels(rules)
    this.#logs.channel.clear()
    this.#logs.shard.clear()
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
        if (stream !== undefined) ids.see(stream.lastId)
      } else if (targetOfPlacesKey(text) !== undefined && db.typeOf(entry) === TYPE_HASH) {
        places.note(text)
        for (const [, { id }] of placesIn(db.structureOf(entry) as Hash)) ids.see(id)
      }
    }
  }

  // ── which there are ──────────────────────────────────────────────────────

  /** Returns the log of a channel; null = no rule names it. */
  find(name: string, kind: ChannelKind): ChannelLog | null {
    const logs = this.#logs[kind]
    const log = logs.get(name)
    if (log !== undefined) return log
    const rule = this.#rules.ruleOf(Bytes.from(name))
    if (rule === undefined) return null
    const made = new ChannelLog(this.#host, kind, name, rule)
    logs.set(name, made)
    return made
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

  /** Returns the log of a channel that keeps its messages; undefined = it does not, or the target is a pattern. */
  ofOne(kind: SubscriptionKind, target: string): ChannelLog | undefined {
    const log = kind === 'pattern' || !this.isOpen ? null : this.find(target, kind)
    return log?.keeps === true ? log : undefined
  }

  /** The logs that a subscription reads. There may be very many to look at: each that it does not read counts as undefined. */
  *of(kind: SubscriptionKind, target: string): Generator<ChannelLog | undefined, undefined> {
    if (kind !== 'pattern') {
      yield this.ofOne(kind, target)
      return
    }
    const glob = new Glob(target)
    for (const log of this.#logs.channel.values()) yield log.keeps && glob.matches(log.name) ? log : undefined
  }

  // ── which are no more ────────────────────────────────────────────────────

  /** Looks into so many logs for messages that are too old, the others' turn comes next; forgets logs without any. */
  sweep(max: number): void {
    this.#sweeping.visit(max, (log) => {
      if (log.sweep()) return
      log.isGone = true
      this.#logs[log.kind].delete(log.name)
      this.#host.forgetRoutes()
    })
  }
}

const LETTER_C = 0x63
const LETTER_P = 0x70
const LETTER_S = 0x73
