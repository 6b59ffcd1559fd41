// All groups: their members, the channels that each hears, and their positions (group.ts).
//
// A group is made when its first member comes, and closed when its last member leaves. Its position
// stays remembered if its messages are kept, like that of a named subscriber (read-positions.ts).
// Groups also work without any rule. While there is no group, a message costs one check for that.

import { isShared, parseSharedName, sharedName } from '../../broker/group-name.ts'
import { Pattern, PatternIndex } from '../../broker/pattern-index.ts'
import type { Subscriber } from '../../broker/subscriber.ts'
import type { SubscriberGroups } from '../../broker/subscriber-groups.ts'
import type { SubscriptionKind } from '../../broker/subscription-kind.ts'
import { Client } from '../../engine/clients/client.ts'
import { assert } from '../../util/assert.ts'
import { NameMap } from '../../util/tables/name-map.ts'
import type { ChannelLogs } from '../log/channel-logs.ts'
import { type ReadPosition, type ReadPositions, WRITTEN_AGAIN_MS } from '../positions/read-positions.ts'
import { RoundRobin } from '../positions/round-robin.ts'
import { Group, type GroupHost, groupOfSubscriber } from './group.ts'

/** Positions remembered in one step. The next step continues with the others. */
const POSITIONS_MAX = 1000

/** Size of a group: its objects, and its name in the maps that lead to it. */
const GROUP_BYTES = 2048
/** Size of a member, without the 40 bytes for each message in flight. */
const MEMBER_BYTES = 1024

export interface GroupsHost extends GroupHost {
  readonly logs: ChannelLogs
  readonly positions: ReadPositions
  /** True while data is being loaded. Positions come from that data and are not written. */
  readonly isLoading: boolean
  now(): number
  monotonic(): number
  /** Drops the broker's cached routes, because groups came or went. */
  forgetRoutes(): void
  /** Calls `sample` from time to time. */
  sampleSoon(): void
}

/** A pattern with the group that listens by it. */
class GroupPattern extends Pattern {
  readonly group: Group

  constructor(group: Group, sequence: number) {
    super(group.target, sequence)
    this.group = group
  }
}

export class Groups implements SubscriberGroups {
  readonly #host: GroupsHost
  /** By kind and name. */
  readonly #groups = new NameMap<Group>()
  /** Groups that listen to one channel, by the channel's name. */
  readonly #ofTarget = { channel: new NameMap<Group[]>(), shard: new NameMap<Group[]>() }
  readonly #patterns = new NameMap<GroupPattern>()
  readonly #index = new PatternIndex<GroupPattern>()
  #sequence = 0
  readonly #remembering = new RoundRobin<Group>(() => this.#groups.values())

  constructor(host: GroupsHost) {
    this.#host = host
  }

  /** Bytes of all groups, without their members. */
  get bytes(): number {
    return this.#groups.size * GROUP_BYTES
  }

  /** True while positions of groups are remembered. */
  get areSampled(): boolean {
    for (const { isKept } of this.#groups.values()) if (isKept) return true
    return false
  }

  // ── members ──────────────────────────────────────────────────────────────

  join(subscriber: Subscriber, kind: SubscriptionKind, name: string): void {
    assert(subscriber instanceof Client, 'clients subscribe')
    const group = this.#groups.get(keyOf(kind, name)) ?? this.#open(kind, name)
    if (group === undefined) return
    assert(!group.has(subscriber), 'a client joins a group once')
    group.join(subscriber)
    subscriber.bytes.listeners += MEMBER_BYTES
  }

  leave(subscriber: Subscriber, kind: SubscriptionKind, name: string): void {
    this.#leave(subscriber, kind, name, 'unsubscribed')
  }

  vanish(subscriber: Subscriber): void {
    if (this.#groups.size === 0) return
    for (const name of subscriber.subscriptions.channels) this.#leave(subscriber, 'channel', name, 'vanished')
    for (const name of subscriber.subscriptions.patterns) this.#leave(subscriber, 'pattern', name, 'vanished')
    for (const name of subscriber.subscriptions.shardChannels) this.#leave(subscriber, 'shard', name, 'vanished')
  }

  #leave(subscriber: Subscriber, kind: SubscriptionKind, name: string, how: 'unsubscribed' | 'vanished'): void {
    if (!isShared(name)) return
    const group = this.#groups.get(keyOf(kind, name))
    // A vanished client left its groups before its subscriptions end.
    if (!(subscriber instanceof Client) || group?.has(subscriber) !== true) return
    group.leave(subscriber, how, this.#host.monotonic())
    subscriber.bytes.listeners -= MEMBER_BYTES
    assert(subscriber.bytes.listeners >= 0, 'the bytes of members are counted')
    if (group.size === 0) this.#close(group)
  }

  /** Makes the group of a name; undefined when the name is not a group's. */
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
      const pattern = this.#patterns.get(name)
      assert(pattern?.group === group, 'a group of a pattern is indexed')
      this.#index.remove(pattern)
      this.#patterns.delete(name)
    } else {
      const all = this.#ofTarget[kind].get(target) ?? []
      assert(all.includes(group), 'a group is listed at its channel')
      const others = all.filter((other) => other !== group)
      if (others.length === 0) this.#ofTarget[kind].delete(target)
      else this.#ofTarget[kind].set(target, others)
    }
    this.#host.forgetRoutes()
  }

  // ── groups of a channel ──────────────────────────────────────────────────

  groupsOf(channel: string, kind: 'channel' | 'shard'): readonly Group[] | null {
    if (this.#groups.size === 0) return null
    const named = this.#ofTarget[kind].get(channel)
    if (kind === 'shard' || this.#patterns.size === 0) return named ?? null
    const patterns: GroupPattern[] = []
    this.#index.match(channel, patterns)
    if (patterns.length === 0) return named ?? null
    return [...(named ?? []), ...patterns.map(({ group }) => group)]
  }

  // ── positions ────────────────────────────────────────────────────────────

  /**
   * Starts a group at its remembered position. With `late`, it has members already and hears no old
   * messages.
   */
  #begin(group: Group, when: 'first' | 'late'): void {
    const { kind, subscriber, target } = group
    const { logs, positions } = this.#host
    group.isKept = logs.mayKeep(kind, target)
    if (!group.isKept) return
    const position = positions.get(kind, target, subscriber)
    if (position !== undefined) {
      group.remembered.set(position.id, position.count)
      group.begin(logs.correct(kind, target, position), logs.logsOf(kind, target))
    } else {
      if (when === 'first' && logs.startsWithHistory(kind, target)) {
        group.beginFirst(logs.logsOf(kind, target), logs.endOf(kind, target).id)
      }
      this.#remember(group)
    }
    this.#host.sampleSoon()
  }

  /** Adapts all groups to other rules or other data. */
  rulesChanged(): void {
    for (const group of this.#groups.values()) {
      if (!group.isKept) {
        this.#begin(group, 'late')
        continue
      }
      const { logs } = this.#host
      group.isKept = logs.mayKeep(group.kind, group.target)
      group.rulesChanged(logs.logsOf(group.kind, group.target))
    }
  }

  /** Notes the progress of each group, and remembers the positions of some. */
  sample(nowMs: number): void {
    for (const group of this.#groups.values()) if (group.isKept) group.sample(nowMs)
    this.#remembering.visit(POSITIONS_MAX, (group) => {
      if (group.isKept) this.#remember(group)
    })
  }

  /**
   * Writes a position as `Subscriptions.remember` does, except during loading; `left` when the last
   * member has left.
   */
  #remember(group: Group, when: 'left' | 'there' = 'there'): void {
    if (this.#host.isLoading) return
    const { kind, remembered, subscriber, target } = group
    const position = this.positionOf(group)
    const nowMs = this.#host.now()
    const isWritten = when === 'there' || nowMs - group.rememberedMs < WRITTEN_AGAIN_MS
    if (isWritten && remembered.id.equals(position.id) && !position.id.isZero) return
    remembered.set(position.id, position.count)
    group.rememberedMs = nowMs
    this.#host.positions.set(kind, target, subscriber, position)
  }

  /** Returns the position up to which a group has certainly heard. */
  positionOf(group: Group): ReadPosition {
    return group.position(this.#host.logs.endOf(group.kind, group.target))
  }

  /** Moves a group with members to another position. */
  seek(group: Group, position: ReadPosition): void {
    group.seek(position, this.#host.logs.logsOf(group.kind, group.target))
    this.#remember(group)
  }

  /** Returns the group that a remembered subscriber stands for, if it has members. */
  ofSubscriber(kind: SubscriptionKind, target: string, subscriber: string): Group | undefined {
    const group = groupOfSubscriber(subscriber)
    return group === undefined ? undefined : this.named(kind, sharedName({ group, target }))
  }

  /** Returns the group of a subscribed name, if it has members. */
  named(kind: SubscriptionKind, name: string): Group | undefined {
    return this.#groups.get(keyOf(kind, name))
  }
}

function keyOf(kind: SubscriptionKind, name: string): string {
  return `${kind} ${name}`
}
