import { defineCommand } from '../../engine/command.ts'
import { ipOf, isOffered, portOf, shardOf } from './shard-of.ts'

export const sentinelGetMasterAddrByName = defineCommand({
  name: 'SENTINEL GET-MASTER-ADDR-BY-NAME',
  summary: 'Tells where the primary of the shard of that name is.',
  group: 'sentinel',
  since: '2.8.4',
  complexity: 'O(1)',
  arity: 3,
  flags: ['admin'],
  args: [{ name: 'master-name', type: 'string' }],
  reply: 'array: address and port; nil for another name',
  isOffered,
  run(call) {
    const shard = shardOf(call)
    const { reply } = call
    if (call.args.string(2) !== shard.name) return reply.nilArray()
    reply.array(2)
    reply.text(ipOf(call, shard.primary))
    reply.text(String(portOf(call, shard.primary)))
  },
})
