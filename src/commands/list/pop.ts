// LPOP, RPOP: remove elements at one end of a list and return them.
//
// Without a count the reply is one element, with a count it is an array. The reply for an absent
// key has the same shape.

import { ERR } from '../../protocol/errors.ts'
import { type End, List } from '../../store/list/list.ts'
import { Bytes } from '../../util/bytes/bytes.ts'
import type { Call } from '../call.ts'
import { readCount } from '../count-argument.ts'
import { type CommandSpec, defineCommand } from '../define-command.ts'
import { elementsRemoved } from './list-arguments.ts'

const element = new Bytes()

function pop(call: Call, end: End): void {
  if (call.args.length > 3) throw ERR.arity(call.command.name)
  const counted = call.args.length === 3
  const count = counted ? readCount(call, 2, 0, ERR.mustBePositive) : 1
  const key = call.key(1)
  const list = call.db.getForWrite(key, List)
  if (list === undefined) {
    if (counted) call.reply.nilArray()
    else call.reply.nil()
    return
  }
  if (counted) {
    popMany(call, key, list, end, count)
    return
  }
  list.peek(end, element)
  call.reply.bulk(element)
  list.drop(end)
  elementsRemoved(call, key, list, end === 'head' ? 'lpop' : 'rpop', 1)
}

/**
 * Replies with up to `count` elements as an array, from the end inwards, and removes them. Returns
 * how many.
 */
export function popMany(call: Call, key: Bytes, list: List, end: End, count: number): number {
  const popped = Math.min(count, list.length)
  call.reply.array(popped)
  if (popped === 0) return 0
  if (end === 'head') list.writeRange(call.reply, 0, popped)
  else list.writeRangeBackwards(call.reply, list.length - 1, popped)
  list.dropMany(end, popped)
  elementsRemoved(call, key, list, end === 'head' ? 'lpop' : 'rpop', popped)
  return popped
}

const common = {
  group: 'list',
  since: '1.0.0',
  complexity: 'O(N) where N is the number of elements returned.',
  arity: -2,
  flags: ['write', 'fast'],
  keys: [{ first: 1, last: 1, step: 1, access: 'RW', use: ['access', 'delete'] }],
  args: [
    { name: 'key', type: 'key' },
    { name: 'count', type: 'integer', optional: true, since: '6.2.0' },
  ],
  reply: 'bulk string: the element; an array of them with a count; nil when there is no list',
  history: [['6.2.0', 'Takes a count.']],
} as const satisfies Partial<CommandSpec>

export const lpop = defineCommand({
  ...common,
  name: 'LPOP',
  summary: 'Removes elements at the head of a list and returns them.',
  run: (call) => pop(call, 'head'),
})

export const rpop = defineCommand({
  ...common,
  name: 'RPOP',
  summary: 'Removes elements at the tail of a list and returns them.',
  run: (call) => pop(call, 'tail'),
})
