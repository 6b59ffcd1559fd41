// CLUSTER RECEIVE: announces keys that the leader of another shard is going to send here. Without
// arguments it returns the version of the map that this node knows.

import { ERR } from '../../protocol/errors.ts'
import { defineCommand } from '../define-command.ts'
import { movesOf, SLOT_RANGES } from './cluster-arguments.ts'
import { slotsFrom } from './cluster-moveslots.ts'

const MOVE_AT = 2
const EPOCH_AT = 3
const RANGES_AT = 4

export const clusterReceive = defineCommand({
  name: 'CLUSTER RECEIVE',
  summary: 'Prepares for keys that another shard brings here; asked by its leader.',
  group: 'cluster',
  since: '7.2.0',
  complexity: 'O(N) with N slots, and keys that are in the way',
  arity: -2,
  flags: ['admin', 'noscript', 'no_multi', 'no_async_loading'],
  args: [
    {
      name: 'move',
      type: 'block',
      optional: true,
      args: [{ name: 'move-id', type: 'integer' }, { name: 'epoch', type: 'integer' }, SLOT_RANGES],
    },
  ],
  reply: 'integer: keys that are still in the way, 0 = they may be brought; without arguments the version of the map',
  run(call) {
    const moves = movesOf(call)
    const { args, client, reply } = call
    if (args.length === MOVE_AT) return reply.integer(moves.version)
    if (args.length <= RANGES_AT) throw ERR.syntax
    reply.integer(moves.receive(client, call.integer(MOVE_AT), call.integer(EPOCH_AT), slotsFrom(call, RANGES_AT)))
  },
})
