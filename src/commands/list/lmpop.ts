// LMPOP, BLMPOP: remove elements from the first of several lists that has any, waiting in the
// second case.
//
// Journaled as LPOP or RPOP with the number of elements that went.

import type { ArgSpec } from '../../engine/spec/command.ts'
import { ERR } from '../../protocol/errors.ts'
import { List } from '../../store/list/list.ts'
import { TYPE_LIST } from '../../store/structures/value.ts'
import type { Call } from '../call.ts'
import { readCount } from '../count-argument.ts'
import { type CommandSpec, defineCommand } from '../define-command.ts'
import { readEnd } from './list-arguments.ts'
import { popMany } from './pop.ts'

/**
 * `first` is the index of the number of keys. If it is not 1, a timeout stands before it, and the
 * command waits.
 */
function multiPop(call: Call, first: number): void {
  const { args } = call
  const numkeys = readCount(call, first, 1, ERR.numkeysNotPositive)
  const where = first + 1 + numkeys
  if (where >= args.length) throw ERR.syntax
  const end = readEnd(call, where)
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
    const list = call.db.getForWrite(key, List)
    if (list === undefined) continue
    call.reply.array(2)
    call.reply.bulk(key)
    const popped = popMany(call, key, list, end, count === 0 ? 1 : count)
    call.propagate(end === 'head' ? 'LPOP' : 'RPOP', key, popped)
    return
  }
  if (!waits) {
    call.reply.nilArray()
    return
  }
  const keys: string[] = []
  for (let i = first + 1; i < where; i++) keys.push(args.string(i))
  call.block({ keys, timeoutMs, type: TYPE_LIST, onTimeout: 'nilArray' })
}

const rest: readonly ArgSpec[] = [
  { name: 'numkeys', type: 'integer' },
  { name: 'key', type: 'key', multiple: true },
  {
    name: 'where',
    type: 'oneof',
    args: [
      { name: 'left', type: 'pure-token', token: 'LEFT' },
      { name: 'right', type: 'pure-token', token: 'RIGHT' },
    ],
  },
  { name: 'count', type: 'integer', token: 'COUNT', optional: true },
]

const common = {
  group: 'list',
  since: '7.0.0',
  complexity: 'O(N+M) where N is the number of keys and M the number of elements returned.',
  reply: 'array: the key and an array of its elements; nil when no list has any',
} as const satisfies Partial<CommandSpec>

export const lmpop = defineCommand({
  ...common,
  name: 'LMPOP',
  summary: 'Removes elements from the first list that has any and returns them.',
  arity: -4,
  flags: ['write', 'movablekeys'],
  keys: [{ count: 1, first: 2, access: 'RW', use: ['access', 'delete'] }],
  args: rest,
  run: (call) => multiPop(call, 1),
})

export const blmpop = defineCommand({
  ...common,
  name: 'BLMPOP',
  summary: 'Removes elements from the first list that has any and returns them, waiting for one if needed.',
  arity: -5,
  flags: ['write', 'blocking', 'movablekeys'],
  keys: [{ count: 2, first: 3, access: 'RW', use: ['access', 'delete'] }],
  args: [{ name: 'timeout', type: 'double' }, ...rest],
  run: (call) => multiPop(call, 2),
})
