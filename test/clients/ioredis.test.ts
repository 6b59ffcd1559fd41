// ioredis as its users use it, against a real server.

import { Redis, type RedisOptions } from 'ioredis'
import { expect, onTestFinished, test } from 'vitest'
import { eventually, startTestServer, temporaryDirectory } from '../support/server.ts'

async function client(port: number, options: Omit<RedisOptions, 'replyMapping'> = {}): Promise<Redis> {
  const redis = new Redis(port, '127.0.0.1', { lazyConnect: true, ...options })
  await redis.connect()
  onTestFinished(() => redis.disconnect())
  return redis
}

for (const protocol of [2, 3] as const) {
  test(`RESP${protocol}: strings, lists, keys and their expiry`, async () => {
    const { port } = await startTestServer()
    const redis = await client(port, { protocol })
    expect(await redis.set('a', 'grün', 'EX', 100)).toBe('OK')
    expect(await redis.get('a')).toBe('grün')
    expect(await redis.ttl('a')).toBeGreaterThan(90)
    expect(await redis.incrby('n', 5)).toBe(5)
    expect(await redis.incrbyfloat('n', 0.5)).toBe('5.5')
    expect(await redis.mset({ x: '1', y: '2' })).toBe('OK')
    expect(await redis.mget('x', 'y', 'z')).toEqual(['1', '2', null])
    expect(await redis.rpush('list', 'a', 'b', 'c')).toBe(3)
    expect(await redis.lrange('list', 0, -1)).toEqual(['a', 'b', 'c'])
    expect(await redis.lpos('list', 'c')).toBe(2)
    expect((await redis.keys('*')).sort()).toEqual(['a', 'list', 'n', 'x', 'y'])
    await expect(redis.lpush('a', 'x')).rejects.toThrow('WRONGTYPE')
    expect(await redis.del('a', 'n')).toBe(2)
    expect(await redis.exists('a')).toBe(0)
  })
}

test('SCAN streams see every key', async () => {
  const { port } = await startTestServer()
  const redis = await client(port)
  const pipeline = redis.pipeline()
  for (let i = 0; i < 5000; i++) pipeline.set(`key:${i}`, i)
  await pipeline.exec()
  const seen = new Set<string>()
  for await (const keys of redis.scanStream({ match: 'key:*', count: 100 })) for (const key of keys) seen.add(key)
  expect(seen.size).toBe(5000)
})

test('pipelines of ten thousand commands', async () => {
  const { port } = await startTestServer()
  const redis = await client(port)
  const pipeline = redis.pipeline()
  for (let i = 0; i < 10_000; i++) pipeline.rpush('list', `element ${i}`)
  const replies = await pipeline.exec()
  expect(replies?.map(([error, length]) => error ?? length)).toEqual(Array.from({ length: 10_000 }, (_, i) => i + 1))
  const automatic = await client(port, { enableAutoPipelining: true })
  const elements = await Promise.all(Array.from({ length: 1000 }, (_, i) => automatic.lindex('list', i)))
  expect(elements[999]).toBe('element 999')
})

test('transactions, and WATCH between two clients', async () => {
  const { port } = await startTestServer()
  const redis = await client(port)
  const other = await client(port)
  expect(await redis.multi().set('a', '1').incr('a').lpush('a', 'x').exec()).toMatchObject([
    [null, 'OK'],
    [null, 2],
    [{ message: expect.stringMatching(/^WRONGTYPE/) }],
  ])
  await redis.watch('a')
  await other.set('a', '10')
  expect(await redis.multi().incr('a').exec()).toBeNull()
  await redis.watch('a')
  expect(await redis.multi().incr('a').exec()).toEqual([[null, 11]])
})

test('blocking pops are served in the order they came', async () => {
  const { port } = await startTestServer()
  const redis = await client(port)
  const waiters = await Promise.all(Array.from({ length: 5 }, () => client(port)))
  const popped: Promise<[string, string] | null>[] = []
  for (const [i, waiter] of waiters.entries()) {
    popped.push(waiter.blpop('queue', 0))
    await eventually(async () => String(await redis.info('clients')).includes(`blocked_clients:${i + 1}`))
  }
  await redis.rpush('queue', 'a', 'b', 'c', 'd', 'e')
  expect((await Promise.all(popped)).map((reply) => reply?.[1])).toEqual(['a', 'b', 'c', 'd', 'e'])
  expect(await redis.blpop('queue', 0.01)).toBeNull()
  const moved = waiters[0]!.blmove('from', 'to', 'LEFT', 'RIGHT', 0)
  await redis.rpush('from', 'x')
  expect(await moved).toBe('x')
  expect(await redis.lrange('to', 0, -1)).toEqual(['x'])
})

test('channels and patterns, text and bytes', async () => {
  const { port } = await startTestServer()
  for (const protocol of [2, 3] as const) {
    const subscriber = await client(port, { protocol })
    const publisher = await client(port, { protocol })
    const heard: string[] = []
    subscriber.on('message', (channel, message) => heard.push(`${channel}=${message}`))
    subscriber.on('pmessage', (pattern, channel, message) => heard.push(`${pattern}>${channel}=${message}`))
    const bytes: Buffer[] = []
    subscriber.on('messageBuffer', (_channel, message: Buffer) => bytes.push(message))
    expect(await subscriber.subscribe('a', 'b')).toBe(2)
    expect(await subscriber.psubscribe('a*')).toBe(3)
    const binary = Buffer.from([0, 255, 13, 10])
    await publisher.publish('a', 'one')
    await publisher.publish('b', binary)
    await publisher.publish('abc', 'three')
    await eventually(() => heard.length === 4)
    expect(heard[0]).toBe('a=one')
    expect(heard[1]).toBe('a*>a=one')
    expect(heard[3]).toBe('a*>abc=three')
    expect(bytes[1]).toEqual(binary)
    expect(await subscriber.unsubscribe('a', 'b')).toBe(1)
    expect(await subscriber.punsubscribe('a*')).toBe(0)
    if (protocol === 2) expect(await subscriber.ping()).toBe('PONG')
  }
})

test('keyspace events', async () => {
  const { port } = await startTestServer({ config: { 'notify-keyspace-events': 'KEA' } })
  const subscriber = await client(port)
  const redis = await client(port)
  const heard: string[] = []
  subscriber.on('pmessage', (_pattern, channel, message) => heard.push(`${channel} ${message}`))
  await subscriber.psubscribe('__key*__:*')
  await redis.set('a', '1', 'PX', 20)
  await eventually(() => heard.some((line) => line === '__keyevent@0__:expired a'))
  expect(heard.slice(0, 2)).toEqual(['__keyspace@0__:a set', '__keyevent@0__:set a'])
})

test('binary keys and values, and 64 MB of them', async () => {
  const { port } = await startTestServer()
  const redis = await client(port)
  const key = Buffer.from([0, 1, 2, 255, 254, 13, 10])
  const value = Buffer.alloc(64 * 1024 * 1024)
  for (let i = 0; i < value.length; i += 4) value.writeUInt32LE((i * 2654435761) >>> 0, i)
  expect(await redis.set(key, value)).toBe('OK')
  expect((await redis.getBuffer(key))!.equals(value)).toBe(true)
  expect(await redis.strlen(key)).toBe(value.length)
})

test('it reconnects to a restarted server and finds what it wrote', async () => {
  const dir = temporaryDirectory()
  const unixSocket = `${dir}/respite.sock`
  const first = await startTestServer({ dir, port: false, unixSocket })
  const redis = new Redis(unixSocket, { retryStrategy: () => 5 })
  onTestFinished(() => redis.disconnect())
  redis.on('error', () => {})
  await redis.set('a', '1')
  await first.close()
  await startTestServer({ dir, port: false, unixSocket })
  expect(await redis.get('a')).toBe('1')
})

test('a password, a database and a name', async () => {
  const { port } = await startTestServer({ password: 'secret' })
  const redis = await client(port, { password: 'secret', db: 3, connectionName: 'me' })
  await redis.set('a', '1')
  expect(await redis.client('GETNAME')).toBe('me')
  const other = await client(port, { password: 'secret' })
  expect(await other.get('a')).toBeNull()
  const stranger = new Redis(port, '127.0.0.1', { password: 'wrong', retryStrategy: () => null })
  const errors: string[] = []
  stranger.on('error', (error) => errors.push(error.message))
  await eventually(() => errors.some((message) => message.startsWith('WRONGPASS')))
  stranger.disconnect()
})

test('users: a name and a password, refusals as errors', async () => {
  const { port } = await startTestServer()
  const admin = await client(port)
  expect(await admin.acl('SETUSER', 'alice', 'on', '>secret', '~a:*', '&news', '+@all', '-@dangerous')).toBe('OK')
  const alice = await client(port, { username: 'alice', password: 'secret', enableReadyCheck: false })
  expect(await alice.acl('WHOAMI')).toBe('alice')
  expect(await alice.set('a:1', 'v')).toBe('OK')
  await expect(alice.get('b')).rejects.toThrow('NOPERM No permissions to access a key')
  await expect(alice.flushall()).rejects.toThrow("NOPERM User alice has no permissions to run the 'flushall' command")
  await expect(alice.subscribe('other')).rejects.toThrow('NOPERM No permissions to access a channel')
  await expect(alice.multi().get('a:1').get('b').exec()).rejects.toThrow('EXECABORT')
  await expect(alice.auth('alice', 'wrong')).rejects.toThrow('WRONGPASS')
  const refused = (await admin.acl('LOG')) as unknown[]
  expect(refused.length).toBe(5)
})
