// The first steps of the commands about a cluster: they find the cluster, the map to change, the
// node and the slot that the arguments name.

import type { ChangeableMap, ClusterNode, ClusterView, SlotMoves } from '../../engine/cluster-view/cluster-view.ts'
import type { ArgSpec } from '../../engine/spec/command-spec.ts'
import { ERR, type ReplyError } from '../../protocol/errors.ts'
import { parseInteger } from '../../util/numbers/numbers.ts'
import { SLOT_COUNT } from '../../util/tables/hash-slot.ts'
import type { Call } from '../call.ts'

const DISABLED = ERR.of('This instance has cluster support disabled')
const MADE_ELSEWHERE = ERR.of(
  'The map of this cluster lies in a log, and all its nodes have it from there: slots are moved by CLUSTER MOVESLOTS',
)
const MOVED_BY_HAND = ERR.of('The slots of this cluster are moved by CLUSTER SETSLOT and MIGRATE')
const INVALID_SLOT = ERR.of('Invalid or out of range slot')

/** Returns the cluster. Throws if there is none. */
export function clusterOf(call: Call): ClusterView {
  const {
    parts: { cluster },
  } = call.engine
  if (cluster === null) throw DISABLED
  return cluster
}

/** Returns the changeable map of a cluster. Throws if commands may not change the map. */
export function mapOf({ map }: ClusterView): ChangeableMap {
  if (map === undefined) throw MADE_ELSEWHERE
  return map
}

/** Returns the moves of slots. Throws if slots do not move by themselves. */
export function movesOf(call: Call): SlotMoves {
  const { moves } = clusterOf(call)
  if (moves === undefined) throw MOVED_BY_HAND
  return moves
}

/** Returns the node that an argument names. Throws `Unknown node …`, or the given error. */
export function nodeAt(call: Call, index: number, unknown = 'Unknown node'): ClusterNode {
  const id = call.args.string(index)
  const node = clusterOf(call).nodes.get(id)
  if (node === undefined) throw ERR.of(`${unknown} ${id}`)
  return node
}

/** Reads the number of a slot. */
export function slotAt(call: Call, index: number): number {
  const slot = parseInteger(call.args.bytes(index))
  if (typeof slot !== 'number' || slot < 0 || slot >= SLOT_COUNT) throw INVALID_SLOT
  return slot
}

/** The spec of arguments that are ranges of slots. */
export const SLOT_RANGES = {
  name: 'range',
  type: 'block',
  multiple: true,
  args: [
    { name: 'start-slot', type: 'integer' },
    { name: 'end-slot', type: 'integer' },
  ],
} as const satisfies ArgSpec

/**
 * Reads ranges of slots from an argument on, one after the other. Throws where one has no end, or
 * is backwards: then what `backwards` returns.
 */
export function* slotRangesAt(
  call: Call,
  index: number,
  backwards: (first: number, last: number) => ReplyError,
): Iterable<readonly [first: number, last: number]> {
  const { args } = call
  if ((args.length - index) % 2 !== 0) throw ERR.arity(call.command.name)
  for (let at = index; at < args.length; at += 2) {
    const [first, last] = [slotAt(call, at), slotAt(call, at + 1)]
    if (first > last) throw backwards(first, last)
    yield [first, last]
  }
}

/** Number of keys in a slot. */
export function countKeys(call: Call, slot: number): number {
  return call.db.keys.slots?.count(slot) ?? 0
}
