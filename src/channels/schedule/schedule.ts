// What is to be published later: the scheduled messages of all channels, and the timer that publishes them.
//
//   PUBLISH … IN, AT ─▶ add ─▶ data (scheduled-messages.ts) ─▶ the timer ─▶ published and removed, as one unit
//
// The data say what there is; in memory is only when each channel's next message is due, in a heap. Whatever happens to the keys by
// other commands, the timer looks at the data before it publishes.

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
import { Bytes } from '../../util/bytes/bytes.ts'
import { hashSlotOf } from '../../util/tables/hash-slot.ts'
import { NameMap } from '../../util/tables/name-map.ts'
import { Numbered } from '../../util/tables/numbered.ts'
import type { Clock, Timer } from '../../util/time/clock.ts'
import { DeadlineHeap } from '../../util/time/deadline-heap.ts'
import { channelOfScheduledKey } from '../log/channel-keys.ts'
import { type ScheduledMessage, ScheduledMessages, type ScheduledMessagesHost } from './scheduled-messages.ts'

/** How long what is due is published before everybody else is heard again; and how much, whatever the clock says. */
const PUBLISH_MS_MAX = 1
const PUBLISHED_MAX = 500
/** Published between two looks at the clock. */
const PUBLISH_STEP = 16
/** When it is tried again to publish what could not be. */
const RETRY_MS = 100
/** Numbers that a millisecond has: a message's is that of the moment when it was scheduled, or the next that is free. */
const NUMBERS_PER_MS = 1000

/** What a channel with scheduled messages takes besides them: its object, and its name and keys. */
const CHANNEL_BYTES = 1024

export interface ScheduleHost {
  readonly clock: Clock
  readonly unitClock: UnitClock
  readonly state: ServerState
  readonly dataset: Dataset
  readonly loading: Loading
  readonly pubSub: PubSub
  readonly admission: { readonly diskFailure: ReplyError | undefined; refusalOfWrite(): ReplyError | undefined }
  readonly propagation: { beginUnit(): void; endUnit(): void }
  readonly cluster: ClusterView | null
}

/** The room that messages belong to (channels.ts). */
export interface ScheduleRoom extends ScheduledMessagesHost {
  /** Publishes a message now. Throws what the store throws; then nobody hears of it. */
  publish(kind: ChannelKind, channel: Bytes, message: Bytes): number
}

export class Schedule {
  readonly #host: ScheduleHost
  readonly #room: ScheduleRoom
  readonly #later: (run: () => void) => void
  /** Channels that have scheduled messages, by name, and by number. */
  readonly #channels = { channel: new NameMap<ScheduledMessages>(), shard: new NameMap<ScheduledMessages>() }
  readonly #numbered = new Numbered<ScheduledMessages>()
  /** When the next message of each channel is due, or is tried again. */
  readonly #deadlines = new DeadlineHeap((number, position) => {
    this.#numbered.get(number).position = position
  })
  #lastNumber = 0
  #timer: Timer | undefined = undefined
  #timerMs = Number.POSITIVE_INFINITY
  #stopped = false
  readonly #fired = (): void => this.#publishDue()

  constructor(host: ScheduleHost, room: ScheduleRoom, later: (run: () => void) => void) {
    this.#host = host
    this.#room = room
    this.#later = later
    host.loading.changed.add(() => this.findChannels())
    this.findChannels()
  }

  // ── what is scheduled ────────────────────────────────────────────────────

  /** Has a message published at a time, and returns its id. One of that id that waits already stays as it is. */
  add(kind: ChannelKind, channel: Bytes, message: Bytes, id: Bytes | undefined, dueMs: number): Bytes {
    const messages = this.#of(kind, channel.toString())
    if (id !== undefined && messages.has(id)) return id
    let number = this.#nextNumber()
    let named = id ?? Bytes.from(String(number))
    while (id === undefined && messages.has(named)) {
      // Somebody gave that id.
      number = this.#nextNumber()
      named = Bytes.from(String(number))
    }
    this.#inUnit(() => messages.add(named, dueMs, number, message))
    this.#follow(messages)
    return named
  }

  /** Takes a message back; false when there is none of that id. */
  cancel(kind: ChannelKind, name: string, id: Bytes): boolean {
    const messages = this.#of(kind, name)
    const removed = this.#inUnit(() => messages.cancel(id))
    this.#follow(messages)
    return removed
  }

  /** Returns the first messages that wait, `max` at most, in the order in which they will be published. */
  first(kind: ChannelKind, name: string, max: number): ScheduledMessage[] {
    const found: ScheduledMessage[] = []
    if (max === 0) return found
    for (const message of this.#of(kind, name)) if (found.push(message) >= max) break
    return found
  }

  count(kind: ChannelKind, name: string): number {
    return this.#of(kind, name).count
  }

  /** Bytes of what is known of channels that have scheduled messages, besides the data. */
  get bytes(): number {
    return this.#deadlines.count * CHANNEL_BYTES
  }

  /** Tells whether anything waits. */
  get hasAny(): boolean {
    return this.#deadlines.count > 0
  }

  #of(kind: ChannelKind, name: string): ScheduledMessages {
    return this.#channels[kind].get(name) ?? new ScheduledMessages(this.#room, kind, name)
  }

  #nextNumber(): number {
    this.#lastNumber = Math.max(this.#lastNumber + 1, this.#host.unitClock.now() * NUMBERS_PER_MS)
    return this.#lastNumber
  }

  #inUnit<Result>(run: () => Result): Result {
    const { propagation } = this.#host
    propagation.beginUnit()
    try {
      return run()
    } finally {
      propagation.endUnit()
    }
  }

  /** Comes to know the channels that have scheduled messages. */
  findChannels(): void {
    this.#deadlines.clear()
    for (const messages of [...this.#numbered]) this.#numbered.remove(messages.number)
    this.#channels.channel.clear()
    this.#channels.shard.clear()
    if (this.#host.state.loading.holds) return
    const { db } = this.#room
    const key = new Bytes()
    for (let entry = 0; entry < db.keys.entriesEnd; entry++) {
      if (!db.keys.isLive(entry) || db.typeOf(entry) !== TYPE_ZSET) continue
      const channel = channelOfScheduledKey(db.keys.keyOf(entry, key).toString())
      if (channel !== undefined) this.#follow(this.#of(channel.kind, channel.name))
    }
  }

  // ── when it is due ───────────────────────────────────────────────────────

  /** Notes when the next message of a channel is due, not before `notBeforeMs`. */
  #follow(messages: ScheduledMessages, notBeforeMs = 0): void {
    const { kind, name, nextMs } = messages
    const isKnown = messages.number !== -1
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
    this.#arm(this.#deadlines.earliest)
  }

  /** Makes sure the timer fires at a time. */
  #arm(dueMs: number): void {
    if (dueMs >= this.#timerMs) return
    const { clock } = this.#host
    this.#timer?.cancel()
    this.#timerMs = dueMs
    this.#timer = clock.after(Math.max(0, dueMs - clock.now()), this.#fired)
  }

  /** Publishes some of what is due, in the order of its time. */
  #publishDue(): void {
    const { clock, unitClock } = this.#host
    this.#timerMs = Number.POSITIVE_INFINITY
    const nowMs = unitClock.renew()
    if (this.#mustWait) {
      this.#arm(nowMs + RETRY_MS)
      return
    }
    const untilMs = clock.monotonic() + PUBLISH_MS_MAX
    for (let published = 1; this.#deadlines.earliest <= nowMs; published++) {
      const messages = this.#numbered.get(this.#deadlines.entryAt(0))
      this.#follow(messages, this.#publishFirst(messages, nowMs) ? 0 : nowMs + RETRY_MS)
      if (published === PUBLISHED_MAX || (published % PUBLISH_STEP === 0 && clock.monotonic() >= untilMs)) {
        this.#goOn()
        return
      }
    }
    this.#arm(this.#deadlines.earliest)
  }

  /** What is left is due already: its turn comes when everybody else has been heard. */
  #goOn(): void {
    this.#timer?.cancel()
    this.#timerMs = Number.NEGATIVE_INFINITY
    this.#later(() => {
      if (!this.#stopped) this.#publishDue()
    })
  }

  /** Nothing is published now: somebody else decides, clients have been asked to wait, or it could not be written down. */
  get #mustWait(): boolean {
    const { admission, dataset, state } = this.#host
    return dataset.expiry !== 'remove' || state.paused.holds || admission.diskFailure !== undefined
  }

  /** Publishes the first message of a channel that is due; false when it cannot be published now, and stays. */
  #publishFirst(messages: ScheduledMessages, nowMs: number): boolean {
    const { kind, channel } = messages
    const { admission, cluster, pubSub } = this.#host
    // Whoever has the slot publishes it.
    if (cluster !== null && !servesSlot(cluster, hashSlotOf(channel))) return false
    if (pubSub.isKept(channel) && admission.refusalOfWrite() !== undefined) return false
    return this.#inUnit(() => {
      const first = messages.firstDue(nowMs)
      if (first === undefined) return true
      try {
        this.#room.publish(kind, channel, first.text)
      } catch (error) {
        if (error instanceof ReplyError || error instanceof ArenaFull) return false
        throw error
      }
      messages.remove(first)
      return true
    })
  }

  /** Fires no more. */
  stop(): void {
    this.#stopped = true
    this.#timer?.cancel()
    this.#timerMs = Number.NEGATIVE_INFINITY
  }
}
