// One member of a group: what it was given, and how much of that it has taken.
//
//   given ── its socket has taken it ──▶ taken ── `redeliver` milliseconds ago ──▶ heard
//   given ── CHANNEL ACK, where its client has said that it acknowledges ──▶ heard
//
// When it vanishes, what is not heard goes to the others. Of a kept message the id is held until then (given-messages.ts). Of one
// that nobody keeps a copy is held, but only until it is taken: so copies are never more than what waits for the member, which
// its output limit bounds.
//
// What its socket has taken is told by counting: of all bytes that it was sent, those that still wait are the last.

import type { Client } from '../../engine/clients/client.ts'
import type { StreamId } from '../../store/stream/stream-id.ts'
import type { Bytes } from '../../util/bytes/bytes.ts'
import type { ChannelLog } from '../log/channel-log.ts'
import { ProgressHistory } from '../positions/progress-history.ts'
import type { PacedReader } from '../reading/reader.ts'
import { InFlightMessages } from './in-flight-messages.ts'

/** Kept messages that a member may have been given and not heard; at 40 bytes each. One that has more is given no more for a while. */
const IN_FLIGHT_MAX = 1_000_000
/** With so many copies it is looked whether they are still needed, and again when there are twice as many. */
const COPIES_LOOKED_AT_MIN = 64

/** A message that nobody keeps, in memory of its own. */
export interface MessageCopy {
  readonly channel: string
  readonly message: Bytes
}

interface WaitingCopy {
  readonly copy: MessageCopy
  /** Its place in what the member was sent. */
  readonly end: number
}

/** The group, as its member sees it. */
export interface MemberHost {
  /** A member has taken what it was given. */
  ready(): void
  readonly redeliverMs: number
  /** True while a command of this client runs: what it is sent meanwhile waits elsewhere. */
  isServing(client: Client): boolean
}

export class GroupMember implements PacedReader {
  readonly client: Client
  ended = false
  queued = false
  readonly inFlight = new InFlightMessages()
  /** Of kept messages it hears the ids, and those count as heard that it acknowledges (CLIENT CAPA message-ids). */
  readonly acknowledges: boolean
  readonly #group: MemberHost
  #copies: WaitingCopy[] = []
  #copiesLookedAt = COPIES_LOOKED_AT_MIN
  /** Bytes of the messages that it was sent, and how many of them were taken when that was known last. */
  #sent = 0
  #taken = 0
  readonly #marks = new ProgressHistory<number>()

  constructor(group: MemberHost, client: Client) {
    this.#group = group
    this.client = client
    this.acknowledges = client.wantsMessageIds
  }

  /** Tells whether it can be given anything: it is not about to be disconnected. */
  get isThere(): boolean {
    const { client } = this
    return !client.closed && !client.closing && !client.overLimit
  }

  /** Tells whether what it may not have heard is too much to be remembered. */
  get isFull(): boolean {
    return this.inFlight.length >= IN_FLIGHT_MAX
  }

  // ── what it is given ─────────────────────────────────────────────────────

  /** Notes that it was sent a kept message. */
  sentKept(log: ChannelLog, id: StreamId, count: number, bytes: number): void {
    this.#sent += bytes
    this.inFlight.push(log, id, count, this.#sent)
  }

  /** Notes that it was sent a message that nobody keeps. */
  sentCopy(copy: MessageCopy, bytes: number): void {
    this.#sent += bytes
    this.#copies.push({ copy, end: this.#sent })
    if (this.#copies.length < this.#copiesLookedAt || this.#group.isServing(this.client)) return
    this.#look()
    this.#copiesLookedAt = Math.max(COPIES_LOOKED_AT_MIN, 2 * this.#copies.length)
  }

  /** Its client has taken everything. */
  read(): void {
    this.#look()
    if (this.#group.redeliverMs === 0) this.#heardUpTo(this.#taken)
    this.#group.ready()
  }

  /** Finds out what its socket has taken: copies of that are not needed any more. */
  #look(): void {
    if (!this.isThere) return
    this.#taken = Math.max(this.#taken, this.#sent - this.client.outputBytes)
    let taken = 0
    while (taken < this.#copies.length && this.#copies[taken]!.end <= this.#taken) taken++
    this.#copies.splice(0, taken)
  }

  // ── what it has heard ────────────────────────────────────────────────────

  /** Notes what it has taken by now, and forgets what it has heard. */
  sample(nowMs: number): void {
    this.#look()
    if (this.inFlight.length > 0 && this.#marks.last !== this.#taken) this.#marks.note(nowMs, this.#taken)
    this.#forgetHeard(nowMs - this.#group.redeliverMs)
  }

  #forgetHeard(ms: number): void {
    const heard = this.#marks.at(ms)
    if (heard !== undefined) this.#heardUpTo(heard)
  }

  /** What it was sent until then counts as heard, unless it says itself what it has heard. */
  #heardUpTo(sent: number): void {
    if (!this.acknowledges) this.inFlight.removeUpTo(sent)
  }

  /** It has heard a message, and all that it was given before; false when there is no such message. */
  acknowledge(id: StreamId): boolean {
    return this.inFlight.removeThrough(id)
  }

  // ── its end ──────────────────────────────────────────────────────────────

  /** It leaves, and its connection goes on: only what still waits for it may stay unheard, or what it has not acknowledged. */
  unsubscribe(): void {
    this.ended = true
    this.#look()
    this.#heardUpTo(this.#taken)
  }

  /** It has vanished. Who says QUIT and has taken everything has heard it. */
  vanish(nowMs: number): void {
    this.ended = true
    this.#forgetHeard(nowMs - this.#group.redeliverMs)
    const { client } = this
    if (client.lastCommand !== 'quit' || client.transport.backlogBytes > 0) return
    this.#heardUpTo(this.#sent)
    this.#copies = []
  }

  /** Gives away the copies of what it may not have heard, the oldest first. */
  takeCopies(): MessageCopy[] {
    const copies = this.#copies.map(({ copy }) => copy)
    this.#copies = []
    return copies
  }
}
