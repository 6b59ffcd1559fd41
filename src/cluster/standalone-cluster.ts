// The cluster as seen by a standalone node: a map of its own, changed by commands and kept in a
// file.
//
// Nodes do not talk to each other (docs/decisions/0040-cluster-without-gossip.md). The file lists
// the other nodes, and a tool that moves slots tells every node, as `redis-cli --cluster reshard`
// does.

import type { ChangeableMap, ClusterNode, ClusterView } from '../engine/cluster-view/cluster-view.ts'
import type { Engine } from '../engine/engine.ts'
import { ERR } from '../protocol/errors.ts'
import { assert } from '../util/assert.ts'
import { Random } from '../util/numbers/random.ts'
import { type Handler, Handlers } from '../util/tables/handlers.ts'
import { SLOT_COUNT } from '../util/tables/hash-slot.ts'
import { BUS_PORT_OFFSET, KnownNode } from './known-node.ts'
import { parseNodes, printNodes } from './nodes-file.ts'
import { SlotMap } from './slot-map.ts'

const ID_LENGTH = 40

/** Keeps the map. */
export interface MapFile {
  /** The text written last; undefined when there is none. */
  read(): string | undefined
  /** Replaces the text; it is on disk when the call returns. Throws errors of the disk. */
  write(text: string): void
}

export class StandaloneCluster implements ClusterView, ChangeableMap {
  isOk = false
  hasOpenSlots = false
  readonly hasHeldSlots = false
  readonly moves = undefined
  readonly messages = undefined
  readonly changed = new Handlers<[]>((slot) => {
    this.#changed = slot
  })
  #changed: Handler<[]> | null = null
  readonly #engine: Engine
  readonly #file: MapFile
  /**
   * Ids do not come from the engine's generator, which a test may have seeded: two nodes must
   * differ.
   */
  readonly #random = new Random()
  #map: SlotMap
  /** The map as it is on disk. */
  #written = ''

  /** Reads the map, or makes a new one. Throws NodesFileError and errors of the disk. */
  constructor(engine: Engine, file: MapFile) {
    this.#engine = engine
    this.#file = file
    const text = file.read() ?? ''
    this.#map = text.trim() === '' ? this.#newMap() : parseNodes(text, () => this.#newId())
    const { config } = engine
    this.#introduceMyself()
    this.#follow()
    this.#write()
    for (const name of ADDRESS_SETTINGS) config.onChange(name, () => this.#addressChanged())
    engine.conditions.loading.changed.add(() => {
      this.myself.health = engine.conditions.state.loading.holds ? 'loading' : 'online'
    })
    config.onChange('cluster-require-full-coverage', () => this.#addressChanged())
  }

  // ── ClusterView ──────────────────────────────────────────────────────────────

  get myself(): KnownNode {
    return this.#map.myself
  }

  get nodes(): ReadonlyMap<string, KnownNode> {
    return this.#map.nodes
  }

  get epoch(): number {
    return this.#map.epoch
  }

  get map(): ChangeableMap {
    return this
  }

  ownerOf(slot: number): KnownNode | undefined {
    return this.#map.ownerOf(slot)
  }

  isHeld(): boolean {
    return false
  }

  takesFrom(): boolean {
    return false
  }

  migratingTo(slot: number): KnownNode | undefined {
    return this.#map.migrating.get(slot)
  }

  importingFrom(slot: number): KnownNode | undefined {
    return this.#map.importing.get(slot)
  }

  // ── ChangeableMap ────────────────────────────────────────────────────────

  assign(slots: Iterable<number>, owner: ClusterNode | undefined): void {
    this.#change((map) => {
      for (const slot of slots) {
        map.give(slot, owner && nodeIn(map, owner))
        // The slot was being imported; now this node owns it.
        if (owner === map.myself) map.importing.delete(slot)
      }
    })
  }

  settle(slot: number, owner: ClusterNode, isEmpty: boolean): void {
    this.#change((map) => {
      if (isEmpty) map.migrating.delete(slot)
      map.give(slot, nodeIn(map, owner))
      // The highest epoch makes other nodes believe the new owner.
      if (owner === map.myself && map.importing.delete(slot)) bump(map)
    })
  }

  open(slot: number, direction: 'migrating' | 'importing', node: ClusterNode): void {
    this.#change((map) => {
      map[direction].set(slot, nodeIn(map, node))
    })
  }

  close(slot: number): void {
    this.#change((map) => {
      map.migrating.delete(slot)
      map.importing.delete(slot)
    })
  }

  bumpEpoch(): boolean {
    let bumped = false
    this.#change((map) => {
      bumped = bump(map)
    })
    return bumped
  }

  setEpoch(epoch: number): void {
    this.#change((map) => {
      map.myself.epoch = epoch
      map.epoch = Math.max(map.epoch, epoch)
    })
  }

  forget(node: ClusterNode): void {
    this.#change((map) => map.remove(nodeIn(map, node)))
  }

  replicate(primary: ClusterNode): void {
    this.#change((map) => {
      const { myself } = map
      myself.primary = nodeIn(map, primary)
      myself.shardId = primary.shardId
      map.migrating.clear()
      map.importing.clear()
    })
  }

  reset(hard: boolean): void {
    const before = this.#map
    this.#change(() => {
      const map = this.#newMap(hard ? this.#newId() : before.myself.id)
      if (!hard) {
        map.myself.epoch = before.myself.epoch
        map.epoch = before.epoch
      }
      this.#map = map
      this.#introduceMyself()
    })
  }

  save(): void {
    this.#change(() => {})
  }

  /**
   * Takes slots that have keys here and no owner; slots of other nodes are marked as importing.
   * Called once the data is loaded.
   */
  claimSlots(): void {
    const { databases } = this.#engine
    const { log } = this.#engine.environment
    const slots = databases[0]?.keys.slots ?? null
    if (slots === null || this.#map.myself.primary !== undefined) return
    const { map, strays } = { map: this.#map, strays: [] as number[] }
    for (let slot = 0; slot < SLOT_COUNT; slot++) {
      const isSettled = map.ownerOf(slot) === map.myself || map.importing.has(slot)
      if (slots.count(slot) > 0 && !isSettled) strays.push(slot)
    }
    if (strays.length === 0) return
    this.#change((changing) => {
      for (const slot of strays) {
        const owner = changing.ownerOf(slot)
        if (owner === undefined) changing.give(slot, changing.myself)
        else changing.importing.set(slot, owner)
      }
    })
    log.warn(
      { slots: strays.length },
      'there are keys of slots that this node does not own: slots without an owner are taken, the others are importing',
    )
  }

  // ── changing ─────────────────────────────────────────────────────────────

  /** Changes the map and writes it. If that fails the map is unchanged, and the error says so. */
  #change(change: (map: SlotMap) => void): void {
    change(this.#map)
    this.#follow()
    try {
      this.#write()
    } catch (error) {
      this.#map = parseNodes(this.#written, () => this.#newId())
      this.#introduceMyself()
      this.#follow()
      this.#engine.environment.log.error({ error }, 'the cluster configuration cannot be written')
      throw ERR.of(`error saving the cluster node config: ${(error as Error).message}`)
    }
    this.#changed?.()
  }

  #addressChanged(): void {
    this.#introduceMyself()
    this.#follow()
    try {
      this.#write()
    } catch (error) {
      // The address is determined again at the next start.
      this.#engine.environment.log.error({ error }, 'the cluster configuration cannot be written')
    }
    this.#changed?.()
  }

  #write(): void {
    const text = printNodes(this)
    this.#file.write(text)
    this.#written = text
  }

  #follow(): void {
    const { assigned, importing, migrating } = this.#map
    this.isOk = assigned === SLOT_COUNT || !this.#engine.config.get('cluster-require-full-coverage')
    this.hasOpenSlots = importing.size + migrating.size > 0
  }

  /** Updates this node's addresses. An address from the file stays when no setting gives one. */
  #introduceMyself(): void {
    const { config } = this.#engine
    const { history } = this.#engine.effects
    const { state } = this.#engine.conditions
    const { myself } = this
    myself.ip = config.get('cluster-announce-ip') || myself.ip
    myself.port = config.get('cluster-announce-port') || config.get('port')
    myself.tlsPort = config.get('cluster-announce-tls-port') || config.get('tls-port')
    const main = config.get('port') || config.get('tls-port')
    myself.busPort =
      config.get('cluster-announce-bus-port') || config.get('cluster-port') || (main === 0 ? 0 : main + BUS_PORT_OFFSET)
    myself.hostname = config.get('cluster-announce-hostname')
    myself.offset = () => history.offset
    myself.health = state.loading.holds ? 'loading' : 'online'
  }

  #newMap(id = this.#newId()): SlotMap {
    return new SlotMap(new KnownNode(id, this.#newId()))
  }

  #newId(): string {
    return this.#random.hex(ID_LENGTH)
  }
}

/** Settings for this node's addresses. */
const ADDRESS_SETTINGS = [
  'cluster-announce-ip',
  'cluster-announce-port',
  'cluster-announce-tls-port',
  'cluster-announce-bus-port',
  'cluster-announce-hostname',
  'port',
  'tls-port',
] as const

/** Gives this node an epoch above all others; returns false when it has the highest already. */
function bump(map: SlotMap): boolean {
  const { myself } = map
  let highest = map.epoch
  for (const { epoch } of map.nodes.values()) highest = Math.max(highest, epoch)
  if (myself.epoch !== 0 && myself.epoch === highest) return false
  map.epoch++
  myself.epoch = map.epoch
  return true
}

/** The map's node for a node that was passed through the cluster's interface. */
function nodeIn(map: SlotMap, node: ClusterNode): KnownNode {
  const found = map.nodes.get(node.id)
  assert(found === node, 'the node belongs to the map')
  return found
}
