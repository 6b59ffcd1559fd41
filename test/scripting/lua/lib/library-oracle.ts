// Makes one library call twice: as Lua in redis-server’s EVAL, and directly in our function. Both
// answers become the same plain text.

import { Redis } from 'ioredis'
import { afterAll, beforeAll } from 'vitest'
import { all } from '../../../../src/scripting/lua/calling-convention.ts'
import { LuaError } from '../../../../src/scripting/lua/errors.ts'
import { bitLibrary } from '../../../../src/scripting/lua/lib/bit.ts'
import { createCjson } from '../../../../src/scripting/lua/lib/cjson.ts'
import { JSON_NULL } from '../../../../src/scripting/lua/lib/cjson-decode.ts'
import { cmsgpackLibrary } from '../../../../src/scripting/lua/lib/cmsgpack.ts'
import { general } from '../../../../src/scripting/lua/lib/printf.ts'
import { stringLibrary } from '../../../../src/scripting/lua/lib/string.ts'
import { structLibrary } from '../../../../src/scripting/lua/lib/struct.ts'
import { LuaTable } from '../../../../src/scripting/lua/table.ts'
import { type LuaFunction, LuaUserdata, type LuaValue } from '../../../../src/scripting/lua/value.ts'
import { type RedisServer, startRedisServer } from '../../../support/redis-server.ts'

/**
 * Stands for a Lua value: null is cjson.null, a list of pairs is a table filled in that order,
 * FUNCTION a function.
 */
export type Plain = undefined | null | boolean | number | string | PlainTable | typeof FUNCTION
export const FUNCTION = Symbol('function')

export class PlainTable {
  readonly pairs: readonly (readonly [Plain, Plain])[]
  constructor(pairs: readonly (readonly [Plain, Plain])[]) {
    this.pairs = pairs
  }
}

/** A table 1..n. */
export function sequence(...values: Plain[]): PlainTable {
  return new PlainTable(values.map((value, i) => [i + 1, value]))
}

/** A table of these pairs, set in this order. */
export function pairs(...list: (readonly [Plain, Plain])[]): PlainTable {
  return new PlainTable(list)
}

export interface LibraryCall {
  readonly library: string
  readonly name: string
  readonly args: readonly Plain[]
}

/** Parses `string.rep` and arguments as one call. */
export function call(path: string, ...args: Plain[]): LibraryCall {
  const [library, name] = path.split('.')
  return { library: library!, name: name!, args }
}

/**
 * Returns the libraries as a script finds them, with a new cjson each time, because its settings
 * last.
 */
export function libraries(): Readonly<Record<string, LuaTable>> {
  return {
    string: stringLibrary,
    cjson: createCjson(),
    cmsgpack: cmsgpackLibrary,
    bit: bitLibrary,
    struct: structLibrary,
  }
}

/** Calls our function; an error is `error: message`. */
export function ours({ library, name, args }: LibraryCall, all_ = libraries()): string {
  const member = all_[library]!.getString(name)
  if (typeof member !== 'function') return `error: no ${library}.${name}`
  return answerOf(member, args)
}

export function answerOf(member: LuaFunction, args: readonly Plain[]): string {
  try {
    return all(member(...args.map(luaValue)))
      .map((value) => show(value))
      .join(' ')
  } catch (error) {
    if (error instanceof LuaError && typeof error.value === 'string') return `error: ${error.value}`
    throw error
  }
}

export function luaValue(plain: Plain): LuaValue {
  if (plain === null) return JSON_NULL
  if (plain === FUNCTION) return () => undefined
  if (!(plain instanceof PlainTable)) return plain
  const table = new LuaTable()
  for (const [key, value] of plain.pairs) table.set(luaValue(key), luaValue(value))
  return table
}

/** Writes a value out in full, fields sorted. */
export function show(value: LuaValue): string {
  switch (typeof value) {
    case 'undefined':
      return 'nil'
    case 'boolean':
      return String(value)
    case 'number':
      return showNumber(value)
    case 'string':
      return Buffer.from(value, 'latin1').toString('hex') === ''
        ? "''"
        : `'${Buffer.from(value, 'latin1').toString('hex')}'`
    case 'function':
      return 'function'
  }
  if (value instanceof LuaUserdata) return 'userdata'
  if (!(value instanceof LuaTable)) return 'thread'
  const fields: string[] = []
  for (let at = value.nextPosition(0); at !== 0; at = value.nextPosition(at)) {
    fields.push(`${show(value.keyAt(at))}=${show(value.valueAt(at))}`)
  }
  return `#${value.length()}{${fields.sort().join(',')}}`
}

function showNumber(value: number): string {
  if (Number.isNaN(value)) return 'nan'
  if (!Number.isFinite(value)) return value < 0 ? '-inf' : 'inf'
  const sign = value < 0 || Object.is(value, -0) ? '-' : ''
  return sign + general(Math.abs(value), 17)
}

/** The same as `show`, in Lua. */
const LUA_SHOW = `
local show
show = function(v)
  local kind = type(v)
  if kind == 'number' then
    if v ~= v then return 'nan' end
    return string.format('%.17g', v)
  elseif kind == 'string' then
    return "'" .. string.gsub(v, '.', function(c) return string.format('%02x', string.byte(c)) end) .. "'"
  elseif kind == 'table' then
    local fields = {}
    for k, f in pairs(v) do fields[#fields + 1] = show(k) .. '=' .. show(f) end
    table.sort(fields)
    return '#' .. #v .. '{' .. table.concat(fields, ',') .. '}'
  elseif kind == 'nil' or kind == 'boolean' then
    return tostring(v)
  end
  return kind
end
local function answer(ok, ...)
  if not ok then return 'error: ' .. string.gsub(tostring((...)), '^user_script:%d+: ', '') end
  local shown = {}
  for i = 1, select('#', ...) do shown[i] = show((select(i, ...))) end
  return table.concat(shown, ' ')
end
local function fill(...)
  local t = {}
  for i = 1, select('#', ...), 2 do t[(select(i, ...))] = select(i + 1, ...) end
  return t
end
local r = {}
`

function source(plain: Plain): string {
  if (plain === undefined) return 'nil'
  if (plain === null) return 'cjson.null'
  if (plain === FUNCTION) return '(function() end)'
  if (typeof plain === 'boolean') return String(plain)
  if (typeof plain === 'string') return luaString(plain)
  if (typeof plain === 'number') {
    if (Number.isNaN(plain)) return '(0/0)'
    if (!Number.isFinite(plain)) return plain < 0 ? '(-1/0)' : '(1/0)'
    return `(${Object.is(plain, -0) ? '-0' : plain})`
  }
  return `fill(${plain.pairs.flatMap(([key, value]) => [source(key), source(value)]).join(',')})`
}

function luaString(text: string): string {
  return `"${text.replace(/[^ !#-[\]-~]/g, (c) => `\\${String(c.charCodeAt(0)).padStart(3, '0')}`)}"`
}

/** Calls in one EVAL. Lua allows a function 200 locals, and few constants more in one go. */
const CALLS_PER_SCRIPT = 100

/** Starts a redis-server before the suite’s tests and stops it after them. */
export function useLibraryOracle(): LibraryOracle {
  const oracle = new LibraryOracle()
  let server: RedisServer | undefined
  beforeAll(async () => {
    server = await startRedisServer()
    oracle.connect(server.socketPath)
  })
  afterAll(async () => {
    oracle.close()
    await server?.stop()
  })
  return oracle
}

/** Asks redis-server. */
export class LibraryOracle {
  #redis: Redis | undefined = undefined

  connect(socketPath: string): void {
    this.#redis = new Redis({ path: socketPath })
  }

  /**
   * Returns the calls with different answers. Calls are made in order with fresh libraries; calls
   * that change settings reset them.
   */
  async differences(calls: readonly LibraryCall[]): Promise<string[]> {
    const theirs = await this.#ask(calls)
    const own = libraries()
    return calls.flatMap((one, i) => {
      const mine = ours(one, own)
      if (mine === theirs[i]) return []
      const args = one.args.map((arg) => (typeof arg === 'symbol' ? 'function' : JSON.stringify(arg))).join(', ')
      return [`${one.library}.${one.name}(${args})\n  redis: ${theirs[i]}\n  ours:  ${mine}`]
    })
  }

  async #ask(calls: readonly LibraryCall[]): Promise<string[]> {
    const answers: string[] = []
    for (let from = 0; from < calls.length; from += CALLS_PER_SCRIPT) {
      const lines = calls
        .slice(from, from + CALLS_PER_SCRIPT)
        .map(
          ({ library, name, args }) =>
            `r[#r + 1] = answer(pcall(function() return ${library}.${name}(${args.map(source).join(', ')}) end))`,
        )
      const script = Buffer.from(`${LUA_SHOW}${lines.join('\n')}\nreturn r`, 'latin1')
      const replies = (await this.#redis!.callBuffer('EVAL', script, 0)) as Buffer[]
      answers.push(...replies.map((reply) => reply.toString('latin1')))
    }
    return answers
  }

  close(): void {
    this.#redis?.disconnect()
  }
}
