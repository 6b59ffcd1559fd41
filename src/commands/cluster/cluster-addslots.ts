// CLUSTER ADDSLOTS, ADDSLOTSRANGE, DELSLOTS, DELSLOTSRANGE, FLUSHSLOTS: change the slots of this
// node. Either all slots of a request are changed, or none.

import { ERR, type ReplyError } from '../../protocol/errors.ts'
import { SLOT_COUNT } from '../../util/tables/hash-slot.ts'
import type { Call } from '../call.ts'
import { type CommandSpec, defineCommand } from '../define-command.ts'
import { clusterOf, mapOf, SLOT_RANGES, slotAt, slotRangesAt } from './cluster-arguments.ts'

type Action = 'add' | 'delete'

const SLOTS_AT = 2
const NOT_EMPTY = ERR.of('DB must be empty to perform CLUSTER FLUSHSLOTS.')

function each(call: Call, action: Action): void {
  const cluster = clusterOf(call)
  const slots: number[] = []
  // Redis reports an argument that is not a slot before any error about a single slot.
  for (let i = SLOTS_AT; i < call.args.length; i++) slots.push(slotAt(call, i))
  change(call, action, slots, mapOf(cluster))
}

function ranges(call: Call, action: Action): void {
  const cluster = clusterOf(call)
  const slots: number[] = []
  for (const [first, last] of slotRangesAt(call, SLOTS_AT, backwards))
    for (let slot = first; slot <= last; slot++) slots.push(slot)
  change(call, action, slots, mapOf(cluster))
}

function backwards(first: number, last: number): ReplyError {
  return ERR.of(`start slot number ${first} is greater than end slot number ${last}`)
}

function change(call: Call, action: Action, slots: readonly number[], map: ReturnType<typeof mapOf>): void {
  const cluster = clusterOf(call)
  const seen = new Set<number>()
  for (const slot of slots) {
    const owner = cluster.ownerOf(slot)
    if (action === 'delete' && owner === undefined) throw ERR.of(`Slot ${slot} is already unassigned`)
    if (action === 'add' && owner !== undefined) throw ERR.of(`Slot ${slot} is already busy`)
    if (seen.has(slot)) throw ERR.of(`Slot ${slot} specified multiple times`)
    seen.add(slot)
  }
  map.assign(seen, action === 'add' ? cluster.myself : undefined)
  call.reply.ok()
}

const common = {
  group: 'cluster',
  complexity: 'O(N) with N slots',
  flags: ['admin', 'stale', 'no_async_loading'],
  reply: 'status: OK',
} as const satisfies Partial<CommandSpec>

const some = {
  ...common,
  since: '3.0.0',
  arity: -3,
  args: [{ name: 'slot', type: 'integer', multiple: true }],
} as const satisfies Partial<CommandSpec>

const ranged = {
  ...common,
  since: '7.0.0',
  arity: -4,
  args: [SLOT_RANGES],
} as const satisfies Partial<CommandSpec>

export const clusterAddslots = defineCommand({
  ...some,
  name: 'CLUSTER ADDSLOTS',
  summary: 'Gives slots without an owner to this node.',
  run: (call) => each(call, 'add'),
})

export const clusterDelslots = defineCommand({
  ...some,
  name: 'CLUSTER DELSLOTS',
  summary: 'Takes slots from their owner, as far as this node knows.',
  run: (call) => each(call, 'delete'),
})

export const clusterAddslotsrange = defineCommand({
  ...ranged,
  name: 'CLUSTER ADDSLOTSRANGE',
  summary: 'Gives ranges of slots without an owner to this node.',
  run: (call) => ranges(call, 'add'),
})

export const clusterDelslotsrange = defineCommand({
  ...ranged,
  name: 'CLUSTER DELSLOTSRANGE',
  summary: 'Takes ranges of slots from their owner, as far as this node knows.',
  run: (call) => ranges(call, 'delete'),
})

export const clusterFlushslots = defineCommand({
  ...common,
  name: 'CLUSTER FLUSHSLOTS',
  summary: 'Takes all slots from this node.',
  since: '3.0.0',
  arity: 2,
  run(call) {
    const cluster = clusterOf(call)
    if (call.db.size > 0) throw NOT_EMPTY
    const own: number[] = []
    for (let slot = 0; slot < SLOT_COUNT; slot++) if (cluster.ownerOf(slot) === cluster.myself) own.push(slot)
    mapOf(cluster).assign(own, undefined)
    call.reply.ok()
  },
})
