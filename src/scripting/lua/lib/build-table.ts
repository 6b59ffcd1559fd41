// Tables as decoders make them: all at once, yet with the capacities that Lua's one by one would have led to.
//
// Capacities show: `#` of a table that got holes later is found by halving the
// array part. Both parts double as they grow, so each ends at a power of two.

import { meter } from '../meter.ts'
import { LuaTable } from '../table.ts'
import type { LuaValue } from '../value.ts'

/** Fields up to which a table is searched without an index, as LuaTable does. */
const SCAN_MAX = 8
const FIELD_BYTES = 64

function powerOfTwoFrom(count: number): number {
  return count <= 1 ? count : 2 ** (32 - Math.clz32(count - 1))
}

/** Makes 1..n of an array whose slot 0 is unused and whose others are not nil. Keeps the array. */
export function sequenceTable(array: LuaValue[]): LuaTable {
  const table = new LuaTable()
  if (array.length > 1) {
    table.adopt(array)
    table.capacity = powerOfTwoFrom(array.length - 1)
  }
  return table
}

/** Makes a table of string keys and their values, none nil, in this order; a key's last value counts. Keeps the arrays. */
export function fieldTable(keys: string[], values: LuaValue[]): LuaTable {
  const table = new LuaTable()
  const count = keys.length
  if (count === 0) return table
  if (count <= SCAN_MAX) {
    for (let i = 1; i < count; i++) {
      for (let j = 0; j < i; j++) if (keys[i] === keys[j]) return setEach(table, keys, values)
    }
  } else {
    const index = new Map<LuaValue, number>()
    for (let i = 0; i < count; i++) index.set(keys[i]!, i)
    if (index.size !== count) return setEach(table, keys, values)
    table.index = index
  }
  table.keys = keys
  table.values = values
  table.nodes = powerOfTwoFrom(count)
  meter.charge(table.nodes * FIELD_BYTES)
  return table
}

function setEach(table: LuaTable, keys: readonly LuaValue[], values: readonly LuaValue[]): LuaTable {
  for (let i = 0; i < keys.length; i++) table.set(keys[i], values[i])
  return table
}
