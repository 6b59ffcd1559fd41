import { describe, expect, onTestFinished, test } from 'vitest'
import { type OpenConsole, openConsole } from '../../support/console.ts'
import { eventually } from '../../support/server.ts'

interface Channels {
  readonly channels: readonly { name: string; kind: string; subscribers: number; rate: number | null }[]
  readonly kept: readonly Record<string, unknown>[]
  readonly truncated: boolean
}

/** Hears channels or patterns until the function that is returned is called, or the test ends. */
async function hear({ ask }: OpenConsole, query: string): Promise<() => void> {
  const control = new AbortController()
  await ask(`/v1/subscribe?${query}`, { signal: control.signal })
  const end = (): void => control.abort()
  onTestFinished(end)
  return end
}

describe('GET /v1/channels', () => {
  test('lists channels, patterns and kept channels, with subscribers and rates', async () => {
    const door = await openConsole({ channel: 'orders.* keep 24h' })
    const browser = await door.signIn()
    await hear(door, 'channel=news')
    await hear(door, 'pattern=news.*')
    for (let i = 0; i < 3; i++) await door.broker.call('PUBLISH', 'orders.eu', `m${i}`)
    const first = await browser.json<Channels>('/v1/channels')
    expect(first.channels).toEqual([
      { name: 'news', kind: 'channel', subscribers: 1, rate: null },
      { name: 'news.*', kind: 'pattern', subscribers: 1, rate: null },
    ])
    expect(first.kept).toMatchObject([
      { name: 'orders.eu', kind: 'channel', rule: 'orders.* keep 1d', messages: 3, subscribers: 0 },
    ])
    expect(first.truncated).toBe(false)
    expect((await browser.json<Channels>('/v1/channels?match=order*')).channels).toEqual([])
    expect((await browser.json<Channels>('/v1/channels?limit=1')).truncated).toBe(true)
  })

  test('shows patterns to those alone who could subscribe to them', async () => {
    const door = await openConsole()
    await door.broker.call('ACL', 'SETUSER', 'guest', 'on', '>pw', '+@pubsub', '+channel', 'resetchannels', '&news.*')
    await hear(door, 'pattern=news.*')
    await hear(door, 'pattern=secret.*')
    const browser = await door.signIn('guest', 'pw')
    const { channels } = await browser.json<Channels>('/v1/channels')
    expect(channels.map(({ name }) => name)).toEqual(['news.*'])
  })
})

describe('GET /v1/channels/NAME', () => {
  test('tells how far each remembered subscriber is; commands move and forget it', async () => {
    const door = await openConsole({ channel: 'orders.* keep 24h' })
    const browser = await door.signIn()
    const leave = await hear(door, 'channel=orders.eu&name=billing')
    await door.broker.call('PUBLISH', 'orders.eu', 'one')
    leave()
    await eventually(async () => (await browser.json<{ away: number }>('/v1/channels/orders.eu')).away === 1)
    await door.broker.call('PUBLISH', 'orders.eu', 'two')
    await door.broker.call('PUBLISH', 'orders.eu', 'three')
    await door.broker.call('PUBLISH', 'orders.eu', 'later', 'IN', '1h', 'ID', 'x')
    interface Details {
      readonly places: readonly { user: string; name: string; lag: number; connected: boolean; lastContact: number }[]
      readonly pending: readonly object[]
    }
    const details = await browser.json<Details>('/v1/channels/orders.eu')
    expect(details).toMatchObject({ name: 'orders.eu', messages: 3, remembered: 1, away: 1, scheduled: 1 })
    expect(details.pending).toMatchObject([{ id: 'x', message: 'later' }])
    const [place] = details.places
    expect(place).toMatchObject({ user: 'default', name: 'billing', connected: false, group: null })
    expect(place!.lag).toBeGreaterThanOrEqual(2)
    expect(place!.lastContact).toBeGreaterThan(Date.now() - 60_000)
    expect(await browser.command('CHANNEL', 'SEEK', 'orders.eu', 'default', 'billing', 'LAST')).toEqual({
      result: 'OK',
    })
    expect((await browser.json<Details>('/v1/channels/orders.eu')).places[0]!.lag).toBe(0)
    expect(await browser.command('CHANNEL', 'FORGET', 'orders.eu', 'default', 'billing')).toEqual({ result: 1 })
    expect((await browser.json<Details>('/v1/channels/orders.eu')).places).toEqual([])
    expect((await browser.get('/v1/channels/nothing')).status).toBe(404)
    expect((await browser.get('/v1/channels/nothing?kind=other')).status).toBe(400)
  })

  test('returns kept messages by id and time, in either order', async () => {
    const door = await openConsole({ channel: 'orders.* keep 24h' })
    const browser = await door.signIn()
    for (const text of ['a', 'b', 'c', 'd']) await door.broker.call('PUBLISH', 'orders.eu', text)
    interface Page {
      readonly messages: readonly { id: string; message: string; at: number }[]
      readonly next: string | null
    }
    const path = '/v1/channels/orders.eu/messages'
    const first = await browser.json<Page>(`${path}?limit=3`)
    expect(first.messages.map(({ message }) => message)).toEqual(['a', 'b', 'c'])
    const second = await browser.json<Page>(`${path}?limit=3&from=${encodeURIComponent(first.next!)}`)
    expect(second.messages.map(({ message }) => message)).toEqual(['d'])
    expect(second.next).toBeNull()
    const falling = await browser.json<Page>(`${path}?limit=3&order=desc`)
    expect(falling.messages.map(({ message }) => message)).toEqual(['d', 'c', 'b'])
    const last = await browser.json<Page>(`${path}?limit=3&order=desc&to=${encodeURIComponent(falling.next!)}`)
    expect(last.messages.map(({ message }) => message)).toEqual(['a'])
    expect((await browser.json<Page>(`${path}?from=${Date.now() + 60_000}`)).messages).toEqual([])
  })
})

describe('GET /v1/tail', () => {
  test('shows as many messages as it is asked for, and counts all', async () => {
    const door = await openConsole()
    const browser = await door.signIn()
    const answer = await browser.get('/v1/tail?pattern=load.*&rate=50')
    expect(answer.status).toBe(200)
    for (let i = 0; i < 500; i++) await door.broker.call('PUBLISH', 'load.a', `message ${i}`)
    let text = ''
    const counts: { messages: number; shown: number; bytes: number }[] = []
    const total = (name: 'messages' | 'shown'): number => counts.reduce((sum, count) => sum + count[name], 0)
    for await (const chunk of answer.body!) {
      text += Buffer.from(chunk as Uint8Array).toString()
      counts.length = 0
      for (const [, data] of text.matchAll(/event: count\ndata: (.*)\n\n/g)) counts.push(JSON.parse(data!))
      if (total('messages') === 500) break
    }
    const shown = [...text.matchAll(/event: messages\ndata: (.*)\n\n/g)].flatMap(
      ([, data]) => JSON.parse(data!) as object[],
    )
    expect(shown[0]).toMatchObject({ channel: 'load.a', pattern: 'load.*', message: 'message 0', id: null })
    expect(shown.length).toBe(total('shown'))
    expect(shown.length).toBeLessThan(500)
  })
})

describe('what commands cannot tell', () => {
  test('a crash now would lose, the files, and what all clients waited for', async () => {
    const door = await openConsole({ durability: 'jobs:* always' })
    const browser = await door.signIn()
    await door.broker.call('SET', 'k', 'v')
    expect(await browser.json('/v1/durability')).toMatchObject({
      appendonly: false,
      fsync: 'everysec',
      rules: [{ pattern: 'jobs:*', durability: 'always' }],
      crash: { power: 'All data would be lost: nothing is saved.', changesSinceSave: 1 },
      files: [],
    })
    interface Stalls {
      readonly stalls: readonly { cause: string; what: string | null; ms: number; details: string }[]
    }
    // A busy machine holds a server up, too, with no command to blame.
    const ofScripts = async () =>
      (await browser.json<Stalls>('/v1/stalls')).stalls.filter(({ what }) => what === 'EVAL')
    expect(await ofScripts()).toEqual([])
    const slow = 'local from = os.clock() repeat until os.clock() - from > 0.25'
    await browser.command('EVAL', slow, '0')
    await expect.poll(ofScripts).toHaveLength(1)
    const [stall] = await ofScripts()
    expect(stall).toMatchObject({ cause: 'command' })
    expect(stall!.ms).toBeGreaterThanOrEqual(50)
  })

  test('the brokers that settings name, but no links that are none', async () => {
    const door = await openConsole({
      'console-brokers': 'eu=https://eu.example/console/ bad=javascript:alert(1) worse',
    })
    const browser = await door.signIn()
    const { brokers } = await browser.json<{ brokers: { name: string; self: boolean; kind: string; url: string }[] }>(
      '/v1/brokers',
    )
    expect(brokers.map(({ kind, self }) => [kind, self])).toEqual([
      ['self', true],
      ['named', false],
    ])
    expect(brokers[1]).toMatchObject({ name: 'eu', url: 'https://eu.example/console/' })
  })

  test('lists with waiting clients, and streams with pending entries', async () => {
    const door = await openConsole()
    const browser = await door.signIn()
    void door.broker.call('BLPOP', 'tasks', '0').catch(() => {})
    await door.broker.call('XGROUP', 'CREATE', 'log', 'g', '$', 'MKSTREAM')
    await door.broker.call('XADD', 'log', '*', 'a', '1')
    await door.broker.call('XREADGROUP', 'GROUP', 'g', 'me', 'STREAMS', 'log', '>')
    expect(await browser.json('/v1/queues')).toMatchObject({ lists: [{ name: 'tasks', length: 0, waitingClients: 1 }] })
    expect(await browser.json('/v1/lists/tasks')).toMatchObject({ length: 0, waiting: [{ command: 'BLPOP' }] })
    expect(await browser.json('/v1/streams/log')).toMatchObject({
      length: 1,
      groups: [
        {
          name: 'g',
          pending: 1,
          consumers: [{ name: 'me', pending: 1 }],
          pendingEntries: [{ consumer: 'me', deliveries: 1 }],
        },
      ],
    })
    expect((await browser.get('/v1/streams/none')).status).toBe(400)
  })
})

describe('the OpenAPI file', () => {
  test('describes every endpoint', async () => {
    const door = await openConsole()
    const answer = await door.ask('/v1/openapi.json')
    const { openapi, paths } = (await answer.json()) as { openapi: string; paths: Record<string, object> }
    expect(openapi).toBe('3.1.0')
    expect(Object.keys(paths)).toContain('/v1/queues/{name}/jobs/{id}/{action}')
    expect(Object.keys(paths)).toContain('/v1/publish/{channel}')
  })
})
