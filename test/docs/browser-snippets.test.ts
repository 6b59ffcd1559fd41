// The snippets of docs/browsers.md, run against a door with the options of the page's first command
// line. They are written for a page or for a function. A page's relative addresses lead to the door
// here, and the package `eventsource` is its EventSource. Hooks as React has them stand around the
// last snippet.

import { readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { Redis } from '@upstash/redis'
import { EventSource } from 'eventsource'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { openBroker } from '../../src/index.ts'
import { type OpenDoor, openDoor } from '../support/door.ts'
import { eventually, temporaryDirectory } from '../support/server.ts'

const TEXT = readFileSync(join(import.meta.dirname, '../../docs/browsers.md'), 'utf8')
const SNIPPETS = [...TEXT.matchAll(/^```jsx?\n([\s\S]*?)^```$/gm)].map((match) => match[1] ?? '')
const URL_OF_THE_PAGE = 'http://localhost:8080'

/** The rule that the page's first command line names. */
const RULE = /^npx respite --http-port 8080 --channel '(.*)'$/m.exec(TEXT)?.[1] ?? ''

/** Runs code that may await, with names in its scope, and returns what it returns. */
const AsyncFunction = (async () => {}).constructor as new (
  ...source: string[]
) => (...values: unknown[]) => Promise<unknown>

const taken = new Set<string>()

/** Returns the snippet with these words. */
function snippet(words: string): string {
  const found = SNIPPETS.filter((code) => code.includes(words))
  expect(found, `one snippet with '${words}'`).toHaveLength(1)
  taken.add(found[0]!)
  return found[0]!
}

interface Page {
  readonly scope: Record<string, unknown>
  readonly sources: EventSource[]
  readonly printed: unknown[]
}

/**
 * A page of the door's own site: its EventSource, its fetch, and its console. With an id its streams
 * go on behind that message.
 */
function page({ url }: OpenDoor, lastEventId?: string): Page {
  const printed: unknown[] = []
  const sources: EventSource[] = []
  const headersOf = (own: Readonly<Record<string, string>> | undefined): Headers => {
    const headers = new Headers(own)
    if (lastEventId !== undefined && !headers.has('Last-Event-ID')) headers.set('Last-Event-ID', lastEventId)
    return headers
  }
  const address = (of: string): string => new URL(of, url).href
  class PageEventSource extends EventSource {
    constructor(of: string) {
      super(address(of), { fetch: (at, init) => fetch(at, { ...init, headers: headersOf(init.headers) }) })
      sources.push(this)
      onTestFinished(() => this.close())
    }
  }
  const scope = {
    EventSource: PageEventSource,
    fetch: (of: string, init?: RequestInit) => fetch(address(of), init),
    console: { log: (text: unknown) => void printed.push(text) },
  }
  return { scope, sources, printed }
}

async function run(code: string, scope: Record<string, unknown>): Promise<unknown> {
  return await new AsyncFunction(...Object.keys(scope), code)(...Object.values(scope))
}

const publish = (door: OpenDoor, message: string): Promise<Response> =>
  door.ask('/v1/publish/chat.1', { method: 'POST', body: message })

describe('docs/browsers.md', () => {
  test('a page hears the channel, and is told what was removed while it was away', async () => {
    const door = await openDoor({ channel: `${RULE} max-messages 2` })
    const published = async (message: string) => (await (await publish(door, message)).json()) as { id: string }
    const before = await published('before')
    await published('gone')
    const kept = await published('kept')
    await published('last')
    const { printed, scope } = page(door, before.id)
    const reload = vi.fn()
    const code = snippet('source.onmessage = ({ data }) => console.log(data)\n').replace(URL_OF_THE_PAGE, door.url)
    await run(`${code}\n${snippet("addEventListener('gap'")}`, { ...scope, reload })
    await eventually(() => printed.length === 2)
    await publish(door, 'hello')
    await eventually(() => printed.length === 3)
    expect(printed).toEqual(['kept', 'last', 'hello'])
    // `after` is the last id that the page knew; `before` is that of the first message that is kept.
    const gap = { channel: 'chat.1', after: before.id, before: kept.id }
    expect(reload.mock.calls).toEqual([[expect.objectContaining(gap)]])
  })

  test('a function sets a key by the package of Upstash', async () => {
    const door = await openDoor({ requirepass: 'the password' })
    await run(snippet('new Redis({ url:').replace(URL_OF_THE_PAGE, door.url), { Redis })
    expect(JSON.parse(String(await door.broker.call('GET', 'key')))).toEqual({ any: 'value' })
  })

  test('a page with tickets goes on where its connection broke', async () => {
    const door = await openDoor({ channel: RULE, requirepass: 'secret' })
    const { printed, scope, sources } = page(door)
    // The page waits two seconds before it opens another stream.
    const setTimeoutAtOnce = (work: () => void): unknown => setTimeout(work, 1)
    await run(snippet("let last = 'first'"), { ...scope, password: 'secret', setTimeout: setTimeoutAtOnce })
    await eventually(() => sources[0]?.readyState === EventSource.OPEN)
    await door.broker.publish('chat.1', 'one')
    await eventually(() => printed.length === 1)
    const clients = String(await door.broker.call('CLIENT', 'LIST')).split('\n')
    const [stream, ...others] = clients.filter((line) => / sub=1 /.test(line))
    expect([stream, others]).toEqual([expect.stringMatching(/^id=\d+ /), []])
    await door.broker.call('CLIENT', 'KILL', 'ID', /^id=(\d+)/.exec(stream!)![1]!)
    await door.broker.publish('chat.1', 'two')
    await eventually(() => printed.length === 2)
    expect([printed, sources.length]).toEqual([['one', 'two'], 2])
  })

  test('a server of a program serves the channel below its own paths', async () => {
    const servers: Server[] = []
    const create: typeof createServer = ((...given: Parameters<typeof createServer>) => {
      const server = createServer(...given)
      servers.push(server)
      onTestFinished(() => {
        server.close()
        server.closeAllConnections()
      })
      return server
    }) as typeof createServer
    const open: typeof openBroker = async (options) => {
      const broker = await openBroker({ ...options, dir: temporaryDirectory() })
      onTestFinished(() => broker.close())
      return broker
    }
    const code = snippet('broker.http({ base:')
      .replace(/^import .*\n/gm, '')
      .replace('listen(3000)', "listen(0, '127.0.0.1')")
    await run(code, { createServer: create, openBroker: open })
    const { port } = await eventually(() => servers[0]?.address() as AddressInfo | null | undefined)
    const base = `http://127.0.0.1:${port}/events`
    const answer = await fetch(`${base}/v1/publish/chat.1`, { method: 'POST', body: 'hello' })
    expect(await answer.json()).toMatchObject({ receivers: 0 })
    const polled = await fetch(`${base}/v1/subscribe?channel=chat.1&from=first`, {
      headers: { Accept: 'application/json' },
    })
    expect(await polled.json()).toMatchObject({ messages: [{ channel: 'chat.1', message: 'hello' }] })
  })

  test('a hook of React shows all messages of the channel', async () => {
    const door = await openDoor({ channel: RULE })
    await publish(door, 'one')
    const { scope, sources } = page(door)
    let shown: unknown[] = []
    let end = (): void => {}
    const useState = (first: unknown[]): unknown[] => [
      first,
      (next: unknown[] | ((all: unknown[]) => unknown[])) => {
        shown = typeof next === 'function' ? next(shown) : next
      },
    ]
    const useEffect = (effect: () => () => void, on: unknown[]): void => {
      expect(on).toEqual(['chat.1'])
      end = effect()
    }
    await run(`${snippet('function useChannel')}\nuseChannel('chat.1')`, { ...scope, useState, useEffect })
    await eventually(() => shown.length === 1)
    await publish(door, 'two')
    await eventually(() => shown.length === 2)
    expect(shown).toEqual(['one', 'two'])
    end()
    expect(sources[0]?.readyState).toBe(EventSource.CLOSED)
  })

  test('every snippet of JavaScript was run', () => {
    expect(SNIPPETS.filter((code) => !taken.has(code))).toEqual([])
  })
})
