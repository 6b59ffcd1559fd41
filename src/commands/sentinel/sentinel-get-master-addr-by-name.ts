// SENTINEL GET-MASTER-ADDR-BY-NAME: the address of the primary. Clients ask it first.

import { defineCommand } from '../define-command.ts'
import { ipOf, isOffered, portOf, shardOf } from './shard-arguments.ts'

export const sentinelGetMasterAddrByName = defineCommand({
  name: 'SENTINEL GET-MASTER-ADDR-BY-NAME',
  summary: 'Tells where the primary of the shard of that name is.',
  group: 'sentinel',
  since: '2.8.4',
  complexity: 'O(1)',
  arity: 3,
  flags: ['admin'],
  args: [{ name: 'master-name', type: 'string' }],
  reply: 'array: address and port; nil for another name, and while there is no leader',
  isOffered,
  run(call) {
    const shard = shardOf(call)
    const { reply } = call
    const isKnown = shard.primary.port > 0 || shard.primary.tlsPort > 0
    if (call.args.string(2) !== shard.name || !isKnown) return reply.nilArray()
    reply.array(2)
    reply.text(ipOf(call, shard.primary))
    reply.text(String(portOf(call, shard.primary)))
  },
})
