// ZCOUNT, ZLEXCOUNT: the number of members in a range.
//
// The tree counts them in O(log N), however many there are.

import { SortedSet } from '../../store/sorted-set/sorted-set.ts'
import { LexRange, RankRange, ScoreRange } from '../../store/sorted-set/sorted-set-range.ts'
import type { Call } from '../call.ts'
import { type CommandSpec, defineCommand } from '../define-command.ts'
import { readLexRange, readScoreRange } from './range-arguments.ts'

const ranks = new RankRange()
const scoreRange = new ScoreRange()
const lexRange = new LexRange()

function count(call: Call, by: 'score' | 'member'): void {
  if (by === 'score') readScoreRange(call, 2, 3, scoreRange)
  else readLexRange(call, 2, 3, lexRange)
  const set = call.db.getForRead(call.key(1), SortedSet)
  if (set === undefined) {
    call.reply.integer(0)
    return
  }
  if (by === 'score') set.scoreRange(scoreRange, ranks)
  else set.lexRange(lexRange, false, ranks)
  call.reply.integer(ranks.end - ranks.start)
}

const common = {
  group: 'sorted-set',
  complexity: 'O(log(N)) where N is the number of members.',
  arity: 4,
  flags: ['readonly', 'fast'],
  keys: [{ first: 1, last: 1, step: 1, access: 'RO', use: 'access' }],
  reply: 'integer: how many members are in the range',
} as const satisfies Partial<CommandSpec>

export const zcount = defineCommand({
  ...common,
  name: 'ZCOUNT',
  since: '2.0.0',
  summary: 'Counts the members between two scores of a sorted set.',
  args: [
    { name: 'key', type: 'key' },
    { name: 'min', type: 'double' },
    { name: 'max', type: 'double' },
  ],
  run: (call) => count(call, 'score'),
})

export const zlexcount = defineCommand({
  ...common,
  name: 'ZLEXCOUNT',
  since: '2.8.9',
  summary: 'Counts the members between two members of a sorted set whose scores are all equal.',
  args: [
    { name: 'key', type: 'key' },
    { name: 'min', type: 'string' },
    { name: 'max', type: 'string' },
  ],
  run: (call) => count(call, 'member'),
})
