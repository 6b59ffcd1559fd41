// The sandbox of Lua programs: a runtime with Redis's libraries, the `redis` table, and read-only
// globals.
//
// Scripts have one sandbox and functions another, as in Redis. Reading an undefined global is an
// error and not nil, because it usually is a spelling mistake.

import { stringMeta } from './lua/calling-convention.ts'
import { LuaError, runtimeError } from './lua/errors.ts'
import { luaPcall } from './lua/lib/base.ts'
import { bitLibrary } from './lua/lib/bit.ts'
import { createCjson } from './lua/lib/cjson.ts'
import { cmsgpackLibrary } from './lua/lib/cmsgpack.ts'
import { stringLibrary } from './lua/lib/string.ts'
import { structLibrary } from './lua/lib/struct.ts'
import { library } from './lua/library.ts'
import { index } from './lua/operations.ts'
import type { Rand48 } from './lua/rand48.ts'
import { LuaRuntime } from './lua/runtime.ts'
import { LuaTable } from './lua/table.ts'
import { type LuaResult, type LuaValue, rawToString } from './lua/value.ts'
import { errorTable } from './reply-to-lua.ts'

export class LuaSandbox {
  readonly runtime: LuaRuntime
  readonly globals: LuaTable

  /**
   * `extras` are further globals, and `chance` is the source of `math.random`. `interrupt` is
   * called regularly while Lua runs.
   */
  constructor(redis: LuaTable, extras: Readonly<Record<string, LuaValue>>, chance: Rand48, interrupt: () => void) {
    this.runtime = new LuaRuntime({ chance, interrupt })
    const { globals } = this.runtime
    this.globals = globals
    this.runtime.addLibrary('string', stringLibrary)
    this.runtime.addLibrary('bit', bitLibrary)
    this.runtime.addLibrary('struct', structLibrary)
    this.runtime.addLibrary('cmsgpack', cmsgpackLibrary)
    this.runtime.addLibrary('cjson', createCjson())
    globals.set('redis', redis)
    globals.set('pcall', pcall)
    for (const [name, value] of Object.entries(extras)) globals.set(name, value)
    globals.metatable = strict()
    protect(globals, new Set())
    if (stringMeta.table !== undefined) protect(stringMeta.table, new Set())
  }

  /** Returns the index of a global among the globals' values. Writing there skips all checks. */
  placeOf(name: string): number {
    return this.globals.find(name)
  }
}

/** Makes the metatable of globals, which raises an error for an undefined one. */
export function strict(): LuaTable {
  const metatable = new LuaTable()
  metatable.set('__index', (_: LuaValue, key: LuaValue): LuaResult => {
    const name = typeof key === 'string' || typeof key === 'number' ? rawToString(key) : '(null)'
    runtimeError(`Script attempted to access nonexistent global variable '${name}'`)
  })
  metatable.readonly = true
  return metatable
}

/** Makes a table, and the tables in it, read-only. */
function protect(table: LuaTable, seen: Set<LuaTable>): void {
  if (seen.has(table)) return
  seen.add(table)
  table.readonly = true
  for (const value of table.values) if (value instanceof LuaTable) protect(value, seen)
}

/**
 * Redis's pcall. An error table with an `err` text is returned as that text, as before such tables
 * existed. Any other `err` of an error table, even nil, follows the table as a third result.
 * Calling nothing calls a boolean.
 */
const pcall = library({
  pcall(): LuaResult {
    if (arguments.length === 0) return [false, 'attempt to call a boolean value']
    const results = Reflect.apply(luaPcall, undefined, arguments) as readonly LuaValue[]
    const value = results[1]
    if (results[0] === true || !(value instanceof LuaTable)) return results
    const text = index(value, 'err')
    return typeof text === 'string' || typeof text === 'number' ? [false, text] : [false, value, text]
  },
}).getString('pcall')

/**
 * A global function that Redis defines for errors to pass through. Scripts see
 * it; no code calls it.
 */
export function errorHandler(value: LuaValue): LuaResult {
  const table = value instanceof LuaTable ? value : errorTable(`ERR ${rawToString(value)}`)
  const { source } = LuaError.raise(undefined)
  if (source !== undefined) {
    table.set('source', `@${source.chunk}`)
    table.set('line', source.line)
  }
  return table
}
