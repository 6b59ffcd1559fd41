import { Redis } from 'ioredis'
import { expect, onTestFinished, test, vi } from 'vitest'
import { type Broker, type BrokerOptions, CheckpointError, openBroker, startServer } from '../../src/index.ts'
import { temporaryDirectory } from '../support/server.ts'

async function open(options: BrokerOptions = {}): Promise<Broker> {
  const broker = await openBroker(options)
  onTestFinished(() => broker.close())
  return broker
}

test('a moment can be gone back to as often as one likes, until it is released', async () => {
  const broker = await open()
  await broker.call('SET', 'k', 'before')
  const moment = await broker.checkpoint()
  for (let round = 0; round < 3; round++) {
    await broker.call('SET', 'k', round)
    await broker.call('RPUSH', 'list', 1, 2, 3)
    await moment.rollback()
    expect(await broker.call('GET', 'k')).toBe('before')
    expect(await broker.call('DBSIZE')).toBe(1)
  }
  await moment.release()
  await expect(moment.rollback()).rejects.toThrow(CheckpointError)
})

test('a moment is released at the end of its block, and the data stays as it is', async () => {
  const broker = await open()
  {
    await using moment = await broker.checkpoint()
    await broker.call('SET', 'k', 1)
    expect(moment).toBeDefined()
  }
  expect(await broker.call('GET', 'k')).toBe('1')
})

test('the restored state is on disk, too', async () => {
  const dir = temporaryDirectory()
  const broker = await openBroker({ dir, appendfsync: 'always' })
  await broker.call('SET', 'k', 'before')
  await broker.call('HSET', 'hash', 'f', 'v')
  const moment = await broker.checkpoint()
  await broker.call('FLUSHALL')
  await broker.call('SET', 'new', 1)
  await moment.rollback()
  await broker.close()
  const again = await open({ dir })
  expect(await broker.call('PING').catch((error: Error) => error.message)).toMatch(/closed/)
  expect(await again.call('GET', 'k')).toBe('before')
  expect(await again.call('HGET', 'hash', 'f')).toBe('v')
  expect(await again.call('EXISTS', 'new')).toBe(0)
})

test('a moment is gone back to in the middle of a snapshot, which has what was there when it began', async () => {
  const dir = temporaryDirectory()
  const broker = await openBroker({ config: { dir, 'enable-debug-command': 'yes' } })
  await broker.call('DEBUG', 'POPULATE', 20_000)
  // From the first on the directory is ours, and a snapshot begins at once.
  await broker.call('SAVE')
  const moment = await broker.checkpoint()
  await broker.call('SET', 'key:1', 'in the snapshot')
  await broker.call('BGSAVE')
  await moment.rollback()
  expect(await broker.call('GET', 'key:1')).toBe('value:1')
  await vi.waitFor(async () => expect(await broker.call('INFO', 'persistence')).toContain('rdb_bgsave_in_progress:0'))
  await broker.close()
  // What was saved is the state before.
  const server = await startServer({ port: 0, config: { dir } })
  onTestFinished(() => server.close())
  const redis = new Redis(server.port)
  expect(await redis.get('key:1')).toBe('in the snapshot')
  expect(await redis.dbsize()).toBe(20_000)
  redis.disconnect()
})

test('messages that a channel has kept since are forgotten, and those from before are there again', async () => {
  const broker = await open({ config: { channel: 'orders.* keep 24h' } })
  await broker.publish('orders.eu', 'one')
  const moment = await broker.checkpoint()
  await broker.publish('orders.eu', 'two')
  await broker.call('DEL', 'channel:orders.eu')
  await moment.rollback()
  await broker.publish('orders.eu', 'three')
  const heard: string[] = []
  for await (const { message } of broker.messages('orders.eu', { name: 'billing', from: 'first' })) {
    heard.push(message)
    if (message === 'three') break
  }
  expect(heard).toEqual(['one', 'three'])
})

test('a branch begins with the data, functions, users and settings, and goes its own way', async () => {
  const broker = await open({ config: { 'hash-max-listpack-entries': 7 } })
  await broker.call('RPUSH', 'list', 'a', 'b')
  await broker.call('HSET', 'hash', 'f', 'v')
  await broker.call('ACL', 'SETUSER', 'reader', 'on', '>secret', '~*', '+get')
  await broker.call('FUNCTION', 'LOAD', "#!lua name=lib\nredis.register_function('f', function() return 'mine' end)")
  const heard: string[] = []
  await broker.subscribe('news', (message) => heard.push(message))
  const branch = await broker.branch()
  expect(await branch.call('FCALL', 'f', 0)).toBe('mine')
  expect(await branch.call('ACL', 'USERS')).toEqual(['default', 'reader'])
  expect(await branch.call('CONFIG', 'GET', 'hash-max-listpack-entries')).toEqual(
    new Map([['hash-max-listpack-entries', '7']]),
  )
  await branch.call('LPOP', 'list')
  await broker.call('RPUSH', 'list', 'c')
  await branch.call('DEL', 'hash')
  expect(await branch.call('LRANGE', 'list', 0, -1)).toEqual(['b'])
  expect(await broker.call('LRANGE', 'list', 0, -1)).toEqual(['a', 'b', 'c'])
  expect(await broker.call('HGETALL', 'hash')).toEqual(new Map([['f', 'v']]))
  expect(await branch.publish('news', 'unheard')).toBe(0)
  expect(heard).toEqual([])
  await broker.call('FLUSHALL')
  expect(await branch.call('SCAN', 0)).toEqual(['0', ['list']])
  await branch.close()
})

test('a branch of a branch outlives both, and each can have moments', async () => {
  const broker = await openBroker()
  await broker.call('SET', 'k', 'root')
  const branch = await broker.branch()
  await branch.call('SET', 'own', 'branch')
  const moment = await branch.checkpoint()
  await branch.call('SET', 'own', 'later')
  const leaf = await branch.branch()
  await moment.rollback()
  await branch.close()
  await broker.call('FLUSHALL')
  await broker.close()
  expect(await leaf.call('MGET', 'k', 'own')).toEqual(['root', 'later'])
  await leaf.close()
})
