// MSET, MSETNX: many strings at once, wholly or (MSETNX) not at all.

import { ERR } from '../../protocol/errors.ts'
import { NONE } from '../../store/keyspace/keyspace.ts'
import type { Call } from '../call.ts'
import { type CommandSpec, defineCommand } from '../define-command.ts'

function setAll(call: Call): void {
  const { args, db } = call
  for (let i = 1; i < args.length; i += 2) {
    db.writeString(args.bytes(i), args.bytes(i + 1), false, args.owns(i + 1))
    call.changed(args.bytes(i), 'set')
  }
}

/** Sets keys that do not exist. Out of memory half way, no key stays. */
function createAll(call: Call): void {
  const { args, db } = call
  let created = 1
  try {
    for (; created < args.length; created += 2) {
      db.writeString(args.bytes(created), args.bytes(created + 1), false, args.owns(created + 1))
    }
  } finally {
    if (created < args.length) for (let i = 1; i < created; i += 2) db.delete(args.bytes(i))
  }
  for (let i = 1; i < args.length; i += 2) call.changed(args.bytes(i), 'set')
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
