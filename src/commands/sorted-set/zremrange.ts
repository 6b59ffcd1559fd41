// ZREMRANGEBYRANK, ZREMRANGEBYSCORE, ZREMRANGEBYLEX: remove the members of a range.

import { SortedSet } from '../../store/sorted-set/sorted-set.ts'
import { LexRange, RankRange, ScoreRange } from '../../store/sorted-set/sorted-set-range.ts'
import type { Call } from '../call.ts'
import { type CommandSpec, defineCommand } from '../define-command.ts'
import { readLexRange, readScoreRange } from './range-arguments.ts'
import { rankRange } from './rank-range.ts'
import { removeMembers } from './sorted-set-arguments.ts'

const ranks = new RankRange()
const scoreRange = new ScoreRange()
const lexRange = new LexRange()

function byRank(call: Call): void {
  const start = Number(call.args.integer(2))
  const stop = Number(call.args.integer(3))
  const set = call.db.getForWrite(call.key(1), SortedSet)
  if (set !== undefined) rankRange(set.length, start, stop, ranks)
  remove(call, set, 'zremrangebyrank')
}

function byScore(call: Call): void {
  readScoreRange(call, 2, 3, scoreRange)
  const set = call.db.getForWrite(call.key(1), SortedSet)
  set?.scoreRange(scoreRange, ranks)
  remove(call, set, 'zremrangebyscore')
}

function byLex(call: Call): void {
  readLexRange(call, 2, 3, lexRange)
  const set = call.db.getForWrite(call.key(1), SortedSet)
  set?.lexRange(lexRange, false, ranks)
  remove(call, set, 'zremrangebylex')
}

/** Removes the members at `ranks`. */
function remove(
  call: Call,
  set: SortedSet | undefined,
  event: 'zremrangebyrank' | 'zremrangebyscore' | 'zremrangebylex',
): void {
  const count = set === undefined ? 0 : ranks.end - ranks.start
  if (set !== undefined && count > 0) removeMembers(call, call.key(1), set, ranks.start, count, event)
  call.reply.integer(count)
}

const common = {
  group: 'sorted-set',
  complexity: 'O(log(N)+M) where N is the number of members and M the number of those removed.',
  arity: 4,
  flags: ['write'],
  keys: [{ first: 1, last: 1, step: 1, access: 'RW', use: 'delete' }],
  reply: 'integer: how many members were removed',
} as const satisfies Partial<CommandSpec>

export const zremrangebyrank = defineCommand({
  ...common,
  name: 'ZREMRANGEBYRANK',
  since: '2.0.0',
  summary: 'Removes the members between two ranks of a sorted set.',
  args: [
    { name: 'key', type: 'key' },
    { name: 'start', type: 'integer' },
    { name: 'stop', type: 'integer' },
  ],
  run: byRank,
})

export const zremrangebyscore = defineCommand({
  ...common,
  name: 'ZREMRANGEBYSCORE',
  since: '1.2.0',
  summary: 'Removes the members between two scores of a sorted set.',
  args: [
    { name: 'key', type: 'key' },
    { name: 'min', type: 'double' },
    { name: 'max', type: 'double' },
  ],
  run: byScore,
})

export const zremrangebylex = defineCommand({
  ...common,
  name: 'ZREMRANGEBYLEX',
  since: '2.8.9',
  summary: 'Removes the members between two members of a sorted set whose scores are all equal.',
  args: [
    { name: 'key', type: 'key' },
    { name: 'min', type: 'string' },
    { name: 'max', type: 'string' },
  ],
  run: byLex,
})
