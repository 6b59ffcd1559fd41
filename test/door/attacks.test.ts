// Attacks on the door: pages of foreign sites, names that resolve to this machine, forged rights, and
// text that tries to be more than text.

import { generateKeyPairSync, sign } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { WebSocket } from 'ws'
import { systemClock } from '../../src/util/time/clock.ts'
import { askRaw, type OpenDoor, openDoor } from '../support/door.ts'
import { eventually, RawConnection, temporaryDirectory } from '../support/server.ts'
import { hmacToken, part, soon, TOKEN_SECRET } from '../support/tokens.ts'

const HUB = '/.well-known/mercure'
const POSTS: [string, string][] = [
  ['/', '["SET","taken","1"]'],
  ['/pipeline', '[["SET","taken","1"]]'],
  ['/multi-exec', '[["SET","taken","1"]]'],
  ['/set/taken', '1'],
  ['/v1/publish/news', 'taken'],
  ['/v1/ticket', ''],
  [HUB, 'topic=a&data=taken'],
]
const STREAMS = [
  '/v1/subscribe?channel=news',
  '/v1/subscribe?channel=news&wait=0',
  '/subscribe/news',
  '/psubscribe/n*',
  '/monitor',
  `${HUB}?topic=a`,
]
const HANDSHAKE = {
  Connection: 'Upgrade',
  Upgrade: 'websocket',
  'Sec-WebSocket-Version': '13',
  'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
}

/** Sends every POST, stream and WebSocket with these headers; their statuses. */
async function statusesOf(door: OpenDoor, headers: Record<string, string>): Promise<number[]> {
  const statuses: number[] = []
  for (const [path, body] of POSTS) statuses.push((await askRaw(door, path, { method: 'POST', body, headers })).status)
  for (const path of STREAMS) statuses.push(await headOf(door, path, headers))
  statuses.push(await headOf(door, '/v1/socket?channel=news', { ...headers, ...HANDSHAKE }))
  return statuses
}

/** The status of an answer that may be a stream. */
function headOf({ port }: OpenDoor, path: string, headers: http.OutgoingHttpHeaders = {}): Promise<number> {
  return new Promise((resolve, reject) => {
    const request = http.get({ host: '127.0.0.1', port, path, headers, agent: false })
    const take = (response: http.IncomingMessage): void => {
      resolve(response.statusCode ?? 0)
      request.destroy()
    }
    request.on('response', take).on('upgrade', take).on('error', reject)
  })
}

const bearer = (text: string): Record<string, string> => ({ Authorization: `Bearer ${text}` })

async function ticketOf({ ask }: OpenDoor, password: string): Promise<string> {
  const answer = await ask('/v1/ticket', { method: 'POST', headers: bearer(password) })
  return ((await answer.json()) as { ticket: string }).ticket
}

describe('pages of foreign sites', () => {
  test.each([
    [{ Origin: 'https://evil.example' }],
    [{ Origin: 'null' }],
    [{ Origin: 'http://127.0.0.1.evil.example' }],
    [{ Origin: 'http://127.0.0.1:1' }],
    [{ Origin: 'http://localhost' }],
    [{ Origin: 'https://app.example.evil.example' }],
    [{ 'Sec-Fetch-Site': 'cross-site' }],
    [{ 'Sec-Fetch-Site': 'same-site' }],
  ])('reach no POST, no stream and no WebSocket with %j', async (headers) => {
    const door = await openDoor({ 'http-cors-origin': 'https://app.example' })
    const heard: string[] = []
    await door.broker.subscribe('news', (message) => heard.push(message))
    const clients = door.engine.clients.connected.size
    const statuses = await statusesOf(door, headers)
    expect(statuses).toEqual(statuses.map(() => 403))
    expect(await door.broker.call('EXISTS', 'taken')).toBe(0)
    expect(heard).toEqual([])
    expect(door.engine.clients.connected.size).toBe(clients)
  })

  test('of a site that is allowed reach them', async () => {
    const door = await openDoor({ 'http-cors-origin': 'https://app.example' })
    const statuses = await statusesOf(door, { Origin: 'https://app.example' })
    // The hub wants a token from a publisher.
    expect(statuses).toEqual([200, 200, 200, 200, 200, 200, 401, ...STREAMS.map(() => 200), 101])
  })

  test('have a link change nothing, whatever the command', async () => {
    const door = await openDoor()
    await door.broker.call('SET', 'a', 1)
    const links = [
      '/incr/a',
      '/lpush/l/x',
      '/publish/news/x',
      '/del/a',
      '/flushall',
      '/eval/return%201/0',
      '/expire/a/1',
    ]
    for (const link of links) expect((await door.ask(link)).status, link).toBe(405)
    for (const method of ['HEAD', 'PUT', 'DELETE', 'PATCH'])
      expect((await askRaw(door, '/incr/a', { method })).status, method).toBe(405)
    expect(await (await door.ask('/get/a')).json()).toEqual({ result: '1' })
  })
})

describe('names that resolve to this machine', () => {
  test.each([
    'evil.example',
    'evil.example:80',
    '127.0.0.1.evil.example',
    'localhost.evil.example',
    '2130706433',
    'a@127.0.0.1',
  ])('Host: %s reaches nothing', async (Host) => {
    const door = await openDoor({ 'http-hosts': 'broker.example', 'http-cors-origin': '*' })
    const statuses = await statusesOf(door, { Host })
    expect(statuses).toEqual(statuses.map(() => 421))
    expect(door.engine.clients.connected.size).toBe(1)
    expect((await askRaw(door, '/v1/publish/a', { method: 'OPTIONS', headers: { Host } })).status).toBe(421)
  })

  test('no host, an empty one, and one that the address of the request contradicts reach nothing', async () => {
    const door = await openDoor()
    for (const [text, status] of [
      ['GET /ping HTTP/1.1\r\nHost:\r\n\r\n', 400],
      ['GET /ping HTTP/1.0\r\n\r\n', 400],
      ['GET http://evil.example/ping HTTP/1.1\r\nHost: localhost\r\n\r\n', 421],
    ] as const) {
      const raw = await RawConnection.open(door.port)
      raw.send(text)
      await eventually(() => raw.received.startsWith(`HTTP/1.1 ${status}`), text)
    }
    // As the standard has it.
    expect((await askRaw(door, 'http://localhost/ping', { headers: { Host: 'evil.example' } })).status).toBe(200)
  })
})

describe('tokens', () => {
  const claims = (): object => ({ sub: 'default', publish: ['news'], subscribe: ['news'], exp: soon() })

  test('with keys of the attacker in their heads are refused, and nothing is fetched', async () => {
    const [ours, theirs] = [
      generateKeyPairSync('rsa', { modulusLength: 2048 }),
      generateKeyPairSync('rsa', { modulusLength: 2048 }),
    ]
    const file = join(temporaryDirectory(), 'keys.json')
    writeFileSync(file, JSON.stringify({ keys: [{ ...ours.publicKey.export({ format: 'jwk' }), kid: 'ours' }] }))
    const jwk = theirs.publicKey.export({ format: 'jwk' })
    let fetched = 0
    const elsewhere = http.createServer((_, response) => {
      fetched++
      response.end(JSON.stringify({ keys: [{ ...jwk, kid: 'theirs' }] }))
    })
    await new Promise<void>((resolve) => elsewhere.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void elsewhere.close())
    const url = `http://127.0.0.1:${(elsewhere.address() as AddressInfo).port}/keys.json`
    const made = (header: object, key = theirs.privateKey): string => {
      const body = `${part({ alg: 'RS256', ...header })}.${part(claims())}`
      return `${body}.${sign('sha256', Buffer.from(body), key).toString('base64url')}`
    }
    const door = await openDoor({ requirepass: 'secret', 'http-token-keys': file, 'http-token-secret': TOKEN_SECRET })
    const heads = [
      { jwk },
      { jku: url, kid: 'theirs' },
      { x5u: url },
      { kid: 'ours', jwk },
      { kid: '../../../dev/null' },
      { x5c: ['AAAA'] },
    ]
    for (const head of heads) {
      const answer = await door.ask('/v1/publish/news', { method: 'POST', body: 'x', headers: bearer(made(head)) })
      expect(answer.status, JSON.stringify(head)).toBe(401)
    }
    const ownKeyElsewhere = made({ kid: 'ours', jku: url, jwk }, ours.privateKey)
    const answer = await door.ask('/v1/publish/news', { method: 'POST', body: 'x', headers: bearer(ownKeyElsewhere) })
    expect([answer.status, fetched]).toEqual([200, 0])
  })

  test('without a signature, or with a public key as their secret, are refused', async () => {
    const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
    const pem = publicKey.export({ type: 'spki', format: 'pem' }).toString()
    const der = publicKey.export({ type: 'spki', format: 'der' })
    const file = join(temporaryDirectory(), 'keys.pem')
    writeFileSync(file, pem)
    const none = (alg: string): string => `${part({ alg, typ: 'JWT' })}.${part(claims())}.`
    const wrong = [
      ...['none', 'None', 'NONE', 'nOnE', ''].map(none),
      `${none('none')}AAAA`,
      ...[pem, pem.trim(), pem.replaceAll('\n', '\r\n'), der, ''].map((secret) => hmacToken(claims(), secret)),
      `${part({ alg: ['HS256'] })}.${part(claims())}.AAAA`,
      `${part({ alg: 'RS256' })}.${part(claims())}.`,
      `${part({ alg: 'ES256' })}.${part(claims())}.${Buffer.alloc(64).toString('base64url')}`,
    ]
    for (const secret of ['', TOKEN_SECRET]) {
      const settings = { requirepass: 'secret', 'http-token-keys': file, 'http-token-secret': secret }
      for (const token of wrong) {
        // Each from a door that has refused nothing yet.
        const door = await openDoor(settings)
        expect((await door.ask('/v1/publish/news', { method: 'POST', body: 'x', headers: bearer(token) })).status).toBe(
          401,
        )
      }
    }
  })

  test('that were stolen open what they name, for as long as they last, and give no more', async () => {
    const clock = { ...systemClock }
    const door = await openDoor({ requirepass: 'secret', 'http-token-secret': TOKEN_SECRET }, { clock })
    const end = Math.floor(Date.now() / 1000) + 2
    const token = hmacToken({ ...claims(), exp: end })
    const publish = async (channel: string): Promise<number> =>
      (await door.ask(`/v1/publish/${channel}`, { method: 'POST', body: 'x', headers: bearer(token) })).status
    expect([await publish('news'), await publish('other')]).toEqual([200, 403])
    // A ticket of a token ends with the token.
    const stream = await door.ask(`/v1/subscribe?channel=news&ticket=${await ticketOf(door, token)}`)
    expect(stream.status).toBe(200)
    await stream.text()
    expect(Date.now()).toBeGreaterThanOrEqual(end * 1000 - 50)
    // Clocks may differ by five seconds; then it is over.
    clock.now = () => (end + 6) * 1000
    expect(await publish('news')).toBe(401)
  })

  test('whose check began before the keys were changed are not remembered behind it', async () => {
    const [before, after] = [generateKeyPairSync('ed25519'), generateKeyPairSync('ed25519')]
    const file = join(temporaryDirectory(), 'keys.pem')
    writeFileSync(file, before.publicKey.export({ type: 'spki', format: 'pem' }))
    const { server } = await openDoor({ 'http-token-keys': file })
    const { tokens } = server.door.gatekeeper
    const body = `${part({ alg: 'EdDSA' })}.${part(claims())}`
    const token = `${body}.${sign(null, Buffer.from(body), before.privateKey).toString('base64url')}`
    const checked = tokens.visitorOf(token).catch(() => undefined)
    writeFileSync(file, after.publicKey.export({ type: 'spki', format: 'pem' }))
    tokens.reload()
    await checked
    await expect(tokens.visitorOf(token)).rejects.toThrow('not valid')
  })

  test('without the name of a key are taken by any key of a set', async () => {
    const keys = [
      generateKeyPairSync('rsa', { modulusLength: 2048 }),
      generateKeyPairSync('rsa', { modulusLength: 2048 }),
    ]
    const file = join(temporaryDirectory(), 'keys.json')
    writeFileSync(
      file,
      JSON.stringify({
        keys: keys.map(({ publicKey }, i) => ({ ...publicKey.export({ format: 'jwk' }), kid: `k${i}` })),
      }),
    )
    const { ask } = await openDoor({ requirepass: 'secret', 'http-token-keys': file })
    for (const { privateKey } of keys) {
      const body = `${part({ alg: 'RS256' })}.${part(claims())}`
      const token = `${body}.${sign('sha256', Buffer.from(body), privateKey).toString('base64url')}`
      expect((await ask('/v1/publish/news', { method: 'POST', body: 'x', headers: bearer(token) })).status).toBe(200)
    }
  })

  test('with claims that are none are refused and break nothing', async () => {
    const odd: unknown[] = [
      { sub: 7 },
      { sub: '' },
      { sub: 'x\r\ny' },
      { exp: 'soon' },
      { exp: -1 },
      { exp: null },
      { subscribe: {} },
      { mercure: 7 },
      { mercure: { publish: {} } },
      { publish: [['news']] },
    ]
    for (const claim of odd) {
      const door = await openDoor({ requirepass: 'secret', 'http-token-secret': TOKEN_SECRET })
      const token = hmacToken({ ...claims(), publish: [], ...(claim as object) })
      const answer = await door.ask('/v1/publish/news', { method: 'POST', body: 'x', headers: bearer(token) })
      expect([401, 403], JSON.stringify(claim)).toContain(answer.status)
    }
    const huge = await openDoor({ requirepass: 'secret', 'http-token-secret': TOKEN_SECRET })
    const token = hmacToken({ ...claims(), publish: Array.from({ length: 1000 }, () => 'long channel') })
    expect((await askRaw(huge, '/v1/publish/news', { method: 'POST', headers: bearer(token) })).status).toBe(431)
  })
})

describe('tickets', () => {
  test('open one stream, once, and neither another ticket, nor a message, nor a command', async () => {
    const door = await openDoor({ requirepass: 'secret' })
    for (const [path, body] of POSTS) {
      const answer = await door.ask(`${path}?ticket=${await ticketOf(door, 'secret')}`, { method: 'POST', body })
      expect(answer.status, path).toBe(403)
    }
    expect((await door.ask(`/get/a?ticket=${await ticketOf(door, 'secret')}`)).status).toBe(403)
    expect(await headOf(door, `/monitor?ticket=${await ticketOf(door, 'secret')}`)).toBe(403)
    const ticket = await ticketOf(door, 'secret')
    expect(await headOf(door, `/v1/socket?channel=a&ticket=${ticket}`, HANDSHAKE)).toBe(101)
    for (const path of [...STREAMS, '/v1/ticket'])
      expect(await headOf(door, `${path}${path.includes('?') ? '&' : '?'}ticket=${ticket}`), path).toBe(401)
  })

  test('end by themselves, and their number is bounded', async () => {
    const workClock = { ...systemClock }
    const door = await openDoor({ requirepass: 'secret' }, { workClock })
    const { tickets } = door.server.door.gatekeeper
    const [first] = [await ticketOf(door, 'secret')]
    const visitor = {
      user: 'default',
      proof: 'signed',
      grants: undefined,
      expiresMs: Number.POSITIVE_INFINITY,
    } as const
    for (let i = 0; i < 20_000; i++) tickets.issue(visitor)
    expect(tickets.size).toBeLessThanOrEqual(10_000)
    expect((await door.ask(`/v1/subscribe?channel=a&wait=0&ticket=${first}`)).status).toBe(401)
    const late = tickets.issue(visitor)
    const now = workClock.monotonic()
    workClock.monotonic = () => now + 30_001
    expect(() => tickets.take(late)).toThrow('too old')
  })
})

describe('passwords', () => {
  const statusOf = async ({ ask }: OpenDoor, password: string): Promise<number> =>
    (await ask('/ping', { headers: bearer(password) })).status

  test('that are guessed are told to wait: a right one among them is not told from a wrong one', async () => {
    const stopped = systemClock.monotonic()
    const workClock = { ...systemClock, monotonic: () => stopped }
    const door = await openDoor({ requirepass: 'secret' }, { workClock })
    const statuses: number[] = []
    for (let i = 0; i < 15; i++) statuses.push(await statusOf(door, `guess ${i}`))
    expect(statuses).toEqual([...Array<number>(10).fill(401), ...Array<number>(5).fill(429)])
    expect(await statusOf(door, 'secret')).toBe(429)
    const basic = `Basic ${Buffer.from('default:secret').toString('base64')}`
    expect((await door.ask('/ping', { headers: { Authorization: basic } })).status).toBe(429)
    // Another user, and a second later.
    await door.broker.call('ACL', 'SETUSER', 'ann', 'on', '>pw', '+ping')
    expect(await statusOf(door, 'ann:pw')).toBe(200)
    workClock.monotonic = () => stopped + 1000
    expect(await statusOf(door, 'secret')).toBe(200)
  })

  test('that were right before go on while another visitor of the same address guesses', async () => {
    const stopped = systemClock.monotonic()
    const workClock = { ...systemClock, monotonic: () => stopped }
    const door = await openDoor({ requirepass: 'secret' }, { workClock })
    expect(await statusOf(door, 'secret')).toBe(200)
    for (let i = 0; i < 12; i++) await statusOf(door, `guess ${i}`)
    const agent = new http.Agent()
    onTestFinished(() => agent.destroy())
    expect((await askRaw(door, '/ping', { headers: bearer('secret'), agent })).status).toBe(200)
    expect(await statusOf(door, 'another')).toBe(429)
  })

  test('that are wrong read no subscriptions of the hub, and no body', async () => {
    const door = await openDoor({ requirepass: 'secret', 'http-mercure-subscriptions': 'yes' })
    expect((await door.ask(`${HUB}/subscriptions`, { headers: bearer('wrong') })).status).toBe(401)
    expect((await door.ask(`${HUB}/subscriptions`, { headers: bearer('secret') })).status).toBe(200)
    for (const [path] of POSTS) {
      const raw = await RawConnection.open(door.port)
      // The answer comes before the body: none of it is waited for.
      raw.send(
        `POST ${path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer wrong\r\nContent-Length: 1000000\r\n\r\n`,
      )
      await eventually(() => /^HTTP\/1\.1 (401|429)/.test(raw.received), `a refusal of ${path}`)
    }
  })

  test("that are wrong use up nothing of the user's requests", async () => {
    const stopped = systemClock.monotonic()
    const workClock = { ...systemClock, monotonic: () => stopped }
    const door = await openDoor({ requirepass: 'secret', 'http-rate-per-user': '5' }, { workClock })
    for (let i = 0; i < 8; i++) await statusOf(door, `guess ${i}`)
    expect(await statusOf(door, 'secret')).toBe(200)
  })
})

describe('text that tries to be more', () => {
  const ODD = [
    'a\r\nSet-Cookie: x=1',
    'a\n\ndata: x',
    'a\rid: 7',
    'a\0b',
    'a\u2028b\u2029c',
    'a,b',
    '\ufeffa',
    'é'.repeat(100),
  ]

  test.each(ODD)('a name and a message %j begin no field, no event and no answer', async (text) => {
    const door = await openDoor({ channel: '* keep 1h', 'http-token-secret': TOKEN_SECRET })
    const name = encodeURIComponent(text)
    const sockets = new WebSocket(`ws://127.0.0.1:${door.port}/v1/socket?channel=${name}`)
    onTestFinished(() => sockets.terminate())
    const frames: unknown[] = []
    sockets.on('message', (data) => frames.push(JSON.parse(String(data))))
    await new Promise((resolve) => sockets.once('open', resolve))
    const paths = [
      `/v1/subscribe?channel=${name}&format=json`,
      `/v1/subscribe?channel=${name}&format=text`,
      `/subscribe/${name}`,
      `${HUB}?topic=${name}`,
    ]
    const streams: string[] = paths.map(() => '')
    for (const [i, path] of paths.entries()) {
      const request = http.get({ host: '127.0.0.1', port: door.port, path, agent: false })
      onTestFinished(() => void request.destroy())
      await new Promise<void>((resolve) => {
        request.once('response', (response) => {
          expect(response.headers['set-cookie']).toBeUndefined()
          response.setEncoding('utf8').on('data', (chunk: string) => (streams[i] += chunk))
          resolve()
        })
      })
    }
    const answer = await door.ask(`/v1/publish/${name}`, { method: 'POST', body: text })
    expect([answer.status, answer.headers.get('set-cookie')]).toEqual([200, null])
    const jwt = hmacToken({ exp: soon(), mercure: { publish: ['*'] } })
    const update = new URLSearchParams({ topic: text, data: text })
    expect((await door.ask(HUB, { method: 'POST', body: update, headers: bearer(jwt) })).status).toBe(200)
    await eventually(() => frames.length === 1 && streams.every((stream) => /^data: /m.test(stream)))
    expect(frames).toMatchObject([{ channel: text, message: text }])
    // One event has data, in lines that hold the whole text.
    const lines = text.split(/\r\n|\r|\n/).map((line) => `data: ${line}\n`)
    await eventually(() => streams[1]!.includes(lines.join('')) && streams[3]!.includes(lines.join('')))
    const json = /^data: ([^\n]*)$/m.exec(streams[0]!)?.[1] ?? ''
    expect(JSON.parse(json)).toMatchObject({ channel: text, message: text })
    for (const stream of streams) {
      for (const line of stream.split('\n')) expect(line).toMatch(/^(data: [^\n]*|id: #?\d+-\d+|retry: \d+|:|)$/)
      expect(stream).not.toContain('\r')
    }
  })

  test('bytes that are no UTF-8 stay within their event', async () => {
    const door = await openDoor({ channel: '* keep 1h' })
    const bytes = Buffer.from([0xff, 0xc3, 0x0a, 0xe2, 0x80, 0x0d, 0xf0, 0x0a, 0x0a])
    await door.ask('/v1/publish/a', { method: 'POST', body: bytes })
    const poll = await door.ask('/v1/subscribe?channel=a&from=first&wait=0&encoding=base64')
    expect(await poll.json()).toMatchObject({ messages: [{ message: bytes.toString('base64') }] })
    const stream = await RawConnection.open(door.port)
    stream.send('GET /v1/subscribe?channel=a&from=first HTTP/1.1\r\nHost: localhost\r\n\r\n')
    await eventually(() => stream.received.includes('data: '))
    expect(stream.received.match(/^id: \d+-\d+$/gm)?.length).toBe(1)
    expect((await door.ask('/v1/publish/%ff%fe', { method: 'POST', body: 'x' })).status).toBe(400)
  })

  test('an address of a redirection is that of the leader, whatever the path', async () => {
    const door = await openDoor({ 'http-port': '8080', channel: '* keep 1h' })
    await door.broker.call('REPLICAOF', '127.0.0.1', '1')
    for (const path of ['/v1/publish/a%0d%0aX:1', '/v1/publish/%2f%2fevil.example', '/v1/publish/a?b=%0d%0aX:1']) {
      const { headers, status } = await askRaw(door, path, { method: 'POST', body: 'x' })
      expect(status).toBe(307)
      expect(headers.location).toMatch(/^http:\/\/127\.0\.0\.1:8080\/v1\/publish\//)
      expect(headers.x).toBeUndefined()
    }
    await door.broker.call('REPLICAOF', 'NO', 'ONE')
  })
})

describe('requests that two readers understand differently', () => {
  const second = 'POST /set/taken/1 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n'

  test.each([
    [
      'both lengths',
      `POST /ping HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${second}`,
    ],
    [
      'two lengths',
      `POST /ping HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nContent-Length: ${second.length}\r\n\r\n${second}`,
    ],
    ['a length that is none', `POST /ping HTTP/1.1\r\nHost: localhost\r\nContent-Length: +0\r\n\r\n${second}`],
    [
      'chunked twice',
      `POST /ping HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n${second}`,
    ],
    [
      'a blank before the colon',
      `POST /ping HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n${second}`,
    ],
    ['a folded line', `POST /ping HTTP/1.1\r\nHost: localhost\r\nX: a\r\n Content-Length: 9\r\n\r\n${second}`],
    ['a lone line feed', `POST /ping HTTP/1.1\nHost: localhost\n\n${second}`],
    [
      'a chunk whose length is none',
      `POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n0x2\r\n[]\r\n0\r\n\r\n${second}`,
    ],
    ['a NUL in a header', `POST /ping HTTP/1.1\r\nHost: localhost\r\nX: a\0b\r\n\r\n${second}`],
    ['another protocol', `POST /ping RESP/3\r\nHost: localhost\r\n\r\n${second}`],
    ['a tunnel', `CONNECT 127.0.0.1:1 HTTP/1.1\r\nHost: localhost\r\n\r\n${second}`],
  ])('%s: the connection ends, and nothing behind it is run', async (_, text) => {
    const door = await openDoor()
    const raw = await RawConnection.open(door.port)
    raw.send(text)
    await eventually(() => raw.ended || raw.closed, 'the end')
    expect(raw.received).not.toContain('OK')
    expect(await door.broker.call('EXISTS', 'taken')).toBe(0)
    await eventually(async () => (await door.connections()) === 0)
  })

  test('requests of RESP, and of a page that sends them in a body, run no command', async () => {
    const door = await openDoor()
    const raw = await RawConnection.open(door.port)
    raw.send('*3\r\n$3\r\nSET\r\n$5\r\ntaken\r\n$1\r\n1\r\n')
    await eventually(() => raw.ended)
    await door.ask('/', { method: 'POST', body: 'SET taken 1\r\n' })
    expect(await door.broker.call('EXISTS', 'taken')).toBe(0)
  })

  test.each([
    ['/../get/a', 400],
    ['//get/a', 400],
    ['/get//a', 400],
    ['/v1/../get/a', 404],
    ['/v1/publish/..%2f..%2fget', 200],
    ['/%2e%2e/get/a', 400],
    ['/get/%', 400],
    ['/get/%c0%ae', 400],
    ['/v1%2fpublish/a', 400],
    ['/V1/publish/a', 400],
    ['/.well-known/mercure/../../set/taken/1', 400],
  ])('POST %s means what its bytes say', async (path, status) => {
    const door = await openDoor()
    expect((await askRaw(door, path, { method: 'POST' })).status).toBe(status)
    expect(await door.broker.call('EXISTS', 'taken')).toBe(0)
  })
})

describe('an offer of another protocol', () => {
  test.each(['h2c', 'h2c, websocket/1', 'TLS/1.0'])(
    '%s is passed over: the request is answered, its body too',
    async (Upgrade) => {
      const door = await openDoor()
      const headers = { Connection: 'Upgrade, HTTP2-Settings', Upgrade, 'HTTP2-Settings': 'AAMAAABkAARAAAAAAAIAAAAA' }
      const heard: string[] = []
      await door.broker.subscribe('news', (message) => heard.push(message))
      const body = 'x'.repeat(100_000)
      expect((await askRaw(door, '/v1/publish/news', { method: 'POST', body, headers })).status).toBe(200)
      expect(heard).toEqual([body])
      const agent = new http.Agent({ keepAlive: true })
      onTestFinished(() => agent.destroy())
      for (let i = 0; i < 3; i++)
        expect((await askRaw(door, '/ping', { headers, agent })).body).toBe('{"result":"PONG"}')
    },
  )
})
