// Random input as a script, a library, a payload or an argument: the server answers and keeps
// running.
//
// The server is a process of its own, which an exception would end. Requests are random: BullMQ’s
// own scripts with a few bytes changed, words of Lua in any order, any bytes at all. An endless
// script is ended as the documentation says: by SCRIPT KILL or FUNCTION KILL, and by SHUTDOWN
// NOSAVE if it has written. FUZZ_SEED repeats a run, FUZZ_REQUESTS asks for more.

import { createRequire } from 'node:module'
import { expect, onTestFinished, test } from 'vitest'
import { writeFunctionPayload } from '../../src/persistence/rdb/function-payload.ts'
import { Random } from '../../src/util/numbers/random.ts'
import { chance, pick } from '../differential/values.ts'
import { encode } from '../support/engine.ts'
import { seedOf } from '../support/seed.ts'
import { eventually, RawConnection } from '../support/server.ts'
import { type ServerProcess, startServerProcess } from '../support/server-process.ts'

const SEED = seedOf('FUZZ_SEED')
const REQUESTS = Number(process.env.FUZZ_REQUESTS ?? 3000)
/** Requests in flight together. */
const BATCH = 100

const bullmq = createRequire(import.meta.url)('bullmq/dist/cjs/scripts/index.js') as Record<
  string,
  { content?: string }
>
const SCRIPTS = Object.values(bullmq).flatMap(({ content }) => (typeof content === 'string' ? [content] : []))

const LIBRARIES = [
  "#!lua name=l\nredis.register_function('f', function(k, a) return redis.call('GET', k[1]) end)",
  "#!lua name=m\nlocal n = 0\nredis.register_function{function_name = 'g', flags = {'no-writes'}, description = 'd', callback = function() n = n + 1 return n end}",
]

/** Pieces of Lua, and harmful ones. */
const WORDS = [
  ...[
    'local',
    'function',
    'end',
    'if',
    'then',
    'else',
    'elseif',
    'for',
    'in',
    'do',
    'while',
    'repeat',
    'until',
    'return',
  ],
  ...[
    'break',
    'nil',
    'true',
    'false',
    'and',
    'or',
    'not',
    'goto',
    '::a::',
    '(',
    ')',
    '{',
    '}',
    '[',
    ']',
    ',',
    ';',
    '..',
  ],
  ...[
    '...',
    '=',
    '==',
    '~=',
    '<',
    '>',
    '+',
    '-',
    '*',
    '/',
    '%',
    '^',
    '#',
    ':',
    '.',
    '"',
    '\\',
    '\n',
    '\0',
    '\xff',
    '[[',
  ],
  ...[
    ']]',
    '--',
    '--[[',
    '0x',
    '1e999',
    '1e',
    '..1',
    '2^53',
    '0/0',
    'x',
    'KEYS',
    'ARGV',
    'redis',
    'call',
    'redis.call',
  ],
  ...[
    "'x'",
    'cjson.decode(',
    'cmsgpack.unpack(',
    'string.rep("x", 1e6)',
    "('x'):rep(1e9)",
    'pcall(',
    'error(',
    'unpack(',
  ],
  ...['coroutine.wrap(function() ', 'loadstring(', 'getmetatable("").__index', 'select("#",', 'tostring('],
  ...['setmetatable({}, {__index = function(t, k) return t[k] end})', "redis.call('SET', 'k', 'v')"],
]

const CALLS = [
  ...[
    'cjson.decode',
    'cjson.encode',
    'cmsgpack.pack',
    'cmsgpack.unpack',
    'cmsgpack.unpack_one',
    'cmsgpack.unpack_limit',
  ],
  ...[
    'struct.pack',
    'struct.unpack',
    'struct.size',
    'bit.band',
    'bit.tohex',
    'bit.rshift',
    'string.format',
    'string.find',
  ],
  ...[
    'string.gsub',
    'string.match',
    'string.gmatch',
    'string.rep',
    'string.byte',
    'table.concat',
    'table.sort',
    'unpack',
  ],
  ...[
    'table.insert',
    'tonumber',
    'loadstring',
    'select',
    'setmetatable',
    'rawset',
    'next',
    'error',
    'assert',
    'os.clock',
  ],
  ...[
    'coroutine.wrap',
    'redis.sha1hex',
    'redis.error_reply',
    'redis.status_reply',
    'redis.pcall',
    'redis.acl_check_cmd',
  ],
  ...['redis.log', 'redis.setresp', 'redis.set_repl', 'math.random'],
]
const VALUES = [
  ...[
    'ARGV[1]',
    'ARGV[2]',
    '1',
    '-1',
    '{}',
    '{1, 2, {}}',
    'nil',
    'true',
    '1e308',
    '0/0',
    '2^53',
    '-2^63',
    'redis.call',
  ],
  ...[
    'KEYS',
    'ARGV',
    "'x'",
    "'%s%d%q'",
    '{ARGV[1], {a = ARGV[2]}}',
    'coroutine.create(pcall)',
    'cjson.null',
    'math.huge',
  ],
]

const bytes = (random: Random, most: number): string =>
  Array.from({ length: random.below(most) }, () => String.fromCharCode(random.below(256))).join('')

const words = (random: Random, most: number): string =>
  Array.from({ length: random.below(most) }, () => pick(random, WORDS)).join(chance(random, 50) ? ' ' : '')

/** Changes a text in up to six places. */
function mutated(random: Random, whole: string): string {
  let text = whole
  for (let i = random.below(6); i >= 0; i--) {
    const at = random.below(text.length + 1)
    const other = random.below(text.length + 1)
    const [head, tail] = [text.slice(0, at), text.slice(at)]
    switch (random.below(5)) {
      case 0:
        text = `${head} ${pick(random, WORDS)} ${tail}`
        break
      case 1:
        text = head + tail.slice(1 + random.below(30))
        break
      case 2:
        text = head + bytes(random, 2) + tail.slice(1)
        break
      case 3:
        text = head + text.slice(other, other + random.below(200)) + tail
        break
      case 4:
        text = chance(random, 20) ? head : text
        break
    }
  }
  return text
}

const MAKERS: ((random: Random) => (string | number)[])[] = [
  (random) => {
    const command = chance(random, 50) ? 'EVAL' : 'EVAL_RO'
    return [command, mutated(random, pick(random, SCRIPTS)), 3, 'a', 'b', 'c', bytes(random, 40), '1', '{"a":1}', '100']
  },
  (random) => ['EVAL', bytes(random, 200), 0],
  (random) => ['EVAL', words(random, 60), 0, bytes(random, 10)],
  (random) => ['SCRIPT', 'LOAD', chance(random, 50) ? words(random, 200) : mutated(random, pick(random, SCRIPTS))],
  (random) => ['FUNCTION', 'LOAD', 'REPLACE', mutated(random, pick(random, LIBRARIES))],
  (random) => {
    const codes = [mutated(random, pick(random, LIBRARIES)), ...(chance(random, 50) ? [bytes(random, 50)] : [])]
    const payload = writeFunctionPayload(codes, chance(random, 50)).toString()
    return [
      'FUNCTION',
      'RESTORE',
      chance(random, 70) ? payload : mutated(random, payload),
      pick(random, ['FLUSH', 'APPEND']),
    ]
  },
  (random) => ['FCALL', pick(random, ['f', 'g', 'F']), random.below(3), bytes(random, 5), bytes(random, 5)],
  (random) => {
    const values = Array.from({ length: random.below(5) }, () => `, ${pick(random, VALUES)}`).join('')
    return ['EVAL', `return {pcall(${pick(random, CALLS)}${values})}`, 0, bytes(random, 60), bytes(random, 20)]
  },
  (random) => {
    const shebang = `#!${pick(random, ['lua', 'LUA', '', ' lua', 'js'])} ${pick(random, ['flags=', 'name=x', ''])}`
    return [
      'EVAL',
      `${shebang}${pick(random, ['no-writes', 'allow-oom', 'bad', bytes(random, 5)])}\n${words(random, 10)}`,
      0,
    ]
  },
]

test('no input as a script ends the server', async () => {
  const random = new Random(SEED)
  let server: ServerProcess | undefined
  onTestFinished(() => void server?.child.kill('SIGKILL'))
  let sender!: RawConnection
  let watcher!: RawConnection
  const log: string[] = []

  async function start(): Promise<void> {
    server = await startServerProcess({ port: 0, config: { 'busy-reply-threshold': 20 } })
    sender = await RawConnection.open(server.port)
    watcher = await RawConnection.open(server.port)
  }

  /**
   * Checks the server, and ends a script that keeps it busy. Returns false when the server had to
   * be ended.
   */
  async function watch(): Promise<boolean> {
    watcher.send(encode(['PING']))
    const state = await line(watcher)
    if (state === '+PONG\r\n') return true
    expect(state, log.slice(-BATCH).join('\n')).toMatch(/^-BUSY /)
    for (const container of ['SCRIPT', 'FUNCTION']) {
      watcher.send(encode([container, 'KILL']))
      const answer = await line(watcher)
      if (!answer.startsWith('-UNKILLABLE')) continue
      watcher.send(encode(['SHUTDOWN', 'NOSAVE']))
      expect(await server!.exited, log.slice(-BATCH).join('\n')).toBe(0)
      return false
    }
    return true
  }

  await start()
  for (let sent = 0; sent < REQUESTS; sent += BATCH) {
    let text = ''
    for (let i = 0; i < BATCH; i++) {
      const request = pick(random, MAKERS)(random)
      log.push(JSON.stringify(request))
      text += encode(request)
    }
    const end = `the end of batch ${sent}`
    sender.received = ''
    sender.send(text + encode(['ECHO', end]))
    const isDone = (): boolean => sender.received.endsWith(`${end}\r\n`)
    await eventually(
      async () => {
        if (isDone()) return true
        if (await watch()) return false
        await start()
        return true
      },
      `FUZZ_SEED=${SEED}: an answer to\n${log.slice(-BATCH).join('\n')}\n`,
      60_000,
    )
  }
  expect(server!.child.exitCode).toBeNull()
  expect(await watcher.ask(encode(['EVAL', 'return 42', 0]), ':42\r\n')).toBe(':42\r\n')
}, 120_000)

/** Takes the next line that arrives. */
async function line(connection: RawConnection): Promise<string> {
  let text = ''
  while (!text.endsWith('\r\n') && !connection.closed) text += await connection.take(1)
  return text
}
