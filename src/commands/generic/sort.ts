// SORT, SORT_RO: the elements of a list, a set or a sorted set in order, or the values of other
// keys for them.
//
// BY names the key of each element's weight. With a pattern without a star nothing is sorted: a
// list keeps its order, and a sorted set has the order of its scores, reversed with DESC. GET
// replies with the values of other keys instead of the elements.

import { CLIENT_RESTRICTED } from '../../engine/clients/client.ts'
import { mayReadEveryKey } from '../../engine/clients/permissions.ts'
import type { ArgSpec, KeySpec } from '../../engine/spec/command.ts'
import type { Arguments } from '../../protocol/arguments.ts'
import { ERR, type ReplyError } from '../../protocol/errors.ts'
import { NONE } from '../../store/keyspace/keyspace.ts'
import { List } from '../../store/list/list.ts'
import { ListPosition } from '../../store/list/list-pages.ts'
import { MemberSet } from '../../store/set/member-set.ts'
import { SortedSet, SortedSetPosition } from '../../store/sorted-set/sorted-set.ts'
import { itemAt, numberAt } from '../../util/array-reads.ts'
import { Bytes } from '../../util/bytes/bytes.ts'
import type { Call } from '../call.ts'
import { type CommandSpec, defineCommand } from '../define-command.ts'
import { storeResult } from '../store-result.ts'
import { Copies, orderByBytes, orderByScore, readSortScore, STEPS_PER_WAY } from './sort-order.ts'
import { SortPattern } from './sort-pattern.ts'

interface Request {
  descending: boolean
  alphabetic: boolean
  offset: number
  /** Negative = all. */
  count: number
  by: SortPattern | undefined
  /** The elements keep their own order. */
  unsorted: boolean
  gets: SortPattern[]
  /** Index of the destination's argument; 0 = none. */
  store: number
}

function readRequest(call: Call, mayStore: boolean): Request {
  const request: Request = {
    descending: false,
    alphabetic: false,
    offset: 0,
    count: -1,
    by: undefined,
    unsorted: false,
    gets: [],
    store: 0,
  }
  const { client } = call
  const readsEveryKey =
    (client.state & CLIENT_RESTRICTED) === 0 || mayReadEveryKey(client.identity.user, call.command, call.args)
  const {
    parts: { cluster },
  } = call.engine
  const options = call.options(2)
  while (options.next()) {
    if (options.is('ASC')) {
      request.descending = false
    } else if (options.is('DESC')) {
      request.descending = true
    } else if (options.is('ALPHA')) {
      request.alphabetic = true
    } else if (options.is('LIMIT') && options.has(2)) {
      options.bytes()
      request.offset = Number(call.args.integer(options.index))
      options.bytes()
      request.count = Number(call.args.integer(options.index))
    } else if (mayStore && options.is('STORE') && options.has(1)) {
      options.bytes()
      request.store = options.index
    } else if (options.is('BY') && options.has(1)) {
      request.by = new SortPattern(options.bytes())
      // A BY without a star turns sorting off, whatever BY follows it.
      if (!request.by.hasStar) request.unsorted = true
      else if (cluster !== null) throw inCluster('BY')
      else if (!readsEveryKey) throw notAllowed('BY')
    } else if (options.is('GET') && options.has(1)) {
      request.gets.push(new SortPattern(options.bytes()))
      if (cluster !== null) throw inCluster('GET')
      if (!readsEveryKey) throw notAllowed('GET')
    } else {
      throw ERR.syntax
    }
  }
  return request
}

/**
 * The keys that an option reads depend on the elements. So the user must be allowed to read all
 * keys.
 */
function notAllowed(option: 'BY' | 'GET'): ReplyError {
  return ERR.of(`${option} option of SORT denied due to insufficient ACL permissions.`)
}

/** The keys may belong to any slot. */
function inCluster(option: 'BY' | 'GET'): ReplyError {
  return ERR.of(`${option} option of SORT denied in Cluster mode.`)
}

function run(call: Call, mayStore: boolean): void {
  const request = readRequest(call, mayStore)
  const elements = sort(call, request)
  if (request.store === 0) reply(call, request, elements)
  else store(call, request, elements)
}

/** Returns the requested elements, in their order. */
function sort(call: Call, request: Request): Bytes[] {
  const { db } = call
  const entry = db.findForRead(call.key(1))
  if (entry === NONE) return []
  const type = db.typeOf(entry)
  if (type !== List.type && type !== MemberSet.type && type !== SortedSet.type) throw ERR.wrongType
  const value = db.structureOf(entry)
  const { length } = value
  const from = Math.min(Math.max(request.offset, 0), length)
  const end = request.count < 0 ? length : Math.min(from + request.count, length)

  // Redis converts a sorted set into a skiplist for sorting, permanently.
  if (value instanceof SortedSet) value.becomeSkiplist()
  if (value instanceof SortedSet && request.unsorted) return byRank(call, value, from, end, request.descending)
  if (value instanceof List && request.unsorted) return byIndex(call, value, from, end, request.descending)
  const elements =
    value instanceof List
      ? byIndex(call, value, 0, length, false)
      : value instanceof SortedSet
        ? byRank(call, value, 0, length, false)
        : ofSet(call, value as MemberSet)
  let { by, alphabetic, unsorted } = request
  // A set has no order that could be stored or used by a script: another copy of it would have
  // another order.
  if (value instanceof MemberSet && unsorted && (request.store !== 0 || call.fromScript)) {
    unsorted = false
    alphabetic = true
    by = undefined
  }
  if (unsorted) return elements.slice(from, end)
  const order = alphabetic
    ? byBytes(call, request, elements, by, value instanceof MemberSet)
    : byScore(call, request, elements, by)
  const sorted: Bytes[] = []
  for (let i = from; i < end; i++) sorted.push(itemAt(elements, numberAt(order, i)))
  return sorted
}

const found = new Bytes()
function byScore(call: Call, request: Request, elements: Bytes[], by: SortPattern | undefined): Int32Array {
  const scores = new Float64Array(elements.length)
  let wrong = false
  for (let i = 0; i < elements.length; i++) {
    if (i % STEPS_PER_WAY === 0) call.giveWay()
    const element = itemAt(elements, i)
    // An element without a weight has the weight 0.
    if (by !== undefined && !by.find(call, element, found)) continue
    const score = readSortScore(by === undefined ? element : found)
    if (score === undefined) wrong = true
    else scores[i] = score
  }
  if (wrong) throw ERR.sortScore
  return orderByScore(elements, scores, {
    descending: request.descending,
    untilNul: false,
    breaksTies: true,
    giveWay: () => call.giveWay(),
  })
}

function byBytes(
  call: Call,
  request: Request,
  elements: Bytes[],
  by: SortPattern | undefined,
  isSet: boolean,
): Int32Array {
  let weights: (Bytes | undefined)[] = elements
  if (by !== undefined) {
    weights = []
    const copies = new Copies()
    // Looking up one key may remove another that has expired, so weights are copied.
    for (const element of elements) {
      if (weights.length % STEPS_PER_WAY === 0) call.giveWay()
      weights.push(by.find(call, element, found) ? copies.keep(found) : undefined)
    }
  }
  return orderByBytes(elements, weights, {
    descending: request.descending,
    untilNul: request.store === 0,
    breaksTies: isSet && request.store !== 0,
    giveWay: () => call.giveWay(),
  })
}

// ── elements ────────────────────────────────────────────────────────────────

const listPosition = new ListPosition()
const setPosition = new SortedSetPosition()

/** Returns the elements of indices [from, end), counted from the tail when `descending`. */
function byIndex(call: Call, list: List, from: number, end: number, descending: boolean): Bytes[] {
  const elements: Bytes[] = []
  if (from >= end) return elements
  list.seek(descending ? list.length - 1 - from : from, listPosition)
  for (let left = end - from; left > 0; left--) {
    if (left % STEPS_PER_WAY === 0) call.giveWay()
    elements.push(list.element(listPosition, new Bytes()))
    if (descending) list.previous(listPosition)
    else list.next(listPosition)
  }
  return elements
}

function ofSet(call: Call, set: MemberSet): Bytes[] {
  const elements: Bytes[] = []
  const copies = new Copies()
  for (let slot = set.first(); slot >= 0; slot = set.next(slot)) {
    if (elements.length % STEPS_PER_WAY === 0) call.giveWay()
    // The text of an integer is overwritten by the next one.
    const member = set.memberOf(slot, new Bytes())
    elements.push(set.encoding === 'intset' ? copies.keep(member) : member)
  }
  return elements
}

/** Returns the members of ranks [from, end), counted from the highest when `descending`. */
function byRank(call: Call, set: SortedSet, from: number, end: number, descending: boolean): Bytes[] {
  const elements: Bytes[] = []
  if (from >= end) return elements
  set.seek(descending ? set.length - 1 - from : from, setPosition)
  for (let left = end - from; left > 0; left--) {
    if (left % STEPS_PER_WAY === 0) call.giveWay()
    elements.push(set.memberAt(setPosition, new Bytes()))
    if (left > 1) {
      if (descending) set.previous(setPosition)
      else set.next(setPosition)
    }
  }
  return elements
}

// ── results ─────────────────────────────────────────────────────────────────

function reply(call: Call, { gets }: Request, elements: Bytes[]): void {
  call.reply.array(elements.length * Math.max(1, gets.length))
  for (const element of elements) {
    if (gets.length === 0) call.reply.bulk(element)
    for (const get of gets) {
      if (get.find(call, element, found)) call.reply.bulk(found)
      else call.reply.nil()
    }
  }
}

/**
 * Stores the result under the destination as a list. Values that were not found become empty
 * strings.
 */
function store(call: Call, { gets, store: at }: Request, elements: Bytes[]): void {
  const key = call.key(at)
  const list = new List(call.db.arena, call.db.host)
  list.becomeQuicklist('default')
  try {
    for (const element of elements) {
      if (gets.length === 0) list.push('tail', element)
      for (const get of gets) list.push('tail', get.find(call, element, found) ? found : EMPTY)
    }
  } catch (error) {
    list.free()
    throw error
  }
  if (list.length > 0) list.afterBuilding()
  storeResult(call, key, list, 'sortstore', list.length)
}

const EMPTY = new Bytes()

// ── specs ───────────────────────────────────────────────────────────────────

const keys: readonly KeySpec[] = [
  { first: 1, last: 1, step: 1, access: 'RO', use: 'access' },
  // BY and GET: the keys depend on the elements.
  { unknown: true, access: 'RO', use: 'access' },
]
const args: readonly ArgSpec[] = [
  { name: 'key', type: 'key' },
  { name: 'by-pattern', type: 'pattern', shown: 'pattern', keySpec: 1, token: 'BY', optional: true },
  {
    name: 'limit',
    type: 'block',
    token: 'LIMIT',
    optional: true,
    args: [
      { name: 'offset', type: 'integer' },
      { name: 'count', type: 'integer' },
    ],
  },
  {
    name: 'get-pattern',
    type: 'pattern',
    shown: 'pattern',
    keySpec: 1,
    token: 'GET',
    optional: true,
    multiple: true,
    multipleToken: true,
  },
  {
    name: 'order',
    type: 'oneof',
    optional: true,
    args: [
      { name: 'asc', type: 'pure-token', token: 'ASC' },
      { name: 'desc', type: 'pure-token', token: 'DESC' },
    ],
  },
  { name: 'sorting', type: 'pure-token', token: 'ALPHA', optional: true },
]
const common = {
  group: 'generic',
  complexity: 'O(N*log(N)) where N is the number of elements; O(N) when they are not sorted.',
  acl: ['set', 'sortedset', 'list', 'dangerous'],
  arity: -2,
} as const satisfies Partial<CommandSpec>

export const sortCommand = defineCommand({
  ...common,
  name: 'SORT',
  summary: 'Returns the elements of a list, a set or a sorted set in order, or stores them.',
  since: '1.0.0',
  flags: ['write', 'denyoom', 'movablekeys'],
  keys: [...keys, { unknown: true, access: 'OW', use: 'update', find: findDestination }],
  args: [...args, { name: 'destination', type: 'key', keySpec: 2, token: 'STORE', optional: true }],
  reply: 'array: the elements, or what `GET` names for them; with `STORE` integer: how many were stored',
  run: (call) => run(call, true),
})

export const sortRo = defineCommand({
  ...common,
  name: 'SORT_RO',
  summary: 'Returns the elements of a list, a set or a sorted set in order.',
  since: '7.0.0',
  flags: ['readonly', 'movablekeys'],
  keys,
  args,
  reply: 'array: the elements, or what `GET` names for them',
  run: (call) => run(call, false),
})

/** Options that take further arguments, and how many. */
const OPTION_VALUES: readonly (readonly [string, number])[] = [
  ['LIMIT', 2],
  ['GET', 1],
  ['BY', 1],
]

/** SORT stores under the last destination that is named. */
function findDestination(args: Arguments, from: number): number {
  let index = 0
  for (let i = from + 2; i < args.length; i++) {
    if (args.equalsIgnoreCase(i, 'STORE') && i + 1 < args.length) index = i + 1
    for (const [word, values] of OPTION_VALUES) if (args.equalsIgnoreCase(i, word)) i += values
  }
  return index
}
