// Removes keys of slots that this shard does not own and does not import: keys that have moved
// away, and copies of a cancelled move.
//
// This happens only while this node leads, and has therefore read the map to its end. A slot can
// come (back) to a shard only by a move, whose keys its leader accepts itself. The leader spares
// such a slot from the moment it knows of the move, before it accepts the first key.

import { removeKeysOfSlot } from '../engine/data/slot-removal.ts'
import { SLOT_COUNT } from '../util/tables/hash-slot.ts'
import { slotsIn } from './shard-map.ts'
import type { ShardView } from './shard-view.ts'

/** Keys removed at a time, which takes a millisecond. */
const REMOVED_KEYS = 300
/** The wait before checking again whether the log accepts writes. */
const RETRY_MS = 200

/** The shard whose stray keys are removed. */
type Shard = ShardView & { isHeld(slot: number): boolean }

export class StrayKeys {
  readonly #shard: Shard
  #isBusy = false

  constructor(shard: Shard) {
    this.#shard = shard
  }

  /** Call it when the map or the leader has changed. */
  look(): void {
    if (this.#isBusy || this.#next() === undefined) return
    this.#isBusy = true
    this.#shard.engine.environment.later(() => this.#remove())
  }

  #remove(): void {
    this.#isBusy = false
    const slot = this.#next()
    if (slot === undefined) return
    const { admission, turn } = this.#shard.engine.requests
    const { dataset } = this.#shard.engine.data
    const { workClock, unitClock } = this.#shard.engine.environment
    if (admission.diskFailure !== undefined) {
      workClock.after(RETRY_MS, () => this.look())
      return
    }
    unitClock.renew()
    removeKeysOfSlot(dataset, this.#shard.data, slot, REMOVED_KEYS)
    turn.endSoon()
    this.look()
  }

  /** A slot with keys that do not belong here. */
  #next(): number | undefined {
    const { data, leadingEpoch, mapLog, shard } = this.#shard
    const { map } = mapLog
    const index = data.keys.slots
    if (leadingEpoch === 0 || index === null) return undefined
    let coming: Set<number> | undefined
    for (let slot = 0; slot < SLOT_COUNT; slot++) {
      if (index.count(slot) === 0 || map.ownerOf(slot) === shard || this.#shard.isHeld(slot)) continue
      coming ??= new Set(slotsIn(map.movesTo(shard).flatMap(({ left }) => left)))
      if (!coming.has(slot)) return slot
    }
    return undefined
  }
}
