// Keeps pictures of every view of the console in `docs/images`: light and dark, wide and narrow.
//
//   npm run build && npx tsx scripts/console-pictures.ts [FOLDER] [VIEW …]
//
// It needs a Chromium on the PATH, and nats-server for the views of several brokers. The pictures show
// a server with an invented hour of figures.

import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Browser } from 'playwright-core'
import { launchChromium } from '../test/support/chromium.ts'
import { openCluster } from '../test/support/console-cluster.ts'
import { openWorld } from '../test/support/console-world.ts'
import { withPalette } from './palette-png.ts'

/** Name of the picture → the address. */
const VIEWS: Readonly<Record<string, string>> = {
  overview: '#/overview',
  channels: '#/channels',
  channel: '#/channels/orders.eu',
  tail: '#/tail?pattern=*',
  queues: '#/queues',
  queue: '#/queues/mails?state=failed',
  job: '#/queues/mails?state=failed',
  keys: '#/keys?key=cart%3A7',
  clients: '#/clients',
  slow: '#/slow?view=commands',
  durability: '#/durability',
  cluster: '#/cluster',
  brokers: '#/brokers',
}

/** Views of several brokers. */
const OF_CLUSTER = ['cluster', 'brokers']

const KINDS = [
  ['light', 1200, 720],
  ['dark', 1200, 720],
  ['light-narrow', 380, 700],
  ['dark-narrow', 380, 700],
] as const

const [folder = join(import.meta.dirname, '../docs/images'), ...only] = process.argv.slice(2)
mkdirSync(folder, { recursive: true })
const world = await openWorld({ hasHistory: true })
const isWanted = (name: string): boolean => only.length === 0 || only.includes(name)
const cluster = OF_CLUSTER.some(isWanted) ? await openCluster(world.url) : undefined
const browser = await launchChromium()
try {
  for (const [kind, width, height] of KINDS) await takeAll(browser, kind, { width, height })
} finally {
  await browser.close()
  await cluster?.close()
  await world.close()
}

async function takeAll(browser: Browser, kind: string, viewport: { width: number; height: number }): Promise<void> {
  const profile = await browser.newContext({ viewport, colorScheme: kind.startsWith('dark') ? 'dark' : 'light' })
  const page = await profile.newPage()
  for (const [name, address] of Object.entries(VIEWS)) {
    if (!isWanted(name)) continue
    await page.goto(`${OF_CLUSTER.includes(name) ? cluster?.url : world.url}/console/${address}`)
    await page.locator('main h1').waitFor()
    if (name === 'job') await page.locator('main table a[data-row]').first().click()
    if (name === 'tail')
      for (let i = 0; i < 12; i++)
        await world.client.publish(
          i % 3 === 0 ? 'mail.out' : 'orders.eu',
          JSON.stringify({ order: 40 + i, sku: 'plums', price: 4 }),
        )
    await page.locator('.waiting').waitFor({ state: 'detached' })
    await page.waitForTimeout(OF_CLUSTER.includes(name) ? 4500 : 1200)
    writeFileSync(join(folder, `console-${name}-${kind}.png`), withPalette(await page.screenshot()))
  }
  await profile.close()
}
