// What several set commands read from their arguments, and do before and after they change a set.

import type { Call } from '../../engine/call.ts'
import type { EventName } from '../../engine/events.ts'
import { MemberSet } from '../../store/member-set.ts'
import type { Bytes } from '../../util/bytes.ts'

/** Makes an empty set that lies in the call's database. */
export function newSet(call: Call): MemberSet {
  return new MemberSet(call.db.arena, call.db.host)
}

/** Reports `count` members gone from a set by a command that removes them, and removes the key with the last one. */
export function membersRemoved(call: Call, key: Bytes, set: MemberSet, event: EventName, count: number): void {
  call.changed(key, event)
  call.changes += count - 1
  if (set.length === 0) {
    call.db.delete(key)
    call.notify(key, 'del')
  }
}

/** Adds the sets under the keys that are arguments `first` … `end` - 1 to `sets`, undefined for missing ones. Throws ERR.wrongType. */
export function readSets(call: Call, first: number, end: number, sets: (MemberSet | undefined)[]): void {
  for (let i = first; i < end; i++) sets.push(call.db.getForRead(call.key(i), MemberSet))
}

/** Puts the result of an operation under a key, whatever that held, or removes the key when there is no result; replies its size. */
export function storeResult(call: Call, key: Bytes, result: MemberSet, event: EventName): void {
  const { length } = result
  if (length > 0) {
    call.db.writeStructure(key, result)
    call.changed(key, event)
  } else {
    result.free()
    if (call.db.delete(key)) call.changed(key, 'del')
  }
  call.reply.integer(length)
}
