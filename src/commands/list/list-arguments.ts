// The arguments that several list commands share, and the steps after removing elements.

import { ERR } from '../../protocol/errors.ts'
import { type End, List } from '../../store/list/list.ts'
import type { Bytes } from '../../util/bytes/bytes.ts'
import type { Call } from '../call.ts'

/**
 * Reads argument `i` as a 64-bit index or count. Beyond 2^53 it is rounded, since no list is that
 * long. Throws ERR.notInteger.
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

/** Returns the list under a key for writing, a new one if there is none. Throws ERR.wrongType. */
export function listForAdding(call: Call, key: Bytes): List {
  return call.db.getForWrite(key, List) ?? call.db.create(key, new List(call.db.arena, call.db.host))
}

/**
 * Reports that a command has removed `count` elements of a list, and removes the key of an empty
 * list.
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
