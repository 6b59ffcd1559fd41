import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { brotliCompressSync } from 'node:zlib'
import { describe, expect, onTestFinished, test } from 'vitest'
import { DOOR_DOCS } from '../../../src/door/console/door-docs.ts'
import { ENDPOINTS } from '../../../src/door/console/endpoints.ts'
import { openApi } from '../../../src/door/console/open-api.ts'
import { PageFiles } from '../../../src/door/console/page-files.ts'
import type { Exchange, Headers } from '../../../src/door/exchanges/exchange.ts'
import { HttpError } from '../../../src/door/exchanges/http-error.ts'
import { openConsole } from '../../support/console.ts'
import { askRaw, openDoor } from '../../support/door.ts'

/** Everything that the OpenAPI file names. */
const ALL = [...DOOR_DOCS, ...ENDPOINTS]
const NAMES: Readonly<Record<string, string>> = { name: 'q', id: '1', action: 'retry', channel: 'c' }

/** The path of an endpoint with names in the places of its braces. */
const pathOf = (template: string): string =>
  `${template.replace(/\{(\w+)\}/g, (_, name: string) => NAMES[name] ?? '')}?channel=c`

const SCRIPT = '<script>alert(1)</script>'

/** Files of a page, and how they answer. */
function openPage() {
  const folder = mkdtempSync(join(tmpdir(), 'respite-page-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  mkdirSync(join(folder, 'page/assets'), { recursive: true })
  writeFileSync(join(folder, 'secret.txt'), 'secret')
  writeFileSync(join(folder, 'page/index.html'), '<!doctype html>')
  writeFileSync(join(folder, 'page/assets/main-Ab12_cd9.js.br'), brotliCompressSync('let a'))
  symlinkSync(join(folder, 'secret.txt'), join(folder, 'page/link.txt.br'))
  symlinkSync(join(folder, 'secret.txt'), join(folder, 'page/link.txt'))
  const files = new PageFiles(join(folder, 'page'))
  return (path: string, headers: Record<string, string> = {}, method = 'GET') => {
    let answer: { status: number; headers: Headers; body: string } | undefined
    const exchange = {
      method,
      header: (name: string) => headers[name],
      answer: (status: number, sent: Headers, body: string | Buffer) => {
        answer = { status, headers: sent, body: String(body) }
      },
    } as unknown as Exchange
    try {
      files.answer(exchange, path)
    } catch (error) {
      if (error instanceof HttpError) return { status: error.status, headers: error.headers as Headers, body: '' }
      throw error
    }
    return answer!
  }
}

describe('the page’s files', () => {
  test('have a policy without inline code, and no page may frame them', () => {
    const { headers, status } = openPage()('')
    expect(status).toBe(200)
    expect(headers['Content-Security-Policy']).toContain("default-src 'none'; script-src 'self'; style-src 'self'")
    expect(headers['Content-Security-Policy']).toContain("frame-ancestors 'none'")
    expect(headers['Content-Security-Policy']).not.toContain('unsafe')
    expect(headers).toMatchObject({
      'X-Frame-Options': 'DENY',
      'X-Content-Type-Options': 'nosniff',
      'Cache-Control': 'no-cache',
      'Cross-Origin-Resource-Policy': 'same-origin',
    })
  })

  test('are compressed, kept by their hashes, and known by their tags', () => {
    const ask = openPage()
    const name = 'assets/main-Ab12_cd9.js'
    const plain = ask(name)
    expect(plain).toMatchObject({ body: 'let a', headers: { 'Cache-Control': 'public, max-age=31536000, immutable' } })
    expect(ask(name, { 'accept-encoding': 'gzip, br' })).toMatchObject({
      body: String(brotliCompressSync('let a')),
      headers: { 'Content-Encoding': 'br' },
    })
    expect(ask(name, { 'accept-encoding': 'br;q=0' })).toMatchObject({ body: 'let a' })
    expect(ask(name, { 'if-none-match': `W/${String(plain.headers.ETag)}` })).toMatchObject({ status: 304, body: '' })
    expect(ask('queues/mails').body).toBe('<!doctype html>')
    expect(ask('', {}, 'POST').status).toBe(405)
  })

  test.each([
    '../secret.txt',
    '..%2fsecret.txt',
    '%2e%2e/secret.txt',
    'assets/../../secret.txt',
    '/etc/hostname.txt',
    '..\\secret.txt',
    'link.txt',
    'assets/main-Ab12_cd9.js.br',
    'none.js',
  ])('do not lead out of their folder: %s', (path) => {
    const { body, status } = openPage()(path)
    expect(status).toBe(404)
    expect(body).toBe('')
  })
})

describe('requests of other sites', () => {
  test('change nothing by the cookie: each part is wanted', async () => {
    const door = await openConsole()
    const { cookie } = await door.signIn()
    const body = JSON.stringify({ command: ['SET', 'k', 'v'] })
    const own = { Cookie: cookie, Origin: door.url, 'X-Respite-Console': '1' }
    const post = (headers: Record<string, string>): Promise<Response> =>
      door.ask('/v1/command', { method: 'POST', headers, body })
    const { Origin: _, ...noOrigin } = own
    const { 'X-Respite-Console': __, ...noHeader } = own
    expect((await post(noOrigin)).status).toBe(403)
    expect((await post(noHeader)).status).toBe(403)
    expect((await post({ ...own, Origin: 'https://evil.example' })).status).toBe(403)
    expect((await post({ ...own, Origin: 'null' })).status).toBe(403)
    expect((await door.broker.call('EXISTS', 'k')) as number).toBe(0)
    expect((await post(own)).status).toBe(200)
    // Nor do they sign anyone in.
    const signIn = { method: 'POST', body: JSON.stringify({ user: 'default', password: '' }) }
    expect((await door.ask('/v1/session', signIn)).status).toBe(403)
  })

  test('change nothing at any endpoint that changes something', async () => {
    const door = await openConsole({ requirepass: 'secret', 'http-cors-origin': 'https://app.example' })
    const { cookie } = await door.signIn('default', 'secret')
    const body = JSON.stringify({ command: ['SET', 'k', 'v'], user: 'default', password: 'secret' })
    const changing = ALL.filter(({ method }) => method !== 'GET')
    expect(changing.length).toBeGreaterThan(8)
    for (const { method, path } of changing)
      for (const headers of [
        { Origin: door.url },
        { 'X-Respite-Console': '1' },
        { Origin: 'https://app.example', 'X-Respite-Console': '1' },
        { Origin: 'https://evil.example', 'X-Respite-Console': '1' },
        { Origin: 'null', 'X-Respite-Console': '1' },
      ] as Record<string, string>[]) {
        const answer = await door.ask(pathOf(path), { method, headers: { Cookie: cookie, ...headers }, body })
        expect([401, 403], `${method} ${path} ${JSON.stringify(headers)}`).toContain(answer.status)
      }
    expect(door.audit.filter(({ command }) => command !== undefined)).toEqual([])
  })

  test.each<Record<string, string>>([
    { Origin: 'https://app.example' },
    { Origin: 'https://evil.example' },
    { Origin: 'null' },
    { 'Sec-Fetch-Site': 'cross-site' },
  ])('read nothing at any endpoint that reads: %j', async (headers) => {
    const door = await openConsole({ requirepass: 'secret', 'http-cors-origin': 'https://app.example' })
    const { cookie } = await door.signIn('default', 'secret')
    for (const { path } of ALL.filter(({ method }) => method === 'GET')) {
      const answer = await askRaw(door, pathOf(path), { headers: { Cookie: cookie, ...headers } })
      // Who asks for the session is told that there is none.
      if (answer.status === 200)
        expect(JSON.parse(answer.body), path).toEqual({ signedIn: false, open: false, broker: null })
      // Beyond ten refusals a second an address is refused unlooked at.
      else expect([401, 403, 429], path).toContain(answer.status)
    }
  })

  test('read nothing by the cookie, even where the site may use the door', async () => {
    const door = await openConsole({ requirepass: 'secret', 'http-cors-origin': 'https://app.example' })
    const { cookie } = await door.signIn('default', 'secret')
    const headers = { Cookie: cookie, Origin: 'https://app.example' }
    expect((await door.ask('/v1/channels', { headers })).status).toBe(401)
    const fromLink = { Cookie: cookie, 'Sec-Fetch-Site': 'cross-site' }
    expect((await askRaw(door, '/v1/channels', { headers: fromLink })).status).toBe(403)
  })

  test('reach no command by a link: a session opens the routes of version 1 alone', async () => {
    const door = await openConsole({ requirepass: 'secret' })
    const browser = await door.signIn('default', 'secret')
    expect((await browser.get('/set/k/v')).status).toBe(401)
    expect((await door.broker.call('EXISTS', 'k')) as number).toBe(0)
  })

  test('that name another host are refused', async () => {
    const door = await openConsole()
    expect((await askRaw(door, '/console/', { headers: { Host: 'evil.example' } })).status).toBe(421)
  })
})

describe('a user without rights', () => {
  const GUARDED = ALL.filter(({ path }) => !['/v1/session', '/v1/queues', '/v1/ticket'].includes(path))

  test('is looked at wherever the OpenAPI file leads', () => {
    const { paths } = openApi() as { paths: Record<string, Record<string, object>> }
    const told = Object.entries(paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((name) => `${name} ${path}`),
    )
    expect(told.sort()).toEqual(ALL.map(({ method, path }) => `${method.toLowerCase()} ${path}`).sort())
  })

  test.each(GUARDED.map(({ method, path }) => [method, path]))('is refused at %s %s', async (method, template) => {
    const door = await openConsole()
    await door.broker.call('ACL', 'SETUSER', 'guest', 'on', '>pw')
    await door.broker.call('HSET', 'bull:q:meta', 'version', 'bullmq:6')
    await door.broker.call('HSET', 'bull:q:1', 'name', 'a', 'timestamp', '1')
    await door.broker.call('ZADD', 'bull:q:failed', '1', '1')
    const browser = await door.signIn('guest', 'pw')
    const path = pathOf(template)
    const answer = method === 'GET' ? await browser.get(path) : await browser.post(path, { command: ['GET', 'k'] })
    expect(answer.status).toBe(403)
    expect(((await answer.json()) as { error: string }).error).toMatch(/^NOPERM /)
    expect(await door.broker.call('ZCARD', 'bull:q:failed')).toBe(1)
  })

  test.each(ALL.filter(({ path }) => path !== '/v1/session').map(({ method, path }) => [method, path]))(
    'who has not signed in is refused at %s %s',
    async (method, template) => {
      const door = await openConsole({ requirepass: 'secret' })
      const path = pathOf(template)
      const body = method === 'GET' ? undefined : JSON.stringify({ command: ['GET', 'k'] })
      expect((await door.ask(path, { method, body: body ?? null })).status).toBe(401)
    },
  )

  test('sees no queue, no list and no stream', async () => {
    const door = await openConsole()
    await door.broker.call('ACL', 'SETUSER', 'guest', 'on', '>pw')
    await door.broker.call('HSET', 'bull:q:meta', 'version', 'bullmq:6')
    await door.broker.call('XGROUP', 'CREATE', 'stream', 'g', '$', 'MKSTREAM')
    const browser = await door.signIn('guest', 'pw')
    const nothing = { queues: [], lists: [], streams: [], searching: false }
    expect(await browser.json('/v1/queues')).toEqual(nothing)
    const all = await (await door.signIn()).json<{ queues: object[]; streams: object[] }>('/v1/queues')
    expect([all.queues.length, all.streams]).toEqual([1, [{ name: 'stream', length: 0, groups: 1 }]])
  })

  test('sees a queue only with the right to its keys, and changes no job with the right to read', async () => {
    const door = await openConsole()
    await door.broker.call('ACL', 'SETUSER', 'reader', 'on', '>pw', '+@all', '%R~bull:q:*')
    await door.broker.call('HSET', 'bull:q:meta', 'version', 'bullmq:6')
    await door.broker.call('HSET', 'bull:q:1', 'name', 'a', 'timestamp', '1')
    await door.broker.call('ZADD', 'bull:q:failed', '1', '1')
    await door.broker.call('HSET', 'bull:other:meta', 'version', 'bullmq:6')
    const browser = await door.signIn('reader', 'pw')
    const { queues } = await browser.json<{ queues: { name: string }[] }>('/v1/queues')
    expect(queues.map(({ name }) => name)).toEqual(['q'])
    expect((await browser.get('/v1/queues/other/details')).status).toBe(403)
    expect((await browser.post('/v1/queues/q/jobs/1/retry')).status).toBe(403)
    expect(await door.broker.call('ZCARD', 'bull:q:failed')).toBe(1)
  })
})

describe('texts of clients', () => {
  test('come as JSON that no browser takes for a page', async () => {
    const door = await openConsole({ channel: `* keep 1h` })
    const browser = await door.signIn()
    await door.broker.call('PUBLISH', SCRIPT, SCRIPT)
    await door.broker.call('HSET', 'bull:q:meta', 'version', 'bullmq:6')
    await door.broker.call('HSET', 'bull:q:1', 'name', SCRIPT, 'failedReason', SCRIPT, 'timestamp', '1')
    await door.broker.call('ZADD', 'bull:q:failed', '1', '1')
    const paths = [
      '/v1/channels',
      `/v1/channels/${encodeURIComponent(SCRIPT)}/messages`,
      '/v1/queues/q/jobs',
      '/v1/queues/q/jobs/1',
    ]
    for (const path of paths) {
      const answer = await browser.get(path)
      expect(answer.headers.get('content-type'), path).toMatch(/^application\/(json|x-ndjson)/)
      expect(answer.headers.get('x-content-type-options'), path).toBe('nosniff')
      expect(await answer.text(), path).toContain('alert(1)')
    }
    const refused = await browser.post('/v1/command', { command: [SCRIPT] })
    expect(refused.headers.get('content-type')).toBe('application/json')
    expect(await refused.json()).toMatchObject({ code: 'ERR', error: expect.stringContaining(SCRIPT) })
  })
})

describe('while the console is off', () => {
  test('none of it is there, and CONFIG SET opens and closes it', async () => {
    const door = await openDoor()
    expect((await door.ask('/console/')).status).toBe(400)
    expect((await door.ask('/v1/session')).status).toBe(404)
    expect(door.server.door.console).toBeUndefined()
    await door.broker.call('CONFIG', 'SET', 'console', 'yes')
    expect((await door.ask('/v1/session')).status).toBe(200)
    await door.broker.call('CONFIG', 'SET', 'console', 'no')
    expect((await door.ask('/v1/session')).status).toBe(404)
  })
})
