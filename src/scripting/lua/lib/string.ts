// The string library of Lua 5.1. Patterns and formats have files of their own.
//
// Positions count from 1, negative ones from the end. Only ASCII letters have upper and lower case.

import { call1, callAll, metamethod, NONE, VALUES_MAX } from '../calling-convention.ts'
import { runtimeError } from '../errors.ts'
import { argumentError, expectFunction, expectInt, expectInteger, expectString, isNative, library } from '../library.ts'
import { convertSlices, finish, gather, indexOfLong, ROPE_LENGTH_MAX, TextBuilder } from '../long-text.ts'
import { meter } from '../script-meter.ts'
import { LuaTable } from '../table.ts'
import { type LuaFunction, type LuaResult, type LuaValue, toStringCoerced, typeName } from '../value.ts'
import { format } from './format.ts'
import { capture, compilePattern, isPlain, lastMatch, type Pattern, resultCount, search } from './pattern.ts'

/** Approximate number of bytes that a pattern or a copy handles per step. */
const BYTES_PER_STEP = 32
/** Values of one call per step: 2^3. */
const MANY_VALUES_BITS = 3
const LONG_PATTERN_LENGTH = 1000
/** `__index` tables and functions followed before Lua suspects a cycle. */
const INDEX_CHAIN_MAX = 100

/** Returns a position counted from 1; a position before the start is 0. */
function position(at: number, length: number): number {
  const from1 = at < 0 ? at + length + 1 : at
  return from1 >= 0 ? from1 : 0
}

/** Returns all captures of the last match, or the whole match when the pattern has none. */
function captures(pattern: Pattern, subject: string, start: number, end: number): LuaResult {
  const count = resultCount(pattern)
  if (count === 1) return capture(pattern, 0, subject, start, end)
  const values: LuaValue[] = []
  for (let i = 0; i < count; i++) values.push(capture(pattern, i, subject, start, end))
  return values
}

function initialPosition(init: LuaValue, length: number, name: string): number {
  if (init === undefined) return 0
  const start = position(expectInteger(init, 3, name, 3), length) - 1
  return start < 0 ? 0 : start > length ? length : start
}

/** A string argument of which only a part is read. */
function lookedAt(text: LuaValue, name: string, count: number): string {
  if (typeof text !== 'string') return expectString(text, 1, name, count)
  meter.look(text)
  return text
}

function find(text: LuaValue, sought: LuaValue, init: LuaValue, plain: LuaValue): LuaResult {
  const subject = typeof text === 'string' ? text : expectString(text, 1, 'find', arguments.length)
  const wanted = typeof sought === 'string' ? sought : expectString(sought, 2, 'find', arguments.length)
  const from = initialPosition(init, subject.length, 'find')
  meter.spend(1 + Math.floor((subject.length - from) / BYTES_PER_STEP))
  if (plain !== undefined && plain !== false) return findPlain(subject, wanted, from)
  // A long text is not compiled only to find that it is plain.
  if (wanted.length > LONG_PATTERN_LENGTH && isPlain(wanted)) return findPlain(subject, wanted, from)
  const pattern = compilePattern(wanted, 'anchors')
  if (pattern.plain) return findPlain(subject, wanted, from)
  const start = search(pattern, subject, from)
  if (start < 0) return undefined
  const end = lastMatch.end
  const values: LuaValue[] = [start + 1, end]
  for (let i = 0; i < pattern.captures; i++) values.push(capture(pattern, i, subject, start, end))
  return values
}

function findPlain(subject: string, wanted: string, from: number): LuaResult {
  const start = indexOfLong(subject, wanted, from)
  return start < 0 ? undefined : [start + 1, start + wanted.length]
}

function match(text: LuaValue, sought: LuaValue, init: LuaValue): LuaResult {
  const subject = typeof text === 'string' ? text : expectString(text, 1, 'match', arguments.length)
  const wanted = typeof sought === 'string' ? sought : expectString(sought, 2, 'match', arguments.length)
  const from = initialPosition(init, subject.length, 'match')
  meter.spend(1 + Math.floor((subject.length - from) / BYTES_PER_STEP))
  const pattern = compilePattern(wanted, 'anchors')
  const start = search(pattern, subject, from)
  return start < 0 ? undefined : captures(pattern, subject, start, lastMatch.end)
}

/** Bytes of gmatch's iterator. */
const ITERATOR_BYTES = 200

function gmatch(text: LuaValue, sought: LuaValue): LuaResult {
  const subject = expectString(text, 1, 'gmatch', arguments.length)
  const pattern = compilePattern(expectString(sought, 2, 'gmatch', arguments.length), 'is-literal')
  meter.charge(ITERATOR_BYTES)
  let at = 0
  return () => {
    meter.spend(1)
    const start = search(pattern, subject, at)
    if (start < 0) {
      at = subject.length + 1
      return NONE
    }
    const end = lastMatch.end
    // An empty match must not be found again.
    at = end === start ? end + 1 : end
    return captures(pattern, subject, start, end)
  }
}

type Replacement = string | LuaTable | LuaFunction

function gsub(text: LuaValue, sought: LuaValue, by: LuaValue, limit: LuaValue): LuaResult {
  const subject = expectString(text, 1, 'gsub', arguments.length)
  const wanted = expectString(sought, 2, 'gsub', arguments.length)
  const countMax = limit === undefined ? subject.length + 1 : expectInt(limit, 4, 'gsub', arguments.length)
  const replacement = replacementOf(by)
  const pattern = compilePattern(wanted, 'anchors')
  meter.spend(1 + Math.floor(subject.length / BYTES_PER_STEP))

  const expands = typeof replacement === 'string' && replacement.includes('%')
  let built: TextBuilder | undefined
  let result = ''
  let copied = 0
  let at = 0
  let count = 0
  while (count < countMax && at <= subject.length) {
    const start = search(pattern, subject, at)
    if (start < 0) break
    const end = lastMatch.end
    count++
    const value =
      typeof replacement !== 'string'
        ? computed(pattern, replacement, subject, start, end)
        : expands
          ? expanded(pattern, replacement, subject, start, end)
          : replacement
    meter.spend(1)
    if (start - copied + value.length >= ROPE_LENGTH_MAX) {
      built = gather(gather(gather(built, result), subject.substring(copied, start)), value)
      result = ''
    } else {
      result += subject.substring(copied, start) + value
      if (result.length >= ROPE_LENGTH_MAX) {
        built = gather(built, result)
        result = ''
      }
    }
    copied = end
    // After an empty match the next character is copied unchanged.
    at = end > start ? end : start + 1
    if (pattern.anchored) break
  }
  if (count === 0) return [subject, 0]
  if (copied < subject.length) {
    if (subject.length - copied < ROPE_LENGTH_MAX) result += subject.substring(copied)
    else {
      built = gather(gather(built, result), subject.substring(copied))
      result = ''
    }
  }
  return [finish(built, result), count]
}

function replacementOf(by: LuaValue): Replacement {
  if (typeof by === 'string' || typeof by === 'function' || by instanceof LuaTable) return by
  return toStringCoerced(by) ?? argumentError(3, 'gsub', 'string/function/table expected')
}

/** Replaces %0 … %9; any other character after % stands for itself. */
function expanded(pattern: Pattern, template: string, subject: string, start: number, end: number): string {
  let built: TextBuilder | undefined
  let result = ''
  let at = 0
  for (;;) {
    const percent = template.indexOf('%', at)
    if (percent < 0) return finish(built, result + template.substring(at))
    if (--meter.steps < 0) meter.tick()
    result += template.substring(at, percent)
    // A C string ends with a NUL, which follows a last %.
    const code = percent + 1 < template.length ? template.charCodeAt(percent + 1) : 0
    if (code === 48) result += subject.substring(start, end)
    else if (code > 48 && code <= 57) {
      result += toStringCoerced(capture(pattern, code - 49, subject, start, end))
    } else result += String.fromCharCode(code)
    if (result.length >= ROPE_LENGTH_MAX) {
      built = gather(built, result)
      result = ''
    }
    at = percent + 2
  }
}

/** Asks a function or a table for the replacement; nil and false keep the match. */
function computed(
  pattern: Pattern,
  replacement: LuaTable | LuaFunction,
  subject: string,
  start: number,
  end: number,
): string {
  let value: LuaValue
  if (typeof replacement === 'function') {
    const args = captures(pattern, subject, start, end)
    value = Array.isArray(args) ? callAll(replacement, args)[0] : call1(replacement, args as LuaValue)
  } else value = indexed(replacement, capture(pattern, 0, subject, start, end))
  if (value === undefined || value === false) return subject.substring(start, end)
  return toStringCoerced(value) ?? runtimeError(`invalid replacement value (a ${typeName(value)})`)
}

/** Reads table[key] with metamethods. */
function indexed(table: LuaTable, key: LuaValue): LuaValue {
  let holder: LuaValue = table
  for (let i = 0; i < INDEX_CHAIN_MAX; i++) {
    if (holder instanceof LuaTable) {
      const value = holder.get(key)
      if (value !== undefined) return value
    }
    const handler = metamethod(holder, '__index')
    if (typeof handler === 'function') return call1(handler, holder, key)
    if (handler === undefined) {
      return holder instanceof LuaTable ? undefined : runtimeError(`attempt to index a ${typeName(holder)} value`)
    }
    holder = handler
  }
  runtimeError('loop in gettable')
}

function byte(text: LuaValue, from: LuaValue, to: LuaValue): LuaResult {
  const s = lookedAt(text, 'byte', arguments.length)
  let start = position(from === undefined ? 1 : expectInteger(from, 2, 'byte', 2), s.length)
  let end = to === undefined ? start : position(expectInteger(to, 3, 'byte', 3), s.length)
  if (start < 1) start = 1
  if (end > s.length) end = s.length
  const count = end - start + 1
  if (count === 1) return s.charCodeAt(start - 1)
  if (count <= 0) return NONE
  if (count + arguments.length > VALUES_MAX) runtimeError('stack overflow (string slice too long)')
  meter.spend(count >> MANY_VALUES_BITS)
  const values: LuaValue[] = []
  for (let i = start - 1; i < end; i++) values.push(s.charCodeAt(i))
  return values
}

function char(...codes: LuaValue[]): LuaResult {
  let result = ''
  for (let i = 0; i < codes.length; i++) {
    const code = expectInt(codes[i], i + 1, 'char', codes.length)
    if (code < 0 || code > 255) argumentError(i + 1, 'char', 'invalid value')
    result += String.fromCharCode(code)
  }
  meter.charge(result.length)
  meter.spend(codes.length >> MANY_VALUES_BITS)
  return result
}

function sub(text: LuaValue, from: LuaValue, to: LuaValue): LuaResult {
  const s = lookedAt(text, 'sub', arguments.length)
  let start = position(expectInteger(from, 2, 'sub', arguments.length), s.length)
  let end = to === undefined ? s.length : position(expectInteger(to, 3, 'sub', 3), s.length)
  if (start < 1) start = 1
  if (end > s.length) end = s.length
  if (start > end) return ''
  meter.charge(end - start)
  return s.substring(start - 1, end)
}

const NOT_ASCII = /[\x80-\xff]/

function lower(text: LuaValue): LuaResult {
  const s = expectString(text, 1, 'lower', arguments.length)
  meter.charge(s.length)
  return convertSlices(s, lowerSlice)
}

function lowerSlice(s: string): string {
  return NOT_ASCII.test(s) ? s.replace(/[A-Z]+/g, (letters) => letters.toLowerCase()) : s.toLowerCase()
}

function upper(text: LuaValue): LuaResult {
  const s = expectString(text, 1, 'upper', arguments.length)
  meter.charge(s.length)
  return convertSlices(s, upperSlice)
}

function upperSlice(s: string): string {
  return NOT_ASCII.test(s) ? s.replace(/[a-z]+/g, (letters) => letters.toUpperCase()) : s.toUpperCase()
}

/** Characters reversed in one slice. */
const REVERSED_LENGTH = 1 << 16

function reverse(text: LuaValue): LuaResult {
  const s = expectString(text, 1, 'reverse', arguments.length)
  meter.charge(s.length)
  if (s.length <= REVERSED_LENGTH) return reversed(s)
  const result = new TextBuilder()
  for (let end = s.length; end > 0; end -= REVERSED_LENGTH) {
    result.add(reversed(s.substring(Math.max(0, end - REVERSED_LENGTH), end)))
    meter.spend(REVERSED_LENGTH >> 6)
  }
  return result.finish()
}

function reversed(s: string): string {
  return Buffer.from(s, 'latin1').reverse().toString('latin1')
}

function rep(text: LuaValue, times: LuaValue): LuaResult {
  const s = expectString(text, 1, 'rep', arguments.length)
  const count = expectInt(times, 2, 'rep', arguments.length)
  if (count <= 0 || s === '') return ''
  meter.charge(s.length * count)
  return s.repeat(count)
}

/**
 * The header of Lua 5.1's byte code on a 64-bit machine. Functions are compiled to JavaScript, so
 * there is no more to show. Neither this server nor Redis loads byte code: `loadstring` sees a text
 * that begins with a wrong character.
 */
const BYTE_CODE_HEADER = '\x1bLuaQ\0\x01\x04\x08\x04\x08\0'

export const stringLibrary: LuaTable = library({
  byte,
  char,
  dump(code) {
    const dumped = expectFunction(code, 1, 'dump', arguments.length)
    if (isNative(dumped)) runtimeError('unable to dump given function')
    return BYTE_CODE_HEADER
  },
  find,
  format(text) {
    const values = arguments as unknown as ArrayLike<LuaValue>
    return format(expectString(text, 1, 'format', values.length), values)
  },
  gfind: gmatch,
  gmatch,
  gsub,
  len(text) {
    return typeof text === 'string' ? text.length : expectString(text, 1, 'len', arguments.length).length
  },
  lower,
  match,
  rep,
  reverse,
  sub,
  upper,
})
