// The brokers of a cluster in Chromium, during a failover: three real ones on logs in JetStream, of which
// one leader is killed and started again, gives slots away, and hands the lead over.

import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { Browser, Locator, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { freePorts } from '../../src/util/free-ports.ts'
import { chromiumPath, launchChromium } from '../support/chromium.ts'
import { DoorNode, leaderOf } from '../support/door-node.ts'
import { type LogServers, natsLog, natsServerMissing, startNatsServers } from '../support/log-servers.ts'
import { eventually } from '../support/server.ts'

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

  /** Two brokers of one shard, and one of another. */
  async function startNodes(): Promise<[DoorNode, DoorNode, DoorNode]> {
    const [port = 0, dataPort = 0] = await freePorts(2)
    const [one, two] = [natsLog(opened.nats!, 'one'), natsLog(opened.nats!, 'two')]
    const common = { 'cluster-enabled': 'yes', console: 'yes' }
    const configs = [
      { ...common, 'shard-name': 'one', log: one },
      { ...common, 'shard-name': 'one', log: one },
      { ...common, 'shard-name': 'two', log: two, 'cluster-log': one },
    ]
    const nodes = configs.map((config, i) => new DoorNode(`127.0.0.${31 + i}`, port, config, dataPort))
    await Promise.all(nodes.map((node) => node.start()))
    return nodes as [DoorNode, DoorNode, DoorNode]
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

  test('a killed leader, the next one, a handover and a move of slots are seen without a reload', async () => {
    const [a, b, two] = await startNodes()
    const first = await leaderOf([a, b])
    const second = first === a ? b : a
    await leaderOf([two])
    // The page comes from a broker of the other shard.
    const page = await open(two, 'brokers')
    await shows(page, first, /one.*leader.*since/)
    await shows(page, second, /one.*follower.*0 records.*since/)
    await shows(page, two, /two.*leader.*this one/)
    await page.getByText('All is well: no alert rule holds at 3 brokers.').waitFor(WAIT)
    await page.getByText('3 of 3').waitFor(WAIT)
    // Commands of a client are seen in the row of its broker.
    for (let i = 0; i < 100; i++) await first.call('PING')
    await shows(page, first, /[1-9][\d.,]*(\sk)?\/s/)
    await page.locator('svg.spark path[d*="L"]').first().waitFor({ state: 'attached' })
    expect(await faultsOf(page)).toEqual([])

    await page.evaluate('window.isSame = true')
    await first.kill()
    await shows(page, first, /was leader.*not since/)
    await page.getByText(/Critical: .* is not reached/).waitFor(WAIT)
    await shows(page, second, /one.*leader/)
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
    await cluster.goto(`${second.door}/console/#/cluster`)
    await cluster.getByText('16,384 of 16,384').waitFor(WAIT)
    await cluster.getByText(/ms left/).waitFor(WAIT)
    expect(await cluster.locator('.slots .owner-0').count()).toBe(256)
    expect(await second.call('CLUSTER', 'MOVESLOTS', 'two', '0', '4095')).toBe('OK')
    await cluster.getByText(/from one, to two, slots 0-4095/).waitFor(WAIT)
    await eventually(async () => (await cluster.locator('.slots .owner-1').count()) === 64, '64 squares', 20_000)

    await cluster.getByRole('button', { name: 'Hand over …' }).click()
    const dialog = cluster.getByRole('dialog')
    const targets = await dialog.getByRole('combobox').locator('option').allTextContents()
    await dialog.getByRole('combobox').selectOption(targets.find((each) => each.startsWith(hostOf(first))) ?? '')
    await dialog.getByRole('textbox').fill((await dialog.locator('label code').textContent()) ?? '')
    await dialog.getByRole('button', { name: 'Hand over' }).click()
    await cluster.getByText('The lead is being handed over.').waitFor(WAIT)
    await shows(cluster, first, 'leader')
    await shows(page, first, /leader.*since/)
    await shows(page, second, 'follower')
    expect(await faultsOf(cluster)).toEqual([])
    expect(await page.evaluate('window.isSame')).toBe(true)
  }, 180_000)
})
