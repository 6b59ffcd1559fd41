// SPOP: removes and returns random members of a set.
//
// Chance is not replayed. The journal gets the removed members (SREM), or the removal of the whole
// set (DEL).

import type { Word } from '../../engine/effects/effects.ts'
import { ERR } from '../../protocol/errors.ts'
import { MemberSet } from '../../store/set/member-set.ts'
import { Bytes, copyBytes, Source } from '../../util/bytes/bytes.ts'
import { parseInteger } from '../../util/numbers/numbers.ts'
import type { Call } from '../call.ts'
import { defineCommand } from '../define-command.ts'

/** The number of members in one journaled SREM. */
const JOURNALED_MAX = 1024

const member = new Bytes()
/** The popped member for the journal, which copies it before the next command runs. */
const popped = new Bytes()
const memory = Source.allocate(4096)

function pop(call: Call): void {
  const { args, reply } = call
  const key = call.key(1)
  if (args.length > 3) throw ERR.syntax
  if (args.length === 3) {
    const count = parseInteger(args.bytes(2))
    if (count === undefined || count < 0) throw ERR.mustBePositive
    const set = call.db.getForWrite(key, MemberSet)
    if (set === undefined || count === 0) reply.set(0)
    else if (count >= set.length) popAll(call, key, set)
    else popMany(call, key, set, Number(count))
    return
  }
  const set = call.db.getForWrite(key, MemberSet)
  if (set === undefined) {
    reply.nil()
    return
  }
  const slot = set.randomSlot(call.engine.environment.random)
  set.memberOf(slot, member)
  reply.bulk(member)
  if (call.propagates) call.propagate('SREM', key, keep(member))
  set.removeSlot(slot)
  call.removed(key, 'spop', 1, set.length === 0)
}

/** Copies a member to a place that outlives its removal. */
function keep(from: Bytes): Bytes {
  if (from.length > memory.u8.length) return from.copy()
  copyBytes(memory, 0, from.source, from.start, from.length)
  return popped.set(memory, 0, from.length)
}

function popAll(call: Call, key: Bytes, set: MemberSet): void {
  const { length } = set
  call.reply.set(length)
  set.writeAll(call.reply)
  call.propagate(call.engine.data.dataset.removalWord('del'), key)
  call.removed(key, 'spop', length, true)
}

/** Pops `count` members, fewer than the set has. */
function popMany(call: Call, key: Bytes, set: MemberSet, count: number): void {
  const { propagates } = call
  const { random } = call.engine.environment
  call.reply.set(count)
  let words: Word[] = ['SREM', key]
  for (let i = 0; i < count; i++) {
    const slot = set.randomSlot(random)
    call.reply.bulk(set.memberOf(slot, member))
    if (propagates) {
      if (words.length === JOURNALED_MAX + 2) {
        call.propagate(...words)
        words = ['SREM', key]
      }
      words.push(member.copy())
    }
    set.removeSlot(slot)
  }
  if (propagates) call.propagate(...words)
  call.removed(key, 'spop', count, set.length === 0)
}

export const spop = defineCommand({
  name: 'SPOP',
  summary: 'Removes members from a set by chance and returns them.',
  group: 'set',
  since: '1.0.0',
  complexity: 'O(N) where N is the number of members returned.',
  arity: -2,
  flags: ['write', 'fast'],
  keys: [{ first: 1, last: 1, step: 1, access: 'RW', use: ['access', 'delete'] }],
  args: [
    { name: 'key', type: 'key' },
    { name: 'count', type: 'integer', optional: true, since: '3.2.0' },
  ],
  tips: ['nondeterministic_output'],
  reply: 'bulk string: the member, nil when there is no set; with a count the set of them',
  history: [['3.2.0', 'Takes a count.']],
  run: pop,
})
