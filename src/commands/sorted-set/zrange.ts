// ZRANGE, its five older forms, and ZRANGESTORE: the members of a range, by rank, by score or by
// member.
//
// Every range is turned into ranks first; from then on all forms are the same. An older form is a
// ZRANGE in which BY and the direction are fixed.

import type { ArgSpec } from '../../engine/spec/command.ts'
import { ERR } from '../../protocol/errors.ts'
import { SortedSet, SortedSetPosition } from '../../store/sorted-set/sorted-set.ts'
import { LexRange, RankRange, ScoreRange } from '../../store/sorted-set/sorted-set-range.ts'
import { Bytes } from '../../util/bytes/bytes.ts'
import type { Call } from '../call.ts'
import { type CommandSpec, defineCommand } from '../define-command.ts'
import { storeResult } from '../store-result.ts'
import { readLexRange, readScoreRange } from './range-arguments.ts'
import { rankRange } from './rank-range.ts'
import { announceMembers, newSortedSet, replyMembers } from './sorted-set-arguments.ts'

type By = 'rank' | 'score' | 'member'
type Direction = 'forwards' | 'backwards'

const ranks = new RankRange()
const scoreRange = new ScoreRange()
const lexRange = new LexRange()
const position = new SortedSetPosition()
const member = new Bytes()

/**
 * `at` is the index of the key. If `by` or `direction` is undefined, it is read from the arguments.
 */
function range(call: Call, at: number, fixedBy: By | undefined, fixedDirection: Direction | undefined): void {
  const stores = at === 2
  let by = fixedBy
  let direction = fixedDirection
  let withScores = false
  let offset = 0
  let limit = -1
  const options = call.options(at + 3)
  while (options.next()) {
    if (!stores && options.is('WITHSCORES')) {
      withScores = true
    } else if (options.is('LIMIT') && options.has(2)) {
      options.bytes()
      offset = Number(call.args.integer(options.index))
      options.bytes()
      limit = Number(call.args.integer(options.index))
    } else if (direction === undefined && options.is('REV')) {
      direction = 'backwards'
    } else if (by === undefined && options.is('BYLEX')) {
      by = 'member'
    } else if (by === undefined && options.is('BYSCORE')) {
      by = 'score'
    } else {
      throw ERR.syntax
    }
  }
  if (limit !== -1 && (by === undefined || by === 'rank')) throw ERR.limitByRank
  if (withScores && by === 'member') throw ERR.withScoresByLex
  const backwards = direction === 'backwards'
  const min = backwards && by !== undefined && by !== 'rank' ? at + 2 : at + 1
  const max = at + 1 + at + 2 - min
  let start = 0
  let stop = 0
  if (by === 'score') {
    readScoreRange(call, min, max, scoreRange)
  } else if (by === 'member') {
    readLexRange(call, min, max, lexRange)
  } else {
    start = Number(call.args.integer(min))
    stop = Number(call.args.integer(max))
  }

  const set = call.db.getForRead(call.key(at), SortedSet)
  let count = 0
  let first = 0
  if (set !== undefined) {
    if (by === 'score') set.scoreRange(scoreRange, ranks)
    else if (by === 'member') set.lexRange(lexRange, backwards, ranks)
    else rankRange(set.length, start, stop, ranks)
    count = ranks.end - ranks.start
    if (by === 'score' || by === 'member') {
      // A negative offset skips everything; a negative limit means no limit.
      count = offset < 0 ? 0 : Math.max(0, count - offset)
      if (limit >= 0 && limit < count) count = limit
      first = backwards ? ranks.end - 1 - offset : ranks.start + offset
    } else {
      // Ranks count in the direction of the reply.
      first = backwards ? set.length - 1 - ranks.start : ranks.start
    }
  }
  if (stores) {
    store(call, set, first, count, backwards)
    return
  }
  const scores = announceMembers(call.reply, count, withScores)
  if (set !== undefined) replyMembers(call.reply, set, first, count, backwards, scores)
}

/** Stores `count` members of a set, from rank `first` on, under the call's first key. */
function store(call: Call, set: SortedSet | undefined, first: number, count: number, backwards: boolean): void {
  const result = newSortedSet(call)
  try {
    if (set !== undefined && count > 0) {
      set.seek(backwards ? first - count + 1 : first, position)
      for (let left = count; left > 0; left--) {
        result.insert(set.memberAt(position, member), position.score)
        if (left > 1) set.next(position)
      }
    }
  } catch (error) {
    result.free()
    throw error
  }
  storeResult(call, call.key(1), result, 'zrangestore')
}

const key: ArgSpec = { name: 'key', type: 'key' }
const withscores: ArgSpec = { name: 'withscores', type: 'pure-token', token: 'WITHSCORES', optional: true }
const limited: ArgSpec = {
  name: 'limit',
  type: 'block',
  token: 'LIMIT',
  optional: true,
  args: [
    { name: 'offset', type: 'integer' },
    { name: 'count', type: 'integer' },
  ],
}
const sortby: ArgSpec = {
  name: 'sortby',
  type: 'oneof',
  optional: true,
  args: [
    { name: 'byscore', type: 'pure-token', token: 'BYSCORE' },
    { name: 'bylex', type: 'pure-token', token: 'BYLEX' },
  ],
}
const rev: ArgSpec = { name: 'rev', type: 'pure-token', token: 'REV', optional: true }

const common = {
  group: 'sorted-set',
  complexity: 'O(log(N)+M) where N is the number of members and M the number of those returned.',
  arity: -4,
  flags: ['readonly'],
  keys: [{ first: 1, last: 1, step: 1, access: 'RO', use: 'access' }],
  reply: 'array: the members; with `WITHSCORES` their scores too',
} as const satisfies Partial<CommandSpec>

export const zrange = defineCommand({
  ...common,
  name: 'ZRANGE',
  since: '1.2.0',
  summary: 'Returns the members of a range of a sorted set.',
  args: [
    key,
    { name: 'start', type: 'string' },
    { name: 'stop', type: 'string' },
    { ...sortby, since: '6.2.0' },
    { ...rev, since: '6.2.0' },
    { ...limited, since: '6.2.0' },
    withscores,
  ],
  history: [['6.2.0', 'Takes `REV`, `BYSCORE`, `BYLEX` and `LIMIT`.']],
  run: (call) => range(call, 1, undefined, undefined),
})

export const zrevrange = defineCommand({
  ...common,
  name: 'ZREVRANGE',
  since: '1.2.0',
  summary: 'Returns the members between two ranks of a sorted set, the highest score first.',
  args: [key, { name: 'start', type: 'integer' }, { name: 'stop', type: 'integer' }, withscores],
  deprecated: { since: '6.2.0', instead: '`ZRANGE` with the `REV` argument' },
  run: (call) => range(call, 1, 'rank', 'backwards'),
})

export const zrangebyscore = defineCommand({
  ...common,
  name: 'ZRANGEBYSCORE',
  since: '1.0.5',
  summary: 'Returns the members between two scores of a sorted set.',
  args: [
    key,
    { name: 'min', type: 'double' },
    { name: 'max', type: 'double' },
    { ...withscores, since: '2.0.0' },
    limited,
  ],
  history: [['2.0.0', 'Takes `WITHSCORES`.']],
  deprecated: { since: '6.2.0', instead: '`ZRANGE` with the `BYSCORE` argument' },
  run: (call) => range(call, 1, 'score', 'forwards'),
})

export const zrevrangebyscore = defineCommand({
  ...common,
  name: 'ZREVRANGEBYSCORE',
  since: '2.2.0',
  summary: 'Returns the members between two scores of a sorted set, the highest score first.',
  args: [key, { name: 'max', type: 'double' }, { name: 'min', type: 'double' }, withscores, limited],
  history: [['2.1.6', '`min` and `max` can be exclusive.']],
  deprecated: { since: '6.2.0', instead: '`ZRANGE` with the `REV` and `BYSCORE` arguments' },
  run: (call) => range(call, 1, 'score', 'backwards'),
})

export const zrangebylex = defineCommand({
  ...common,
  name: 'ZRANGEBYLEX',
  since: '2.8.9',
  summary: 'Returns the members between two members of a sorted set whose scores are all equal.',
  args: [key, { name: 'min', type: 'string' }, { name: 'max', type: 'string' }, limited],
  reply: 'array: the members',
  deprecated: { since: '6.2.0', instead: '`ZRANGE` with the `BYLEX` argument' },
  run: (call) => range(call, 1, 'member', 'forwards'),
})

export const zrevrangebylex = defineCommand({
  ...common,
  name: 'ZREVRANGEBYLEX',
  since: '2.8.9',
  summary: 'Returns the members between two members of a sorted set whose scores are all equal, the last first.',
  args: [key, { name: 'max', type: 'string' }, { name: 'min', type: 'string' }, limited],
  reply: 'array: the members',
  deprecated: { since: '6.2.0', instead: '`ZRANGE` with the `REV` and `BYLEX` arguments' },
  run: (call) => range(call, 1, 'member', 'backwards'),
})

export const zrangestore = defineCommand({
  name: 'ZRANGESTORE',
  summary: 'Stores the members of a range of a sorted set under another key.',
  group: 'sorted-set',
  since: '6.2.0',
  complexity: 'O(log(N)+M*log(M)) where N is the number of members and M the number of those stored.',
  arity: -5,
  flags: ['write', 'denyoom'],
  keys: [
    { first: 1, last: 1, step: 1, access: 'OW', use: 'update' },
    { first: 2, last: 2, step: 1, access: 'RO', use: 'access' },
  ],
  args: [
    { name: 'dst', type: 'key' },
    { name: 'src', type: 'key' },
    { name: 'min', type: 'string' },
    { name: 'max', type: 'string' },
    sortby,
    rev,
    limited,
  ],
  reply: 'integer: how many members were stored',
  run: (call) => range(call, 2, undefined, undefined),
})
