// CLUSTER MOVES: slots that are moving from one shard to another, and those that moved lately. The
// leader of the source shard knows more than other nodes.

import { defineCommand } from '../define-command.ts'
import { movesOf } from './cluster-arguments.ts'

export const clusterMoves = defineCommand({
  name: 'CLUSTER MOVES',
  summary: 'Tells which slots are moved between shards, and how far that is.',
  group: 'cluster',
  since: '7.2.0',
  complexity: 'O(N) with N moves',
  arity: 2,
  flags: ['stale'],
  tips: ['nondeterministic_output'],
  reply:
    'array: a map for each move, with its id, the shards, the slots, those that are left, its state, keys that have gone and keys that were copied, and why it is tried again',
  run(call) {
    const { reply } = call
    const { list } = movesOf(call)
    reply.array(list.length)
    for (const { failure, from, id, keysCopied, keysMoved, left, slots, state, to } of list) {
      reply.map(9)
      reply.text('id')
      reply.integer(id)
      reply.text('from')
      reply.text(from)
      reply.text('to')
      reply.text(to)
      reply.text('slots')
      reply.text(slots)
      reply.text('left')
      reply.text(left)
      reply.text('state')
      reply.text(state)
      reply.text('keys-moved')
      reply.integer(keysMoved)
      reply.text('keys-copied')
      reply.integer(keysCopied)
      reply.text('failure')
      reply.text(failure)
    }
  },
})
