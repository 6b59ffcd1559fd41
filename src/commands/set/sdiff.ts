// SDIFF, SDIFFSTORE: the members of the first set that are in none of the others.
//
// There are two ways. Each member of the first set is looked up in the others, or the members of
// the others are removed from a copy of the first. Redis estimates both costs. The encoding of a
// stored result depends on the choice, so the same estimate is made here.

import type { MemberSet } from '../../store/set/member-set.ts'
import { removesFromCopy, sortByLength, subtract, subtractFromCopy } from '../../store/set/set-algebra.ts'
import { itemAt } from '../../util/array-reads.ts'
import { Bytes } from '../../util/bytes/bytes.ts'
import type { Call } from '../call.ts'
import { type CommandSpec, defineCommand } from '../define-command.ts'
import { storeResult } from '../store-result.ts'
import { newSet, readSets } from './set-arguments.ts'

const member = new Bytes()

/** Returns the first set and the sets to subtract; undefined if the result must be empty. */
function readInputs(call: Call, first: number): MemberSet[] | undefined {
  const sets: (MemberSet | undefined)[] = []
  readSets(call, first, call.args.length, sets)
  if (sets[0] === undefined || sets.includes(sets[0], 1)) return undefined
  return sets.filter((set) => set !== undefined)
}

function run(call: Call): void {
  const { reply } = call
  const sets = readInputs(call, 1)
  if (sets === undefined) {
    reply.set(0)
    return
  }
  const minuend = itemAt(sets, 0)
  const others = sets.slice(1)
  if (removesFromCopy(sets)) {
    const rest = newSet(call)
    try {
      subtractFromCopy(rest, sets)
      reply.set(rest.length)
      rest.writeAll(reply)
    } finally {
      call.db.discard(rest)
    }
    return
  }
  const slots = subtract(minuend, sortByLength(others, 'descending'))
  reply.set(slots.length)
  for (let i = 0; i < slots.length; i++) reply.bulk(minuend.memberOf(itemAt(slots, i), member))
}

function runStore(call: Call): void {
  const sets = readInputs(call, 2)
  const result = newSet(call)
  if (sets !== undefined) {
    try {
      if (removesFromCopy(sets)) {
        subtractFromCopy(result, sets)
      } else {
        const minuend = itemAt(sets, 0)
        const slots = subtract(minuend, sortByLength(sets.slice(1), 'descending'))
        for (let i = 0; i < slots.length; i++) result.add(minuend.memberOf(itemAt(slots, i), member))
      }
    } catch (error) {
      result.free()
      throw error
    }
  }
  storeResult(call, call.key(1), result, 'sdiffstore')
}

const common = {
  group: 'set',
  since: '1.0.0',
  complexity: 'O(N) where N is the number of members of all the sets.',
} as const satisfies Partial<CommandSpec>

export const sdiff = defineCommand({
  ...common,
  name: 'SDIFF',
  summary: 'Returns what is in one set and in none of several others.',
  arity: -2,
  flags: ['readonly'],
  keys: [{ first: 1, last: -1, step: 1, access: 'RO', use: 'access' }],
  args: [{ name: 'key', type: 'key', multiple: true }],
  tips: ['nondeterministic_output_order'],
  reply: 'set: the members of the first that no other has',
  run,
})

export const sdiffstore = defineCommand({
  ...common,
  name: 'SDIFFSTORE',
  summary: 'Stores what is in one set and in none of several others in a key.',
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
