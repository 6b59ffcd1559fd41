// DEL, UNLINK: remove keys. Large values are freed in steps by every command that removes them, so
// UNLINK is DEL by another name.

import type { Call } from '../call.ts'
import { type CommandSpec, defineCommand } from '../define-command.ts'

function remove(call: Call): void {
  let removed = 0
  for (let i = 1; i < call.args.length; i++) {
    const key = call.key(i)
    if (!call.db.delete(key)) continue
    removed++
    call.changed(key, 'del')
  }
  call.reply.integer(removed)
}

const common = {
  group: 'generic',
  acl: ['keyspace'],
  arity: -2,
  keys: [{ first: 1, last: -1, step: 1, access: 'RM', use: 'delete' }],
  args: [{ name: 'key', type: 'key', multiple: true }],
  tips: ['request_policy:multi_shard', 'response_policy:agg_sum'],
  reply: 'integer: keys that existed and were removed',
  run: remove,
} as const satisfies Partial<CommandSpec>

export const del = defineCommand({
  ...common,
  name: 'DEL',
  summary: 'Removes keys.',
  since: '1.0.0',
  complexity: 'O(N) with N keys',
  flags: ['write'],
})

export const unlink = defineCommand({
  ...common,
  name: 'UNLINK',
  summary: 'Removes keys without making others wait for large values.',
  since: '4.0.0',
  complexity: 'O(N) with N keys',
  flags: ['write', 'fast'],
})
