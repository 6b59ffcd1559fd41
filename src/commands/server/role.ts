// ROLE: what this server is to others.

import { defineCommand } from '../../engine/command.ts'
import { engineOf } from '../../engine/engine.ts'

export const role = defineCommand({
  name: 'ROLE',
  summary: 'Returns the replication role.',
  group: 'server',
  since: '2.8.12',
  complexity: 'O(1)',
  acl: ['admin', 'dangerous'],
  arity: 1,
  flags: ['noscript', 'loading', 'stale', 'fast'],
  reply: 'array: the role, then what there is to say of it',
  run(call) {
    const { history, replication } = engineOf(call)
    const { reply } = call
    const following = replication?.following
    if (following !== undefined) {
      reply.array(5)
      reply.text('slave')
      reply.text(following.host)
      reply.integer(following.port)
      reply.text(following.state)
      reply.integer(following.linkUp ? history.offset : -1)
      return
    }
    reply.array(3)
    reply.text('master')
    reply.integer(history.offset)
    reply.array(0)
  },
})
