// The scheduled messages of all channels, and the timer that publishes them.
//
//   PUBLISH … IN, AT ─▶ add ─▶ data (scheduled-messages.ts) ─▶ the timer ─▶ published and removed, as one unit
//
// The data is the truth. Memory only holds a heap of the times at which each channel's next message
// is due. The timer looks at the data before it publishes, because other commands may change the
// keys.

import type { PubSub } from '../../broker/pub-sub.ts'
import type { ChannelKind } from '../../broker/subscription-kind.ts'
import { type ClusterView, servesSlot } from '../../engine/cluster-view/cluster-view.ts'
import type { Loading } from '../../engine/conditions/loading.ts'
import type { ServerState } from '../../engine/conditions/state.ts'
import type { Dataset } from '../../engine/data/dataset.ts'
import type { UnitClock } from '../../engine/upkeep/unit-clock.ts'
import { ReplyError } from '../../protocol/errors.ts'
import { ArenaFull } from '../../store/memory/arena.ts'
import { TYPE_ZSET } from '../../store/structures/value.ts'
import { assert } from '../../util/assert.ts'
import { Bytes } from '../../util/bytes/bytes.ts'
import { CHECKED } from '../../util/invariant.ts'
import { hashSlotOf } from '../../util/tables/hash-slot.ts'
import { NameMap } from '../../util/tables/name-map.ts'
import { NumberedTable } from '../../util/tables/numbered-table.ts'
import type { Clock, Timer } from '../../util/time/clock.ts'
import { DeadlineHeap } from '../../util/time/deadline-heap.ts'
import { channelOfScheduledKey } from '../log/channel-keys.ts'
import type { StoredKeys } from '../log/stored-keys.ts'
import { type ScheduledMessage, ScheduledMessages } from './scheduled-messages.ts'

/**
 * The time that one turn of publishing may take, and the number of messages whatever the clock
 * says.
 */
const PUBLISH_MS_MAX = 1
const PUBLISHED_MAX = 500
/** Messages published between two looks at the clock. */
const PUBLISH_STEP = 16
/** Delay before a message that could not be published is tried again. */
const RETRY_MS = 100
/**
 * Numbers available in one millisecond. A message's number is the time of its scheduling, or the
 * next free one.
 */
const NUMBERS_PER_MS = 1000

/**
 * Size of a channel with scheduled messages: its object, its name and keys, without the messages.
 */
const CHANNEL_BYTES = 1024

export interface ScheduleHost {
  readonly environment: {
    readonly clock: Clock
    readonly unitClock: UnitClock
  }
  readonly conditions: {
    readonly state: ServerState
    readonly loading: Loading
  }
  readonly data: {
    readonly dataset: Dataset
  }
  readonly clients: {
    readonly pubSub: PubSub
  }
  readonly requests: {
    readonly admission: { readonly diskFailure: ReplyError | undefined; refusalOfWrite(): ReplyError | undefined }
  }
  readonly effects: {
    readonly propagation: { beginUnit(): void; endUnit(): void }
  }
  readonly parts: {
    readonly cluster: ClusterView | null
  }
}

/** The publisher of due messages, and the owner of their keys (channels.ts). */
export interface SchedulePublisher extends StoredKeys {
  /**
   * Publishes a message that waited under an id. Throws the store's errors; the message is then not
   * delivered.
   */
  publishScheduled(kind: ChannelKind, channel: Bytes, message: Bytes, id: Bytes): void
}

export class Schedule {
  readonly #host: ScheduleHost
  readonly #publisher: SchedulePublisher
  readonly #later: (run: () => void) => void
  /** Channels that have scheduled messages, by name and by number. */
  readonly #channels = { channel: new NameMap<ScheduledMessages>(), shard: new NameMap<ScheduledMessages>() }
  readonly #numbered = new NumberedTable<ScheduledMessages>()
  /** When each channel's next message is due, or is tried again. */
  readonly #deadlines = new DeadlineHeap((number, position) => {
    this.#numbered.get(number).position = position
  })
  #lastNumber = 0
  #timer: Timer | undefined = undefined
  #timerMs = Number.POSITIVE_INFINITY
  #stopped = false
  readonly #fired = (): void => this.#publishDue()

  constructor(host: ScheduleHost, room: SchedulePublisher, later: (run: () => void) => void) {
    this.#host = host
    this.#publisher = room
    this.#later = later
    host.conditions.loading.changed.add(() => this.findChannels())
    this.findChannels()
  }

  // ── scheduling ───────────────────────────────────────────────────────────

  /**
   * Schedules a message, and returns its id. A waiting message with the same id stays unchanged.
   */
  add(kind: ChannelKind, channel: Bytes, message: Bytes, id: Bytes | undefined, dueMs: number): Bytes {
    const messages = this.#of(kind, channel.toString())
    if (id !== undefined && messages.has(id)) return id
    let number = this.#nextNumber()
    let named = id ?? Bytes.from(String(number))
    while (id === undefined && messages.has(named)) {
      // A client chose that id.
      number = this.#nextNumber()
      named = Bytes.from(String(number))
    }
    this.#inUnit(() => messages.add(named, dueMs, number, message))
    this.#updateDeadline(messages)
    return named
  }

  /** Cancels a message; returns false when no message has the id. */
  cancel(kind: ChannelKind, name: string, id: Bytes): boolean {
    const messages = this.#of(kind, name)
    const removed = this.#inUnit(() => messages.cancel(id))
    this.#updateDeadline(messages)
    return removed
  }

  /** Returns at most `max` waiting messages, in the order in which they will be published. */
  first(kind: ChannelKind, name: string, max: number): ScheduledMessage[] {
    const found: ScheduledMessage[] = []
    if (max === 0) return found
    for (const message of this.#of(kind, name)) if (found.push(message) >= max) break
    return found
  }

  count(kind: ChannelKind, name: string): number {
    return this.#of(kind, name).count
  }

  /** Bytes of bookkeeping about channels with scheduled messages, besides the data. */
  get bytes(): number {
    return this.#deadlines.count * CHANNEL_BYTES
  }

  /** Tells whether a message is scheduled. */
  get hasAny(): boolean {
    return this.#deadlines.count > 0
  }

  #of(kind: ChannelKind, name: string): ScheduledMessages {
    return this.#channels[kind].get(name) ?? new ScheduledMessages(this.#publisher, kind, name)
  }

  #nextNumber(): number {
    this.#lastNumber = Math.max(this.#lastNumber + 1, this.#host.environment.unitClock.now() * NUMBERS_PER_MS)
    return this.#lastNumber
  }

  #inUnit<Result>(run: () => Result): Result {
    const { propagation } = this.#host.effects
    propagation.beginUnit()
    try {
      return run()
    } finally {
      propagation.endUnit()
    }
  }

  /** Finds the channels with scheduled messages in the data. */
  findChannels(): void {
    this.#deadlines.clear()
    for (const messages of [...this.#numbered]) this.#numbered.remove(messages.number)
    this.#channels.channel.clear()
    this.#channels.shard.clear()
    if (this.#host.conditions.state.loading.holds) return
    const { db } = this.#publisher
    const key = new Bytes()
    for (let entry = 0; entry < db.keys.entriesEnd; entry++) {
      if (!db.keys.isLive(entry) || db.typeOf(entry) !== TYPE_ZSET) continue
      const channel = channelOfScheduledKey(db.keys.keyOf(entry, key).toString())
      if (channel !== undefined) this.#updateDeadline(this.#of(channel.kind, channel.name))
    }
  }

  // ── deadlines ────────────────────────────────────────────────────────────

  /** Updates when a channel's next message is due, at `notBeforeMs` or later. */
  #updateDeadline(messages: ScheduledMessages, notBeforeMs = 0): void {
    const { kind, name, nextMs } = messages
    const isKnown = messages.number !== -1
    if (CHECKED) {
      const { channel, shard } = this.#channels
      assert(this.#deadlines.count === channel.size + shard.size, 'each channel in the schedule has one deadline')
    }
    if (nextMs === Number.POSITIVE_INFINITY) {
      if (!isKnown) return
      this.#deadlines.remove(messages.position)
      this.#numbered.remove(messages.number)
      this.#channels[kind].delete(name)
      messages.number = -1
      return
    }
    const dueMs = Math.max(nextMs, notBeforeMs)
    if (isKnown) {
      this.#deadlines.change(messages.position, dueMs)
    } else {
      messages.number = this.#numbered.add(messages)
      this.#channels[kind].set(name, messages)
      this.#deadlines.add(messages.number, dueMs)
    }
    assert(this.#deadlines.entryAt(messages.position) === messages.number, 'a channel knows its deadline')
    this.#arm(this.#deadlines.earliest)
  }

  /** Makes sure that the timer fires by a given time. */
  #arm(dueMs: number): void {
    if (dueMs >= this.#timerMs) return
    const { clock } = this.#host.environment
    this.#timer?.cancel()
    this.#timerMs = dueMs
    this.#timer = clock.after(Math.max(0, dueMs - clock.now()), this.#fired)
  }

  /** Publishes some of the due messages, in the order of their times. */
  #publishDue(): void {
    const { clock, unitClock } = this.#host.environment
    this.#timerMs = Number.POSITIVE_INFINITY
    const nowMs = unitClock.renew()
    if (this.#mustWait) {
      this.#arm(nowMs + RETRY_MS)
      return
    }
    const untilMs = clock.monotonic() + PUBLISH_MS_MAX
    for (let published = 1; this.#deadlines.earliest <= nowMs; published++) {
      const messages = this.#numbered.get(this.#deadlines.entryAt(0))
      this.#updateDeadline(messages, this.#publishFirst(messages, nowMs) ? 0 : nowMs + RETRY_MS)
      if (published === PUBLISHED_MAX || (published % PUBLISH_STEP === 0 && clock.monotonic() >= untilMs)) {
        this.#continueSoon()
        return
      }
    }
    this.#arm(this.#deadlines.earliest)
  }

  /** Continues with the remaining due messages after other clients were served. */
  #continueSoon(): void {
    this.#timer?.cancel()
    this.#timerMs = Number.NEGATIVE_INFINITY
    this.#later(() => {
      if (!this.#stopped) this.#publishDue()
    })
  }

  /**
   * True when nothing may be published: this server does not expire keys, clients are paused, or
   * the disk fails.
   */
  get #mustWait(): boolean {
    const { admission } = this.#host.requests
    const { dataset } = this.#host.data
    const { state } = this.#host.conditions
    return dataset.expiry !== 'remove' || state.delays.paused.holds || admission.diskFailure !== undefined
  }

  /**
   * Publishes a channel's first due message; returns false when it cannot be published now and
   * stays.
   */
  #publishFirst(messages: ScheduledMessages, nowMs: number): boolean {
    const { kind, channel } = messages
    const { admission } = this.#host.requests
    const { cluster } = this.#host.parts
    const { pubSub } = this.#host.clients
    // The server of the slot publishes it.
    if (cluster !== null && !servesSlot(cluster, hashSlotOf(channel))) return false
    if (pubSub.isKept(channel) && admission.refusalOfWrite() !== undefined) return false
    return this.#inUnit(() => {
      const first = messages.firstDue(nowMs)
      if (first === undefined) return true
      assert(first.dueMs <= nowMs, 'only due messages are published')
      try {
        this.#publisher.publishScheduled(kind, channel, first.text, first.id)
      } catch (error) {
        if (error instanceof ReplyError || error instanceof ArenaFull) return false
        throw error
      }
      messages.remove(first)
      return true
    })
  }

  /** Cancels the timer. */
  stop(): void {
    this.#stopped = true
    this.#timer?.cancel()
    this.#timerMs = Number.NEGATIVE_INFINITY
  }
}
