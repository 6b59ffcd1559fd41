import http from 'node:http'
import { EventSource } from 'eventsource'
import { describe, expect, onTestFinished, test } from 'vitest'
import { askRaw, type OpenDoor, openDoor } from '../support/door.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { eventually } from '../support/server.ts'

interface Event {
  readonly id?: string
  readonly event?: string
  readonly data?: string
}

/** A stream as its bytes tell it. */
class Stream {
  readonly events: Event[] = []
  headers: http.IncomingHttpHeaders = {}
  status = 0
  ended = false
  #text = ''
  #response: http.IncomingMessage | undefined

  static async open(door: OpenDoor, path: string, headers: http.OutgoingHttpHeaders = {}): Promise<Stream> {
    const stream = new Stream()
    await new Promise<void>((resolve, reject) => {
      const request = http.get({ host: '127.0.0.1', port: door.port, path, headers, agent: false }, (response) => {
        stream.#response = response
        stream.status = response.statusCode ?? 0
        stream.headers = response.headers
        response.setEncoding('utf8').on('data', (chunk: string) => stream.#take(chunk))
        response.on('close', () => {
          stream.ended = true
        })
        response.on('error', () => {})
        resolve()
      })
      request.on('error', reject)
      onTestFinished(() => void request.destroy())
    })
    return stream
  }

  #take(chunk: string): void {
    this.#text += chunk
    const blocks = this.#text.split('\n\n')
    this.#text = blocks.pop() ?? ''
    for (const block of blocks) this.events.push(eventOf(block))
  }

  get messages(): Event[] {
    return this.events.filter(({ data, event }) => data !== undefined && event === undefined)
  }

  get texts(): string[] {
    return this.messages.map(({ data }) => data ?? '')
  }

  get lastId(): string {
    return this.events.findLast(({ id }) => id !== undefined)?.id ?? ''
  }

  pause(): void {
    this.#response?.pause()
  }

  resume(): void {
    this.#response?.resume()
  }

  close(): void {
    this.#response?.destroy()
  }
}

function eventOf(block: string): Event {
  const fields: Record<string, string> = {}
  for (const line of block.split('\n')) {
    const [, name, value = ''] = /^(\w+): ?(.*)$/.exec(line) ?? []
    if (name === undefined) continue
    fields[name] = name === 'data' && fields.data !== undefined ? `${fields.data}\n${value}` : value
  }
  return fields
}

const KEPT = { channel: 'kept.* keep 1h' }

describe('GET /v1/subscribe', () => {
  test('streams the messages of a channel', async () => {
    const door = await openDoor()
    const stream = await Stream.open(door, '/v1/subscribe?channel=news')
    expect(stream.status).toBe(200)
    expect(stream.headers).toMatchObject({
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
    })
    await door.broker.publish('news', 'hello ✓')
    await door.broker.publish('news', 'two\nlines\r\n\rid: 7')
    await eventually(() => stream.messages.length === 2)
    expect(stream.messages).toEqual([{ data: 'hello ✓' }, { data: 'two\nlines\n\nid: 7' }])
  })

  test('tells the channel where there are several, or a pattern', async () => {
    const door = await openDoor()
    const stream = await Stream.open(door, '/v1/subscribe?channel=a&channel=b&pattern=news.*')
    await door.broker.publish('b', '1')
    await door.broker.publish('news.eu', '2')
    await eventually(() => stream.messages.length === 2)
    expect(stream.texts.map((text) => JSON.parse(text))).toEqual([
      { channel: 'b', message: '1' },
      { channel: 'news.eu', pattern: 'news.*', message: '2' },
    ])
  })

  test('goes on behind Last-Event-ID: nothing is missing and nothing comes twice', async () => {
    const door = await openDoor(KEPT)
    const first = await Stream.open(door, '/v1/subscribe?channel=kept.a')
    for (let i = 0; i < 5; i++) await door.broker.publish('kept.a', `m${i}`)
    await eventually(() => first.messages.length === 5)
    first.close()
    for (let i = 5; i < 10; i++) await door.broker.publish('kept.a', `m${i}`)
    const again = await Stream.open(door, '/v1/subscribe?channel=kept.a&from=first', { 'Last-Event-ID': first.lastId })
    await eventually(() => again.messages.length === 5)
    await door.broker.publish('kept.a', 'm10')
    await eventually(() => again.messages.length === 6)
    expect([...first.texts, ...again.texts]).toEqual(Array.from({ length: 11 }, (_, i) => `m${i}`))
    expect(door.server.door.figures.resumed).toBe(1)
  })

  test('a stream without a message knows where it is, and goes on from there', async () => {
    const door = await openDoor(KEPT)
    await door.broker.publish('kept.a', 'before')
    const first = await Stream.open(door, '/v1/subscribe?channel=kept.a')
    await eventually(() => first.lastId !== '')
    first.close()
    await door.broker.publish('kept.a', 'while away')
    const again = await Stream.open(door, '/v1/subscribe?channel=kept.a', { 'Last-Event-ID': first.lastId })
    await eventually(() => again.messages.length === 1)
    expect(again.texts).toEqual(['while away'])
  })

  test('begins at the first message, at new ones, behind an id, or at a time', async () => {
    const door = await openDoor(KEPT)
    for (let i = 0; i < 3; i++) await door.broker.publish('kept.a', `m${i}`)
    const history = (await door.broker.call('CHANNEL', 'HISTORY', 'kept.a', '-', '+')) as [string, string][]
    const texts = async (from: string): Promise<string[]> => {
      const stream = await Stream.open(door, `/v1/subscribe?channel=kept.a&from=${from}`)
      await door.broker.publish('kept.a', 'end')
      await eventually(() => stream.texts.at(-1) === 'end')
      return stream.texts.slice(0, -1).filter((text) => text !== 'end')
    }
    expect(await texts('first')).toEqual(['m0', 'm1', 'm2'])
    expect(await texts('new')).toEqual([])
    expect(await texts(String(history[1]?.[0]))).toEqual(['m2'])
    expect(await texts('1')).toEqual(['m0', 'm1', 'm2'])
    expect((await door.ask('/v1/subscribe?channel=kept.a&from=yesterday')).status).toBe(400)
  })

  test('several channels and patterns come in one order, so that one id says how far all are', async () => {
    const door = await openDoor(KEPT)
    for (let i = 0; i < 300; i++) await door.broker.publish(`kept.${i % 3}`, `m${i}`)
    const path = '/v1/subscribe?channel=kept.0&channel=kept.1&pattern=kept.2*&format=text'
    const texts: string[] = []
    let last = ''
    for (let cut = 0; texts.length < 300; cut++) {
      const stream = await Stream.open(door, `${path}&from=first`, last === '' ? {} : { 'Last-Event-ID': last })
      await eventually(() => stream.messages.length > 0)
      const heard = stream.messages.slice(0, 37 + cut)
      texts.push(...heard.map(({ data }) => data ?? ''))
      last = heard.at(-1)?.id ?? last
      stream.close()
    }
    expect(texts).toEqual(Array.from({ length: 300 }, (_, i) => `m${i}`))
  })

  test('tells of what retention removed', async () => {
    const door = await openDoor({ channel: 'kept.* keep-last 10' })
    for (let i = 0; i < 5; i++) await door.broker.publish('kept.a', `m${i}`)
    const [[id]] = (await door.broker.call('CHANNEL', 'HISTORY', 'kept.a', '-', '+')) as [[string]]
    for (let i = 5; i < 30; i++) await door.broker.publish('kept.a', `m${i}`)
    const stream = await Stream.open(door, '/v1/subscribe?channel=kept.a', { 'Last-Event-ID': id })
    await eventually(() => stream.messages.length === 10)
    const gap = stream.events.find(({ event }) => event === 'gap')
    expect(JSON.parse(gap?.data ?? '')).toMatchObject({ channel: 'kept.a', count: null })
    expect(stream.events.indexOf(gap!)).toBeLessThan(stream.events.indexOf(stream.messages[0]!))
    expect(door.server.door.figures.gaps).toBe(1)
  })

  test('a stream that is slow reads on from the log, and its memory is bounded', async () => {
    const door = await openDoor({ channel: 'kept.* keep 1h', 'client-output-buffer-limit': 'pubsub 8mb 8mb 1' })
    const stream = await Stream.open(door, '/v1/subscribe?channel=kept.a')
    stream.pause()
    const text = 'x'.repeat(10_000)
    let most = 0
    for (let i = 0; i < 3000; i++) {
      await door.broker.publish('kept.a', `${i} ${text}`)
      for (const client of door.engine.clients.connected.values())
        if (client.subscriptions.ordered !== null) most = Math.max(most, client.outputBytes)
    }
    expect(most).toBeLessThan(512 * 1024)
    stream.resume()
    await eventually(() => stream.messages.length === 3000)
    expect(stream.texts.map((each) => Number(each.split(' ')[0]))).toEqual(Array.from({ length: 3000 }, (_, i) => i))
  })

  test('signs of life carry the id up to which everything was heard', async () => {
    const workClock = new FakeClock()
    const door = await openDoor({ channel: 'kept.* keep 1h', 'http-heartbeat': '15' }, { workClock })
    const stream = await Stream.open(door, '/v1/subscribe?channel=kept.a')
    await eventually(() => stream.lastId !== '')
    await door.broker.publish('kept.other', 'not for this stream')
    const [[id]] = (await door.broker.call('CHANNEL', 'HISTORY', 'kept.other', '-', '+')) as [[string]]
    workClock.advance(15_000)
    await eventually(() => stream.lastId === id)
    expect(stream.messages).toEqual([])
  })

  test('ends for a peer that takes nothing any more', async () => {
    const workClock = new FakeClock()
    const door = await openDoor({ channel: 'kept.* keep 1h', 'http-heartbeat': '15' }, { workClock })
    const stream = await Stream.open(door, '/v1/subscribe?channel=kept.a')
    stream.pause()
    for (let i = 0; i < 1500; i++) await door.broker.publish('kept.a', 'x'.repeat(10_000))
    workClock.advance(4 * 15_000)
    expect(door.engine.figures.http.streams).toBe(1)
    workClock.advance(15_000)
    await eventually(() => door.engine.figures.http.streams === 0)
  })

  test('a name is remembered: what it missed comes when it is back', async () => {
    const door = await openDoor({ ...KEPT, redeliver: '0' })
    const first = await Stream.open(door, '/v1/subscribe?channel=kept.a&name=billing')
    await door.broker.publish('kept.a', 'one')
    await eventually(() => first.messages.length === 1)
    first.close()
    await eventually(() => door.server.door.figures.streams === 0)
    await door.broker.publish('kept.a', 'two')
    const again = await Stream.open(door, '/v1/subscribe?channel=kept.a&name=billing')
    await eventually(() => again.messages.length === 1)
    expect(again.texts).toEqual(['two'])
  })

  describe('a name that is back before its old connection ended', () => {
    const path = '/v1/subscribe?channel=kept.a&name=billing'
    const publish = async ({ broker }: OpenDoor, ...texts: string[]): Promise<void> => {
      for (const text of texts) await broker.publish('kept.a', text)
    }
    const idOf = (stream: Stream, text: string): string => stream.messages.find(({ data }) => data === text)?.id ?? ''

    test('hears nothing again that its Last-Event-ID acknowledged, and nothing twice', async () => {
      const door = await openDoor(KEPT)
      let stream = await Stream.open(door, path)
      await publish(door, 'm0', 'm1', 'm2')
      await eventually(() => stream.messages.length === 3)
      const heard = ['m0', 'm1']
      for (let reload = 0; reload < 3; reload++) {
        const before = stream
        stream = await Stream.open(door, path, { 'Last-Event-ID': idOf(before, heard.at(-1) ?? '') })
        before.close()
        await eventually(() => door.server.door.figures.streams === 1)
        await publish(door, `m${3 + reload}`)
        await eventually(() => stream.texts.includes(`m${3 + reload}`))
        expect(stream.texts).toEqual([`m${2 + reload}`, `m${3 + reload}`])
        heard.push(`m${2 + reload}`)
      }
    })

    test('says nothing about what another connection of the name was sent before it came', async () => {
      const door = await openDoor(KEPT)
      const other = await Stream.open(door, path)
      await publish(door, 'only for the other')
      await eventually(() => other.messages.length === 1)
      const own = await Stream.open(door, path)
      await publish(door, 'for both')
      await eventually(() => own.messages.length === 1 && other.messages.length === 2)
      own.close()
      await eventually(() => door.server.door.figures.streams === 1)
      const again = await Stream.open(door, path, { 'Last-Event-ID': own.lastId })
      // The socket of the other took its message; the broken connection may never have brought it.
      other.close()
      await eventually(() => again.texts.includes('only for the other'))
    })
  })

  test('sends bytes that are no text as base64', async () => {
    const door = await openDoor(KEPT)
    const stream = await Stream.open(door, '/v1/subscribe?channel=kept.%C3%A9&encoding=base64&format=json')
    await door.broker.publish('kept.é', Buffer.from([0, 255, 10]))
    await eventually(() => stream.messages.length === 1)
    expect(JSON.parse(stream.texts[0] ?? '')).toMatchObject({ channel: 'kept.é', message: 'AP8K' })
  })

  test('streams that hear the same hear it in their own form, as often as it is published', async () => {
    const door = await openDoor(KEPT)
    const paths = ['channel=a', 'channel=a&encoding=base64', 'channel=a&channel=b', 'pattern=a*', 'channel=a']
    const streams = await Promise.all(paths.map((path) => Stream.open(door, `/v1/subscribe?${path}`)))
    await eventually(() => door.server.door.figures.streams === streams.length)
    const texts = ['é', 'é', '', 'é', 'x'.repeat(20_000), 'x'.repeat(20_000)]
    for (const text of texts) await door.broker.publish('a', text)
    await eventually(() => streams.every(({ messages }) => messages.length === texts.length))
    const [plain, base64, two, pattern, again] = streams.map((stream) => stream.texts)
    expect([plain, again]).toEqual([texts, texts])
    expect(base64).toEqual(texts.map((text) => Buffer.from(text).toString('base64')))
    expect(two).toEqual(texts.map((message) => JSON.stringify({ channel: 'a', message })))
    expect(pattern).toEqual(texts.map((message) => JSON.stringify({ channel: 'a', pattern: 'a*', message })))
  })

  test('is a client: CLIENT LIST shows it, CLIENT KILL ends it', async () => {
    const door = await openDoor()
    const stream = await Stream.open(door, '/v1/subscribe?channel=a&pattern=b*')
    const line = (await door.broker.call('CLIENT', 'LIST', 'TYPE', 'pubsub')) as string
    expect(line).toMatch(/addr=127\.0\.0\.1:\d+ .* sub=1 psub=1 /)
    await door.broker.call('CLIENT', 'KILL', 'TYPE', 'pubsub')
    await eventually(() => stream.ended)
    await eventually(() => door.server.door.figures.streams === 0)
  })

  test('a stream that is gone leaves no client', async () => {
    const door = await openDoor()
    const before = door.engine.clients.connected.size
    const stream = await Stream.open(door, '/v1/subscribe?channel=a')
    expect(door.engine.clients.connected.size).toBe(before + 1)
    stream.close()
    await eventually(() => door.engine.clients.connected.size === before)
    expect(door.server.door.figures.streams).toBe(0)
  })

  test('is refused without a channel, with too many, or beyond the streams of a user', async () => {
    const door = await openDoor({ 'http-streams-per-user': '2' })
    expect((await door.ask('/v1/subscribe')).status).toBe(400)
    const many = Array.from({ length: 129 }, (_, i) => `channel=${i}`).join('&')
    expect((await door.ask(`/v1/subscribe?${many}`)).status).toBe(400)
    await Stream.open(door, '/v1/subscribe?channel=a')
    await Stream.open(door, '/v1/subscribe?channel=a')
    expect((await door.ask('/v1/subscribe?channel=a')).status).toBe(429)
  })

  test('is told to come again while the data is loaded: what is kept is not known yet', async () => {
    const door = await openDoor(KEPT)
    const { loading } = door.engine.conditions.state
    loading.begin()
    for (const query of ['channel=kept.a&from=first', 'channel=kept.a&wait=0', 'pattern=kept.*']) {
      const answer = await askRaw(door, `/v1/subscribe?${query}`)
      expect([answer.status, answer.headers['retry-after']]).toEqual([503, '1'])
    }
    loading.end()
    expect((await askRaw(door, '/v1/subscribe?channel=kept.a&wait=0')).status).toBe(200)
  })

  test('ends when this node becomes a replica, and is sent to the primary from then on', async () => {
    const door = await openDoor({ ...KEPT, 'http-port': '8080' })
    const stream = await Stream.open(door, '/v1/subscribe?channel=kept.a')
    await door.broker.call('REPLICAOF', '127.0.0.1', '1')
    await eventually(() => stream.ended)
    const answer = await askRaw(door, '/v1/subscribe?channel=kept.a&from=first')
    expect(answer.status).toBe(307)
    expect(answer.headers.location).toBe('http://127.0.0.1:8080/v1/subscribe?channel=kept.a&from=first')
    await door.broker.call('REPLICAOF', 'NO', 'ONE')
  })
})

describe('long polling', () => {
  test('answers with what is there, and goes on where it ended', async () => {
    const door = await openDoor(KEPT)
    await door.broker.publish('kept.a', 'one')
    const poll = async (query: string): Promise<{ messages: { message: string }[]; next: string | null }> =>
      (
        await door.ask(`/v1/subscribe?channel=kept.a&${query}`, { headers: { Accept: 'application/json' } })
      ).json() as never
    const first = await poll('from=first')
    expect(first.messages).toMatchObject([{ channel: 'kept.a', message: 'one' }])
    const waiting = poll(`from=${first.next}&wait=20s`)
    await eventually(() => door.server.door.figures.streams === 1)
    await door.broker.publish('kept.a', 'two')
    const second = await waiting
    expect(second.messages.map(({ message }) => message)).toEqual(['two'])
    const none = await poll(`from=${second.next}&wait=0`)
    expect(none.messages).toEqual([])
    expect(none.next).not.toBeNull()
    expect(door.server.door.figures.streams).toBe(0)
  })
})

describe('eventsource, unmodified', () => {
  test('comes back by itself and misses nothing', async () => {
    const door = await openDoor(KEPT)
    const source = new EventSource(`${door.url}/v1/subscribe?channel=kept.a`)
    onTestFinished(() => source.close())
    const heard: string[] = []
    source.onmessage = ({ data }) => heard.push(String(data))
    await new Promise((resolve) => {
      source.onopen = resolve
    })
    await door.broker.publish('kept.a', 'one')
    await eventually(() => heard.length === 1)
    await door.broker.call('CLIENT', 'KILL', 'TYPE', 'pubsub')
    await door.broker.publish('kept.a', 'two')
    await eventually(() => heard.length === 2)
    expect(heard).toEqual(['one', 'two'])
  })
})

describe('figures', () => {
  test('INFO http tells of requests, refusals, streams and their messages', async () => {
    const door = await openDoor(KEPT)
    const stream = await Stream.open(door, '/v1/subscribe?channel=kept.a')
    await door.broker.publish('kept.a', 'hello')
    await eventually(() => stream.messages.length === 1)
    await door.ask('/v1/publish/')
    const text = (await door.broker.call('INFO', 'http')) as string
    expect(text).toMatch(/^# Http\r\nhttp_requests:2\r\nhttp_refused:1\r\nhttp_streams:1\r\nhttp_stream_messages:1\r\n/)
    expect(await door.broker.call('INFO')).not.toContain('http_')
  })
})
