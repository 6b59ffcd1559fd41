// SENTINEL INFO-CACHE: the last INFO of each node. Here it is this node's present INFO; the INFO of
// other nodes is not kept.

import { defineCommand } from '../define-command.ts'
import { describeServer } from '../server/info.ts'
import { isOffered, shardOf } from './shard-arguments.ts'

export const sentinelInfoCache = defineCommand({
  name: 'SENTINEL INFO-CACHE',
  summary: 'Returns what INFO says here.',
  group: 'sentinel',
  since: '3.2.0',
  complexity: 'O(N) with N commands',
  arity: -3,
  flags: ['admin'],
  args: [{ name: 'nodename', type: 'string', multiple: true }],
  reply: 'array: for each name that is known the name, then pairs of age and text',
  isOffered,
  run(call) {
    const { args, reply } = call
    const shard = shardOf(call)
    let known = 0
    for (let i = 2; i < args.length; i++) if (args.string(i) === shard.name) known++
    reply.map(known > 0 ? 1 : 0)
    if (known === 0) return
    reply.text(shard.name)
    reply.array(1)
    reply.array(2)
    reply.integer(0)
    reply.text(describeServer(call.engine))
  },
})
