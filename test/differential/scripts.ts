// Scripts and functions: a few that call commands with random words and return every shape of value, and many mistakes.

import { createHash } from 'node:crypto'
import { writeFunctionPayload } from '../../src/persistence/rdb/function-payload.ts'
import type { Random } from '../../src/util/numbers/random.ts'
import type { Family } from './families.ts'
import * as values from './values.ts'
import { chance, pick } from './values.ts'

/** Each is run with two keys and any arguments. None depends on time, chance, or the order of a table. */
const SCRIPTS = [
  'return redis.call(ARGV[1], KEYS[1], ARGV[2])',
  'return redis.pcall(ARGV[1], KEYS[1], ARGV[2])',
  "redis.setresp(3) return redis.pcall(ARGV[1], KEYS[1], ARGV[2], '3')",
  'local r = redis.pcall(unpack(ARGV)) if type(r) == "table" and r.err then return {r.err} end return r',
  "redis.call('SET', KEYS[1], ARGV[1]) redis.call('APPEND', KEYS[1], ARGV[2]) return redis.call('GET', KEYS[1])",
  "for i = 1, 5 do redis.call('RPUSH', KEYS[1], ARGV[1] .. i) end return redis.call('LRANGE', KEYS[1], 0, -1)",
  "redis.call('HSET', KEYS[2], 'f', ARGV[1], 'g', 7) return redis.call('HMGET', KEYS[2], 'f', 'none', 'g')",
  "redis.call('ZADD', KEYS[2], 3, ARGV[1], 1, 'z') return redis.call('ZRANGE', KEYS[2], 0, -1, 'WITHSCORES')",
  "redis.setresp(3) redis.call('ZADD', KEYS[2], 3, 'm') return redis.call('ZSCORE', KEYS[2], 'm')",
  "return {redis.call('EXISTS', KEYS[1], KEYS[2]), redis.call('TYPE', KEYS[1]), redis.call('INCR', KEYS[2])}",
  "return {pcall(redis.call, 'LPUSH', KEYS[1], ARGV[1])}",
  "redis.call('SELECT', 1) redis.call('SET', KEYS[1], ARGV[1]) redis.call('DEL', KEYS[1]) return redis.call('DBSIZE')",
  'return {KEYS, ARGV, #KEYS, #ARGV}',
  'return {1.9, -1.9, true, false, {ok = ARGV[1]}, {err = ARGV[2]}, "x", {}, nil, 5}',
  'return {map = {}, set = {}}',
  'return {double = 1.5}',
  "return {big_number = '123456789012345678901234567890'}",
  "return {verbatim_string = {format = 'mkd', string = ARGV[1]}}",
  'return tonumber(ARGV[1]) and math.floor(tonumber(ARGV[1]) % 1000)',
  'return cjson.encode({ARGV[1], #ARGV, {a = KEYS[1]}})',
  'return cmsgpack.pack(ARGV)',
  'return redis.sha1hex(ARGV[1])',
  'return redis.error_reply(ARGV[1])',
  'return redis.status_reply(ARGV[1])',
  'error(ARGV[1])',
  "error({err = ARGV[1] or 'NONE at all'})",
  '\n\nlocal function deep() return undefined_global end\nreturn deep()',
  'globally = 1',
  "return redis.call('EVAL', 'return 1', 0)",
  'return redis.call({})',
  'return redis.call()',
  "#!lua flags=no-writes\nreturn redis.call('GET', KEYS[1])",
  "#!lua flags=no-writes\nreturn redis.call('SET', KEYS[1], 'x')",
  "#!lua\nreturn redis.call('SET', KEYS[1], 'x')",
  '#!lua flags=sideways\nreturn 1',
  'return 1 +',
] as const

const COMMANDS = [
  'GET',
  'LLEN',
  'LPUSH',
  'RPOP',
  'INCRBY',
  'TYPE',
  'STRLEN',
  'hget',
  'ZADD',
  'nosuch',
  'MULTI',
  'SETNX',
  '',
]

const LIBRARIES = [
  "#!lua name=lib\nredis.register_function('first', function(keys, args) return redis.call('SET', keys[1], args[1]) end)",
  "#!lua name=lib\nlocal calls = 0\nredis.register_function{function_name = 'first', flags = {'no-writes'}, description = 'counts', callback = function(keys) calls = calls + 1 return {calls, keys} end}",
  "#!lua name=lib\nredis.register_function('first', function() error('no luck') end)",
  '#!lua name=lib\nreturn 1',
  '#!lua name=li-b\nreturn 1',
  '#!lua\nreturn 1',
  'return 1',
]
const PAYLOADS = [LIBRARIES[0]!, LIBRARIES[1]!].map((code) => writeFunctionPayload([code], true).toString())

const sha = (script: string): string => createHash('sha1').update(script, 'latin1').digest('hex')

const word = (random: Random): string =>
  chance(random, 30) ? pick(random, COMMANDS) : chance(random, 50) ? values.integer(random) : values.text(random)

export const scripts: Family = {
  make(random, name, key) {
    const upper = name.toUpperCase().replace('|', ' ')
    const words = (): string[] => Array.from({ length: pick(random, [0, 1, 2, 2, 2, 3]) }, () => word(random))
    const parameters = (): string[] => {
      if (chance(random, 4)) return [pick(random, ['-1', '9', 'x', '9223372036854775807', '']), key()]
      return ['2', key(), key(), ...(chance(random, 60) ? [pick(random, COMMANDS)] : []), ...words()]
    }
    switch (upper) {
      case 'EVAL':
      case 'EVAL_RO':
        return [upper, pick(random, SCRIPTS), ...parameters()]
      case 'EVALSHA':
      case 'EVALSHA_RO': {
        const known = sha(pick(random, SCRIPTS))
        return [upper, chance(random, 20) ? known.toUpperCase() : chance(random, 5) ? 'ffff' : known, ...parameters()]
      }
      case 'FCALL':
      case 'FCALL_RO':
        return [upper, pick(random, ['first', 'FIRST', 'first', 'second']), ...parameters()]
      case 'SCRIPT LOAD':
        return ['SCRIPT', 'LOAD', pick(random, SCRIPTS)]
      case 'SCRIPT EXISTS':
        return ['SCRIPT', 'EXISTS', ...Array.from({ length: 1 + random.below(4) }, () => sha(pick(random, SCRIPTS)))]
      case 'FUNCTION LOAD':
        return ['FUNCTION', 'LOAD', ...(chance(random, 60) ? ['REPLACE'] : []), pick(random, LIBRARIES)]
      case 'FUNCTION DELETE':
        return ['FUNCTION', 'DELETE', pick(random, ['lib', 'LIB', 'other'])]
      case 'FUNCTION RESTORE':
        return [
          'FUNCTION',
          'RESTORE',
          chance(random, 80) ? pick(random, PAYLOADS) : values.text(random),
          ...pick(random, [[], ['FLUSH'], ['REPLACE'], ['append'], ['NEITHER']]),
        ]
    }
    return undefined
  },
}
