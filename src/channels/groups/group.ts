// One group: the subscribers of `$share/<group>/<channel>`, or of a pattern, which share messages.
//
// Each message goes to one member: the one with the least unread bytes, in turn among equals.
// Messages that a member had not heard when it vanished go to the others.
//
// For kept channels the group reads a log as one subscriber does (reader.ts). A live group passes
// on messages as they are published. A group that is behind reads the log as its members take
// messages. It falls behind in three cases: no member keeps up; a member vanished with unheard
// messages; the group begins behind the position that its last member left.
//
//   redeliveries: unheard messages of vanished members ─▶ unread: messages no member got ─▶ live
//
// The group's position is below every message that is not certain to be heard: unread messages,
// redeliveries, and all messages in flight.

import type { GroupName } from '../../broker/group-name.ts'
import type { MessageLog } from '../../broker/subscriber.ts'
import type { SubscriberGroup } from '../../broker/subscriber-groups.ts'
import { SUBSCRIPTIONS, type SubscriptionKind } from '../../broker/subscription-kind.ts'
import type { Client } from '../../engine/clients/client.ts'
import { StreamId } from '../../store/stream/stream-id.ts'
import { itemAt } from '../../util/array-reads.ts'
import { assert } from '../../util/assert.ts'
import { Bytes } from '../../util/bytes/bytes.ts'
import { CHECKED } from '../../util/invariant.ts'
import { ChannelLog } from '../log/channel-log.ts'
import { ReadPosition, UNCOUNTED } from '../positions/read-positions.ts'
import { type DeliveryHost, isSlow, SLICE_BYTES } from '../reading/reader.ts'
import { idBefore, idBehind, type LogSearch, UnreadMessages } from '../reading/unread-messages.ts'
import { GroupMember, type MemberHost, type MessageCopy } from './group-member.ts'

export interface GroupHost extends DeliveryHost {
  readonly redeliverMs: number
  /** True while a command of this client runs. */
  isServing(client: Client): boolean
}

/** A message that a former member had in flight. */
interface Redelivery {
  readonly log: ChannelLog
  readonly id: StreamId
  readonly count: number
}

/** A search that visits no log. */
const NOTHING: LogSearch = [].values()

const field = new Bytes()
const text = new Bytes()

export class Group implements SubscriberGroup, MemberHost {
  readonly kind: SubscriptionKind
  /** The name that members subscribe to. */
  readonly name: string
  /** The channel or pattern whose messages the group hears. */
  readonly target: string
  /** The subscriber under whose name the position is remembered. */
  readonly subscriber: string
  /** True when its messages are kept, or may be. Then its position is remembered. */
  isKept = false
  /**
   * The position that was remembered last, and when it was written; 0 when this group did not write
   * it.
   */
  readonly remembered = new ReadPosition()
  rememberedMs = 0
  readonly #host: GroupHost
  readonly #members: GroupMember[] = []
  readonly #ofClient = new Map<Client, GroupMember>()
  /** Index of the member whose turn it is among equals. */
  #next = 0
  #isLive = true
  /** While behind: messages to redeliver before all others, in order. */
  #redeliveries: Redelivery[] = []
  /** While behind: messages that no member got yet. */
  readonly #unread: UnreadMessages

  constructor(host: GroupHost, kind: SubscriptionKind, name: string, { group, target }: GroupName) {
    this.#host = host
    this.kind = kind
    this.name = name
    this.target = target
    this.subscriber = groupSubscriber(group)
    const last = kind === 'pattern' ? host.ids.last : undefined
    this.#unread = new UnreadMessages(last, (log, count, after, before) =>
      host.noteGap(undefined, log, count, after, before),
    )
  }

  get redeliverMs(): number {
    return this.#host.redeliverMs
  }

  get size(): number {
    return this.#members.length
  }

  has(client: Client): boolean {
    return this.#ofClient.has(client)
  }

  isServing(client: Client): boolean {
    return this.#host.isServing(client)
  }

  // ── members ──────────────────────────────────────────────────────────────

  join(client: Client): void {
    const member = new GroupMember(this, client)
    this.#members.push(member)
    this.#ofClient.set(client, member)
    assert(this.#ofClient.size === this.#members.length, 'the map and the list have the same members')
    if (!this.#isLive) this.#host.readSoon(member)
  }

  /** Removes a member that unsubscribed or vanished. Its unheard messages go to the others. */
  leave(client: Client, how: 'unsubscribed' | 'vanished', nowMs: number): void {
    const member = this.#ofClient.get(client)
    assert(member !== undefined, 'a client that leaves a group is a member')
    this.#ofClient.delete(client)
    const index = this.#members.indexOf(member)
    assert(index !== -1, 'a member is in the list')
    this.#members.splice(index, 1)
    if (index < this.#next) this.#next--
    if (how === 'vanished') member.vanish(nowMs)
    else member.unsubscribe()
    for (const copy of member.takeCopies()) this.#sendCopy(copy)
    this.#redeliver(member)
  }

  /** Redelivers the messages that a member has in flight, before anything newer. */
  #redeliver({ inFlight }: GroupMember): void {
    if (inFlight.length === 0) return
    if (this.#isLive) this.begin(this.#reached(inFlight.logAt(0)), NOTHING)
    for (let i = 0; i < inFlight.length; i++) {
      this.#redeliveries.push({
        log: inFlight.logAt(i),
        id: inFlight.idAt(i, new StreamId()),
        count: inFlight.countAt(i),
      })
    }
    this.#redeliveries.sort((a, b) => a.id.compare(b.id))
    this.#readSoon()
  }

  // ── live messages ────────────────────────────────────────────────────────

  share(channel: string, message: Bytes, log: MessageLog | null): number {
    if (log === null) return this.#sendCopy({ channel, message: message.copy() })
    assert(log instanceof ChannelLog, 'a log is of the room that keeps messages')
    if (!log.keeps) return this.#shareUnkept(log, channel, message)
    if (!this.#isLive) {
      this.#unread.add(log)
      return 1
    }
    const member = this.#leastUnread(keepsUp)
    if (member === undefined) this.#fallBehind(log)
    else this.#give(member, log, message, log.id, this.#countIn(log))
    return 1
  }

  /**
   * Shares a message of a channel that keeps none. A `slow` rule keeps slow subscribers connected;
   * then a message that no member can take is dropped.
   */
  #shareUnkept(log: ChannelLog, channel: string, message: Bytes): number {
    if (log.rule.slow === 'disconnect' || this.#leastUnread(keepsUp) !== undefined) {
      return this.#sendCopy({ channel, message: message.copy() })
    }
    log.missed++
    return 0
  }

  /**
   * Leaves live delivery. The last message of this log is the first that no member can take at
   * once.
   */
  #fallBehind(log: ChannelLog): void {
    const position = this.#reached(log)
    position.id.decrement()
    if (position.count !== UNCOUNTED) position.count--
    this.begin(position, NOTHING)
    this.#unread.add(log)
  }

  /** Returns the number of messages that the channel ever had; UNCOUNTED for a pattern. */
  #countIn(log: ChannelLog): number {
    return this.kind === 'pattern' ? UNCOUNTED : log.messagesEver
  }

  /**
   * Returns the position behind the last message of the channel, or of all channels of the pattern.
   */
  #reached(log: ChannelLog): ReadPosition {
    const { last } = this.#host.ids
    const isBehind = this.kind === 'pattern' || log.id.compare(last) < 0
    return new ReadPosition().set(isBehind ? last : log.id, this.#countIn(log))
  }

  // ── catching up ──────────────────────────────────────────────────────────

  /** Begins behind a position, and reads the messages that the logs have since then. */
  begin(position: ReadPosition, logs: LogSearch): void {
    this.#isLive = false
    this.#unread.begin(position, logs)
    this.#readSoon()
  }

  /**
   * Begins where the rules start a new subscriber; `since` is the last message before the group
   * came.
   */
  beginFirst(logs: LogSearch, since: StreamId): void {
    this.#unread.beginFirst(logs, since)
    this.#isLive = this.#unread.isEmpty
    if (!this.#isLive) this.#readSoon()
  }

  /** Moves to another position. Messages in flight no longer count. */
  seek(position: ReadPosition, logs: LogSearch): void {
    this.forget()
    this.begin(position, logs)
  }

  /**
   * Notes that a member heard a message and all messages before it. The member is this client; if
   * the client is not a member, it is a member of the same user and name. Returns false when the
   * message is not in flight, and undefined when no such member acknowledges.
   */
  acknowledge(client: Client, id: StreamId): boolean | undefined {
    const member = this.#ofClient.get(client)
    const named = (other: GroupMember): boolean =>
      other.client.identity.name !== '' &&
      other.client.identity.name === client.identity.name &&
      other.client.identity.user === client.identity.user
    const asked = (member === undefined ? this.#members.filter(named) : [member]).filter(isAcknowledging)
    if (asked.length === 0) return undefined
    // A full member has room again.
    if (!this.#isLive) this.#readSoon()
    return asked.some((each) => each.acknowledge(id))
  }

  /** Continues in the logs of the new rules from its position, if it is behind. */
  rulesChanged(logs: LogSearch): void {
    if (!this.#isLive) this.#unread.rulesChanged(logs)
  }

  #readSoon(): void {
    for (const member of this.#members) this.#host.readSoon(member)
  }

  /**
   * Continues after a member took its messages. If the group is behind, the free members share
   * another slice.
   */
  ready(): void {
    if (this.#isLive || this.#leastUnread(isFree) === undefined) return
    if (!this.#unread.search()) {
      this.#readSoon()
      return
    }
    let bytesLeft = SLICE_BYTES
    const hand = (log: ChannelLog, message: Bytes, id: StreamId, count: number): boolean => {
      const member = bytesLeft > 0 ? this.#leastUnread(isFree) : undefined
      if (member === undefined) return false
      bytesLeft -= this.#give(member, log, message, id, count)
      return true
    }
    const { position } = this.#unread
    this.#isLive =
      this.#handRedeliveries(hand) &&
      this.#unread.read((log, message, id) =>
        hand(log, message, id, position.count === UNCOUNTED ? UNCOUNTED : position.count + 1),
      )
    if (!this.#isLive) this.#readSoon()
  }

  /** Hands on redeliveries until `hand` refuses; returns true when none is left. */
  #handRedeliveries(hand: (log: ChannelLog, message: Bytes, id: StreamId, count: number) => boolean): boolean {
    const again = this.#redeliveries
    let passed = 0
    let gone: Redelivery[] = []
    for (const redelivery of again) {
      const { count, id, log } = redelivery
      if (log.stream?.find(id, log.cursor) !== true) {
        gone.push(redelivery)
      } else {
        this.#noteGone(gone)
        gone = []
        log.stream.find(id, log.cursor)
        log.cursor.beginFields()
        log.cursor.nextField(field, text)
        if (!hand(log, text, id, count)) break
      }
      passed++
    }
    this.#noteGone(gone)
    again.splice(0, passed)
    return again.length === 0
  }

  /** Reports redeliveries that are gone from their logs. */
  #noteGone(gone: readonly Redelivery[]): void {
    for (const log of new Set(gone.map((each) => each.log))) {
      const ids = gone.filter((each) => each.log === log).map(({ id }) => id)
      const [first] = ids
      const last = ids.at(-1)
      assert(first !== undefined && last !== undefined, 'a log with a gap has lost a message')
      this.#host.noteGap(undefined, log, ids.length, idBefore(first), idBehind(last))
    }
  }

  // ── choosing a member ────────────────────────────────────────────────────

  /**
   * Returns the member with the least unread bytes that `mayBeAsked` allows; among equals, the next
   * in turn.
   */
  #leastUnread(mayBeAsked: (member: GroupMember) => boolean): GroupMember | undefined {
    const members = this.#members
    let found: GroupMember | undefined
    let least = Number.POSITIVE_INFINITY
    for (let i = 0, at = this.#next; i < members.length; i++, at++) {
      if (at >= members.length) at = 0
      const member = itemAt(members, at)
      const unread = member.client.outputBytes
      if (unread >= least || !mayBeAsked(member)) continue
      found = member
      least = unread
      if (least === 0) break
    }
    return found
  }

  /** Moves the turn behind a member. */
  #passTurn(member: GroupMember): void {
    const members = this.#members
    if (this.#next >= members.length) this.#next = 0
    // Usually the turn was this member's.
    this.#next = (members[this.#next] === member ? this.#next : members.indexOf(member)) + 1
  }

  /** Sends a member a kept message; returns its bytes. */
  #give(member: GroupMember, log: ChannelLog, message: Bytes, id: StreamId, count: number): number {
    this.#passTurn(member)
    const bytes = this.#send(member, log.name, message, id)
    member.sentKept(log, id, count, bytes)
    if (this.redeliverMs === 0) this.#host.readSoon(member)
    return bytes
  }

  /** Sends a member a message that no log keeps; returns the number of receivers, 1 or 0. */
  #sendCopy(copy: MessageCopy): number {
    const member = this.#leastUnread(isThere)
    if (member === undefined) return 0
    this.#passTurn(member)
    member.sentCopy(copy, this.#send(member, copy.channel, copy.message, undefined))
    this.#host.readSoon(member)
    return 1
  }

  #send(member: GroupMember, channel: string, message: Bytes, id: StreamId | undefined): number {
    const { kind, name } = this
    const { acknowledges, client } = member
    const told = acknowledges ? id : undefined
    if (kind === 'pattern') return this.#host.send(client, SUBSCRIPTIONS[kind].message, name, channel, message, told)
    return this.#host.send(client, SUBSCRIPTIONS[kind].message, undefined, name, message, told)
  }

  // ── position ─────────────────────────────────────────────────────────────

  /** Notes how much each member has taken. */
  sample(nowMs: number): void {
    for (const member of this.#members) member.sample(nowMs)
    // A full member may have room again.
    if (!this.#isLive) this.#readSoon()
  }

  /**
   * Returns the position up to which every message was certainly heard; `end` is the position
   * behind the last message.
   */
  position(end: ReadPosition): ReadPosition {
    const position = new ReadPosition().copyFrom(this.#isLive ? end : this.#unread.position)
    const id = new StreamId()
    for (const { inFlight } of this.#members) {
      const { lowest } = inFlight
      if (lowest !== -1) lower(position, inFlight.idAt(lowest, id), inFlight.countAt(lowest))
    }
    const again = this.#redeliveries[0]
    if (again !== undefined) lower(position, id.copyFrom(again.id), again.count)
    if (CHECKED) this.#checkPosition(position)
    return position
  }

  #checkPosition(position: ReadPosition): void {
    const id = new StreamId()
    for (const { inFlight } of this.#members) {
      for (let i = 0; i < inFlight.length; i++) {
        assert(inFlight.idAt(i, id).compare(position.id) > 0, 'the position is below all messages in flight')
      }
    }
    for (const each of this.#redeliveries) {
      assert(each.id.compare(position.id) > 0, 'the position is below all redeliveries')
    }
  }

  /** Forgets unheard messages, and continues with new ones. */
  forget(): void {
    this.#redeliveries = []
    this.#unread.forget()
    this.#isLive = true
    for (const { inFlight } of this.#members) inFlight.clear()
  }
}

/**
 * Returns the subscriber that stands for a group's position. A user named `$share` is therefore not
 * remembered.
 */
export function groupSubscriber(group: string): string {
  return `${GROUP_USER} ${group}`
}

/** Returns the group that a subscriber stands for; undefined when it stands for none. */
export function groupOfSubscriber(subscriber: string): string | undefined {
  return subscriber.startsWith(`${GROUP_USER} `) ? subscriber.slice(GROUP_USER.length + 1) : undefined
}

export const GROUP_USER = '$share'

/** Moves a position below a message. */
function lower(position: ReadPosition, id: StreamId, count: number): void {
  if (id.compare(position.id) > 0) return
  position.set(id, count === UNCOUNTED ? UNCOUNTED : count - 1)
  position.id.decrement()
}

function isThere(member: GroupMember): boolean {
  return member.isThere
}

function isAcknowledging(member: GroupMember): boolean {
  return member.acknowledges
}

/** Tells whether a member may get messages as they are published. */
function keepsUp(member: GroupMember): boolean {
  return member.isThere && !member.isFull && !isSlow(member.client)
}

/** Tells whether a member may get messages that the group reads: it has taken its last slice. */
function isFree(member: GroupMember): boolean {
  const { client } = member
  const {
    pendingBytes,
    connection: { transport },
    output: { heldForDurability },
  } = client
  if (!member.isThere || member.isFull || heldForDurability) return false
  return transport.backlogBytes === 0 && pendingBytes < SLICE_BYTES
}
