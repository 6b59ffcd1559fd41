// Chromium, driven by playwright-core: the machine's own, and none that is downloaded.
//
// A tab has a few functions for its scripts. They are text, because they run in the page.

import { accessSync, constants } from 'node:fs'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { delimiter, join } from 'node:path'
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core'
import { onTestFinished } from 'vitest'
import { eventually } from './server.ts'

const NAMES = ['chromium', 'chromium-browser', 'google-chrome']
/** Hosts of this name are this machine: they are the foreign sites. */
const HOSTS = 'MAP *.example 127.0.0.1'

/** The path of the machine's Chromium; undefined = it has none. */
export const chromiumPath: string | undefined = (process.env.PATH ?? '')
  .split(delimiter)
  .flatMap((folder) => NAMES.map((name) => join(folder, name)))
  .find(isExecutable)

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** Starts the machine's Chromium. Its sandbox wants a user that is not root. */
export function launchChromium(): Promise<Browser> {
  if (chromiumPath === undefined) throw new Error('this machine has no Chromium')
  const args = ['--no-sandbox', `--host-resolver-rules=${HOSTS}`]
  return chromium.launch({ executablePath: chromiumPath, args })
}

/** Serves an empty page of an origin of its own; returns its port. */
export async function openSite(): Promise<number> {
  const server = http.createServer((_, response) => {
    response.writeHead(200, { 'Content-Type': 'text/html; charset=utf-8' }).end('<!doctype html><title>A site</title>')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.close()
    server.closeAllConnections()
  })
  return (server.address() as AddressInfo).port
}

/** Opens a profile of its own: cookies, and the limit of six connections to a host. It is gone when the test ends. */
export async function openProfile(browser: Browser): Promise<BrowserContext> {
  const profile = await browser.newContext()
  onTestFinished(() => profile.close())
  return profile
}

// listen: opens an EventSource, and returns 'open' or 'refused'.
// read: opens a stream by fetch, and returns the status.
// connect: opens a WebSocket, and returns 'open' or 'refused'.
const FUNCTIONS = `
var heard = [], gaps = [], answers = [], last, source, socket, state, reading
function listen(url, options) {
  source = new EventSource(url, options)
  return new Promise((resolve) => {
    source.onmessage = ({ data, lastEventId }) => { heard.push(data); last = lastEventId }
    source.addEventListener('gap', ({ data }) => gaps.push(JSON.parse(data)))
    source.onopen = () => { state = 'open'; resolve(state) }
    source.onerror = () => {
      state = source.readyState === EventSource.CLOSED ? 'refused' : 'coming back'
      if (state === 'refused') resolve(state)
    }
  })
}
async function read(url, init) {
  reading = new AbortController()
  const answer = await fetch(url, { ...init, signal: reading.signal })
  if (answer.ok) void takeEvents(answer.body.pipeThrough(new TextDecoderStream()).getReader()).catch(() => { state = 'broken' })
  return answer.status
}
async function takeEvents(reader) {
  let text = ''
  while (true) {
    const { done, value } = await reader.read()
    if (done) return
    const blocks = (text + value).split('\\n\\n')
    text = blocks.pop()
    for (const block of blocks) {
      last = /^id: (.*)$/m.exec(block)?.[1] ?? last
      const data = /^data: (.*)$/m.exec(block)?.[1]
      if (data !== undefined) heard.push(data)
    }
  }
}
function connect(url) {
  socket = new WebSocket(url)
  return new Promise((resolve) => {
    socket.onopen = () => { state = 'open'; resolve(state) }
    socket.onclose = () => { state = state === 'open' ? 'closed' : 'refused'; resolve(state) }
    socket.onmessage = ({ data }) => {
      const answer = JSON.parse(data)
      if (answer.message === undefined) answers.push(answer)
      else { heard.push(answer.message); last = answer.id }
    }
  })
}
function send(request) { socket.send(JSON.stringify(request)) }
`

export class Tab {
  readonly page: Page

  private constructor(page: Page) {
    this.page = page
  }

  /** Opens a tab with a page of a site. An answer that is no HTML is a page of its site too. */
  static async open(profile: BrowserContext, url: string): Promise<Tab> {
    const page = await profile.newPage()
    const tab = new Tab(page)
    await page.goto(url)
    await page.evaluate(`(0, eval)(${JSON.stringify(FUNCTIONS)})`)
    return tab
  }

  /** Runs a script in the page, and returns the value of its last expression. */
  run<T = unknown>(script: string): Promise<T> {
    return this.page.evaluate<T>(script)
  }

  get heard(): Promise<string[]> {
    return this.run('heard')
  }

  /** Waits until the page has heard so many messages, and returns them. */
  async hears(count: number): Promise<string[]> {
    await eventually(async () => (await this.heard).length >= count, `message ${count} in the page`, 10_000)
    return this.heard
  }
}
