// Tests from Mercure's specification.

import { createHmac } from 'node:crypto'
import { EventSource } from 'eventsource'
import { describe, expect, onTestFinished, test } from 'vitest'
import { selectsAny } from '../../src/door/mercure/topic-selectors.ts'
import { type OpenDoor, openDoor } from '../support/door.ts'
import { eventually } from '../support/server.ts'

const SECRET = 'a secret of tokens that has 32 bytes'
const SETTINGS = { 'http-token-secret': SECRET, channel: 'mercure keep 1h' }
const HUB = '/.well-known/mercure'

function token(mercure: object | undefined): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  const body = `${part({ alg: 'HS256' })}.${part({ exp: Math.floor(Date.now() / 1000) + 60, mercure })}`
  return `${body}.${createHmac('sha256', SECRET).update(body).digest('base64url')}`
}

const PUBLISHER = token({ publish: ['*'] })

async function post({ ask }: OpenDoor, fields: [string, string][], jwt = PUBLISHER): Promise<Response> {
  return ask(HUB, { method: 'POST', body: new URLSearchParams(fields), headers: { Authorization: `Bearer ${jwt}` } })
}

interface Heard {
  readonly id: string
  readonly type: string
  readonly data: string
}

async function listen(
  door: OpenDoor,
  query: string,
  types: string[] = [],
): Promise<{ heard: Heard[]; source: EventSource }> {
  const source = new EventSource(`${door.url}${HUB}?${query}`)
  onTestFinished(() => source.close())
  const heard: Heard[] = []
  const take = ({ data, lastEventId, type }: MessageEvent): void =>
    void heard.push({ id: lastEventId, type, data: String(data) })
  for (const type of ['message', ...types]) source.addEventListener(type, take)
  await new Promise((resolve) => {
    source.onopen = resolve
  })
  return { heard, source }
}

describe('the hub of Mercure', () => {
  test('sends an update once to those who selected one of its topics, and answers with its id', async () => {
    const door = await openDoor(SETTINGS)
    const books = await listen(door, `topic=${encodeURIComponent('https://example.com/books/{id}')}&topic=other`, [
      'edit',
    ])
    const users = await listen(door, `topic=${encodeURIComponent('https://example.com/users/1')}`)
    const all = await listen(door, 'topic=*')
    const answer = await post(door, [
      ['topic', 'https://example.com/books/1'],
      ['topic', 'other'],
      ['data', 'one\ntwo'],
      ['type', 'edit'],
      ['retry', '5000'],
    ])
    expect(answer.status).toBe(200)
    const id = await answer.text()
    expect(id).toMatch(/^#\d+-\d+$/)
    await post(door, [
      ['topic', 'https://example.com/users/1'],
      ['data', 'ann'],
    ])
    await eventually(() => users.heard.length === 1 && all.heard.length === 1)
    expect(books.heard).toEqual([{ id, type: 'edit', data: 'one\ntwo' }])
    expect(users.heard.map(({ data }) => data)).toEqual(['ann'])
  })

  test('sends a private update to those alone whose token selects a topic of it', async () => {
    const door = await openDoor(SETTINGS)
    const jwt = token({ subscribe: ['https://example.com/users/{id}'] })
    const known = await listen(door, `topic=*&authorization=${jwt}`)
    const stranger = await listen(door, 'topic=*')
    await post(door, [
      ['topic', 'https://example.com/users/1'],
      ['data', 'secret'],
      ['private', 'on'],
    ])
    await post(door, [
      ['topic', 'https://example.com/bills/1'],
      ['data', 'more secret'],
      ['private', 'on'],
    ])
    await post(door, [
      ['topic', 'end'],
      ['data', 'end'],
    ])
    await eventually(() => known.heard.length === 2 && stranger.heard.length === 1)
    expect(known.heard.map(({ data }) => data)).toEqual(['secret', 'end'])
    expect(stranger.heard.map(({ data }) => data)).toEqual(['end'])
  })

  test('takes updates of tokens whose claim selects all topics', async () => {
    const door = await openDoor(SETTINGS)
    const update: [string, string][] = [
      ['topic', 'a'],
      ['topic', 'b'],
      ['data', 'x'],
    ]
    expect((await post(door, update, token({ publish: ['a', 'b'] }))).status).toBe(200)
    expect((await post(door, update, token({ publish: ['a'] }))).status).toBe(403)
    expect((await post(door, update, token({ publish: [] }))).status).toBe(403)
    expect((await post(door, update, token({ subscribe: ['*'] }))).status).toBe(401)
    expect((await post(door, update, token(undefined))).status).toBe(401)
    expect((await door.ask(HUB, { method: 'POST', body: new URLSearchParams(update) })).status).toBe(401)
  })

  test('opens the hub to a token without the claim where that names the channel alone', async () => {
    const door = await openDoor({ ...SETTINGS, requirepass: 'secret' })
    const ask = async (jwt: string): Promise<number> => {
      const answer = await door.ask(`${HUB}?topic=a`, { headers: { Authorization: `Bearer ${jwt}` } })
      await answer.body?.cancel()
      return answer.status
    }
    expect(await ask(token(undefined))).toBe(403)
    expect(await ask(token({}))).toBe(200)
    expect(await ask('secret')).toBe(200)
    expect((await post(door, [['topic', 'a']], 'secret')).status).toBe(200)
    expect((await door.ask(`${HUB}?topic=a`)).status).toBe(401)
  })

  test('takes the token in the cookie of the specification', async () => {
    const door = await openDoor(SETTINGS)
    const body = new URLSearchParams([
      ['topic', 'a'],
      ['data', 'x'],
    ])
    const headers = { Cookie: `mercureAuthorization=${PUBLISHER}` }
    expect((await door.ask(HUB, { method: 'POST', body, headers })).status).toBe(200)
  })

  test('refuses a form without a topic, a type of two lines, a retry that is none, an id with #', async () => {
    const door = await openDoor(SETTINGS)
    const wrong: [string, string][][] = [
      [['data', 'x']],
      [
        ['topic', 'a'],
        ['type', 'x\nid: 7'],
      ],
      [
        ['topic', 'a'],
        ['retry', 'soon'],
      ],
      [
        ['topic', 'a'],
        ['id', '#1'],
      ],
    ]
    for (const fields of wrong) expect((await post(door, fields)).status).toBe(400)
    expect((await door.ask(HUB)).status).toBe(400)
  })

  test('goes on behind Last-Event-ID, and says in a header where it did', async () => {
    const door = await openDoor(SETTINGS)
    const ids: string[] = []
    for (const data of ['one', 'two', 'three'])
      ids.push(
        await (
          await post(door, [
            ['topic', 'a'],
            ['data', data],
          ])
        ).text(),
      )
    const texts = async (last: string): Promise<[string | null, string[]]> => {
      const answer = await door.ask(`${HUB}?topic=a&lastEventID=${encodeURIComponent(last)}`)
      const reader = answer.body?.getReader()
      let text = ''
      while (reader !== undefined && !text.includes('three'))
        text += Buffer.from((await reader.read()).value ?? '').toString()
      await reader?.cancel()
      return [answer.headers.get('last-event-id'), [...text.matchAll(/^data: (.*)$/gm)].map(([, data = '']) => data)]
    }
    expect(await texts(ids[0] ?? '')).toEqual([ids[0], ['two', 'three']])
    expect(await texts('earliest')).toEqual(['earliest', ['one', 'two', 'three']])
    expect(await texts('urn:uuid:of-another-hub')).toEqual(['earliest', ['one', 'two', 'three']])
  })

  test("an update has its publisher's id, and a stream goes on behind it, also one that is no ASCII", async () => {
    const door = await openDoor(SETTINGS)
    const ids = ['urn:uuid:1', 'https://example.com/é/2', 'three']
    for (const id of ids) {
      const answer = await post(door, [
        ['topic', 'a'],
        ['data', `of ${id}`],
        ['id', id],
      ])
      expect(await answer.text()).toBe(id)
    }
    for (let i = 0; i < 500; i++) void door.broker.publish('mercure', '{"topics":["b"],"data":"","type":""}')
    await post(door, [
      ['topic', 'a'],
      ['data', 'end'],
    ])
    for (const [i, id] of ids.entries()) {
      // A browser sends the bytes of UTF-8.
      const headers = { 'Last-Event-ID': Buffer.from(id).toString('latin1') }
      for (const init of [{ headers }, {}]) {
        const query = 'headers' in init ? '' : `&lastEventID=${encodeURIComponent(id)}`
        const answer = await door.ask(`${HUB}?topic=a${query}`, init)
        expect(decodeURI(answer.headers.get('last-event-id') ?? '')).toBe(id)
        const reader = answer.body?.getReader()
        let text = ''
        while (reader !== undefined && !text.includes('data: end'))
          text += Buffer.from((await reader.read()).value ?? '').toString()
        await reader?.cancel()
        expect([...text.matchAll(/^id: (.*)\ndata: of/gm)].map(([, shown]) => shown)).toEqual(ids.slice(i + 1))
      }
    }
  })

  test('an update that is not kept has an id, too', async () => {
    const door = await openDoor({ 'http-token-secret': SECRET })
    const { heard } = await listen(door, 'topic=a')
    const id = await (
      await post(door, [
        ['topic', 'a'],
        ['data', 'x'],
      ])
    ).text()
    expect(id).toMatch(/^urn:uuid:[0-9a-f-]{36}$/)
    await eventually(() => heard.length === 1)
    expect(heard[0]?.id).toBe(id)
  })

  test('refuses ids that would be more than an id', async () => {
    const door = await openDoor(SETTINGS)
    for (const id of ['a\ndata: x', 'a\rb', 'a\0b', '#1-1', 'earliest', 'x'.repeat(1025)]) {
      const answer = await post(door, [
        ['topic', 'a'],
        ['id', id],
      ])
      expect(answer.status, JSON.stringify(id)).toBe(400)
    }
  })

  test('takes one token: of the header, else of the query, else of the cookie', async () => {
    const door = await openDoor(SETTINGS)
    const none = token({})
    const status = async (header: string | undefined, query: string | undefined, cookie: string | undefined) => {
      const headers = {
        ...(header === undefined ? {} : { Authorization: `Bearer ${header}` }),
        ...(cookie === undefined ? {} : { Cookie: `mercureAuthorization=${cookie}` }),
      }
      const path = query === undefined ? HUB : `${HUB}?authorization=${query}`
      return (await door.ask(path, { method: 'POST', body: new URLSearchParams({ topic: 'a' }), headers })).status
    }
    expect(await status(PUBLISHER, none, none)).toBe(200)
    expect(await status(none, PUBLISHER, PUBLISHER)).toBe(401)
    expect(await status(undefined, PUBLISHER, none)).toBe(200)
    expect(await status(undefined, none, PUBLISHER)).toBe(401)
    expect(await status(undefined, undefined, PUBLISHER)).toBe(200)
  })

  test('a ticket keeps the topics of its token', async () => {
    const door = await openDoor(SETTINGS)
    const jwt = token({ subscribe: ['secret'] })
    const answer = await door.ask('/v1/ticket', { method: 'POST', headers: { Authorization: `Bearer ${jwt}` } })
    const { ticket } = (await answer.json()) as { ticket: string }
    const { heard } = await listen(door, `topic=*&ticket=${ticket}`)
    for (const topic of ['hidden', 'secret'])
      await post(door, [
        ['topic', topic],
        ['data', topic],
        ['private', 'on'],
      ])
    await eventually(() => heard.length === 1)
    expect(heard[0]?.data).toBe('secret')
  })

  test('an EventSource that is cut hears what it missed', async () => {
    const door = await openDoor(SETTINGS)
    const { heard } = await listen(door, 'topic=a')
    await post(door, [
      ['topic', 'a'],
      ['data', 'one'],
      ['retry', '10'],
    ])
    await eventually(() => heard.length === 1)
    await door.broker.call('CLIENT', 'KILL', 'TYPE', 'pubsub')
    await post(door, [
      ['topic', 'a'],
      ['data', 'two'],
    ])
    await eventually(() => heard.length === 2)
    expect(heard.map(({ data }) => data)).toEqual(['one', 'two'])
  })
})

describe('subscriptions of the hub', () => {
  const WITH_API = { ...SETTINGS, 'http-mercure-subscriptions': 'yes' } as const
  const BOOKS = 'https://example.com/books/{id}'
  const PATH = `${HUB}/subscriptions`
  const WATCHER = token({ subscribe: [`${PATH}{/topic}{/subscriber}`, PATH] })

  async function asked(door: OpenDoor, path: string, jwt = WATCHER) {
    const answer = await door.ask(path, { headers: { Authorization: `Bearer ${jwt}` } })
    const type = answer.headers.get('content-type')
    return { status: answer.status, type, body: (await answer.json()) as Record<string, unknown> }
  }

  test('are listed, of all selectors, of one, and one alone', async () => {
    const door = await openDoor(WITH_API)
    const jwt = token({ subscribe: [], payload: { user: 'ann' } })
    await listen(door, `topic=${encodeURIComponent(BOOKS)}&topic=other&authorization=${jwt}`)
    await listen(door, 'topic=other')
    const all = await asked(door, PATH)
    expect(all).toMatchObject({
      status: 200,
      type: 'application/ld+json',
      body: { '@context': 'https://mercure.rocks/', id: PATH, type: 'Subscriptions' },
    })
    const listed = all.body.subscriptions as { id: string; topic: string; subscriber: string; payload?: unknown }[]
    expect(listed.map(({ payload, topic }) => [topic, payload])).toEqual([
      [BOOKS, { user: 'ann' }],
      ['other', { user: 'ann' }],
      ['other', undefined],
    ])
    expect(listed[0]!.subscriber).toBe(listed[1]!.subscriber)
    expect(listed[0]!.subscriber).toMatch(/^urn:uuid:/)
    const ofOne = await asked(door, `${PATH}/${encodeURIComponent(BOOKS)}`)
    expect(ofOne.body.subscriptions).toEqual([listed[0]])
    const { '@context': _, lastEventID, ...one } = (await asked(door, listed[0]!.id)).body
    expect([one, lastEventID]).toEqual([listed[0], all.body.lastEventID])
    expect((await asked(door, `${PATH}/other/urn%3Auuid%3Anone`)).status).toBe(404)
  })

  test('are told to tokens that select them, when they begin and when they end', async () => {
    const door = await openDoor(WITH_API)
    const watching = await listen(
      door,
      `topic=${encodeURIComponent(`${PATH}/other{/subscriber}`)}&authorization=${WATCHER}`,
    )
    const stranger = await listen(door, 'topic=*')
    const { source } = await listen(door, 'topic=other')
    await eventually(() => watching.heard.length === 1)
    source.close()
    await eventually(() => watching.heard.length === 2)
    const told = watching.heard.map(({ data }) => JSON.parse(data) as Record<string, unknown>)
    expect(told.map(({ active, topic, type }) => [type, topic, active])).toEqual([
      ['Subscription', 'other', true],
      ['Subscription', 'other', false],
    ])
    expect(told[0]!.id).toBe(told[1]!.id)
    expect(stranger.heard).toEqual([])
    expect((await asked(door, `${PATH}/other`)).body.subscriptions).toEqual([])
  })

  test('are hidden from tokens that do not select them, and where the API is off', async () => {
    const door = await openDoor(WITH_API)
    expect((await asked(door, PATH, token({ subscribe: [`${PATH}/a`] }))).status).toBe(403)
    expect((await asked(door, PATH, token({ publish: ['*'] }))).status).toBe(401)
    expect((await asked(await openDoor(SETTINGS), PATH)).status).toBe(404)
  })

  test.each([`${PATH}/other/urn:uuid:1`, `https://example.com${PATH}`, HUB])(
    '%s is no topic of a publisher',
    async (topic) => {
      const door = await openDoor(WITH_API)
      expect((await post(door, [['topic', topic]])).status).toBe(403)
    },
  )
})

describe('topic selectors', () => {
  test.each([
    ['*', 'anything', true],
    ['https://example.com/books/{id}', 'https://example.com/books/1', true],
    ['https://example.com/books/{id}', 'https://example.com/books/1/pages', false],
    ['https://example.com/books/{+path}', 'https://example.com/books/1/pages', true],
    ['https://example.com{/path*}', 'https://example.com/a/b', true],
    ['https://example.com/{id}{?q,r}', 'https://example.com/1?q=2', true],
    ['https://example.com/{id}.json', 'https://example.com/1xjson', false],
    ['https://example.com/books', 'https://example.com/book', false],
  ])('%s and %s: %s', (selector, topic, selected) => {
    expect(selectsAny([selector], [topic])).toBe(selected)
  })

  test('a hostile template takes no long time', () => {
    const template = '{+a}'.repeat(16)
    const started = performance.now()
    expect(selectsAny([`${'{/a}'.repeat(16)}!`], ['/a'.repeat(500)])).toBe(false)
    expect(selectsAny([`${template}!`], ['x'.repeat(100)])).toBe(false)
    expect(performance.now() - started).toBeLessThan(1000)
  })
})
