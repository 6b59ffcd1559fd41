// ROLE: whether this server leads or follows, and how far that has got.

import { defineCommand } from '../../engine/command.ts'
import { engineOf } from '../../engine/engine.ts'
import { replicationOf } from '../../replication/replication.ts'

export const role = defineCommand({
  name: 'ROLE',
  summary: 'Tells whether this server leads or follows.',
  group: 'server',
  since: '2.8.12',
  complexity: 'O(1)',
  acl: ['admin', 'dangerous'],
  arity: 1,
  flags: ['noscript', 'loading', 'stale', 'fast'],
  reply: 'array: master, its offset, and address, port and offset of each replica',
  run(call) {
    const engine = engineOf(call)
    const { reply } = call
    const replicas = replicationOf(engine).leading.replicas.filter(({ state }) => state === 'online')
    reply.array(3)
    reply.text('master')
    reply.integer(engine.history.offset)
    reply.array(replicas.length)
    for (const { address, port, offset } of replicas) {
      reply.array(3)
      reply.text(address)
      reply.text(String(port))
      reply.text(String(offset))
    }
  },
})
