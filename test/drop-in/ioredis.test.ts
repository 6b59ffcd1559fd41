// What tests that were written with ioredis-mock rely on, with one import changed.

import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { Redis as IORedis } from 'ioredis'
import { afterEach, describe, expect, onTestFinished, test } from 'vitest'
import Redis, { Cluster, Command, Redis as NamedRedis } from '../../src/drop-in/ioredis.ts'
import { eventually } from '../support/server.ts'

function closing<T extends { disconnect(): void }>(redis: T): T {
  onTestFinished(() => redis.disconnect())
  return redis
}

afterEach(async () => {
  const redis = new Redis()
  await redis.flushall()
  redis.disconnect()
})

describe('instances', () => {
  test('are those of ioredis', async () => {
    const redis = closing(new Redis())
    expect(redis).toBeInstanceOf(IORedis)
    expect(NamedRedis).toBe(Redis)
    expect(new Redis.Command('get', ['a']).name).toBe('get')
    expect(Redis.Command).toBe(Command)
    expect(closing(Redis.createClient())).toBeInstanceOf(Redis)
    await new Promise((resolve) => redis.once('ready', resolve))
    expect(redis.status).toBe('ready')
    expect(await redis.set('a', 1, 'EX', 10, 'NX')).toBe('OK')
    expect(await redis.pipeline().get('a').incr('a').exec()).toEqual([
      [null, '1'],
      [null, 2],
    ])
  })

  test('begin with the data they are given', async () => {
    const redis = closing(
      new Redis({
        data: {
          user_next: '3',
          count: 7,
          bytes: Buffer.from([0, 255]),
          emails: { 'clark@daily.planet': '1', 'bruce@wayne.enterprises': '2' },
          queue: ['a', 'b', 'b'],
          tags: new Set(['x', 'y']),
          scores: new Map([
            ['low', 1],
            ['high', 2.5],
          ]),
          nothing: [],
        },
      }),
    )
    expect(await redis.incr('user_next')).toBe(4)
    expect(await redis.get('count')).toBe('7')
    expect(await redis.getBuffer('bytes')).toEqual(Buffer.from([0, 255]))
    expect(await redis.hgetall('emails')).toEqual({ 'clark@daily.planet': '1', 'bruce@wayne.enterprises': '2' })
    expect(await redis.lrange('queue', 0, -1)).toEqual(['a', 'b', 'b'])
    expect((await redis.smembers('tags')).sort()).toEqual(['x', 'y'])
    expect(await redis.zrevrange('scores', 0, 0)).toEqual(['high'])
    expect(await redis.exists('nothing')).toBe(0)
    expect('data' in redis.options).toBe(false)
  })

  test('with the same host and port share what they write, others do not', async () => {
    const [one, two, other, elsewhere] = [
      closing(new Redis()),
      closing(new Redis(6379, 'localhost')),
      closing(new Redis(6380)),
      closing(new Redis('redis://redis.example.org:6379')),
    ]
    await one.set('shared', 'yes')
    expect(await two.get('shared')).toBe('yes')
    expect(await other.get('shared')).toBeNull()
    expect(await elsewhere.get('shared')).toBeNull()
  })

  test('take what is no text as text; a value that is none is named, and disables no instance', async () => {
    const date = new Date(0)
    const redis = closing(new Redis({ data: { yes: true, no: false, nothing: null, date, flags: [true, null, 1] } }))
    expect(await redis.mget('yes', 'no', 'nothing', 'date')).toEqual(['true', 'false', '', String(date)])
    expect(await redis.lrange('flags', 0, -1)).toEqual(['true', '', '1'])
    const wrong: [unknown, string][] = [
      [undefined, 'of type undefined'],
      [Number.NaN, 'NaN'],
      [() => 1, 'of type function'],
      [[['nested']], 'an array within another value'],
      [{ field: { nested: 1 } }, 'of type object'],
    ]
    for (const [value, what] of wrong) {
      expect(() => new Redis({ data: { fine: 1, wrong: value as string } })).toThrow(
        `option 'data': the value of key 'wrong' is ${what}; it may be text`,
      )
    }
    expect(await redis.exists('fine')).toBe(0)
    expect(await closing(new Redis()).get('yes')).toBe('true')
  })

  test('answer simple commands at once, and keep their order with all others', async () => {
    const redis = closing(new Redis())
    await redis.ping()
    const order: string[] = []
    const note = async (name: string, call: Promise<unknown>): Promise<unknown> => {
      const reply = await call.catch((error: unknown) => error)
      order.push(name)
      return reply
    }
    const replies = await Promise.all([
      note('set', redis.set('k', 1)),
      note('incr', redis.incr('k')),
      note('eval', redis.eval("return redis.call('INCR', 'k')", 0) as Promise<unknown>),
      note('get', redis.get('k')),
      note('pipeline', redis.pipeline().incr('k').exec()),
      note('mget', redis.mget('k', 'none')),
      note('wrong', redis.lpush('k', 'x')),
    ])
    expect(replies).toEqual(['OK', 2, 3, '3', [[null, 4]], ['4', null], expect.any(Error)])
    // ioredis settles a pipeline a little later than its last command.
    expect(order.filter((name) => name !== 'pipeline')).toEqual(['set', 'incr', 'eval', 'get', 'mget', 'wrong'])
    const error = (await redis.lpush('k', 'x').catch((thrown: unknown) => thrown)) as Error & { command: unknown }
    expect(error).toMatchObject({ name: 'ReplyError', command: { name: 'lpush', args: ['k', 'x'] } })
    await redis.select(2)
    expect(await redis.get('k')).toBeNull()
    await redis.watch('k')
    expect(await redis.set('k', 'two')).toBe('OK')
    expect(await redis.multi().get('k').exec()).toBeNull()
    const paused = new Redis()
    await paused.client('PAUSE', 50, 'WRITE')
    expect(await redis.incr('paused')).toBe(1)
    expect(await redis.get('paused')).toBe('1')
    paused.disconnect()
  })

  test('keep to the database and the prefix that they are given', async () => {
    const plain = closing(new Redis())
    const third = closing(new Redis({ db: 3, data: { here: 'third' } }))
    const prefixed = closing(new Redis({ keyPrefix: 'app:', data: { 'app:name': 'full' } }))
    expect(await third.get('here')).toBe('third')
    expect(await plain.get('here')).toBeNull()
    expect(await prefixed.get('name')).toBe('full')
    await prefixed.set('mine', 1)
    expect(await plain.keys('app:mine')).toEqual(['app:mine'])
    expect(await closing(new Redis('redis://localhost/3')).get('here')).toBe('third')
  })

  test('connect when they are told to, if they are lazy', async () => {
    const redis = closing(new Redis({ lazyConnect: true }))
    expect(redis.status).toBe('wait')
    await redis.connect()
    expect(redis.status).toBe('ready')
  })

  test('are duplicated: the same data, a connection of its own', async () => {
    const redis = closing(new Redis({ data: { a: 'first' } }))
    await redis.set('a', 'second')
    const copy = closing(redis.duplicate())
    expect(copy).toBeInstanceOf(Redis)
    expect(await copy.get('a')).toBe('second')
    const waits = copy.blpop('queue', 0)
    await redis.rpush('queue', 'job')
    expect(await waits).toEqual(['queue', 'job'])
    expect(await closing(redis.duplicate({ db: 1 })).get('a')).toBeNull()
  })

  test('need no password, whatever they are given', async () => {
    const redis = closing(new Redis('rediss://somebody:secret@secure.example.org:6379'))
    expect(await redis.ping()).toBe('PONG')
  })

  test('hear each other through channels and patterns', async () => {
    const [publisher, subscriber] = [closing(new Redis()), closing(new Redis())]
    const heard: string[] = []
    subscriber.on('message', (channel, message) => heard.push(`${channel}: ${message}`))
    subscriber.on('pmessage', (pattern, channel, message) => heard.push(`${pattern} ${channel}: ${message}`))
    expect(await subscriber.subscribe('news')).toBe(1)
    expect(await subscriber.psubscribe('n*')).toBe(2)
    expect(await publisher.publish('news', 'hello')).toBe(2)
    await eventually(() => heard.length === 2)
    expect(heard.sort()).toEqual(['n* news: hello', 'news: hello'])
  })

  test('run scripts that are defined as commands', async () => {
    const redis = closing(new Redis())
    redis.defineCommand('multiply', { numberOfKeys: 1, lua: 'return redis.call("GET", KEYS[1]) * ARGV[1]' })
    await redis.set('n', 21)
    expect(await (redis as unknown as { multiply(key: string, by: number): Promise<number> }).multiply('n', 2)).toBe(42)
  })

  test('end by disconnect and quit, and their data stay for who comes later', async () => {
    const redis = new Redis()
    await redis.set('a', 'stays')
    const ended = new Promise((resolve) => redis.once('end', resolve))
    redis.disconnect()
    await ended
    expect(redis.status).toBe('end')
    const later = new Redis()
    expect(await later.get('a')).toBe('stays')
    expect(await later.quit()).toBe('OK')
  })

  test('refuse what the server refuses', async () => {
    const redis = closing(new Redis({ data: { text: 'x' } }))
    await expect(redis.lpush('text', 'y')).rejects.toThrow(/^WRONGTYPE/)
  })
})

test('a cluster is one place for all of its nodes', async () => {
  const cluster = closing(
    new Redis.Cluster(['redis://node-1:7001', 'redis://node-2:7002'], { redisOptions: { db: 0 } }),
  )
  expect(cluster).toBeInstanceOf(Cluster)
  expect(cluster.nodes()).toHaveLength(2)
  await cluster.mset('a', 1, 'b', 2)
  expect(await Promise.all(cluster.nodes().map((node) => node.get('b')))).toEqual(['2', '2'])
  expect(await closing(new Redis(7001, 'node-1')).get('a')).toBe('1')
  expect(await cluster.pipeline().get('a').get('b').exec()).toEqual([
    [null, '1'],
    [null, '2'],
  ])
  const other = new Cluster([{ host: 'node-1', port: 7001 }], { keyPrefix: 'p:', lazyConnect: true })
  await other.set('a', 3)
  expect(await cluster.get('p:a')).toBe('3')
  expect(await other.quit()).toBe('OK')
  expect(() => new Cluster([])).toThrow('at least one node')
})

test('brokers do not keep the process alive without a connection', () => {
  const program = `
    import('./dist/drop-in/ioredis.js').then(async ({ default: Redis }) => {
      const redis = new Redis()
      console.log(await redis.set('a', 1))
      redis.disconnect()
    })`
  const { stdout, stderr, status } = spawnSync(process.execPath, ['-e', program], {
    cwd: join(import.meta.dirname, '../..'),
    encoding: 'utf8',
    timeout: 30_000,
  })
  expect([stdout, stderr, status]).toEqual(['OK\n', '', 0])
})
