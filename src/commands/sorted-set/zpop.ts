// ZPOPMIN, ZPOPMAX: remove the members with the lowest or the highest scores and return them.

import { ERR } from '../../protocol/errors.ts'
import { SortedSet } from '../../store/sorted-set/sorted-set.ts'
import type { Bytes } from '../../util/bytes/bytes.ts'
import type { Call } from '../call.ts'
import { readCount } from '../count-argument.ts'
import { type CommandSpec, defineCommand } from '../define-command.ts'
import { announceMembers, removeMembers, replyMembers } from './sorted-set-arguments.ts'

export type Extreme = 'min' | 'max'

function pop(call: Call, extreme: Extreme): void {
  if (call.args.length > 3) throw ERR.syntax
  const counted = call.args.length === 3
  const count = counted ? readCount(call, 2, 0, ERR.mustBePositive) : 1
  const key = call.key(1)
  const set = call.db.getForWrite(key, SortedSet)
  if (set === undefined || count === 0) {
    call.reply.array(0)
    return
  }
  const popped = Math.min(count, set.length)
  // Without a count there is at most one pair, which is not nested in RESP3 either.
  if (counted) {
    popMembers(call, key, set, extreme, popped, announceMembers(call.reply, popped, true))
  } else {
    call.reply.array(2)
    popMembers(call, key, set, extreme, 1, 'flat')
  }
}

/**
 * Replies with `count` members and their scores, from the extreme inwards, and removes them. All of
 * them must exist.
 */
export function popMembers(
  call: Call,
  key: Bytes,
  set: SortedSet,
  extreme: Extreme,
  count: number,
  scores: 'none' | 'flat' | 'pairs',
): void {
  const { length } = set
  if (count === 1) set.beforePopping(extreme === 'min' ? 'first' : 'last')
  replyMembers(call.reply, set, extreme === 'min' ? 0 : length - 1, count, extreme === 'max', scores)
  removeMembers(
    call,
    key,
    set,
    extreme === 'min' ? 0 : length - count,
    count,
    extreme === 'min' ? 'zpopmin' : 'zpopmax',
  )
}

const common = {
  group: 'sorted-set',
  since: '5.0.0',
  complexity: 'O(log(N)*M) where N is the number of members and M the number of those removed.',
  arity: -2,
  flags: ['write', 'fast'],
  keys: [{ first: 1, last: 1, step: 1, access: 'RW', use: ['access', 'delete'] }],
  args: [
    { name: 'key', type: 'key' },
    { name: 'count', type: 'integer', optional: true },
  ],
  reply: 'array: the members removed, with their scores',
} as const satisfies Partial<CommandSpec>

export const zpopmin = defineCommand({
  ...common,
  name: 'ZPOPMIN',
  summary: 'Removes the members with the lowest scores of a sorted set and returns them.',
  run: (call) => pop(call, 'min'),
})

export const zpopmax = defineCommand({
  ...common,
  name: 'ZPOPMAX',
  summary: 'Removes the members with the highest scores of a sorted set and returns them.',
  run: (call) => pop(call, 'max'),
})
