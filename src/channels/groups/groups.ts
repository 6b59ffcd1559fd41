// The groups: who is in which, which of them hear a channel, and where they are (group.ts).
//
// A group is made when its first member comes, and gone when its last one leaves. What stays of it, where messages are kept, is its
// place, as that of a named subscriber would (read-positions.ts). There are groups without any rule too; while there is none, a message
// costs one look at that.

import { Pattern, PatternIndex } from '../../broker/pattern-index.ts'
import { isShared, parseSharedName, sharedName } from '../../broker/shared-name.ts'
import type { Sharing } from '../../broker/sharing.ts'
import type { Subscriber } from '../../broker/subscriber.ts'
import type { SubscriptionKind } from '../../broker/subscription-kind.ts'
import { Client } from '../../engine/clients/client.ts'
import { assert } from '../../util/assert.ts'
import { NameMap } from '../../util/tables/name-map.ts'
import type { ChannelLogs } from '../log/channel-logs.ts'
import { type ReadPosition, type ReadPositions, WRITTEN_AGAIN_MS } from '../positions/read-positions.ts'
import { Round } from '../positions/round.ts'
import { Group, type GroupHost, groupOfSubscriber } from './group.ts'

/** Places remembered at a time; the others' turn comes next. */
const PLACES_MAX = 1000

/** What a group takes: its objects, and its name in the maps that lead to it. */
const GROUP_BYTES = 2048
/** What a member takes besides: what it was given is 40 bytes a message, for a while. */
const MEMBER_BYTES = 1024

export interface GroupsHost extends GroupHost {
  readonly logs: ChannelLogs
  readonly places: ReadPositions
  /** Data is being loaded: what that brings is how it was, and nothing is written into it. */
  readonly isLoading: boolean
  now(): number
  monotonic(): number
  /** Groups have come or gone. */
  forgetRoutes(): void
  /** Has `sample` called from time to time. */
  sampleSoon(): void
}

/** A pattern, and who listens by it. */
class GroupPattern extends Pattern {
  readonly group: Group

  constructor(group: Group, sequence: number) {
    super(group.target, sequence)
    this.group = group
  }
}

export class Groups implements Sharing {
  readonly #host: GroupsHost
  /** By kind and name. */
  readonly #groups = new NameMap<Group>()
  /** Those that listen to one channel, by its name. */
  readonly #ofTarget = { channel: new NameMap<Group[]>(), shard: new NameMap<Group[]>() }
  readonly #patterns = new NameMap<GroupPattern>()
  readonly #index = new PatternIndex<GroupPattern>()
  #sequence = 0
  readonly #remembering = new Round<Group>(() => this.#groups.values())

  constructor(host: GroupsHost) {
    this.#host = host
  }

  /** Bytes of all groups, without what their members take. */
  get bytes(): number {
    return this.#groups.size * GROUP_BYTES
  }

  /** True while there are groups whose places are to be remembered. */
  get areSampled(): boolean {
    for (const { isKept } of this.#groups.values()) if (isKept) return true
    return false
  }

  // ── who is in which ──────────────────────────────────────────────────────

  join(subscriber: Subscriber, kind: SubscriptionKind, name: string): void {
    assert(subscriber instanceof Client, 'clients subscribe')
    const group = this.#groups.get(keyOf(kind, name)) ?? this.#open(kind, name)
    if (group === undefined) return
    group.join(subscriber)
    subscriber.listenerBytes += MEMBER_BYTES
  }

  leave(subscriber: Subscriber, kind: SubscriptionKind, name: string): void {
    this.#leave(subscriber, kind, name, 'unsubscribed')
  }

  vanish(subscriber: Subscriber): void {
    if (this.#groups.size === 0) return
    for (const name of subscriber.channels) this.#leave(subscriber, 'channel', name, 'vanished')
    for (const name of subscriber.patterns) this.#leave(subscriber, 'pattern', name, 'vanished')
    for (const name of subscriber.shardChannels) this.#leave(subscriber, 'shard', name, 'vanished')
  }

  #leave(subscriber: Subscriber, kind: SubscriptionKind, name: string, how: 'unsubscribed' | 'vanished'): void {
    if (!isShared(name)) return
    const group = this.#groups.get(keyOf(kind, name))
    // Who has vanished has left before its subscriptions end.
    if (!(subscriber instanceof Client) || group?.has(subscriber) !== true) return
    group.leave(subscriber, how, this.#host.monotonic())
    subscriber.listenerBytes -= MEMBER_BYTES
    if (group.size === 0) this.#close(group)
  }

  /** Makes the group of a name; undefined = it is not the name of one. */
  #open(kind: SubscriptionKind, name: string): Group | undefined {
    const shared = parseSharedName(name)
    if (shared === undefined) return undefined
    const group = new Group(this.#host, kind, name, shared)
    this.#groups.set(keyOf(kind, name), group)
    if (kind === 'pattern') {
      const pattern = new GroupPattern(group, this.#sequence++)
      this.#patterns.set(name, pattern)
      this.#index.add(pattern)
    } else {
      const others = this.#ofTarget[kind].get(group.target)
      this.#ofTarget[kind].set(group.target, others === undefined ? [group] : [...others, group])
    }
    this.#host.forgetRoutes()
    this.#begin(group, 'first')
    return group
  }

  #close(group: Group): void {
    const { kind, name, target } = group
    if (group.isKept) this.#remember(group, 'left')
    this.#groups.delete(keyOf(kind, name))
    if (kind === 'pattern') {
      this.#index.remove(this.#patterns.get(name)!)
      this.#patterns.delete(name)
    } else {
      const others = this.#ofTarget[kind].get(target)!.filter((other) => other !== group)
      if (others.length === 0) this.#ofTarget[kind].delete(target)
      else this.#ofTarget[kind].set(target, others)
    }
    this.#host.forgetRoutes()
  }

  // ── which hear a channel ─────────────────────────────────────────────────

  groupsOf(channel: string, kind: 'channel' | 'shard'): readonly Group[] | null {
    if (this.#groups.size === 0) return null
    const named = this.#ofTarget[kind].get(channel)
    if (kind === 'shard' || this.#patterns.size === 0) return named ?? null
    const patterns: GroupPattern[] = []
    this.#index.match(channel, patterns)
    if (patterns.length === 0) return named ?? null
    return [...(named ?? []), ...patterns.map(({ group }) => group)]
  }

  // ── where they are ───────────────────────────────────────────────────────

  /** Has a group read on from its place; `late` = it has members already, and hears nothing that was before. */
  #begin(group: Group, when: 'first' | 'late'): void {
    const { kind, subscriber, target } = group
    const { logs, places } = this.#host
    group.isKept = logs.keep(kind, target)
    if (!group.isKept) return
    const place = places.get(kind, target, subscriber)
    if (place !== undefined) {
      group.remembered.set(place.id, place.count)
      group.begin(logs.correct(kind, target, place), logs.of(kind, target))
    } else {
      if (when === 'first' && logs.beginBefore(kind, target)) {
        group.beginFirst(logs.of(kind, target), logs.endOf(kind, target).id)
      }
      this.#remember(group)
    }
    this.#host.sampleSoon()
  }

  /** Other rules are in force. */
  follow(): void {
    for (const group of this.#groups.values()) {
      if (!group.isKept) {
        this.#begin(group, 'late')
        continue
      }
      const { logs } = this.#host
      group.isKept = logs.keep(group.kind, group.target)
      group.follow(logs.of(group.kind, group.target))
    }
  }

  /** Notes how far each group has come, and remembers that of some of them. */
  sample(nowMs: number): void {
    for (const group of this.#groups.values()) if (group.isKept) group.sample(nowMs)
    this.#remembering.visit(PLACES_MAX, (group) => {
      if (group.isKept) this.#remember(group)
    })
  }

  /** As `Subscriptions.remember`, unless data is being loaded; `left` = the last member has. */
  #remember(group: Group, when: 'left' | 'there' = 'there'): void {
    if (this.#host.isLoading) return
    const { kind, remembered, subscriber, target } = group
    const place = this.placeOf(group)
    const nowMs = this.#host.now()
    const isWritten = when === 'there' || nowMs - group.rememberedMs < WRITTEN_AGAIN_MS
    if (isWritten && remembered.id.equals(place.id) && !place.id.isZero) return
    remembered.set(place.id, place.count)
    group.rememberedMs = nowMs
    this.#host.places.set(kind, target, subscriber, place)
  }

  /** How far a group has heard for certain. */
  placeOf(group: Group): ReadPosition {
    return group.place(this.#host.logs.endOf(group.kind, group.target))
  }

  /** Has a group that has members go on behind a place. */
  seek(group: Group, place: ReadPosition): void {
    group.seek(place, this.#host.logs.of(group.kind, group.target))
    this.#remember(group)
  }

  /** Returns the group that is remembered as a subscriber, if it has members. */
  ofSubscriber(kind: SubscriptionKind, target: string, subscriber: string): Group | undefined {
    const group = groupOfSubscriber(subscriber)
    return group === undefined ? undefined : this.named(kind, sharedName({ group, target }))
  }

  /** Returns the group of a name that is subscribed to, if it has members. */
  named(kind: SubscriptionKind, name: string): Group | undefined {
    return this.#groups.get(keyOf(kind, name))
  }
}

function keyOf(kind: SubscriptionKind, name: string): string {
  return `${kind} ${name}`
}
