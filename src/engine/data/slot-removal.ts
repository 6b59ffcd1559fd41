// Removes the keys of a slot that this node no longer owns: the owner has them.
//
// Each key goes as by DEL: its event is published, watches and caches are told, and DEL is
// propagated. One call removes a bounded number, so that a slot with many keys does not keep
// clients waiting.

import type { Database } from '../../store/keyspace/database.ts'
import { assert } from '../../util/assert.ts'
import { Bytes } from '../../util/bytes/bytes.ts'
import { CHECKED } from '../../util/invariant.ts'
import { hashSlotOf } from '../../util/tables/hash-slot.ts'
import type { Dataset } from './dataset.ts'

/**
 * Removes up to `max` keys of a slot, and returns the number. Does nothing where there is no index
 * of slots.
 */
export function removeKeysOfSlot(dataset: Dataset, db: Database, slot: number, max: number): number {
  const { keys } = db
  const { slots } = keys
  if (slots === null) return 0
  let removed = 0
  const window = new Bytes()
  while (removed < max) {
    const [entry] = slots.entries(slot)
    if (entry === undefined) break
    // The handlers of the removal read the name, so it must outlive the entry.
    const key = keys.keyOf(entry, window).copy()
    if (CHECKED) assert(hashSlotOf(key) === slot, 'the index of slots knows the slot of each key')
    db.deleteEntry(entry)
    dataset.removed(db, key, 'del')
    removed++
  }
  return removed
}
