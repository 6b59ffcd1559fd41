// How arguments and results travel between compiled Lua, library functions and the host.
//
// A Lua function is a JavaScript function. Arguments are its JavaScript arguments, one each; what is missing is
// undefined, which is nil. One result is returned as itself. Any other number of results is returned as an array
// (`NONE` for no result at all); an array is never a Lua value, so the two cannot be confused. And a function may return
// a TailCall, an array too, which says "the result is what this call returns": compiled code does so in tail position
// when the stack has grown deep. So whoever calls a Lua function directly must pass what it returns through `first` or
// `all` (or call with `call1` and `callAll`, which do).

import { meter } from './meter.ts'
import { LuaTable } from './table.ts'
import { type LuaFunction, type LuaResult, LuaUserdata, type LuaValue, typeError } from './value.ts'

/** No result. */
export const NONE: readonly LuaValue[] = Object.freeze([])

/** Stack weight of a call made by a library function: gsub's, of which recursing through it left 830 bytes a level. */
const NATIVE_CALL_WEIGHT = 850

/** Stack weight of a call through `__call`: the frames of a function with any number of arguments and of its helpers. */
const BOUND_CALL_WEIGHT = 300

/** Arguments or results one call may have: V8 places them on its stack. */
export const VALUES_MAX = 8000

/** Results that a call may pass on before they are counted, and what each beyond takes on the stack: some calls hand them on once more. */
const SPREAD_FREE = 16
const SPREAD_BYTES = 24

/** Counts the stack that results take which become arguments. Who makes the call puts `depth` back. */
export function weighed(values: readonly LuaValue[]): readonly LuaValue[] {
  const { length } = values
  if (length > SPREAD_FREE) {
    meter.depth += SPREAD_BYTES * length
    if (meter.depth > meter.depthMax) meter.overflow()
  }
  return values
}

/** A call still to be made in place of the one that returned this. */
export class TailCall extends Array<LuaValue> {
  callee: LuaFunction | undefined = undefined

  static to(callee: LuaFunction, args: LuaValue[]): TailCall {
    const call = new TailCall()
    for (let i = 0; i < args.length; i++) call.push(args[i])
    call.callee = callee
    return call
  }
}

/** Makes the calls a TailCall stands for until there is a result. */
export function settle(result: LuaResult): LuaResult {
  let current = result
  while (current instanceof TailCall) current = current.callee!.apply(undefined, current)
  return current
}

/** The first result, nil when there is none. */
export function first(result: LuaResult): LuaValue {
  // So small that V8 always takes it into its caller.
  return Array.isArray(result) ? firstOfSeveral(result) : (result as LuaValue)
}

function firstOfSeveral(result: readonly LuaValue[]): LuaValue {
  if (result === NONE) return undefined
  if (!(result instanceof TailCall)) return result[0]
  const settled = settle(result)
  return Array.isArray(settled) ? (settled as LuaValue[])[0] : (settled as LuaValue)
}

/** All results as an array. Do not change it. */
export function all(result: LuaResult): readonly LuaValue[] {
  if (!Array.isArray(result)) return [result as LuaValue]
  if (!(result instanceof TailCall)) return result
  const settled = settle(result)
  return Array.isArray(settled) ? settled : [settled as LuaValue]
}

/** Results as a function returns them: an array of one becomes its value. */
export function results(values: readonly LuaValue[]): LuaResult {
  return values.length === 1 ? values[0] : values
}

/** The metatable of a value. Set by the runtime for strings, which share one. */
export const stringMeta: { table: LuaTable | undefined } = { table: undefined }

export function metatableOf(value: LuaValue): LuaTable | undefined {
  if (value instanceof LuaTable) return value.metatable
  if (typeof value === 'string') return stringMeta.table
  return value instanceof LuaUserdata ? value.metatable : undefined
}

/** A metamethod of a value, undefined when it has none. */
export function metamethod(value: LuaValue, event: string): LuaValue {
  return metatableOf(value)?.getString(event)
}

/** What is called for a value: itself, or its `__call` bound to it. `name` is for the error, empty or like `global 'f'`. */
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

/** Calls a metamethod for an operator and returns its first result. To Lua it is the operator's function that calls it. */
export function callMetamethod(handler: LuaValue, ...args: LuaValue[]): LuaValue {
  return first(enter(handler, args))
}

/** A level of its own in stack traces, where it is known by this name. */
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
