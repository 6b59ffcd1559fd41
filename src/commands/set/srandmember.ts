// SRANDMEMBER: random members of a set.
//
// A positive count asks for that many different members, a negative one for that many draws, which
// may repeat.

import { ERR } from '../../protocol/errors.ts'
import { MemberSet } from '../../store/set/member-set.ts'
import { Bytes } from '../../util/bytes/bytes.ts'
import { INT64_MIN } from '../../util/numbers/numbers.ts'
import type { Call } from '../call.ts'
import { defineCommand } from '../define-command.ts'

/**
 * The most draws in one call: a reply beyond that would be gigabytes, and a server busy for
 * seconds.
 */
const DRAWS_MAX = 1 << 24
/** If more than one member in this many is wanted, one walk over all members chooses them. */
const WALK_BELOW_RATIO = 3

const member = new Bytes()

function run(call: Call): void {
  const { args, reply } = call
  const { random } = call.engine.environment
  if (args.length > 3) throw ERR.syntax
  if (args.length === 2) {
    const set = call.db.getForRead(call.key(1), MemberSet)
    if (set === undefined) reply.nil()
    else reply.bulk(set.memberOf(set.randomSlot(random), member))
    return
  }
  const count = args.integer(2)
  if (count === INT64_MIN) throw ERR.rankOutOfRange
  const set = call.db.getForRead(call.key(1), MemberSet)
  if (set === undefined || count === 0) {
    reply.array(0)
  } else if (count < 0) {
    if (count < -DRAWS_MAX) throw ERR.outOfRange
    const draws = -Number(count)
    reply.array(draws)
    for (let i = 0; i < draws; i++) reply.bulk(set.memberOf(set.randomSlot(random), member))
  } else if (count >= set.length) {
    reply.array(set.length)
    set.writeAll(reply)
  } else {
    choose(call, set, Number(count))
  }
}

/** Writes `count` different members, fewer than the set has. */
function choose(call: Call, set: MemberSet, count: number): void {
  const { random } = call.engine.environment
  call.reply.array(count)
  let left = set.length
  if (!set.isWalked && count * WALK_BELOW_RATIO < left) {
    // With few of many members, a member that was drawn before is drawn again.
    const drawn = new Set<number>()
    while (drawn.size < count) {
      const slot = set.randomSlot(random)
      if (drawn.has(slot)) continue
      drawn.add(slot)
      call.reply.bulk(set.memberOf(slot, member))
    }
    return
  }
  // One walk takes each member with the probability that gives exactly `count` members (Knuth's
  // algorithm S).
  let wanted = count
  for (let slot = set.first(); wanted > 0; slot = set.next(slot)) {
    if (random.below(left--) >= wanted) continue
    wanted--
    call.reply.bulk(set.memberOf(slot, member))
  }
}

export const srandmember = defineCommand({
  name: 'SRANDMEMBER',
  summary: 'Returns members of a set, chosen by chance.',
  group: 'set',
  since: '1.0.0',
  complexity: 'O(N) where N is the number of members returned.',
  arity: -2,
  flags: ['readonly'],
  keys: [{ first: 1, last: 1, step: 1, access: 'RO', use: 'access' }],
  args: [
    { name: 'key', type: 'key' },
    { name: 'count', type: 'integer', optional: true, since: '2.6.0' },
  ],
  tips: ['nondeterministic_output'],
  reply: 'bulk string: a member, nil when there is no set; with a count an array of them',
  history: [['2.6.0', 'Takes a count.']],
  run,
})
