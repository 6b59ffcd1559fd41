// BLPOP, BRPOP: remove one element from the first list that has one, and wait until there is one.
//
// The effective LPOP or RPOP is journaled (invariant 4).

import { type End, List } from '../../store/list/list.ts'
import { TYPE_LIST } from '../../store/structures/value.ts'
import { Bytes } from '../../util/bytes/bytes.ts'
import type { Call } from '../call.ts'
import { type CommandSpec, defineCommand } from '../define-command.ts'
import { elementsRemoved } from './list-arguments.ts'

const element = new Bytes()

function blockingPop(call: Call, end: End): void {
  const { args } = call
  const last = args.length - 2
  const timeoutMs = call.timeoutSeconds(last + 1)
  for (let i = 1; i <= last; i++) {
    const key = call.key(i)
    const list = call.db.getForWrite(key, List)
    if (list === undefined) continue
    list.peek(end, element)
    call.reply.array(2)
    call.reply.bulk(key)
    call.reply.bulk(element)
    list.drop(end)
    call.propagate(end === 'head' ? 'LPOP' : 'RPOP', key)
    elementsRemoved(call, key, list, end === 'head' ? 'lpop' : 'rpop', 1)
    return
  }
  const keys: string[] = []
  for (let i = 1; i <= last; i++) keys.push(args.string(i))
  call.block({ keys, timeoutMs, type: TYPE_LIST, onTimeout: 'nilArray' })
}

const common = {
  group: 'list',
  since: '2.0.0',
  complexity: 'O(N) where N is the number of keys.',
  arity: -3,
  flags: ['write', 'blocking'],
  keys: [{ first: 1, last: -2, step: 1, access: 'RW', use: ['access', 'delete'] }],
  args: [
    { name: 'key', type: 'key', multiple: true },
    { name: 'timeout', type: 'double' },
  ],
  reply: 'array: the key and the element; nil when the time was up',
  history: [['6.0.0', 'The timeout may have a fraction.']],
} as const satisfies Partial<CommandSpec>

export const blpop = defineCommand({
  ...common,
  name: 'BLPOP',
  summary: 'Removes the element at the head of the first list that has one, waiting for one if needed.',
  run: (call) => blockingPop(call, 'head'),
})

export const brpop = defineCommand({
  ...common,
  name: 'BRPOP',
  summary: 'Removes the element at the tail of the first list that has one, waiting for one if needed.',
  run: (call) => blockingPop(call, 'tail'),
})
