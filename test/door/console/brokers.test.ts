// GET /v1/brokers: brokers that a setting names are asked over HTTP, and nothing that they do or
// answer holds the page, reaches another address or tells a secret.

import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { OwnParts } from '../../../src/commands/parts.ts'
import { readReport } from '../../../src/door/brokers/broker-report.ts'
import { KnownBroker } from '../../../src/door/brokers/known-broker.ts'
import { namedAddress } from '../../../src/door/brokers/named-broker.ts'
import { Trace } from '../../../src/door/brokers/trace.ts'
import { silentLog } from '../../../src/engine/log.ts'
import { LogBroadcast } from '../../../src/replicated-log/broadcast/log-broadcast.ts'
import { SharedMessaging } from '../../../src/replicated-log/broadcast/shared-messaging.ts'
import { LogAway } from '../../../src/replicated-log/log.ts'
import { Handlers } from '../../../src/util/tables/handlers.ts'
import { type Browser, openConsole } from '../../support/console.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { eventually } from '../../support/server.ts'

interface Row {
  readonly name: string
  readonly url: string | null
  readonly kind: string
  readonly role: string
  readonly reachable: boolean | null
  readonly since: number | null
  readonly reason: string | null
  readonly figures: Readonly<Record<string, number | null>> | null
  readonly points: readonly (readonly (number | null)[])[]
}

const rowsOf = async (browser: Browser): Promise<readonly Row[]> =>
  (await browser.json<{ brokers: readonly Row[] }>('/v1/brokers')).brokers

/** Waits until a row of this name is as wanted. */
const rowNamed = (browser: Browser, name: string, isWanted: (row: Row) => boolean): Promise<Row> =>
  eventually(
    async () => (await rowsOf(browser)).find((row) => row.name === name && isWanted(row)),
    `the row of ${name}`,
  )

/** A server that is no broker; its answers, and the requests that came. */
async function openServer(answer: http.RequestListener): Promise<{ url: string; requests: http.IncomingMessage[] }> {
  const requests: http.IncomingMessage[] = []
  const server = http.createServer((request, response) => {
    requests.push(request)
    answer(request, response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.close()
    server.closeAllConnections()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, requests }
}

describe('brokers with names', () => {
  test('are asked as the user in their address, and shown with their figures', async () => {
    const eu = await openConsole()
    await eu.broker.call('ACL', 'SETUSER', 'looker', 'on', '>s%c:ret', '+info')
    await eu.broker.call('CONFIG', 'SET', 'requirepass', 'other')
    const address = `${eu.url.replace('//', '//looker:s%25c%3Aret@')}/console/`
    const door = await openConsole({ 'console-brokers': `eu=${address}` })
    const browser = await door.signIn()
    const first = (await rowsOf(browser)).find(({ name }) => name === 'eu')
    expect(first).toMatchObject({ kind: 'named', reachable: null, reason: 'it is being asked' })
    const row = await rowNamed(browser, 'eu', ({ figures }) => figures !== null)
    expect(row).toMatchObject({ role: 'primary', reachable: true, url: `${eu.url}/console/` })
    expect(row.figures?.clients).toBeGreaterThanOrEqual(0)
    expect(row.since).toBeGreaterThan(Date.now() - 60_000)
    expect(row.points[0]?.length).toBe(6)
    const text = await (await browser.get('/v1/brokers')).text()
    expect(text).not.toMatch(/looker|s%c|s%25c/)
  })

  test('that want a user, refuse it or are gone say why', async () => {
    const eu = await openConsole()
    await eu.broker.call('CONFIG', 'SET', 'requirepass', 'secret')
    const wrong = eu.url.replace('//', '//default:wrong@')
    const words = `open=${eu.url}/console/ wrong=${wrong}/console/ gone=http://127.0.0.1:1/console/`
    const browser = await (await openConsole({ 'console-brokers': words })).signIn()
    const reasonOf = async (name: string): Promise<string | null> =>
      (await rowNamed(browser, name, ({ reachable }) => reachable === false)).reason
    expect(await reasonOf('open')).toMatch(/asks for a user/)
    expect(await reasonOf('wrong')).toBe('it refuses the user and password in console-brokers')
    expect(await reasonOf('gone')).toMatch(/ECONNREFUSED/)
  })

  test('lead to no other address, and hear no word of a viewer', async () => {
    const target = await openServer((_, response) => response.end('{"id":"x","role":"primary"}'))
    const bait = await openServer((_, response) => response.writeHead(307, { Location: `${target.url}/` }).end())
    const door = await openConsole({ 'console-brokers': `bait=${bait.url}/console/?x=1#y` })
    const browser = await door.signIn()
    const row = await rowNamed(browser, 'bait', ({ reachable }) => reachable === false)
    expect(row.reason).toBe('it answers with status 307')
    expect(target.requests).toEqual([])
    const [request] = bait.requests
    expect(request?.url).toBe('/v1/brokers/self')
    expect(request?.headers).not.toHaveProperty('cookie')
    expect(request?.headers).not.toHaveProperty('authorization')
  })

  test('that hang, talk without end or talk nonsense hold no viewer up', async () => {
    const hanging = await openServer(() => {})
    const endless = await openServer((_, response) => {
      const more = (): void => {
        if (!response.destroyed) response.write(' '.repeat(16 * 1024), more)
      }
      more()
    })
    const nonsense = await openServer((_, response) => response.end('{"role":[1]}'))
    const words = `a=${hanging.url}/ b=${endless.url}/ c=${nonsense.url}/`
    const browser = await (await openConsole({ 'console-brokers': words })).signIn()
    const began = performance.now()
    expect(await rowsOf(browser)).toHaveLength(4)
    expect(performance.now() - began).toBeLessThan(2000)
    expect((await rowNamed(browser, 'b', ({ reachable }) => reachable === false)).reason).toMatch(/too long/)
    expect((await rowNamed(browser, 'c', ({ reachable }) => reachable === false)).reason).toMatch(/no report/)
    expect((await rowNamed(browser, 'a', ({ reachable }) => reachable === false)).reason).toMatch(/does not answer/)
    // One request is under way at a time.
    expect(hanging.requests.length).toBeLessThanOrEqual(2)
  })

  test('are asked while a viewer looks, and not before', async () => {
    const server = await openServer((_, response) => response.end('{"id":"x","role":"primary","figures":{}}'))
    const door = await openConsole({ 'console-brokers': `one=${server.url}/` })
    const browser = await door.signIn()
    await browser.json('/v1/channels')
    expect(server.requests).toEqual([])
    await rowNamed(browser, 'one', ({ reachable }) => reachable === true)
    await door.broker.call('CONFIG', 'SET', 'console-brokers', '')
    expect((await rowsOf(browser)).map(({ kind }) => kind)).toEqual(['self'])
  })

  test('are shown to those alone who may ask INFO', async () => {
    const door = await openConsole({ 'console-brokers': 'eu=http://127.0.0.1:1/console/' })
    await door.broker.call('ACL', 'SETUSER', 'blind', 'on', '>secret', '+ping')
    const browser = await door.signIn('blind', 'secret')
    for (const path of ['/v1/brokers', '/v1/brokers/self']) {
      const answer = await browser.get(path)
      expect(answer.status).toBe(403)
      expect(await answer.text()).toContain('NOPERM')
    }
    await door.broker.call('CONFIG', 'SET', 'requirepass', 'other')
    expect((await door.ask('/v1/brokers')).status).toBe(401)
  })
})

test('a word of the setting is a name and an address of HTTP, without or with a user', () => {
  for (const word of ['', 'eu', 'eu=', '=http://a/', 'eu=javascript:alert(1)', 'eu=file:///etc/passwd', 'eu=http://'])
    expect(namedAddress(word), word).toBeUndefined()
  const pathOf = (path: string): string | undefined => namedAddress(`eu=https://eu.example${path}`)?.report.href
  for (const path of ['', '/', '/console', '/console/']) expect(pathOf(path)).toBe('https://eu.example/v1/brokers/self')
  expect(pathOf('/base/console/')).toBe('https://eu.example/base/v1/brokers/self')
  const named = namedAddress('eu=https://ana:p%40ss@eu.example/console/')
  expect(named?.page).toBe('https://eu.example/console/')
  expect(named?.authorization).toBe(`Basic ${Buffer.from('ana:p@ss').toString('base64')}`)
})

describe('reports of brokers', () => {
  test('are read with bounds, and links in them are of HTTP alone', () => {
    expect(readReport({ id: 'a' })).toBeUndefined()
    expect(readReport('text')).toBeUndefined()
    const alert = { summary: 'x'.repeat(10_000), severity: 'terrible', since: 'now' }
    const report = readReport({
      id: 'a',
      role: 'leader',
      name: 7,
      url: 'javascript:alert(1)',
      epoch: Number.NaN,
      figures: { commands: '7', clients: 3, other: 1 },
      alerts: Array.from({ length: 1000 }, () => alert),
    })
    expect(report).toMatchObject({ name: '', url: null, epoch: null })
    expect(report?.figures).toMatchObject({ commands: null, clients: 3 })
    expect(report?.figures).not.toHaveProperty('other')
    expect(report?.alerts).toHaveLength(20)
    expect(report?.alerts[0]).toMatchObject({ severity: 'warning', since: 0 })
    expect(report?.alerts[0]?.summary).toHaveLength(500)
    expect(readReport({ id: 'a', role: 'x', url: 'https://u:p@h/c/' })?.url).toBe('https://h/c/')
  })

  test('of a broker make a trace of five minutes and no more', () => {
    const trace = new Trace()
    for (let i = 0; i < 1000; i++) trace.add(i * 500, { commands: i })
    const points = trace.behind(0)
    expect(points.length).toBeLessThanOrEqual(301)
    expect(points.at(-1)?.[0]).toBe(499_000)
    expect(points[0]?.[0]).toBeGreaterThanOrEqual(499_000 - 300_000)
    expect(trace.behind(498_500)).toHaveLength(1)
    // A clock that was set back begins a new line.
    trace.add(1000, { commands: 1 })
    expect(trace.behind(0)).toEqual([[1000, 1, null, null, null, null]])
  })

  test('tell since when a broker is reached, and where it was before a moment', () => {
    const clock = new FakeClock()
    const known = new KnownBroker(clock)
    const report = readReport({ id: 'a', role: 'leader', position: 10, figures: {} })!
    expect(known.silentMs).toBe(Number.POSITIVE_INFINITY)
    known.hear(report, 3500)
    const reachedAt = known.reachedAt
    clock.advance(1000)
    const between = clock.monotonic()
    clock.advance(1000)
    known.hear({ ...report, position: 20 }, 3500)
    expect(known.reachedAt).toBe(reachedAt)
    expect(known.positionBefore(between)).toBe(10)
    expect(known.positionBefore(clock.monotonic())).toBe(20)
    clock.advance(5000)
    known.hear(report, 3500)
    expect(known.reachedAt).toBe(reachedAt + 7000)
    known.hear({ ...report, id: 'b' }, 3500)
    expect(known.reachedAt).toBe(reachedAt + 7000)
  })
})

describe('brokers of a cluster', () => {
  /** A console whose broker hears what `say` says, and what it says itself. */
  async function openMember(address: string) {
    const door = await openConsole()
    const told: object[] = []
    let slot: ((text: Uint8Array) => void) | null = null
    const heard = new Handlers<[text: Uint8Array]>((each) => {
      slot = each
    })
    const hear = (text: Uint8Array): void => slot?.(text)
    const send = (text: Uint8Array): void => {
      told.push(JSON.parse(Buffer.from(text).toString()) as object)
      hear(text)
    }
    const parts = door.engine.parts as OwnParts
    parts.broadcast = { address, shard: 'orders', bytesMax: 1_000_000, send, heard }
    const say = (value: unknown): void => hear(Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)))
    await eventually(() => slot !== null)
    return { ...door, told, say }
  }
  const reportAt = (address: string) => ({ id: `id of ${address}`, name: address, address, role: 'follower' })

  test('are known by their reports, are asked for figures of now while a viewer looks, and may leave', async () => {
    const member = await openMember('10.0.0.1:6379')
    const looks = (): number => member.told.filter((each) => 'look' in each).length
    expect(member.told[0]).toMatchObject({ address: '10.0.0.1:6379', shard: 'orders', role: 'primary' })
    expect(looks()).toBe(0)
    member.say(reportAt('10.0.0.2:6379'))
    const browser = await member.signIn()
    expect((await rowsOf(browser)).map(({ name, reachable }) => [name, reachable])).toEqual([
      ['10.0.0.1:6379', true],
      ['10.0.0.2:6379', true],
    ])
    expect(looks()).toBe(1)
    // A broker that looks is answered at once.
    const before = member.told.length
    const other = await openMember('10.0.0.3:6379')
    other.say({ look: 1 })
    expect(other.told.at(-1)).toMatchObject({ address: '10.0.0.3:6379', shard: 'orders' })
    expect(member.told.length).toBeGreaterThanOrEqual(before)
    member.say({ leaves: '10.0.0.2:6379' })
    expect((await rowsOf(browser)).map(({ name }) => name)).toEqual(['10.0.0.1:6379'])
    member.server.close()
    expect(member.told.at(-1)).toEqual({ leaves: '10.0.0.1:6379' })
  })

  test('are bounded, and texts that are no reports are passed over', async () => {
    const member = await openMember('10.0.0.1:6379')
    for (const text of ['{', '[]', 'null', '7', '{}', '{"leaves":7}', `{"a":"${'x'.repeat(100_000)}"}`])
      member.say(text)
    for (let i = 0; i < 100; i++) member.say(reportAt(`10.0.1.${i}:6379`))
    const rows = await rowsOf(await member.signIn())
    expect(rows).toHaveLength(65)
    expect(rows.some(({ name }) => name === '10.0.1.99:6379')).toBe(true)
  })
})

describe('the broadcast beside a log', () => {
  test('has several listeners, of which each hears its own kind', () => {
    const sent: Uint8Array[] = []
    const listeners: ((batch: Uint8Array) => void)[] = []
    const shared = new SharedMessaging({
      batchBytesMax: 100,
      send: async (batch) => void sent.push(batch),
      listen: (hear) => listeners.push(hear),
    })
    const batches: Uint8Array[] = []
    shared.listen((batch) => batches.push(batch))
    const broadcast = new LogBroadcast(shared, silentLog, { address: 'a:1', shard: 's' })
    const texts: string[] = []
    const hear = (text: Uint8Array): void => void texts.push(Buffer.from(text).toString())
    broadcast.heard.add(hear)
    broadcast.heard.remove(hear)
    broadcast.heard.add(hear)
    expect(listeners).toHaveLength(1)
    listeners[0]?.(Buffer.from('{"a":1}'))
    listeners[0]?.(Buffer.from([1, 2, 3]))
    expect(texts).toEqual(['{"a":1}'])
    expect(batches).toHaveLength(2)
    broadcast.send(Buffer.from('{"b":1}'))
    broadcast.send(Buffer.from(`{"long":"${'x'.repeat(100)}"}`))
    expect(sent.map((each) => Buffer.from(each).toString())).toEqual(['{"b":1}'])
  })

  test('that finds no way is told of once in the log', async () => {
    const warnings: string[] = []
    const log = { ...silentLog, warn: (_: object, text: string) => void warnings.push(text) }
    const messaging = {
      batchBytesMax: 100,
      send: () => Promise.reject(new LogAway('there is no connection')),
      listen: () => {},
    }
    const broadcast = new LogBroadcast(messaging, log, { address: 'a:1', shard: 's' })
    for (let i = 0; i < 3; i++) broadcast.send(Buffer.from('{}'))
    await eventually(() => warnings.length > 0)
    expect(warnings).toEqual(['the other brokers do not hear of this one'])
  })
})
