// The table library. All access is raw, as in Lua 5.1. An array part without holes, the common
// case, is handled directly.

import { itemAt } from '../../../util/array-reads.ts'
import { call1, first, NONE } from '../calling-convention.ts'
import { runtimeError } from '../errors.ts'
import { expectFunction, expectInt, expectString, expectTable, library, libraryError, optionalInt } from '../library.ts'
import { finish, gather, ROPE_LENGTH_MAX, type TextBuilder } from '../long-text.ts'
import { isTrue, lessForLibrary } from '../operations.ts'
import { meter } from '../script-meter.ts'
import { LuaTable, refuseWrite } from '../table.ts'
import { formatNumber, type LuaFunction, type LuaResult, type LuaValue, typeName } from '../value.ts'

/** Stack weight of a sort with the frame of its comparison. */
const SORT_WEIGHT = 1000

/** Bytes of an element in a copy of the array part. */
const SLOT_BYTES = 8
/** Elements copied or moved per step, as a power of two. */
const SLOTS_PER_STEP_BITS = 4

const INVALID_ORDER = 'invalid order function for sorting'

/** Tells whether elements 1..n are exactly the array part, without holes. */
function isDense(table: LuaTable, n: number): boolean {
  return !table.holey && table.array.length - 1 === n
}

function concat(list: LuaValue, separator: LuaValue, from: LuaValue, to: LuaValue): LuaResult {
  const between = separator === undefined ? '' : expectString(separator, 2, 'concat', 2)
  const table = expectTable(list, 1, 'concat', arguments.length)
  const start = optionalInt(from, 3, 'concat', 1)
  const end = to === undefined ? table.length() : expectInt(to, 4, 'concat')
  const { array } = table
  let built: TextBuilder | undefined
  let text = ''
  for (let i = start; i <= end; i++) {
    const value = i > 0 && i < array.length ? array[i] : table.getNumber(i)
    let piece: string
    if (typeof value === 'string') piece = value
    else if (typeof value === 'number') piece = formatNumber(value)
    else runtimeError(`invalid value (${typeName(value)}) at index ${i} in table for 'concat'`)
    if (--meter.steps < 0) meter.tick()
    if (between !== '' && i > start) text += between
    if (text.length + piece.length >= ROPE_LENGTH_MAX) {
      built = gather(gather(built, text), piece)
      text = ''
    } else text += piece
  }
  return finish(built, text)
}

function insert(list: LuaValue, second: LuaValue, value: LuaValue): LuaResult {
  const table = list instanceof LuaTable ? list : expectTable(list, 1, 'insert', arguments.length)
  let end = table.length() + 1
  if (arguments.length === 2) {
    table.setNumber(end, second)
    return NONE
  }
  if (arguments.length !== 3) throw libraryError("wrong number of arguments to 'insert'")
  const position = expectInt(second, 2, 'insert', 2)
  if (table.readonly) refuseWrite()
  if (position > end) end = position
  if (value !== undefined && position >= 1 && position < end && isDense(table, end - 1)) {
    meter.spend((end - position) >> SLOTS_PER_STEP_BITS)
    table.setNumber(end, value)
    const { array } = table
    // A full array part does not grow while the hash part has room for one more. The new element is
    // then in the hash part.
    if (array.length - 1 === end) {
      array.splice(position, 0, array.pop())
      return NONE
    }
  }
  if (end - position > 1e8) throw libraryError('not enough memory')
  for (let i = end; i > position; i--) {
    if (--meter.steps < 0) meter.tick()
    table.setNumber(i, table.getNumber(i - 1))
  }
  table.setNumber(position, value)
  return NONE
}

function remove(list: LuaValue, where: LuaValue): LuaResult {
  const table = expectTable(list, 1, 'remove', arguments.length)
  const end = table.length()
  const position = optionalInt(where, 2, 'remove', end)
  if (position < 1 || position > end) return NONE
  if (table.readonly) refuseWrite()
  const value = table.getNumber(position)
  if (isDense(table, end)) {
    meter.spend((end - position) >> SLOTS_PER_STEP_BITS)
    if (position < end) table.array.splice(position, 1)
    else table.array.pop()
    return value
  }
  for (let i = position; i < end; i++) {
    if (--meter.steps < 0) meter.tick()
    table.setNumber(i, table.getNumber(i + 1))
  }
  table.setNumber(end, undefined)
  return value
}

function maxn(list: LuaValue): LuaResult {
  const table = expectTable(list, 1, 'maxn', arguments.length)
  let max = 0
  for (let at = table.nextPosition(0); at !== 0; at = table.nextPosition(at)) {
    if (--meter.steps < 0) meter.tick()
    const key = table.keyAt(at)
    if (typeof key === 'number' && key > max) max = key
  }
  return max
}

function forEach(list: LuaValue, visitor: LuaValue): LuaResult {
  const table = expectTable(list, 1, 'foreach', arguments.length)
  const visit = expectFunction(visitor, 2, 'foreach', arguments.length)
  for (let at = table.nextPosition(0); at !== 0; at = table.nextPosition(at)) {
    if (--meter.steps < 0) meter.tick()
    const result = call1(visit, table.keyAt(at), table.valueAt(at))
    if (result !== undefined) return result
  }
  return NONE
}

function forEachIndex(list: LuaValue, visitor: LuaValue): LuaResult {
  const table = expectTable(list, 1, 'foreachi', arguments.length)
  const visit = expectFunction(visitor, 2, 'foreachi', arguments.length)
  const end = table.length()
  for (let i = 1; i <= end; i++) {
    if (--meter.steps < 0) meter.tick()
    const result = call1(visit, i, table.getNumber(i))
    if (result !== undefined) return result
  }
  return NONE
}

function sort(list: LuaValue, order: LuaValue): LuaResult {
  const table = expectTable(list, 1, 'sort', arguments.length)
  const end = table.length()
  if (order !== undefined) expectFunction(order, 2, 'sort', arguments.length)
  if (table.readonly && end > 1) refuseWrite()
  const compare = order as LuaFunction | undefined
  const known = compare === undefined ? 'ascending' : compare.order
  if (known !== undefined && sortAlike(table, end, known)) return NONE
  const { depth, nested } = meter
  luaSortLevel()
  // The comparison may change the table. So a copy is sorted, as far as it gets, and written back.
  meter.charge(end * SLOT_BYTES)
  meter.spend(end >> SLOTS_PER_STEP_BITS)
  const values: LuaValue[] = [undefined]
  for (let i = 1; i <= end; i++) values.push(table.getNumber(i))
  try {
    sortRange(values, 1, end, compare ?? lessForLibrary)
  } finally {
    for (let i = 1; i <= end; i++) table.setNumber(i, values[i])
  }
  meter.depth = depth
  meter.nested = nested
  return NONE
}

/**
 * Counts the next call. A level of its own, so that "C stack overflow" has no position here, as in
 * Lua.
 */
function luaSortLevel(): void {
  meter.nest(SORT_WEIGHT)
}

/**
 * Sorts a dense table of only numbers or only strings, where every method gives the same result;
 * returns false otherwise.
 */
function sortAlike(table: LuaTable, end: number, order: 'ascending' | 'descending'): boolean {
  if (!isDense(table, end) || end < 2) return false
  const { array } = table
  const type = typeof array[1]
  if (type === 'number') {
    if (!sortNumbers(array, end)) return false
  } else if (type === 'string') {
    if (!sortStrings(array, end)) return false
  } else return false
  if (order === 'descending') {
    for (let i = 1, j = end; i < j; i++, j--) swap(array, i, j)
  }
  meter.spend(end)
  return true
}

/** Sorts elements 1..end if all are numbers other than NaN. Small integers are sorted faster. */
function sortNumbers(array: LuaValue[], end: number): boolean {
  let small = true
  for (let i = 1; i <= end; i++) {
    const value = array[i]
    if (typeof value !== 'number' || Number.isNaN(value)) return false
    if (small && !Object.is(value | 0, value)) small = false
  }
  meter.charge(end * SLOT_BYTES)
  meter.spend(end)
  const numbers = small ? new Int32Array(end) : new Float64Array(end)
  for (let i = 0; i < end; i++) numbers[i] = array[i + 1] as number
  for (let at = 0; at < end; at += SORTED_NUMBERS) {
    numbers.subarray(at, at + SORTED_NUMBERS).sort()
    meter.spend(Math.min(SORTED_NUMBERS, end - at))
  }
  const sorted = mergeRuns<number>(numbers, end, SORTED_NUMBERS, () =>
    small ? new Int32Array(end) : new Float64Array(end),
  )
  for (let i = 0; i < end; i++) array[i + 1] = sorted[i]
  return true
}

/** Sorts elements 1..end if all are short strings. Long strings take long to compare. */
function sortStrings(array: LuaValue[], end: number): boolean {
  for (let i = 1; i <= end; i++) {
    const value = array[i]
    if (typeof value !== 'string' || value.length > SORTED_LENGTH_MAX) return false
  }
  meter.charge(end * SLOT_BYTES)
  const strings = array.slice(1) as string[]
  for (let at = 0; at < end; at += SORTED_STRINGS) {
    if (at === 0 && end <= SORTED_STRINGS) strings.sort()
    else {
      const run = strings.slice(at, at + SORTED_STRINGS).sort()
      for (let i = 0; i < run.length; i++) strings[at + i] = itemAt(run, i)
    }
    meter.spend(COMPARISONS * Math.min(SORTED_STRINGS, end - at))
  }
  const sorted = mergeRuns<string>(strings, end, SORTED_STRINGS, () => strings.slice())
  for (let i = 0; i < end; i++) array[i + 1] = sorted[i]
  return true
}

/** Numbers sorted natively in one slice. */
const SORTED_NUMBERS = 1 << 16
const SORTED_STRINGS = 1 << 11
const SORTED_LENGTH_MAX = 512
/** Steps counted for a string of a run, which is compared a dozen times. */
const COMPARISONS = 4

interface Values<T> {
  [index: number]: T
}

/** Merges sorted runs of this many values until there is one; returns the array that holds it. */
function mergeRuns<T extends number | string>(
  values: Values<T>,
  count: number,
  runLength: number,
  makeRoom: () => Values<T>,
): Values<T> {
  if (count <= runLength) return values
  meter.charge(count * SLOT_BYTES)
  let from = values
  let to = makeRoom()
  for (let size = runLength; size < count; size *= 2) {
    for (let low = 0; low < count; low += 2 * size) {
      const middle = Math.min(low + size, count)
      const high = Math.min(low + 2 * size, count)
      let left = low
      let right = middle
      for (let at = low; at < high; at++) {
        if (--meter.steps < 0) meter.tick()
        to[at] = left < middle && (right >= high || from[left]! <= from[right]!) ? from[left++]! : from[right++]!
      }
    }
    const full = to
    to = from
    from = full
  }
  return from
}

function luaBefore(order: (a: LuaValue, b: LuaValue) => LuaResult, a: LuaValue, b: LuaValue): boolean {
  if (--meter.steps < 0) meter.tick()
  const result = order(a, b)
  return result === true || (result !== false && isTrue(first(result)))
}

/**
 * Quicksort with the median of three, with the same decisions as Lua's. So equal elements end in
 * the same order, and an inconsistent order is noticed at the same point.
 */
function sortRange(a: LuaValue[], from: number, to: number, order: (a: LuaValue, b: LuaValue) => LuaResult): void {
  let [low, high] = [from, to]
  while (low < high) {
    if (luaBefore(order, a[high], a[low])) swap(a, low, high)
    if (high - low === 1) break
    const middle = (low + high) >> 1
    if (luaBefore(order, a[middle], a[low])) swap(a, middle, low)
    else if (luaBefore(order, a[high], a[middle])) swap(a, middle, high)
    if (high - low === 2) break
    const pivot = a[middle]
    swap(a, middle, high - 1)
    let i = low
    let j = high - 1
    for (;;) {
      while (luaBefore(order, a[++i], pivot)) if (i > high) throw libraryError(INVALID_ORDER)
      while (luaBefore(order, pivot, a[--j])) if (j < low) throw libraryError(INVALID_ORDER)
      if (j < i) break
      swap(a, i, j)
    }
    swap(a, high - 1, i)
    // The smaller half recurses, the larger one continues here.
    if (i - low < high - i) {
      sortRange(a, low, i - 1, order)
      low = i + 1
    } else {
      sortRange(a, i + 1, high, order)
      high = i - 1
    }
    meter.spend((high - low) >> 4)
  }
}

function swap(a: LuaValue[], i: number, j: number): void {
  const value = a[i]
  a[i] = a[j]
  a[j] = value
}

export function tableLibrary(): LuaTable {
  return library({
    concat,
    foreach: forEach,
    foreachi: forEachIndex,
    getn(list) {
      return expectTable(list, 1, 'getn', arguments.length).length()
    },
    insert,
    maxn,
    remove,
    setn(list) {
      expectTable(list, 1, 'setn', arguments.length)
      throw libraryError("'setn' is obsolete")
    },
    sort,
  })
}
