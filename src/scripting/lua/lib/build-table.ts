// Builds tables for decoders in one step, with the capacities that Lua's step-by-step building
// would give.
//
// Capacities are visible: `#` of a table that gets holes later halves the array part to find a
// border. Both parts double as they grow, so each ends at a power of two.

import { shapeOf } from '../shape.ts'
import { LuaTable, powerOfTwoFrom } from '../table.ts'
import type { LuaValue } from '../value.ts'

/** Makes 1..n of an array whose slot 0 is unused and whose others are not nil. Keeps the array. */
export function sequenceTable(array: LuaValue[]): LuaTable {
  const table = new LuaTable()
  if (array.length > 1) {
    table.adopt(array)
    table.capacity = powerOfTwoFrom(array.length - 1)
  }
  return table
}

/**
 * Makes a table of string keys and their values, none nil, in this order. A key's last value
 * counts. Slot 0 of the values is unused. Keeps the array of values.
 */
export function fieldTable(keys: readonly string[], values: LuaValue[]): LuaTable {
  const table = new LuaTable()
  const shape = shapeOf(keys)
  if (shape === undefined) for (let i = 0; i < keys.length; i++) table.set(keys[i], values[i + 1])
  else table.adoptFields(shape, values)
  return table
}
