// BZPOPMIN, BZPOPMAX: remove one member from the first sorted set that has one, and wait until
// there is one.
//
// The effective ZPOPMIN or ZPOPMAX is journaled (invariant 4).

import { SortedSet } from '../../store/sorted-set/sorted-set.ts'
import { TYPE_ZSET } from '../../store/structures/value.ts'
import type { Call } from '../call.ts'
import { type CommandSpec, defineCommand } from '../define-command.ts'
import { type Extreme, popMembers } from './zpop.ts'

function blockingPop(call: Call, extreme: Extreme): void {
  const { args } = call
  const last = args.length - 2
  const timeoutMs = call.timeoutSeconds(last + 1)
  for (let i = 1; i <= last; i++) {
    const key = call.key(i)
    const set = call.db.getForWrite(key, SortedSet)
    if (set === undefined) continue
    call.reply.array(3)
    call.reply.bulk(key)
    popMembers(call, key, set, extreme, 1, 'flat')
    call.propagate(extreme === 'min' ? 'ZPOPMIN' : 'ZPOPMAX', key)
    return
  }
  const keys: string[] = []
  for (let i = 1; i <= last; i++) keys.push(args.string(i))
  call.block({ keys, timeoutMs, type: TYPE_ZSET, onTimeout: 'nilArray' })
}

const common = {
  group: 'sorted-set',
  since: '5.0.0',
  complexity: 'O(log(N)) where N is the number of members.',
  arity: -3,
  flags: ['write', 'blocking', 'fast'],
  keys: [{ first: 1, last: -2, step: 1, access: 'RW', use: ['access', 'delete'] }],
  args: [
    { name: 'key', type: 'key', multiple: true },
    { name: 'timeout', type: 'double' },
  ],
  reply: 'array: the key, the member and its score; nil when the time was up',
  history: [['6.0.0', 'The timeout may have a fraction.']],
} as const satisfies Partial<CommandSpec>

export const bzpopmin = defineCommand({
  ...common,
  name: 'BZPOPMIN',
  summary: 'Removes the member with the lowest score of the first sorted set that has any, waiting for one if needed.',
  run: (call) => blockingPop(call, 'min'),
})

export const bzpopmax = defineCommand({
  ...common,
  name: 'BZPOPMAX',
  summary: 'Removes the member with the highest score of the first sorted set that has any, waiting for one if needed.',
  run: (call) => blockingPop(call, 'max'),
})
