// CLUSTER MOVESLOTS, CLUSTER CANCELMOVES: move slots of this node's shard, with all their keys, to
// another shard while clients work (src/shards). CLUSTER MOVES shows the progress.

import { awaitWork } from '../../engine/waiting/async-commands.ts'
import { ERR } from '../../protocol/errors.ts'
import type { Call } from '../call.ts'
import { type CommandSpec, defineCommand } from '../define-command.ts'
import { movesOf, SLOT_RANGES, slotRangesAt } from './cluster-arguments.ts'

const SHARD_AT = 2
const RANGES_AT = 3
const BACKWARDS = ERR.of('Start slot number is greater than end slot number')
const TWICE = ERR.of('A slot is named twice')

const common = {
  group: 'cluster',
  since: '7.2.0',
  flags: ['admin', 'stale', 'noscript', 'no_multi', 'no_async_loading'],
  mayWait: true,
} as const satisfies Partial<CommandSpec>

export const clusterMoveslots = defineCommand({
  ...common,
  name: 'CLUSTER MOVESLOTS',
  summary: 'Begins to move slots, with their keys, to another shard.',
  complexity: 'O(N) with N slots',
  arity: -5,
  args: [{ name: 'shard-name', type: 'string' }, SLOT_RANGES],
  reply: 'status: OK, they begin to move',
  run(call) {
    const moves = movesOf(call)
    const slots = call.retrying ? [] : slotsFrom(call, RANGES_AT)
    if (awaitWork(call, () => moves.begin(call.args.string(SHARD_AT), slots)) !== undefined) call.reply.ok()
  },
})

export const clusterCancelmoves = defineCommand({
  ...common,
  name: 'CLUSTER CANCELMOVES',
  summary: 'Ends all moves of slots from this shard; slots that have not gone stay.',
  complexity: 'O(N) with N moves',
  arity: 2,
  reply: 'status: OK',
  run(call) {
    const moves = movesOf(call)
    if (awaitWork(call, () => moves.cancel()) !== undefined) call.reply.ok()
  },
})

/** Reads ranges of slots, from an argument on. No slot may be named twice. */
export function slotsFrom(call: Call, index: number): number[] {
  const slots = new Set<number>()
  for (const [first, last] of slotRangesAt(call, index, () => BACKWARDS)) {
    for (let slot = first; slot <= last; slot++) {
      if (slots.has(slot)) throw TWICE
      slots.add(slot)
    }
  }
  return [...slots]
}
