// Large values over sockets: their memory goes from one to the next, and each must arrive as it was sent.

import { expect, onTestFinished, test } from 'vitest'
import { type RunningServer, startServer } from '../../src/index.ts'
import { encode } from '../support/engine.ts'
import { eventually, RawConnection } from '../support/server.ts'

async function start(): Promise<RunningServer> {
  const server = await startServer({ port: 0 })
  onTestFinished(() => server.close())
  return server
}

/** A value that tells its name and each of its places. */
function namedValue(name: string, length: number): string {
  let text = ''
  for (let i = 0; text.length < length; i += 16) text += `${name}:${i}`.padEnd(16, '.')
  return text.slice(0, length)
}

/** Compares without printing megabytes. */
async function takes(client: RawConnection, expected: string, what: string): Promise<void> {
  const received = await client.take(expected.length)
  expect(received === expected, what).toBe(true)
}

test('values of all sizes that replace one another, in pieces of all sizes, are what GET finds', async () => {
  const { port } = await start()
  const client = await RawConnection.open(port)
  client.socket.setNoDelay(true)
  const sizes = [1000, 20_000, 33_000, 65_000, 66_000, 100_000, 262_144, 262_000, 260_000, 900_000, 1_100_000]
  for (const piece of [3001, 49_152, 65_536, 300_000, 10_000_000]) {
    let requests = ''
    let replies = ''
    sizes.forEach((size, i) => {
      const value = namedValue(`${piece}-${i}`, size)
      requests += encode(['SET', `k${i % 3}`, value]) + encode(['GET', `k${i % 3}`])
      replies += `+OK\r\n$${size}\r\n${value}\r\n`
    })
    const sent = Buffer.from(requests, 'latin1')
    for (let at = 0; at < sent.length; at += piece) {
      client.socket.write(sent.subarray(at, at + piece))
      if (piece < 10_000) continue
      await new Promise((resolve) => setImmediate(resolve))
    }
    await takes(client, replies, `pieces of ${piece}`)
  }
})

test('a value that a slow reader has not taken stays as it was while others write and read', async () => {
  const { port } = await start()
  const [slow, other] = [await RawConnection.open(port), await RawConnection.open(port)]
  const size = 256 * 1024
  let expected = ''
  for (let i = 0; i < 4; i++) {
    const value = namedValue(`first-${i}`, size)
    await other.ask(encode(['SET', `k${i}`, value]), '+OK\r\n')
    expected += `$${size}\r\n${value}\r\n`
  }
  slow.socket.pause()
  const rounds = 8
  for (let round = 0; round < rounds; round++)
    slow.send([0, 1, 2, 3].map((i) => encode(['GET', `k${i}`])).join('') + encode(['INCR', 'served']))
  await eventually(async () => {
    other.send(encode(['GET', 'served']))
    await other.takeLine()
    return (await other.takeLine()) === `${rounds}\r\n`
  }, 'all being served')
  for (let round = 0; round < 6; round++) {
    for (let i = 0; i < 4; i++) {
      const value = namedValue(`later-${round}-${i}`, size)
      other.send(encode(['SET', `k${i}`, value]) + encode(['GET', `k${i}`]))
      await takes(other, `+OK\r\n$${size}\r\n${value}\r\n`, 'the other’s own')
    }
  }
  slow.socket.resume()
  for (let round = 1; round <= rounds; round++) await takes(slow, `${expected}:${round}\r\n`, `round ${round}`)
})
