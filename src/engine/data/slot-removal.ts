// Removes the keys of a slot that has been taken away from this node: whoever owns it has them.
//
// Each goes as by DEL: its event is published, watchers and caches are told, and DEL is propagated. A call removes a bounded number, so that a
// slot with many keys does not hold everybody up.

import type { Database } from '../../store/keyspace/database.ts'
import { Bytes } from '../../util/bytes/bytes.ts'
import type { Dataset } from './dataset.ts'

/** Removes up to `max` keys of a slot; returns how many went. Does nothing where keys are not found by slot. */
export function removeKeysOfSlot(dataset: Dataset, db: Database, slot: number, max: number): number {
  const { keys } = db
  const { slots } = keys
  if (slots === null) return 0
  let removed = 0
  const window = new Bytes()
  while (removed < max) {
    const [entry] = slots.entries(slot)
    if (entry === undefined) break
    // The name must outlive the entry for those who are told of it.
    const key = keys.keyOf(entry, window).copy()
    db.deleteEntry(entry)
    dataset.removed(db, key, 'del')
    removed++
  }
  return removed
}
