// Every library function with every kind of argument, including missing ones and numbers at their
// bounds. The answers of redis-server and of this server are equal, including the texts of errors.
//
// `ARGUMENTS_SEED` chooses the arguments of calls with two and more of them.

import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createEngine } from '../../../support/engine.ts'
import {
  type RedisServer,
  redisServerIsOlder,
  redisServerMissing,
  startRedisServer,
} from '../../../support/redis-server.ts'
import { seedOf } from '../../../support/seed.ts'

const FUNCTIONS: Readonly<Record<string, string>> = {
  '': 'assert collectgarbage error getmetatable ipairs load loadstring next pairs pcall rawequal rawget rawset select setmetatable tonumber tostring type unpack xpcall',
  'string.': 'byte char dump find format gfind gmatch gsub len lower match rep reverse sub upper',
  'table.': 'concat foreach foreachi getn insert maxn remove setn sort',
  'math.':
    'abs acos asin atan atan2 ceil cos cosh deg exp floor fmod frexp ldexp log log10 max min mod modf pow rad random randomseed sin sinh sqrt tan tanh',
  'coroutine.': 'create resume running status wrap yield',
  'bit.': 'tobit bnot band bor bxor lshift rshift arshift rol ror bswap tohex',
  'cjson.':
    'encode decode encode_sparse_array encode_max_depth decode_max_depth encode_number_precision encode_keep_buffer encode_invalid_numbers decode_invalid_numbers new',
  'cmsgpack.': 'pack unpack unpack_one unpack_limit',
  'struct.': 'pack unpack size',
  'redis.': 'sha1hex status_reply error_reply log setresp set_repl replicate_commands',
}

/** Arguments as program text. */
const WORDS = ['nil', 'true', 'false', '"x"', '""', '"10"', '" 0x10 "', '"nan"', '"abcabc"', '"%d"', '"."', '"a%"']
const NUMBERS = ['0', '-zero', '1', '2', '-1', '1.5', '-1.5', '2.5', '36', '7997', 'inf', '-inf', 'nan', '1e308']
const BOUNDS = ['2^31', '-2^31', '2^32', '2^53', '-2^53', '2^53+1', '2^63', '-2^63']
const OTHERS = ['{}', '{1,2,3}', '{3,1,2}', '{1,nil,3}', '{x=1}', 'F', 'tostring', 'thread()', 'cjson.null']
const VALUES = [...WORDS, ...NUMBERS, ...BOUNDS, ...OTHERS]
/** Usual first arguments. */
const SUBJECTS = ['{1,2,3}', '{3,1,2}', '{1,nil,3}', '"abcabc"', 'F']

const PRELUDE = `
local zero, inf, nan = 0, 1/0, 0/0
local F = function(...) return ... end
local function thread() return coroutine.create(F) end
local function show(v, depth)
  local kind = type(v)
  if kind == 'number' then return v ~= v and 'nan' or string.format('%.14g', v) end
  if kind == 'string' then return (string.gsub(string.format('%q', v), ': 0x%x+', ': 0x')) end
  if kind ~= 'table' then return (kind == 'nil' or kind == 'boolean') and tostring(v) or kind end
  if depth > 4 then return 'deep' end
  local fields = {}
  for k, f in pairs(v) do fields[#fields + 1] = show(k, depth + 1) .. '=' .. show(f, depth + 1) end
  table.sort(fields)
  return '#' .. #v .. '{' .. table.concat(fields, ',') .. '}'
end
local function answer(...)
  local shown = {}
  for i = 1, select('#', ...) do shown[i] = show((select(i, ...)), 0) end
  return table.concat(shown, ' ')
end
local r = {}
`
const CALLS_PER_SCRIPT = 60
/** Random argument lists for each function of each sort: two, three, three after a subject; and a third of that with four. */
const LISTS = process.env.SOAK ? 8 : 2

/**
 * Tells whether a call cannot be compared: memory in use, dumps (see decision 0005), and 2^31 moves
 * of elements.
 */
function isExcepted(name: string, args: readonly string[]): boolean {
  if (name === 'collectgarbage') return args.length === 0 || args[0] === 'nil'
  if (name === 'string.dump') return args[0] === 'F'
  return name === 'table.insert' && args.length > 2 && args[1]!.includes('2^31')
}

function calls(seed: number): string[] {
  let state = seed >>> 0
  const random = (choices: readonly string[]): string => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return choices[Math.floor((state / 2 ** 32) * choices.length)]!
  }
  const any = (count: number): string[] => Array.from({ length: count }, () => random(VALUES))
  const list: string[] = []
  for (const [library, names] of Object.entries(FUNCTIONS)) {
    for (const member of names.split(' ')) {
      const lists: string[][] = [[], ...VALUES.map((value) => [value])]
      for (let i = 0; i < LISTS; i++) lists.push(any(2), any(3), any(3 + Number(i % 3 === 0)))
      for (const subject of SUBJECTS) for (let i = 0; i < LISTS; i++) lists.push([subject, ...any(2)])
      const name = library + member
      for (const args of lists) {
        if (isExcepted(name, args)) continue
        // Called by pcall itself, a function has no name in errors.
        const isDirect = list.length % 7 !== 6 || name === 'setmetatable'
        list.push(isDirect ? `${name}(${args.join(', ')})` : `pcall(${[name, ...args].join(', ')})`)
      }
    }
  }
  return list
}

describe.skipIf(redisServerMissing())('arguments of library functions', () => {
  let server: RedisServer
  let redis: Redis

  beforeAll(async () => {
    server = await startRedisServer()
    redis = new Redis({ path: server.socketPath })
  })

  afterAll(async () => {
    redis.disconnect()
    await server.stop()
  })

  test('each call answers as in redis-server', async () => {
    const seed = seedOf('ARGUMENTS_SEED')
    const client = createEngine().connect()
    const all = calls(seed)
    const differences: string[] = []
    for (let from = 0; from < all.length; from += CALLS_PER_SCRIPT) {
      const part = all.slice(from, from + CALLS_PER_SCRIPT)
      const lines = part.map((one) => `math.randomseed(7) r[#r + 1] = answer(pcall(function() return ${one} end))`)
      const script = `${PRELUDE}${lines.join('\n')}\nreturn r`
      const theirs = ((await redis.callBuffer('EVAL', script, 0)) as Buffer[]).map((reply) => reply.toString('latin1'))
      const ours = client.ask('EVAL', script, 0)
      if (ours === replyOf(theirs)) continue
      const lengths = /\r\n\$\d+\r\n/
      const answers = ours.split(lengths).slice(1)
      part.forEach((one, i) => {
        const mine = answers[i]?.replace(/\r\n$/, '')
        // Redis 7.0 says that set_repl takes two.
        if (redisServerIsOlder() && one.includes('set_repl')) return
        if (mine !== theirs[i]) differences.push(`${one}\n  redis: ${theirs[i]}\n  ours:  ${mine}`)
      })
      if (answers.length !== theirs.length) differences.push(ours)
    }
    expect(differences.slice(0, 20), `ARGUMENTS_SEED=${seed}`).toEqual([])
  })

  test.each([
    'return {pcall(coroutine.create, pcall)}',
    'return {pcall(error, {err={1,2}})}',
    'return {pcall(error, {err=5})}',
    'return {pcall(error, {err=true})}',
    "return {pcall(error, setmetatable({}, {__index=function(t,k) return 'E '..k end}))}",
    "return {pcall(error, setmetatable({}, {__index=function(t,k) error('inner') end}))}",
    "return {select('#', pcall(error, {}))}",
    "return {select('#', pcall(error))}",
    "return {select('#', unpack({}, 1, 7997)), select('#', pcall(unpack, {}, 1, 7996)), pcall(unpack, {}, 1, 7998)}",
    "return {select('#', string.byte(('x'):rep(9000), 1, 7997)), pcall(string.byte, ('x'):rep(9000), 1, 7998)}",
    'return {unpack({}, -2^63, -2^63)}',
    'return {unpack({}, 2^31-1, 2^31-1)}',
    'local z = 0 local t = {[-z] = 1} for k in pairs(t) do return tostring(k) end',
    'local z = 0 local t = {} t[0] = 1 t[-z] = 2 for k in pairs(t) do return tostring(k) end',
    'local z = 0 local t = {1,2,3} t[-z] = 2 return {t[0], rawget(t, 0), cjson.encode(t)}',
    'return {xpcall(error, function(e) return tostring(e) end, 1)}',
    "return {xpcall(function() error({err='x'}) end, function(e) return e.err end)}",
    'return {pcall(xpcall, nil, nil)}',
    'return {pcall(xpcall, tostring, tostring)}',
    'return {xpcall(nil, nil)}',
    'return {xpcall(nil, tostring)}',
    "return {xpcall(function() error('x') end, nil)}",
    "return {xpcall(function() error('x') end, error)}",
    "return {xpcall(function() error('x') end, function(e) error('y') end)}",
    "return {xpcall(function() error('x') end, function(e) error() end)}",
  ])('answers as in redis-server: %s', async (script) => {
    const show = `${PRELUDE} return answer(pcall(function() ${script} end))`
    const theirs = (await redis.callBuffer('EVAL', show, 0)) as Buffer
    expect(createEngine().connect().ask('EVAL', show, 0)).toBe(`$${theirs.length}\r\n${theirs.toString('latin1')}\r\n`)
  })
})

function replyOf(answers: readonly string[]): string {
  return `*${answers.length}\r\n${answers.map((text) => `$${text.length}\r\n${text}\r\n`).join('')}`
}
