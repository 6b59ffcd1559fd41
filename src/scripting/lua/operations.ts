// The operations that compiled code calls when its inline case does not apply: metatables,
// conversions, and errors that name their operand.
//
// Order and words are Lua 5.1's. A `name` parameter is the operand's name in errors, like `local
// 'x'`.

import {
  all,
  call1,
  callable,
  callMetamethod,
  first,
  metamethod,
  metatableOf,
  settle,
  TailCall,
} from './calling-convention.ts'
import { LuaError, runtimeError } from './errors.ts'
import { argumentTypeError } from './library.ts'
import { meter } from './script-meter.ts'
import { type Shape, shapeOf } from './shape.ts'
import { LuaTable, NAN_INDEX, NIL_INDEX, READ_ONLY } from './table.ts'
import {
  formatNumber,
  type LuaFunction,
  type LuaGenerator,
  type LuaResult,
  type LuaValue,
  stringToNumber,
  toNumber,
  typeError,
  typeName,
} from './value.ts'

/** Longest chain of `__index` or `__newindex`. */
const CHAIN_MAX = 100

/** A longer text is charged before it is built. */
const LONG_TEXT = 1 << 20

/** Size of a string without its characters. */
const STRING_BYTES = 32

/** Finding a key of this length or longer counts as work. */
const LONG_KEY = 512

/** Counts the work of finding a long key in a table. */
export function spendOnKey(object: LuaValue, key: string): void {
  meter.spend(object instanceof LuaTable ? object.shape.effortFor(key) : key.length >> 8)
}

// Reading and writing

/** `object[key]` with all of Lua's rules. */
export function index(object: LuaValue, key: LuaValue, name = ''): LuaValue {
  if (typeof key === 'string' && key.length > LONG_KEY) spendOnKey(object, key)
  let current = object
  for (let i = 0; i < CHAIN_MAX; i++) {
    let handler: LuaValue
    if (current instanceof LuaTable) {
      const value = current.get(key)
      if (value !== undefined || current.metatable === undefined) return value
      handler = current.metatable.getString('__index')
      if (handler === undefined) return undefined
    } else {
      handler = metatableOf(current)?.getString('__index')
      if (handler === undefined) typeError('index', current, i === 0 ? name : '')
    }
    if (typeof handler === 'function') return callMetamethod(handler, current, key)
    current = handler
  }
  runtimeError('loop in gettable')
}

/** `object[key] = value` with all of Lua's rules. */
export function setIndex(object: LuaValue, key: LuaValue, value: LuaValue, name = ''): void {
  if (typeof key === 'number' && object instanceof LuaTable && object.metatable === undefined && !object.locked) {
    if (Number.isNaN(key)) runtimeError(NAN_INDEX)
    object.setNumber(key, value)
    return
  }
  if (typeof key === 'string' && key.length > LONG_KEY) spendOnKey(object, key)
  let current = object
  for (let i = 0; i < CHAIN_MAX; i++) {
    let handler: LuaValue
    if (current instanceof LuaTable) {
      handler = current.metatable?.getString('__newindex')
      if (handler === undefined || current.get(key) !== undefined) {
        assign(current, key, value)
        return
      }
    } else {
      handler = metatableOf(current)?.getString('__newindex')
      if (handler === undefined) typeError('index', current, i === 0 ? name : '')
    }
    if (typeof handler === 'function') {
      callMetamethod(handler, current, key, value)
      return
    }
    current = handler
  }
  runtimeError('loop in settable')
}

/** A raw assignment by compiled code. Its errors have a position. */
function assign(table: LuaTable, key: LuaValue, value: LuaValue): void {
  if (table.readonly) runtimeError(READ_ONLY)
  if (key === undefined) runtimeError(NIL_INDEX)
  if (Number.isNaN(key)) runtimeError(NAN_INDEX)
  table.set(key, value)
}

// Arithmetic

function arithmetic(
  event: string,
  operate: (a: number, b: number) => number,
): (a: LuaValue, b: LuaValue, nameA?: string, nameB?: string) => LuaValue {
  return (a, b, nameA = '', nameB = '') => {
    const x = toNumber(a)
    const y = toNumber(b)
    if (x !== undefined && y !== undefined) return operate(x, y)
    const handler = metamethod(a, event) ?? metamethod(b, event)
    if (handler !== undefined) return callMetamethod(handler, a, b)
    if (x === undefined) typeError('perform arithmetic on', a, nameA)
    typeError('perform arithmetic on', b, nameB)
  }
}

const slowModulo = arithmetic('__mod', floatModulo)
const slowPower = arithmetic('__pow', power)

/** `a - floor(a / b) * b`, as Lua computes it. */
function floatModulo(a: number, b: number): number {
  return a - Math.floor(a / b) * b
}

/** C's pow: 1 to any power is 1. */
export function power(a: number, b: number): number {
  if (a === 1) return 1
  // C also says that -1 to an infinite power is 1.
  return a === -1 && (b === Number.POSITIVE_INFINITY || b === Number.NEGATIVE_INFINITY) ? 1 : a ** b
}

function modulo(a: LuaValue, b: LuaValue, nameA?: string, nameB?: string): LuaValue {
  if (typeof a === 'number' && typeof b === 'number') {
    // For small positive integers `%` gives the same remainder, ten times as fast.
    return a > 0 && b > 0 && (a | 0) === a && (b | 0) === b ? a % b : floatModulo(a, b)
  }
  return slowModulo(a, b, nameA, nameB)
}

function minus(value: LuaValue, name = ''): LuaValue {
  const number = toNumber(value)
  if (number !== undefined) return -number
  const handler = metamethod(value, '__unm')
  if (handler !== undefined) return callMetamethod(handler, value, value)
  typeError('perform arithmetic on', value, name)
}

/** `#value`. Lua 5.1 ignores the `__len` of a table. */
export function length(value: LuaValue, name = ''): LuaValue {
  if (typeof value === 'string') return value.length
  if (value instanceof LuaTable) return value.length()
  const handler = metamethod(value, '__len')
  if (handler !== undefined) return callMetamethod(handler, value)
  typeError('get length of', value, name)
}

export function concat(a: LuaValue, b: LuaValue, nameA = '', nameB = ''): LuaValue {
  if (typeof a === 'string') {
    if (typeof b === 'string') {
      meter.charge(a.length + b.length + STRING_BYTES)
      return a + b
    }
    if (typeof b === 'number') {
      meter.charge(a.length + STRING_BYTES)
      return a + formatNumber(b)
    }
  } else if (typeof a === 'number') {
    if (typeof b === 'string') {
      meter.charge(b.length + STRING_BYTES)
      return formatNumber(a) + b
    }
    if (typeof b === 'number') return formatNumber(a) + formatNumber(b)
  }
  const handler = metamethod(a, '__concat') ?? metamethod(b, '__concat')
  if (handler !== undefined) return callMetamethod(handler, a, b)
  if (typeof a === 'string' || typeof a === 'number') typeError('concatenate', b, nameB)
  typeError('concatenate', a, nameA)
}

/** `a .. b .. c`. Line ends separate the operands' names. */
function concat3(a: LuaValue, b: LuaValue, c: LuaValue, names: string): LuaValue {
  const x = typeof a === 'string' ? a : typeof a === 'number' ? formatNumber(a) : undefined
  const y = typeof b === 'string' ? b : typeof b === 'number' ? formatNumber(b) : undefined
  const z = typeof c === 'string' ? c : typeof c === 'number' ? formatNumber(c) : undefined
  if (x === undefined || y === undefined || z === undefined) return concatSlowly([a, b, c], names)
  meter.charge(x.length + y.length + z.length + STRING_BYTES)
  return x + y + z
}

/** `..` between all of the values. */
function concatAll(values: readonly LuaValue[], names: string): LuaValue {
  let text = ''
  for (let i = 0; i < values.length; i++) {
    const value = values[i]
    if (typeof value === 'string') text += value
    else if (typeof value === 'number') text += formatNumber(value)
    else return concatSlowly(values, names)
    if (text.length > LONG_TEXT) return concatSlowly(values, names)
  }
  meter.charge(text.length + STRING_BYTES)
  return text
}

/** Concatenates from right to left, two values at a time. */
function concatSlowly(values: readonly LuaValue[], names: string): LuaValue {
  const called = names.split('\n')
  let last = values.length - 1
  let result = values[last]
  let name = called[last]
  while (--last >= 0) {
    result = concat(values[last], result, called[last], name)
    name = ''
  }
  return result
}

// Comparison

/** Tells whether a string and another value are the same. */
function same(a: string, b: LuaValue): boolean {
  meter.spendOn(a)
  return a === b
}

/** Tells whether two values that are not the same are equal. */
function equal(a: LuaValue, b: LuaValue): boolean {
  if (!(a instanceof LuaTable) || !(b instanceof LuaTable) || a.metatable === undefined || b.metatable === undefined)
    return false
  const handler = a.metatable.getString('__eq')
  if (handler === undefined || handler !== b.metatable.getString('__eq')) return false
  return isTrue(callMetamethod(handler, a, b))
}

export function isTrue(value: LuaValue): boolean {
  return value !== undefined && value !== false
}

export function less(a: LuaValue, b: LuaValue): boolean {
  if (typeof a === 'number' && typeof b === 'number') return a < b
  if (typeof a === 'string' && typeof b === 'string') {
    meter.spendOn(a)
    meter.look(b)
    return a < b
  }
  const handler = orderHandler(a, b, '__lt')
  if (handler === undefined) runtimeError(orderProblem(a, b))
  return isTrue(callMetamethod(handler, a, b))
}

/** `less` for library functions: an error has no position. */
export function lessForLibrary(a: LuaValue, b: LuaValue): boolean {
  if (typeof a === 'number' && typeof b === 'number') return a < b
  if (typeof a === 'string' && typeof b === 'string') {
    meter.spendOn(a)
    meter.look(b)
    return a < b
  }
  const handler = orderHandler(a, b, '__lt')
  if (handler === undefined) throw LuaError.raise(orderProblem(a, b))
  return isTrue(call1(handler, a, b))
}

function lessOrEqual(a: LuaValue, b: LuaValue): boolean {
  if (typeof a === 'number' && typeof b === 'number') return a <= b
  if (typeof a === 'string' && typeof b === 'string') {
    meter.spendOn(a)
    meter.look(b)
    return a <= b
  }
  const handler = orderHandler(a, b, '__le')
  if (handler !== undefined) return isTrue(callMetamethod(handler, a, b))
  const reverse = orderHandler(b, a, '__lt')
  if (reverse === undefined) runtimeError(orderProblem(a, b))
  return !isTrue(callMetamethod(reverse, b, a))
}

/** Returns the order's handler. Both values must have one type and the same handler. */
function orderHandler(a: LuaValue, b: LuaValue, event: string): LuaValue {
  if (typeName(a) !== typeName(b)) return undefined
  const handler = metamethod(a, event)
  return handler !== undefined && handler === metamethod(b, event) ? handler : undefined
}

function orderProblem(a: LuaValue, b: LuaValue): string {
  const [x, y] = [typeName(a), typeName(b)]
  // Lua compares only the third letter, which strings and threads share.
  return x[2] === y[2] ? `attempt to compare two ${x} values` : `attempt to compare ${x} with ${y}`
}

// Functions

/**
 * Returns the function that is called for a value that is no function. If it cannot be called, the
 * error comes only at the call, after the arguments.
 */
export function callee(value: LuaValue, name = ''): LuaFunction {
  if (metamethod(value, '__call') !== undefined) return callable(value, name)
  return () => typeError('call', value, name)
}

/** Makes the function value of a generator. Outside a coroutine it runs to its end. */
function coroutineFunction(generator: LuaGenerator): LuaFunction {
  const plain: LuaFunction = (...args) => {
    const running = generator(...args)
    let step = running.next([])
    // It yields, although its caller cannot be suspended.
    while (!step.done) step = running.throw(yieldError())
    return step.value
  }
  plain.resumable = generator
  return plain
}

/** Marks a comparing function with its order. `table.sort` need not call it then. */
function ordered(compare: LuaFunction, order: 'ascending' | 'descending'): LuaFunction {
  compare.order = order
  return compare
}

/** Makes the calls of TailCalls inside a coroutine, where they may yield. */
function* settleResumable(result: LuaResult): Generator<LuaValue[], LuaResult, LuaValue[]> {
  let current = result
  while (current instanceof TailCall) {
    const { callee } = current as TailCall
    const args: LuaValue[] = current
    current = callee!.resumable === undefined ? callee!(...args) : yield* callee!.resumable(...args)
  }
  return current
}

/** The generator of a coroutine: its body, and the tail calls that the body leaves. */
export function* coroutineBody(
  body: LuaGenerator,
  args: readonly LuaValue[],
): Generator<LuaValue[], LuaResult, LuaValue[]> {
  return yield* settleResumable(yield* body(...args))
}

export function yieldError(): LuaError {
  return LuaError.raise('attempt to yield across metamethod/C-call boundary')
}

/** Returns how a generic for steps: 0 for a traversal by `next`, -2 for ipairs, -1 otherwise. */
function iteration(step: LuaValue, state: LuaValue, control: LuaValue): number {
  if (!(state instanceof LuaTable)) return -1
  if (step === next && control === undefined) return 0
  return step === ipairsStep && control === 0 ? -2 : -1
}

/** The library function `next`. It is here because loops use it. */
export function next(table: LuaValue, key: LuaValue): LuaResult {
  if (!(table instanceof LuaTable)) {
    argumentTypeError(table, 1, 'next', 'table', arguments.length)
  }
  const position = table.nextPosition(table.positionOf(key))
  return position === 0 ? undefined : [table.keyAt(position), table.valueAt(position)]
}

/** The iterator that ipairs returns. */
export function ipairsStep(table: LuaValue, index: LuaValue): LuaResult {
  if (!(table instanceof LuaTable)) {
    argumentTypeError(table, 1, '?', 'table')
  }
  const following = (toNumber(index) ?? 0) + 1
  const value = table.getNumber(following)
  return value === undefined ? [] : [following, value]
}

function powerOf(a: LuaValue, b: LuaValue, nameA?: string, nameB?: string): LuaValue {
  return typeof a === 'number' && typeof b === 'number' ? power(a, b) : slowPower(a, b, nameA, nameB)
}

/** Makes a table of positional values, which begin at index 1. */
function list(array: LuaValue[]): LuaTable {
  const table = new LuaTable()
  if (array.length > 1) table.adopt(array)
  return table
}

/** Makes a table with the keys of a shape; the values begin at index 1. */
function record(shape: Shape, values: LuaValue[]): LuaTable {
  const table = new LuaTable()
  table.adoptFields(shape.shared ? shape : shape.copy(), values)
  return table
}

/** Sets a field of a table under construction. */
function put(table: LuaTable, key: LuaValue, value: LuaValue): void {
  table.set(key, value)
}

/** Gives a table under construction its positional values. */
function fill(table: LuaTable, array: LuaValue[]): LuaTable {
  if (array.length === 1) return table
  if (table.array.length === 1) {
    for (let i = 1; i < array.length; i++) if (table.find(i) > 0) table.set(i, undefined)
    table.adopt(array)
  } else for (let i = 1; i < array.length; i++) table.set(i, array[i])
  return table
}

/** The table `arg` of a vararg function. */
function argTable(values: readonly LuaValue[]): LuaTable {
  const table = LuaTable.of(values)
  table.set('n', values.length)
  return table
}

/** Converts the initial value, limit or step of a numeric for that is no number. */
function forNumber(value: LuaValue, what: string): number {
  const number = typeof value === 'string' ? stringToNumber(value) : undefined
  if (number === undefined) runtimeError(`'for' ${what} must be a number`)
  return number
}

/** The operations of Lua, a row of functions: the object that compiled code calls R. */
export const operations = {
  // Shared with the libraries, or defined above.
  index,
  setIndex,
  first,
  all,
  settle,
  callee,
  settleResumable,
  tailCall: TailCall.to,
  concat,
  concat3,
  concatAll,
  less,
  lessOrEqual,
  same,
  equal,
  length,
  minus,
  modulo,
  iteration,
  coroutineFunction,
  ordered,
  shapeOf,
  add: arithmetic('__add', (a, b) => a + b),
  subtract: arithmetic('__sub', (a, b) => a - b),
  multiply: arithmetic('__mul', (a, b) => a * b),
  divide: arithmetic('__div', (a, b) => a / b),
  power: powerOf,
  list,
  record,
  put,
  fill,
  argTable,
  forNumber,
}
