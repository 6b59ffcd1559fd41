import { describe, expect, test } from 'vitest'
import { type OpenDoor, openDoor } from '../support/door.ts'
import { eventually, RawConnection } from '../support/server.ts'

/** Opens a connection that sends requests as they are written. */
const connect = ({ port }: OpenDoor, options?: { allowHalfOpen?: boolean }) => RawConnection.open(port, options)
const linesOf = (...lines: string[]): string => `${lines.join('\r\n')}\r\n\r\n`
const headsOf = ({ received }: RawConnection): string[] => received.match(/HTTP\/1\.1 \d+/g) ?? []

const SUBSCRIBE = ['GET /v1/subscribe?channel=news HTTP/1.1', 'Host: localhost']
async function subscribers({ broker }: OpenDoor): Promise<unknown> {
  const [, count] = (await broker.call('PUBSUB', 'NUMSUB', 'news')) as unknown[]
  return count
}

describe('a request for a stream', () => {
  test('leaves its connection without Node’s parser, and is answered in chunks', async () => {
    const door = await openDoor()
    const wire = await connect(door)
    wire.send(linesOf(...SUBSCRIBE))
    await eventually(async () => (await subscribers(door)) === 1)
    await door.broker.publish('news', 'häh')
    await eventually(() => wire.received.includes('data: '))
    const [head = '', ...chunks] = wire.received.split('\r\n\r\n')
    expect(head.split('\r\n')).toEqual(
      expect.arrayContaining(['HTTP/1.1 200 OK', 'Connection: close', 'Transfer-Encoding: chunked']),
    )
    expect(Buffer.from(chunks.join('\r\n\r\n'), 'latin1').toString()).toBe(
      'f\r\nretry: 2000\n:\n\n\r\nc\r\ndata: häh\n\n\r\n',
    )
    door.server.door.close()
    await eventually(() => wire.ended)
    expect(wire.received.endsWith('\r\n0\r\n\r\n')).toBe(true)
  })

  test('waits for the answers to the requests before it on its connection', async () => {
    const door = await openDoor()
    const wire = await connect(door)
    wire.send(
      linesOf('GET /v1/subscribe?channel=other&wait=10ms HTTP/1.1', 'Host: localhost', '', SUBSCRIBE.join('\r\n')),
    )
    await eventually(() => headsOf(wire).length === 2)
    expect(headsOf(wire)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 200'])
    expect(wire.received.indexOf('application/json')).toBeLessThan(wire.received.indexOf('text/event-stream'))
    await door.broker.publish('news', 'hello')
    await eventually(() => wire.received.includes('data: hello'))
  })

  test('comes behind a request that was answered on the same connection', async () => {
    const door = await openDoor()
    const wire = await connect(door)
    wire.send(linesOf('POST /v1/publish/news HTTP/1.1', 'Host: localhost', 'Content-Length: 1', '', 'x'))
    await eventually(() => headsOf(wire).length === 1)
    wire.send(linesOf(...SUBSCRIBE))
    await eventually(async () => (await subscribers(door)) === 1)
    await door.broker.publish('news', 'hello')
    await eventually(() => wire.received.includes('data: hello'))
  })

  test('is refused as any other request, and its connection ends', async () => {
    const door = await openDoor({ requirepass: 'secret' })
    const wire = await connect(door)
    wire.send(linesOf(...SUBSCRIBE))
    await eventually(() => wire.ended)
    expect(wire.received).toMatch(/^HTTP\/1\.1 401 Unauthorized\r\n/)
    expect(wire.received).toContain('Connection: close')
  })

  test('with a body, or of HTTP/1.0, is answered by Node’s server', async () => {
    const door = await openDoor()
    const old = await connect(door)
    old.send(linesOf('GET /v1/subscribe?channel=news HTTP/1.0', 'Host: localhost'))
    const withBody = await connect(door)
    withBody.send(linesOf(...SUBSCRIBE, 'Content-Length: 3', '', 'abc'))
    await eventually(async () => (await subscribers(door)) === 2)
    await door.broker.publish('news', 'hello')
    await eventually(() => old.received.includes('data: hello'))
    await eventually(() => withBody.received.includes('data: hello'))
    expect(old.received).not.toContain('chunked')
  })

  test('ends when its peer has ended its side, or sends bytes that are no request', async () => {
    const door = await openDoor()
    const half = await connect(door, { allowHalfOpen: true })
    half.send(linesOf(...SUBSCRIBE))
    await eventually(async () => (await subscribers(door)) === 1)
    half.socket.write('\0\0 no request \r\n\r\n')
    half.socket.end()
    await eventually(async () => (await subscribers(door)) === 0)
    await eventually(() => half.ended)
  })
})
