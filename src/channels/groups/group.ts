// One group: subscribers of `$share/<group>/<channel>`, or of a pattern, who share what is published.
//
// Each message goes to one member, the one with the least unread, in turn while they are equal. What a member had not heard when
// it vanished goes to the others.
//
// Of kept channels the group is to its log what one subscriber is (reader.ts): live it hands on what is published, behind it reads
// from the log as its members take what they were given. It falls behind when no member keeps up, when one has vanished that had
// not heard everything, and when it begins behind the place where the last member has left it.
//
//   again: what vanished members had not heard ─▶ unread: what nobody was given ─▶ live
//
// Its place is below everything that is not certain to be heard: what is unread, what is to be given again, and what each member
// was given lately.

import type { SharedName } from '../../broker/shared-name.ts'
import type { SharingGroup } from '../../broker/sharing.ts'
import type { MessageLog } from '../../broker/subscriber.ts'
import { SUBSCRIPTIONS, type SubscriptionKind } from '../../broker/subscription-kind.ts'
import type { Client } from '../../engine/clients/client.ts'
import { StreamId } from '../../store/stream/stream-id.ts'
import { assert } from '../../util/assert.ts'
import { Bytes } from '../../util/bytes/bytes.ts'
import { ChannelLog } from '../log/channel-log.ts'
import { ReadPosition, UNCOUNTED } from '../positions/read-positions.ts'
import { type DeliveryHost, isSlow, SLICE_BYTES } from '../reading/reader.ts'
import { type Search, UnreadMessages } from '../reading/unread-messages.ts'
import { GroupMember, type MemberHost, type MessageCopy } from './group-member.ts'

export interface GroupHost extends DeliveryHost {
  readonly redeliverMs: number
  /** True while a command of this client runs. */
  isServing(client: Client): boolean
}

/** A message that a member was given who vanished. */
interface Again {
  readonly log: ChannelLog
  readonly id: StreamId
  readonly count: number
}

/** No log is to be looked into. */
const NOTHING: Search = [].values()

const field = new Bytes()
const text = new Bytes()

export class Group implements SharingGroup, MemberHost {
  readonly kind: SubscriptionKind
  /** The name that members subscribe to. */
  readonly name: string
  /** The channel or pattern behind it. */
  readonly target: string
  /** By whom its place is remembered. */
  readonly subscriber: string
  /** True when messages that it hears are kept, or may be: then its place is remembered. */
  isKept = false
  /** The place that was last remembered, and when that was written; 0 = by others, some time ago. */
  readonly remembered = new ReadPosition()
  rememberedMs = 0
  readonly #host: GroupHost
  readonly #members: GroupMember[] = []
  readonly #ofClient = new Map<Client, GroupMember>()
  /** Whose turn it is, while members are equal. */
  #next = 0
  #isLive = true
  /** While behind: what is given again before all else, in order. */
  #again: Again[] = []
  /** While behind: what nobody was given yet. */
  readonly #unread: UnreadMessages

  constructor(host: GroupHost, kind: SubscriptionKind, name: string, { group, target }: SharedName) {
    this.#host = host
    this.kind = kind
    this.name = name
    this.target = target
    this.subscriber = groupSubscriber(group)
    const last = kind === 'pattern' ? host.ids.last : undefined
    this.#unread = new UnreadMessages(last, (log, count, from, to) => host.noteGap(undefined, log, count, from, to))
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
    if (!this.#isLive) this.#host.readSoon(member)
  }

  /** A member has asked to leave, or vanished: what it has not heard goes to the others. */
  leave(client: Client, how: 'unsubscribed' | 'vanished', nowMs: number): void {
    const member = this.#ofClient.get(client)
    assert(member !== undefined, 'who leaves a group is in it')
    this.#ofClient.delete(client)
    const position = this.#members.indexOf(member)
    this.#members.splice(position, 1)
    if (position < this.#next) this.#next--
    if (how === 'vanished') member.vanish(nowMs)
    else member.unsubscribe()
    for (const copy of member.takeCopies()) this.#handCopy(copy)
    this.#giveAgain(member)
  }

  /** Has what a member was given and may not have heard given to others, before anything newer. */
  #giveAgain({ given }: GroupMember): void {
    if (given.length === 0) return
    if (this.#isLive) this.begin(this.#reached(given.logAt(0)), NOTHING)
    for (let i = 0; i < given.length; i++) {
      this.#again.push({ log: given.logAt(i), id: given.idAt(i, new StreamId()), count: given.countAt(i) })
    }
    this.#again.sort((a, b) => a.id.compare(b.id))
    this.#readSoon()
  }

  // ── messages that are published ──────────────────────────────────────────

  share(channel: string, message: Bytes, log: MessageLog | null): number {
    if (log === null) return this.#handCopy({ channel, message: message.copy() })
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

  /** The rule of a channel may have slow subscribers stay: then what no member can take is left out. */
  #shareUnkept(log: ChannelLog, channel: string, message: Bytes): number {
    if (log.rule.slow === 'disconnect' || this.#leastUnread(keepsUp) !== undefined) {
      return this.#handCopy({ channel, message: message.copy() })
    }
    log.missed++
    return 0
  }

  /** The last message of this log is the first that no member can be given at once. */
  #fallBehind(log: ChannelLog): void {
    const place = this.#reached(log)
    place.id.decrement()
    if (place.count !== UNCOUNTED) place.count--
    this.begin(place, NOTHING)
    this.#unread.add(log)
  }

  /** Messages of a channel, if the group listens to one alone. */
  #countIn(log: ChannelLog): number {
    return this.kind === 'pattern' ? UNCOUNTED : log.messages
  }

  /** The place behind the last message of a channel, or of all that the group's pattern matches. */
  #reached(log: ChannelLog): ReadPosition {
    const { last } = this.#host.ids
    const isBehind = this.kind === 'pattern' || log.id.compare(last) < 0
    return new ReadPosition().set(isBehind ? last : log.id, this.#countIn(log))
  }

  // ── messages that it has missed ──────────────────────────────────────────

  /** Begins behind a place: what the logs have since then is to be read. */
  begin(place: ReadPosition, logs: Search): void {
    this.#isLive = false
    this.#unread.begin(place, logs)
    this.#readSoon()
  }

  /** Begins where the logs' rules have a new subscriber begin; `since` = the last message that was there before it came. */
  beginFirst(logs: Search, since: StreamId): void {
    this.#unread.beginFirst(logs, since)
    this.#isLive = this.#unread.isEmpty
    if (!this.#isLive) this.#readSoon()
  }

  /** Goes on behind a place, wherever it has been: what members were given counts no more. */
  seek(place: ReadPosition, logs: Search): void {
    this.forget()
    this.begin(place, logs)
  }

  /**
   * A member has heard a message, and all that it was given before: this client, or where it is none a member of the same user and
   * name. False when no such message was given. undefined = there is nobody who acknowledges.
   */
  acknowledge(client: Client, id: StreamId): boolean | undefined {
    const member = this.#ofClient.get(client)
    const named = (other: GroupMember): boolean =>
      other.client.name !== '' && other.client.name === client.name && other.client.user === client.user
    const asked = (member === undefined ? this.#members.filter(named) : [member]).filter(isAcknowledging)
    if (asked.length === 0) return undefined
    // Who was full has room again.
    if (!this.#isLive) this.#readSoon()
    return asked.some((each) => each.acknowledge(id))
  }

  /** Other rules are in force: while behind, it reads these logs on from where it is. */
  follow(logs: Search): void {
    if (!this.#isLive) this.#unread.follow(logs)
  }

  #readSoon(): void {
    for (const member of this.#members) this.#host.readSoon(member)
  }

  /** A member has taken what it was given: while behind, all who have are given more. A slice at a time, of which each has a part. */
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
    const { heard } = this.#unread
    this.#isLive =
      this.#readAgain(hand) &&
      this.#unread.read((log, message, id) =>
        hand(log, message, id, heard.count === UNCOUNTED ? UNCOUNTED : heard.count + 1),
      )
    if (!this.#isLive) this.#readSoon()
  }

  /** Hands on what is to be given again until `hand` says no, or nothing is left: then true. */
  #readAgain(hand: (log: ChannelLog, message: Bytes, id: StreamId, count: number) => boolean): boolean {
    const again = this.#again
    let at = 0
    let gone = 0
    for (; at < again.length; at++) {
      const { count, id, log } = again[at]!
      if (log.stream?.find(id, log.cursor) !== true) {
        gone++
        continue
      }
      log.cursor.beginFields()
      log.cursor.nextField(field, text)
      if (!hand(log, text, id, count)) break
    }
    if (gone > 0) this.#noteGone(again.slice(0, at))
    again.splice(0, at)
    return again.length === 0
  }

  /** Of some messages that were to be given again, tells which have gone from their logs. */
  #noteGone(passed: readonly Again[]): void {
    const gone = passed.filter(({ id, log }) => log.stream?.find(id, log.cursor) !== true)
    for (const log of new Set(gone.map((each) => each.log))) {
      const ids = gone.filter((each) => each.log === log).map(({ id }) => id)
      this.#host.noteGap(undefined, log, ids.length, ids[0]!, ids.at(-1)!)
    }
  }

  // ── whose turn it is ─────────────────────────────────────────────────────

  /** Returns the member with the least unread, of those that may be asked; the next in turn of several. */
  #leastUnread(mayBeAsked: (member: GroupMember) => boolean): GroupMember | undefined {
    const members = this.#members
    let found: GroupMember | undefined
    let least = Number.POSITIVE_INFINITY
    for (let i = 0, at = this.#next; i < members.length; i++, at++) {
      if (at >= members.length) at = 0
      const member = members[at]!
      const unread = member.client.outputBytes
      if (unread >= least || !mayBeAsked(member)) continue
      found = member
      least = unread
      if (least === 0) break
    }
    return found
  }

  /** It was a member's turn. */
  #passTurn(member: GroupMember): void {
    const members = this.#members
    if (this.#next >= members.length) this.#next = 0
    // Mostly it was the turn of who was next.
    this.#next = (members[this.#next] === member ? this.#next : members.indexOf(member)) + 1
  }

  /** Gives a member a kept message; returns its bytes. */
  #give(member: GroupMember, log: ChannelLog, message: Bytes, id: StreamId, count: number): number {
    this.#passTurn(member)
    const bytes = this.#send(member, log.name, message, id)
    member.gave(log, id, count, bytes)
    if (this.redeliverMs === 0) this.#host.readSoon(member)
    return bytes
  }

  /** Gives a member a message that nobody keeps; returns how many are going to hear it. */
  #handCopy(copy: MessageCopy): number {
    const member = this.#leastUnread(isThere)
    if (member === undefined) return 0
    this.#passTurn(member)
    member.gaveCopy(copy, this.#send(member, copy.channel, copy.message, undefined))
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

  // ── where it is ──────────────────────────────────────────────────────────

  /** Notes what each member has taken by now. */
  sample(nowMs: number): void {
    for (const member of this.#members) member.sample(nowMs)
    // Who was full may have room again.
    if (!this.#isLive) this.#readSoon()
  }

  /** How far everything was heard for certain; `end` = the place behind all there is. */
  place(end: ReadPosition): ReadPosition {
    const { heard } = this.#unread
    const place = new ReadPosition().copyFrom(this.#isLive ? end : heard)
    const id = new StreamId()
    for (const { given } of this.#members) {
      if (given.length > 0) lower(place, given.idAt(0, id), given.countAt(0))
    }
    const again = this.#again[0]
    if (again !== undefined) lower(place, id.copyFrom(again.id), again.count)
    return place
  }

  /** Forgets what is not heard: it goes on with what is new. */
  forget(): void {
    this.#again = []
    this.#unread.forget()
    this.#isLive = true
    for (const { given } of this.#members) given.clear()
  }
}

/** Returns the subscriber under whose name the place of a group is remembered. A user who is called `$share` is not remembered. */
export function groupSubscriber(group: string): string {
  return `${GROUP_USER} ${group}`
}

/** The group that is remembered as a subscriber; undefined = it is none. */
export function groupOfSubscriber(subscriber: string): string | undefined {
  return subscriber.startsWith(`${GROUP_USER} `) ? subscriber.slice(GROUP_USER.length + 1) : undefined
}

export const GROUP_USER = '$share'

/** Moves a place below a message. */
function lower(place: ReadPosition, id: StreamId, count: number): void {
  if (id.compare(place.id) > 0) return
  place.set(id, count === UNCOUNTED ? UNCOUNTED : count - 1)
  place.id.decrement()
}

function isThere(member: GroupMember): boolean {
  return member.isThere
}

function isAcknowledging(member: GroupMember): boolean {
  return member.acknowledges
}

/** Tells whether a member may be given what is published. */
function keepsUp(member: GroupMember): boolean {
  return member.isThere && !member.isFull && !isSlow(member.client)
}

/** Tells whether a member may be given what the group reads: it has taken its last slice. */
function isFree(member: GroupMember): boolean {
  const { client } = member
  const { heldForDurability, pendingBytes, transport } = client
  if (!member.isThere || member.isFull || heldForDurability) return false
  return transport.backlogBytes === 0 && pendingBytes < SLICE_BYTES
}
