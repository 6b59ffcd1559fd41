// The door as a real browser uses it: Chromium opens pages, and their scripts use what browsers have.

import { spawn } from 'node:child_process'
import { join } from 'node:path'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { startServer } from '../../src/index.ts'
import { freePort } from '../../src/util/free-ports.ts'
import { chromiumPath, launchChromium, openProfile, openSite, Tab } from '../support/chromium.ts'
import { type OpenDoor, openDoor } from '../support/door.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { eventually, temporaryDirectory } from '../support/server.ts'
import { TcpRelay } from '../support/tcp-relay.ts'

const KEPT = { channel: 'kept.* keep 1h' }
const SUBSCRIBE = '/v1/subscribe?channel=kept.a'
const MISSING = chromiumPath === undefined ? ': left out, because no chromium is on the PATH' : ''

/** Begun before the first test, because each takes a second or more to start. */
const started: { browser?: Promise<Browser>; examples: Map<string, Example> } = { examples: new Map() }

interface Example {
  readonly site: Promise<string>
  stop(): Promise<void>
}

/** Starts an example program as one does who wants to see its page. */
function startExample(name: string): Example {
  const path = join(import.meta.dirname, `../../examples/${name}.ts`)
  const child = spawn(process.execPath, ['--import', import.meta.resolve('tsx'), path, '0'])
  const closed = new Promise((resolve) => child.once('close', resolve))
  const site = new Promise<string>((resolve, reject) => {
    let output = ''
    const take = (chunk: Buffer): void => {
      output += chunk.toString()
      const [found] = /http:\S+/.exec(output) ?? []
      if (found !== undefined) resolve(found)
    }
    child.stdout.on('data', take)
    child.stderr.on('data', take)
    child.once('close', () => reject(new Error(output)))
  })
  site.catch(() => {})
  const stop = async (): Promise<void> => {
    child.kill('SIGKILL')
    await closed
  }
  return { site, stop }
}

async function exampleSite(name: string): Promise<string> {
  return (await started.examples.get(name)?.site) ?? ''
}

async function profile(): ReturnType<typeof openProfile> {
  if (started.browser === undefined) throw new Error('Chromium was not started')
  return openProfile(await started.browser)
}

const killStreams = ({ broker }: OpenDoor): Promise<unknown> => broker.call('CLIENT', 'KILL', 'TYPE', 'pubsub')
const numbered = (count: number): string[] => Array.from({ length: count }, (_, i) => `m${i}`)

describe.skipIf(chromiumPath === undefined)(`Chromium${MISSING}`, () => {
  beforeAll(async () => {
    for (const name of ['resumable-chat', 'live-board', 'express']) started.examples.set(name, startExample(name))
    started.browser = launchChromium()
    await started.browser
  })
  afterAll(async () => {
    for (const example of started.examples.values()) await example.stop()
    await (await started.browser)?.close()
  })

  describe('EventSource', () => {
    test('of an allowed site comes back by itself when the server ends its stream, and misses nothing', async () => {
      const port = await openSite()
      const door = await openDoor({ ...KEPT, 'http-cors-origin': `http://127.0.0.1:${port}` })
      const tab = await Tab.open(await profile(), `http://127.0.0.1:${port}`)
      expect(await tab.run(`listen('${door.url}${SUBSCRIBE}')`)).toBe('open')
      await door.broker.publish('kept.a', 'm0')
      await tab.hears(1)
      await killStreams(door)
      await door.broker.publish('kept.a', 'm1')
      await tab.hears(2)
      await door.broker.publish('kept.a', 'm2')
      expect(await tab.hears(3)).toEqual(numbered(3))
      expect(door.engine.figures.http.resumed).toBe(1)
    })

    test('goes on after a restart of the server, and is told what retention removed', async () => {
      const site = await openSite()
      const port = await freePort()
      const config = {
        'http-port': port,
        'http-cors-origin': `http://127.0.0.1:${site}`,
        channel: 'kept.* keep 1h max-messages 3',
      }
      const options = { port: 0, dir: temporaryDirectory(), config }
      const first = await startServer(options)
      onTestFinished(() => first.close())
      const tab = await Tab.open(await profile(), `http://127.0.0.1:${site}`)
      await tab.run(`listen('http://127.0.0.1:${port}${SUBSCRIBE}')`)
      await first.call('PUBLISH', 'kept.a', 'm0')
      await tab.hears(1)
      await first.close()
      const second = await startServer(options)
      onTestFinished(() => second.close())
      for (const text of numbered(6).slice(1)) await second.call('PUBLISH', 'kept.a', text)
      expect(await tab.hears(4)).toEqual(['m0', 'm3', 'm4', 'm5'])
      expect(await tab.run('gaps')).toMatchObject([{ channel: 'kept.a', count: null }])
    })

    test('opens with a ticket, and with a new one when its stream has ended', async () => {
      const door = await openDoor({ ...KEPT, requirepass: 'secret' })
      const tab = await Tab.open(await profile(), `${door.url}/ping`)
      const ticket = `fetch('/v1/ticket', { method: 'POST', headers: { Authorization: 'Bearer secret' } }).then((answer) => answer.json())`
      const listen = `${ticket}.then(({ ticket }) => listen('${SUBSCRIBE}&ticket=' + ticket + (last ? '&from=' + last : '')))`
      expect(await tab.run(listen)).toBe('open')
      await door.broker.publish('kept.a', 'm0')
      await tab.hears(1)
      await killStreams(door)
      await door.broker.publish('kept.a', 'm1')
      // The browser comes back with the ticket that was used, and gives up.
      await eventually(() => tab.run(`state === 'refused'`))
      expect(await tab.run(listen)).toBe('open')
      expect(await tab.hears(2)).toEqual(numbered(2))
    })

    test('sends the cookie of a token from the same site, and from no other', async () => {
      const sites = { same: await openSite(), foreign: await openSite() }
      const origins = [`http://127.0.0.1:${sites.same}`, `http://foreign.example:${sites.foreign}`]
      const secret = 'a secret of tokens that has 32 bytes'
      const door = await openDoor({
        ...KEPT,
        requirepass: 'secret',
        'http-token-secret': secret,
        'http-cors-origin': origins.join(' '),
      })
      const { SignJWT } = await import('jose')
      const token = await new SignJWT({ sub: 'default', subscribe: ['kept.*'] })
        .setProtectedHeader({ alg: 'HS256' })
        .setExpirationTime('1m')
        .sign(Buffer.from(secret))
      const someone = await profile()
      const cookie = { name: 'respite', value: token, url: door.url, httpOnly: true }
      const listen = `listen('${door.url}${SUBSCRIBE}', { withCredentials: true })`
      for (const sameSite of ['Strict', 'Lax'] as const) {
        await someone.addCookies([{ ...cookie, sameSite }])
        const own = await Tab.open(someone, `${door.url}/ping`)
        expect(await own.run(`listen('${SUBSCRIBE}')`)).toBe('open')
        const same = await Tab.open(someone, String(origins[0]))
        expect(await same.run(listen)).toBe('open')
        const foreign = await Tab.open(someone, String(origins[1]))
        expect(await foreign.run(listen)).toBe('refused')
      }
      // Any site may use the door, but not with what the browser has for it.
      await door.broker.call('CONFIG', 'SET', 'http-cors-origin', '*')
      const any = await Tab.open(someone, String(origins[0]))
      expect(await any.run(listen)).toBe('refused')
    })
  })

  test('six tabs have a stream each and hear all; a seventh request waits, and a WebSocket does not', async () => {
    const door = await openDoor(KEPT)
    const someone = await profile()
    const tabs = await Promise.all(Array.from({ length: 6 }, () => Tab.open(someone, `${door.url}/ping`)))
    const seventh = await Tab.open(someone, `${door.url}/ping`)
    for (const tab of tabs) expect(await tab.run(`listen('${SUBSCRIBE}&channel=kept.b')`)).toBe('open')
    expect(door.engine.figures.http.streams).toBe(6)
    // Now and then Chromium fails a request that waited, and the door has not seen it: the page tries again.
    await seventh.run(
      `void (async function publish() { await fetch('/v1/publish/kept.a', { method: 'POST', body: 'm1' }).catch(publish) })()`,
    )
    await seventh.run(
      `connect('ws://127.0.0.1:${door.port}/v1/socket').then(() => send({ publish: 'kept.b', message: 'm0' }))`,
    )
    for (const tab of tabs) await tab.hears(1)
    expect(await door.broker.call('CHANNEL', 'HISTORY', 'kept.a', '-', '+')).toEqual([])
    await tabs.pop()?.page.close()
    for (const tab of tabs)
      expect((await tab.hears(2)).map((data) => JSON.parse(data))).toMatchObject([
        { channel: 'kept.b', message: 'm0' },
        { channel: 'kept.a', message: 'm1' },
      ])
  })

  test('a stream by fetch sends the password in its header, and ends when the page aborts it', async () => {
    const door = await openDoor({ ...KEPT, requirepass: 'secret' })
    const tab = await Tab.open(await profile(), `${door.url}/ping`)
    expect(await tab.run(`read('${SUBSCRIBE}')`)).toBe(401)
    const headers = `{ Authorization: 'Bearer secret', 'Last-Event-ID': last ?? '' }`
    expect(await tab.run(`read('${SUBSCRIBE}', { headers: ${headers} })`)).toBe(200)
    await door.broker.publish('kept.a', 'm0')
    await tab.hears(1)
    await tab.run('reading.abort()')
    await eventually(() => door.engine.figures.http.streams === 0)
    await door.broker.publish('kept.a', 'm1')
    await tab.run(`read('${SUBSCRIBE}', { headers: ${headers} })`)
    expect(await tab.hears(2)).toEqual(numbered(2))
  })

  test('a WebSocket publishes and acknowledges, and what was not acknowledged comes again', async () => {
    const door = await openDoor(KEPT)
    const tab = await Tab.open(await profile(), `${door.url}/ping`)
    const connect = `connect('ws://127.0.0.1:${door.port}/v1/socket?channel=kept.a&name=billing&ack=manual')`
    expect(await tab.run(connect)).toBe('open')
    for (const text of numbered(3)) await tab.run(`send({ publish: 'kept.a', message: '${text}', ref: '${text}' })`)
    expect(await tab.hears(3)).toEqual(numbered(3))
    await eventually(() => tab.run('answers.length === 3'))
    expect(await tab.run('answers')).toEqual(numbered(3).map((ref) => ({ ref, receivers: 1 })))
    const [[id]] = (await door.broker.call('CHANNEL', 'HISTORY', 'kept.a', '-', '+')) as [[string]]
    await tab.run(`send({ ack: '${id}', channel: 'kept.a' })`)
    await eventually(async () => (await door.broker.call('CHANNEL', 'LAG', 'kept.a', 'default', 'billing')) === 2)
    await tab.page.close()
    await eventually(() => door.engine.figures.http.streams === 0)
    const again = await Tab.open(await profile(), `${door.url}/ping`)
    await again.run(connect)
    expect(await again.hears(2)).toEqual(['m1', 'm2'])
  })

  test('connections that break without a FIN: both sides find out, and the page misses nothing', async () => {
    const workClock = new FakeClock()
    const door = await openDoor({ ...KEPT, 'http-heartbeat': '15' }, { workClock })
    const relay = await TcpRelay.open(door.port)
    const someone = await profile()
    const [events, socket] = [
      await Tab.open(someone, `http://127.0.0.1:${relay.port}/ping`),
      await Tab.open(someone, `http://127.0.0.1:${relay.port}/ping`),
    ]
    const connect = `connect('ws://127.0.0.1:${relay.port}/v1/socket?channel=kept.a' + (last ? '&from=' + last : ''))`
    await events.run(`listen('${SUBSCRIBE}')`)
    await socket.run(connect)
    await door.broker.publish('kept.a', 'm0')
    await Promise.all([events.hears(1), socket.hears(1)])
    relay.freeze()
    for (const text of ['m1', 'm2']) await door.broker.publish('kept.a', text)
    workClock.advance(2 * 15_000)
    // The server's ping was not answered. The other stream is held: a network takes what it sends.
    await eventually(() => door.engine.figures.http.streams === 1)
    expect([await events.heard, await socket.heard]).toEqual([['m0'], ['m0']])
    relay.resetClients()
    await eventually(() => socket.run(`state === 'closed'`))
    expect(await socket.run(connect)).toBe('open')
    await Promise.all([events.hears(3), socket.hears(3)])
    await door.broker.publish('kept.a', 'm3')
    expect(await Promise.all([events.hears(4), socket.hears(4)])).toEqual([numbered(4), numbered(4)])
  })

  describe('a page of a foreign site', () => {
    test('reads nothing, publishes nothing and opens no stream', async () => {
      const door = await openDoor(KEPT)
      const site = await openSite()
      const someone = await profile()
      for (const host of ['127.0.0.1', 'foreign.example']) {
        const tab = await Tab.open(someone, `http://${host}:${site}`)
        expect(await tab.run(`listen('${door.url}${SUBSCRIBE}')`)).toBe('refused')
        expect(await tab.run(`connect('ws://127.0.0.1:${door.port}/v1/socket?channel=kept.a')`)).toBe('refused')
        const failed = `.then(() => 'read', () => 'failed')`
        expect(await tab.run(`fetch('${door.url}/get/key')${failed}`)).toBe('failed')
        expect(await tab.run(`fetch('${door.url}/get/key', { headers: { Authorization: 'Bearer x' } })${failed}`)).toBe(
          'failed',
        )
        // The browser sends these without a question, and shows the page no answer.
        const publish = `'${door.url}/v1/publish/kept.a'`
        await tab.run(`fetch(${publish}, { method: 'POST', mode: 'no-cors', body: 'x' })`)
        await tab.run(`navigator.sendBeacon(${publish}, 'x')`)
        await tab.run(
          `new Promise((resolve) => { const image = new Image(); image.onerror = resolve; image.src = '${door.url}/set/key/1' })`,
        )
        const form = `document.body.innerHTML = '<form method="post" enctype="text/plain" action="' + ${publish} + '"><input name="x"></form>'`
        await tab.run(`${form}; document.forms[0].submit()`)
        await tab.page.waitForURL(`${door.url}/**`)
      }
      expect(await door.broker.call('CHANNEL', 'HISTORY', 'kept.a', '-', '+')).toEqual([])
      expect(await door.broker.call('EXISTS', 'key')).toBe(0)
      expect(door.engine.figures.http.refused).toBe(2 * 8)
    })

    test('reaches nothing by a name of its own that means this machine', async () => {
      const door = await openDoor(KEPT)
      const page = await (await profile()).newPage()
      const answer = await page.goto(`http://rebound.example:${door.port}/get/key`)
      expect(answer?.status()).toBe(421)
    })
  })

  describe('the examples', () => {
    test('resumable-chat: a page that is reloaded again and again shows each word once, in order', async () => {
      const page = await (await profile()).newPage()
      await page.goto(await exampleSite('resumable-chat'))
      await page.fill('input', 'Why?')
      await page.click('button')
      const shown = (): Promise<string> => page.innerText('#turns')
      for (const word of ['broker', 'hand']) {
        await eventually(async () => (await shown()).includes(word), word)
        await page.reload()
        // It is there before a stream is open.
        expect(await shown()).toContain(word)
      }
      await page.locator('.answer:not(.open)').waitFor()
      expect((await shown()).split(/\s+/).join(' ')).toBe(
        'Why? A broker that remembers can hand on the rest of an answer when its reader comes back.',
      )
      const late = await (await profile()).newPage()
      await late.goto(await exampleSite('resumable-chat'))
      await late.locator('.answer:not(.open)').waitFor()
      expect(await late.innerText('#turns')).toBe(await shown())
    })

    test('live-board: a page shows the events of keys and of a queue', async () => {
      const page = await (await profile()).newPage()
      await page.goto(await exampleSite('live-board'))
      const lines = (): Promise<string[]> => page.locator('#board li').allInnerTexts()
      const expected = ['cart:7 set', 'cart:7 expired', 'cart:8 del', 'board.jobs mail-bob failed: no address']
      await eventually(async () => {
        const shown = await lines()
        return expected.every((line) => shown.includes(line))
      })
      expect(await page.innerText('#state')).toBe('live')
      const count = (await lines()).length
      await eventually(async () => (await lines()).length > count, 'a line of the next event')
    })

    test('express: the session of the page decides, and the page shows its orders', async () => {
      const site = await exampleSite('express')
      const page = await (await profile()).newPage()
      await page.goto(site)
      for (const item of ['apples', 'pears']) {
        await page.fill('input', item)
        await page.click('button')
        await page.locator('#orders li', { hasText: item }).waitFor()
      }
      expect(await page.locator('#orders li').allInnerTexts()).toEqual(['pears', 'apples'])
      const stranger = await page.evaluate(
        `fetch('/events/v1/subscribe?channel=orders.bob').then(({ status }) => status)`,
      )
      expect(stranger).toBe(403)
    })
  })
})
