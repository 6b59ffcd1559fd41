// ZUNION, ZINTER, ZDIFF, their STORE forms, and ZINTERCARD: sorted sets made of others.
//
// Union and intersection take their inputs in the order of their sizes, as Redis does. A sum of
// doubles depends on the order of its terms. The cost depends on which input is walked, and in
// which inputs members are looked up.

import type { ArgSpec } from '../../engine/spec/command.ts'
import { ERR } from '../../protocol/errors.ts'
import { GatheredScores } from '../../store/sorted-set/gathered-scores.ts'
import { ABSENT, type SortedSet } from '../../store/sorted-set/sorted-set.ts'
import { itemAt } from '../../util/array-reads.ts'
import type { Call } from '../call.ts'
import { readCount } from '../count-argument.ts'
import { type CommandSpec, defineCommand } from '../define-command.ts'
import { storeResult } from '../store-result.ts'
import { type Input, readInputs } from './combine-inputs.ts'
import { announceMembers, newSortedSet, readScore, replyMembers } from './sorted-set-arguments.ts'

type Operation = 'union' | 'inter' | 'diff'
type Aggregate = 'sum' | 'min' | 'max'
/** The destination of the result: `store` under the first key. */
type Outcome = 'reply' | 'store' | 'count'

/**
 * A sorted set with this many members is never small (`SMALL_COUNT_MAX`). Its members are gathered
 * first, and then put in order.
 */
const GATHERED_MIN = 129

function combine(call: Call, operation: Operation, outcome: Outcome): void {
  const at = outcome === 'store' ? 2 : 1
  const { args } = call
  const numkeys = args.integer(at)
  if (numkeys < 1) throw ERR.inputKeyNeeded(call.command.name)
  if (numkeys > args.length - at - 1) throw ERR.syntax
  const count = Number(numkeys)
  const inputs = readInputs(call, at + 1, count)

  let aggregate: Aggregate = 'sum'
  let withScores = false
  let limit = 0
  const options = call.options(at + 1 + count)
  while (options.next()) {
    const weighs = operation !== 'diff' && outcome !== 'count'
    if (weighs && options.has(count) && options.is('WEIGHTS')) {
      for (const input of inputs) {
        options.bytes()
        input.weight = readScore(call, options.index, ERR.weightNotFloat)
      }
    } else if (weighs && options.has(1) && options.is('AGGREGATE')) {
      options.bytes()
      if (options.is('SUM')) aggregate = 'sum'
      else if (options.is('MIN')) aggregate = 'min'
      else if (options.is('MAX')) aggregate = 'max'
      else throw ERR.syntax
    } else if (outcome === 'reply' && options.is('WITHSCORES')) {
      withScores = true
    } else if (outcome === 'count' && options.has(1) && options.is('LIMIT')) {
      options.bytes()
      limit = readCount(call, options.index, 0, ERR.limitNegative)
    } else {
      throw ERR.syntax
    }
  }
  if (operation !== 'diff') inputs.sort((a, b) => a.length - b.length)
  if (outcome === 'count') {
    call.reply.integer(countCommon(inputs, limit === 0 ? Number.POSITIVE_INFINITY : limit))
    return
  }

  const result = newSortedSet(call)
  // It is no listpack while it is built: a score of -0 is kept until the encoding is chosen.
  result.becomeSkiplist()
  try {
    if (operation === 'union') unite(call, inputs, aggregate, result)
    else if (operation === 'inter') intersect(inputs, aggregate, result)
    else subtract(inputs, result)
    if (outcome === 'store') result.chooseEncoding()
  } catch (error) {
    result.free()
    throw error
  }
  if (outcome === 'store') {
    storeResult(call, call.key(1), result, `z${operation}store`)
    return
  }
  const scores = announceMembers(call.reply, result.length, withScores)
  replyMembers(call.reply, result, 0, result.length, false, scores)
  result.free()
}

function unite(call: Call, inputs: readonly Input[], aggregate: Aggregate, result: SortedSet): void {
  // At least as large as its largest input.
  if (itemAt(inputs, inputs.length - 1).length >= GATHERED_MIN) {
    uniteMany(call, inputs, aggregate, result)
    return
  }
  for (const input of inputs) {
    for (let more = input.begin(); more; more = input.next()) {
      const score = weigh(input)
      const handle = result.find(input.member)
      if (handle === ABSENT) result.insert(input.member, score)
      else result.replaceScore(handle, input.member, join(result.scoreOf(handle), score, aggregate))
    }
  }
}

function uniteMany(call: Call, inputs: readonly Input[], aggregate: Aggregate, result: SortedSet): void {
  const gathered = new GatheredScores(call.db.arena, call.db.host.hashKey)
  try {
    for (const input of inputs) {
      for (let more = input.begin(); more; more = input.next()) {
        const score = weigh(input)
        const handle = gathered.find(input.member)
        if (handle === ABSENT) gathered.insert(input.member, score)
        else gathered.setScore(handle, join(gathered.scoreOf(handle), score, aggregate))
      }
    }
  } catch (error) {
    gathered.free()
    throw error
  }
  result.take(gathered)
}

function intersect(inputs: readonly Input[], aggregate: Aggregate, result: SortedSet): void {
  const first = itemAt(inputs, 0)
  for (let more = first.begin(); more; more = first.next()) {
    let score = weigh(first)
    let common = true
    for (let i = 1; common && i < inputs.length; i++) {
      const input = itemAt(inputs, i)
      // The same key twice needs no look-up.
      const found = input.value === first.value ? first.score : input.scoreOf(first.member)
      if (found === undefined) common = false
      else score = join(score, found * input.weight, aggregate)
    }
    if (common) result.insert(first.member, score)
  }
}

function countCommon(inputs: readonly Input[], limit: number): number {
  const first = itemAt(inputs, 0)
  let count = 0
  for (let more = first.begin(); more && count < limit; more = first.next()) {
    let common = true
    for (let i = 1; common && i < inputs.length; i++) {
      common = itemAt(inputs, i).value === first.value || itemAt(inputs, i).scoreOf(first.member) !== undefined
    }
    if (common) count++
  }
  return count
}

function subtract(inputs: readonly Input[], result: SortedSet): void {
  const first = itemAt(inputs, 0)
  for (let more = first.begin(); more; more = first.next()) {
    let alone = true
    for (let i = 1; alone && i < inputs.length; i++) {
      alone = itemAt(inputs, i).value !== first.value && itemAt(inputs, i).scoreOf(first.member) === undefined
    }
    if (alone) result.insert(first.member, first.score)
  }
}

/** Infinity times 0 counts as 0 here. */
function weigh(input: Input): number {
  const score = input.score * input.weight
  return Number.isNaN(score) ? 0 : score
}

/** Adds two scores of a member. Opposite infinities give 0; a number wins against NaN. */
function join(score: number, other: number, aggregate: Aggregate): number {
  if (aggregate === 'min') return other < score ? other : score
  if (aggregate === 'max') return other > score ? other : score
  const sum = score + other
  return Number.isNaN(sum) ? 0 : sum
}

const numkeys: ArgSpec = { name: 'numkeys', type: 'integer' }
const keys: ArgSpec = { name: 'key', type: 'key', multiple: true }
const destination: ArgSpec = { name: 'destination', type: 'key' }
const weights: ArgSpec = { name: 'weight', type: 'integer', token: 'WEIGHTS', optional: true, multiple: true }
const aggregates: ArgSpec = {
  name: 'aggregate',
  type: 'oneof',
  token: 'AGGREGATE',
  optional: true,
  args: [
    { name: 'sum', type: 'pure-token', token: 'SUM' },
    { name: 'min', type: 'pure-token', token: 'MIN' },
    { name: 'max', type: 'pure-token', token: 'MAX' },
  ],
}
const withscores: ArgSpec = { name: 'withscores', type: 'pure-token', token: 'WITHSCORES', optional: true }

const replying = {
  group: 'sorted-set',
  since: '6.2.0',
  arity: -3,
  flags: ['readonly', 'movablekeys'],
  keys: [{ count: 1, first: 2, access: 'RO', use: 'access' }],
  reply: 'array: the members; with `WITHSCORES` their scores too',
} as const satisfies Partial<CommandSpec>

const storing = {
  group: 'sorted-set',
  arity: -4,
  flags: ['write', 'denyoom', 'movablekeys'],
  keys: [
    { first: 1, last: 1, step: 1, access: 'OW', use: 'update' },
    { count: 2, first: 3, access: 'RO', use: 'access' },
  ],
  reply: 'integer: how many members were stored',
} as const satisfies Partial<CommandSpec>

const unionCost = 'O(N)+O(M*log(M)) where N is the number of members of all inputs and M that of the result.'
const interCost =
  'O(N*K)+O(M*log(M)) where N is the number of members of the smallest input, K the number of inputs and M the number of members of the result.'
const diffCost =
  'O(N*K)+O(M*log(M)) where N is the number of members of the first input, K the number of inputs and M the number of members of the result.'

export const zunion = defineCommand({
  ...replying,
  name: 'ZUNION',
  summary: 'Returns the members that are in any of several sorted sets.',
  complexity: unionCost,
  args: [numkeys, keys, weights, aggregates, withscores],
  run: (call) => combine(call, 'union', 'reply'),
})

export const zinter = defineCommand({
  ...replying,
  name: 'ZINTER',
  summary: 'Returns the members that are in all of several sorted sets.',
  complexity: interCost,
  args: [numkeys, keys, weights, aggregates, withscores],
  run: (call) => combine(call, 'inter', 'reply'),
})

export const zdiff = defineCommand({
  ...replying,
  name: 'ZDIFF',
  summary: 'Returns the members of a sorted set that are in none of several others.',
  complexity: diffCost,
  args: [numkeys, keys, withscores],
  run: (call) => combine(call, 'diff', 'reply'),
})

export const zintercard = defineCommand({
  ...replying,
  name: 'ZINTERCARD',
  since: '7.0.0',
  summary: 'Counts the members that are in all of several sorted sets.',
  complexity: 'O(N*K) where N is the number of members of the smallest input and K the number of inputs.',
  args: [numkeys, keys, { name: 'limit', type: 'integer', token: 'LIMIT', optional: true }],
  reply: 'integer: how many members all have, at most the limit if that is not 0',
  run: (call) => combine(call, 'inter', 'count'),
})

export const zunionstore = defineCommand({
  ...storing,
  name: 'ZUNIONSTORE',
  since: '2.0.0',
  summary: 'Stores the members that are in any of several sorted sets under another key.',
  complexity: unionCost,
  args: [destination, numkeys, keys, weights, aggregates],
  run: (call) => combine(call, 'union', 'store'),
})

export const zinterstore = defineCommand({
  ...storing,
  name: 'ZINTERSTORE',
  since: '2.0.0',
  summary: 'Stores the members that are in all of several sorted sets under another key.',
  complexity: interCost,
  args: [destination, numkeys, keys, weights, aggregates],
  run: (call) => combine(call, 'inter', 'store'),
})

export const zdiffstore = defineCommand({
  ...storing,
  name: 'ZDIFFSTORE',
  since: '6.2.0',
  summary: 'Stores the members of a sorted set that are in none of several others under another key.',
  complexity: diffCost,
  args: [destination, numkeys, keys],
  run: (call) => combine(call, 'diff', 'store'),
})
