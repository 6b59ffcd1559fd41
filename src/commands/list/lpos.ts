// LPOS: the index of an element in a list.
//
// RANK skips matches; a negative one searches from the tail. COUNT asks for several indices and
// makes the reply an array. MAXLEN bounds the number of compared elements.

import { ERR } from '../../protocol/errors.ts'
import { List } from '../../store/list/list.ts'
import { ListPosition } from '../../store/list/list-pages.ts'
import { itemAt } from '../../util/array-reads.ts'
import type { Bytes } from '../../util/bytes/bytes.ts'
import { parseInteger } from '../../util/numbers/numbers.ts'
import type { Call } from '../call.ts'
import { readCount } from '../count-argument.ts'
import { defineCommand } from '../define-command.ts'

/** -2^63, which has no 64-bit opposite. */
const INT64_MIN = -9223372036854775808n

const position = new ListPosition()
/** The indices found, reused. All of them must be known before the array's header is written. */
const found: number[] = []

function lposRun(call: Call): void {
  const element = call.args.bytes(2)
  let rank = 1
  // -1 = not given.
  let count = -1
  let maxlen = 0
  const options = call.options(3)
  while (options.next()) {
    if (!options.has(1)) throw ERR.syntax
    if (options.is('RANK')) rank = readRank(call, options.index + 1)
    else if (options.is('COUNT')) count = readCount(call, options.index + 1, 0, ERR.countNegative)
    else if (options.is('MAXLEN')) maxlen = readCount(call, options.index + 1, 0, ERR.maxlenNegative)
    else throw ERR.syntax
    options.bytes()
  }
  const list = call.db.getForRead(call.key(1), List)
  if (list !== undefined) {
    const max = count === -1 ? 1 : count === 0 ? Number.POSITIVE_INFINITY : count
    search(list, rank, max, maxlen === 0 ? list.length : Math.min(maxlen, list.length), element)
  }
  if (count !== -1) {
    call.reply.array(found.length)
    for (let i = 0; i < found.length; i++) call.reply.integer(itemAt(found, i))
  } else if (found.length > 0) {
    call.reply.integer(itemAt(found, 0))
  } else {
    call.reply.nil()
  }
  // After a search with many matches the array is left to the garbage collector.
  found.length = 0
}

/**
 * Compares up to `looks` elements and stores up to `max` indices of matches in `found`, after
 * skipping |rank| - 1 of them.
 */
function search(list: List, rank: number, max: number, looks: number, element: Bytes): void {
  const backwards = rank < 0
  let skip = Math.abs(rank) - 1
  list.seek(backwards ? list.length - 1 : 0, position)
  for (let left = looks; left > 0; left--) {
    if (list.matches(position, element)) {
      if (skip > 0) skip--
      else if (found.push(position.index) === max) return
    }
    if (left > 1 && !(backwards ? list.previous(position) : list.next(position))) return
  }
}

function readRank(call: Call, i: number): number {
  const rank = parseInteger(call.args.bytes(i))
  if (rank === undefined) throw ERR.notInteger
  if (rank === INT64_MIN) throw ERR.rankOutOfRange
  if (rank === 0) throw ERR.rankZero
  return Number(rank)
}

export const lpos = defineCommand({
  name: 'LPOS',
  summary: 'Returns the index of an element of a list, or of several equal ones.',
  group: 'list',
  since: '6.0.6',
  complexity: 'O(N) where N is the number of elements looked at.',
  arity: -3,
  flags: ['readonly'],
  keys: [{ first: 1, last: 1, step: 1, access: 'RO', use: 'access' }],
  args: [
    { name: 'key', type: 'key' },
    { name: 'element', type: 'string' },
    { name: 'rank', type: 'integer', token: 'RANK', optional: true },
    { name: 'num-matches', type: 'integer', token: 'COUNT', optional: true },
    { name: 'len', type: 'integer', token: 'MAXLEN', optional: true },
  ],
  reply: 'integer: the index, nil when there is none; with COUNT an array of indices',
  run: lposRun,
})
