import { describe, expect, test } from 'vitest'
import { openConsole } from '../../support/console.ts'

describe('POST /v1/command', () => {
  test('gives replies as typed JSON', async () => {
    const door = await openConsole()
    const browser = await door.signIn()
    const bytes = { base64: Buffer.from([0xff, 0]).toString('base64') }
    const commands = [
      ['SET', 'text', 'Grüße'],
      ['SET', 'bytes', bytes],
      ['GET', 'text'],
      ['GET', 'bytes'],
      ['GET', 'none'],
      ['INCR', 'n'],
      ['SET', 'n', '9223372036854775806'],
      ['INCR', 'n'],
      ['LRANGE', 'none', 0, -1],
      ['INCR', 'text'],
      ['EVAL', "return {1, {err='ERR inner'}, 'a'}", 0],
      ['SUBSCRIBE', 'a'],
    ]
    const answer = await browser.post('/v1/command', { commands })
    expect(answer.status).toBe(200)
    const { results } = (await answer.json()) as { results: unknown[] }
    expect(results.slice(0, -1)).toEqual([
      { result: 'OK' },
      { result: 'OK' },
      { result: 'Grüße' },
      { result: bytes },
      { result: null },
      { result: 1 },
      { result: 'OK' },
      { result: '9223372036854775807' },
      { result: [] },
      { error: 'ERR value is not an integer or out of range', code: 'ERR' },
      { result: [1, { error: 'ERR inner' }, 'a'] },
    ])
    expect(results.at(-1)).toMatchObject({ code: 'ERR', error: expect.stringContaining('not served over HTTP') })
  })

  test('answers one refusal with its status and its code', async () => {
    const door = await openConsole()
    await door.broker.call('ACL', 'SETUSER', 'guest', 'on', '>pw', '+get', '~mine:*')
    const browser = await door.signIn('guest', 'pw')
    const refused = await browser.post('/v1/command', { command: ['SET', 'mine:a', 'x'] })
    expect(refused.status).toBe(403)
    expect(await refused.json()).toMatchObject({ code: 'NOPERM' })
    expect(await browser.command('GET', 'mine:a')).toEqual({ result: null })
    expect((await browser.post('/v1/command', { command: [] })).status).toBe(400)
    expect((await browser.post('/v1/command', { command: ['GET', {}] })).status).toBe(400)
    expect((await browser.post('/v1/command', { commands: new Array(1001).fill(['PING']) })).status).toBe(400)
  })

  test('works on the database that is named, as far as SELECT is allowed', async () => {
    const door = await openConsole()
    const browser = await door.signIn()
    expect(await (await browser.post('/v1/command', { command: ['SET', 'k', '3'], db: 3 })).json()).toEqual({
      result: 'OK',
    })
    expect(await browser.command('EXISTS', 'k')).toEqual({ result: 0 })
    expect((await browser.post('/v1/command', { command: ['GET', 'k'], db: 99 })).status).toBe(400)
    await door.broker.call('ACL', 'SETUSER', 'guest', 'on', '>pw', '+get', '~*')
    const guest = await door.signIn('guest', 'pw')
    expect((await guest.post('/v1/command', { command: ['GET', 'k'], db: 3 })).status).toBe(403)
  })

  test('leaves an audit line for each change, and none for a read; secrets are hidden', async () => {
    const door = await openConsole()
    const browser = await door.signIn()
    await browser.command('GET', 'k')
    await browser.command('CLIENT', 'LIST')
    await browser.command('CONFIG', 'GET', 'maxmemory')
    await browser.command('SET', 'k', 'v')
    await browser.command('ACL', 'SETUSER', 'bob', '>hidden')
    await browser.command('LPUSH', 'k', 'x')
    await browser.command('CONFIG', 'SET', 'maxmemory', '1gb', 'requirepass', 'topsecret')
    const lines = door.audit.filter(({ command }) => command !== undefined)
    expect(lines.map(({ command, ok, user }) => [user, command, ok])).toEqual([
      ['default', ['SET', 'k', 'v'], true],
      ['default', ['ACL', 'SETUSER', '(redacted)', '(redacted)'], true],
      ['default', ['LPUSH', 'k', 'x'], false],
      ['default', ['CONFIG', 'SET', 'maxmemory', '1gb', 'requirepass', '(redacted)'], true],
    ])
    expect(lines[0]!.address).toBe('127.0.0.1')
    expect(JSON.stringify(door.audit)).not.toMatch(/topsecret|hidden/)
  })

  test('is served below the path of a proxy, too', async () => {
    const door = await openConsole({ 'console-path': '/tools/respite' })
    const answer = await door.trySignIn({ user: 'default', password: '' })
    expect(answer.headers.getSetCookie()[0]).toContain('; Path=/tools/respite/;')
    expect(await (await door.ask('/tools/respite/v1/session')).json()).toMatchObject({ signedIn: false })
    expect((await door.ask('/tools/respite/console', { redirect: 'manual' })).headers.get('location')).toBe('console/')
    expect((await door.ask('/v1/openapi.json')).status).toBe(200)
  })
})
