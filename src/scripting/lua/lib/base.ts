// The base library as Redis exposes it: no print, no files, no environments.

import { all, call1, callAll, callable, metamethod, metatableOf, NONE, VALUES_MAX } from '../calling-convention.ts'
import { caughtError, LuaError } from '../errors.ts'
import {
  argumentError,
  expectFunction,
  expectInt,
  expectString,
  expectTable,
  library,
  libraryError,
} from '../library.ts'
import { ipairsStep, isTrue, next, spendOnKey } from '../operations.ts'
import { meter } from '../script-meter.ts'
import { LuaTable, refuseWrite } from '../table.ts'
import {
  type LuaFunction,
  type LuaResult,
  type LuaValue,
  raisedValue,
  rawToString,
  toNumber,
  typeName,
} from '../value.ts'

/**
 * Steps counted for an error. V8's stack trace, which gives its position, takes tens of
 * microseconds.
 */
export const ERROR_STEPS = 200

/** Steps counted for measuring the heap. */
const HEAP_STEPS = 50

/** Stack weight of a protected call. */
const PCALL_WEIGHT = 400
/** Stack weight of an argument that a protected call hands on. */
const ARGUMENT_WEIGHT = 16

/** Size of a piece of source until the source is joined, without its characters. */
const PIECE_BYTES = 64

/** Values handed on per step, as a power of two. */
const VALUES_PER_STEP_BITS = 3

/** Longest name of a chunk in messages of running code, and of code that does not compile. */
const CHUNK_NAME_MAX = 60
const SYNTAX_NAME_MAX = 80

/** Compiles a chunk. `name` is its name in messages when it runs, `syntaxName` before. */
type Compile = (source: string, name: string, syntaxName: string) => LuaFunction

function expectAny(index: number, name: string, count: number): void {
  if (count < index) argumentError(index, name, 'value expected')
}

function assert(...args: LuaValue[]): LuaResult {
  expectAny(1, 'assert', args.length)
  if (isTrue(args[0])) return args
  const message = args[1] === undefined ? 'assertion failed!' : expectString(args[1], 2, 'assert', args.length)
  throw libraryError(message)
}

function error(value: LuaValue, level: LuaValue): LuaResult {
  const from = level === undefined ? 1 : expectInt(level, 2, 'error')
  if ((typeof value === 'string' || typeof value === 'number') && from > 0) {
    throw LuaError.at(rawToString(value), from)
  }
  throw LuaError.raise(value)
}

function pcall(...args: LuaValue[]): LuaResult {
  expectAny(1, 'pcall', args.length)
  return Reflect.apply(luaPcall, undefined, args)
}

/**
 * Calls a function with arguments. Returns true and its results, or false and the error's value.
 */
export function luaPcall(callee: LuaValue, ...args: LuaValue[]): LuaResult {
  const { depth, nested } = meter
  try {
    meter.nest(PCALL_WEIGHT + ARGUMENT_WEIGHT * args.length)
    const values = all(callable(callee)(...args))
    return [true, ...values]
  } catch (thrown) {
    const caught = caughtError(thrown)
    if (caught === undefined) throw thrown
    meter.spend(ERROR_STEPS)
    return [false, raisedValue(caught)]
  } finally {
    meter.depth = depth
    meter.nested = nested
  }
}

function xpcall(callee: LuaValue, handler: LuaValue): LuaResult {
  expectAny(2, 'xpcall', arguments.length)
  return luaXpcall(callee, handler)
}

function luaXpcall(callee: LuaValue, handler: LuaValue): LuaResult {
  const { depth, nested } = meter
  try {
    meter.nest(PCALL_WEIGHT)
    const values = all(callable(callee)())
    return [true, ...values]
  } catch (thrown) {
    const caught = caughtError(thrown)
    if (caught === undefined) throw thrown
    meter.spend(ERROR_STEPS)
    // The handler of an overflow needs stack itself.
    meter.nested = nested - 1
    return [false, ...handle(handler, caught)]
  } finally {
    meter.depth = depth
    meter.nested = nested
  }
}

/** Calls the handler of xpcall. If it fails too, the result is Lua's text for that. */
function handle(handler: LuaValue, caught: LuaError): readonly LuaValue[] {
  try {
    return [call1(handler, raisedValue(caught))]
  } catch (thrown) {
    if (caughtError(thrown) === undefined) throw thrown
    meter.spend(ERROR_STEPS)
    return ['error in error handling']
  }
}

function ipairs(list: LuaValue): LuaResult {
  return [ipairsStep, expectTable(list, 1, 'ipairs', arguments.length), 0]
}

function pairs(list: LuaValue): LuaResult {
  return [next, expectTable(list, 1, 'pairs', arguments.length), undefined]
}

function select(...args: LuaValue[]): LuaResult {
  const [which] = args
  meter.spend(args.length >> VALUES_PER_STEP_BITS)
  if (typeof which === 'string' && which[0] === '#') return args.length - 1
  const n = expectInt(which, 1, 'select', args.length)
  const from = n < 0 ? args.length + n : n
  if (from < 1) argumentError(1, 'select', 'index out of range')
  return args.slice(from)
}

function setmetatable(target: LuaValue, metatable: LuaValue): LuaResult {
  const table = expectTable(target, 1, 'setmetatable', arguments.length)
  if (metatable !== undefined && !(metatable instanceof LuaTable)) {
    argumentError(2, 'setmetatable', 'nil or table expected')
  }
  if (arguments.length < 2) argumentError(2, 'setmetatable', 'nil or table expected')
  if (table.metatable?.getString('__metatable') !== undefined) throw libraryError('cannot change a protected metatable')
  if (table.readonly) refuseWrite()
  table.metatable = metatable as LuaTable | undefined
  return table
}

function getmetatable(value: LuaValue): LuaResult {
  expectAny(1, 'getmetatable', arguments.length)
  const metatable = metatableOf(value)
  return metatable?.getString('__metatable') ?? metatable
}

function tonumber(value: LuaValue, radix: LuaValue): LuaResult {
  const base = radix === undefined ? 10 : expectInt(radix, 2, 'tonumber')
  if (base === 10) {
    expectAny(1, 'tonumber', arguments.length)
    return toNumber(value)
  }
  const text = expectString(value, 1, 'tonumber', arguments.length)
  if (base < 2 || base > 36) argumentError(2, 'tonumber', 'base out of range')
  return parseInBase(text, base)
}

/**
 * Parses like C's strtoul: spaces, a sign (which wraps), `0x` in base 16, digits, spaces, the end
 * or a zero byte.
 */
function parseInBase(text: string, base: number): number | undefined {
  let at = skipSpaces(text, 0)
  const isNegative = text[at] === '-'
  if (isNegative || text[at] === '+') at++
  if (base === 16 && text[at] === '0' && (text[at + 1] === 'x' || text[at + 1] === 'X') && isWordAt(text, at + 2))
    at += 2
  const first = at
  const most = 0xffffffffffffffffn
  let value = 0n
  for (; isWordAt(text, at); at++) {
    if (--meter.steps < 0) meter.tick()
    const digit = Number.parseInt(text.charAt(at), 36)
    if (digit >= base) return undefined
    // Beyond the maximum, digits are only checked: their value would grow without end.
    if (value <= most) value = value * BigInt(base) + BigInt(digit)
  }
  if (at === first) return undefined
  at = skipSpaces(text, at)
  if (at < text.length && text.charCodeAt(at) !== 0) return undefined
  if (value > most) return Number(most)
  return Number(isNegative ? BigInt.asUintN(64, -value) : value)
}

function skipSpaces(text: string, from: number): number {
  let at = from
  for (; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code !== 32 && (code < 9 || code > 13)) break
    if (--meter.steps < 0) meter.tick()
  }
  return at
}

/** Tells whether a digit or an ASCII letter stands there. */
function isWordAt(text: string, at: number): boolean {
  const code = text.charCodeAt(at)
  return (code >= 48 && code <= 57) || ((code | 32) >= 97 && (code | 32) <= 122)
}

/** tostring with metatables. */
export function toLuaString(value: LuaValue): LuaValue {
  if (typeof value === 'string') return value
  const handler = metamethod(value, '__tostring')
  return handler === undefined ? rawToString(value) : call1(handler, value)
}

function unpack(list: LuaValue, from: LuaValue, to: LuaValue): LuaResult {
  const table = expectTable(list, 1, 'unpack', arguments.length)
  // Wrapped to 32 bits, so that counting up to it always ends.
  const start = from === undefined ? 1 : expectInt(from, 2, 'unpack')
  const end = to === undefined ? table.length() : expectInt(to, 3, 'unpack')
  if (start > end) return NONE
  const count = end - start + 1
  // The values are on Lua's stack in addition to the arguments.
  if (count + arguments.length > VALUES_MAX) throw libraryError('too many results to unpack')
  meter.spend(count >> VALUES_PER_STEP_BITS)
  if (start === 1 && end === table.array.length - 1) return table.array.slice(1)
  const values: LuaValue[] = []
  for (let i = start; i <= end; i++) values.push(table.getNumber(i))
  return values
}

const COLLECT_OPTIONS = ['stop', 'restart', 'collect', 'count', 'step', 'setpause', 'setstepmul']

/** Answers like Lua, without effect: V8's garbage collector takes no orders. */
function collectgarbage(option: LuaValue): LuaResult {
  const name = option === undefined ? 'collect' : expectString(option, 1, 'collectgarbage')
  if (!COLLECT_OPTIONS.includes(name)) argumentError(1, 'collectgarbage', `invalid option '${name}'`)
  meter.spend(HEAP_STEPS)
  if (name === 'count') return process.memoryUsage().heapUsed / 1024
  return name === 'step' ? true : 0
}

/** Returns the name of a chunk in messages: the given name, or the chunk's own source. */
function chunkName(given: string, lengthMax: number): string {
  // A C string ends at a zero byte.
  const zero = given.indexOf('\0')
  const name = zero < 0 ? given : given.slice(0, zero)
  if (name[0] === '=') return name.slice(1, lengthMax)
  if (name[0] === '@') {
    const file = name.slice(1)
    const room = lengthMax - 8
    return file.length > room ? `...${file.slice(-room)}` : file
  }
  const lineEnd = name.search(/[\n\r]/)
  const room = lengthMax - 17
  let length = lineEnd < 0 ? name.length : lineEnd
  if (length > room) length = room
  return length < name.length ? `[string "${name.slice(0, length)}..."]` : `[string "${name}"]`
}

/** Asks the reader of `load` for a piece of source. */
function read(reader: LuaValue): readonly [piece: LuaValue, problem: LuaError | undefined] {
  try {
    return [callAll(reader, [])[0], undefined]
  } catch (thrown) {
    const caught = caughtError(thrown)
    if (caught === undefined) throw thrown
    meter.spend(ERROR_STEPS)
    return [undefined, caught]
  }
}

/** Compiles for load and loadstring: returns a function, or nil and a message. */
function compileOr(compile: Compile, source: string, name: string): LuaResult {
  try {
    meter.spend(source.length >> 3)
    return compile(source, chunkName(name, CHUNK_NAME_MAX), chunkName(name, SYNTAX_NAME_MAX))
  } catch (thrown) {
    const caught = caughtError(thrown)
    if (caught === undefined) throw thrown
    meter.spend(ERROR_STEPS)
    return [undefined, raisedValue(caught)]
  }
}

/** Makes the base library, which is the table of globals. */
export function baseLibrary(compile: Compile): LuaTable {
  return library({
    assert,
    collectgarbage,
    error,
    gcinfo() {
      meter.spend(HEAP_STEPS)
      return [Math.floor(process.memoryUsage().heapUsed / 1024), 0]
    },
    getmetatable,
    ipairs,
    load(reader, name) {
      const chunk = name === undefined ? '=(load)' : expectString(name, 2, 'load')
      expectFunction(reader, 1, 'load', arguments.length)
      let source = ''
      for (;;) {
        const [piece, problem] = read(reader)
        if (problem !== undefined) return [undefined, raisedValue(problem)]
        if (piece === undefined || piece === '') break
        if (typeof piece !== 'string' && typeof piece !== 'number') {
          return [undefined, 'reader function must return a string']
        }
        const text = rawToString(piece)
        meter.charge(text.length + PIECE_BYTES)
        meter.spend(1)
        source += text
      }
      return compileOr(compile, source, chunk)
    },
    loadstring(text, name) {
      const source = expectString(text, 1, 'loadstring', arguments.length)
      return compileOr(compile, source, name === undefined ? source : expectString(name, 2, 'loadstring'))
    },
    next,
    pairs,
    pcall,
    rawequal(a, b) {
      expectAny(1, 'rawequal', arguments.length)
      expectAny(2, 'rawequal', arguments.length)
      if (typeof a === 'string') meter.spendOn(a)
      return a === b
    },
    rawget(list, key) {
      const table = expectTable(list, 1, 'rawget', arguments.length)
      expectAny(2, 'rawget', arguments.length)
      if (typeof key === 'string') spendOnKey(table, key)
      return table.get(key)
    },
    rawset(list, key, value) {
      const table = expectTable(list, 1, 'rawset', arguments.length)
      expectAny(2, 'rawset', arguments.length)
      expectAny(3, 'rawset', arguments.length)
      if (typeof key === 'string') spendOnKey(table, key)
      table.set(key, value)
      return table
    },
    select,
    setmetatable,
    tonumber,
    tostring(value) {
      expectAny(1, 'tostring', arguments.length)
      return toLuaString(value)
    },
    type(value) {
      expectAny(1, 'type', arguments.length)
      return typeName(value)
    },
    unpack,
    xpcall,
  })
}
