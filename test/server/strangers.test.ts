// Clients that have not authenticated: what they may make the server hold is next to nothing.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createEngine, encode, type TestClient } from '../support/engine.ts'
import { type RedisServer, redisServerDiffers, redisServerMissing, startRedisServer } from '../support/redis-server.ts'
import { eventually, listenTo, RawConnection, startTestServer } from '../support/server.ts'

const NOAUTH = '-NOAUTH Authentication required.\r\n'
const PING = encode(['PING'])

/** A client that takes nothing: whatever is written stays in its socket. */
function stopReading(client: TestClient): void {
  client.write = (bytes) => {
    client.backlogBytes += bytes.length
    return false
  }
}

describe('a stranger', () => {
  test('is closed when more than 1 KiB was handed to it and not read', () => {
    const { connect, engine } = createEngine({ requirepass: 'secret' })
    const stranger = connect()
    stopReading(stranger)
    const room = Math.floor(1024 / NOAUTH.length)
    for (let i = 0; i < room; i++) stranger.ask('PING')
    expect(stranger.closed).toBeUndefined()
    stranger.ask('PING')
    expect(stranger.closed).toBe('now')
    expect(engine.clients.connected.size).toBe(0)
    expect(engine.figures.stats.outputLimitDisconnects).toBe(1)
  })

  test('is told NOAUTH for each of some hundred pipelined commands, as one that reads', () => {
    const { connect } = createEngine({ requirepass: 'secret' })
    const stranger = connect()
    for (let turn = 0; turn < 100; turn++) expect(stranger.sendRaw(PING.repeat(400))).toBe(NOAUTH.repeat(400))
    expect(stranger.sendRaw(`${encode(['AUTH', 'secret'])}${PING.repeat(1000)}`)).toBe(
      `+OK\r\n${'+PONG\r\n'.repeat(1000)}`,
    )
  })

  test.each([
    ['commands', PING],
    ['inline commands', 'X\n'],
    ['unknown commands', encode(['NO-SUCH-COMMAND', 'x'.repeat(100)])],
    ['wrong passwords', encode(['AUTH', 'wrong'])],
    ['greetings', encode(['HELLO', '3'])],
    ['resets', encode(['RESET'])],
  ])('that pipelines %s gets nothing past 16 KiB of replies, and the rest of its read is not run', (_what, request) => {
    const { connect, engine } = createEngine({ requirepass: 'secret' })
    const stranger = connect()
    const requests = Math.floor((48 * 1024) / request.length)
    expect(stranger.sendRaw(request.repeat(requests).repeat(4))).toBe('')
    expect(stranger.closed).toBe('now')
    expect(engine.figures.stats.errorReplies).toBeLessThan(1000)
  })

  test('may leave 1 MiB of requests unprocessed', () => {
    const { connect } = createEngine({ requirepass: 'secret' })
    const stranger = connect()
    stranger.client.paused = true
    stranger.sendRaw('x'.repeat(1024 * 1024))
    expect(stranger.closed).toBeUndefined()
    stranger.sendRaw('x'.repeat(2))
    expect(stranger.closed).toBe('now')
  })

  test('that reads nothing over a socket is closed soon, and nothing piles up meanwhile', async () => {
    const { engine, port } = await listenTo({ requirepass: 'secret' })
    const connection = await RawConnection.open(port)
    connection.socket.pause()
    let held = 0
    const sending = setInterval(() => connection.send(PING.repeat(200)), 0)
    await eventually(() => {
      for (const { outputBytes } of engine.clients.connected.values()) held = Math.max(held, outputBytes)
      return engine.figures.stats.outputLimitDisconnects === 1
    })
    clearInterval(sending)
    expect(engine.clients.connected.size).toBe(0)
    expect(held).toBeLessThan(20_000)
  })
})

test('a client that has authenticated, or need not, is held to the limits of its class alone', () => {
  for (const requirepass of ['secret', '']) {
    const { connect } = createEngine({ requirepass })
    const client = connect()
    client.ask('AUTH', 'secret')
    stopReading(client)
    client.sendRaw(PING.repeat(10_000))
    expect(client.closed).toBeUndefined()
    expect(client.backlogBytes).toBe(10_000 * '+PONG\r\n'.length)
  }
})

describe('commands that wait for EXEC', () => {
  test('is part of what client-query-buffer-limit allows', () => {
    const { connect } = createEngine({ 'client-query-buffer-limit': '1mb' })
    const client = connect()
    client.ask('MULTI')
    for (let i = 0; i < 9; i++) client.ask('SET', 'k', 'x'.repeat(100_000))
    expect(client.closed).toBeUndefined()
    // A request that has come in part counts with it.
    client.sendRaw(`*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$200000\r\n${'x'.repeat(50_000)}`)
    expect(client.closed).toBeUndefined()
    client.sendRaw('x'.repeat(100_000))
    expect(client.closed).toBe('now')
  })
})

describe.skipIf(redisServerMissing())('a stranger hears from both servers', () => {
  let redis: RedisServer

  beforeAll(async () => {
    redis = await startRedisServer(['--requirepass', 'secret'])
  })

  afterAll(() => redis?.stop())

  test.skipIf(redisServerDiffers('has other words for HELLO'))('the same about what is too large', async () => {
    const server = await startTestServer({ password: 'secret' })
    const requests = [
      encode(Array(10).fill('x')),
      `*11\r\n`,
      '*2147483648\r\n',
      encode(['AUTH', 'x'.repeat(16384)]),
      '*2\r\n$4\r\nAUTH\r\n$16385\r\n',
      '*1\r\n$536870913\r\n',
      encode(['AUTH', 'secret']) + encode(Array(11).fill('PING')),
      encode(['HELLO', '3']),
      encode(['HELLO', '3', 'AUTH', 'default', 'wrong']),
      encode(['NO-SUCH', 'x']),
      encode(['GET']),
      encode(['CLIENT', 'LIST']),
      PING.repeat(100),
    ]
    for (const request of requests) {
      const ask = async (where: number | string): Promise<string> => {
        const connection = await RawConnection.open(where)
        // One write: whoever ends the connection before all is read may take the reply with it.
        connection.send(request.startsWith('*11') || request.includes('$16385') ? request : `${request}QUIT\r\n`)
        return connection.rest()
      }
      expect(await ask(server.port), request.slice(0, 60)).toBe(await ask(redis.socketPath))
    }
  })
})
