// DBSIZE: the number of keys in the selected database.

import { defineCommand } from '../define-command.ts'

export const dbsize = defineCommand({
  name: 'DBSIZE',
  summary: 'Returns how many keys the selected database has.',
  group: 'server',
  since: '1.0.0',
  complexity: 'O(1)',
  acl: ['keyspace'],
  arity: 1,
  flags: ['readonly', 'fast'],
  tips: ['request_policy:all_shards', 'response_policy:agg_sum'],
  reply: 'integer: number of keys',
  run(call) {
    call.engine.effects.durability.lookedEverywhere()
    call.reply.integer(call.db.size)
  },
})
