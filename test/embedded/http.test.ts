import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { type Broker, type BrokerOptions, type HttpOptions, openBroker } from '../../src/index.ts'

async function open(options: BrokerOptions = {}): Promise<Broker> {
  const broker = await openBroker(options)
  onTestFinished(() => broker.close())
  return broker
}

async function serve(handler: http.RequestListener): Promise<string> {
  const server = http.createServer(handler)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.close()
    server.closeAllConnections()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** Reads a stream until it contains a text. */
async function readUntil(answer: Response, text: string): Promise<string> {
  const reader = answer.body?.getReader()
  let heard = ''
  while (reader !== undefined && !heard.includes(text)) {
    const { done, value } = await reader.read()
    if (done) break
    heard += Buffer.from(value).toString()
  }
  await reader?.cancel()
  return heard
}

const KEPT = { config: { channel: 'chat.* keep 1h' } }

describe('broker.http()', () => {
  test('serves streams and publishing below a path of a Node server', async () => {
    const broker = await open(KEPT)
    const handle = broker.http({ base: '/events' })
    const url = await serve(handle)
    await fetch(`${url}/events/v1/publish/chat.1`, { method: 'POST', body: 'hello' })
    const stream = await fetch(`${url}/events/v1/subscribe?channel=chat.1&from=first`)
    expect(await readUntil(stream, 'hello')).toMatch(/id: \d+-\d+\ndata: hello\n\n/)
  })

  test('has authorize decide about channels', async () => {
    const broker = await open(KEPT)
    const authorize: HttpOptions<http.IncomingMessage>['authorize'] = ({ headers }) =>
      headers['x-user'] === undefined ? undefined : { subscribe: [`chat.${headers['x-user']}`], publish: ['chat.*'] }
    const url = await serve(broker.http({ authorize }))
    const ask = async (path: string, user?: string, method = 'GET'): Promise<number> => {
      const headers: Record<string, string> = user === undefined ? {} : { 'X-User': user }
      return (await fetch(`${url}${path}`, { method, headers, ...(method === 'POST' ? { body: 'x' } : {}) })).status
    }
    expect(await ask('/v1/subscribe?wait=0&channel=chat.ann', 'ann')).toBe(200)
    expect(await ask('/v1/subscribe?wait=0&channel=chat.bob', 'ann')).toBe(403)
    expect(await ask('/v1/subscribe?wait=0&channel=chat.ann')).toBe(401)
    expect(await ask('/v1/publish/chat.bob', 'ann', 'POST')).toBe(200)
    expect(await ask('/v1/publish/other', 'ann', 'POST')).toBe(403)
    expect(await ask('/get/a', 'ann')).toBe(403)
  })

  test('takes a body that a framework has read before', async () => {
    const broker = await open(KEPT)
    const handle = broker.http()
    const url = await serve((request, response) => {
      const chunks: Buffer[] = []
      request.on('data', (chunk: Buffer) => chunks.push(chunk))
      request.on('end', () => {
        Object.assign(request, { body: JSON.parse(Buffer.concat(chunks).toString()) })
        setImmediate(() => handle(request, response))
      })
    })
    await fetch(`${url}/v1/publish/chat.1`, { method: 'POST', body: '{"a":1}' })
    expect(await broker.call('CHANNEL', 'HISTORY', 'chat.1', '-', '+')).toEqual([[expect.any(String), '{"a":1}']])
  })
})

describe('broker.fetch()', () => {
  test('answers a Request with a Response: commands, publishing, streams', async () => {
    const broker = await open(KEPT)
    const ask = (path: string, init?: RequestInit): Promise<Response> =>
      broker.fetch(new Request(`https://app.example/api${path}`, init), {
        base: '/api',
        authorize: () => ({ subscribe: ['chat.*'], publish: ['chat.*'], commands: true }),
      })
    const set = await ask('/', { method: 'POST', body: '["SET","a","1"]' })
    expect(await set.json()).toEqual({ result: 'OK' })
    await ask('/v1/publish/chat.1', { method: 'POST', body: 'one' })
    const stream = await ask('/v1/subscribe?channel=chat.1&from=first')
    expect(stream.headers.get('content-type')).toContain('text/event-stream')
    await broker.publish('chat.1', 'two')
    expect(await readUntil(stream, 'two')).toMatch(/data: one\n\n[\s\S]*data: two\n\n/)
    const list = (await broker.call('CLIENT', 'LIST')) as string
    expect(list.trim().split('\n')).toHaveLength(1)
  })

  test('a stream that is not read holds one slice, and goes on when it is read', async () => {
    const broker = await open(KEPT)
    const stream = await broker.fetch(new Request('http://localhost/v1/subscribe?channel=chat.1'))
    for (let i = 0; i < 500; i++) await broker.publish('chat.1', `${i} ${'x'.repeat(10_000)}`)
    const heard = await readUntil(stream, 'data: 499 ')
    expect(heard.match(/data: \d+ /g)).toEqual(Array.from({ length: 500 }, (_, i) => `data: ${i} `))
  })

  test('refuses a page of another site, and everything once the broker is closed', async () => {
    const broker = await open(KEPT)
    const headers = { Origin: 'https://evil.example' }
    const answer = await broker.fetch(
      new Request('http://localhost/v1/publish/chat.1', { method: 'POST', body: 'x', headers }),
    )
    expect(answer.status).toBe(403)
    await broker.close()
    await expect(broker.fetch(new Request('http://localhost/ping'))).rejects.toThrow('closed')
  })
})
