// ROLE: the role of this server in replication, with its offsets.

import { defineCommand } from '../define-command.ts'

export const role = defineCommand({
  name: 'ROLE',
  summary: 'Tells whether this server leads or follows.',
  group: 'server',
  since: '2.8.12',
  complexity: 'O(1)',
  acl: ['admin', 'dangerous'],
  arity: 1,
  flags: ['noscript', 'loading', 'stale', 'fast'],
  reply:
    'array: master, its offset, and address, port and offset of each replica; or slave, its primary, the state of the link and its offset',
  run(call) {
    const engine = call.engine
    const { history } = engine.effects
    const { reply } = call
    const { following, replicas } = engine.parts.replication
    if (following !== undefined) {
      reply.array(5)
      reply.text('slave')
      reply.text(following.host)
      reply.integer(following.port)
      reply.text(following.state)
      reply.integer(following.linkUp ? history.offset : -1)
      return
    }
    const online = replicas.statuses.filter(({ state }) => state === 'online')
    reply.array(3)
    reply.text('master')
    reply.integer(history.offset)
    reply.array(online.length)
    for (const { address, port, offset } of online) {
      reply.array(3)
      reply.text(address)
      reply.text(String(port))
      reply.text(String(offset))
    }
  },
})
