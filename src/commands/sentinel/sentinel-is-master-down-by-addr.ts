// SENTINEL IS-MASTER-DOWN-BY-ADDR: by it Sentinels ask each other about a primary, and for votes.
// Respite has no elections, so the reply never contains a vote.

import { defineCommand } from '../define-command.ts'
import { ipOf, isOffered, portOf, shardOf } from './shard-arguments.ts'

export const sentinelIsMasterDownByAddr = defineCommand({
  name: 'SENTINEL IS-MASTER-DOWN-BY-ADDR',
  summary: 'Tells whether a primary is down, as this node sees it.',
  group: 'sentinel',
  since: '2.8.4',
  complexity: 'O(1)',
  arity: 6,
  flags: ['admin'],
  args: [
    { name: 'ip', type: 'string' },
    { name: 'port', type: 'integer' },
    { name: 'current-epoch', type: 'integer' },
    { name: 'runid', type: 'string' },
  ],
  reply: 'array: 1 if it is down, `*` for no vote, 0',
  isOffered,
  run(call) {
    const { args, reply } = call
    const { primary } = shardOf(call)
    const port = args.integer(3)
    args.integer(4)
    const isMeant = args.string(2) === ipOf(call, primary) && port === portOf(call, primary)
    reply.array(3)
    reply.integer(isMeant && !primary.isUp ? 1 : 0)
    reply.text('*')
    reply.integer(0)
  },
})
