// The slots of nodes as ranges, as replies and files show them.

import { SLOT_COUNT } from '../../util/tables/hash-slot.ts'
import type { ClusterNode } from './cluster-view.ts'

export interface SlotRange {
  readonly first: number
  readonly last: number
  readonly owner: ClusterNode
}

/**
 * Returns the ranges of slots with the same owner, in order; slots without an owner are left out.
 */
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
