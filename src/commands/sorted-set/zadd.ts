// ZADD, ZINCRBY: add members to a sorted set, or change their scores.
//
// ZINCRBY is ZADD INCR under an older name, down to its options.

import type { Word } from '../../engine/effects/effects.ts'
import { ERR } from '../../protocol/errors.ts'
import { ABSENT, SortedSet } from '../../store/sorted-set/sorted-set.ts'
import { numberAt } from '../../util/array-reads.ts'
import type { Call } from '../call.ts'
import { type CommandSpec, defineCommand } from '../define-command.ts'
import { newSortedSet, readScore } from './sorted-set-arguments.ts'

const NX = 1
const XX = 2
const GT = 4
const LT = 8
const CH = 16
const INCR = 32

/** Memory for the running call; grows with the longest call. */
const pairsOfCall = {
  /** The scores of the call. All are read before anything is changed. */
  scores: new Float64Array(64),
}

function add(call: Call, implied: number): void {
  const { args } = call
  let flags = implied
  let first = 2
  for (; first < args.length; first++) {
    const flag = readFlag(call, first)
    if (flag === 0) break
    flags |= flag
  }
  const pairs = (args.length - first) >>> 1
  if (pairs === 0 || args.length - first !== 2 * pairs) throw ERR.syntax
  if ((flags & (NX | XX)) === (NX | XX)) throw ERR.zaddNxXx
  const comparing = flags & (GT | LT)
  if (comparing === (GT | LT) || (comparing !== 0 && (flags & NX) !== 0)) throw ERR.zaddGtLtNx
  if ((flags & INCR) !== 0 && pairs > 1) throw ERR.zaddIncrPairs
  if (pairs > pairsOfCall.scores.length) pairsOfCall.scores = new Float64Array(2 * pairs)
  for (let i = 0; i < pairs; i++) pairsOfCall.scores[i] = readScore(call, first + 2 * i)

  const key = call.key(1)
  let set = call.db.getForWrite(key, SortedSet)
  if (set === undefined) {
    if ((flags & XX) !== 0) {
      if ((flags & INCR) !== 0) call.reply.nil()
      else call.reply.integer(0)
      return
    }
    set = call.db.create(key, newSortedSet(call))
  }
  if ((flags & INCR) !== 0) increment(call, set, first, flags)
  else addPairs(call, set, first, pairs, flags)
}

function addPairs(call: Call, set: SortedSet, first: number, pairs: number, flags: number): void {
  const key = call.key(1)
  set.expect(pairs)
  let added = 0
  let updated = 0
  let done = 0
  try {
    for (; done < pairs; done++) {
      const member = call.args.bytes(first + 2 * done + 1)
      const score = numberAt(pairsOfCall.scores, done)
      const handle = set.find(member)
      if (handle === ABSENT) {
        if ((flags & XX) !== 0) continue
        set.insert(member, score)
        added++
      } else if ((flags & NX) === 0) {
        if ((flags & (GT | LT)) !== 0 && !passes(flags, score, set.scoreOf(handle))) continue
        if (set.move(handle, member, score)) updated++
      }
    }
  } finally {
    // Memory ran out half way: the added members are journaled, and nothing else.
    if (done < pairs) journalFirst(call, first + 2 * done, added + updated)
    if (set.length === 0) call.db.delete(key)
  }
  if (added + updated > 0) call.changed(key, 'zadd', added + updated)
  call.reply.integer((flags & CH) !== 0 ? added + updated : added)
}

function increment(call: Call, set: SortedSet, first: number, flags: number): void {
  const key = call.key(1)
  const member = call.args.bytes(first + 1)
  let score = numberAt(pairsOfCall.scores, 0)
  const handle = set.find(member)
  if (handle === ABSENT ? (flags & XX) !== 0 : (flags & NX) !== 0) {
    call.reply.nil()
    return
  }
  if (handle === ABSENT) {
    try {
      set.insert(member, score)
    } finally {
      if (set.length === 0) call.db.delete(key)
    }
    call.changed(key, 'zincr')
  } else {
    const current = set.scoreOf(handle)
    score += current
    if (Number.isNaN(score)) throw ERR.scoreNaN
    if ((flags & (GT | LT)) !== 0 && !passes(flags, score, current)) {
      call.reply.nil()
      return
    }
    if (set.move(handle, member, score)) call.changed(key, 'zincr')
  }
  call.reply.double(score)
}

/** Returns true if GT or LT allow a score to replace another. */
function passes(flags: number, score: number, current: number): boolean {
  return (flags & GT) !== 0 ? score > current : score < current
}

function journalFirst(call: Call, words: number, changes: number): void {
  if (changes === 0) return
  const kept: Word[] = []
  for (let i = 0; i < words; i++) kept.push(call.args.bytes(i))
  call.propagate(...kept)
  call.changed(call.key(1), 'zadd')
}

/**
 * Returns the bit of an option; 0 = the scores begin. The length is compared first: using the
 * cursor (`call.options`) for all six options cost a ZADD of one pair 18 %.
 */
function readFlag(call: Call, i: number): number {
  const { args } = call
  const { length } = args.bytes(i)
  if (length === 2) {
    if (args.equalsIgnoreCase(i, 'NX')) return NX
    if (args.equalsIgnoreCase(i, 'XX')) return XX
    if (args.equalsIgnoreCase(i, 'GT')) return GT
    if (args.equalsIgnoreCase(i, 'LT')) return LT
    if (args.equalsIgnoreCase(i, 'CH')) return CH
  }
  return length === 4 && args.equalsIgnoreCase(i, 'INCR') ? INCR : 0
}

const common = {
  group: 'sorted-set',
  since: '1.2.0',
  flags: ['write', 'denyoom', 'fast'],
} as const satisfies Partial<CommandSpec>

export const zadd = defineCommand({
  ...common,
  name: 'ZADD',
  summary: 'Adds members to a sorted set or changes their scores, creating it if needed.',
  complexity: 'O(log(N)) for each member added, where N is the number of members.',
  arity: -4,
  keys: [{ first: 1, last: 1, step: 1, access: 'RW', use: 'update' }],
  args: [
    { name: 'key', type: 'key' },
    {
      name: 'condition',
      type: 'oneof',
      optional: true,
      since: '3.0.2',
      args: [
        { name: 'nx', type: 'pure-token', token: 'NX' },
        { name: 'xx', type: 'pure-token', token: 'XX' },
      ],
    },
    {
      name: 'comparison',
      type: 'oneof',
      optional: true,
      since: '6.2.0',
      args: [
        { name: 'gt', type: 'pure-token', token: 'GT' },
        { name: 'lt', type: 'pure-token', token: 'LT' },
      ],
    },
    { name: 'change', type: 'pure-token', token: 'CH', optional: true, since: '3.0.2' },
    { name: 'increment', type: 'pure-token', token: 'INCR', optional: true, since: '3.0.2' },
    {
      name: 'data',
      type: 'block',
      multiple: true,
      args: [
        { name: 'score', type: 'double' },
        { name: 'member', type: 'string' },
      ],
    },
  ],
  reply:
    'integer: how many members are new, with `CH` how many are new or changed; with `INCR` the new score, nil when the options forbade it',
  history: [
    ['2.4.0', 'Accepts several members.'],
    ['3.0.2', 'Takes `XX`, `NX`, `CH` and `INCR`.'],
    ['6.2.0', 'Takes `GT` and `LT`.'],
  ],
  run: (call) => add(call, 0),
})

export const zincrby = defineCommand({
  ...common,
  name: 'ZINCRBY',
  summary: 'Adds to the score of a member of a sorted set, creating both if needed.',
  complexity: 'O(log(N)) where N is the number of members.',
  arity: 4,
  keys: [{ first: 1, last: 1, step: 1, access: 'RW', use: ['access', 'update'] }],
  args: [
    { name: 'key', type: 'key' },
    { name: 'increment', type: 'integer' },
    { name: 'member', type: 'string' },
  ],
  reply: 'double: the new score',
  run: (call) => add(call, INCR),
})
