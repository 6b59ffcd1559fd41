// Removes keys of slots that are not this shard's and do not come to it: those that have moved away, and copies of a move that was called off.
//
// Only while this node leads, and therefore has read the map to its end: a slot can come (back) to a shard only by a move whose keys its leader takes itself, and
// such a slot is spared from the moment at which the leader knows of the move, before it takes the first key.

import { removeKeysOfSlot } from '../engine/data/slot-removal.ts'
import { SLOT_COUNT } from '../util/tables/hash-slot.ts'
import { slotsIn } from './shard-map.ts'
import type { ShardView } from './shard-view.ts'

/** So many keys are removed at a time: a millisecond. */
const REMOVED_KEYS = 300
/** When it is looked again whether the log takes what is removed. */
const RETRY_MS = 200

export interface StrayKeysHost extends ShardView {
  isHeld(slot: number): boolean
}

export class StrayKeys {
  readonly #host: StrayKeysHost
  #isBusy = false

  constructor(host: StrayKeysHost) {
    this.#host = host
  }

  /** To be called when there is another map, or another leader. */
  look(): void {
    if (this.#isBusy || this.#next() === undefined) return
    this.#isBusy = true
    this.#host.engine.environment.later(() => this.#remove())
  }

  #remove(): void {
    this.#isBusy = false
    const slot = this.#next()
    if (slot === undefined) return
    const { admission, turn } = this.#host.engine.requests
    const { dataset } = this.#host.engine.data
    const { workClock, unitClock } = this.#host.engine.environment
    if (admission.diskFailure !== undefined) {
      workClock.after(RETRY_MS, () => this.look())
      return
    }
    unitClock.renew()
    removeKeysOfSlot(dataset, dataset.databases[0]!, slot, REMOVED_KEYS)
    turn.endSoon()
    this.look()
  }

  /** A slot of which there are keys that do not belong here. */
  #next(): number | undefined {
    const { engine, leadingEpoch, mapLog, shard } = this.#host
    const { map } = mapLog
    const index = engine.databases[0]!.keys.slots
    if (leadingEpoch === 0 || index === null) return undefined
    let coming: Set<number> | undefined
    for (let slot = 0; slot < SLOT_COUNT; slot++) {
      if (index.count(slot) === 0 || map.ownerOf(slot) === shard || this.#host.isHeld(slot)) continue
      coming ??= new Set(slotsIn(map.movesTo(shard).flatMap(({ left }) => left)))
      if (!coming.has(slot)) return slot
    }
    return undefined
  }
}
