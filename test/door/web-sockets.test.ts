import { describe, expect, onTestFinished, test } from 'vitest'
import { WebSocket } from 'ws'
import { type OpenDoor, openDoor } from '../support/door.ts'
import { eventually } from '../support/server.ts'

const KEPT = { channel: 'kept.* keep 1h' }

interface Heard {
  readonly id?: string
  readonly message?: string
  readonly [name: string]: unknown
}

class Page {
  readonly heard: Heard[] = []
  readonly socket: WebSocket
  status: number | undefined
  closed: number | undefined

  private constructor(socket: WebSocket) {
    this.socket = socket
    socket.on('message', (data) => this.heard.push(JSON.parse(String(data))))
    socket.on('close', (code) => {
      this.closed = code
    })
    socket.on('error', () => {})
    onTestFinished(() => socket.terminate())
  }

  static async open({ port }: OpenDoor, query: string, headers: Record<string, string> = {}): Promise<Page> {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/v1/socket?${query}`, { headers })
    const page = new Page(socket)
    await new Promise<void>((resolve) => {
      socket.once('open', resolve)
      socket.once('unexpected-response', (_, response) => {
        page.status = response.statusCode
        resolve()
      })
    })
    return page
  }

  send(request: object): void {
    this.socket.send(JSON.stringify(request))
  }

  get messages(): string[] {
    return this.heard.flatMap(({ message }) => (message === undefined ? [] : [message]))
  }
}

describe('WebSocket', () => {
  test('hears messages with their ids, and goes on behind one', async () => {
    const door = await openDoor(KEPT)
    const first = await Page.open(door, 'channel=kept.a')
    await door.broker.publish('kept.a', 'one')
    await eventually(() => first.heard.length === 1)
    first.socket.close()
    await door.broker.publish('kept.a', 'two')
    const again = await Page.open(door, `channel=kept.a&from=${first.heard[0]?.id}`)
    await eventually(() => again.heard.length === 1)
    expect(again.heard).toEqual([{ id: expect.stringMatching(/^\d+-\d+$/), channel: 'kept.a', message: 'two' }])
    await eventually(() => door.engine.figures.http.streams === 1)
  })

  test('publishes, and tells of what came of it', async () => {
    const door = await openDoor({ ...KEPT, requirepass: 'secret' })
    await door.broker.call('ACL', 'SETUSER', 'ann', 'on', '>pw', '+publish', '+subscribe', '&kept.*')
    const authorization = `Basic ${Buffer.from('ann:pw').toString('base64')}`
    const page = await Page.open(door, 'channel=kept.a', { Authorization: authorization })
    page.send({ publish: 'kept.a', message: 'hello', ref: 1 })
    page.send({ publish: 'other', message: 'hello', ref: 2 })
    page.send({ publish: 'kept.a', ref: 3 })
    await eventually(() => page.heard.length === 4)
    expect(page.heard.filter(({ ref }) => ref !== undefined).sort((a, b) => Number(a.ref) - Number(b.ref))).toEqual([
      { ref: 1, receivers: 1 },
      { ref: 2, error: 'NOPERM No permissions to access a channel' },
      { ref: 3, error: 'publish names a channel, and message is a text' },
    ])
    expect(page.messages).toEqual(['hello'])
  })

  test('with ack=manual a name hears again what it did not acknowledge', async () => {
    const door = await openDoor(KEPT)
    const first = await Page.open(door, 'channel=kept.a&name=billing&ack=manual')
    for (const text of ['one', 'two', 'three']) await door.broker.publish('kept.a', text)
    await eventually(() => first.heard.length === 3)
    first.send({ ack: first.heard[0]?.id, channel: 'kept.a' })
    await eventually(async () => (await door.broker.call('CHANNEL', 'LAG', 'kept.a', 'default', 'billing')) === 2)
    first.socket.terminate()
    await eventually(() => door.engine.figures.http.streams === 0)
    const again = await Page.open(door, 'channel=kept.a&name=billing&ack=manual')
    await eventually(() => again.heard.length === 2)
    expect(again.messages).toEqual(['two', 'three'])
  })

  test('is refused like any request: rights, hosts, origins, paths', async () => {
    const door = await openDoor({ requirepass: 'secret' })
    expect((await Page.open(door, 'channel=a')).status).toBe(401)
    const bearer = { Authorization: 'Bearer secret' }
    expect((await Page.open(door, 'channel=a', bearer)).status).toBeUndefined()
    expect((await Page.open(door, 'channel=a', { ...bearer, Origin: 'https://evil.example' })).status).toBe(403)
    expect((await Page.open(door, 'channel=a', { ...bearer, Host: 'evil.example' })).status).toBe(421)
    expect((await Page.open(door, 'channel=a&from=x', bearer)).status).toBe(400)
    const ticket = (await (await door.ask('/v1/ticket', { method: 'POST', headers: bearer })).json()) as {
      ticket: string
    }
    expect((await Page.open(door, `channel=a&ticket=${ticket.ticket}`)).status).toBeUndefined()
    expect((await Page.open(door, `channel=a&ticket=${ticket.ticket}`)).status).toBe(401)
  })

  test('ends on what is no JSON, on a message that is too large, and by CLIENT KILL', async () => {
    const door = await openDoor({ 'http-max-body': '1024' })
    const [text, large, killed] = [
      await Page.open(door, 'channel=a'),
      await Page.open(door, 'channel=a'),
      await Page.open(door, 'channel=a'),
    ]
    text.socket.send('no JSON')
    large.send({ publish: 'a', message: 'x'.repeat(2000) })
    await eventually(() => text.closed === 1003 && large.closed === 1009)
    await door.broker.call('CLIENT', 'KILL', 'TYPE', 'pubsub')
    await eventually(() => killed.closed === 1001)
    await eventually(() => door.engine.figures.http.streams === 0)
    expect(door.engine.clients.connected.size).toBe(1)
  })
})
