// Intersection, union and difference of sets.
//
// A result that is only replied or counted is a list of slots in the one set that is walked. No
// member is copied.

import { itemAt, numberAt } from '../../util/array-reads.ts'
import { Bytes } from '../../util/bytes/bytes.ts'
import { ABSENT, type MemberSet } from './member-set.ts'

const member = new Bytes()

/** Orders sets by their number of members; sets of equal length keep their order. */
export function sortByLength(sets: MemberSet[], order: 'ascending' | 'descending'): MemberSet[] {
  return sets.sort(order === 'ascending' ? (a, b) => a.length - b.length : (a, b) => b.length - a.length)
}

/** Members that are looked up in one set after the other together. */
const BATCH = 1024
const batch = new Int32Array(BATCH)

/** Returns the slots of up to `max` members of the first set that are in all other sets. */
export function intersect(sets: readonly MemberSet[], max: number): number[] {
  const first = itemAt(sets, 0)
  const slots: number[] = []
  let slot = first.first()
  while (slot !== ABSENT) {
    let count = first.slotsFrom(slot, batch)
    slot = first.next(numberAt(batch, count - 1))
    for (let i = 1; i < sets.length; i++) {
      if (sets[i] !== first) count = itemAt(sets, i).keepMembersOf(first, batch, count)
    }
    for (let i = 0; i < count; i++) if (slots.push(numberAt(batch, i)) === max) return slots
  }
  return slots
}

/**
 * Adds the members of sets to a result. Throws ArenaFull; some members may have been added then.
 */
export function uniteInto(result: MemberSet, sets: readonly MemberSet[]): void {
  for (const set of sets) {
    for (let slot = set.first(); slot !== ABSENT; slot = set.next(slot)) result.add(set.memberOf(slot, member))
  }
}

/**
 * Tells how Redis subtracts the other sets from the first: true when it removes their members from
 * a copy.
 */
export function removesFromCopy(sets: readonly MemberSet[]): boolean {
  let total = 0
  for (const set of sets) total += set.length
  // A lookup ends early when the sets have common members, so it counts half.
  return Math.floor((itemAt(sets, 0).length * sets.length) / 2) > total
}

/** Returns the slots of the members of a set that are in none of the others. */
export function subtract(set: MemberSet, others: readonly MemberSet[]): number[] {
  const slots: number[] = []
  for (let slot = set.first(); slot !== ABSENT; slot = set.next(slot)) {
    if (!isInAny(set, slot, others)) slots.push(slot)
  }
  return slots
}

function isInAny(set: MemberSet, slot: number, others: readonly MemberSet[]): boolean {
  for (const other of others) if (other.hasMemberOf(set, slot)) return true
  return false
}

/**
 * Makes an empty result a copy of the first set without the members of the others. Throws
 * ArenaFull; the result may have some members then.
 */
export function subtractFromCopy(result: MemberSet, sets: readonly MemberSet[]): void {
  uniteInto(result, sets.slice(0, 1))
  for (let i = 1; i < sets.length && result.length > 0; i++) {
    const set = itemAt(sets, i)
    for (let slot = set.first(); slot !== ABSENT; slot = set.next(slot)) result.remove(set.memberOf(slot, member))
  }
}
