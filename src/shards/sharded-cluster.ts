// The cluster as seen by a broker of one shard among several: the map that all read (map-log.ts),
// combined with what this node's own log tells about its own shard.
//
// A leader may serve after these steps:
//
//   our epoch record is in our shard's log ──▶ `enter`: the map names us and our epoch
//   ──▶ we lead, and serve the slots that the map gives our shard
//
// The entry is appended behind the last map, so a leader has read all maps before its entry. No
// later map takes a slot from it except by its own action (slot-mover.ts), because only the leader
// of a shard's epoch changes what belongs to the shard. So a leader may serve by the map that it
// has read, however old that is.
//
// Followers know their leader from their own log, and send clients there. About other shards they
// know what the map says.

import { BUS_PORT_OFFSET, KnownNode } from '../cluster/known-node.ts'
import type { Client } from '../engine/clients/client.ts'
import type { ClusterView, SlotMoves } from '../engine/cluster-view/cluster-view.ts'
import type { LogNode } from '../engine/effects/replication.ts'
import type { Engine } from '../engine/engine.ts'
import type { ReplicatedLog } from '../replicated-log/log.ts'
import type { Messaging } from '../replicated-log/messaging.ts'
import type { Address, Dial } from '../replication/connection.ts'
import type { Database } from '../store/keyspace/database.ts'
import { assert } from '../util/assert.ts'
import { type Handler, Handlers } from '../util/tables/handlers.ts'
import { SLOT_COUNT } from '../util/tables/hash-slot.ts'
import { Importers } from './importers.ts'
import { MapLog } from './map-log.ts'
import { MessageExchange } from './message-exchange.ts'
import { MoveRequests } from './move-requests.ts'
import { idOf, type MapMember, type ShardMap } from './shard-map.ts'
import type { ShardView } from './shard-view.ts'
import { MOVER_TIMING, SlotMover, type SlotMoverHost, type SlotMoverTiming } from './slot-mover.ts'
import { StrayKeys } from './stray-keys.ts'

const NO_SLOTS: ReadonlySet<number> = new Set()

export interface ShardedClusterOptions {
  /** The name of this node's shard. */
  readonly shard: string
  /** The kind and name of its log. */
  readonly log: string
  /** Whether the map lies beside this shard's log: then it owns all slots at first. */
  readonly isFirst: boolean
  readonly dial: Dial
  readonly timing?: SlotMoverTiming
}

/** This node's address, where its configuration announces none. */
export interface OwnAddress {
  /** The address in its shard's log: `host:port`. */
  readonly address: string
  /** 0 = none. */
  readonly port: number
  readonly tlsPort: number
}

/** The map has no shards yet. */
class NotYet extends Error {}

export class ShardedCluster implements ClusterView, ShardView, SlotMoverHost {
  readonly changed = new Handlers<[]>((slot) => {
    this.#changed = slot
  })
  #changed: Handler<[]> | null = null
  readonly engine: Engine
  readonly data: Database
  readonly mapLog: MapLog
  readonly shard: string
  readonly #retryMs: number
  /** A slot is never partly in two shards. */
  readonly hasOpenSlots = false
  /** The map can be changed only in its log. */
  readonly map = undefined
  readonly moves: SlotMoves
  readonly messages: MessageExchange
  readonly nodes = new Map<string, KnownNode>()
  isOk = false
  readonly #options: ShardedClusterOptions
  readonly #mover: SlotMover
  readonly #arrivals: Importers
  readonly #strays: StrayKeys
  /** Undefined until the server listens. */
  #self: MapMember | undefined = undefined
  #myself: KnownNode
  /** Undefined until this node takes part in its shard's log. */
  #node: LogNode | undefined = undefined
  /** The last epoch in which this node was entered as the leader of its shard. */
  #enteredEpoch = 0
  /** Index of a shard in the map → its leader. */
  #leaders: (KnownNode | undefined)[] = []
  #held = NO_SLOTS

  constructor(engine: Engine, options: ShardedClusterOptions) {
    const { dial, shard, timing = MOVER_TIMING } = options
    this.engine = engine
    const [data] = engine.databases
    assert(data !== undefined, 'a cluster has database 0')
    this.data = data
    this.shard = shard
    this.#retryMs = timing.retryMs
    this.mapLog = new MapLog({
      clock: engine.environment.workClock,
      messages: engine.environment.log,
      retryMs: timing.retryMs,
    })
    this.#options = options
    this.#myself = new KnownNode(idOf(shard, ''), idOf(shard))
    this.#arrivals = new Importers(this)
    this.#strays = new StrayKeys(this)
    this.#mover = new SlotMover(this, { dial, timing })
    this.moves = new MoveRequests(this, this.#mover, this.#arrivals)
    this.messages = new MessageExchange(this)
    this.mapLog.changed.add(() => this.#look())
    engine.config.onChange('cluster-require-full-coverage', () => this.#look())
    engine.conditions.loading.changed.add(() => {
      this.#myself.health = engine.conditions.state.loading.holds ? 'loading' : 'online'
    })
    this.#look()
  }

  // ── joining ──────────────────────────────────────────────────────────────

  /**
   * Reads the map from now on, and enters this node's address. Messages to other shards take
   * `messaging`.
   */
  address(log: ReplicatedLog, place: OwnAddress, messaging: Messaging = log.messaging): void {
    const self = memberOf(this.engine, this.shard, place)
    this.#self = self
    this.mapLog.follow(log)
    this.messages.begin(messaging)
    const announced = this.mapLog.change(
      (map) => (isSame(map.member(self.id), self) ? undefined : map.withMember(self)),
      () => true,
    )
    announced.catch((error: unknown) =>
      this.engine.environment.log.error({ error }, "this node's address cannot be entered in the map of the cluster"),
    )
    this.#look()
  }

  /** Follows from now on which node leads this node's shard. */
  attach(node: LogNode): void {
    this.#node = node
    node.onChange(() => this.#look())
    this.#look()
  }

  /**
   * Enters this node as the leader of its shard in an epoch. Returns false when a later epoch is
   * entered, or it is not wanted any more. Rejects when the map contradicts the configuration.
   */
  async enter(epoch: number, isWanted: () => boolean): Promise<boolean> {
    let isSuperseded = false
    const make = (map: ShardMap): ShardMap | undefined => {
      const { isFirst, log } = this.#options
      const self = this.#self
      assert(self !== undefined, 'a node leads after `begin`')
      const known = map.shard(this.shard)
      if (map.shards.length === 0 && !isFirst) throw new NotYet('the first shard has no leader yet')
      if (known !== undefined && known.log !== log)
        throw new Error(`there is another shard ${this.shard}, on ${known.log}: give this one another 'shard-name'`)
      isSuperseded = known !== undefined && known.epoch > epoch
      if (isSuperseded || (known?.epoch === epoch && known.leader === self.id)) return undefined
      return map.withMember(self).withLeader({ name: this.shard, log, epoch, leader: self.id })
    }
    for (let tries = 0; isWanted(); tries++) {
      try {
        const version = await this.mapLog.change(make, isWanted)
        if (version === undefined || isSuperseded) return false
        this.#enteredEpoch = epoch
        return true
      } catch (error) {
        if (!(error instanceof NotYet)) throw error
        if (tries === 0) this.engine.environment.log.warn({}, `this shard waits: ${error.message}`)
        await new Promise<void>((resolve) => void this.engine.environment.workClock.after(this.#retryMs, resolve))
      }
    }
    return false
  }

  async close(): Promise<void> {
    await this.mapLog.close()
  }

  // ── ShardView ────────────────────────────────────────────────────────────

  get leadingEpoch(): number {
    const node = this.#node
    return node?.state === 'leading' && node.epoch === this.#enteredEpoch ? this.#enteredEpoch : 0
  }

  addressOf(shard: string): Address | undefined {
    const { map } = this.mapLog
    const member = map.member(map.shard(shard)?.leader ?? '')
    if (member === undefined) return undefined
    return { host: member.ip, port: this.engine.config.get('tls-cluster') ? member.tlsPort : member.port }
  }

  hold(slots: ReadonlySet<number>): void {
    if (slots.size === 0 && this.#held.size === 0) return
    this.#held = slots
    this.#changed?.()
    this.#strays.look()
  }

  // ── ClusterView ──────────────────────────────────────────────────────────────

  get myself(): KnownNode {
    return this.#myself
  }

  get epoch(): number {
    return this.mapLog.version
  }

  get hasHeldSlots(): boolean {
    return this.#held.size > 0
  }

  isHeld(slot: number): boolean {
    return this.#held.has(slot)
  }

  ownerOf(slot: number): KnownNode | undefined {
    return this.#leaders[this.mapLog.map.ownerIndexOf(slot)]
  }

  migratingTo(): undefined {
    return undefined
  }

  importingFrom(): undefined {
    return undefined
  }

  takesFrom(client: Client, slot: number): boolean {
    return this.#arrivals.takesFrom(client, slot)
  }

  // ── combining map and log ──────────────────────────────────────────────────

  /** Called when the map, or the leader of this node's shard, has changed. */
  #look(): void {
    const { map } = this.mapLog
    this.#followMembers(map)
    this.#leaders = map.shards.map(({ leader, name }) =>
      name === this.shard ? this.#ownLeader(leader) : this.nodes.get(leader),
    )
    for (const [place, { epoch, leader, name }] of map.shards.entries()) {
      // While there is no leader, the last one is shown as the primary.
      const primary = this.#leaders[place] ?? this.nodes.get(leader)
      for (const node of this.nodes.values()) {
        if (node.shardId !== idOf(name)) continue
        node.primary = node === primary ? undefined : primary
        node.epoch = epoch
        node.slotCount = node === primary ? map.slotCountOf(name) : 0
      }
    }
    const isCovered = map.shards.length > 0 && map.slotsOwned === SLOT_COUNT
    this.isOk = isCovered || !this.engine.config.get('cluster-require-full-coverage')
    this.#arrivals.look()
    this.#changed?.()
    this.#mover.look()
    this.#strays.look()
    this.messages.look()
  }

  /**
   * The leader of this node's shard, by its own log or else by the map; undefined when it is not
   * known.
   */
  #ownLeader(named: string): KnownNode | undefined {
    if (this.leadingEpoch !== 0) return this.#myself
    const address = this.#node?.leaderAddress ?? ''
    const leader = (address === '' ? undefined : this.nodes.get(idOf(this.shard, address))) ?? this.nodes.get(named)
    return leader === this.#myself ? undefined : leader
  }

  #followMembers(map: ShardMap): void {
    const self = this.#self
    const members = self === undefined || map.member(self.id) !== undefined ? map.members : [...map.members, self]
    for (const id of [...this.nodes.keys()]) if (!members.some((member) => member.id === id)) this.nodes.delete(id)
    for (const member of members) {
      const { id, shard } = member
      let node = this.nodes.get(id)
      if (node === undefined) {
        node = new KnownNode(id, idOf(shard))
        this.nodes.set(id, node)
      }
      const { hostname, ip, port, tlsPort } = member
      Object.assign(node, { hostname, ip, port, tlsPort, busPort: (port || tlsPort) + BUS_PORT_OFFSET })
    }
    const myself = self === undefined ? undefined : this.nodes.get(self.id)
    if (myself === undefined || myself === this.#myself) return
    this.#myself = myself
    myself.offset = () => this.#node?.position ?? 0
    myself.health = this.engine.conditions.state.loading.holds ? 'loading' : 'online'
  }
}

/** This node with its addresses. */
function memberOf({ config }: Engine, shard: string, { address, port, tlsPort }: OwnAddress): MapMember {
  return {
    id: idOf(shard, address),
    shard,
    ip: config.get('cluster-announce-ip') || address.slice(0, address.lastIndexOf(':')),
    port: config.get('cluster-announce-port') || port,
    tlsPort: config.get('cluster-announce-tls-port') || tlsPort,
    hostname: config.get('cluster-announce-hostname'),
  }
}

function isSame(known: MapMember | undefined, self: MapMember): boolean {
  return known !== undefined && JSON.stringify(known) === JSON.stringify({ ...self })
}
