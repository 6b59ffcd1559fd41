// HRANDFIELD: fields of a hash at random.
//
// A positive count asks for that many different fields, a negative one for that many draws, which
// may repeat. If every field has a number, a draw is one look-up. A small hash, and a hash with
// expired fields, is listed first.

import { ERR } from '../../protocol/errors.ts'
import { Hash, PROBED_MIN } from '../../store/hash/hash.ts'
import { itemAt } from '../../util/array-reads.ts'
import { Bytes } from '../../util/bytes/bytes.ts'
import { INT64_MIN } from '../../util/numbers/numbers.ts'
import type { Call } from '../call.ts'
import { defineCommand } from '../define-command.ts'

/**
 * The most draws in one call: a reply beyond that would be gigabytes, and a server busy for
 * seconds.
 */
const DRAWS_MAX = 1 << 24
/** Redis refuses counts beyond half of int64 if values are requested, too. */
const COUNT_MAX = 4611686018427387903n

const window = new Bytes()
/** The slots of a hash that is listed; reused. */
const slots: number[] = []

function run(call: Call): void {
  const { args, reply } = call
  if (args.length === 2) {
    const hash = call.db.getForRead(call.key(1), Hash)
    if (hash === undefined) {
      reply.nil()
      return
    }
    const listed = list(hash)
    reply.bulk(hash.fieldOf(draw(call, hash, listed), window))
    slots.length = 0
    return
  }
  const count = args.integer(2)
  if (count === INT64_MIN) throw ERR.rankOutOfRange
  const withValues = args.length > 3
  if (args.length > 4 || (withValues && !args.equalsIgnoreCase(3, 'WITHVALUES'))) throw ERR.syntax
  if (withValues && (count < -COUNT_MAX || count > COUNT_MAX)) throw ERR.outOfRange
  const hash = call.db.getForRead(call.key(1), Hash)
  if (hash === undefined || count === 0) reply.array(0)
  else if (count < 0) drawMany(call, hash, -Number(count), withValues)
  else if (count >= hash.length) writeAll(call, hash, withValues)
  else choose(call, hash, Number(count), withValues)
  slots.length = 0
}

/** Fills `slots` if slots cannot be found by number; returns true then. */
function list(hash: Hash): boolean {
  if (hash.slotCount >= PROBED_MIN && !hash.hides) return false
  for (let slot = hash.first(); slot >= 0; slot = hash.next(slot)) slots.push(slot)
  return true
}

function draw(call: Call, hash: Hash, listed: boolean): number {
  const { random } = call.engine.environment
  return listed ? itemAt(slots, random.below(slots.length)) : hash.slotAt(random.below(hash.slotCount))
}

/** Independent draws. */
function drawMany(call: Call, hash: Hash, count: number, withValues: boolean): void {
  if (count > DRAWS_MAX) throw ERR.outOfRange
  announce(call, count, withValues)
  const listed = list(hash)
  for (let i = 0; i < count; i++) write(call, hash, draw(call, hash, listed), withValues)
}

function writeAll(call: Call, hash: Hash, withValues: boolean): void {
  announce(call, hash.length, withValues)
  for (let slot = hash.first(); slot >= 0; slot = hash.next(slot)) write(call, hash, slot, withValues)
}

/** Writes `count` different fields, fewer than the hash has. */
function choose(call: Call, hash: Hash, count: number, withValues: boolean): void {
  const { random } = call.engine.environment
  announce(call, count, withValues)
  if (!list(hash) && 3 * count < hash.slotCount) {
    // With few of many fields, a field that was drawn before is drawn again.
    const drawn = new Set<number>()
    while (drawn.size < count) {
      const slot = hash.slotAt(random.below(hash.slotCount))
      if (drawn.has(slot)) continue
      drawn.add(slot)
      write(call, hash, slot, withValues)
    }
    return
  }
  // One walk takes each field with the probability that gives exactly `count` fields (Knuth's
  // algorithm S).
  let left = hash.length
  let wanted = count
  for (let slot = hash.first(); wanted > 0; slot = hash.next(slot)) {
    if (random.below(left--) >= wanted) continue
    wanted--
    write(call, hash, slot, withValues)
  }
}

function announce(call: Call, count: number, withValues: boolean): void {
  call.reply.array(withValues && call.reply.protocol === 2 ? 2 * count : count)
}

function write(call: Call, hash: Hash, slot: number, withValues: boolean): void {
  const { reply } = call
  // With values, RESP3 has an array for each pair.
  if (withValues && reply.protocol === 3) reply.array(2)
  reply.bulk(hash.fieldOf(slot, window))
  if (withValues) reply.bulk(hash.valueOf(slot, window))
}

export const hrandfield = defineCommand({
  name: 'HRANDFIELD',
  summary: 'Returns fields of a hash, chosen by chance.',
  group: 'hash',
  since: '6.2.0',
  complexity: 'O(N) where N is the number of fields returned, at least the size of a small hash.',
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
        { name: 'withvalues', type: 'pure-token', token: 'WITHVALUES', optional: true },
      ],
    },
  ],
  tips: ['nondeterministic_output'],
  reply: 'bulk string: a field, nil when there is no hash; with a count an array of fields, or of fields and values',
  run,
})
