// SENTINEL CKQUORUM: in Redis, tells whether enough Sentinels are up to agree on a failover. Here
// no Sentinel votes, so the reply tells whether the primary is up.

import { ReplyError } from '../../protocol/errors.ts'
import { defineCommand } from '../define-command.ts'
import { isOffered, namedShard } from './shard-arguments.ts'

const NO_PRIMARY = new ReplyError('NOGOODSLAVE the primary is down, as this node sees it')

export const sentinelCkquorum = defineCommand({
  name: 'SENTINEL CKQUORUM',
  summary: 'Tells whether the primary of the shard of that name is up.',
  group: 'sentinel',
  since: '2.8.4',
  complexity: 'O(1)',
  arity: 3,
  flags: ['admin'],
  args: [{ name: 'master-name', type: 'string' }],
  reply: 'status: OK and a sentence',
  isOffered,
  run(call) {
    const { others, primary } = namedShard(call)
    if (!primary.isUp) throw NO_PRIMARY
    call.reply.status(`OK ${1 + others.length} usable Sentinels. Quorum and failover authorization can be reached`)
  },
})
