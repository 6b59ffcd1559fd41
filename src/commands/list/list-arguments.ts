// The arguments that several list commands share, and the steps after elements were removed.

import { ERR } from '../../protocol/errors.ts'
import { type End, List } from '../../store/list/list.ts'
import type { Bytes } from '../../util/bytes/bytes.ts'
import type { Call } from '../call.ts'

/**
 * Reads argument `i` as a 64-bit index or count; beyond 2^53 the nearest double, which no list
 * reaches. Throws ERR.notInteger.
 */
export function readIndex(call: Call, i: number): number {
  return Number(call.args.integer(i))
}

/** Reads argument `i` as LEFT or RIGHT. Throws ERR.syntax. */
export function readEnd(call: Call, i: number): End {
  if (call.args.equalsIgnoreCase(i, 'LEFT')) return 'head'
  if (call.args.equalsIgnoreCase(i, 'RIGHT')) return 'tail'
  throw ERR.syntax
}

/**
 * Returns the list under a key that is going to be changed, a new one if there is none. Throws
 * ERR.wrongType.
 */
export function listForAdding(call: Call, key: Bytes): List {
  return call.db.getForWrite(key, List) ?? call.db.create(key, new List(call.db.arena, call.db.host))
}

/**
 * Reports `count` elements gone from a list by a command that removes them, and removes the key
 * with the last one.
 */
export function elementsRemoved(
  call: Call,
  key: Bytes,
  list: List,
  event: 'lpop' | 'rpop' | 'lrem' | 'ltrim',
  count: number,
): void {
  const isEmpty = list.length === 0
  call.removed(key, event, count, isEmpty)
  if (!isEmpty) list.afterRemoving()
}
