// Scripts in special circumstances beside redis-server: a pause, no memory, a failing disk,
// transactions, WATCH, subscribers and parked clients. Each step goes to one of four connections;
// the bytes that each of them receives are compared.

import { createHash } from 'node:crypto'
import { mkdirSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { SocketPeer } from '../differential/peers.ts'
import { encodeCommand } from '../differential/program.ts'
import { createEngine, type TestClient, type TestEngine } from '../support/engine.ts'
import { type RedisServer, redisServerMissing, startRedisServer } from '../support/redis-server.ts'
import { eventually } from '../support/server.ts'

/** A connection and what it sends. */
type Step = readonly [number, ...string[]]

const CONNECTIONS = 4

const LIBRARY = `#!lua name=l
redis.register_function('w', function(k, a) return redis.call('set', 'fk', 'v') end)
redis.register_function{function_name = 'r', flags = {'no-writes'}, callback = function() return redis.call('get', 'fk') end}
redis.register_function{function_name = 'o', flags = {'allow-oom'}, callback = function() return redis.call('set', 'fk', 'o') end}`

const READER = "#!lua flags=no-writes\nreturn redis.call('get', 'k')"
const WRITER = "#!lua\nreturn redis.call('set', 'k', 'y')"
const sha = (script: string): string => createHash('sha1').update(script).digest('hex')

/** Requests of every kind, with and without flags, right and wrong. */
const REQUESTS: Record<string, readonly string[]> = {
  'a script': ['EVAL', "return redis.call('get', 'k')", '0'],
  'a script that writes': ['EVAL', "return redis.call('set', 'k', 'v')", '0'],
  'a read-only script': ['EVAL_RO', "return redis.call('get', 'k')", '0'],
  'a read-only script that publishes': ['EVAL_RO', "return redis.call('publish', 'c', 'm')", '0'],
  'a script with a shebang': ['EVAL', '#!lua\nreturn 1', '0'],
  'a no-writes script': ['EVAL', "#!lua flags=no-writes\nreturn redis.call('get', 'k')", '0'],
  'a no-writes script that publishes': ['EVAL', "#!lua flags=no-writes\nreturn redis.call('publish', 'c', 'm')", '0'],
  'a no-writes script by EVAL_RO': ['EVAL_RO', "#!lua flags=no-writes\nreturn redis.call('get', 'k')", '0'],
  'an allow-oom script': ['EVAL', "#!lua flags=allow-oom\nreturn redis.call('set', 'k', 'w')", '0'],
  'an allow-oom script by EVAL_RO': ['EVAL_RO', '#!lua flags=allow-oom\nreturn 1', '0'],
  'a script with an unknown flag': ['EVAL', '#!lua flags=bad\nreturn 1', '0'],
  'a script with a shebang that does not compile': ['EVAL', '#!lua\nreturn +', '0'],
  'an unknown script': ['EVALSHA', 'ffffffffffffffffffffffffffffffffffffffff', '0'],
  'a function': ['FCALL', 'w', '0'],
  'a no-writes function': ['FCALL', 'r', '0'],
  'an allow-oom function': ['FCALL', 'o', '0'],
  'a no-writes function by FCALL_RO': ['FCALL_RO', 'r', '0'],
  'a function by FCALL_RO': ['FCALL_RO', 'w', '0'],
  'an unknown function': ['FCALL', 'none', '0'],
  'SCRIPT LOAD': ['SCRIPT', 'LOAD', 'return 1'],
  'FUNCTION LOAD': ['FUNCTION', 'LOAD', 'REPLACE', LIBRARY],
  'FUNCTION FLUSH': ['FUNCTION', 'FLUSH'],
  'FUNCTION STATS': ['FUNCTION', 'STATS'],
}

/** The steps around such a request; connections `0` and `1` prepare and ask. */
const CIRCUMSTANCES: Record<string, (request: readonly string[]) => Step[]> = {
  'while writes are paused': (request) => [
    [0, 'CLIENT', 'PAUSE', '100000', 'WRITE'],
    [1, ...request],
    [2, 'CLIENT', 'UNPAUSE'],
    [1, 'GET', 'k'],
  ],
  'in a transaction while writes are paused': (request) => [
    [1, 'MULTI'],
    [1, ...request],
    [0, 'CLIENT', 'PAUSE', '100000', 'WRITE'],
    [1, 'EXEC'],
    [2, 'CLIENT', 'UNPAUSE'],
    [1, 'GET', 'k'],
  ],
  'without memory': (request) => [
    [0, 'CONFIG', 'SET', 'maxmemory', '1'],
    [1, ...request],
    [1, 'MULTI'],
    [1, ...request],
    [1, 'EXEC'],
    [0, 'CONFIG', 'SET', 'maxmemory', '0'],
    [1, 'GET', 'k'],
  ],
  'in a transaction that runs out of memory': (request) => [
    [1, 'MULTI'],
    [1, ...request],
    [0, 'CONFIG', 'SET', 'maxmemory', '1'],
    [1, 'EXEC'],
    [0, 'CONFIG', 'SET', 'maxmemory', '0'],
    [1, 'GET', 'k'],
  ],
  'while subscribed': (request) => [
    [1, 'SUBSCRIBE', 'x'],
    [1, ...request],
    [1, 'PING'],
  ],
  'when no reply is wanted': (request) => [
    [1, 'CLIENT', 'REPLY', 'SKIP'],
    [1, ...request],
    [1, 'PING'],
    [1, 'CLIENT', 'REPLY', 'OFF'],
    [1, ...request],
    [1, 'CLIENT', 'REPLY', 'ON'],
  ],
}

const SCENARIOS: Record<string, Step[]> = {
  'by SHA-1 a script is known by what it declares': [
    [0, 'SCRIPT', 'LOAD', READER],
    [0, 'SCRIPT', 'LOAD', WRITER],
    [0, 'CLIENT', 'PAUSE', '100000', 'WRITE'],
    [1, 'EVALSHA', sha(READER), '0'],
    [2, 'EVALSHA', sha(WRITER), '0'],
    [3, 'CLIENT', 'UNPAUSE'],
  ],
  'errors without memory are values for pcall': [
    [0, 'CONFIG', 'SET', 'maxmemory', '1'],
    [
      1,
      'EVAL',
      "local r = redis.pcall('set', 'k', 'v') return {r.err, redis.pcall('get', 'k'), redis.pcall('lpush', 'l', '1')}",
      '0',
    ],
    [1, 'EVAL', "redis.call('incr', 'x') return 1", '0'],
    [1, 'EVAL', "redis.call('expire', 'x', 5) return redis.pcall('set', 'x', 'y')", '0'],
    [1, 'EVAL', "redis.call('del', 'none') return redis.pcall('set', 'x', 'y')", '0'],
  ],
  'what was not known when it was queued is refused when it runs': [
    [1, 'MULTI'],
    [1, 'EVALSHA', sha(WRITER), '0'],
    [1, 'FCALL', 'late', '0'],
    [0, 'SCRIPT', 'LOAD', WRITER],
    [0, 'FUNCTION', 'LOAD', "#!lua name=late\nredis.register_function('late', function() return 1 end)"],
    [0, 'CONFIG', 'SET', 'maxmemory', '1'],
    [1, 'EXEC'],
  ],
  'what a transaction does to the limit of memory concerns none of its own commands': [
    // The memory is checked now, and not only at the last limit.
    [0, 'CONFIG', 'SET', 'maxmemory', '1gb'],
    [1, 'PING'],
    [1, 'MULTI'],
    [1, 'CONFIG', 'SET', 'maxmemory', '1'],
    [1, 'SET', 'k', 'v'],
    [1, 'EVAL', "return redis.call('set', 'k', 'w')", '0'],
    [1, 'EVAL', WRITER, '0'],
    [1, 'EVAL', READER, '0'],
    [1, 'EXEC'],
    [1, 'SET', 'k', 'v'],
    [1, 'MULTI'],
    [1, 'CONFIG', 'SET', 'maxmemory', '0'],
    [1, 'DISCARD'],
    [0, 'CONFIG', 'SET', 'maxmemory', '0'],
    [1, 'EVAL', WRITER, '0'],
  ],
  'scripts break WATCH by what they change, whoever runs them': [
    [1, 'WATCH', 'k'],
    [1, 'EVAL', "return redis.call('set', 'k', 'v')", '0'],
    [1, 'MULTI'],
    [1, 'EXEC'],
    [1, 'WATCH', 'k'],
    [1, 'EVAL', "return redis.call('get', 'k')", '0'],
    [1, 'MULTI'],
    [1, 'EXEC'],
    [1, 'WATCH', 'k'],
    [0, 'EVAL', "return redis.pcall('lpush', 'k', 'v').err", '0'],
    [1, 'MULTI'],
    [1, 'EXEC'],
    [1, 'WATCH', 'k'],
    [0, 'EVAL', "redis.call('set', 'k', 'w') error('x')", '0'],
    [1, 'MULTI'],
    [1, 'EXEC'],
    [1, 'WATCH', 'none'],
    [0, 'EVAL', "redis.call('set', 'none', 'w') redis.call('del', 'none')", '0'],
    [1, 'MULTI'],
    [1, 'EXEC'],
    [1, 'SELECT', '1'],
    [1, 'WATCH', 'k'],
    [0, 'EVAL', "redis.call('select', 1) redis.call('set', 'k', 'w')", '0'],
    [1, 'MULTI'],
    [1, 'EXEC'],
  ],
  'what is wrong with a script is said when the transaction runs, but for how it is called': [
    [1, 'MULTI'],
    [1, 'EVAL', 'return 1', '0'],
    [1, 'EVAL', 'return +', '0'],
    [1, 'EVAL', 'return 1', 'x'],
    [1, 'EVAL', 'return 1', '5'],
    [1, 'EVALSHA', 'x', '0'],
    [1, 'FCALL', 'none', '0'],
    [1, 'SCRIPT', 'FLUSH'],
    [1, 'SCRIPT', 'LOAD', 'return 7'],
    [1, 'SCRIPT', 'KILL'],
    [1, 'FUNCTION', 'LOAD', 'REPLACE', LIBRARY],
    [1, 'FUNCTION', 'STATS'],
    [1, 'FCALL', 'w', '0'],
    [1, 'FUNCTION', 'FLUSH'],
    [1, 'EVAL_RO', "return redis.call('set', 'a', 'b')", '0'],
    [1, 'EXEC'],
    [1, 'MULTI'],
    [1, 'EVAL'],
    [1, 'EXEC'],
    [1, 'MULTI'],
    [1, 'FUNCTION', 'nosub'],
    [1, 'EXEC'],
  ],
  'errors are counted by their codes, once': [
    [0, 'CONFIG', 'RESETSTAT'],
    [0, 'SET', 's', '1'],
    [0, 'EVAL', "return redis.error_reply('ZZ x')", '0'],
    [0, 'EVAL', "return {err = 'MM x'}", '0'],
    [0, 'EVAL', "pcall(redis.call, 'lpush', 's', 'x')", '0'],
    [0, 'EVAL', "return redis.pcall('lpush', 's', 'x')", '0'],
    [0, 'EVAL', "redis.call('lpush', 's', 'x')", '0'],
    [0, 'EVAL', "local ok, e = pcall(redis.call, 'lpush', 's', 'x') error(e)", '0'],
    [0, 'EVAL', "error({err = 'AA x'})", '0'],
    [0, 'EVAL', "redis.call('none')", '0'],
    [0, 'EVAL', "redis.pcall('get')", '0'],
    [0, 'EVAL', 'error(1)', '0'],
    [0, 'EVAL', 'return +', '0'],
    [0, 'EVALSHA', 'x', '0'],
    [0, 'FCALL', 'none', '0'],
    [0, 'EVAL', 'return 1', 'x'],
    [0, 'INFO', 'errorstats'],
  ],
  'parked clients are served when the script has ended': [
    [1, 'BLPOP', 'l', '0'],
    [0, 'EVAL', "redis.call('rpush', 'l', 'a') return redis.call('lpop', 'l')", '0'],
    [0, 'EVAL', "redis.call('rpush', 'l', 'a', 'b') return 1", '0'],
    [1, 'BLPOP', 'l', '0'],
    [1, 'BLPOP', 'q', '0'],
    [0, 'MULTI'],
    [0, 'EVAL', "redis.call('rpush', 'q', 'a')", '0'],
    [0, 'LLEN', 'q'],
    [0, 'EXEC'],
    [1, 'BZPOPMIN', 'z', '0'],
    [2, 'XREAD', 'BLOCK', '0', 'STREAMS', 's', '$'],
    [
      0,
      'EVAL',
      "redis.call('zadd', 'z', 1, 'a') redis.call('xadd', 's', '1-1', 'a', 'b') redis.call('zadd', 'z', 0, 'b')",
      '0',
    ],
  ],
  'what a script publishes goes out in order': [
    [2, 'SUBSCRIBE', 'c'],
    [3, 'PSUBSCRIBE', '*'],
    [
      0,
      'EVAL',
      "redis.call('publish', 'c', '1') redis.call('publish', 'd', '2') return redis.call('publish', 'c', '3')",
      '0',
    ],
    [0, 'EVAL', "redis.call('publish', 'c', '4') error('x')", '0'],
  ],
  'a database is the script’s own': [
    [0, 'EVAL', "redis.call('select', 9) redis.call('set', 'k', 'nine') return redis.call('get', 'k')", '0'],
    [0, 'GET', 'k'],
    [0, 'EVAL', "return redis.call('select', 99)", '0'],
    [0, 'EVAL', "return redis.pcall('select', 'x')", '0'],
    [0, 'EVAL', "redis.call('swapdb', 0, 9) return redis.call('get', 'k')", '0'],
    [0, 'GET', 'k'],
    [0, 'EVAL', "redis.call('select', 9) error('x')", '0'],
    [0, 'GET', 'k'],
  ],
}
for (const [circumstance, steps] of Object.entries(CIRCUMSTANCES)) {
  for (const [name, request] of Object.entries(REQUESTS)) SCENARIOS[`${name} ${circumstance}`] = steps(request)
}

describe.skipIf(redisServerMissing()).each([2, 3] as const)('RESP%i', (protocol) => {
  let server: RedisServer
  let theirs: SocketPeer
  let engine: TestEngine
  let ours: TestClient[]

  beforeAll(async () => {
    server = await startRedisServer(['--enable-debug-command', 'yes', '--save', '3600 100000'])
    theirs = new SocketPeer('redis-server', server.socketPath)
  })

  afterAll(async () => {
    await theirs?.stop()
    await server?.stop()
  })

  async function begin(): Promise<void> {
    await theirs.ask('CLIENT', 'UNPAUSE')
    await theirs.reset(CONNECTIONS)
    engine = createEngine()
    ours = Array.from({ length: CONNECTIONS }, () => engine.connect())
    // The reply to HELLO contains the connection’s number, which each server chooses.
    const hello = encodeCommand(['HELLO', String(protocol)], () => '')
    for (let i = 0; i < CONNECTIONS; i++) theirs.send(i, hello)
    await theirs.settle()
    for (const [i, client] of ours.entries()) {
      theirs.take(i)
      client.sendRaw(hello)
    }
    const prepare = [
      ['FUNCTION', 'LOAD', LIBRARY],
      ['SET', 'k', 'x'],
    ]
    const requests = prepare.map((words) => encodeCommand(words, () => '')).join('')
    theirs.send(0, requests)
    await theirs.settle()
    expect(ours[0]!.sendRaw(requests)).toBe(theirs.take(0).bytes)
  }

  /** Sends one step to both sides and returns what each connection received. */
  async function step([connection, ...words]: Step): Promise<{ own: string[]; redis: string[] }> {
    const request = encodeCommand(words, () => '')
    theirs.send(connection, request)
    await theirs.settle()
    const answer = ours[connection]!.sendRaw(request)
    return {
      own: ours.map((client, i) => (i === connection ? answer : '') + client.received()),
      redis: ours.map((_, i) => theirs.take(i).bytes),
    }
  }

  async function compare(steps: readonly Step[]): Promise<void> {
    for (const [i, one] of steps.entries()) {
      const { own, redis } = await step(one)
      expect(own, `step ${i}: ${JSON.stringify(one)}`).toEqual(redis)
    }
  }

  test.each(Object.entries(SCENARIOS))('%s', async (_, steps) => {
    await begin()
    await compare(steps)
  })

  test('while snapshots fail, scripts may read; scripts that declare writes are refused', async () => {
    await begin()
    // A file cannot be renamed to a directory’s name.
    const snapshot = join(dirname(server.socketPath), 'dump.rdb')
    rmSync(snapshot, { force: true })
    mkdirSync(snapshot)
    await theirs.ask('BGSAVE')
    await eventually(
      async () => String(await theirs.ask('INFO', 'persistence')).includes('rdb_last_bgsave_status:err'),
      'redis-server failing to save',
    )
    engine.engine.conditions.state.refusals.saveFailed.begin()
    for (const request of Object.values(REQUESTS)) {
      await compare([
        [1, ...request],
        [1, 'MULTI'],
        [1, ...request],
        [1, 'EXEC'],
      ])
    }
    await compare([
      [
        1,
        'EVAL',
        "return {redis.pcall('set', 'k', 'v'), redis.pcall('get', 'k'), redis.pcall('publish', 'c', 'm')}",
        '0',
      ],
      [1, 'EVAL', "local r = redis.pcall('set', 'k', 'v') return redis.call('set', 'k', 'v')", '0'],
      [1, 'EVAL', "local r = redis.pcall('del', 'k', 'v') return r", '0'],
    ])
  })
})
