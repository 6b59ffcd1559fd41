// The owner of each slot, and the slots that move: the data of a map, without the rules for its
// changes.

import { assert } from '../util/assert.ts'
import { SLOT_COUNT } from '../util/tables/hash-slot.ts'
import type { KnownNode } from './known-node.ts'

export class SlotMap {
  readonly nodes = new Map<string, KnownNode>()
  myself: KnownNode
  /** The highest epoch seen. */
  epoch = 0
  readonly migrating = new Map<number, KnownNode>()
  readonly importing = new Map<number, KnownNode>()
  readonly #owners: (KnownNode | undefined)[] = new Array(SLOT_COUNT).fill(undefined)
  #assigned = 0

  constructor(myself: KnownNode) {
    this.myself = myself
    this.nodes.set(myself.id, myself)
  }

  /** The number of slots that have an owner. */
  get assigned(): number {
    return this.#assigned
  }

  ownerOf(slot: number): KnownNode | undefined {
    return this.#owners[slot]
  }

  give(slot: number, owner: KnownNode | undefined): void {
    assert(slot >= 0 && slot < SLOT_COUNT, 'the slot exists')
    const before = this.#owners[slot]
    if (before !== undefined) {
      before.slotCount--
      this.#assigned--
    }
    if (owner !== undefined) {
      owner.slotCount++
      this.#assigned++
    }
    this.#owners[slot] = owner
  }

  /** Removes a node, its slots, and the moves to it or from it. */
  remove(node: KnownNode): void {
    for (let slot = 0; slot < SLOT_COUNT; slot++) if (this.#owners[slot] === node) this.give(slot, undefined)
    for (const moving of [this.migrating, this.importing]) {
      for (const [slot, other] of moving) if (other === node) moving.delete(slot)
    }
    for (const other of this.nodes.values()) if (other.primary === node) other.primary = undefined
    this.nodes.delete(node.id)
  }
}
