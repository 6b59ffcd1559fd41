// SENTINEL MYID: the id under which this node answers Sentinel's commands.

import { defineCommand } from '../define-command.ts'
import { isOffered, shardOf } from './shard-arguments.ts'

export const sentinelMyid = defineCommand({
  name: 'SENTINEL MYID',
  summary: 'Returns the id of this node as one that answers.',
  group: 'sentinel',
  since: '6.2.0',
  complexity: 'O(1)',
  arity: 2,
  flags: ['admin'],
  reply: 'text: 40 hexadecimal digits',
  isOffered,
  run: (call) => call.reply.text(shardOf(call).id),
})
