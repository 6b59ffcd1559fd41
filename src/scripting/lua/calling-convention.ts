// How arguments and results travel between compiled Lua, library functions and the host.
//
// A Lua function is a JavaScript function. Lua arguments are JavaScript arguments; a missing one is
// undefined, which is nil. One result is returned as itself. Any other number of results is
// returned as an array (`NONE` for no result). An array is never a Lua value, so the two cannot be
// confused. A function may also return a TailCall, which is an array, too: it says "the result is
// what this call returns". Compiled code returns one in tail position when the stack is deep. So a
// direct caller of a Lua function must pass the result through `first` or `all`, or call with
// `call1` and `callAll`, which do that.

import { meter } from './script-meter.ts'
import { LuaTable } from './table.ts'
import { type LuaFunction, type LuaResult, LuaUserdata, type LuaValue, typeError } from './value.ts'

/** No result. */
export const NONE: readonly LuaValue[] = Object.freeze([])

/**
 * Stack weight of a call made by a library function. Recursion through gsub took most: 830 bytes a
 * level.
 */
const NATIVE_CALL_WEIGHT = 850

/** Stack weight of a call through `__call`: the frames of a vararg function and of its helpers. */
const BOUND_CALL_WEIGHT = 300

/** Most arguments or results of one call: V8 puts them on its stack. */
export const VALUES_MAX = 8000

/**
 * Results that a call may pass on uncounted, and the stack bytes of each further one. Some calls
 * hand them on once more.
 */
const SPREAD_FREE = 16
const SPREAD_BYTES = 24

/** Counts the stack of results that become arguments. The caller restores `depth`. */
export function weighed(values: readonly LuaValue[]): readonly LuaValue[] {
  const { length } = values
  if (length > SPREAD_FREE) {
    meter.depth += SPREAD_BYTES * length
    if (meter.depth > meter.depthMax) meter.overflow()
  }
  return values
}

/** A call that is still to be made in place of the one that returned it. */
export class TailCall extends Array<LuaValue> {
  callee: LuaFunction | undefined = undefined

  static to(callee: LuaFunction, args: LuaValue[]): TailCall {
    const call = new TailCall()
    for (let i = 0; i < args.length; i++) call.push(args[i])
    call.callee = callee
    return call
  }
}

/** Makes the calls that TailCalls stand for, until there is a result. */
export function settle(result: LuaResult): LuaResult {
  let current = result
  while (current instanceof TailCall) current = current.callee!.apply(undefined, current)
  return current
}

/** Returns the first result; nil when there is none. */
export function first(result: LuaResult): LuaValue {
  // So small that V8 always inlines it.
  return Array.isArray(result) ? firstOfSeveral(result) : (result as LuaValue)
}

function firstOfSeveral(result: readonly LuaValue[]): LuaValue {
  if (result === NONE) return undefined
  if (!(result instanceof TailCall)) return result[0]
  const settled = settle(result)
  return Array.isArray(settled) ? (settled as LuaValue[])[0] : (settled as LuaValue)
}

/** Returns all results as an array, which must not be changed. */
export function all(result: LuaResult): readonly LuaValue[] {
  if (!Array.isArray(result)) return [result as LuaValue]
  if (!(result instanceof TailCall)) return result
  const settled = settle(result)
  return Array.isArray(settled) ? settled : [settled as LuaValue]
}

/** Returns results in the form of a function's result: an array of one becomes its value. */
export function results(values: readonly LuaValue[]): LuaResult {
  return values.length === 1 ? values[0] : values
}

/** The metatable that all strings share. The runtime sets it. */
export const stringMeta: { table: LuaTable | undefined } = { table: undefined }

export function metatableOf(value: LuaValue): LuaTable | undefined {
  if (value instanceof LuaTable) return value.metatable
  if (typeof value === 'string') return stringMeta.table
  return value instanceof LuaUserdata ? value.metatable : undefined
}

/** Returns a metamethod of a value; undefined when it has none. */
export function metamethod(value: LuaValue, event: string): LuaValue {
  return metatableOf(value)?.getString(event)
}

/**
 * Returns the function that calling a value calls: itself, or its `__call` bound to it. `name` is
 * for the error, empty or like `global 'f'`.
 */
export function callable(value: LuaValue, name = ''): LuaFunction {
  if (typeof value === 'function') return value
  const handler = metamethod(value, '__call')
  if (typeof handler !== 'function') typeError('call', value, name)
  const bound: LuaFunction = (...args) => {
    const { depth } = meter
    meter.depth += BOUND_CALL_WEIGHT + SPREAD_BYTES * args.length
    const result = handler(value, ...args)
    meter.depth = depth
    return result
  }
  const { resumable } = handler
  if (resumable !== undefined) bound.resumable = (...args) => resumable(value, ...args)
  return bound
}

/** Calls a value with arguments and returns its first result. */
export function call1(callee: LuaValue, ...args: LuaValue[]): LuaValue {
  return first(luaCallback(callee, args))
}

/** Calls a value with arguments and returns all its results. */
export function callAll(callee: LuaValue, args: readonly LuaValue[]): readonly LuaValue[] {
  return all(luaCallback(callee, args))
}

/**
 * Calls a metamethod for an operator and returns its first result. In Lua's view the operator's
 * function calls it.
 */
export function callMetamethod(handler: LuaValue, ...args: LuaValue[]): LuaValue {
  return first(enter(handler, args))
}

/** Makes a level of its own in stack traces, where this name identifies it. */
function luaCallback(callee: LuaValue, args: readonly LuaValue[]): LuaResult {
  return enter(callee, args)
}

function enter(callee: LuaValue, args: readonly LuaValue[]): LuaResult {
  const target = callable(callee)
  const { depth, nested } = meter
  meter.nest(NATIVE_CALL_WEIGHT + SPREAD_BYTES * args.length)
  const result = settle(target(...args))
  meter.depth = depth
  meter.nested = nested
  return result
}
