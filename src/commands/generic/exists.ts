// EXISTS, TOUCH: count the existing keys. TOUCH also marks them as used.

import { NONE } from '../../store/keyspace/keyspace.ts'
import type { Call } from '../call.ts'
import { type CommandSpec, defineCommand } from '../define-command.ts'

function countExisting(call: Call): void {
  let existing = 0
  // A key named twice counts twice.
  for (let i = 1; i < call.args.length; i++) if (call.db.peek(call.key(i)) !== NONE) existing++
  call.reply.integer(existing)
}

function touchKeys(call: Call): void {
  let existing = 0
  for (let i = 1; i < call.args.length; i++) {
    const entry = call.db.peek(call.key(i))
    if (entry === NONE) continue
    existing++
    // Not `findForRead`: TOUCH marks a key as used even for clients with CLIENT NO-TOUCH.
    call.db.touch(entry)
  }
  call.reply.integer(existing)
}

const common = {
  group: 'generic',
  acl: ['keyspace'],
  arity: -2,
  flags: ['readonly', 'fast'],
  keys: [{ first: 1, last: -1, step: 1, access: 'RO' }],
  args: [{ name: 'key', type: 'key', multiple: true }],
  tips: ['request_policy:multi_shard', 'response_policy:agg_sum'],
} as const satisfies Partial<CommandSpec>

export const exists = defineCommand({
  ...common,
  name: 'EXISTS',
  summary: 'Counts which of the given keys exist.',
  since: '1.0.0',
  complexity: 'O(N) with N keys',
  reply: 'integer: keys that exist, repetitions counted',
  history: [['3.0.3', 'Accepts several keys.']],
  run: countExisting,
})

export const touch = defineCommand({
  ...common,
  name: 'TOUCH',
  summary: 'Counts as a use of keys without reading them.',
  since: '3.2.1',
  complexity: 'O(N) with N keys',
  reply: 'integer: keys that exist, repetitions counted',
  run: touchKeys,
})
