// LPUSH, RPUSH, LPUSHX, RPUSHX: add elements at one end of a list.
//
// One algorithm with two switches: which end, and whether a missing key is
// created. Elements enter one by one, so LPUSH k a b c leaves c at the head.

import { type End, List } from '../../store/list/list.ts'
import type { Call } from '../call.ts'
import { type CommandSpec, defineCommand } from '../define-command.ts'

function push(call: Call, end: End, mode: 'create' | 'if-exists'): void {
  const { args } = call
  const key = call.key(1)
  let list = call.db.getForWrite(key, List)
  if (list === undefined) {
    if (mode === 'if-exists') {
      call.reply.integer(0)
      return
    }
    list = call.db.create(key, new List(call.db.arena, call.db.host))
  }
  if (list.encoding === 'listpack') {
    let bytes = 0
    for (let i = 2; i < args.length; i++) bytes += args.bytes(i).length
    list.beforeAdding(bytes, args.length - 2)
  }
  let pushed = 0
  try {
    for (; pushed < args.length - 2; pushed++) list.push(end, args.bytes(2 + pushed))
  } finally {
    // Memory ran out half way: elements that are not journaled must not stay.
    if (pushed < args.length - 2) {
      list.dropMany(end, pushed)
      if (list.length === 0) call.db.delete(key)
    }
  }

  // Parked consumers (BLPOP, BLMOVE) are served by the engine after this call:
  // the reply must report the length before anyone else pops (invariant 5).
  call.changed(key, end === 'head' ? 'lpush' : 'rpush', pushed)
  call.reply.integer(list.length)
}

const common = {
  group: 'list',
  complexity: 'O(1) for each element added.',
  arity: -3,
  flags: ['write', 'denyoom', 'fast'],
  keys: [{ first: 1, last: 1, step: 1, access: 'RW', use: 'insert' }],
  args: [
    { name: 'key', type: 'key' },
    { name: 'element', type: 'string', multiple: true },
  ],
} as const satisfies Partial<CommandSpec>

const created = { ...common, reply: 'integer: the length of the list after the push' } as const
const existing = {
  ...common,
  reply: 'integer: the length of the list after the push, 0 when there is no list',
  history: [['4.0.0', 'Accepts several elements.']],
} as const

export const lpush = defineCommand({
  ...created,
  name: 'LPUSH',
  since: '1.0.0',
  summary: 'Adds elements at the head of a list, creating it if needed.',
  history: [['2.4.0', 'Accepts several elements.']],
  run: (call) => push(call, 'head', 'create'),
})

export const rpush = defineCommand({
  ...created,
  name: 'RPUSH',
  since: '1.0.0',
  summary: 'Adds elements at the tail of a list, creating it if needed.',
  history: [['2.4.0', 'Accepts several elements.']],
  run: (call) => push(call, 'tail', 'create'),
})

export const lpushx = defineCommand({
  ...existing,
  name: 'LPUSHX',
  since: '2.2.0',
  summary: 'Adds elements at the head of a list that exists.',
  run: (call) => push(call, 'head', 'if-exists'),
})

export const rpushx = defineCommand({
  ...existing,
  name: 'RPUSHX',
  since: '2.2.0',
  summary: 'Adds elements at the tail of a list that exists.',
  run: (call) => push(call, 'tail', 'if-exists'),
})
