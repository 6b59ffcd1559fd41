// node-redis as its users use it, against a real server.

import { BasicClientSideCache, createClient, RESP_TYPES, WatchError } from 'redis'
import { expect, onTestFinished, test } from 'vitest'
import { eventually, startTestServer, temporaryDirectory } from '../support/server.ts'

async function client<RESP extends 2 | 3>(port: number, RESP: RESP) {
  const redis = createClient({ socket: { port, host: '127.0.0.1' }, RESP })
  redis.on('error', () => {})
  await redis.connect()
  onTestFinished(() => redis.destroy())
  return redis
}

for (const RESP of [2, 3] as const) {
  test(`RESP${RESP}: strings, lists, keys and their expiry`, async () => {
    const { port } = await startTestServer()
    const redis = await client(port, RESP)
    expect(await redis.set('a', 'grün', { expiration: { type: 'EX', value: 100 } })).toBe('OK')
    expect(await redis.get('a')).toBe('grün')
    expect(await redis.ttl('a')).toBeGreaterThan(90)
    expect(await redis.incrBy('n', 5)).toBe(5)
    expect(await redis.mSet({ x: '1', y: '2' })).toBe('OK')
    expect(await redis.mGet(['x', 'y', 'z'])).toEqual(['1', '2', null])
    expect(await redis.rPush('list', ['a', 'b', 'c'])).toBe(3)
    expect(await redis.lRange('list', 0, -1)).toEqual(['a', 'b', 'c'])
    expect(await redis.lmPop(['none', 'list'], 'LEFT', { COUNT: 2 })).toEqual(['list', ['a', 'b']])
    await expect(redis.lPush('a', 'x')).rejects.toThrow('WRONGTYPE')
    expect(Object.entries(await redis.configGet('databases'))).toEqual([['databases', '16']])
    expect(await redis.del(['a', 'n'])).toBe(2)
    expect(await redis.dbSize()).toBe(3)
  })

  test(`RESP${RESP}: channels and patterns`, async () => {
    const { port } = await startTestServer()
    const subscriber = await client(port, RESP)
    const publisher = await client(port, RESP)
    const heard: string[] = []
    await subscriber.subscribe(['a', 'b'], (message, channel) => heard.push(`${channel}=${message}`))
    await subscriber.pSubscribe('a*', (message, channel) => heard.push(`a*>${channel}=${message}`))
    await subscriber.sSubscribe('shard', (message, channel) => heard.push(`shard ${channel}=${message}`))
    expect(await publisher.publish('a', 'one')).toBe(2)
    expect(await publisher.publish('abc', 'two')).toBe(1)
    expect(await publisher.sPublish('shard', 'three')).toBe(1)
    await eventually(() => heard.length === 4)
    expect(heard).toEqual(['a=one', 'a*>a=one', 'a*>abc=two', 'shard shard=three'])
    expect(await publisher.pubSubNumSub(['a'])).toMatchObject({ a: 1 })
    // In RESP3 a subscriber may do anything else, too.
    if (RESP === 3) expect(await subscriber.set('k', 'v')).toBe('OK')
    await subscriber.unsubscribe()
    await subscriber.pUnsubscribe()
    expect(await publisher.publish('a', 'nobody')).toBe(0)
  })
}

test('transactions, and WATCH', async () => {
  const { port } = await startTestServer()
  const redis = await client(port, 3)
  const other = await client(port, 3)
  expect(await redis.multi().set('a', '1').incr('a').get('a').exec()).toEqual(['OK', 2, '2'])
  await redis.watch('a')
  await other.set('a', '10')
  await expect(redis.multi().incr('a').exec()).rejects.toThrow(WatchError)
})

test('blocking pops, in a pool', async () => {
  const { port } = await startTestServer()
  const redis = await client(port, 3)
  const worker = await client(port, 3)
  const popped = worker.blPop('queue', 0)
  await eventually(async () => (await redis.info('clients')).includes('blocked_clients:1'))
  await redis.rPush('queue', 'job')
  expect(await popped).toEqual({ key: 'queue', element: 'job' })
  expect(await redis.blPop('queue', 0.01)).toBeNull()
})

test('thousands of commands at once, and every key found by SCAN', async () => {
  const { port } = await startTestServer()
  const redis = await client(port, 3)
  await Promise.all(Array.from({ length: 5000 }, (_, i) => redis.set(`key:${i}`, String(i))))
  const seen = new Set<string>()
  for await (const keys of redis.scanIterator({ MATCH: 'key:*', COUNT: 100 })) for (const key of keys) seen.add(key)
  expect(seen.size).toBe(5000)
})

test('bytes come back as they went', async () => {
  const { port } = await startTestServer()
  const redis = await client(port, 3)
  const value = Buffer.from(Array.from({ length: 1_000_000 }, (_, i) => (i * 7) & 255))
  await redis.set('bytes', value)
  const asBuffers = redis.withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer })
  expect(((await asBuffers.get('bytes')) as Buffer).equals(value)).toBe(true)
})

test('over a unix socket, which is how it reaches a server inside the same process', async () => {
  const path = `${temporaryDirectory()}/respite.sock`
  await startTestServer({ port: false, unixSocket: path })
  const redis = createClient({ socket: { path, tls: false } })
  await redis.connect()
  onTestFinished(() => redis.destroy())
  expect(await redis.ping()).toBe('PONG')
})

test('client-side caching: reads are answered from the cache until another client writes', async () => {
  const { port } = await startTestServer()
  const cache = new BasicClientSideCache({ ttl: 0, maxEntries: 100, evictPolicy: 'LRU' })
  const redis = createClient({ socket: { port, host: '127.0.0.1' }, RESP: 3, clientSideCache: cache })
  redis.on('error', () => {})
  await redis.connect()
  onTestFinished(() => redis.destroy())
  const other = await client(port, 3)
  await other.set('k', 'one')
  await other.hSet('h', 'f', '1')
  for (let i = 0; i < 10; i++) {
    expect(await redis.get('k')).toBe('one')
    expect({ ...(await redis.hGetAll('h')) }).toEqual({ f: '1' })
  }
  expect(cache.stats()).toMatchObject({ hitCount: 18, missCount: 2 })
  await other.set('k', 'two')
  await eventually(async () => (await redis.get('k')) === 'two')
  await other.hDel('h', 'f')
  await eventually(async () => Object.keys(await redis.hGetAll('h')).length === 0)
  expect(cache.size()).toBe(2)
  await other.flushAll()
  await eventually(() => cache.size() === 0)
  expect(await redis.get('k')).toBeNull()
})

for (const RESP of [2, 3] as const) {
  test(`RESP${RESP}: users, their rules and what they are refused`, async () => {
    const { port } = await startTestServer()
    const admin = await client(port, RESP)
    await admin.aclSetUser('alice', ['on', '>secret', '~a:*', '+@read', '+hello', '+client|setinfo', '(+set ~w:*)'])
    expect(await admin.aclGetUser('alice')).toMatchObject({
      commands: '-@all +@read +hello +client|setinfo',
      keys: '~a:*',
      selectors: [{ commands: '-@all +set', keys: '~w:*', channels: '' }],
    })
    const alice = createClient({ socket: { port, host: '127.0.0.1' }, RESP, username: 'alice', password: 'secret' })
    alice.on('error', () => {})
    await alice.connect()
    onTestFinished(() => alice.destroy())
    expect(await alice.get('a:1')).toBe(null)
    expect(await alice.set('w:1', 'v')).toBe('OK')
    await expect(alice.set('a:1', 'v')).rejects.toThrow('NOPERM')
    expect((await admin.aclLog()).map(({ object, reason, username }) => [username, reason, object])).toEqual([
      ['alice', 'key', 'a:1'],
    ])
    expect(await admin.aclDelUser('alice')).toBe(1)
  })
}
