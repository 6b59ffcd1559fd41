import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { askRaw, openDoor } from '../support/door.ts'
import { eventually, RawConnection, temporaryDirectory } from '../support/server.ts'
import { hmacToken, keyToken, part, TOKEN_SECRET as SECRET, soon } from '../support/tokens.ts'

const bearer = (token: string): RequestInit => ({
  method: 'POST',
  body: 'x',
  headers: { Authorization: `Bearer ${token}` },
})
const PUBLISH = '/v1/publish/news'

describe('an ACL user', () => {
  test('comes by Basic or by Bearer, and may do what its rules say', async () => {
    const { ask, broker } = await openDoor({ requirepass: 'secret' })
    await broker.call('ACL', 'SETUSER', 'ann', 'on', '>pw:1', '+publish', '+get', '&news', '~a*')
    const basic = (pair: string): RequestInit => ({
      method: 'POST',
      body: 'x',
      headers: { Authorization: `Basic ${Buffer.from(pair).toString('base64')}` },
    })
    expect((await ask(PUBLISH, { method: 'POST', body: 'x' })).status).toBe(401)
    expect((await ask(PUBLISH, bearer('secret'))).status).toBe(200)
    expect((await ask(PUBLISH, bearer('ann:pw:1'))).status).toBe(200)
    expect((await ask(PUBLISH, basic('ann:pw:1'))).status).toBe(200)
    expect((await ask(PUBLISH, basic('ann:wrong'))).status).toBe(401)
    expect((await ask('/v1/publish/other', basic('ann:pw:1'))).status).toBe(403)
    expect((await ask('/get/b', { headers: { Authorization: 'Bearer ann:pw:1' } })).status).toBe(400)
    expect((await ask('/v1/subscribe?channel=news', { headers: { Authorization: 'Bearer ann:pw:1' } })).status).toBe(
      403,
    )
    const log = (await broker.call('ACL', 'LOG')) as Map<string, unknown>[]
    expect(log.map((entry) => entry.get('reason')).sort()).toEqual(['auth', 'channel', 'command', 'key'])
  })

  test('whose password is taken away comes in no more, on the same connection either', async () => {
    const door = await openDoor({ requirepass: 'secret' })
    const raw = await RawConnection.open(door.port)
    const request = 'GET /dbsize HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer secret\r\n\r\n'
    raw.send(request)
    await eventually(() => raw.received.includes('{"result":0}'))
    await door.broker.call('CONFIG', 'SET', 'requirepass', 'another secret')
    raw.send(request)
    await eventually(() => raw.received.includes('WRONGPASS'))
  })

  test('an address that guesses is told to wait', async () => {
    const { ask } = await openDoor({ requirepass: 'secret' })
    const statuses: number[] = []
    for (let i = 0; i < 15; i++) statuses.push((await ask(PUBLISH, bearer(`guess${i}`))).status)
    expect(statuses.slice(0, 10)).toEqual(Array(10).fill(401))
    expect(statuses).toContain(429)
  })

  test('protected mode serves this machine alone while there is no password', async () => {
    const { ask, engine } = await openDoor({ 'protected-mode': 'yes' })
    expect((await ask('/ping')).status).toBe(200)
    expect(engine.clients.users.isOpen).toBe(true)
  })
})

describe('a token', () => {
  const settings = { 'http-token-secret': SECRET, requirepass: 'secret' }
  const claims = (): object => ({ sub: 'default', publish: ['news'], subscribe: ['news', 'chat.*'], exp: soon() })

  test('opens the channels that it names, and no command', async () => {
    const { ask } = await openDoor(settings)
    const token = hmacToken(claims())
    expect((await ask(PUBLISH, bearer(token))).status).toBe(200)
    expect((await ask('/v1/publish/other', bearer(token))).status).toBe(403)
    expect((await ask('/get/a', { headers: { Authorization: `Bearer ${token}` } })).status).toBe(403)
    const listen = async (query: string): Promise<number> => {
      const answer = await ask(`/v1/subscribe?wait=0&${query}`, { headers: { Authorization: `Bearer ${token}` } })
      return answer.status
    }
    expect(await listen('channel=chat.1')).toBe(200)
    expect(await listen('pattern=chat.*')).toBe(200)
    expect(await listen('pattern=chat.1*')).toBe(403)
    expect(await listen('channel=other')).toBe(403)
  })

  test('does not give what the ACL of its user does not', async () => {
    const { ask, broker } = await openDoor(settings)
    await broker.call('ACL', 'SETUSER', 'ann', 'on', 'nopass', '+publish', '&other')
    expect((await ask(PUBLISH, bearer(hmacToken({ ...claims(), sub: 'ann' })))).status).toBe(403)
    await broker.call('ACL', 'SETUSER', 'ann', 'off')
    expect((await ask(PUBLISH, bearer(hmacToken({ ...claims(), sub: 'ann' })))).status).toBe(401)
    expect((await ask(PUBLISH, bearer(hmacToken({ ...claims(), sub: 'nobody' })))).status).toBe(401)
  })

  test('is refused when it is expired, endless, altered, unsigned, or signed by another secret', async () => {
    const { ask } = await openDoor(settings)
    const good = hmacToken(claims())
    const [head, , signature] = good.split('.')
    const wrong = [
      hmacToken({ ...claims(), exp: soon() - 3600 }),
      hmacToken({ sub: 'default', publish: ['news'] }),
      hmacToken({ ...claims(), nbf: soon() + 3600 }),
      hmacToken({ ...claims(), publish: [7] }),
      `${head}.${part({ ...claims(), publish: ['*'] })}.${signature}`,
      `${part({ alg: 'none' })}.${part(claims())}.`,
      `${part({ alg: 'None', typ: 'JWT' })}.${part(claims())}.`,
      hmacToken(claims(), 'another secret that has 32 bytes!!'),
      hmacToken(claims(), SECRET, { alg: 'HS512' }),
      hmacToken(claims(), SECRET, { alg: 'HS256', crit: ['x'], x: 1 }),
      'eyJ.eyJ.eyJ',
    ]
    for (const token of wrong) {
      const answer = await ask(PUBLISH, bearer(token))
      // A guesser is slowed down in the end.
      expect([401, 429], token).toContain(answer.status)
    }
    expect((await ask(PUBLISH, bearer(good))).status).toBe(200)
  })

  test('is taken with RS256, ES256 and EdDSA, each by a key of its kind, of PEM or of a JWKS', async () => {
    const directory = temporaryDirectory()
    const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
    const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const ed = generateKeyPairSync('ed25519')
    const pems = [rsa, ec, ed].map(({ publicKey }) => publicKey.export({ type: 'spki', format: 'pem' }).toString())
    const set = [rsa, ec, ed].map(({ publicKey }, i) => ({ ...publicKey.export({ format: 'jwk' }), kid: `k${i}` }))
    const files = { pem: join(directory, 'keys.pem'), jwks: join(directory, 'keys.json') }
    writeFileSync(files.pem, pems.join('\n'))
    writeFileSync(files.jwks, JSON.stringify({ keys: set }))
    const tokens = [
      keyToken(claims(), 'RS256', rsa.privateKey, 'k0'),
      keyToken(claims(), 'ES256', ec.privateKey, 'k1'),
      keyToken(claims(), 'EdDSA', ed.privateKey, 'k2'),
    ]
    for (const file of Object.values(files)) {
      const { ask } = await openDoor({ requirepass: 'secret', 'http-token-keys': file })
      for (const token of tokens) expect((await ask(PUBLISH, bearer(token))).status).toBe(200)
      // The public key, which everybody has, taken for a secret.
      const confused = pems.map((pem) => hmacToken(claims(), pem))
      for (const token of confused) expect((await ask(PUBLISH, bearer(token))).status).toBe(401)
      const stranger = generateKeyPairSync('ed25519')
      expect((await ask(PUBLISH, bearer(keyToken(claims(), 'EdDSA', stranger.privateKey, 'k2')))).status).toBe(401)
    }
  })

  test('is checked with renewed keys when the file is read again', async () => {
    const file = join(temporaryDirectory(), 'keys.pem')
    const [before, after] = [generateKeyPairSync('ed25519'), generateKeyPairSync('ed25519')]
    const write = (key: KeyObject): void => writeFileSync(file, key.export({ type: 'spki', format: 'pem' }))
    write(before.publicKey)
    const { ask, server } = await openDoor({ requirepass: 'secret', 'http-token-keys': file })
    const token = keyToken(claims(), 'EdDSA', before.privateKey)
    expect((await ask(PUBLISH, bearer(token))).status).toBe(200)
    write(after.publicKey)
    server.door.gatekeeper.tokens.reload()
    expect((await ask(PUBLISH, bearer(token))).status).toBe(401)
    expect((await ask(PUBLISH, bearer(keyToken(claims(), 'EdDSA', after.privateKey)))).status).toBe(200)
  })

  test('a file with a private key, a secret, or nothing is refused at the start', async () => {
    const directory = temporaryDirectory()
    const { privateKey } = generateKeyPairSync('ed25519')
    const wrong = {
      'private.pem': privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
      'private.json': JSON.stringify({ keys: [privateKey.export({ format: 'jwk' })] }),
      'secret.json': JSON.stringify({ keys: [{ kty: 'oct', k: 'c2VjcmV0' }] }),
      'empty.json': '{"keys":[]}',
      'text.pem': 'no key',
    }
    for (const [name, text] of Object.entries(wrong)) {
      writeFileSync(join(directory, name), text)
      await expect(openDoor({ 'http-token-keys': join(directory, name) }), name).rejects.toThrow('http-token-keys')
    }
    await expect(openDoor({ 'http-token-keys': join(directory, 'none') })).rejects.toThrow('ENOENT')
  })

  test('ends its streams when it expires', async () => {
    const { ask } = await openDoor(settings)
    const token = hmacToken({ ...claims(), exp: Math.floor(Date.now() / 1000) + 1 })
    const answer = await ask('/v1/subscribe?channel=news', { headers: { Authorization: `Bearer ${token}` } })
    expect(answer.status).toBe(200)
    expect(await answer.text()).toContain('retry:')
  })

  test('comes in a cookie to the same site, and not from a page of any site', async () => {
    const door = await openDoor({ ...settings, 'http-cors-origin': '*' })
    const ask = async (headers: Record<string, string>): Promise<number> => {
      const all = { Cookie: `a=b; respite=${hmacToken(claims())}`, ...headers }
      return (await askRaw(door, PUBLISH, { method: 'POST', body: 'x', headers: all })).status
    }
    expect(await ask({})).toBe(200)
    expect(await ask({ Origin: `http://127.0.0.1:${door.port}` })).toBe(200)
    expect(await ask({ Origin: 'https://elsewhere.example' })).toBe(401)
  })
})

describe('a ticket', () => {
  test('opens one stream, once, and no command', async () => {
    const { ask } = await openDoor({ requirepass: 'secret' })
    const issue = async (): Promise<string> =>
      ((await (await ask('/v1/ticket', bearer('secret'))).json()) as { ticket: string }).ticket
    const ticket = await issue()
    expect((await ask(`/v1/subscribe?channel=a&wait=0&ticket=${ticket}`)).status).toBe(200)
    expect((await ask(`/v1/subscribe?channel=a&wait=0&ticket=${ticket}`)).status).toBe(401)
    expect((await ask(`/get/a?ticket=${await issue()}`)).status).toBe(403)
    expect((await ask('/v1/subscribe?channel=a&wait=0&ticket=guess')).status).toBe(401)
    expect((await ask('/v1/ticket', { method: 'POST' })).status).toBe(401)
    expect((await ask('/v1/ticket', bearer('wrong'))).status).toBe(401)
    expect((await ask('/v1/ticket', bearer('nobody:wrong'))).status).toBe(401)
  })
})

describe('hosts and origins', () => {
  const ask = async (
    settings: Record<string, string>,
    headers: Record<string, string>,
    method = 'POST',
    path = PUBLISH,
  ) => askRaw(await openDoor(settings), path, { method, headers, ...(method === 'POST' ? { body: 'x' } : {}) })

  test('a host name that is not served is refused, whatever it resolves to', async () => {
    expect((await ask({}, { Host: 'evil.example' })).status).toBe(421)
    expect((await ask({}, { Host: 'localhost:80' })).status).toBe(200)
    expect((await ask({}, { Host: '[::1]:80' })).status).toBe(200)
    expect((await ask({ 'http-hosts': 'broker.example' }, { Host: 'Broker.example:443' })).status).toBe(200)
    expect((await ask({ 'http-hosts': 'broker.example' }, { Host: 'evil.example' })).status).toBe(421)
  })

  test('a page of another site is refused, by its Origin or by Sec-Fetch-Site', async () => {
    for (const Origin of ['https://evil.example', 'null', 'http://127.0.0.1.evil.example'])
      expect((await ask({}, { Origin })).status).toBe(403)
    expect((await ask({}, { 'Sec-Fetch-Site': 'cross-site' }, 'GET', '/get/a')).status).toBe(403)
    expect((await ask({}, { Origin: 'https://evil.example' }, 'GET', '/v1/subscribe?channel=a&wait=0')).status).toBe(
      403,
    )
  })

  test('a page of a site that is allowed is told so, and asks before', async () => {
    const settings = { 'http-cors-origin': 'https://app.example' }
    const answer = await ask(settings, { Origin: 'https://app.example' })
    expect(answer.status).toBe(200)
    expect(answer.headers).toMatchObject({
      'access-control-allow-origin': 'https://app.example',
      'access-control-allow-credentials': 'true',
      vary: 'Origin',
    })
    const preflight = await ask(settings, { Origin: 'https://app.example' }, 'OPTIONS')
    expect(preflight.status).toBe(204)
    expect(preflight.headers['access-control-allow-headers']).toContain('Last-Event-ID')
    expect((await ask(settings, { Origin: 'https://evil.example' }, 'OPTIONS')).status).toBe(403)
    const any = await ask({ 'http-cors-origin': '*' }, { Origin: 'https://evil.example' })
    expect(any.headers['access-control-allow-origin']).toBe('*')
    expect(any.headers['access-control-allow-credentials']).toBeUndefined()
  })

  test('requests of an address, and of a user, are counted', async () => {
    for (const setting of ['http-rate-per-address', 'http-rate-per-user']) {
      const { ask: one } = await openDoor({ [setting]: '3' })
      const statuses = await Promise.all(Array.from({ length: 6 }, async () => (await one('/ping')).status))
      expect(statuses.filter((status) => status === 429).length).toBeGreaterThanOrEqual(2)
    }
  })
})

describe('what is hostile', () => {
  test('a name of a channel splits no answer', async () => {
    const { ask } = await openDoor({ 'http-port': '8080', channel: '* keep 1h' })
    const answer = await ask('/v1/publish/a%0d%0aSet-Cookie:%20x=1', { method: 'POST', body: 'x' })
    expect(answer.status).toBe(200)
    expect(answer.headers.get('set-cookie')).toBeNull()
    const poll = await ask('/v1/subscribe?channel=a%0d%0aSet-Cookie:%20x%3D1&from=first&wait=0')
    expect(((await poll.json()) as { messages: object[] }).messages).toMatchObject([
      { channel: 'a\r\nSet-Cookie: x=1' },
    ])
  })

  test('heads that are too long, and requests that are none, are refused and end', async () => {
    const door = await openDoor()
    for (const [text, status] of [
      [`GET / HTTP/1.1\r\nHost: localhost\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`, '431'],
      ['no request at all\r\n\r\n', '400'],
      ['GET /ping HTTP/1.1\r\n\r\n', '400'],
    ] as const) {
      const raw = await RawConnection.open(door.port)
      raw.send(text)
      await eventually(() => raw.received.startsWith(`HTTP/1.1 ${status}`) && raw.ended)
    }
  })

  test('a hundred requests whose heads do not arrive end in time, and others are served meanwhile', async () => {
    const limits = {
      headersTimeout: 300,
      requestTimeout: 400,
      keepAliveTimeout: 300,
      connectionsCheckingInterval: 50,
      answerTimeout: 500,
    }
    const door = await openDoor({}, { limits })
    const slow = await Promise.all(Array.from({ length: 100 }, () => RawConnection.open(door.port)))
    for (const [i, raw] of slow.entries())
      raw.send(
        i % 2 === 0
          ? 'GET /ping HTTP/1.1\r\nHost: local'
          : 'POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n[',
      )
    expect((await door.ask('/ping')).status).toBe(200)
    await eventually(() => slow.every(({ ended }) => ended), 'the end of slow requests')
    expect(slow[0]?.received).toContain('408')
    expect(door.engine.clients.connected.size).toBeLessThan(5)
  })

  test('an error within is not shown', async () => {
    const { ask, engine } = await openDoor()
    engine.commands.meant = () => {
      throw new Error('a secret of the inside')
    }
    const answer = await ask('/ping')
    expect(answer.status).toBe(500)
    expect(await answer.text()).not.toContain('secret')
  })
})
