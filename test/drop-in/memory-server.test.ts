import { Redis } from 'ioredis'
import { expect, onTestFinished, test } from 'vitest'
import DefaultServer, { RedisMemoryServer } from '../../src/drop-in/memory-server.ts'
import { ListenError, OptionError } from '../../src/index.ts'

function stopping(server: RedisMemoryServer): RedisMemoryServer {
  onTestFinished(async () => void (await server.stop()))
  return server
}

test('a server is made and started, and tells where it is', async () => {
  const server = stopping(await RedisMemoryServer.create())
  const [host, port] = [await server.getHost(), await server.getPort()]
  expect([host, await server.getIp()]).toEqual(['127.0.0.1', '127.0.0.1'])
  expect(server.getInstanceInfo()).toMatchObject({ ip: host, port })
  const redis = new Redis(port, host)
  expect(await redis.ping()).toBe('PONG')
  redis.disconnect()
  expect(DefaultServer).toBe(RedisMemoryServer)
})

test('one that is made by `new` starts by itself, unless it is told not to', async () => {
  const server = stopping(new RedisMemoryServer())
  expect(await server.getPort()).toBeGreaterThan(0)
  await expect(server.start()).rejects.toThrow('started already')
  const patient = stopping(new RedisMemoryServer({ autoStart: false }))
  expect(patient.getInstanceInfo()).toBe(false)
  expect(await patient.start()).toBe(true)
  expect(patient.getInstanceInfo()).toEqual(await patient.ensureInstance())
})

test('one that was stopped may be started again, and begins empty', async () => {
  const server = stopping(await RedisMemoryServer.create())
  const first = new Redis(await server.getPort())
  await first.set('a', 1)
  first.disconnect()
  expect(await server.stop()).toBe(true)
  expect(await server.stop()).toBe(true)
  expect(server.getInstanceInfo()).toBe(false)
  const second = new Redis(await server.getPort())
  expect(await second.get('a')).toBeNull()
  second.disconnect()
})

test('port, address and arguments are those of redis-server', async () => {
  const server = stopping(
    await RedisMemoryServer.create({
      instance: {
        ip: '127.0.0.1',
        args: ['--maxmemory', '64mb', '--client-output-buffer-limit', 'pubsub', '1mb', '0', '0'],
      },
      binary: { version: '7.2.0' },
    }),
  )
  const redis = new Redis(await server.getPort())
  expect(await redis.config('GET', 'maxmemory')).toEqual(['maxmemory', String(64 * 1024 * 1024)])
  redis.disconnect()
  const { port } = await server.ensureInstance()
  await expect(RedisMemoryServer.create({ instance: { port } })).rejects.toThrow(ListenError)
  await expect(RedisMemoryServer.create({ instance: { args: ['--no-such'] } })).rejects.toThrow(OptionError)
})
