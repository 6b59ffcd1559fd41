// The arguments that several sorted set commands share, and how they reply and remove.

import type { EventName } from '../../config/event-flags.ts'
import { ERR, type ReplyError } from '../../protocol/errors.ts'
import type { Reply } from '../../protocol/reply.ts'
import { SortedSet, SortedSetPosition } from '../../store/sorted-set/sorted-set.ts'
import { byteAt } from '../../util/array-reads.ts'
import { Bytes } from '../../util/bytes/bytes.ts'
import { parseDouble } from '../../util/numbers/numbers.ts'
import type { Call } from '../call.ts'

/** Makes an empty sorted set in the memory of the call's database. */
export function newSortedSet(call: Call): SortedSet {
  return new SortedSet(call.db.arena, call.db.host)
}

/** With more digits, reading digit by digit may not give the exact double. */
const EXACT_DIGITS_MAX = 15

/** Reads argument `i` as a score. Throws `error` for anything else. */
export function readScore(call: Call, i: number, error: ReplyError = ERR.notFloat): number {
  const score = parseScore(call.args.bytes(i))
  if (score === undefined) throw error
  return score
}

/** Reads a score. Whole numbers, the usual case, are read without making a string. */
export function parseScore(bytes: Bytes): number | undefined {
  const { length } = bytes
  const { u8 } = bytes.source
  const end = bytes.start + length
  let at = bytes.start
  const negative = length > 1 && u8[at] === 45
  if (negative) at++
  if (at < end && end - at <= EXACT_DIGITS_MAX) {
    let value = 0
    for (; at < end; at++) {
      const digit = byteAt(u8, at) - 48
      if (digit < 0 || digit > 9) return parseDouble(bytes.toString())
      value = value * 10 + digit
    }
    return negative ? -value : value
  }
  return parseDouble(bytes.toString())
}

const position = new SortedSetPosition()
const member = new Bytes()

/**
 * Replies with `count` members from rank `rank` on, downwards if `backwards`.
 *
 * All of them must exist. With scores the reply is a flat array in RESP2, and an array of pairs in
 * RESP3.
 */
export function replyMembers(
  reply: Reply,
  set: SortedSet,
  rank: number,
  count: number,
  backwards: boolean,
  scores: 'none' | 'flat' | 'pairs',
): void {
  if (count <= 0) return
  set.seek(rank, position)
  for (let left = count; ; ) {
    if (scores === 'pairs') reply.array(2)
    reply.bulk(set.memberAt(position, member))
    if (scores !== 'none') reply.double(position.score)
    if (--left === 0) return
    if (backwards) set.previous(position)
    else set.next(position)
  }
}

/**
 * Writes the header for `count` members, with or without scores, and returns the function that
 * writes each.
 */
export function announceMembers(reply: Reply, count: number, withScores: boolean): 'none' | 'flat' | 'pairs' {
  if (!withScores) {
    reply.array(count)
    return 'none'
  }
  if (reply.protocol === 3) {
    reply.array(count)
    return 'pairs'
  }
  reply.array(2 * count)
  return 'flat'
}

/** Removes the `count` members from rank `rank` on, and the key if its last member is gone. */
export function removeMembers(
  call: Call,
  key: Bytes,
  set: SortedSet,
  rank: number,
  count: number,
  event: EventName,
): void {
  const isAll = count === set.length
  // The key is removed with all members. Its memory is freed in steps, so a million members cause
  // no pause.
  if (!isAll) set.removeRange(rank, count)
  call.removed(key, event, count, isAll)
}
