// The brokers of a cluster in Chromium, during a failover: three real ones on a log in JetStream, whose
// leader is killed and started again, and hands the lead over.

import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { Browser, Locator, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { freePorts } from '../../src/util/free-ports.ts'
import { chromiumPath, launchChromium } from '../support/chromium.ts'
import { DoorNode, leaderOf } from '../support/door-node.ts'
import { type LogServers, natsLog, natsServerMissing, startNatsServers } from '../support/log-servers.ts'

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const MISSING = chromiumPath === undefined ? ': left out, because no chromium is on the PATH' : ''
/** Long enough on a machine that has much else to do. */
const WAIT = { timeout: 20_000 }

describe.skipIf(chromiumPath === undefined || natsServerMissing())(`all brokers on one page${MISSING}`, () => {
  const opened: { browser?: Browser; nats?: LogServers } = {}
  beforeAll(async () => {
    const [browser, nats] = await Promise.all([launchChromium(), startNatsServers()])
    Object.assign(opened, { browser, nats })
  })
  afterAll(async () => {
    await opened.browser?.close()
    await opened.nats?.stop()
  })

  async function startNodes(): Promise<DoorNode[]> {
    const [port = 0, dataPort = 0] = await freePorts(2)
    const config = {
      log: natsLog(opened.nats!, 'console'),
      'shard-name': 'orders',
      'cluster-enabled': 'yes',
      console: 'yes',
    }
    const nodes = Array.from({ length: 3 }, (_, i) => new DoorNode(`127.0.0.${31 + i}`, port, config, dataPort))
    await Promise.all(nodes.map((node) => node.start()))
    return nodes
  }

  async function open(node: DoorNode, view: string): Promise<Page> {
    const profile = await opened.browser!.newContext({ viewport: { width: 1280, height: 800 } })
    onTestFinished(() => profile.close())
    const page = await profile.newPage()
    const errors: string[] = []
    page.on('pageerror', (error) => errors.push(error.message))
    onTestFinished(() => expect(errors).toEqual([]))
    await page.goto(`${node.door}/console/#/${view}`)
    await page.locator('main h1').waitFor()
    return page
  }

  const hostOf = ({ door }: DoorNode): string => new URL(door).hostname
  const rowOf = (page: Page, node: DoorNode): Locator =>
    page.getByRole('table', { name: 'Brokers', exact: true }).locator('tbody tr', { hasText: hostOf(node) })
  const shows = (page: Page, node: DoorNode, text: string | RegExp): Promise<void> =>
    rowOf(page, node).filter({ hasText: text }).waitFor(WAIT)

  async function faultsOf(page: Page): Promise<unknown> {
    await page.evaluate(AXE)
    const options = { resultTypes: ['violations'], rules: { 'target-size': { enabled: true } } }
    return page.evaluate(
      `axe.run(document, ${JSON.stringify(options)}).then(({ violations }) => violations.map(({ id, nodes }) => id + ': ' + nodes[0].html.slice(0, 200)))`,
    )
  }

  test('a killed leader, the next one, and a handover are seen without a reload', async () => {
    const nodes = await startNodes()
    const first = await leaderOf(nodes)
    const [watched, other] = nodes.filter((node) => node !== first) as [DoorNode, DoorNode]
    const page = await open(watched, 'brokers')
    await shows(page, first, /leader.*since/)
    await shows(page, other, /follower.*since/)
    await shows(page, watched, /follower.*this one/)
    await page.getByText('All is well: no alert rule holds at 3 brokers.').waitFor(WAIT)
    await page.getByText('3 of 3').waitFor(WAIT)
    // A client at one of them is seen in its row.
    for (let i = 0; i < 200; i++) await first.call('PUBLISH', 'news', 'hello')
    await shows(page, first, /[1-9][\d.,]*(\sk)?\/s/)
    expect(await page.locator('svg.spark path[d*="L"]').count()).toBeGreaterThan(0)
    expect(await faultsOf(page)).toEqual([])
    await page.emulateMedia({ colorScheme: 'dark' })
    expect(await faultsOf(page)).toEqual([])

    await page.evaluate('window.isSame = true')
    await first.kill()
    await shows(page, first, /was leader.*not since/)
    await page.getByText(/Critical: .* is not reached/).waitFor(WAIT)
    const second = await leaderOf([watched, other])
    await shows(page, second, 'leader')
    expect(await faultsOf(page)).toEqual([])
    await first.start()
    await shows(page, first, /follower.*since/)
    await page.getByText('All is well').waitFor(WAIT)

    // The button is at the leader; elsewhere a link leads there.
    const cluster = await open(first, 'cluster')
    await cluster
      .getByRole('link', { name: hostOf(second) })
      .first()
      .waitFor(WAIT)
    const leaders = await open(second, 'cluster')
    await leaders.getByText('16,384 of 16,384').waitFor(WAIT)
    expect(await leaders.locator('.slots .owner-0').count()).toBe(256)
    await leaders.getByText(/ms left/).waitFor(WAIT)
    await leaders.getByRole('button', { name: 'Hand over …' }).click()
    const dialog = leaders.getByRole('dialog')
    const target = (await dialog.getByRole('combobox').locator('option').allTextContents()).find((each) =>
      each.startsWith(hostOf(first)),
    )
    await dialog.getByRole('combobox').selectOption(target ?? '')
    await dialog.getByRole('textbox').fill((await dialog.locator('label code').textContent()) ?? '')
    await dialog.getByRole('button', { name: 'Hand over' }).click()
    await leaders.getByText('The lead is being handed over.').waitFor(WAIT)
    await shows(leaders, first, 'leader')
    await shows(page, first, /leader.*since/)
    await shows(page, second, 'follower')
    expect(await faultsOf(leaders)).toEqual([])
    expect(await page.evaluate('window.isSame')).toBe(true)
  }, 120_000)
})
