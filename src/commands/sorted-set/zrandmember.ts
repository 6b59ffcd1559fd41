// ZRANDMEMBER: members of a sorted set at random.
//
// A positive count asks for that many different members, a negative one for that
// many draws, which may repeat.

import { ERR } from '../../protocol/errors.ts'
import { SortedSet, SortedSetPosition } from '../../store/sorted-set/sorted-set.ts'
import { Bytes } from '../../util/bytes/bytes.ts'
import type { Call } from '../call.ts'
import { defineCommand } from '../define-command.ts'
import { announceMembers, replyMembers } from './sorted-set-arguments.ts'

const INT64_MIN = -9223372036854775808n
/** With scores, Redis refuses counts that it could not double. */
const HALF_MAX = 4611686018427387903n
/** No memory could hold the reply of more draws than this. */
const DRAWS_MAX = 2 ** 31
/** If more than one member in this many is wanted, one walk over all members chooses them. */
const WALK_BELOW_RATIO = 3

const position = new SortedSetPosition()
const member = new Bytes()

function randomMembers(call: Call): void {
  const { args } = call
  if (args.length === 2) {
    const set = call.db.getForRead(call.key(1), SortedSet)
    if (set === undefined) {
      call.reply.nil()
      return
    }
    set.randomMember(call.engine.environment.random, member)
    call.reply.bulk(member)
    return
  }
  const asked = args.integer(2)
  if (asked === INT64_MIN) throw ERR.rankOutOfRange
  if (args.length > 4 || (args.length === 4 && !args.equalsIgnoreCase(3, 'WITHSCORES'))) throw ERR.syntax
  const withScores = args.length === 4
  if (withScores && (asked > HALF_MAX || asked < -HALF_MAX)) throw ERR.outOfRange
  const count = Number(asked)
  const set = call.db.getForRead(call.key(1), SortedSet)
  if (set === undefined || count === 0) call.reply.array(0)
  else if (count < 0) drawMany(call, set, -count, withScores)
  else chooseDifferent(call, set, Math.min(count, set.length), withScores)
}

function drawMany(call: Call, set: SortedSet, count: number, withScores: boolean): void {
  if (count > DRAWS_MAX) throw ERR.outOfRange
  const scores = announceMembers(call.reply, count, withScores)
  for (let i = 0; i < count; i++) {
    const score = set.randomMember(call.engine.environment.random, member)
    if (scores === 'pairs') call.reply.array(2)
    call.reply.bulk(member)
    if (withScores) call.reply.double(score)
  }
}

function chooseDifferent(call: Call, set: SortedSet, count: number, withScores: boolean): void {
  const { random } = call.engine.environment
  const scores = announceMembers(call.reply, count, withScores)
  const { length } = set
  if (count === length) {
    // All members are returned, in a fixed order: Redis begins with the highest score.
    replyMembers(call.reply, set, length - 1, length, true, scores)
    return
  }
  if (count * WALK_BELOW_RATIO > length) {
    // Each member is taken with the probability (members still wanted) / (members still to come),
    // so every choice is equally likely.
    let wanted = count
    set.seek(0, position)
    for (let left = length; wanted > 0; left--) {
      if (random.below(left) < wanted) {
        wanted--
        if (scores === 'pairs') call.reply.array(2)
        call.reply.bulk(set.memberAt(position, member))
        if (withScores) call.reply.double(position.score)
      }
      set.next(position)
    }
    return
  }
  const drawn = new Set<number>()
  while (drawn.size < count) {
    const rank = random.below(length)
    if (drawn.has(rank)) continue
    drawn.add(rank)
    replyMembers(call.reply, set, rank, 1, false, scores)
  }
}

export const zrandmember = defineCommand({
  name: 'ZRANDMEMBER',
  summary: 'Returns members of a sorted set at random.',
  group: 'sorted-set',
  since: '6.2.0',
  complexity: 'O(N) where N is the number of members returned.',
  arity: -2,
  flags: ['readonly'],
  keys: [{ first: 1, last: 1, step: 1, access: 'RO', use: 'access' }],
  args: [
    { name: 'key', type: 'key' },
    {
      name: 'options',
      type: 'block',
      optional: true,
      args: [
        { name: 'count', type: 'integer' },
        { name: 'withscores', type: 'pure-token', token: 'WITHSCORES', optional: true },
      ],
    },
  ],
  tips: ['nondeterministic_output'],
  reply: 'bulk string: a member, nil when there is no sorted set; with a count an array of members',
  run: randomMembers,
})
