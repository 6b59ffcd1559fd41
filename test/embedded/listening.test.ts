// One data set, called from within its program and served to others.

import fs from 'node:fs'
import { dirname, join } from 'node:path'
import { Redis } from 'ioredis'
import { createClient } from 'redis'
import { describe, expect, onTestFinished, test } from 'vitest'
import { type Broker, type BrokerOptions, ListenError, OptionError, openBroker, startServer } from '../../src/index.ts'
import { RawConnection, temporaryDirectory } from '../support/server.ts'
import { certificateFile, clientTls } from '../support/tls/certificates.ts'

async function open(options: BrokerOptions = {}): Promise<Broker> {
  const broker = await openBroker(options)
  onTestFinished(() => broker.close())
  return broker
}

function connect(options: object): Redis {
  const redis = new Redis({ retryStrategy: () => null, ...options })
  redis.on('error', () => {})
  onTestFinished(() => redis.disconnect())
  return redis
}

describe('a broker that listens', () => {
  test('serves on ports and unix sockets what it is called for', async () => {
    const broker = await open()
    await broker.call('SET', 'k', 'from within')
    const unixSocket = join(temporaryDirectory(), 'socket')
    const [first, second, third] = await Promise.all([
      broker.listen(),
      broker.listen({ port: 0, host: 'localhost' }),
      broker.listen({ unixSocket }),
    ])
    expect(first.address).toBe(`127.0.0.1:${first.port}`)
    expect([third.port, third.address]).toEqual([0, unixSocket])
    expect(second.port).not.toBe(first.port)
    for (const where of [{ port: first.port }, { port: second.port }, { path: unixSocket }]) {
      expect(await connect(where).get('k')).toBe('from within')
    }
    const waiting = broker.call('BLPOP', 'jobs', 0)
    await connect({ port: first.port }).rpush('jobs', 'from outside')
    expect(await waiting).toEqual(['jobs', 'from outside'])
    expect(await broker.call('INFO', 'server')).toContain(`tcp_port:${first.port}\r\n`)
    expect(await broker.call('CLIENT', 'LIST')).toMatch(/addr=127\.0\.0\.1:\d+ laddr=127\.0\.0\.1:/)
  })

  test('within TLS', async () => {
    const broker = await open()
    const tls = { cert: certificateFile('server.crt'), key: certificateFile('server.key') }
    const { port } = await broker.listen({ tls })
    const redis = connect({ port, tls: clientTls() })
    expect(await redis.ping()).toBe('PONG')
    expect(await broker.call('INFO', 'server')).toContain(`name=tls,bind=127.0.0.1,port=${port}\r\n`)
  })

  test('asks for the password all clients outside of the process', async () => {
    const broker = await open({ config: { requirepass: 'secret' } })
    const { port } = await broker.listen()
    await broker.call('SET', 'k', 'v')
    await expect(connect({ port }).get('k')).rejects.toThrow('NOAUTH')
    await expect(connect({ Connector: broker.Connector }).get('k')).rejects.toThrow('NOAUTH')
    expect(await connect({ port, password: 'secret' }).get('k')).toBe('v')
    expect(await connect({ Connector: broker.Connector, password: 'secret' }).get('k')).toBe('v')
  })

  test('goes on when a handle is closed, and its clients are gone; a client cannot end the program', async () => {
    const broker = await open()
    const listening = await broker.listen()
    const connection = await RawConnection.open(listening.port)
    connection.send('SET k v\r\nSHUTDOWN\r\n')
    expect(await connection.takeLine()).toBe('+OK\r\n')
    expect(await connection.takeLine()).toMatch(/^-ERR /)
    const ended = new Promise((resolve) => connection.socket.once('close', resolve))
    await listening.close()
    await ended
    await listening.close()
    expect(await broker.call('GET', 'k')).toBe('v')
    await expect(RawConnection.open(listening.port)).rejects.toThrow('ECONNREFUSED')
    const again = await broker.listen({ port: listening.port })
    expect(again.port).toBe(listening.port)
  })

  test('sends what it owes before it is closed', async () => {
    const broker = await open({ dir: temporaryDirectory(), appendfsync: 'always' })
    const { port } = await broker.listen()
    const redis = connect({ port })
    await redis.ping()
    const closed = new Promise((resolve) => redis.once('close', resolve))
    const set = redis.set('k', 'v')
    await redis.ping().catch(() => {})
    await broker.close()
    expect(await set).toBe('OK')
    await closed
    await expect(broker.listen()).rejects.toThrow('the broker is closed')
  })

  test('says what it cannot do', async () => {
    const broker = await open()
    const { port } = await broker.listen()
    await expect(broker.listen({ port })).rejects.toThrow(ListenError)
    await expect(broker.listen({ port: 70_000 })).rejects.toThrow("option 'port'")
    await expect(broker.listen({ port: false })).rejects.toThrow(OptionError)
    await expect(broker.listen({ port: false, unixSocket: 's', tls: { cert: 'c', key: 'k' } })).rejects.toThrow(
      "option 'tls'",
    )
    await expect(broker.listen({ tls: { cert: 'nowhere.crt', key: 'nowhere.key' } })).rejects.toMatchObject({
      name: 'TlsError',
    })
  })

  test('has an address for node-redis that no other user can reach', async () => {
    const broker = await openBroker()
    const options = await broker.nodeRedisOptions()
    expect(await broker.nodeRedisOptions()).toEqual(options)
    const folder = dirname(options.socket.path)
    expect(fs.statSync(folder).mode & 0o777).toBe(0o700)
    const client = await createClient(options).connect()
    await client.set('k', 'v')
    expect(await broker.call('GET', 'k')).toBe('v')
    await client.close()
    await broker.close()
    expect(fs.existsSync(folder)).toBe(false)
  })
})

describe('a server', () => {
  test('is called from within its program', async () => {
    const server = await startServer({ port: 0, password: 'secret' })
    onTestFinished(() => server.close())
    const redis = connect({ port: server.port, password: 'secret' })
    await redis.set('k', 'v')
    expect(await server.call('GET', 'k')).toBe('v')
    expect(await server.callBuffer('GET', 'k')).toEqual(Buffer.from('v'))
    expect(
      await server.transaction([
        ['INCR', 'n'],
        ['INCR', 'n'],
      ]),
    ).toEqual([1, 2])
    const heard = new Promise(
      (resolve) => void server.subscribe('news', resolve).then(() => redis.publish('news', 'hello')),
    )
    expect(await heard).toBe('hello')
    expect(await connect({ Connector: server.Connector, password: 'secret' }).get('k')).toBe('v')
    const stream = server.connect()
    stream.write('GET k\r\n')
    expect(String(await new Promise((resolve) => stream.once('data', resolve)))).toMatch(/^-NOAUTH/)
  })

  test('answers what was called before it is closed, and refuses what is called after', async () => {
    const server = await startServer({ port: 0 })
    const last = server.call('INCR', 'n')
    const closing = server.close()
    expect(await last).toBe(1)
    await expect(server.call('INCR', 'n')).rejects.toThrow('closed')
    await closing
  })

  test('that a client has ended refuses calls', async () => {
    const server = await startServer({ port: 0 })
    connect({ port: server.port })
      .shutdown()
      .catch(() => {})
    await server.stopped
    await expect(server.call('PING')).rejects.toThrow('closed')
  })
})
