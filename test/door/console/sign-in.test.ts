import { describe, expect, test } from 'vitest'
import type { Engine } from '../../../src/commands/call.ts'
import { Config } from '../../../src/config/config.ts'
import { Sessions } from '../../../src/door/sign-in/sessions.ts'
import { SignInLimits } from '../../../src/door/sign-in/sign-in-limits.ts'
import { cookieIn, openConsole } from '../../support/console.ts'
import { FakeClock } from '../../support/fake-clock.ts'

const USER = ['ACL', 'SETUSER', 'ana', 'on', '>pw', '+@all', '~*', '&*'] as const

interface SessionAnswer {
  readonly signedIn: boolean
  readonly user?: string
  readonly open?: boolean
  readonly broker: { readonly kind: string } | null
}

describe('/v1/session', () => {
  test('signs an ACL user in, tells of it, and signs it out', async () => {
    const door = await openConsole()
    await door.broker.call(...USER)
    expect(await (await door.ask('/v1/session')).json()).toEqual({ signedIn: false, open: true, broker: null })
    const browser = await door.signIn('ana', 'pw')
    expect(await browser.json<SessionAnswer>('/v1/session')).toMatchObject({
      signedIn: true,
      user: 'ana',
      how: 'password',
      broker: { kind: 'respite', role: 'master' },
    })
    expect(await browser.command('ACL', 'WHOAMI')).toEqual({ result: 'ana' })
    const headers = { Cookie: browser.cookie, Origin: door.url, 'X-Respite-Console': '1' }
    const out = await door.ask('/v1/session', { method: 'DELETE', headers })
    expect(out.status).toBe(204)
    expect(out.headers.getSetCookie()[0]).toMatch(
      /^respite-console-\d+=; Path=\/; Max-Age=0; HttpOnly; SameSite=Strict$/,
    )
    expect(await browser.json<SessionAnswer>('/v1/session')).toMatchObject({ signedIn: false })
  })

  test('gives a cookie that scripts and other sites cannot use, and a new id each time', async () => {
    const door = await openConsole()
    const planted = { Cookie: 'respite-console-1=planted' }
    const first = await door.trySignIn({ user: 'default', password: '' }, planted)
    const [cookie] = first.headers.getSetCookie()
    expect(cookie).toMatch(/^respite-console-\d+=[\w-]{43}; Path=\/; Max-Age=43200; HttpOnly; SameSite=Strict$/)
    const again = await door.trySignIn({ user: 'default', password: '' }, { Cookie: cookieIn(first) })
    expect(cookieIn(again)).not.toBe(cookieIn(first))
    // The earlier id is over.
    const told = await door.ask('/v1/session', { headers: { Cookie: cookieIn(first) } })
    expect(await told.json()).toMatchObject({ signedIn: false })
  })

  test('refuses an id that was planted before the sign-in', async () => {
    const door = await openConsole({ requirepass: 'secret' })
    const name = `respite-console-${door.port}`
    const planted = { Cookie: `${name}=${'A'.repeat(43)}` }
    const answer = await door.trySignIn({ user: 'default', password: 'secret' }, planted)
    expect(cookieIn(answer)).not.toContain('AAAA')
    expect((await door.ask('/v1/channels', { headers: planted })).status).toBe(401)
  })

  test('ends a session when its user is off, is gone, or has another password', async () => {
    const door = await openConsole({ requirepass: 'secret' })
    for (const change of [['off'], ['resetpass', '>other']]) {
      await door.broker.call(...USER, 'resetpass', '>pw')
      const browser = await door.signIn('ana', 'pw')
      await door.broker.call('ACL', 'SETUSER', 'ana', ...change)
      expect(await browser.json<SessionAnswer>('/v1/session')).toMatchObject({ signedIn: false })
      expect((await browser.post('/v1/command', { command: ['PING'] })).status).toBe(401)
    }
    await door.broker.call(...USER, 'resetpass', '>pw')
    const browser = await door.signIn('ana', 'pw')
    await door.broker.call('ACL', 'DELUSER', 'ana')
    expect((await browser.get('/v1/overview')).status).toBe(401)
  })

  test('refuses more wrong passwords of one address, right or not, and forgets after a while', async () => {
    const door = await openConsole({ requirepass: 'secret' })
    for (let i = 0; i < 5; i++)
      expect((await door.trySignIn({ user: 'default', password: `wrong${i}` })).status).toBe(401)
    const refused = await door.trySignIn({ user: 'default', password: 'secret' })
    expect(refused.status).toBe(429)
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(800)
    // Other users of that address are served until it has tried many.
    await door.broker.call(...USER)
    expect((await door.trySignIn({ user: 'ana', password: 'pw' })).status).toBe(200)
  })

  test('takes a link once', async () => {
    const door = await openConsole({ requirepass: 'secret' })
    const link = door.server.door.console!.issueLink('default')
    const answer = await door.trySignIn({ link })
    expect(answer.status).toBe(200)
    expect(await answer.json()).toMatchObject({ signedIn: true, user: 'default', how: 'link' })
    expect((await door.trySignIn({ link })).status).toBe(401)
  })

  test('believes the header of a proxy that is named, and of no other', async () => {
    const door = await openConsole({
      requirepass: 'secret',
      'console-user-header': 'X-Forwarded-User',
      'console-proxies': '10.0.0.0/8',
    })
    await door.broker.call(...USER)
    const headers = { 'X-Forwarded-User': 'ana' }
    expect(await (await door.ask('/v1/session', { headers })).json()).toMatchObject({ signedIn: false })
    await door.broker.call('CONFIG', 'SET', 'console-proxies', '10.0.0.0/8 127.0.0.0/8')
    expect(await (await door.ask('/v1/session', { headers })).json()).toMatchObject({
      signedIn: true,
      user: 'ana',
      how: 'proxy',
    })
    const unknown = await door.ask('/v1/session', { headers: { 'X-Forwarded-User': 'nobody' } })
    expect(await unknown.json()).toMatchObject({ signedIn: false })
    // The header is sent by itself, so a change needs the same as with a cookie.
    const body = JSON.stringify({ command: ['ACL', 'WHOAMI'] })
    expect((await door.ask('/v1/command', { method: 'POST', headers, body })).status).toBe(403)
    const own = { ...headers, Origin: door.url, 'X-Respite-Console': '1' }
    const answer = await door.ask('/v1/command', { method: 'POST', headers: own, body })
    expect(await answer.json()).toEqual({ result: 'ana' })
    expect(
      await (await door.ask('/v1/session', { headers: { 'X-Forwarded-User': 'ana, default' } })).json(),
    ).toMatchObject({ signedIn: false })
  })
})

describe('sessions', () => {
  function openSessions() {
    const clock = new FakeClock()
    const users = { get: () => ({ enabled: true }) }
    const config = new Config({ 'console-session-idle': '60', 'console-session-max': '100' })
    const engine = { config, clients: { users }, environment: { clock, workClock: clock } } as unknown as Engine
    return { clock, sessions: new Sessions(engine) }
  }

  test('end when they were idle, or are old', () => {
    const { clock, sessions } = openSessions()
    const idle = sessions.begin('ana', 'link', undefined)
    const used = sessions.begin('ana', 'link', undefined)
    clock.advance(59_000)
    expect(sessions.use(used)).toBeDefined()
    clock.advance(1000)
    expect(sessions.use(idle)).toBeUndefined()
    expect(sessions.use(used)).toBeDefined()
    clock.advance(40_000)
    expect(sessions.use(used)).toBeUndefined()
    expect(sessions.size).toBe(0)
  })

  test('are bounded: one user’s sign-ins end no session of another', () => {
    const { sessions } = openSessions()
    const other = sessions.begin('bob', 'link', undefined)
    const first = sessions.begin('ana', 'link', undefined)
    let ended = 0
    sessions.use(first)!.ended.add(() => ended++)
    for (let i = 0; i < 60; i++) sessions.begin('ana', 'link', undefined)
    expect(ended).toBe(1)
    expect(sessions.use(first)).toBeUndefined()
    expect(sessions.use(other)).toBeDefined()
    expect(sessions.size).toBe(51)
  })
})

describe('sign-in limits', () => {
  test('count an IPv6 network as one address, end after a quarter of an hour, and are bounded', () => {
    const clock = new FakeClock()
    const limits = new SignInLimits(clock)
    for (let i = 0; i < 20; i++) limits.failed(`2001:db8::${i.toString(16)}`, `user${i}`)
    expect(() => limits.check('2001:db8::ffff', 'another')).toThrow(/too many/)
    expect(() => limits.check('2001:db8:0:1::1', 'another')).not.toThrow()
    clock.advance(15 * 60_000)
    expect(() => limits.check('2001:db8::ffff', 'another')).not.toThrow()
    for (let i = 0; i < 12_000; i++) limits.failed(`10.0.${i >> 8}.${i & 255}`, 'a')
    expect(limits.size).toBeLessThanOrEqual(10_000)
  })
})
