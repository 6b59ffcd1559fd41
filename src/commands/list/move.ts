// LMOVE, RPOPLPUSH, BLMOVE, BRPOPLPUSH: move an element from one end of a list to one end of
// another, and return it.
//
// This makes a reliable queue: at every time the element is in one of the lists. Source and
// destination may be the same list, which is rotated then. The push is reported before the pop, as
// in Redis.

import type { ArgSpec } from '../../engine/spec/command.ts'
import { type End, List } from '../../store/list/list.ts'
import { TYPE_LIST } from '../../store/structures/value.ts'
import { Bytes } from '../../util/bytes/bytes.ts'
import type { Call } from '../call.ts'
import { type CommandSpec, defineCommand } from '../define-command.ts'
import { elementsRemoved, listForAdding, readEnd } from './list-arguments.ts'

const element = new Bytes()

/** Moves one element and replies with it; returns false if there is none. */
function move(call: Call, from: End, to: End): boolean {
  const sourceKey = call.key(1)
  const destinationKey = call.key(2)
  const source = call.db.getForWrite(sourceKey, List)
  if (source === undefined) return false
  const destination = listForAdding(call, destinationKey)
  if (destination === source) {
    source.rotate(from, to)
    source.peek(to, element)
    call.reply.bulk(element)
  } else {
    source.peek(from, element)
    destination.beforeAdding(element.length, 1)
    try {
      destination.push(to, element)
    } finally {
      if (destination.length === 0) call.db.delete(destinationKey)
    }
    call.reply.bulk(element)
    source.drop(from)
  }
  call.changed(destinationKey, to === 'head' ? 'lpush' : 'rpush', 0)
  elementsRemoved(call, sourceKey, source, from === 'head' ? 'lpop' : 'rpop', 1)
  return true
}

/**
 * Waits for the source. Inside MULTI an absent source gives a missing element; the timeout gives a
 * missing array.
 */
function wait(call: Call, timeoutMs: number): void {
  if (!call.mayBlock) call.reply.nil()
  else call.block({ keys: [call.args.string(1)], timeoutMs, type: TYPE_LIST, onTimeout: 'nilArray' })
}

const END_ARGS = [
  { name: 'left', type: 'pure-token', token: 'LEFT' },
  { name: 'right', type: 'pure-token', token: 'RIGHT' },
] as const satisfies readonly ArgSpec[]
const SOURCE = { name: 'source', type: 'key' } as const
const DESTINATION = { name: 'destination', type: 'key' } as const
const WHERE_FROM = { name: 'wherefrom', type: 'oneof', args: END_ARGS } as const
const WHERE_TO = { name: 'whereto', type: 'oneof', args: END_ARGS } as const
const TIMEOUT = { name: 'timeout', type: 'double' } as const

const common = {
  group: 'list',
  complexity: 'O(1)',
  keys: [
    { first: 1, last: 1, step: 1, access: 'RW', use: ['access', 'delete'] },
    { first: 2, last: 2, step: 1, access: 'RW', use: 'insert' },
  ],
} as const satisfies Partial<CommandSpec>

export const lmove = defineCommand({
  ...common,
  name: 'LMOVE',
  summary: 'Moves an element from an end of one list to an end of another and returns it.',
  since: '6.2.0',
  arity: 5,
  flags: ['write', 'denyoom'],
  args: [SOURCE, DESTINATION, WHERE_FROM, WHERE_TO],
  reply: 'bulk string: the element; nil when there is no source',
  run(call) {
    const from = readEnd(call, 3)
    const to = readEnd(call, 4)
    if (!move(call, from, to)) call.reply.nil()
  },
})

export const rpoplpush = defineCommand({
  ...common,
  name: 'RPOPLPUSH',
  summary: 'Moves the last element of a list to the head of another and returns it.',
  since: '1.2.0',
  arity: 3,
  flags: ['write', 'denyoom'],
  args: [SOURCE, DESTINATION],
  reply: 'bulk string: the element; nil when there is no source',
  deprecated: { since: '6.2.0', instead: '`LMOVE` with the `RIGHT` and `LEFT` arguments' },
  run(call) {
    if (!move(call, 'tail', 'head')) call.reply.nil()
  },
})

export const blmove = defineCommand({
  ...common,
  name: 'BLMOVE',
  summary: 'Moves an element from an end of one list to an end of another and returns it, waiting for one if needed.',
  since: '6.2.0',
  arity: 6,
  flags: ['write', 'denyoom', 'blocking'],
  args: [SOURCE, DESTINATION, WHERE_FROM, WHERE_TO, TIMEOUT],
  reply: 'bulk string: the element; nil when the time was up',
  run(call) {
    const from = readEnd(call, 3)
    const to = readEnd(call, 4)
    const timeoutMs = call.timeoutSeconds(5)
    if (!move(call, from, to)) wait(call, timeoutMs)
    else call.propagate('LMOVE', call.key(1), call.key(2), call.args.bytes(3), call.args.bytes(4))
  },
})

export const brpoplpush = defineCommand({
  ...common,
  name: 'BRPOPLPUSH',
  summary: 'Moves the last element of a list to the head of another and returns it, waiting for one if needed.',
  since: '2.2.0',
  arity: 4,
  flags: ['write', 'denyoom', 'blocking'],
  args: [SOURCE, DESTINATION, TIMEOUT],
  reply: 'bulk string: the element; nil when the time was up',
  history: [['6.0.0', 'The timeout may have a fraction.']],
  deprecated: { since: '6.2.0', instead: '`BLMOVE` with the `RIGHT` and `LEFT` arguments' },
  run(call) {
    const timeoutMs = call.timeoutSeconds(3)
    if (!move(call, 'tail', 'head')) wait(call, timeoutMs)
    else call.propagate('RPOPLPUSH', call.key(1), call.key(2))
  },
})
