// Monstrous scripts and library calls: the process survives, other clients are served, and the
// memory is freed.
//
// The scripts run in a process with little heap. First comes one of each kind that was once fatal,
// then random compositions of library calls with values that are huge, slow, deep or cyclic.
// MONSTER_SEED repeats a run; SOAK asks for many.

import { spawn } from 'node:child_process'
import { expect, test } from 'vitest'
import { Random } from '../../src/util/numbers/random.ts'
import { pick } from '../differential/values.ts'
import { seedOf } from '../support/seed.ts'
import type { Outcome } from './monstrous-child.ts'

/** Heap of the process: twice the memory that a script may build, and little else. */
const HEAP_MB = 1000
/** Heap that may remain when a script has ended. */
const HEAP_LEFT_BYTES = 200 * 1024 * 1024
/** Time after which a script is killed. */
const SCRIPT_MS = process.env.SOAK === undefined ? 100 : 1000
/**
 * Longest wait of other clients, in processor time of this process, including V8’s collector
 * threads.
 */
const UNHEARD_MS = 1000
const RANDOM_SCRIPTS = process.env.SOAK === undefined ? 8 : Number(process.env.MONSTER_SCRIPTS ?? 2000)
const SEED = seedOf('MONSTER_SEED')

async function run(scripts: readonly (readonly string[])[]): Promise<Outcome[]> {
  const child = new URL('monstrous-child.ts', import.meta.url).pathname
  const options = [`--max-old-space-size=${HEAP_MB}`, '--expose-gc', '--import', 'tsx', child, String(SCRIPT_MS)]
  const running = spawn(process.execPath, options, { stdio: ['pipe', 'pipe', 'inherit'] })
  let output = ''
  running.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString()
  })
  running.stdin.end(JSON.stringify(scripts))
  const code = await new Promise((resolve) => running.once('close', resolve))
  const outcomes = output
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Outcome)
  expect(code, `the process ended in: ${scripts[outcomes.length]?.[0]}`).toBe(0)
  return outcomes
}

async function expectHarmless(scripts: readonly (readonly string[])[]): Promise<Outcome[]> {
  const outcomes = await run(scripts)
  outcomes.forEach(({ unheardMs, heapBytes }, i) => {
    const [source] = scripts[i]!
    expect(unheardMs, `nobody was heard during: ${source}`).toBeLessThan(UNHEARD_MS)
    expect(heapBytes, `memory is kept after: ${source}`).toBeLessThan(HEAP_LEFT_BYTES)
  })
  return outcomes
}

const SHARED = 'local t = {} for i = 1, 1000000 do t[i] = true end local u = {} for i = 1, 1000 do u[i] = t end'

const FATAL = [
  // V8 ends the process at texts and arrays of its largest size, and no pcall catches that.
  `return #cjson.encode(string.rep('"', 70000000))`,
  `return #string.format('%q', string.rep('"', 120000000))`,
  `return #string.rep('A\\255', 60000000):lower()`,
  `return #cmsgpack.unpack('\\221' .. struct.pack('>I4', 120000000) .. string.rep('\\1', 120000000))`,
  `return #cjson.decode('[' .. string.rep('1,', 60000000) .. '1]')`,
  `return redis.error_reply(string.rep('\\n', 120000000))`,
  // Memory that was not charged.
  `${SHARED} return u`,
  `${SHARED} return #cjson.encode(u)`,
  `${SHARED} return #cmsgpack.pack(u)`,
  `local s = string.rep('x', 1e7) local t = {} for i = 1, 1e5 do t[i] = s .. i end for i = 1, 1e5 do t[i]:byte(1) end`,
  `local s = string.rep('x', 1e8) return redis.call('MSET', 'a', s, 'b', s, 'c', s, 'd', s, 'e', s, 'f', s)`,
  // Native loops, endless or nearly so.
  `while true do pcall(error, 'x') end`,
  `return #string.format(string.rep('%%', 50000000))`,
  `local t = {} for i = 1, 1e7 do t[i] = 'a' end return #table.concat(t, ',')`,
  `return tonumber(string.rep('1', 100000000))`,
  `return tonumber(string.rep('1', 100000000), 8)`,
  `return #cjson.decode('"' .. string.rep('\\\\n', 50000000) .. '"')`,
  `local t, s = {}, string.rep('k', 16384) for i = 1, 20000 do t[s .. i + 100000] = 1 end`,
  `return string.find(string.rep('a', 2e6), '^(.*)%1b')`,
  `return string.find(string.rep('(', 1e6) .. string.rep(')', 1e6), '%b()x')`,
  `return string.find(string.rep('a', 1e6), string.rep('[a]', 1e5) .. 'b')`,
  `local s = string.rep('a', 5000) return string.find(string.rep('a', 5e7), s .. 'b' .. s, 1, true)`,
  `local t = {} for i = 1, 4e6 do t[i] = i end for i = 1, 4e6 do t[i] = nil next(t) end`,
  `local t = {} for i = 1, 1e6 do t[i] = tostring(i * 7919 % 1e6) end while true do table.sort(t) t[1], t[2] = 'z', 'y' end`,
  `local t = {} for i = 1, 1e6 do t[i] = i * 7919 % 1e6 end while true do table.sort(t) t[1], t[2] = 1e9, 1e8 end`,
  `local t = {} for i = 1, 1e5 do t[i] = i end redis.call('RPUSH', 'l', unpack(t, 1, 7000)) while true do redis.call('SORT_RO', 'l') end`,
  `local t = {} for i = 1, 5000 do t[i] = i * 7919 % 1000003 end for i = 1, 100 do redis.call('RPUSH', 'm', unpack(t)) end while true do redis.call('SORT_RO', 'm') end`,
  // Coroutines that are deep within their calls, resumed, and kept.
  `local function deep(n) if n == 0 then while true do coroutine.yield() end end deep(n - 1) return n end local c = coroutine.wrap(deep) c(1500) while true do c() end`,
  `local function deep(n) if n == 0 then coroutine.yield() end deep(n - 1) return n end local t = {} for i = 1, 50000 do t[i] = coroutine.wrap(deep) t[i](150) end`,
]

test('no library ends the process, keeps others waiting or keeps memory', async () => {
  await expectHarmless(FATAL.map((source) => [source]))
}, 600_000)

// By chance

const random = new Random(SEED)

/** Statements that fill variables: texts s, p; numbers n; tables t, u. */
function values(): string {
  const size = pick(random, ['10', '1e3', '1e5', '1e6', '2e7', '1e8'])
  const piece = pick(random, [
    'a',
    '\\0',
    '\\255A',
    '"',
    '\\\\',
    '%%',
    '%1',
    '(',
    '()',
    '[',
    '[1,',
    '{"a":',
    '1',
    '\\n',
    ' ',
    '\\145',
    '\\129\\161a',
    '.-',
    '[a]',
  ])
  const count = pick(random, ['10', '1e3', '1e5', '1e6'])
  const element = pick(random, ['i', 'true', 'tostring(i)', '-i / 3', 's', 'p .. i', '{}', '{i}', '{a = i}', 't', 'u'])
  const key = pick(random, ['i', 'i', 'i', 'i * 2', '2 ^ i', 'tostring(i)', 'p .. i', '-i', 'i % 7'])
  return [
    `local s = string.rep('${piece}', ${size})`,
    `local p = ${pick(random, ['s', "'a'", "'^(.*)%1b'", "'.-.-.-b'", "'%b()'", "'%f[%w]'", "string.rep('k', 16384)", "'[^,]*,'", "s .. 'x'"])}`,
    `local n = ${pick(random, ['0', '1', '-1', '1e3', '1e8', '2 ^ 31', '-2 ^ 31', 'math.huge', '0 / 0', '7990'])}`,
    'local t, u = {}, {}',
    `for i = 1, ${count} do t[${key}] = ${element} end`,
    `for i = 1, ${pick(random, ['1', '100', '1000'])} do u[i] = ${pick(random, ['t', 'u', 's', 'i'])} end`,
  ].join(' ')
}

/** Functions and their kinds of argument; arguments are drawn for each call. */
const CALLS = [
  ...[
    'byte',
    'char',
    'find',
    'format',
    'gmatch',
    'gsub',
    'len',
    'lower',
    'match',
    'rep',
    'reverse',
    'sub',
    'upper',
  ].map((name) => `string.${name}`),
  ...['concat', 'foreach', 'foreachi', 'getn', 'insert', 'maxn', 'remove', 'sort'].map((name) => `table.${name}`),
  ...[
    'cjson.encode',
    'cjson.decode',
    'cmsgpack.pack',
    'cmsgpack.unpack',
    'cmsgpack.unpack_limit',
    'struct.pack',
    'struct.unpack',
    'struct.size',
  ],
  ...[
    'bit.tohex',
    'bit.band',
    'math.max',
    'math.floor',
    'tonumber',
    'tostring',
    'select',
    'unpack',
    'next',
    'ipairs',
    'rawget',
    'rawset',
    'rawequal',
  ],
  ...[
    'pcall',
    'error',
    'assert',
    'loadstring',
    'redis.sha1hex',
    'redis.error_reply',
    'redis.status_reply',
    'redis.call',
    'setmetatable',
  ],
]
const ARGUMENTS = [
  's',
  's',
  'p',
  'p',
  'n',
  't',
  't',
  'u',
  'nil',
  's .. p',
  '#t',
  "'x'",
  '1',
  "'ECHO'",
  'string.upper',
  'function(a, b) return b end',
]

function call(): string {
  const given = Array.from({ length: 1 + random.below(4) }, () => pick(random, ARGUMENTS))
  return `${pick(random, CALLS)}(${given.join(', ')})`
}

function program(): string {
  const calls = Array.from(
    { length: 1 + random.below(3) },
    () => `r, q = pcall(function() return ${call()} end) if type(q) == 'string' then s = q end`,
  )
  const body = pick(random, ['', '', 'while true do ']) + calls.join(' ')
  return `local r, q ${values()} ${body}${body.startsWith('while') ? ' end' : ` return ${pick(random, ['q', 's', 't', 'u', '#s'])}`}`
}

test(`huge and slow random scripts do no harm (seed ${SEED})`, async () => {
  await expectHarmless(Array.from({ length: RANDOM_SCRIPTS }, () => [program()]))
}, 7_200_000)
