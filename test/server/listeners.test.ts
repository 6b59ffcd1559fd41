import fs from 'node:fs'
import net from 'node:net'
import { networkInterfaces } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { catalog } from '../../src/commands/catalog.ts'
import { makeParts } from '../../src/commands/parts.ts'
import { Engine } from '../../src/engine/engine.ts'
import { ListenError } from '../../src/server/boot/errors.ts'
import { Listeners, type ListenOptions } from '../../src/server/listening/listeners.ts'
import { freePort } from '../../src/util/free-ports.ts'
import { redisServerMissing, startRedisServer } from '../support/redis-server.ts'
import { eventually, RawConnection, startTestServer, temporaryDirectory } from '../support/server.ts'

const hasIpv6 = Object.values(networkInterfaces()).some((list) => list?.some(({ address }) => address === '::1'))

/** An address of this machine that is not its loopback. */
const outside = Object.values(networkInterfaces())
  .flat()
  .find((address) => address?.family === 'IPv4' && !address.internal)?.address

async function open(options: Partial<ListenOptions>): Promise<Listeners> {
  const engine = new Engine({ commands: catalog }, makeParts)
  const listeners = new Listeners(engine)
  onTestFinished(() => {
    listeners.close()
    engine.stop()
  })
  await listeners.open({ port: 0, addresses: [], unixSocket: '', unixSocketMode: 0, backlog: 511, ...options })
  return listeners
}

async function ping(where: number | string, host = '127.0.0.1'): Promise<string> {
  const socket = typeof where === 'string' ? net.connect(where) : net.connect(where, host)
  socket.on('error', () => {})
  socket.write('PING\r\n')
  const chunk = await new Promise<Buffer | undefined>((resolve) => {
    socket.once('data', resolve)
    socket.once('close', () => resolve(undefined))
  })
  socket.destroy()
  return chunk?.toString() ?? 'refused'
}

test('several addresses share one port', async () => {
  const { port } = await open({ addresses: ['127.0.0.1', '127.0.0.2'] })
  expect(await ping(port, '127.0.0.1')).toBe('+PONG\r\n')
  expect(await ping(port, '127.0.0.2')).toBe('+PONG\r\n')
  expect(await ping(port, '127.0.0.3')).toBe('refused')
})

test('* serves every IPv4 address', async () => {
  const { port } = await open({ addresses: ['*'] })
  expect(await ping(port, '127.0.0.7')).toBe('+PONG\r\n')
})

test.skipIf(!hasIpv6)('IPv6 addresses stand beside IPv4 ones', async () => {
  const { port } = await open({ addresses: ['*', '::*'] })
  expect(await ping(port, '127.0.0.1')).toBe('+PONG\r\n')
  expect(await ping(port, '::1')).toBe('+PONG\r\n')
})

test('an address with a - may be missing, one without may not', async () => {
  const { port } = await open({ addresses: ['127.0.0.1', '-192.0.2.1'] })
  expect(await ping(port)).toBe('+PONG\r\n')
  await expect(open({ addresses: ['127.0.0.1', '192.0.2.1'] })).rejects.toThrow(
    /^cannot listen on 192\.0\.2\.1:\d+: this machine has no such address$/,
  )
  await expect(open({ addresses: ['-192.0.2.1'] })).rejects.toThrow(ListenError)
})

test('a port in use is one clear line, and nothing stays open', async () => {
  const { port } = await open({ addresses: ['127.0.0.1'] })
  await expect(open({ addresses: ['127.0.0.2', '127.0.0.1'], port })).rejects.toThrow(
    `cannot listen on 127.0.0.1:${port}: the address is in use (is another server running?)`,
  )
  expect(await ping(port, '127.0.0.2')).toBe('refused')
})

test.skipIf(outside === undefined)(
  'protected mode: without a password, only clients of this machine are served',
  async () => {
    const server = await startTestServer({ host: '*' })
    const address = outside!
    expect(await ping(server.port, address)).toMatch(/^-DENIED Respite runs in protected mode .*\r\n$/)
    expect(await ping(server.port)).toBe('+PONG\r\n')
    const connection = await RawConnection.open(server.port)
    await connection.ask('CONFIG SET protected-mode no\r\n', '+OK\r\n')
    expect(await ping(server.port, address)).toBe('+PONG\r\n')
    await connection.ask('CONFIG SET protected-mode yes requirepass secret\r\n', '+OK\r\n')
    expect(await ping(server.port, address)).toBe('-NOAUTH Authentication required.\r\n')
  },
)

test('a unix socket is served with its permissions, and taken over when it is stale', async () => {
  const path = join(temporaryDirectory(), 'respite.sock')
  // A killed server leaves its socket file behind.
  const stale = net.createServer().listen(path)
  await new Promise((resolve) => stale.once('listening', resolve))
  fs.linkSync(path, `${path}.kept`)
  await new Promise((resolve) => stale.close(resolve))
  fs.renameSync(`${path}.kept`, path)
  const listeners = await open({ port: undefined, unixSocket: path, unixSocketMode: 0o600 })
  expect(listeners.port).toBe(0)
  expect(fs.statSync(path).mode & 0o777).toBe(0o600)
  expect(await ping(path)).toBe('+PONG\r\n')
  listeners.close()
  expect(fs.existsSync(path)).toBe(false)
})

test('a file that is no socket is not removed', async () => {
  const path = join(temporaryDirectory(), 'precious')
  fs.writeFileSync(path, 'data')
  await expect(open({ port: undefined, unixSocket: path })).rejects.toThrow(ListenError)
  expect(fs.readFileSync(path, 'utf8')).toBe('data')
})

test('clients of the unix socket are shown by its path', async () => {
  const path = join(temporaryDirectory(), 'respite.sock')
  await startTestServer({ port: false, unixSocket: path })
  const connection = await RawConnection.open(path)
  connection.send('CLIENT INFO\r\n')
  await eventually(() => connection.received.includes('\r\n'))
  expect(connection.received).toContain(`addr=${path}:0 laddr=${path}:0`)
})

describe('CONFIG SET while the server runs', () => {
  test('port moves the listener before it replies; connections stay; 0 closes it', async () => {
    const server = await startTestServer()
    const connection = await RawConnection.open(server.port)
    const before = server.port
    const port = await freePort()
    await connection.ask(`CONFIG SET port ${port}\r\n`, '+OK\r\n')
    expect(server.port).toBe(port)
    expect(await ping(port)).toBe('+PONG\r\n')
    expect(await ping(before)).toBe('refused')
    await connection.ask('CONFIG SET port 0\r\n', '+OK\r\n')
    expect(await ping(port)).toBe('refused')
    connection.send('INFO server\r\n')
    // Redis goes on naming what was once open.
    await eventually(() => connection.received.includes('listener0:name=tcp\r\n'))
    connection.received = ''
    await connection.ask(`CONFIG SET port ${port}\r\n`, '+OK\r\n')
    expect(await ping(port)).toBe('+PONG\r\n')
  })

  test('an address that is not available is refused as Redis refuses it, and nothing has changed', async () => {
    const taken = await open({ addresses: ['127.0.0.1'] })
    const server = await startTestServer()
    const redis = redisServerMissing() ? undefined : await startRedisServer(['--port', '0', '--bind', '127.0.0.1'])
    onTestFinished(() => redis?.stop())
    const connection = await RawConnection.open(server.port)
    const theirs = redis === undefined ? undefined : await RawConnection.open(redis.socketPath)
    const before = server.port
    for (const [setting, refused] of [
      [`port ${taken.port}`, "'port') - Unable to listen on this port. Check server logs."],
      [`maxmemory 1gb port ${taken.port}`, "'port') - Unable to listen on this port. Check server logs."],
      ['port 70000', "'port') - argument must be between 0 and 65535 inclusive"],
      ['bind 192.0.2.1', "'bind') - Failed to bind to specified addresses."],
      ['bind "127.0.0.1 192.0.2.1"', "'bind') - Failed to bind to specified addresses."],
      ['bind "127.0.0.1 127.0.0.1"', "'bind') - Failed to bind to specified addresses."],
      ['bind "127.0.0.1  127.0.0.2"', "'bind') - Failed to bind to specified addresses."],
      ['bind nosuchhost.invalid', "'bind') - Failed to bind to specified addresses."],
      [`bind "${'127.0.0.1 '.repeat(16)}127.0.0.1"`, "'bind') - Too many bind addresses specified."],
      ['unixsocket /tmp/elsewhere', "'unixsocket') - can't set immutable config"],
      ['unixsocketperm 700', "'unixsocketperm') - can't set immutable config"],
    ] as const) {
      const reply = `-ERR CONFIG SET failed (possibly related to argument ${refused}\r\n`
      // Where no port is open, Redis would open none for an address either.
      await theirs?.ask(`CONFIG SET port ${await freePort()}\r\n`, '+OK\r\n')
      if (theirs !== undefined) expect(await theirs.ask(`CONFIG SET ${setting}\r\n`, reply), setting).toBe(reply)
      expect(await connection.ask(`CONFIG SET ${setting}\r\n`, reply), setting).toBe(reply)
      expect(await ping(before), setting).toBe('+PONG\r\n')
    }
    const bind = '*2\r\n$4\r\nbind\r\n$9\r\n127.0.0.1\r\n'
    expect(await connection.ask('CONFIG GET bind\r\n', bind)).toBe(bind)
  })

  test('bind takes addresses that may be missing, every address, and none', async () => {
    const server = await startTestServer()
    const connection = await RawConnection.open(server.port)
    const { port } = server
    for (const [bind, reply] of [
      ['* -::*', '+PONG\r\n'],
      ['-192.0.2.1', 'refused'],
      ['127.0.0.1 -::1 -192.0.2.1', '+PONG\r\n'],
      ['', 'refused'],
      ['localhost', '+PONG\r\n'],
    ] as const) {
      await connection.ask(`CONFIG SET bind "${bind}"\r\n`, '+OK\r\n')
      expect(await ping(port), bind).toBe(reply)
    }
    await connection.ask('CONFIG SET bind "127.0.0.2"\r\n', '+OK\r\n')
    expect(await ping(port, '127.0.0.2')).toBe('+PONG\r\n')
    expect(await ping(port, '127.0.0.1')).toBe('refused')
  })
})
