// ZMPOP, BZMPOP: remove members from the first of several sorted sets that has any, waiting in the
// second case.
//
// Journaled as ZPOPMIN or ZPOPMAX with the number of members that went.

import type { ArgSpec } from '../../engine/spec/command.ts'
import { ERR } from '../../protocol/errors.ts'
import { SortedSet } from '../../store/sorted-set/sorted-set.ts'
import { TYPE_ZSET } from '../../store/structures/value.ts'
import type { Call } from '../call.ts'
import { readCount } from '../count-argument.ts'
import { type CommandSpec, defineCommand } from '../define-command.ts'
import { type Extreme, popMembers } from './zpop.ts'

/**
 * `first` is the index of the number of keys. If it is not 1, a timeout stands before it, and the
 * command waits.
 */
function multiPop(call: Call, first: number): void {
  const { args } = call
  const numkeys = readCount(call, first, 1, ERR.numkeysNotPositive)
  const where = first + 1 + numkeys
  if (where >= args.length) throw ERR.syntax
  const extreme = readExtreme(call, where)
  let count = 0
  const options = call.options(where + 1)
  while (options.next()) {
    if (count !== 0 || !options.is('COUNT') || !options.has(1)) throw ERR.syntax
    options.bytes()
    count = readCount(call, options.index, 1, ERR.countNotPositive)
  }
  const waits = first === 2
  const timeoutMs = waits ? call.timeoutSeconds(1) : 0
  for (let i = first + 1; i < where; i++) {
    const key = call.key(i)
    const set = call.db.getForWrite(key, SortedSet)
    if (set === undefined) continue
    const popped = Math.min(Math.max(count, 1), set.length)
    call.reply.array(2)
    call.reply.bulk(key)
    call.reply.array(popped)
    popMembers(call, key, set, extreme, popped, 'pairs')
    call.propagate(extreme === 'min' ? 'ZPOPMIN' : 'ZPOPMAX', key, popped)
    return
  }
  if (!waits) {
    call.reply.nilArray()
    return
  }
  const keys: string[] = []
  for (let i = first + 1; i < where; i++) keys.push(args.string(i))
  call.block({ keys, timeoutMs, type: TYPE_ZSET, onTimeout: 'nilArray' })
}

function readExtreme(call: Call, i: number): Extreme {
  if (call.args.equalsIgnoreCase(i, 'MIN')) return 'min'
  if (call.args.equalsIgnoreCase(i, 'MAX')) return 'max'
  throw ERR.syntax
}

const rest: readonly ArgSpec[] = [
  { name: 'numkeys', type: 'integer' },
  { name: 'key', type: 'key', multiple: true },
  {
    name: 'where',
    type: 'oneof',
    args: [
      { name: 'min', type: 'pure-token', token: 'MIN' },
      { name: 'max', type: 'pure-token', token: 'MAX' },
    ],
  },
  { name: 'count', type: 'integer', token: 'COUNT', optional: true },
]

const common = {
  group: 'sorted-set',
  since: '7.0.0',
  complexity:
    'O(K) + O(M*log(N)) where K is the number of keys, N the number of members and M the number of those removed.',
  reply: 'array: the key and an array of members with their scores; nil when no sorted set has any',
} as const satisfies Partial<CommandSpec>

export const zmpop = defineCommand({
  ...common,
  name: 'ZMPOP',
  summary: 'Removes members from the first sorted set that has any and returns them.',
  arity: -4,
  flags: ['write', 'movablekeys'],
  keys: [{ count: 1, first: 2, access: 'RW', use: ['access', 'delete'] }],
  args: rest,
  run: (call) => multiPop(call, 1),
})

export const bzmpop = defineCommand({
  ...common,
  name: 'BZMPOP',
  summary: 'Removes members from the first sorted set that has any and returns them, waiting for one if needed.',
  arity: -5,
  flags: ['write', 'blocking', 'movablekeys'],
  keys: [{ count: 2, first: 3, access: 'RW', use: ['access', 'delete'] }],
  args: [{ name: 'timeout', type: 'double' }, ...rest],
  run: (call) => multiPop(call, 2),
})
