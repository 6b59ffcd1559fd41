// How to write library functions.
//
// A library function is a plain JavaScript function. Its Lua arguments are its parameters in order;
// missing ones are undefined. It returns one value as itself, several as an array, and none as
// `NONE` (see `calling-convention.ts`; `return undefined` is one nil). It calls Lua functions with
// `call1` or `callAll`. It raises errors with `runtimeError` (with a position, like luaL_error) or
// `argumentError`. It charges what it builds with `meter.charge(bytes)` *before* building it, and
// counts long work with `meter.spend(steps)`.
//
//     export const stringLibrary = library({
//       rep(text, count) {
//         const s = expectString(text, 1, 'rep', arguments.length)
//         const n = expectInteger(count, 2, 'rep', arguments.length)
//         meter.charge(s.length * n)
//         return n > 0 ? s.repeat(n) : ''
//       },
//     })
//
// With `arguments.length` the checks tell "no value" from "nil", as Lua's do. Without it, undefined
// is reported as "no value".

import { callName } from './call-names.ts'
import { callers, LuaError, runtimeError } from './errors.ts'
import { meter } from './script-meter.ts'
import { LuaTable } from './table.ts'
import { type LuaFunction, type LuaValue, toNumber, toStringCoerced, typeName } from './value.ts'

/**
 * Makes the table of a library: its functions and constants by name. The runtime makes it
 * read-only.
 */
export function library(members: Readonly<Record<string, LuaFunction | LuaValue>>): LuaTable {
  const table = new LuaTable()
  for (const [name, member] of Object.entries(members)) {
    if (typeof member === 'function') natives.add(member)
    table.set(name, member)
  }
  return table
}

const natives = new WeakSet<LuaFunction>()

/**
 * Tells whether a function is a library's own; functions that libraries return (`gmatch`) are not.
 */
export function isNative(value: LuaFunction): boolean {
  return natives.has(value)
}

/**
 * Makes an error of a library function, to be thrown. Its message begins with the caller's
 * position.
 */
export function libraryError(message: string): LuaError {
  return LuaError.at(message, 1)
}

/**
 * Throws `bad argument #index to 'name' (problem)` with the position of the calling Lua function.
 */
export function argumentError(index: number, name: string, problem: string): never {
  // Lua names a function as its caller calls it; `pcall(string.rep)` gives it no name.
  const trace = callers(1)
  const called = trace[0] === undefined ? undefined : callName(trace[0])
  const shown = trace.length > 0 && trace[0] === undefined ? '?' : (called?.name ?? name)
  const isMethod = called?.isMethod === true
  if (isMethod && index === 1) runtimeError(`calling '${shown}' on bad self (${problem})`)
  runtimeError(`bad argument #${isMethod ? index - 1 : index} to '${shown}' (${problem})`)
}

/** Throws the error of a wrong type: `string expected, got no value`. */
export function argumentTypeError(value: LuaValue, index: number, name: string, expected: string, count = 0): never {
  const got = value === undefined && index > count ? 'no value' : typeName(value)
  argumentError(index, name, `${expected} expected, got ${got}`)
}

/** A string argument; numbers are converted. */
export function expectString(value: LuaValue, index: number, name: string, count = 0): string {
  const text = typeof value === 'string' ? value : toStringCoerced(value)
  if (text === undefined) argumentTypeError(value, index, name, 'string', count)
  meter.spendOn(text)
  return text
}

/** A number argument; numeric strings are converted. */
export function expectNumber(value: LuaValue, index: number, name: string, count = 0): number {
  if (typeof value === 'number') return value
  return toNumber(value) ?? argumentTypeError(value, index, name, 'number', count)
}

/**
 * A number argument truncated to an integer like a C cast to 64 bits; NaN and values that do not
 * fit give -2^63.
 */
export function expectInteger(value: LuaValue, index: number, name: string, count = 0): number {
  const number = expectNumber(value, index, name, count)
  return number >= -0x8000000000000000 && number < 0x8000000000000000 ? Math.trunc(number) + 0 : -0x8000000000000000
}

/** A number argument as Lua assigns it to a C `int`: values beyond 32 bits wrap. */
export function expectInt(value: LuaValue, index: number, name: string, count = 0): number {
  return expectInteger(value, index, name, count) | 0
}

/** The same for an argument that may be absent or nil. */
export function optionalInt(value: LuaValue, index: number, name: string, otherwise: number): number {
  return value === undefined ? otherwise : expectInt(value, index, name)
}

/** A string argument that may be absent or nil. */
export function optionalString(value: LuaValue, index: number, name: string, otherwise: string): string {
  return value === undefined ? otherwise : expectString(value, index, name)
}

export function expectTable(value: LuaValue, index: number, name: string, count = 0): LuaTable {
  return value instanceof LuaTable ? value : argumentTypeError(value, index, name, 'table', count)
}

export function expectFunction(value: LuaValue, index: number, name: string, count = 0): LuaFunction {
  return typeof value === 'function' ? value : argumentTypeError(value, index, name, 'function', count)
}
