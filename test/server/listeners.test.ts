import fs from 'node:fs'
import net from 'node:net'
import { networkInterfaces } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { commands } from '../../src/commands/index.ts'
import { Engine } from '../../src/engine/engine.ts'
import { ListenError, Listeners, type ListenOptions } from '../../src/server/listeners.ts'
import { eventually, RawConnection, startTestServer, temporaryDirectory } from '../support/server.ts'

const hasIpv6 = Object.values(networkInterfaces()).some((list) => list?.some(({ address }) => address === '::1'))

/** An address of this machine that is not its loopback. */
const outside = Object.values(networkInterfaces())
  .flat()
  .find((address) => address?.family === 'IPv4' && !address.internal)?.address

async function open(options: Partial<ListenOptions>): Promise<Listeners> {
  const engine = new Engine({ commands })
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
    'cannot listen on 192.0.2.1:0: this machine has no such address',
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

test('CONFIG SET port moves the listener; connections stay', async () => {
  const server = await startTestServer()
  const connection = await RawConnection.open(server.port)
  const before = server.port
  const free = await open({ addresses: ['127.0.0.1'] })
  const { port } = free
  free.close()
  await connection.ask(`CONFIG SET port ${port}\r\n`, '+OK\r\n')
  await eventually(() => server.port === port)
  expect(await ping(port)).toBe('+PONG\r\n')
  expect(await ping(before)).toBe('refused')
  expect(await connection.ask('PING\r\n', '+PONG\r\n')).toBe('+PONG\r\n')
})

test('CONFIG SET bind to an address that fails leaves the server where it was', async () => {
  const errors: string[] = []
  const ignore = (): void => {}
  const log = {
    debug: ignore,
    info: ignore,
    warn: ignore,
    fatal: ignore,
    error: (details: object, message: string) => void errors.push(`${message} ${JSON.stringify(details)}`),
  }
  const server = await startTestServer({ log })
  const connection = await RawConnection.open(server.port)
  await connection.ask('CONFIG SET bind 192.0.2.1\r\n', '+OK\r\n')
  await eventually(() => errors.length > 0)
  expect(errors[0]).toContain('this machine has no such address')
  expect(await ping(server.port)).toBe('+PONG\r\n')
})
