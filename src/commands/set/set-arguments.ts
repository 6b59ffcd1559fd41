// The arguments that several set commands share, and how they build a result.

import { MemberSet } from '../../store/set/member-set.ts'
import type { Call } from '../call.ts'

/** Makes an empty set in the memory of the call's database. */
export function newSet(call: Call): MemberSet {
  return new MemberSet(call.db.arena, call.db.host)
}

/**
 * Adds the sets of the keys in arguments `first` to `end` - 1 to `sets`; undefined for missing
 * sets. Throws ERR.wrongType.
 */
export function readSets(call: Call, first: number, end: number, sets: (MemberSet | undefined)[]): void {
  for (let i = first; i < end; i++) sets.push(call.db.getForRead(call.key(i), MemberSet))
}
