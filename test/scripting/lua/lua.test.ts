// Lua as a language: the same programs in lua5.1, in redis-server and here.

import { readdirSync, readFileSync } from 'node:fs'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createEngine } from '../../support/engine.ts'
import { type RedisServer, redisServerMissing, startRedisServer } from '../../support/redis-server.ts'
import { seedOf } from '../../support/seed.ts'
import { HAS_LUA51, runHere, runLua51, withoutAddresses } from './lua51.ts'
import { ProgramGenerator } from './program-generator.ts'
import { TopicGenerator } from './topic-generator.ts'

const CORPUS = new URL('./corpus/', import.meta.url)
const GENERATED = process.env.SOAK ? 1000 : 80

if (!HAS_LUA51) console.warn('skipped: lua5.1 is not on the PATH (apt-get install lua5.1)')

/** A NaN's sign cannot be seen in JavaScript. */
function comparable(text: string): string {
  return withoutAddresses(text).replace(/-?\bnan\b/g, 'nan')
}

function generate(seed: number, count: number): string[] {
  return Array.from({ length: count }, (_, i) => new ProgramGenerator(seed + i).program())
}

describe.skipIf(!HAS_LUA51)('beside lua5.1', () => {
  test.each(readdirSync(CORPUS))('%s prints the same', (file) => {
    const program = readFileSync(new URL(file, CORPUS), 'latin1')
    const [theirs] = runLua51([program])
    expect(comparable(runHere(program))).toBe(comparable(theirs!))
  })

  test('generated programs print the same', () => {
    const seed = seedOf('LUA_SEED')
    const programs = generate(seed, GENERATED)
    const theirs = runLua51(programs)
    programs.forEach((program, i) => {
      expect(comparable(runHere(program)), `LUA_SEED=${seed + i}\n${program}`).toBe(comparable(theirs[i]!))
    })
  })

  test('programs about the corners of the language print the same', () => {
    const seed = seedOf('LUA_SEED')
    const programs = Array.from({ length: GENERATED }, (_, i) => new TopicGenerator(seed + i).program())
    const theirs = runLua51(programs)
    programs.forEach((program, i) => {
      expect(comparable(runHere(program)), `LUA_SEED=${seed + i}\n${program}`).toBe(comparable(theirs[i]!))
    })
  })

  test.each([
    'x=',
    'if x then',
    'if x then\n\nx=1',
    'for i=1 do end',
    'for a do end',
    'x = = 1',
    'local 5',
    'x="abc',
    'x="abc\ndef"',
    'x="\\400"',
    'return 1 1',
    'break',
    'a.b',
    'a.b:c',
    'goto x',
    'x = 3 $ 4',
    'while true do break x=1 end',
    'f(',
    'f(1',
    'f(\n1',
    'x=[[abc',
    '--[[ abc',
    'x=[=abc',
    'x=1e',
    'x=3..2',
    'f()=1',
    '(a)=1',
    'a\n(b)()',
    'function f() return ... end',
    'for a in x end',
    'end',
    'x = }',
    'x = {1, 2',
    'x=1; ;',
    'function f(a,) end',
    'function f(..., a) end',
    'local function f.x() end',
    'repeat x = 1',
    'x = a and',
    'return return',
    'x = "a" "b"',
    'x = \x01',
    'local function f() end end',
    'x, y',
    'x = not',
    `${'('.repeat(300)}1${')'.repeat(300)}`.replace(/^/, 'x = '),
    `${'local a '.repeat(201)}`,
    `x = ${'{'.repeat(250)}`,
    `${'do '.repeat(250)}`,
  ])('syntax error %#: %j', (program) => {
    const [theirs] = runLua51([program])
    expect(theirs).toMatch(/^error: /)
    expect(runHere(program)).toBe(theirs)
  })
})

describe.skipIf(redisServerMissing())('beside redis-server', () => {
  let server: RedisServer
  let client: Redis

  beforeAll(async () => {
    server = await startRedisServer()
    client = new Redis({ path: server.socketPath })
  })

  afterAll(async () => {
    client.disconnect()
    await server.stop()
  })

  /** The program in a function, with a `print` of its own, all before its first line end. */
  function wrap(program: string): string {
    return (
      'local out = {} local function print(...) local line = {...} ' +
      'for i = 1, select("#", ...) do line[i] = tostring(line[i]) end out[#out + 1] = table.concat(line, "\\t") end ' +
      `local ok, e = pcall(function() ${program}\nend) if not ok then out[#out + 1] = tostring(e) end return table.concat(out, "\\n")`
    )
  }

  async function evaluate(program: string): Promise<string> {
    const reply = (await client.callBuffer('EVAL', Buffer.from(program, 'latin1'), 0)) as Buffer | number
    return reply instanceof Buffer ? reply.toString('latin1') : String(reply)
  }

  test('generated programs print the same', async () => {
    const seed = seedOf('LUA_SEED')
    for (const [i, program] of generate(seed, 50).entries()) {
      const wrapped = wrap(program)
      const theirs = await evaluate(wrapped)
      const ours = runHere(
        wrapped.replace(/ return table.concat\(out, "\\n"\)$/, ' return _G.print(table.concat(out, "\\n"))'),
      )
      expect(comparable(ours), `LUA_SEED=${seed + i}\n${program}`).toBe(comparable(theirs))
    }
  })

  test('scripts about the corners of the language answer the same', async () => {
    const seed = seedOf('LUA_SEED')
    const asked = createEngine().connect()
    for (let i = seed; i < seed + 80; i++) {
      const program = new TopicGenerator(i).program()
      const theirs = comparable(await evaluate(wrap(program)))
      const ours = asked.ask('EVAL', wrap(program), 0)
      expect(comparable(ours.slice(ours.indexOf('\n') + 1, -2)), `LUA_SEED=${i}\n${program}`).toBe(theirs)
    }
  })

  test.each([
    ['return type(', '(', '1', ')', ')'],
    ['return type(', '{', '1', '}', ')'],
    ['return ', '- ', '1', '', ''],
    ['return ', 'not ', '1', '', ''],
    ['return ', '1 ^ ', '1', '', ''],
    ['return #(', '1 .. ', '1', '', ')'],
    ['return ', 'nil or ', '1', '', ''],
    ['return ', '1 + ', '1', '', ''],
    ['', 'do ', '', 'end ', ''],
    ['', 'while false do ', '', 'end ', ''],
    ['', 'if true then ', '', 'end ', ''],
    ['', 'for i = 1, 1 do ', '', 'end ', ''],
    ['', 'for k in next, {} do ', '', 'end ', ''],
    ['', 'for a, b, c in next, {} do ', '', 'end ', ''],
    ['', 'repeat ', '', 'until true ', ''],
    ['', 'local t = {} ', '', '', ''],
    ['return type(', 'function() return ', '1 ', 'end ', ')'],
  ])('%s%s%s%s%s, any number of levels', async (...parts) => {
    const [before, opener, middle, closer, after] = parts.map((part) => JSON.stringify(part))
    const program =
      'local answers = {} for _, n in ipairs({10, 32, 33, 34, 48, 49, 50, 51, 66, 67, 100, 195, 196, 197, 198, 199, 200, 201, 250}) do ' +
      `local f, e = loadstring(${before} .. (${opener}):rep(n) .. ${middle} .. (${closer}):rep(n) .. ${after}, "=x") ` +
      'answers[#answers + 1] = n .. ": " .. (e or tostring((f()))) end return table.concat(answers, "\\n")'
    expect(runHere(program.replace(/return table(.*)$/, 'print(table$1)'))).toBe(await evaluate(program))
  })

  test.each([198, 199, 200, 250])('an assignment to %i variables', async (count) => {
    const program = `local t = {} local f, e = loadstring("local t = ... " .. ("t.x, "):rep(${count} - 1) .. "t.x = 1 return t.x", "=x") return e or f(t)`
    expect(runHere(program.replace('return e or f(t)', 'print(e or f(t))'))).toBe(await evaluate(program))
  })

  test('chains that are longer than JavaScript can nest', async () => {
    const program =
      'local answers = {} for _, operators in ipairs({{"and", "5"}, {"or", "nil"}}) do local operator, value = unpack(operators) ' +
      'for _, n in ipairs({14, 15, 16, 17, 2000}) do local chain = (value .. " " .. operator .. " "):rep(n) ' +
      'for _, last in ipairs({"false", "nil", "7", "(...)"}) do local f = assert(loadstring("return " .. chain .. last)) ' +
      'local g = assert(loadstring("if " .. chain .. last .. " then return 1 end return 2")) ' +
      'answers[#answers + 1] = tostring(f(3)) .. tostring(f()) .. g(3) .. g() end end end return table.concat(answers, " ")'
    expect(runHere(program.replace(/return table(.*)$/, 'print(table$1)'))).toBe(await evaluate(program))
  })

  test('math.random draws the same numbers for the same seed', async () => {
    const program =
      'local r = {} for _, seed in ipairs({0, 1, 42, -7, 2^31 + 5, 123456789}) do math.randomseed(seed) ' +
      'for i = 1, 5 do r[#r + 1] = math.random() r[#r + 1] = math.random(100) r[#r + 1] = math.random(-5, 5) end end '
    const theirs = await evaluate(`${program} return table.concat(r, " ")`)
    expect(runHere(`${program} print(table.concat(r, " "))`)).toBe(theirs)
  })
})
