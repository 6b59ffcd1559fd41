// MSET, MSETNX: set several strings at once. MSETNX sets all of them or none.

import type { Word } from '../../engine/effects/effects.ts'
import { ERR } from '../../protocol/errors.ts'
import { NONE } from '../../store/keyspace/keyspace.ts'
import type { Call } from '../call.ts'
import { type CommandSpec, defineCommand } from '../define-command.ts'

/**
 * Sets keys one after the other. If memory runs out half way, the keys set so far are journaled.
 */
function setAll(call: Call): void {
  const { args } = call
  let i = 1
  try {
    for (; i < args.length; i += 2) setOne(call, i)
  } finally {
    if (i > 1 && i < args.length) {
      const words: Word[] = ['MSET']
      for (let done = 1; done < i; done++) words.push(args.bytes(done))
      call.propagate(...words)
    }
  }
}

/** Sets keys that do not exist. If memory runs out half way, they are removed again. */
function createAll(call: Call): void {
  const { args, db } = call
  let i = 1
  try {
    for (; i < args.length; i += 2) setOne(call, i)
  } finally {
    if (i < args.length) {
      for (let done = 1; done < i; done += 2) {
        if (db.delete(args.bytes(done))) call.changed(args.bytes(done), 'del')
        call.propagate('DEL', args.bytes(done))
      }
    }
  }
}

/** Sets the key of argument `i`. */
function setOne(call: Call, i: number): void {
  const { args, db } = call
  db.writeString(args.bytes(i), args.bytes(i + 1), false, args.owns(i + 1))
  call.changed(args.bytes(i), 'set')
}

function checkPairs(call: Call): void {
  if (call.args.length % 2 === 0) throw ERR.arity(call.command.name)
}

const common = {
  group: 'string',
  since: '1.0.1',
  complexity: 'O(n), n being the number of keys.',
  arity: -3,
  flags: ['write', 'denyoom'],
  keys: [{ first: 1, last: -1, step: 2, access: 'OW', use: 'update' }],
  args: [
    {
      name: 'data',
      type: 'block',
      multiple: true,
      args: [
        { name: 'key', type: 'key' },
        { name: 'value', type: 'string' },
      ],
    },
  ],
} as const satisfies Partial<CommandSpec>

export const mset = defineCommand({
  ...common,
  name: 'MSET',
  summary: 'Sets several keys to strings.',
  tips: ['request_policy:multi_shard', 'response_policy:all_succeeded'],
  reply: 'OK',
  run(call) {
    checkPairs(call)
    setAll(call)
    call.reply.ok()
  },
})

export const msetnx = defineCommand({
  ...common,
  name: 'MSETNX',
  summary: 'Sets several keys to strings if none of them exists.',
  keys: [{ first: 1, last: -1, step: 2, access: 'OW', use: 'insert' }],
  reply: 'integer: 1 when all were set, 0 when one existed and none was set',
  run(call) {
    checkPairs(call)
    const { args, db } = call
    for (let i = 1; i < args.length; i += 2) if (db.findForWrite(args.bytes(i)) !== NONE) return call.reply.integer(0)
    createAll(call)
    call.reply.integer(1)
  },
})
