// SUNION, SUNIONSTORE: the members that are in any of several sets.

import type { MemberSet } from '../../store/set/member-set.ts'
import { uniteInto } from '../../store/set/set-algebra.ts'
import type { Call } from '../call.ts'
import { type CommandSpec, defineCommand } from '../define-command.ts'
import { storeResult } from '../store-result.ts'
import { newSet, readSets } from './set-arguments.ts'

/** Returns the sets of some keys, without the missing ones. */
function readInputs(call: Call, first: number): MemberSet[] {
  const sets: (MemberSet | undefined)[] = []
  readSets(call, first, call.args.length, sets)
  return sets.filter((set) => set !== undefined)
}

function run(call: Call): void {
  const { reply } = call
  const sets = readInputs(call, 1)
  if (sets.length < 2) {
    reply.set(sets[0]?.length ?? 0)
    sets[0]?.writeAll(reply)
    return
  }
  const union = newSet(call)
  try {
    // A union of integers alone is ordered; any other is a table from the start.
    if (sets.some(({ encoding }) => encoding !== 'intset')) union.become('hashtable')
    uniteInto(union, sets)
    reply.set(union.length)
    union.writeAll(reply)
  } finally {
    call.db.discard(union)
  }
}

function runStore(call: Call): void {
  const sets = readInputs(call, 2)
  const result = newSet(call)
  try {
    uniteInto(result, sets)
  } catch (error) {
    result.free()
    throw error
  }
  storeResult(call, call.key(1), result, 'sunionstore')
}

const common = {
  group: 'set',
  since: '1.0.0',
  complexity: 'O(N) where N is the number of members of all the sets.',
} as const satisfies Partial<CommandSpec>

export const sunion = defineCommand({
  ...common,
  name: 'SUNION',
  summary: 'Returns what is in any of several sets.',
  arity: -2,
  flags: ['readonly'],
  keys: [{ first: 1, last: -1, step: 1, access: 'RO', use: 'access' }],
  args: [{ name: 'key', type: 'key', multiple: true }],
  tips: ['nondeterministic_output_order'],
  reply: 'set: the members that any of them has',
  run,
})

export const sunionstore = defineCommand({
  ...common,
  name: 'SUNIONSTORE',
  summary: 'Stores what is in any of several sets in a key.',
  arity: -3,
  flags: ['write', 'denyoom'],
  keys: [
    { first: 1, last: 1, step: 1, access: 'OW', use: 'update' },
    { first: 2, last: -1, step: 1, access: 'RO', use: 'access' },
  ],
  args: [
    { name: 'destination', type: 'key' },
    { name: 'key', type: 'key', multiple: true },
  ],
  reply: 'integer: the number of members stored',
  run: runStore,
})
