// CLUSTER KEYSLOT, CLUSTER COUNTKEYSINSLOT, CLUSTER GETKEYSINSLOT: the slot of a key, and the keys
// of a slot. Nothing is scanned.

import { ERR } from '../../protocol/errors.ts'
import { Bytes } from '../../util/bytes/bytes.ts'
import { hashSlotOf, SLOT_COUNT } from '../../util/tables/hash-slot.ts'
import type { Call } from '../call.ts'
import { type CommandSpec, defineCommand } from '../define-command.ts'
import { clusterOf, countKeys } from './cluster-arguments.ts'

const INVALID_SLOT = ERR.of('Invalid slot')
const INVALID_SLOT_OR_COUNT = ERR.of('Invalid slot or number of keys')

const common = { group: 'cluster', since: '3.0.0', flags: ['stale'] } as const satisfies Partial<CommandSpec>

function isSlot(number: number | bigint): number is number {
  return number >= 0 && number < SLOT_COUNT
}

export const clusterKeyslot = defineCommand({
  ...common,
  name: 'CLUSTER KEYSLOT',
  summary: 'Returns the slot of a key.',
  complexity: 'O(N) with N bytes of the key',
  arity: 3,
  args: [{ name: 'key', type: 'string' }],
  reply: 'integer: the slot',
  run(call) {
    clusterOf(call)
    call.reply.integer(hashSlotOf(call.args.bytes(2)))
  },
})

export const clusterCountkeysinslot = defineCommand({
  ...common,
  name: 'CLUSTER COUNTKEYSINSLOT',
  summary: 'Counts the keys of a slot that are here.',
  complexity: 'O(1)',
  arity: 3,
  args: [{ name: 'slot', type: 'integer' }],
  reply: 'integer: number of keys',
  run(call) {
    clusterOf(call)
    const slot = call.args.integer(2)
    if (!isSlot(slot)) throw INVALID_SLOT
    call.reply.integer(countKeys(call, slot))
  },
})

export const clusterGetkeysinslot = defineCommand({
  ...common,
  name: 'CLUSTER GETKEYSINSLOT',
  summary: 'Names keys of a slot that are here.',
  complexity: 'O(N) with N keys named',
  arity: 4,
  args: [
    { name: 'slot', type: 'integer' },
    { name: 'count', type: 'integer' },
  ],
  tips: ['nondeterministic_output'],
  reply: 'array: names of keys',
  run(call) {
    clusterOf(call)
    const slot = call.args.integer(2)
    const count = call.args.integer(3)
    if (!isSlot(slot) || count < 0) throw INVALID_SLOT_OR_COUNT
    replyKeys(call, slot, Number(count))
  },
})

function replyKeys(call: Call, slot: number, max: number): void {
  const { keys } = call.db
  let left = Math.min(countKeys(call, slot), max)
  call.reply.array(left)
  if (keys.slots === null) return
  const window = new Bytes()
  for (const entry of keys.slots.entries(slot)) {
    if (left-- === 0) return
    call.reply.bulk(keys.keyOf(entry, window))
  }
}
