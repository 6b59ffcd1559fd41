// Finds the keys among the arguments of a request, by the command's key specs.
//
// COMMAND GETKEYS answers from here. Scripts, access rules and the cluster ask here too, because
// they must know the keys before the command runs.

import type { Arguments } from '../../protocol/arguments.ts'
import { itemAt } from '../../util/array-reads.ts'
import { assert } from '../../util/assert.ts'
import { CHECKED } from '../../util/invariant.ts'
import { INT64_MAX, INT64_MIN } from '../../util/numbers/numbers.ts'
import type { Command, KeySpec } from './command.ts'

export interface FoundKey {
  /** Its position among the arguments. */
  index: number
  /** Its uses in the words of COMMAND GETKEYSANDFLAGS: access, then uses. */
  flags: readonly string[]
}

/**
 * Tells if a command can have keys at all. The names of shard channels are routed like keys, but
 * are none.
 */
export function hasKeys(command: Command): boolean {
  return command.spec.keys?.some((spec) => !spec.flags?.includes('not_key')) ?? false
}

/**
 * Finds the keys of a request that has the right number of arguments. Returns undefined when their
 * places make no sense, for instance when a count of keys exceeds the arguments.
 *
 * `from` is the place of the command's name in `args`.
 */
export function findKeys(command: Command, args: Arguments, from = 0): FoundKey[] | undefined {
  const { keys = [], placesOfKeys } = command.spec
  if (placesOfKeys !== undefined) {
    const flags = keyFlags(itemAt(keys, 0))
    return placesOfKeys(args, from)?.map((index) => ({ index, flags }))
  }
  const found: FoundKey[] = []
  for (const spec of keys) {
    if (spec.find !== undefined) {
      const index = spec.find(args, from)
      if (index !== 0) found.push({ index, flags: keyFlags(spec) })
    }
    if (spec.unknown || spec.flags?.includes('not_key')) continue
    const range = keyRange(spec, args, from)
    if (range === 'invalid') return undefined
    if (range === 'none') continue
    const flags = range.loose ? [] : (spec.flagsOf?.(args, from) ?? keyFlags(spec))
    for (let i = range.first; i <= range.last; i += range.step) found.push({ index: from + i, flags })
  }
  if (CHECKED) for (const { index } of found) assert(index > from && index < args.length, 'a key is an argument')
  return found
}

interface KeyRange {
  first: number
  last: number
  step: number
  /**
   * The count of keys is not a plain number. Redis then finds the keys in another way, which knows
   * no flags.
   */
  loose?: boolean
}

/**
 * Reads a count of keys as C's atoi does: the digits at the beginning, clamped to 64 bits, of which
 * the lower 32 count.
 */
function parseKeyCount(text: string): number | undefined {
  const number = /^[ \t\n\v\f\r]*([+-]?\d+)/.exec(text)
  if (number === null) return undefined
  const value = BigInt(itemAt(number, 1).replace('+', ''))
  return Number(BigInt.asIntN(32, value > INT64_MAX ? INT64_MAX : value < INT64_MIN ? INT64_MIN : value))
}

/** Returns the positions of a spec's keys, counted from the command's name. */
function keyRange(spec: KeySpec, args: Arguments, from: number): KeyRange | 'none' | 'invalid' {
  const count = args.length - from
  let range: KeyRange
  if (spec.keyword !== undefined) {
    const { word, last, step, limit = 0 } = spec.keyword
    const at = findWord(word, spec.keyword.from, args, from)
    if (at === -1) return 'none'
    const first = at + 1
    // With a limit of n only the first n-th of the rest are keys: XREAD … STREAMS keys ids.
    const end = last >= 0 ? first + last : limit > 1 ? first + Math.trunc((count - first) / limit) + last : count + last
    range = { first, last: end, step }
  } else if (spec.count !== undefined) {
    if (spec.count >= count) return 'invalid'
    const text = args.string(from + spec.count)
    const number = parseKeyCount(text)
    if (number === undefined) return 'invalid'
    const first = spec.first ?? spec.count + 1
    range = { first, last: first + number - 1, step: 1, loose: !/^(0|[1-9]\d*)$/.test(text) }
  } else {
    const { first = 1, last = first, step = 1 } = spec
    range = { first, last: last < 0 ? count + last : last, step }
  }
  assert(range.step > 0, 'the keys of a range follow one another')
  if (range.first >= count || range.last >= count || range.last < range.first) return 'invalid'
  return range
}

/**
 * Returns the place of a word among the arguments, -1 = it is not there. A negative `start` counts
 * from the end, and searches backwards.
 */
function findWord(upperCase: string, start: number, args: Arguments, from: number): number {
  const count = args.length - from
  const step = start > 0 ? 1 : -1
  for (let i = start > 0 ? start : count + start; i > 0 && i < count; i += step) {
    if (args.equalsIgnoreCase(from + i, upperCase)) return i
  }
  return -1
}

/** Returns a spec's flags as COMMAND INFO prints them, without those about the spec itself. */
function keyFlags(spec: KeySpec): readonly string[] {
  return [spec.access, ...keyUses(spec)]
}

/** Returns the uses of a spec's keys, in the order of COMMAND INFO. */
export function keyUses(spec: KeySpec): readonly string[] {
  if (spec.use === undefined) return []
  return typeof spec.use === 'string' ? [spec.use] : spec.use
}

/** First and last key and the step between, as COMMAND INFO had it before key specs. */
export interface LegacyRange {
  first: number
  last: number
  step: number
  /** The range leaves out keys that only the specs tell. */
  movable: boolean
}

/** Works out the range of keys for old clients. */
export function legacyRange(command: Command): LegacyRange {
  const specs = command.spec.keys ?? []
  const only = specs.length === 1 && isRange(itemAt(specs, 0)) ? itemAt(specs, 0) : undefined
  if (only !== undefined) {
    const { first = 1, last = first, step = 1 } = only
    return { first, last, step, movable: false }
  }
  const range: LegacyRange = { first: 0, last: 0, step: 0, movable: false }
  for (const spec of specs) {
    const { first = 1, last = first, step = 1 } = spec
    // Only ranges that follow one another make one range.
    if (!isRange(spec) || step !== 1 || (range.first !== 0 && range.last !== first - 1)) {
      range.movable = true
      continue
    }
    if (range.first === 0) range.first = first
    range.last = last
    range.step = 1
  }
  return range
}

function isRange(spec: KeySpec): boolean {
  return spec.keyword === undefined && spec.count === undefined && !spec.unknown
}
