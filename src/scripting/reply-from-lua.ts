// Turns the result of a script into a reply; the reverse of reply-to-lua.ts.
//
// Numbers are truncated to integers. true is 1 and false is null; with RESP3 they are booleans. A
// table is an array up to its first nil, unless one of Redis's fields gives it another meaning.
// Tables may contain themselves, so the walk uses a stack of its own, with Redis's depth limit.

import { ReplyError } from '../protocol/errors.ts'
import type { Reply } from '../protocol/reply.ts'
import { itemAt } from '../util/array-reads.ts'
import { castSigned } from './lua/lib/c-integer-cast.ts'
import { convertSlices } from './lua/long-text.ts'
import { meter } from './lua/script-meter.ts'
import { LuaTable } from './lua/table.ts'
import type { LuaValue } from './lua/value.ts'
import { ReplySize } from './reply-size.ts'

/** The nesting of tables that fits the Lua stack of redis-server. */
const DEPTH_MAX = 7995

const TOO_DEEP = new ReplyError('ERR reached lua stack limit')

/**
 * Limits of a small reply: elements, elements of a table in it, characters of a text, levels of
 * tables. A small reply never exceeds 256 MB.
 */
const SMALL_COUNT = 4096
const SMALL_INNER_COUNT = 64
const SMALL_LENGTH = 1000
const SMALL_LEVELS = 2

/** A container that is being replied. */
interface Frame {
  table: LuaTable
  /** `pairs` replies keys and values, `keys` only keys. */
  walk: 'elements' | 'pairs' | 'keys'
  /** Index of an element, or a position in the table's traversal. */
  at: number
  end: number
}

/**
 * Replies a value. `booleans` tells whether the script uses RESP3. An error is not counted. Throws
 * when the reply would exceed `REPLY_BYTES_MAX`; nothing is replied then.
 */
export function replyValue(reply: Reply, value: LuaValue, booleans: boolean): void {
  if (!(value instanceof LuaTable)) {
    replyScalar(reply, value, booleans)
    return
  }
  if (!isSmall(value, SMALL_COUNT, SMALL_LEVELS)) walk(new ReplySize(reply.protocol), value, booleans)
  walk(reply, value, booleans)
}

/** Tells whether a table is certainly a small reply, as nearly all are. */
function isSmall(table: LuaTable, count: number, levels: number): boolean {
  const { array, values } = table
  return array.length + values.length <= count && areSmall(array, levels) && areSmall(values, levels)
}

function areSmall(values: readonly LuaValue[], levels: number): boolean {
  for (let i = 1; i < values.length; i++) {
    const value = values[i]
    if (typeof value === 'string') {
      if (value.length > SMALL_LENGTH) return false
    } else if (value instanceof LuaTable && (levels === 1 || !isSmall(value, SMALL_INNER_COUNT, levels - 1)))
      return false
  }
  return true
}

function walk(reply: Reply, value: LuaTable, booleans: boolean): void {
  const stack: Frame[] = []
  replyTable(reply, value, stack)
  // Index -1 is avoided: V8 would look for a property of that name.
  while (stack.length > 0) {
    const frame = itemAt(stack, stack.length - 1)
    if (frame.walk === 'elements') {
      if (frame.at > frame.end) stack.pop()
      else replyAny(reply, frame.table.getNumber(frame.at++), stack, booleans)
    } else {
      const position = frame.table.nextPosition(frame.at)
      if (position === 0) {
        stack.pop()
      } else {
        frame.at = position
        replyAny(reply, frame.table.keyAt(position), stack, booleans)
        // A table as a key is replied before its value.
        if (frame.walk === 'pairs') {
          if (stack[stack.length - 1] === frame) replyAny(reply, frame.table.valueAt(position), stack, booleans)
          else stack.splice(stack.indexOf(frame) + 1, 0, single(frame.table.valueAt(position)))
        }
      }
    }
  }
}

/** Returns a frame that replies one value. */
function single(value: LuaValue): Frame {
  return { table: LuaTable.of([value]), walk: 'elements', at: 1, end: 1 }
}

function replyAny(reply: Reply, value: LuaValue, stack: Frame[], booleans: boolean): void {
  if (value instanceof LuaTable) replyTable(reply, value, stack)
  else replyScalar(reply, value, booleans)
}

function replyScalar(reply: Reply, value: LuaValue, booleans: boolean): void {
  if (typeof value === 'string') reply.text(value)
  else if (typeof value === 'number') {
    const whole = Math.trunc(value)
    reply.integer(Number.isSafeInteger(whole) ? whole + 0 : castSigned(value))
  } else if (typeof value === 'boolean') {
    if (booleans) reply.boolean(value)
    else if (value) reply.integer(1)
    else reply.nil()
  } else reply.nil()
}

function replyTable(reply: Reply, table: LuaTable, stack: Frame[]): void {
  if (stack.length >= DEPTH_MAX) {
    reply.error(TOO_DEEP)
    return
  }
  if (table.nodes > 0 && replyMarked(reply, table, stack)) return
  const end = elementsOf(table)
  reply.array(end)
  if (end > 0) stack.push({ table, walk: 'elements', at: 1, end })
}

/** Replies a table with one of Redis's special fields; returns false when it has none. */
function replyMarked(reply: Reply, table: LuaTable, stack: Frame[]): boolean {
  const error = table.getString('err')
  if (typeof error === 'string') {
    reply.error(new ReplyError(oneLine(trimBreaks(untilZero(error), 'end'))))
    return true
  }
  const ok = table.getString('ok')
  if (typeof ok === 'string') {
    reply.status(oneLine(untilZero(ok)))
    return true
  }
  const double = table.getString('double')
  if (typeof double === 'number') {
    reply.double(double)
    return true
  }
  const map = table.getString('map')
  if (map instanceof LuaTable) {
    reply.map(count(map))
    stack.push({ table: map, walk: 'pairs', at: 0, end: 0 })
    return true
  }
  const set = table.getString('set')
  if (set instanceof LuaTable) {
    reply.set(count(set))
    stack.push({ table: set, walk: 'keys', at: 0, end: 0 })
    return true
  }
  const big = table.getString('big_number')
  if (typeof big === 'string') {
    reply.bigNumber(oneLine(big))
    return true
  }
  const verbatim = table.getString('verbatim_string')
  if (verbatim instanceof LuaTable) {
    const format = verbatim.getString('format')
    const text = verbatim.getString('string')
    if (typeof format === 'string' && typeof text === 'string') {
      reply.verbatim(text, format)
      return true
    }
  }
  return false
}

/** Returns the number of elements before the first nil. */
function elementsOf(table: LuaTable): number {
  let end = 0
  while (table.getNumber(end + 1) !== undefined) end++
  return end
}

function count(table: LuaTable): number {
  let entries = 0
  for (let at = table.nextPosition(0); at !== 0; at = table.nextPosition(at)) entries++
  return entries
}

/** Makes one line of a text, for a status or an error. */
export function oneLine(text: string): string {
  return convertSlices(text, withoutBreaks)
}

function withoutBreaks(text: string): string {
  return /[\r\n]/.test(text) ? text.replace(/[\r\n]/g, ' ') : text
}

/** Removes the line breaks at a text's end, or at both ends. */
export function trimBreaks(text: string, where: 'end' | 'both'): string {
  let start = 0
  let end = text.length
  if (where === 'both') {
    while (start < end && isBreak(text.charCodeAt(start))) {
      if (--meter.steps < 0) meter.tick()
      start++
    }
  }
  while (end > start && isBreak(text.charCodeAt(end - 1))) {
    if (--meter.steps < 0) meter.tick()
    end--
  }
  return text.slice(start, end)
}

function isBreak(code: number): boolean {
  return code === 10 || code === 13
}

/** Returns the text before the first zero byte, which is all that C reads of a string. */
export function untilZero(text: string): string {
  const end = text.indexOf('\0')
  return end === -1 ? text : text.slice(0, end)
}
