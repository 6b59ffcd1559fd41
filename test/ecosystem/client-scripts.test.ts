// Scripts and functions as client libraries send them: commands defined by scripts, alone, in pipelines, in transactions and in
// pipelines that a client makes by itself; after the server has forgotten them; over both protocols.

import { Redis, type RedisOptions } from 'ioredis'
import { createClient, defineScript } from 'redis'
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { useTarget } from './target.ts'

const target = useTarget()

/** What a script that was defined on a client looks like to TypeScript. */
type Defined = Record<string, (...args: (string | number | Buffer)[]) => Promise<unknown>>

function ioredis(options: Omit<RedisOptions, 'replyMapping'> = {}): Redis & Defined {
  const redis = new Redis({ ...target.connection, ...options })
  onTestFinished(() => redis.disconnect())
  return redis as Redis & Defined
}

const ADD = "redis.call('incrby', KEYS[1], ARGV[1]) return {KEYS[1], tonumber(redis.call('get', KEYS[1]))}"
const COUNT = 'return {#KEYS, #ARGV, KEYS[1] or false, ARGV[#ARGV] or false}'

beforeEach(async () => {
  const redis = ioredis()
  await redis.flushall()
  await redis.script('FLUSH')
  await redis.call('FUNCTION', 'FLUSH')
})

describe.each([2, 3] as const)('ioredis, RESP%i', (protocol) => {
  test('commands that scripts define: with so many keys or any number, for bytes, and when they fail', async () => {
    const redis = ioredis({ protocol, scripts: { add: { lua: ADD, numberOfKeys: 1 } } })
    redis.defineCommand('count', { lua: COUNT })
    redis.defineCommand('echo2', { lua: 'return {KEYS[1], ARGV[1]}', numberOfKeys: 1, readOnly: true })
    redis.defineCommand('fail', { lua: "return redis.call('lpush', KEYS[1], 'x')", numberOfKeys: 1 })
    expect(await redis.add!('n', 5)).toEqual(['n', 5])
    expect(await redis.add!('n', 7)).toEqual(['n', 12])
    expect(await redis.count!(0)).toEqual([0, 0, null, null])
    expect(await redis.count!(2, 'a', 'b', 'c')).toEqual([2, 1, 'a', 'c'])
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, i) => i))
    expect(await redis.echo2Buffer!(bytes, bytes)).toEqual([bytes, bytes])
    await expect(redis.fail!('n')).rejects.toThrow(/^WRONGTYPE .* script: \w{40}, on @user_script:1\.$/)
    await expect(redis.count!(5, 'a')).rejects.toThrow("ERR Number of keys can't be greater than number of args")
    await redis.script('FLUSH')
    expect(await redis.add!('n', 1)).toEqual(['n', 13])
  })

  test('in pipelines and transactions, new or forgotten', async () => {
    const redis = ioredis({ protocol, scripts: { add: { lua: ADD, numberOfKeys: 1 } } })
    for (const round of [1, 2, 3]) {
      if (round === 3) await redis.script('FLUSH')
      const pipeline = redis.pipeline() as ReturnType<Redis['pipeline']> &
        Record<string, (...args: unknown[]) => unknown>
      for (let i = 0; i < 100; i++) pipeline.add!('p', 1)
      const replies = await pipeline.exec()
      expect(replies!.map(([error, reply]) => error ?? (reply as unknown[])[1])).toEqual(
        Array.from({ length: 100 }, (_, i) => (round - 1) * 100 + i + 1),
      )
    }
    const transaction = redis.multi() as ReturnType<Redis['multi']> & Record<string, (...args: unknown[]) => unknown>
    transaction.set('t', 1)
    transaction.add!('t', 2)
    transaction.get('t')
    expect(await transaction.exec()).toEqual([
      [null, 'OK'],
      [null, ['t', 3]],
      [null, '3'],
    ])
  })

  test('in pipelines that the client makes by itself', async () => {
    const redis = ioredis({ protocol, enableAutoPipelining: true, scripts: { add: { lua: ADD, numberOfKeys: 1 } } })
    for (let round = 0; round < 3; round++) {
      const replies = await Promise.all([
        ...Array.from({ length: 50 }, () => redis.add!('auto', 1)),
        redis.get('auto'),
        redis.eval('return ARGV[1]', 0, 'x'),
      ])
      expect((replies[49] as unknown[])[1]).toBe(50 * (round + 1))
      expect(replies.slice(50)).toEqual([String(50 * (round + 1)), 'x'])
    }
  })

  test('functions, by name and read-only', async () => {
    const redis = ioredis({ protocol })
    const code = `#!lua name=l
redis.register_function('put', function(keys, args) return redis.call('SET', keys[1], args[1]) end)
redis.register_function{function_name = 'look', flags = {'no-writes'}, callback = function(keys) return redis.call('GET', keys[1]) end}`
    expect(await redis.function('LOAD', code)).toBe('l')
    expect(await redis.fcall('put', 1, 'k', 'v')).toBe('OK')
    expect(await redis.fcall_ro('look', 1, 'k')).toBe('v')
    await expect(redis.fcall_ro('put', 1, 'k', 'v')).rejects.toThrow(/Can not execute a script with write flag/)
    const payload = await redis.functionBuffer('DUMP')
    await redis.function('FLUSH')
    expect(await redis.function('RESTORE', payload)).toBe('OK')
    expect(await redis.pipeline().fcall('put', 1, 'k', 'w').fcall_ro('look', 1, 'k').exec()).toEqual([
      [null, 'OK'],
      [null, 'w'],
    ])
  })
})

describe.each([2, 3] as const)('node-redis, RESP%i', (RESP) => {
  test('scripts and functions that a client knows as commands', async () => {
    const scripts = {
      add: defineScript({
        SCRIPT: ADD,
        NUMBER_OF_KEYS: 1,
        FIRST_KEY_INDEX: 1,
        parseCommand(parser, key: string, by: number) {
          parser.pushKey(key)
          parser.push(String(by))
        },
        transformReply: (reply: unknown) => reply as [string, number],
      }),
    }
    const client = createClient({ url: target.url, RESP, scripts })
    client.on('error', () => {})
    await client.connect()
    onTestFinished(() => client.destroy())
    expect(await client.add('n', 3)).toEqual(['n', 3])
    await client.scriptFlush()
    expect(await client.add('n', 4)).toEqual(['n', 7])
    const replies = await Promise.all(Array.from({ length: 50 }, () => client.add('n', 1)))
    expect(replies.at(-1)).toEqual(['n', 57])
    expect(await client.multi().set('n', '1').add('n', 1).get('n').exec()).toEqual(['OK', ['n', 2], '2'])
    const sha = await client.scriptLoad('return {KEYS[1], ARGV[1]}')
    expect(await client.evalSha(sha, { keys: ['k'], arguments: ['v'] })).toEqual(['k', 'v'])
    expect(await client.scriptExists([sha, 'f'.repeat(40)])).toEqual([1, 0])
    expect(await client.evalRo('return 1.9', {})).toBe(1)
    await client.functionLoad("#!lua name=l\nredis.register_function('f', function(k, a) return {k[1], a[1]} end)", {
      REPLACE: true,
    })
    expect(await client.fCall('f', { keys: ['a'], arguments: ['b'] })).toEqual(['a', 'b'])
    expect(await client.functionList()).toMatchObject([{ library_name: 'l', functions: [{ name: 'f' }] }])
    expect(await client.functionStats()).toMatchObject({ running_script: null })
  })
})
