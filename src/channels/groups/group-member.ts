// One member of a group: the messages that it has in flight, and how much of them it took.
//
//   in flight ── its socket took it ──▶ taken ── `redeliver` milliseconds later ──▶ heard
//   in flight ── CHANNEL ACK, for a client that acknowledges ──▶ heard
//
// When it vanishes, the messages it has not heard go to other members. Until then the ids of kept
// messages are held (in-flight-messages.ts). A message that is not kept is held as a copy until it
// is taken. So the copies are never more than the member's waiting bytes, which its output limit
// bounds.
//
// Counting tells what its socket has taken: the waiting bytes are the last of all bytes sent.

import type { Client } from '../../engine/clients/client.ts'
import type { StreamId } from '../../store/stream/stream-id.ts'
import { assert } from '../../util/assert.ts'
import type { Bytes } from '../../util/bytes/bytes.ts'
import type { ChannelLog } from '../log/channel-log.ts'
import { ProgressHistory } from '../positions/progress-history.ts'
import type { PacedReader } from '../reading/reader.ts'
import { InFlightMessages } from './in-flight-messages.ts'

/**
 * Kept messages that a member may have in flight, at 40 bytes each. A member with more gets none
 * for a while.
 */
const IN_FLIGHT_MAX = 1_000_000
/**
 * With this many copies, those that were taken are searched for; the next time with twice as many.
 */
const COPIES_LOOKED_AT_MIN = 64

/** A message that no log keeps, in memory of its own. */
export interface MessageCopy {
  readonly channel: string
  readonly message: Bytes
}

interface WaitingCopy {
  readonly copy: MessageCopy
  /** Its end among the bytes that the member was sent. */
  readonly end: number
}

/** The group, as its member sees it. */
export interface MemberHost {
  /** A member has taken what it was sent. */
  ready(): void
  readonly redeliverMs: number
  /** True while a command of this client runs. Messages for it wait elsewhere then. */
  isServing(client: Client): boolean
}

export class GroupMember implements PacedReader {
  readonly client: Client
  ended = false
  queued = false
  readonly inFlight = new InFlightMessages()
  /**
   * True when the client acknowledges (CLIENT CAPA message-ids). It gets the ids of kept messages,
   * and only acknowledged messages count as heard.
   */
  readonly acknowledges: boolean
  readonly #group: MemberHost
  #copies: WaitingCopy[] = []
  #copiesLookedAt = COPIES_LOOKED_AT_MIN
  /**
   * Bytes of the messages that it was sent, and how many of these bytes were taken at the last
   * look.
   */
  #sent = 0
  #taken = 0
  readonly #marks = new ProgressHistory<number>()

  constructor(group: MemberHost, client: Client) {
    this.#group = group
    this.client = client
    this.acknowledges = client.subscriptions.wantsMessageIds
  }

  /** Tells whether it can be given messages: it is not about to be disconnected. */
  get isThere(): boolean {
    const { client } = this
    return !client.connection.closed && !client.connection.closing && !client.output.overLimit
  }

  /** Tells whether it has as many messages in flight as can be remembered. */
  get isFull(): boolean {
    return this.inFlight.length >= IN_FLIGHT_MAX
  }

  // ── messages sent ────────────────────────────────────────────────────────

  /** Notes a kept message that it was sent. */
  sentKept(log: ChannelLog, id: StreamId, count: number, bytes: number): void {
    assert(!this.ended, 'messages are sent to members')
    this.#sent += bytes
    this.inFlight.push(log, id, count, this.#sent)
  }

  /** Notes a message that it was sent and that no log keeps. */
  sentCopy(copy: MessageCopy, bytes: number): void {
    this.#sent += bytes
    this.#copies.push({ copy, end: this.#sent })
    if (this.#copies.length < this.#copiesLookedAt || this.#group.isServing(this.client)) return
    this.#look()
    this.#copiesLookedAt = Math.max(COPIES_LOOKED_AT_MIN, 2 * this.#copies.length)
  }

  /** Continues after its client took everything. */
  read(): void {
    this.#look()
    if (this.#group.redeliverMs === 0) this.#heardUpTo(this.#taken)
    this.#group.ready()
  }

  /** Finds out how much its socket has taken, and drops copies of taken messages. */
  #look(): void {
    if (!this.isThere) return
    this.#taken = Math.max(this.#taken, this.#sent - this.client.outputBytes)
    assert(this.#taken <= this.#sent, 'only sent bytes are taken')
    let taken = 0
    for (const { end } of this.#copies) {
      if (end > this.#taken) break
      taken++
    }
    this.#copies.splice(0, taken)
  }

  // ── messages heard ───────────────────────────────────────────────────────

  /** Notes how much it has taken, and forgets messages that it has heard. */
  sample(nowMs: number): void {
    this.#look()
    if (this.inFlight.length > 0 && this.#marks.last !== this.#taken) this.#marks.note(nowMs, this.#taken)
    this.#forgetHeard(nowMs - this.#group.redeliverMs)
  }

  #forgetHeard(ms: number): void {
    const heard = this.#marks.at(ms)
    if (heard !== undefined) this.#heardUpTo(heard)
  }

  /**
   * Marks the messages sent until then as heard, unless the client acknowledges messages itself.
   */
  #heardUpTo(sent: number): void {
    if (!this.acknowledges) this.inFlight.removeUpTo(sent)
  }

  /**
   * Marks a message and all messages before it as heard; returns false when the message is not in
   * flight.
   */
  acknowledge(id: StreamId): boolean {
    return this.inFlight.removeThrough(id)
  }

  // ── leaving ──────────────────────────────────────────────────────────────

  /**
   * Leaves the group while its connection goes on. Waiting or unacknowledged messages stay unheard.
   */
  unsubscribe(): void {
    this.ended = true
    this.#look()
    this.#heardUpTo(this.#taken)
  }

  /**
   * Leaves the group because the connection ended. A client that sends QUIT after taking everything
   * has heard it.
   */
  vanish(nowMs: number): void {
    this.ended = true
    this.#forgetHeard(nowMs - this.#group.redeliverMs)
    const { client } = this
    if (client.activity.lastCommand !== 'quit' || client.connection.transport.backlogBytes > 0) return
    this.#heardUpTo(this.#sent)
    this.#copies = []
  }

  /** Gives away the copies of messages that it may not have heard, the oldest first. */
  takeCopies(): MessageCopy[] {
    const copies = this.#copies.map(({ copy }) => copy)
    this.#copies = []
    return copies
  }
}
