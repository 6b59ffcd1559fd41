// A Lua table: an array part for 1..n and a hash part for everything else.
//
// The array part is a JavaScript array whose slot 0 is unused, so a Lua index is its index. It always holds plain
// (boxed) elements: V8 then sees one kind of array everywhere. The hash part is two parallel arrays, keys and values in
// order of arrival, searched from the start while there are few and through a Map once there are more than `SCAN_MAX`.
// Compiled code remembers at which place it last found a constant key and looks there first.
//
// Two habits of Lua's own implementation are kept because programs see them. A key set to nil keeps its place until the
// table grows next, so fields may be cleared during a traversal. And both parts have capacities, counted as Lua counts
// them: when the hash part is full, all integer keys are counted anew and the array part takes the largest power of two
// more than half filled. What `#` answers for a table with holes follows from those capacities.

import { LuaError } from './errors.ts'
import { meter } from './meter.ts'
import type { LuaValue } from './value.ts'

/** Keys a hash part holds before it gets a Map. */
const SCAN_MAX = 8

const TABLE_BYTES = 112
const ARRAY_SLOT_BYTES = 8
const HASH_SLOT_BYTES = 64

/** Array indexes Lua would place in an array part at most: 2^26. */
const ARRAY_BITS_MAX = 26

// The errors of assignments. Raised here they have no position, as those of library functions; compiled code asks first.
export const READ_ONLY = 'Attempt to modify a readonly table'
export const NIL_INDEX = 'table index is nil'
export const NAN_INDEX = 'table index is NaN'

const NO_ARRAY: LuaValue[] = [undefined]
const NO_KEYS = emptyList()

/** An empty array that V8 already takes for one of any values, so that all key and value lists are of one kind. */
function emptyList(): LuaValue[] {
  const list: LuaValue[] = [undefined]
  list.pop()
  return list
}

export class LuaTable {
  /** Array part: element i at index i, index 0 unused. May be shorter than `capacity + 1`; what is missing is nil. */
  array: LuaValue[]
  /** Slots of the array part as Lua would count them. */
  capacity: number
  /** Whether the array part may hold nils below its last element. */
  holey: boolean
  /** Keys of the hash part in order of arrival, those with a nil value included. */
  keys: LuaValue[]
  /** Values of the hash part; undefined marks a key that was cleared. */
  values: LuaValue[]
  /** Place of each key, once there are more than `SCAN_MAX`. */
  index: Map<LuaValue, number> | undefined
  /** Nodes of the hash part as Lua would count them: 0 or a power of two. */
  nodes: number
  metatable: LuaTable | undefined
  /** Refuses every change of contents and metatable. */
  readonly: boolean

  constructor() {
    this.array = NO_ARRAY
    this.capacity = 0
    this.holey = false
    this.keys = NO_KEYS
    this.values = NO_KEYS
    this.index = undefined
    this.nodes = 0
    this.metatable = undefined
    this.readonly = false
    meter.charge(TABLE_BYTES)
  }

  /** Makes a table 1..n of the values, which may include nils. Takes a copy. */
  static of(values: readonly LuaValue[]): LuaTable {
    const table = new LuaTable()
    if (values.length > 0) {
      const array: LuaValue[] = [undefined]
      for (let i = 0; i < values.length; i++) array.push(values[i])
      table.adopt(array)
    }
    return table
  }

  /** Gives an empty table its array part: elements from index 1 on, index 0 undefined. Keeps the array. */
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
    while (array.length > 1 && array[array.length - 1] === undefined) array.pop()
    meter.charge(length * ARRAY_SLOT_BYTES)
  }

  /** Gives an empty table its hash part: keys that differ, and their values. Takes copies. */
  adoptFields(keys: readonly string[], values: readonly LuaValue[]): void {
    const count = keys.length
    this.nodes = count === 1 ? 1 : 2 ** (32 - Math.clz32(count - 1))
    meter.charge(this.nodes * HASH_SLOT_BYTES)
    const ownKeys = emptyList()
    const ownValues = emptyList()
    for (let i = 0; i < count; i++) {
      ownKeys.push(keys[i])
      ownValues.push(values[i])
    }
    this.keys = ownKeys
    this.values = ownValues
    if (count > SCAN_MAX) this.#makeIndex()
  }

  /** Raw access: the value of a key, undefined for nil and for keys that cannot exist. */
  get(key: LuaValue): LuaValue {
    if (typeof key === 'string') return this.getString(key)
    if (typeof key === 'number') return this.getNumber(key)
    if (key === undefined || this.nodes === 0) return undefined
    const place = this.find(key)
    return place >= 0 ? this.values[place] : undefined
  }

  getString(key: string): LuaValue {
    const index = this.index
    if (index !== undefined) {
      const place = index.get(key)
      return place === undefined ? undefined : this.values[place]
    }
    const keys = this.keys
    for (let i = 0; i < keys.length; i++) if (keys[i] === key) return this.values[i]
    return undefined
  }

  getNumber(key: number): LuaValue {
    if (key > 0 && key < this.array.length && Math.floor(key) === key) return this.array[key]
    if (this.nodes === 0) return undefined
    const place = this.find(key)
    return place >= 0 ? this.values[place] : undefined
  }

  /** The place of a key in the hash part, -1 when it has none. A place stays valid until a key is added. */
  find(key: LuaValue): number {
    const index = this.index
    if (index !== undefined) {
      const place = index.get(key)
      return place === undefined ? -1 : place
    }
    const keys = this.keys
    for (let i = 0; i < keys.length; i++) if (keys[i] === key) return i
    return -1
  }

  /** Raw assignment; nil removes. A key given nil keeps its place until the table grows. Throws for a nil or NaN key and for a read-only table. */
  set(key: LuaValue, value: LuaValue): void {
    if (typeof key === 'number') {
      this.setNumber(key, value)
      return
    }
    if (this.readonly) refuseWrite()
    if (key === undefined) throw LuaError.raise(NIL_INDEX)
    const place = this.find(key)
    if (place >= 0) this.values[place] = value
    else this.#insert(key, value)
  }

  setNumber(key: number, value: LuaValue): void {
    if (this.readonly) refuseWrite()
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
    this.#setFar(key, value)
  }

  /** An assignment by number that meets no element of the array part and does not append within its capacity. */
  #setFar(key: number, value: LuaValue): void {
    if (key > 0 && key <= this.capacity && Math.floor(key) === key) {
      if (value === undefined) return
      for (let i = this.array.length; i < key; i++) this.array.push(undefined)
      this.array.push(value)
      this.holey = true
      return
    }
    const place = this.nodes === 0 ? -1 : this.find(key)
    if (place >= 0) {
      this.values[place] = value
      return
    }
    if (Number.isNaN(key)) throw LuaError.raise(NAN_INDEX)
    const appends = key === this.array.length && key === this.capacity + 1 && !this.holey && this.nodes === 0
    if (appends && value !== undefined) this.#append(value)
    else this.#insert(key === 0 ? 0 : key, value)
  }

  /** Appends to a full array part without holes when there is no hash part: what a rehash would do, without the counting. */
  #append(value: LuaValue): void {
    const capacity = this.capacity === 0 ? 1 : 2 ** Math.ceil(Math.log2(this.capacity + 1))
    meter.charge((capacity - this.capacity) * ARRAY_SLOT_BYTES)
    if (this.array === NO_ARRAY) this.array = [undefined, value]
    else this.array.push(value)
    this.capacity = capacity
  }

  /** Puts a value into the array part, whose capacity includes the key. */
  #place(key: number, value: LuaValue): void {
    const array = this.array
    if (key < array.length) {
      array[key] = value
      return
    }
    if (key > array.length) this.holey = true
    for (let i = array.length; i < key; i++) array.push(undefined)
    array.push(value)
  }

  /** Adds a key that is not there. Lua makes a place even for a nil, which may move the bounds of both parts: so do we. */
  #insert(key: LuaValue, value: LuaValue): void {
    if (this.keys.length >= this.nodes) {
      this.#rehash(key)
      if (typeof key === 'number' && key >= 1 && key <= this.capacity && Math.floor(key) === key) {
        if (value !== undefined) this.#place(key, value)
        return
      }
    }
    const place = this.keys.length
    this.keys.push(key)
    this.values.push(value)
    if (this.index !== undefined) this.index.set(key, place)
    else if (place >= SCAN_MAX) this.#makeIndex()
  }

  /** Counts all keys and the one to come, and gives both parts the sizes Lua would give them. */
  #rehash(coming: LuaValue): void {
    const { keys, values, array } = this
    const counts = new Array<number>(ARRAY_BITS_MAX + 1).fill(0)
    let integers = 0
    let total = 1
    const count = (key: LuaValue): void => {
      if (typeof key !== 'number' || key < 1 || key > 2 ** ARRAY_BITS_MAX || Math.floor(key) !== key) return
      counts[key === 1 ? 0 : 32 - Math.clz32(key - 1)]!++
      integers++
    }
    for (let i = 0; i < keys.length; i++) {
      if (values[i] === undefined) continue
      total++
      count(keys[i])
    }
    for (let i = 1; i < array.length; i++) {
      if (array[i] === undefined) continue
      total++
      count(i)
    }
    count(coming)

    let below = 0
    let inArray = 0
    let capacity = 0
    for (let bit = 0, size = 1; bit <= ARRAY_BITS_MAX && size / 2 < integers; bit++, size *= 2) {
      below += counts[bit]!
      if (below > size / 2) {
        capacity = size
        inArray = below
      }
    }
    this.#resize(capacity, total - inArray)
  }

  #resize(capacity: number, hashed: number): void {
    const { keys, values, array } = this
    const nodes = hashed === 0 ? 0 : 2 ** Math.ceil(Math.log2(hashed))
    meter.charge(capacity * ARRAY_SLOT_BYTES + nodes * HASH_SLOT_BYTES)
    this.nodes = nodes
    this.capacity = capacity
    this.keys = emptyList()
    this.values = emptyList()
    this.index = undefined
    if (array === NO_ARRAY && capacity > 0) this.array = [undefined]
    if (array.length - 1 > capacity) {
      const kept = array.slice(0, capacity + 1)
      this.array = kept
      for (let i = capacity + 1; i < array.length; i++) if (array[i] !== undefined) this.#keep(i, array[i])
      while (kept.length > 1 && kept[kept.length - 1] === undefined) kept.pop()
    }
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i]
      const value = values[i]
      if (value === undefined) continue
      if (typeof key === 'number' && key >= 1 && key <= capacity && Math.floor(key) === key) this.#place(key, value)
      else this.#keep(key, value)
    }
    if (this.keys.length > SCAN_MAX) this.#makeIndex()
    if (this.holey) this.holey = this.array.includes(undefined, 1)
  }

  #keep(key: LuaValue, value: LuaValue): void {
    this.keys.push(key)
    this.values.push(value)
  }

  #makeIndex(): void {
    const index = new Map<LuaValue, number>()
    for (let i = 0; i < this.keys.length; i++) index.set(this.keys[i], i)
    this.index = index
  }

  /** Lua's `#`: a border, namely the one Lua 5.1 would find. O(1) without holes. */
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
    return this.nodes === 0 ? capacity : this.#unboundLength()
  }

  /** Looks for a border beyond the array part: doubles until a nil is met, then halves. */
  #unboundLength(): number {
    let low = this.capacity
    let high = low + 1
    while (this.getNumber(high) !== undefined) {
      low = high
      high *= 2
    }
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2)
      if (this.getNumber(middle) === undefined) high = middle
      else low = middle
    }
    return low
  }

  /**
   * The position that follows in a traversal: positions 1..n are the array part, those above it the hash part; 0 starts,
   * and 0 is returned at the end. `keyAt` and `valueAt` tell what stands there.
   */
  nextPosition(position: number): number {
    const { array, values } = this
    const length = array.length - 1
    let at = position + 1
    for (; at <= length; at++) if (array[at] !== undefined) return at
    // Hash positions are counted from the capacity, which does not change while fields are only cleared.
    let place = at <= this.capacity ? 0 : at - this.capacity - 1
    for (; place < values.length; place++) if (values[place] !== undefined) return this.capacity + 1 + place
    return 0
  }

  keyAt(position: number): LuaValue {
    return position <= this.capacity ? position : this.keys[position - this.capacity - 1]
  }

  valueAt(position: number): LuaValue {
    return position <= this.capacity ? this.array[position] : this.values[position - this.capacity - 1]
  }

  /** The position of a key for `nextPosition`; nil gives 0. Throws Lua's error for a key the table does not know. */
  positionOf(key: LuaValue): number {
    if (key === undefined) return 0
    if (typeof key === 'number' && key >= 1 && key <= this.capacity && Math.floor(key) === key) return key
    const place = this.find(key)
    if (place < 0) throw LuaError.raise("invalid key to 'next'")
    return this.capacity + 1 + place
  }

  /** The key after `key` in a traversal, undefined at the end. The first one for undefined. */
  nextKey(key: LuaValue): LuaValue {
    const position = this.nextPosition(this.positionOf(key))
    return position === 0 ? undefined : this.keyAt(position)
  }
}

/** Throws what a library function's write to a read-only table throws. */
export function refuseWrite(): never {
  throw LuaError.raise(READ_ONLY)
}
