// The `redis` table of scripts and of functions.
//
// Its errors are tables with an `err` field, as in Redis, where Lua's own libraries raise strings.
// Their text has no position; the final reply adds one.

import { createHash } from 'node:crypto'
import { REDIS_VERSION } from '../config/version.ts'
import type { Engine } from '../engine/engine.ts'
import { NONE } from './lua/calling-convention.ts'
import { LuaError } from './lua/errors.ts'
import { library } from './lua/library.ts'
import { meter } from './lua/script-meter.ts'
import type { LuaTable } from './lua/table.ts'
import { type LuaFunction, type LuaResult, type LuaValue, rawToString, toNumber } from './lua/value.ts'
import type { RedisCall } from './redis-call.ts'
import { trimBreaks, untilZero } from './reply-from-lua.ts'
import { errorTable, record } from './reply-to-lua.ts'

/** Major, minor and patch as one number: 0x00070206. */
const REDIS_VERSION_NUM = REDIS_VERSION.split('.').reduce((number, part) => (number << 8) | Number(part), 0)

const REPL_NONE = 0
const REPL_AOF = 1
const REPL_REPLICA = 2
const REPL_ALL = REPL_AOF | REPL_REPLICA

/** The log level for each of Redis's level numbers. */
const LOG_LEVELS = ['debug', 'debug', 'info', 'warn'] as const

/** Longest line that a script logs. */
const LOGGED_LENGTH_MAX = 64 * 1024

/** Steps counted for logging one line. */
const LOG_STEPS = 100

/**
 * Control characters, which could move a terminal's cursor, change its colours, or fake another
 * line. redis-server logs them unchanged.
 */
const CONTROL_CHARACTERS = /[\0-\x08\x0a-\x1f\x7f-\x9f]/g

/** The members that libraries see while they are loaded, and functions while they run. */
function common(engine: Engine): Record<string, LuaFunction | LuaValue> {
  return {
    LOG_DEBUG: 0,
    LOG_VERBOSE: 1,
    LOG_NOTICE: 2,
    LOG_WARNING: 3,
    REDIS_VERSION,
    REDIS_VERSION_NUM,
    log(...args) {
      if (args.length < 2) raise('redis.log() requires two arguments or more.')
      const number = toNumber(args[0])
      if (number === undefined) raise('First argument must be a number (log level).')
      const level = LOG_LEVELS[toInt(number)]
      if (level === undefined) raise('Invalid debug level.')
      meter.spend(LOG_STEPS)
      engine.environment.log[level]({ script: true }, logLine(args))
      return NONE
    },
  }
}

/**
 * Returns the logged text: texts and numbers, cut at `LOGGED_LENGTH_MAX`, with control characters
 * as `\x1b`.
 */
function logLine(args: readonly LuaValue[]): string {
  let line = ''
  for (let i = 1; i < args.length && line.length < LOGGED_LENGTH_MAX; i++) {
    const value = args[i]
    if (!isText(value)) continue
    if (line !== '') line += ' '
    line += rawToString(value).slice(0, LOGGED_LENGTH_MAX)
  }
  return line.replace(CONTROL_CHARACTERS, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`)
}

/** Makes the `redis` table of a library that is being loaded. */
export function loadingLibrary(engine: Engine, register: LuaFunction): LuaTable {
  return library({ ...common(engine), register_function: register })
}

/** Makes the `redis` table of functions. */
export function functionLibrary(engine: Engine, commands: RedisCall): LuaTable {
  return library({ ...common(engine), ...running(commands) })
}

/** Makes the `redis` table of EVAL's scripts. */
export function scriptLibrary(engine: Engine, commands: RedisCall): LuaTable {
  return library({
    ...common(engine),
    ...running(commands),
    /** There is no debugger to stop in. */
    breakpoint() {
      return false
    },
    debug() {
      return NONE
    },
    /** Effects are always replicated. */
    replicate_commands() {
      return true
    },
  })
}

function running(commands: RedisCall): Record<string, LuaFunction | LuaValue> {
  return {
    REPL_NONE,
    REPL_AOF,
    REPL_SLAVE: REPL_REPLICA,
    REPL_REPLICA,
    REPL_ALL,
    call(): LuaResult {
      const { length } = arguments
      for (let i = 0; i < length; i++) commands.take(i, arguments[i] as LuaValue)
      const value = commands.run(length, arguments[0] as LuaValue)
      if (commands.failed) throw LuaError.raise(value)
      return value
    },
    pcall(): LuaResult {
      const { length } = arguments
      for (let i = 0; i < length; i++) commands.take(i, arguments[i] as LuaValue)
      return commands.run(length, arguments[0] as LuaValue)
    },
    acl_check_cmd(): LuaResult {
      const { length } = arguments
      for (let i = 0; i < length; i++) commands.take(i, arguments[i] as LuaValue)
      const allowed = commands.check(length)
      if (typeof allowed !== 'boolean') throw LuaError.raise(allowed)
      return allowed
    },
    error_reply(...args) {
      const [text] = args
      if (args.length !== 1 || typeof text !== 'string') return errorTable('ERR wrong number or type of arguments')
      return errorTable(withCode(untilZero(text)))
    },
    status_reply(...args) {
      const [text] = args
      if (args.length !== 1 || typeof text !== 'string') return errorTable('ERR wrong number or type of arguments')
      return record('ok', text)
    },
    /** A script cannot choose which effects are replicated. All are, or replicas would differ. */
    set_repl(...args) {
      if (args.length !== 1) raise('redis.set_repl() requires one argument.')
      const where = toInt(toNumber(args[0]) ?? 0)
      if ((where & ~REPL_ALL) !== 0) {
        raise('Invalid replication flags. Use REPL_AOF, REPL_REPLICA, REPL_ALL or REPL_NONE.')
      }
      return NONE
    },
    setresp(...args) {
      if (args.length !== 1) raise('redis.setresp() requires one argument.')
      const version = toInt(toNumber(args[0]) ?? 0)
      if (version !== 2 && version !== 3) raise('RESP version must be 2 or 3.')
      commands.reply.protocol = version
      return NONE
    },
    sha1hex(...args) {
      if (args.length !== 1) raise('wrong number of arguments')
      const text = isText(args[0]) ? rawToString(args[0]) : ''
      meter.spend(1 + (Math.min(text.length, HASHED_LENGTH) >> 8))
      return sha1(text)
    },
  }
}

/** Characters hashed in one slice: a few milliseconds. */
const HASHED_LENGTH = 1 << 20

/** SHA-1 of latin1 text, in hexadecimal. */
export function sha1(latin1: string): string {
  const hash = createHash('sha1')
  for (let at = 0; at < latin1.length; at += HASHED_LENGTH) {
    hash.update(latin1.slice(at, at + HASHED_LENGTH), 'latin1')
    if (at > 0) meter.spend(HASHED_LENGTH >> 8)
  }
  return hash.digest('hex')
}

/** Throws an error in Redis's form. */
export function raise(message: string): never {
  throw LuaError.raise(errorTable(`ERR ${message}`))
}

/** Adds the code ERR to an error's text of one word. The leading dash is optional. */
function withCode(text: string): string {
  const line = text.startsWith('-') ? text.slice(1) : text
  const space = line.indexOf(' ')
  if (space === -1) return `ERR ${trimBreaks(line, 'both')}`
  return `${line.slice(0, space)} ${trimBreaks(line.slice(space + 1), 'both')}`
}

/** Converts a number as a C cast to int does: truncated, and INT_MIN when it does not fit. */
function toInt(number: number): number {
  return number > -0x80000001 && number < 0x80000000 ? Math.trunc(number) : -0x80000000
}

function isText(value: LuaValue): value is string | number {
  return typeof value === 'string' || typeof value === 'number'
}
