// SINTER, SINTERSTORE, SINTERCARD: what several sets have in common.
//
// Walks the smallest set and probes the others, the smaller ones first. A member
// that is in all of them is known by its slot in the smallest until it is replied,
// stored or counted.

import { ERR } from '../../protocol/errors.ts'
import type { MemberSet } from '../../store/set/member-set.ts'
import { intersect, sortByLength } from '../../store/set/set-algebra.ts'
import { itemAt } from '../../util/array-reads.ts'
import { Bytes } from '../../util/bytes/bytes.ts'
import { parseInteger } from '../../util/numbers/numbers.ts'
import type { Call } from '../call.ts'
import { type CommandSpec, defineCommand } from '../define-command.ts'
import { storeResult } from '../store-result.ts'
import { newSet, readSets } from './set-arguments.ts'

const member = new Bytes()

/**
 * Returns the sets of some keys, the smallest first; undefined if one is missing and the result
 * therefore empty.
 */
function readInputs(call: Call, first: number, end: number): MemberSet[] | undefined {
  const sets: (MemberSet | undefined)[] = []
  // All keys are looked up, since a wrong type is an error wherever it stands.
  readSets(call, first, end, sets)
  if (sets.includes(undefined)) return undefined
  sortByLength(sets as MemberSet[], 'ascending')
  return sets as MemberSet[]
}

function run(call: Call): void {
  const { reply } = call
  const sets = readInputs(call, 1, call.args.length)
  if (sets === undefined) {
    reply.set(0)
    return
  }
  const smallest = itemAt(sets, 0)
  if (sets.length === 1) {
    reply.set(smallest.length)
    smallest.writeAll(reply)
    return
  }
  const slots = intersect(sets, Number.POSITIVE_INFINITY)
  reply.set(slots.length)
  for (let i = 0; i < slots.length; i++) reply.bulk(smallest.memberOf(itemAt(slots, i), member))
}

function runStore(call: Call): void {
  const sets = readInputs(call, 2, call.args.length)
  const result = newSet(call)
  if (sets !== undefined) {
    const smallest = itemAt(sets, 0)
    try {
      // Redis builds a listpack, and turns the result into an intset if possible.
      if (smallest.encoding !== 'intset') result.become('listpack')
      const slots = intersect(sets, Number.POSITIVE_INFINITY)
      for (let i = 0; i < slots.length; i++) result.add(smallest.memberOf(itemAt(slots, i), member))
      result.becomeIntset()
    } catch (error) {
      result.free()
      throw error
    }
  }
  storeResult(call, call.key(1), result, 'sinterstore')
}

function runCount(call: Call): void {
  const { args } = call
  const numkeys = parseInteger(args.bytes(1))
  if (numkeys === undefined || numkeys < 1) throw ERR.numkeysNotPositive
  if (numkeys > args.length - 2) throw ERR.numkeysTooLarge
  const end = 2 + Number(numkeys)
  let limit = 0
  const options = call.options(end)
  while (options.next()) {
    if (!options.is('LIMIT') || !options.has(1)) throw ERR.syntax
    const value = parseInteger(options.bytes())
    if (value === undefined || value < 0) throw ERR.limitNegative
    limit = Number(value)
  }
  const sets = readInputs(call, 2, end)
  if (sets === undefined) call.reply.integer(0)
  else call.reply.integer(intersect(sets, limit === 0 ? Number.POSITIVE_INFINITY : limit).length)
}

const common = {
  group: 'set',
  complexity: 'O(N*M) where N is the number of members of the smallest set and M the number of sets.',
} as const satisfies Partial<CommandSpec>

export const sinter = defineCommand({
  ...common,
  name: 'SINTER',
  summary: 'Returns what several sets have in common.',
  since: '1.0.0',
  arity: -2,
  flags: ['readonly'],
  keys: [{ first: 1, last: -1, step: 1, access: 'RO', use: 'access' }],
  args: [{ name: 'key', type: 'key', multiple: true }],
  tips: ['nondeterministic_output_order'],
  reply: 'set: the members that all of them have',
  run,
})

export const sinterstore = defineCommand({
  ...common,
  name: 'SINTERSTORE',
  summary: 'Stores what several sets have in common in a key.',
  since: '1.0.0',
  arity: -3,
  flags: ['write', 'denyoom'],
  keys: [
    { first: 1, last: 1, step: 1, access: 'RW', use: 'update' },
    { first: 2, last: -1, step: 1, access: 'RO', use: 'access' },
  ],
  args: [
    { name: 'destination', type: 'key' },
    { name: 'key', type: 'key', multiple: true },
  ],
  reply: 'integer: the number of members stored',
  run: runStore,
})

export const sintercard = defineCommand({
  ...common,
  name: 'SINTERCARD',
  summary: 'Counts what several sets have in common, up to a limit.',
  since: '7.0.0',
  arity: -3,
  flags: ['readonly', 'movablekeys'],
  keys: [{ count: 1, first: 2, access: 'RO', use: 'access' }],
  args: [
    { name: 'numkeys', type: 'integer' },
    { name: 'key', type: 'key', multiple: true },
    { name: 'limit', type: 'integer', token: 'LIMIT', optional: true },
  ],
  reply: 'integer: the number of members that all of them have',
  run: runCount,
})
