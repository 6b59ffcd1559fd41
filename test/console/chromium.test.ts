// The console as a person uses it: Chromium opens each view of a server whose names are attacks.

import { readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { brotliDecompressSync } from 'node:zlib'
import { Queue, Worker } from 'bullmq'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { chromiumPath, launchChromium, openSite } from '../support/chromium.ts'
import { openConsole } from '../support/console.ts'
import { ATTACK, ATTACK_WORD, openWorld, type World } from '../support/console-world.ts'
import { eventually } from '../support/server.ts'

const PAGE = join(import.meta.dirname, '../../dist/console')
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const MISSING = chromiumPath === undefined ? ': left out, because no chromium is on the PATH' : ''
const CHANNEL = encodeURIComponent(`orders.eu ${ATTACK}`)
const STREAM = encodeURIComponent(`events ${ATTACK}`)
const CART = new URLSearchParams({ key: `cart:7 ${ATTACK}` }).toString()

/** Each view, and a text that it shows. */
const VIEWS: readonly (readonly [name: string, address: string, text: string])[] = [
  ['overview', '#/overview', 'Sync to disk'],
  ['channels', '#/channels', `orders.eu ${ATTACK}`],
  ['channel', `#/channels/${CHANNEL}`, `billing${ATTACK_WORD}`],
  ['tail', '#/tail?pattern=*', 'in all'],
  ['queues', '#/queues', 'mails'],
  ['queue', '#/queues/mails?state=failed', `550 mailbox unavailable ${ATTACK}`],
  ['schedulers', '#/queues/mails?view=schedulers', 'nightly'],
  ['workers', '#/queues/mails?view=workers', 'mailer-1'],
  ['job', '#/queues/mails/jobs/25', `550 mailbox unavailable ${ATTACK}`],
  ['list', '#/lists/bread', 'baker'],
  ['stream', `#/streams/${STREAM}`, 'reports'],
  ['keys', `#/keys?${CART}`, 'a gift <img src=x'],
  ['clients', '#/clients', 'psubscribe'.toUpperCase()],
  ['slow log', '#/slow', `LRANGE tasks ${ATTACK}`],
  ['latency', '#/slow?view=commands', 'EVALSHA'],
  ['events', '#/slow?view=events', 'latency-monitor-threshold'],
  ['stalls', '#/slow?view=stalls', 'nothing else could run'],
  ['durability', '#/durability', 'The power fails'],
  ['cluster', '#/cluster', 'This broker stands alone'],
  ['brokers', '#/brokers', 'This broker knows no others'],
]

const WIDE = { width: 1280, height: 800 }

/** The files by their names, as the package has them. */
const files = (): Map<string, Buffer> =>
  new Map(
    readdirSync(PAGE, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => [entry.name, readFileSync(join(entry.parentPath, entry.name))]),
  )

const textOf = (packed: Buffer | undefined): string => brotliDecompressSync(packed!).toString('utf8')

describe('the files of the page', () => {
  test('are fetched with at most 120 kB, and name no other site', () => {
    let bytes = 0
    for (const [name, content] of files()) {
      expect(name).toMatch(/\.(html|js|css|svg)\.br$/)
      bytes += content.length
      // The namespaces of XML are names, and no addresses.
      expect(textOf(content).match(/https?:\/\/(?!www\.w3\.org\/)[\w.]+/g) ?? []).toEqual([])
    }
    expect(bytes).toBeGreaterThan(10_000)
    expect(bytes).toBeLessThanOrEqual(120_000)
  })

  test('hold no code and no style in HTML', () => {
    const page = textOf(files().get('index.html.br'))
    expect(page).not.toMatch(/<style|style=|\son\w+=|<script(?![^>]*\ssrc=)/)
    expect(page).toMatch(/assets\/console-[0-9a-f]{12}\.js/)
  })

  test('come to a client in the coding that it knows', async () => {
    const { ask } = await openConsole()
    const bodies: string[] = []
    for (const [accepted, coding] of [
      ['gzip, deflate, br', 'br'],
      ['gzip', 'gzip'],
      ['identity', null],
    ] as const) {
      const answer = await ask('/console/', { headers: { 'Accept-Encoding': accepted } })
      expect(answer.headers.get('content-encoding')).toBe(coding)
      bodies.push(await answer.text())
    }
    expect(bodies[0]).toContain('<!doctype html>')
    expect(new Set(bodies).size).toBe(1)
  })
})

describe.skipIf(chromiumPath === undefined)(`Chromium${MISSING}`, () => {
  const opened: { browser?: Browser; world?: World; page?: Page } = {}
  /** What the shared page has said in its console, or thrown, since the test began. */
  const faults: string[] = []
  beforeAll(async () => {
    const [browser, world] = await Promise.all([launchChromium(), openWorld({ isHostile: true, hasHistory: true })])
    Object.assign(opened, { browser, world })
    // One page serves most tests: to load it takes longer than many of them.
    opened.page = await browser.newPage({ viewport: WIDE, colorScheme: 'light' })
    watch(opened.page, faults)
    await opened.page.goto(`${world.url}/console/`)
    await opened.page.evaluate(AXE)
  })
  afterAll(async () => {
    await opened.browser?.close()
    await opened.world?.close()
  })

  const world = (): World => opened.world!

  async function openProfile(options: Parameters<Browser['newContext']>[0] = {}): Promise<BrowserContext> {
    const profile = await opened.browser!.newContext({ viewport: WIDE, ...options })
    onTestFinished(() => profile.close())
    return profile
  }

  function watch(page: Page, errors: string[]): void {
    page.on('pageerror', (error) => errors.push(error.message))
    page.on('console', (message) => {
      if (message.type() === 'error') errors.push(message.text())
    })
  }

  /** Opens a view in the shared page, and fails the test if the page says an error. */
  async function open(address: string): Promise<Page> {
    const page = opened.page!
    faults.length = 0
    onTestFinished(() => expect(faults).toEqual([]))
    await page.evaluate(`location.hash = ${JSON.stringify(address)}`)
    await page.locator('main h1').waitFor()
    return page
  }

  /** Opens a view in a page of its own profile. */
  async function openApart(address: string): Promise<Page> {
    const page = await (await openProfile()).newPage()
    const errors: string[] = []
    watch(page, errors)
    onTestFinished(() => expect(errors).toEqual([]))
    await page.goto(`${world().url}/console/${address}`)
    await page.locator('main h1').waitFor()
    return page
  }

  const goTo = async (page: Page, address: string, text: string): Promise<void> => {
    await page.evaluate(`location.hash = ${JSON.stringify(address)}`)
    await page.locator('main').getByText(text).first().waitFor()
  }

  const faultsOf = async (page: Page, rules?: readonly string[]): Promise<unknown> => {
    const only = rules === undefined ? {} : { runOnly: { type: 'rule', values: rules } }
    const options = { ...only, resultTypes: ['violations'], rules: { 'target-size': { enabled: true } } }
    return page.evaluate(
      `axe.run(document, ${JSON.stringify(options)}).then(({ violations }) => violations.map(({ id, nodes }) => id + ': ' + nodes.slice(0, 3).map(({ html, failureSummary }) => html.slice(0, 200) + failureSummary).join(' | ')))`,
    )
  }

  test('every view can be read by all, light and dark, narrow and wide, and takes no name for HTML', async () => {
    const page = await open('#/overview')
    for (const [name, address, text] of VIEWS) {
      await goTo(page, address, text)
      expect(await faultsOf(page), name).toEqual([])
      await page.emulateMedia({ colorScheme: 'dark' })
      expect(await faultsOf(page, ['color-contrast']), `${name}, dark`).toEqual([])
      await page.emulateMedia({ colorScheme: 'light' })
      for (const width of [380, 3840]) {
        await page.setViewportSize({ width, height: 900 })
        expect(await page.evaluate('document.documentElement.scrollWidth'), `${name} at ${width}`).toBe(width)
      }
      await page.setViewportSize(WIDE)
      expect(await page.evaluate('window.stolen'), name).toBeUndefined()
    }
  })

  test('text is no smaller in a very wide window, and lines are no longer than can be read', async () => {
    const page = await open('#/channels')
    onTestFinished(() => page.setViewportSize(WIDE))
    await page.setViewportSize({ width: 3840, height: 2160 })
    expect(await page.evaluate('parseFloat(getComputedStyle(document.body).fontSize)')).toBeGreaterThan(15)
    expect(await page.evaluate('document.querySelector("main").offsetWidth')).toBeLessThanOrEqual(2400)
  })

  test('an error of the server is a text, too', async () => {
    const page = await open(`#/channels/${CHANNEL}`)
    await page.getByRole('button', { name: 'Move billing' }).click()
    const dialog = page.getByRole('dialog')
    await dialog.getByLabel('To').fill(ATTACK)
    await dialog.getByRole('button', { name: 'Move' }).click()
    await dialog.getByText(/^Refused: ERR /).waitFor()
    await page.keyboard.press('Escape')
    await goTo(page, `#/queues/mails/jobs/${encodeURIComponent(ATTACK)}`, 'no such job')
    expect(await page.evaluate('window.stolen')).toBeUndefined()
    // The answer 404 stands in the console of the browser.
    faults.length = 0
  })

  test('the slots of a cluster are a map, and its brokers are links of HTTP alone', async () => {
    const page = await open('#/overview')
    const node = (name: string, from: number, to: number, url: string | null) => ({
      name: `${name} ${ATTACK}`,
      url,
      address: `10.0.0.${name.length}:6379`,
      shard: `shard ${name}`,
      kind: url === null ? 'self' : 'member',
      self: url === null,
      role: 'leader',
      state: `fine ${ATTACK}`,
      epoch: 3,
      behind: 0,
      behindUnit: 'records',
      lagMs: 0,
      leaseMs: 800,
      slots: [[from, to]],
      startedAt: 0,
      reachable: name === 'a' ? true : name === 'bb' ? false : null,
      since: 1_700_000_000_000,
      reason: `gone ${ATTACK}`,
      figures: { commands: 7, clients: 3 },
      alerts: [{ rule: 'A', severity: 'warning', since: 0, summary: `bad ${ATTACK}`, advice: `mend ${ATTACK}` }],
      points: [[1_700_000_000_000, 7, 1, null, 1000, 3]],
    })
    const brokers = [
      node('a', 0, 5460, null),
      node('bb', 5461, 10922, 'javascript:window.stolen=1'),
      node('ccc', 10923, 16383, 'http://10.0.0.3:8080/console/'),
    ]
    const pointColumns = ['time', 'commands', 'messagesOut', 'jobs', 'memory', 'clients']
    await page.route('**/v1/brokers?*', (route) =>
      route.fulfill({ json: { now: 1_700_000_000_000, pointColumns, brokers } }),
    )
    await goTo(page, '#/cluster', 'A square is 64 slots')
    expect(await page.locator('.slots .slot').count()).toBe(256)
    expect(await page.locator('.slots .owner-2').count()).toBe(85)
    expect(await page.locator('main table a').count()).toBe(1)
    onTestFinished(() => page.unroute('**/v1/brokers'))
    expect(await faultsOf(page)).toEqual([])
    await goTo(page, '#/brokers', 'The lines of a column have one scale')
    expect(await page.locator('main a').count()).toBe(1)
    await page.getByText(`bb ${ATTACK} is not reached: gone ${ATTACK}`).waitFor()
    await page.getByText(`ccc ${ATTACK} has sent no report: gone ${ATTACK}`).waitFor()
    expect(await faultsOf(page)).toEqual([])
    await page.setViewportSize({ width: 380, height: 700 })
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(380)
    expect(await page.evaluate('window.stolen')).toBeUndefined()
  })

  test('keys go to views, to the search, along a list and back', async () => {
    const page = await open('#/overview')
    await page.keyboard.press('g')
    await page.keyboard.press('q')
    await page.locator('main a[data-row]').first().waitFor()
    await page.keyboard.press('j')
    const first = await page.evaluate('document.activeElement.textContent')
    await page.keyboard.press('j')
    expect(await page.evaluate('document.activeElement.textContent')).not.toBe(first)
    await page.keyboard.press('k')
    await page.keyboard.press('Enter')
    await page.locator('main h1', { hasText: String(first) }).waitFor()
    await page.getByLabel('Containing').waitFor()
    await page.keyboard.press('/')
    await page.keyboard.type('nothing')
    await page.keyboard.press('Escape')
    await eventually(() => page.url().includes('text=nothing'))
    await page.keyboard.press('Escape')
    await page.locator('main h1', { hasText: /^Queues$/ }).waitFor()
    await page.keyboard.press('?')
    await page.locator('dialog', { hasText: 'to the field of search' }).waitFor()
    await page.keyboard.press('Escape')
    await page.locator('dialog').waitFor({ state: 'detached' })
  })

  test('filters stand in the address, so a link shows what its sender saw', async () => {
    const page = await open('#/queues/mails')
    await page.getByLabel('Containing').fill('new3@')
    const row = page.locator('tbody tr')
    await eventually(async () => (await row.count()) === 1)
    const other = await openApart(page.url().slice(page.url().indexOf('#')))
    await other.getByText('new3@shop.example').waitFor()
    await eventually(async () => (await other.locator('tbody tr').count()) === 1)
  })

  test('a failed job is retried, when the question is answered', async () => {
    const page = await open('#/queues/mails/jobs/26')
    await page.getByRole('button', { name: 'Retry …' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Retry' }).click()
    await page.getByText('Retried job 26.').waitFor()
    await eventually(async () => (await world().client.zscore('bull:mails:failed', '26')) === null)
  })

  test('all jobs that match are changed at once', async () => {
    const page = await open('#/queues/mails?state=delayed&name=digest')
    await page.getByRole('button', { name: 'Promote …' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Promote' }).click()
    await page.getByText('Promoted 2 jobs.').waitFor()
  })

  test('the buttons change one job, and all that match', async () => {
    const connection = { host: '127.0.0.1', port: world().port, maxRetriesPerRequest: null }
    const queue = new Queue('pressed', { connection })
    const worker = new Worker('pressed', undefined, { connection, autorun: false })
    onTestFinished(async () => void (await Promise.all([queue.close(), worker.close()])))
    const failed = await queue.add('one', {}, { jobId: 'failing' })
    await (await worker.getNextJob('token'))!.moveToFailed(new Error('no such account'), 'token', false)
    const late = await queue.add('one', { n: 7 }, { delay: 3_600_000, jobId: 'late' })
    const page = await open('#/queues')
    const press = async (verb: string, said: string, value?: string): Promise<void> => {
      await page.getByRole('button', { name: `${verb} …`, exact: true }).click()
      const dialog = page.getByRole('dialog')
      if (value !== undefined) await dialog.locator('input').fill(value)
      await dialog.getByRole('button', { name: verb, exact: true }).click()
      await page.getByText(said).first().waitFor()
    }
    await goTo(page, '#/queues/pressed/jobs/failing', 'no such account')
    await press('Retry', 'Retried job failing.')
    expect(await failed.getState()).toBe('waiting')
    await goTo(page, '#/queues/pressed/jobs/late', 'runs at')
    await press('Delay', 'Delayed job late.', '7200000')
    expect((await queue.getJob('late'))!.delay).toBe(7_200_000)
    await press('Prioritize', 'Changed the priority of job late.', '4')
    expect(await late.getState()).toBe('delayed')
    await press('Promote', 'Promoted job late.')
    expect(await late.getState()).toBe('prioritized')
    await press('Duplicate', 'The new job is')
    expect((await queue.getPrioritized()).map(({ data, priority }) => [data, priority])).toEqual([
      [{ n: 7 }, 4],
      [{ n: 7 }, 4],
    ])
    await press('Remove', 'Removed job late.', 'late')
    expect(await queue.getJob('late')).toBeUndefined()

    const many = (count: number, opts: object) =>
      Array.from({ length: count }, () => ({ name: 'many', data: {}, opts }))
    await queue.addBulk([...many(2, { delay: 3_600_000 }), ...many(1, {})])
    await goTo(page, '#/queues/pressed?name=many&state=delayed', 'All that match')
    await press('Delay', 'Delayed 2 jobs.', '7200000')
    expect((await queue.getDelayed()).map(({ delay }) => delay)).toEqual([7_200_000, 7_200_000])
    await press('Promote', 'Promoted 2 jobs.')
    await goTo(page, '#/queues/pressed?name=many', 'All that match')
    await press('Prioritize', 'Changed the priority of 3 jobs.', '2')
    await press('Duplicate', 'Duplicated 3 jobs.')
    expect(
      (await queue.getPrioritized()).filter(({ name, priority }) => name === 'many' && priority === 2),
    ).toHaveLength(6)
    await press('Retry', '6 were refused')
    await press('Remove', 'Removed 6 jobs.', 'pressed')
    expect((await queue.getJobs()).map(({ name }) => name).sort()).toEqual(['one', 'one'])
  })

  test('a wrong password is refused in the server’s words, and many of them for a while', async () => {
    await world().client.acl('SETUSER', 'ana', 'on', '>secret', '+@all', '~*', '&*')
    const page = await (await openProfile()).newPage()
    await page.goto(`${world().url}/console/#/clients`)
    await page.getByRole('button', { name: 'Sign out' }).click()
    await page.getByLabel('User').fill('ana')
    const signIn = async (password: string): Promise<void> => {
      await page.getByLabel('Password').fill(password)
      await page.getByRole('button', { name: 'Sign in' }).click()
    }
    for (let i = 0; i < 5; i++) {
      await signIn(`wrong${i}`)
      await page.getByText('WRONGPASS').waitFor()
      await eventually(async () => (await page.getByLabel('Password').inputValue()) === '')
    }
    await signIn('secret')
    await page.getByText(/too many .*Try again in \d+ s\./).waitFor()
  })

  test('a link signs in once', async () => {
    const door = await openConsole({ requirepass: 'secret' })
    const link = `${door.url}/console/#link=${door.server.door.console!.issueLink('default')}`
    const page = await (await openProfile()).newPage()
    await page.goto(link)
    await page.locator('.who', { hasText: 'default' }).waitFor()
    expect(page.url()).not.toContain('link')
    await page.getByRole('button', { name: 'Sign out' }).click()
    await page.getByLabel('Password').waitFor()
    // The cookie is worth nothing any more, and neither is the link.
    await page.goto('about:blank')
    await page.goto(link)
    await page.getByText('the link was used or is too old').waitFor()
  })

  test('the page of another site neither frames the console nor changes anything by its session', async () => {
    const profile = await openProfile()
    const signedIn = await profile.newPage()
    await signedIn.goto(`${world().url}/console/`)
    await signedIn.locator('.who', { hasText: 'default' }).waitFor()
    const page = await profile.newPage()
    await page.goto(`http://evil.example:${await openSite()}/`)
    const { url, client } = world()
    const frame = `new Promise((resolve) => {
      const frame = document.createElement('iframe')
      frame.onload = resolve
      frame.src = ${JSON.stringify(`${url}/console/`)}
      document.body.append(frame)
    })`
    await page.evaluate(frame)
    // A document that was loaded has this element before its script runs.
    expect(await page.frames()[1]!.locator('#console').count()).toBe(0)
    const body = JSON.stringify({ command: ['SET', 'stolen', '1'] })
    const send = (init: object): Promise<unknown> =>
      page.evaluate(
        `fetch(${JSON.stringify(`${url}/v1/command`)}, ${JSON.stringify({ method: 'POST', body, credentials: 'include', ...init })}).then(({ type }) => type, () => 'refused')`,
      )
    expect(await send({ mode: 'no-cors' })).toBe('opaque')
    expect(await send({ headers: { 'X-Respite-Console': '1' } })).toBe('refused')
    const events = `new Promise((resolve) => {
      const source = new EventSource(${JSON.stringify(`${url}/v1/overview`)}, { withCredentials: true })
      source.onopen = () => resolve('open')
      source.onerror = () => resolve('refused')
    })`
    expect(await page.evaluate(events)).toBe('refused')
    const form = `{
      const form = document.createElement('form')
      form.method = 'post'
      form.enctype = 'text/plain'
      form.action = ${JSON.stringify(`${url}/v1/command`)}
      const field = document.createElement('input')
      field.name = ${JSON.stringify(body.slice(0, -1))} + ',"x":"'
      field.value = '"}'
      form.append(field)
      document.body.append(form)
      form.submit()
    }`
    const [answer] = await Promise.all([page.waitForResponse(`${url}/v1/command`), page.evaluate(form)])
    expect(answer.status()).toBe(403)
    expect(await client.exists('stolen')).toBe(0)
  })

  test('a tail shows a sample, counts all, holds few lines, filters and pauses', async () => {
    const page = await open('#/tail?pattern=flood')
    await page.locator('.tail-count .live').waitFor()
    const { client } = world()
    for (let round = 0; round < 20; round++) {
      const pipeline = client.pipeline()
      for (let i = 0; i < 1000; i++) pipeline.publish('flood', `{"n":${round * 1000 + i}}`)
      await pipeline.exec()
    }
    await page.getByText('20,000').waitFor()
    expect(await page.locator('.tail-lines li').count()).toBeLessThanOrEqual(300)
    await page.locator('.tail-line').first().click()
    await page.locator('.detail .json-key').waitFor()
    await page.getByLabel('Containing').fill('NEEDLE')
    await eventually(() => page.url().includes('filter=NEEDLE'))
    await page.getByRole('button', { name: 'Clear' }).click()
    await client.publish('flood', 'hay')
    await client.publish('flood', 'hay, a needle')
    await page.locator('.tail-lines', { hasText: 'a needle' }).waitFor()
    expect(await page.locator('.tail-lines li').count()).toBe(1)
    await page.getByRole('button', { name: 'Pause' }).click()
    await client.publish('flood', 'an unseen needle')
    await page.getByText('20,003').waitFor()
    await page.getByRole('button', { name: 'Go on' }).click()
    await client.publish('flood', 'a second needle')
    await page.locator('.tail-lines', { hasText: 'a second needle' }).waitFor()
    expect(await page.locator('.tail-lines li').allTextContents()).toEqual([
      expect.stringContaining('a second needle'),
      expect.stringContaining('a needle'),
    ])
  })

  test('the history of a channel goes on by pages, and back to an id or a time', async () => {
    const { client } = world()
    const pipeline = client.pipeline()
    for (let i = 0; i < 1200; i++) pipeline.publish('orders.long', `number ${i}.`)
    await pipeline.exec()
    const [[id]] = (await client
      .call('CHANNEL', 'HISTORY', 'orders.long', '-', '+', 'COUNT', '601')
      .then((rows) => (rows as string[][]).slice(600))) as [[string]]
    const page = await open('#/channels/orders.long')
    const pages = page.getByRole('navigation', { name: 'Pages of the history' })
    const turn = (name: string): Promise<void> => pages.getByRole('link', { name, exact: true }).click()
    const shows = (text: string): Promise<void> =>
      page.locator('main table[aria-label="Kept messages"] .line').first().filter({ hasText: text }).waitFor()
    const links = (): Promise<string[]> => pages.getByRole('link').allTextContents()
    await shows('number 1199.')
    expect(await links()).toEqual(['Older'])
    await turn('Older')
    await shows('number 699.')
    await turn('Older')
    await shows('number 199.')
    expect(await links()).toEqual(['Newest', 'Newer'])
    await turn('Newer')
    await shows('number 699.')
    await turn('Newer')
    await shows('number 1199.')
    await turn('Older')
    await page.getByLabel('From').fill(id)
    await shows('number 600.')
    expect(page.url()).not.toContain('before')
    await turn('Newer')
    await shows('number 1100.')
    expect(await links()).toEqual(['Newest', 'Older'])
    await turn('Older')
    await shows('number 600.')
    await page.getByLabel('From').fill('2020-01-01 12:00')
    await shows('number 0.')
    await page.getByLabel('From').fill('2120-01-01 12:00')
    await page.getByText('Nothing is kept from there on.').waitFor()
    await turn('Newest')
    await shows('number 1199.')
  })

  test('nothing moves when the figures come', async () => {
    const page = await (await openProfile()).newPage()
    await page.addInitScript(
      'window.shift = 0; new PerformanceObserver((list) => { for (const { value, hadRecentInput } of list.getEntries()) if (!hadRecentInput) window.shift += value }).observe({ type: "layout-shift", buffered: true })',
    )
    await page.goto(`${world().url}/console/#/overview`)
    await page.locator('.chart').nth(11).waitFor()
    await page.locator('.alerts', { hasNotText: 'Looking' }).waitFor()
    expect(await page.evaluate('window.shift')).toBeLessThan(0.02)
  })
})
