// Too much of something: requests that do not end, readers that do not read, bodies, heads, frames and
// answers without measure. Afterwards no client, stream or connection is left, and memory is flat.

import net from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { askRaw, type OpenDoor, openDoor } from '../support/door.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { eventually, RawConnection } from '../support/server.ts'
import { hmacToken, soon, TOKEN_SECRET } from '../support/tokens.ts'
import { usedMemory } from '../support/used-memory.ts'

/** Half-open requests: with SOAK=1 as many as the issue says. */
const HALF_OPEN = process.env.SOAK === '1' ? 100_000 : 900
/** So many at a time: each is two descriptors of this process. */
const AT_A_TIME = process.env.SOAK === '1' ? 1000 : 300
const QUICK = {
  headersTimeout: 200,
  requestTimeout: 250,
  keepAliveTimeout: 200,
  connectionsCheckingInterval: 25,
  answerTimeout: 100,
}
/** What the collector may leave, and what the tests themselves remember. */
const LEFT_BYTES_MAX = 6 * 1024 * 1024

/** Waits until nothing of visitors is left. */
async function atRest(door: OpenDoor, clients: number): Promise<void> {
  const { connected } = door.engine.clients
  await eventually(async () => (await door.connections()) === 0, 'the end of connections')
  await eventually(() => connected.size === clients && door.engine.figures.http.streams === 0, 'the end of clients')
}

/** Runs an attack three times: what the first leaves (code, caches) is not counted. */
async function isFlat(door: OpenDoor, attack: () => Promise<void>): Promise<void> {
  await door.broker.call('PING')
  const clients = door.engine.clients.connected.size
  await attack()
  await atRest(door, clients)
  const before = await usedMemory()
  for (let i = 0; i < 2; i++) {
    await attack()
    await atRest(door, clients)
  }
  expect((await usedMemory()) - before).toBeLessThan(LEFT_BYTES_MAX)
  expect((await askRaw(door, '/ping')).status).toBe(200)
}

/** Opens a connection from an address of this machine's network, sends a text, and forgets it. */
function fling(port: number, from: string, text: string): net.Socket {
  const socket = net.connect({ port, host: '127.0.0.1', localAddress: from })
  socket.on('error', () => {}).on('close', () => {})
  // What comes is thrown away, and the end of the other side alone does not end it.
  socket.resume()
  socket.write(text, 'latin1')
  return socket
}

/** The beginnings of requests that never end. */
const BEGINNINGS = [
  '',
  'G',
  'GET /ping HTTP/1.1\r\nHost: local',
  'GET /v1/subscribe?channel=a HTTP/1.1\r\nHost: localhost\r\nX: y\r\n',
  'POST /v1/publish/a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nx',
  'POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n["P',
  'POST /.well-known/mercure HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n',
  'GET /ping HTTP/1.1\r\nHost: localhost\r\n\r\n',
  'GET /v1/socket HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
  'GET /none HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
]

describe('requests that do not end', () => {
  test(`${HALF_OPEN} of them, from many addresses, end in time, and others are served meanwhile`, async () => {
    const door = await openDoor({ 'http-token-secret': TOKEN_SECRET }, { limits: QUICK })
    const rounds = Math.ceil(HALF_OPEN / AT_A_TIME / 3)
    await isFlat(door, async () => {
      for (let round = 0; round < rounds; round++) {
        const sockets: net.Socket[] = []
        for (let i = 0; i < AT_A_TIME; i++)
          sockets.push(fling(door.port, `127.0.0.${2 + (i % 200)}`, BEGINNINGS[i % BEGINNINGS.length] ?? ''))
        expect((await askRaw(door, '/ping')).status).toBe(200)
        // They end by themselves: none of ours does it.
        await eventually(() => sockets.every((socket) => socket.destroyed), 'the end of all requests', 120_000)
      }
    })
  }, 900_000)

  test('connections of one address are bounded, and leave room for others', async () => {
    const door = await openDoor({ 'http-streams-per-address': '10' })
    await door.broker.call('PING')
    const clients = door.engine.clients.connected.size
    const sockets = Array.from({ length: 600 }, () => fling(door.port, '127.0.0.2', 'GET /'))
    await eventually(async () => sockets.filter(({ destroyed }) => destroyed).length === 600 - 10 - 512)
    expect((await askRaw(door, '/ping')).status).toBe(200)
    for (const socket of sockets) socket.destroy()
    await atRest(door, clients)
  })

  test('requests that break off while their rights are looked at leave no client and no stream', async () => {
    const door = await openDoor({ 'http-token-secret': TOKEN_SECRET })
    let number = 0
    const paths = ['/v1/subscribe?channel=a', '/v1/subscribe?channel=a&wait=60s', '/subscribe/a', '/monitor']
    await isFlat(door, async () => {
      for (let i = 0; i < 120; i++) {
        const token = hmacToken({ subscribe: ['*'], exp: soon(), number: number++ })
        const socket = net.connect(door.port, '127.0.0.1').on('error', () => {})
        await new Promise((resolve) => socket.once('connect', resolve))
        const text = `GET ${paths[i % 4]} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${token}\r\n\r\n`
        socket.write(text, () => (i % 8 < 4 ? socket.resetAndDestroy() : socket.destroy()))
      }
    })
  })
})

describe('readers that do not read', () => {
  test('of an answer end', async () => {
    const door = await openDoor({}, { limits: QUICK })
    await door.broker.call('SET', 'large', Buffer.alloc(4 * 1024 * 1024, 120))
    await isFlat(door, async () => {
      const raw = await RawConnection.open(door.port)
      raw.socket.pause()
      raw.send('GET /get/large HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(5))
      await eventually(() => door.engine.figures.http.requests > 0)
      await eventually(async () => (await door.connections()) === 0, 'the end')
      raw.socket.destroy()
    })
  })

  test('of a WebSocket that publishes without end are read no more', async () => {
    const workClock = new FakeClock()
    const door = await openDoor({ 'http-heartbeat': '15' }, { workClock })
    const heard: string[] = []
    await door.broker.subscribe('a', (message) => heard.push(message))
    const ref = 'r'.repeat(256)
    const frame = maskedFrame(1, JSON.stringify({ publish: 'a', message: 'x', ref }))
    const flood = Buffer.concat(Array<Buffer>(5000).fill(frame))
    await isFlat(door, async () => {
      const raw = await openWebSocket(door, '/v1/socket')
      raw.socket.pause()
      // As much as the buffers of both sockets hold of answers, and more.
      for (let i = 0; i < 20; i++) raw.socket.write(flood)
      await eventually(() => heard.length > 0)
      const most = await eventually(async () => {
        const seen = heard.length
        await new Promise((resolve) => setTimeout(resolve, 100))
        return heard.length === seen ? seen : undefined
      }, 'a rest')
      expect(most).toBeLessThan(5000 * 20)
      // It answers no ping, and ends.
      workClock.advance(2 * 15_000)
      await eventually(async () => (await door.connections()) === 0, 'the end')
      raw.socket.destroy()
      heard.length = 0
    })
  })

  test('of a pipeline without end are read no more', async () => {
    // The time for a request is what ends the connection: nothing reads that its peer is gone.
    const door = await openDoor({}, { limits: { ...QUICK, headersTimeout: 1000, requestTimeout: 1000 } })
    const body = '["BLPOP","nothing",0]'
    const one = `POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${body.length}\r\n\r\n${body}`
    const once = async (attack: () => Promise<void>): Promise<void> => {
      await door.broker.call('PING')
      const clients = door.engine.clients.connected.size
      await attack()
      await atRest(door, clients)
    }
    // Once: a thousand errors of Node with their stacks take this runner seconds.
    await once(async () => {
      const before = door.engine.figures.http.requests
      const raw = await RawConnection.open(door.port)
      raw.send(one.repeat(20_000))
      await eventually(() => raw.socket.writableLength > 0 || door.engine.figures.http.requests > before)
      const served = await eventually(async () => {
        const seen = door.engine.figures.http.requests
        await new Promise((resolve) => setTimeout(resolve, 50))
        return seen === door.engine.figures.http.requests ? seen - before : undefined
      })
      expect(served).toBeLessThanOrEqual(1000)
      expect(served).toBeGreaterThan(500)
      raw.socket.destroy()
    })
  })
})

describe('too much at a stroke', () => {
  test('heads', async () => {
    const door = await openDoor()
    const heads = [
      `X: ${'x'.repeat(64 * 1024)}\r\n`,
      Array.from({ length: 5000 }, (_, i) => `X${i}: y\r\n`).join(''),
      `Cookie: ${'a=b; '.repeat(10_000)}\r\n`,
      `Authorization: Bearer ${'x'.repeat(64 * 1024)}\r\n`,
    ]
    await isFlat(door, async () => {
      for (let i = 0; i < 100; i++) {
        const raw = await RawConnection.open(door.port)
        const head = heads[i % heads.length] ?? ''
        raw.send(
          `GET ${i % 5 === 4 ? `/${'x'.repeat(64 * 1024)}` : '/ping'} HTTP/1.1\r\nHost: localhost\r\n${head}\r\n`,
        )
        await eventually(() => raw.closed || raw.ended)
        expect(raw.received).toMatch(/^HTTP\/1\.1 431/)
        raw.socket.destroy()
      }
    })
  })

  test('bodies, with a length and without, and chunks without end', async () => {
    const door = await openDoor({ 'http-max-body': '64kb' })
    const paths = ['/', '/pipeline', '/v1/publish/a', '/set/a', '/.well-known/mercure']
    const token = hmacToken({ exp: soon(), mercure: { publish: ['*'] } })
    const piece = `4000\r\n${'x'.repeat(0x4000)}\r\n`
    await isFlat(door, async () => {
      for (let i = 0; i < 60; i++) {
        const raw = await RawConnection.open(door.port)
        raw.send(`POST ${paths[i % 5]} HTTP/1.1\r\nHost: localhost\r\n`)
        if (i % 5 === 4) raw.send(`Authorization: Bearer ${token}\r\n`)
        if (i % 2 === 0) raw.send(`Content-Length: ${1e12}\r\n\r\n${'x'.repeat(1000)}`)
        else raw.send(`Transfer-Encoding: chunked\r\n\r\n${piece.repeat(16)}`)
        await eventually(() => raw.closed || raw.ended)
        if (i % 2 === 0) expect(raw.received).toMatch(/^HTTP\/1\.1 (413|401|429)/)
        raw.socket.destroy()
      }
    })
  })

  test('JSON that is deep, wide or odd is refused, and runs nothing', async () => {
    const door = await openDoor({ 'http-max-body': '8mb' })
    const deep = (depth: number): string => `${'['.repeat(depth)}${']'.repeat(depth)}`
    const bodies = [
      deep(1_000_000),
      `[${deep(500_000)}]`,
      `[["GET",${deep(1000)}]]`,
      '{"__proto__":["FLUSHALL"],"length":1,"0":"FLUSHALL"}',
      '[["__proto__"]]',
      '["constructor","a"]',
      `["${'\\u0000'.repeat(100_000)}"]`,
      `[${'null,'.repeat(100_000)}1]`,
      '[1e999]',
      '"FLUSHALL"',
    ]
    for (const body of bodies)
      for (const path of ['/', '/pipeline', '/multi-exec']) {
        const { status } = await askRaw(door, path, { method: 'POST', body })
        expect([200, 400], `${path} ${body.slice(0, 40)}`).toContain(status)
      }
    expect((await askRaw(door, '/ping')).status).toBe(200)
  })

  test('an answer that is longer than a text may be is refused, and the server goes on', async () => {
    const door = await openDoor()
    await door.broker.call('SET', 'large', Buffer.alloc(1024 * 1024, 1))
    await door.broker.call('RPUSH', 'list', ...Array<string>(1000).fill('x'.repeat(100_000)))
    const gets = JSON.stringify(Array<string[]>(66).fill(['GET', 'large']))
    for (const [path, body] of [
      ['/pipeline', gets],
      ['/multi-exec', gets],
      ['/', '["LRANGE","list","0","-1"]'],
    ] as const) {
      const answer = await askRaw(door, path, { method: 'POST', body })
      expect([answer.status, answer.body.slice(0, 200)]).toEqual([400, expect.stringContaining('longer than 64 MB')])
    }
    expect((await askRaw(door, '/strlen/large')).body).toBe('{"result":1048576}')
  })
})

// ── WebSocket ────────────────────────────────────────────────────────────────

async function openWebSocket(door: OpenDoor, path: string, extensions = ''): Promise<RawConnection> {
  const raw = await RawConnection.open(door.port)
  raw.send(
    `GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n${extensions}` +
      'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
  )
  await eventually(() => raw.received.includes('\r\n\r\n'))
  expect(raw.received).toMatch(/^HTTP\/1\.1 101/)
  onTestFinished(() => void raw.socket.destroy())
  return raw
}

/** A frame with a mask of zeros. `first`: the opcode, and the flags of the first byte. */
function maskedFrame(first: number, text: string | Buffer, announced = text.length): Buffer {
  const head = Buffer.alloc(announced < 126 ? 6 : announced < 65_536 ? 8 : 14)
  head[0] = first < 16 ? 0x80 | first : first - 16
  head[1] = 0x80 | (announced < 126 ? announced : announced < 65_536 ? 126 : 127)
  if (announced >= 65_536) head.writeBigUInt64BE(BigInt(announced), 2)
  else if (announced >= 126) head.writeUInt16BE(announced, 2)
  return Buffer.concat([head, Buffer.from(text)])
}

/** The same without the flag that ends a message. */
const fragment = (opcode: number, text: string): Buffer => maskedFrame(16 + opcode, text)

describe('WebSocket', () => {
  test('ends on frames that are too large, without end, compressed, without a mask, or none', async () => {
    const door = await openDoor({ 'http-max-body': '64kb' })
    const attacks: readonly (() => Buffer)[] = [
      () => maskedFrame(1, '', 2 ** 40),
      () => maskedFrame(1, 'x'.repeat(100), 70_000),
      () => Buffer.concat([fragment(1, '"'), ...Array<Buffer>(70_000).fill(fragment(0, 'x'))]),
      () => Buffer.concat([fragment(1, ''), ...Array<Buffer>(70_000).fill(fragment(0, ''))]),
      // Compression was not agreed: the flag is an error, whatever the frame would become.
      () => maskedFrame(16 + 0xc1, Buffer.alloc(1000, 0xaa)),
      () => Buffer.from([0x81, 0x02, 0x7b, 0x7d]),
      () => maskedFrame(3, 'x'),
      () => maskedFrame(9, 'x'.repeat(126)),
      () => maskedFrame(1, Buffer.from([0xff, 0xfe])),
      () => maskedFrame(2, Buffer.from('{}')),
      () => maskedFrame(0, 'x'),
      () => maskedFrame(1, '['.repeat(60_000)),
      () => maskedFrame(1, '"text"'),
      () => maskedFrame(1, '{"publish":"a","message":"x","ref":{"deep":[[1]]}}'),
      () => maskedFrame(1, `{"publish":"a","message":"x","ref":"${'r'.repeat(257)}"}`),
    ]
    const offer = 'Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n'
    await isFlat(door, async () => {
      for (const [i, attack] of attacks.entries()) {
        const raw = await openWebSocket(door, i % 2 === 0 ? '/v1/socket' : '/v1/socket?channel=a', offer)
        expect(raw.received).not.toContain('permessage-deflate')
        raw.socket.write(attack())
        // The frame of the end: 0x88, a length, a code from 1002 on.
        await eventually(() => /\x88[\x02-\x7d]\x03[\xe9-\xf1]/.test(raw.received) || raw.closed, `an end of ${i}`)
        raw.socket.destroy()
      }
    })
  })

  test('a flood of pings and pongs is answered or ended, and leaves nothing', async () => {
    const workClock = new FakeClock()
    const door = await openDoor({ 'http-heartbeat': '15' }, { workClock })
    const flood = Buffer.concat(Array<Buffer>(50_000).fill(maskedFrame(9, 'x'.repeat(100))))
    await isFlat(door, async () => {
      const raw = await openWebSocket(door, '/v1/socket')
      raw.socket.pause()
      raw.socket.write(flood)
      workClock.advance(2 * 15_000)
      await eventually(async () => (await door.connections()) === 0, 'the end')
      raw.socket.destroy()
    })
  })

  test('a handshake that is none leaves no client and no stream', async () => {
    const door = await openDoor()
    const head = 'GET /v1/socket?channel=a HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n'
    const wrong = ['', 'Sec-WebSocket-Key: x\r\nSec-WebSocket-Version: 13\r\n', 'Sec-WebSocket-Version: 1\r\n']
    await isFlat(door, async () => {
      for (let i = 0; i < 30; i++) {
        const raw = await RawConnection.open(door.port)
        raw.send(`${head}${wrong[i % 3]}\r\n`)
        await eventually(() => /^HTTP\/1\.1 4\d\d/.test(raw.received) && raw.ended)
        // The other side does not end its own direction.
      }
    })
  })

  test('a setting of the largest message counts for sockets that open later', async () => {
    const door = await openDoor({ 'http-max-body': '1024' })
    await openWebSocket(door, '/v1/socket')
    await door.broker.call('CONFIG', 'SET', 'http-max-body', '8192')
    const raw = await openWebSocket(door, '/v1/socket')
    raw.socket.write(maskedFrame(1, JSON.stringify({ publish: 'a', message: 'x'.repeat(4000), ref: 1 })))
    await eventually(() => raw.received.includes('"receivers":0'))
  })
})
