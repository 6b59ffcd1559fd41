// The slots of nodes as ranges, which is how they are told and written.

import { SLOT_COUNT } from '../../util/tables/hash-slot.ts'
import type { ClusterNode } from './cluster-view.ts'

export interface SlotRange {
  readonly first: number
  readonly last: number
  readonly owner: ClusterNode
}

/** Returns ranges of slots that belong together, in order; slots that nobody owns are in none. */
export function slotRanges({ ownerOf }: { ownerOf(slot: number): ClusterNode | undefined }): SlotRange[] {
  const ranges: SlotRange[] = []
  let first = 0
  let owner = ownerOf(0)
  for (let slot = 1; slot <= SLOT_COUNT; slot++) {
    const next = slot === SLOT_COUNT ? undefined : ownerOf(slot)
    if (next === owner && slot < SLOT_COUNT) continue
    if (owner !== undefined) ranges.push({ first, last: slot - 1, owner })
    first = slot
    owner = next
  }
  return ranges
}
