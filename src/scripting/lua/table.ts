// A Lua table: an array part for 1..n and a hash part for all other keys.
//
// The array part is a JavaScript array whose slot 0 is unused, so a Lua index is its index. It
// always holds plain (boxed) elements, so that V8 sees one kind of array everywhere. The hash part
// is a list of values in order of arrival, and the table's shape, which gives the place of each key
// (see `shape.ts`). Place 0 is unused there as well, so that "not found" is a place that holds nil.
//
// Two habits of Lua's own implementation are kept, because programs can see them. A key set to nil
// keeps its place until the table grows next, so fields may be cleared during a traversal. And both
// parts have capacities, counted as Lua counts them. When the hash part is full, all integer keys
// are counted again, and the array part takes the largest power of two that is more than half
// filled. The result of `#` for a table with holes follows from those capacities.
//
// This file also defines how JavaScript represents Lua values, because tables and values need each
// other. nil is undefined. Booleans, numbers and strings are themselves; a string holds one byte a
// character (latin1). A table is a LuaTable, and a coroutine is a LuaThread. A function is a
// JavaScript function (`calling-convention.ts`). An opaque value of the host is a LuaUserdata.

import { numberAt } from '../../util/array-reads.ts'
import { LuaError } from './errors.ts'
import { meter } from './script-meter.ts'
import { EMPTY_SHAPE, ownShape, type Shape } from './shape.ts'

/**
 * Nothing, one value, or an array of any number of values; `undefined` is one nil. See
 * `calling-convention.ts`.
 */
export type LuaResult = LuaValue | readonly LuaValue[]

export interface LuaFunction {
  (...args: LuaValue[]): LuaResult
  /** The same function for use inside a coroutine, where it may yield. */
  resumable?: LuaGenerator
  /**
   * Set when the compiler saw that it only compares its two arguments by `<` (ascending) or `>`.
   */
  order?: 'ascending' | 'descending'
}

export type LuaGenerator = (...args: LuaValue[]) => Generator<LuaValue[], LuaResult, LuaValue[]>

export type LuaValue = undefined | boolean | number | string | LuaTable | LuaFunction | LuaThread | LuaUserdata

/** An opaque value of the host, like `cjson.null`. Equal only to itself. */
export class LuaUserdata {
  /** The text that tostring shows after `userdata: `. */
  readonly address: string
  metatable: LuaTable | undefined = undefined

  constructor(address: string) {
    this.address = address
  }
}

/** A coroutine. `lib/coroutine.ts` changes its state. */
export class LuaThread {
  readonly body: LuaFunction
  state: 'suspended' | 'running' | 'normal' | 'dead' = 'suspended'
  generator: Generator<LuaValue[], LuaResult, LuaValue[]> | undefined = undefined
  /** Stack weight of its own frames. */
  depth = 0

  constructor(body: LuaFunction) {
    this.body = body
  }
}

const TABLE_BYTES = 112
const ARRAY_SLOT_BYTES = 8
const HASH_SLOT_BYTES = 64

/** Slots that count as work when passed over at once, and slots per step, a power of two. */
const MANY_SLOTS = 64
const SLOTS_PER_STEP_BITS = 4

const INT_MAX = 0x7fffffff

/** Lua places at most 2^26 indexes in an array part. */
const ARRAY_BITS_MAX = 26

// Error texts of assignments. Raised here they have no position, like those of library functions;
// compiled code checks first.
export const READ_ONLY = 'Attempt to modify a readonly table'
export const NIL_INDEX = 'table index is nil'
export const NAN_INDEX = 'table index is NaN'

/** The array part and the values of tables without any. Never changed, never pushed to. */
const NOTHING: LuaValue[] = [undefined]

export class LuaTable {
  /**
   * Array part: element i at index i, index 0 unused. May be shorter than `capacity + 1`; missing
   * elements are nil.
   */
  array: LuaValue[]
  /** Slots of the array part, as Lua would count them. */
  capacity: number
  /** True when the array part may hold nils below its last element. */
  holey: boolean
  /** The keys of the hash part, including those with a nil value. */
  shape: Shape
  /**
   * Values of the hash part by place; undefined for a cleared key. Their number is that of the
   * shape's keys.
   */
  values: LuaValue[]
  /** Nodes of the hash part, as Lua would count them: 0 or a power of two. */
  nodes: number
  metatable: LuaTable | undefined
  /** See `readonly`. */
  locked: boolean

  constructor() {
    this.array = NOTHING
    this.capacity = 0
    this.holey = false
    this.shape = EMPTY_SHAPE
    this.values = NOTHING
    this.nodes = 0
    this.metatable = undefined
    this.locked = false
    meter.charge(TABLE_BYTES)
  }

  /** Refuses every change of contents and metatable. */
  get readonly(): boolean {
    return this.locked
  }

  set readonly(value: boolean) {
    this.locked = value
    // Compiled code that knows the shape writes without checks, so the table gets another shape.
    this.shape = this.shape.copy()
  }

  /** Keys of the hash part by place. Only those up to the number of values belong to the table. */
  get hashKeys(): readonly LuaValue[] {
    return this.shape.keys as LuaValue[]
  }

  /** Makes a table 1..n of the values, which may include nils. Copies them. */
  static of(values: readonly LuaValue[]): LuaTable {
    const table = new LuaTable()
    if (values.length > 0) {
      const array: LuaValue[] = [undefined]
      for (let i = 0; i < values.length; i++) array.push(values[i])
      table.adopt(array)
    }
    return table
  }

  /**
   * Gives an empty table its array part: elements from index 1 on, index 0 undefined. Keeps the
   * array.
   */
  adopt(array: LuaValue[]): void {
    this.array = array
    const length = array.length - 1
    this.capacity = length
    for (let i = 1; i <= length; i++) {
      if (array[i] === undefined) {
        this.holey = true
        break
      }
    }
    trim(array)
    meter.charge(length * ARRAY_SLOT_BYTES)
  }

  /**
   * Gives an empty table its hash part: the keys of a shape, and their values by place. A shape
   * that is not shared must belong to this table alone. Keeps the array.
   */
  adoptFields(shape: Shape, values: LuaValue[]): void {
    const { count } = shape
    if (count === 0) return
    this.nodes = powerOfTwoFrom(count)
    meter.charge(this.nodes * HASH_SLOT_BYTES)
    this.shape = shape
    this.values = values
  }

  /** Raw access: the value of a key, undefined for nil and for keys that cannot exist. */
  get(key: LuaValue): LuaValue {
    if (typeof key === 'string') return this.getString(key)
    if (typeof key === 'number') return this.getNumber(key)
    return key === undefined ? undefined : this.values[this.shape.find(key)]
  }

  getString(key: string): LuaValue {
    return this.values[this.shape.find(key)]
  }

  getNumber(key: number): LuaValue {
    if (key > 0 && key < this.array.length && Math.floor(key) === key) return this.array[key]
    return this.nodes === 0 ? undefined : this.values[this.shape.find(key)]
  }

  /**
   * Returns the place of a key in the hash part; 0 when it has none. A place stays valid until a
   * key is added.
   */
  find(key: LuaValue): number {
    return this.shape.find(key)
  }

  /**
   * Assigns without metatables; nil removes. A key given nil keeps its place until the table grows.
   * Throws for a nil or NaN key and for a read-only table.
   */
  set(key: LuaValue, value: LuaValue): void {
    if (typeof key === 'number') {
      this.setNumber(key, value)
      return
    }
    if (this.locked) refuseWrite()
    if (key === undefined) throw LuaError.raise(NIL_INDEX)
    const place = this.shape.find(key)
    if (place > 0) this.values[place] = value
    else insert(this, key, value)
  }

  setNumber(key: number, value: LuaValue): void {
    if (this.locked) refuseWrite()
    const array = this.array
    const length = array.length
    if (key > 0 && key < length && Math.floor(key) === key) {
      if (value !== undefined) array[key] = value
      else if (key !== length - 1) {
        array[key] = undefined
        this.holey = true
      } else {
        array.pop()
        if (this.holey) while (array.length > 1 && array[array.length - 1] === undefined) array.pop()
      }
      return
    }
    if (key === length && key <= this.capacity) {
      if (value !== undefined) array.push(value)
      return
    }
    setFar(this, key, value)
  }

  /** Lua's `#`: the border that Lua 5.1 would find. O(1) without holes. */
  length(): number {
    const length = this.array.length - 1
    if (!this.holey && (this.nodes === 0 || length < this.capacity)) return length
    const capacity = this.capacity
    if (capacity > 0 && length < capacity) {
      let [low, high] = [0, capacity]
      while (high - low > 1) {
        const middle = (low + high) >> 1
        if (middle > length || this.array[middle] === undefined) high = middle
        else low = middle
      }
      return low
    }
    return this.nodes === 0 ? capacity : unboundLength(this)
  }

  /**
   * Returns the next position of a traversal. Positions 1..n are the array part, those above it the
   * hash part; 0 starts, and 0 is returned at the end. `keyAt` and `valueAt` read a position.
   */
  nextPosition(position: number): number {
    const { array, values } = this
    const length = array.length - 1
    let at = position + 1
    for (; at <= length; at++) {
      if (array[at] !== undefined) {
        if (at - position > MANY_SLOTS) skipped(at - position)
        return at
      }
    }
    // Hash positions are counted from the capacity, which does not change while fields are only
    // cleared.
    const first = at <= this.capacity ? 1 : at - this.capacity
    let place = first
    while (place < values.length && values[place] === undefined) place++
    const many = at - position + place - first
    if (many > MANY_SLOTS) skipped(many)
    return place < values.length ? this.capacity + place : 0
  }

  keyAt(position: number): LuaValue {
    return position <= this.capacity ? position : this.hashKeys[position - this.capacity]
  }

  valueAt(position: number): LuaValue {
    return position <= this.capacity ? this.array[position] : this.values[position - this.capacity]
  }

  /**
   * Returns the position of a key for `nextPosition`; nil gives 0. Throws Lua's error for a key
   * that the table does not have.
   */
  positionOf(key: LuaValue): number {
    if (key === undefined) return 0
    if (typeof key === 'number' && key >= 1 && key <= this.capacity && Math.floor(key) === key) return key
    const place = this.shape.find(key)
    if (place === 0) throw LuaError.raise("invalid key to 'next'")
    return this.capacity + place
  }

  /**
   * Returns the key after `key` in a traversal; undefined at the end. Returns the first key for
   * undefined.
   */
  nextKey(key: LuaValue): LuaValue {
    const position = this.nextPosition(this.positionOf(key))
    return position === 0 ? undefined : this.keyAt(position)
  }
}

// Assignments outside the common case. These are functions, because private methods would cost
// every table a hidden field.

/** Removes the nils at an array part's end. */
function trim(array: LuaValue[]): void {
  const { length } = array
  let end = length
  while (end > 1 && array[end - 1] === undefined) end--
  if (end === length) return
  for (let i = length; i > end; i--) array.pop()
  if (length - end > MANY_SLOTS) skipped(length - end)
}

/** Counts slots that were passed over at once. */
function skipped(slots: number): void {
  meter.spend(slots >> SLOTS_PER_STEP_BITS)
}

/**
 * Assigns by a number that meets no element of the array part and does not append within its
 * capacity.
 */
function setFar(table: LuaTable, key: number, value: LuaValue): void {
  const { array } = table
  if (key > 0 && key <= table.capacity && Math.floor(key) === key) {
    if (value === undefined) return
    skipped(key - array.length)
    for (let i = array.length; i < key; i++) array.push(undefined)
    array.push(value)
    table.holey = true
    return
  }
  if (table.nodes === 0) {
    const appends = key === array.length && key === table.capacity + 1 && !table.holey
    if (appends && value !== undefined) {
      append(table, value)
      return
    }
  } else {
    const place = table.shape.find(key)
    if (place > 0) {
      table.values[place] = value
      return
    }
  }
  if (Number.isNaN(key)) throw LuaError.raise(NAN_INDEX)
  // 0 and -0 are one key, which keeps its first form.
  insert(table, key, value)
}

/**
 * Appends to a full array part without holes when there is no hash part. It does the work of a
 * rehash without counting.
 */
function append(table: LuaTable, value: LuaValue): void {
  const capacity = powerOfTwoFrom(table.capacity + 1)
  meter.charge((capacity - table.capacity) * ARRAY_SLOT_BYTES)
  if (table.array === NOTHING) table.array = [undefined, value]
  else table.array.push(value)
  table.capacity = capacity
}

/** Puts a value into the array part, whose capacity includes the key. */
function put(table: LuaTable, key: number, value: LuaValue): void {
  const { array } = table
  if (key < array.length) {
    array[key] = value
    return
  }
  if (key > array.length) table.holey = true
  for (let i = array.length; i < key; i++) array.push(undefined)
  array.push(value)
}

/**
 * Adds a key that is not there. Lua makes a place even for a nil, which may move the bounds of both
 * parts; so does this.
 */
export function insert(table: LuaTable, key: LuaValue, value: LuaValue): void {
  if (table.values.length > table.nodes && !makeRoom(table, key)) {
    rehash(table, key)
    if (typeof key === 'number' && key >= 1 && key <= table.capacity && Math.floor(key) === key) {
      if (value !== undefined) put(table, key, value)
      return
    }
  }
  table.shape = table.shape.with(key)
  if (table.values === NOTHING) table.values = [undefined, value]
  else table.values.push(value)
}

/**
 * Doubles the hash part of a table without number keys and cleared fields. A rehash would do just
 * that.
 */
function makeRoom(table: LuaTable, key: LuaValue): boolean {
  if (typeof key === 'number' || table.capacity > 0) return false
  const { values, shape } = table
  const { keys, shared } = shape
  for (let i = 1; i < values.length; i++) {
    if (values[i] === undefined || (!shared && typeof keys[i] === 'number')) return false
  }
  const nodes = powerOfTwoFrom(values.length)
  meter.charge(nodes * HASH_SLOT_BYTES)
  table.nodes = nodes
  return true
}

/** Counts all keys and the new one, and gives both parts the sizes that Lua would give them. */
function rehash(table: LuaTable, coming: LuaValue): void {
  const { values, array } = table
  const { hashKeys: keys } = table
  skipped(values.length + array.length)
  COUNTS.fill(0)
  let integers = countKey(coming)
  let total = 1
  for (let i = 1; i < values.length; i++) {
    if (values[i] === undefined) continue
    total++
    integers += countKey(keys[i])
  }
  for (let i = 1; i < array.length; i++) {
    if (array[i] === undefined) continue
    total++
    integers += countKey(i)
  }

  let below = 0
  let inArray = 0
  let capacity = 0
  for (let bit = 0, size = 1; bit <= ARRAY_BITS_MAX && size / 2 < integers; bit++, size *= 2) {
    below += numberAt(COUNTS, bit)
    if (below > size / 2) {
      capacity = size
      inArray = below
    }
  }
  resize(table, capacity, total - inArray)
}

/** Number of integer keys, by the number of bits of the key less one. */
const COUNTS = new Int32Array(ARRAY_BITS_MAX + 1)

/** Counts a key that could be in an array part; returns 1 for such a key, else 0. */
function countKey(key: LuaValue): number {
  if (typeof key !== 'number' || key < 1 || key > 2 ** ARRAY_BITS_MAX || Math.floor(key) !== key) return 0
  COUNTS[key === 1 ? 0 : 32 - Math.clz32(key - 1)]!++
  return 1
}

function resize(table: LuaTable, capacity: number, hashed: number): void {
  const { hashKeys: keys, shape, values, array } = table
  const nodes = powerOfTwoFrom(hashed)
  meter.charge(capacity * ARRAY_SLOT_BYTES + nodes * HASH_SLOT_BYTES)
  table.nodes = nodes
  table.capacity = capacity
  table.shape = shape.shared ? EMPTY_SHAPE : ownShape()
  table.values = [undefined]
  if (array === NOTHING && capacity > 0) table.array = [undefined]
  if (array.length - 1 > capacity) {
    const kept = array.slice(0, capacity + 1)
    table.array = kept
    for (let i = capacity + 1; i < array.length; i++) if (array[i] !== undefined) keep(table, i, array[i])
    trim(kept)
  }
  for (let i = 1; i < values.length; i++) {
    const value = values[i]
    if (value === undefined) continue
    const key = keys[i]
    if (typeof key === 'number' && key >= 1 && key <= capacity && Math.floor(key) === key) put(table, key, value)
    else keep(table, key, value)
  }
  if (table.holey) table.holey = table.array.includes(undefined, 1)
}

function keep(table: LuaTable, key: LuaValue, value: LuaValue): void {
  table.shape = table.shape.with(key)
  table.values.push(value)
}

/**
 * Finds a border beyond the array part: doubles until a nil is met, then halves. Beyond C's int it
 * counts from 1.
 */
function unboundLength(table: LuaTable): number {
  let low = table.capacity
  let high = low + 1
  while (table.getNumber(high) !== undefined) {
    low = high
    high *= 2
    if (high > INT_MAX) return countedLength(table)
  }
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2)
    if (table.getNumber(middle) === undefined) high = middle
    else low = middle
  }
  return low
}

function countedLength(table: LuaTable): number {
  let length = 0
  while (table.getNumber(length + 1) !== undefined) {
    if (--meter.steps < 0) meter.tick()
    length++
  }
  return length
}

/** Copies a table and the tables in it. None may have a metatable or contain itself. */
export function copyTable(table: LuaTable): LuaTable {
  const copy = new LuaTable()
  const { array, shape, values, capacity, nodes } = table
  if (array !== NOTHING) copy.array = copyValues(array)
  if (values !== NOTHING) {
    copy.shape = shape.shared ? shape : shape.copy()
    copy.values = copyValues(values)
  }
  copy.capacity = capacity
  copy.holey = table.holey
  copy.nodes = nodes
  meter.charge(capacity * ARRAY_SLOT_BYTES + nodes * HASH_SLOT_BYTES)
  return copy
}

function copyValues(values: readonly LuaValue[]): LuaValue[] {
  const copies = values.slice()
  for (let i = 1; i < copies.length; i++) {
    const value = copies[i]
    if (value instanceof LuaTable) copies[i] = copyTable(value)
  }
  return copies
}

/** Returns the nesting of a table, itself included; infinite if keys are tables. */
export function nesting(table: LuaTable): number {
  let most = 0
  for (let at = table.nextPosition(0); at !== 0; at = table.nextPosition(at)) {
    if (table.keyAt(at) instanceof LuaTable) return Number.POSITIVE_INFINITY
    const value = table.valueAt(at)
    if (value instanceof LuaTable) most = Math.max(most, nesting(value))
  }
  return most + 1
}

/** Exchanges the contents of two tables, not their metatables. */
export function exchange(a: LuaTable, b: LuaTable): void {
  const { array, capacity, holey, shape, values, nodes } = a
  a.array = b.array
  a.capacity = b.capacity
  a.holey = b.holey
  a.shape = b.shape
  a.values = b.values
  a.nodes = b.nodes
  b.array = array
  b.capacity = capacity
  b.holey = holey
  b.shape = shape
  b.values = values
  b.nodes = nodes
}

/** The smallest power of two that is not less than a count up to 2^30; 0 for 0. */
export function powerOfTwoFrom(count: number): number {
  return count <= 1 ? count : 1 << (32 - Math.clz32(count - 1))
}

/** Throws the error of a library function's write to a read-only table. */
export function refuseWrite(): never {
  throw LuaError.raise(READ_ONLY)
}
