// The prover's client of a cluster: it goes where it is sent, and its requests are sent once.

import net from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { ClusterClient } from '../../src/prover/cluster/cluster-client.ts'
import type { TrialProcess } from '../../src/prover/cluster/trial-process.ts'
import { Random } from '../../src/util/numbers/random.ts'

/** A server that replies to each request by its second word, and notes what it was asked. */
async function startFake(replyTo: (request: string) => string): Promise<{ broker: TrialProcess; asked: string[] }> {
  const asked: string[] = []
  const server = net.createServer((socket) => {
    socket.on('error', () => socket.destroy())
    socket.on('data', (chunk) => {
      for (const [, , words] of chunk.toString().matchAll(/\*(\d+)\r\n((?:\$\d+\r\n[^\r]*\r\n)+)/g)) {
        const request = words!
          .replace(/\$\d+\r\n/g, '')
          .trimEnd()
          .split('\r\n')
          .join(' ')
        asked.push(request)
        socket.write(replyTo(request))
      }
    })
  })
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  const { port } = server.address() as net.AddressInfo
  const broker = { host: '127.0.0.1', port, address: `127.0.0.1:${port}` } as TrialProcess
  return { broker, asked }
}

const bulk = (text: string): string => `$${text.length}\r\n${text}\r\n`

test('a client that hears notices sends its next request where MOVING sends it', async () => {
  const next = await startFake((request) => (request.startsWith('HELLO') ? '%0\r\n' : '+OK\r\n'))
  const { port } = next.broker
  const moving = `>4\r\n${bulk('MOVING')}:1\r\n:2\r\n${bulk(`127.0.0.1:${port}`)}`
  const first = await startFake((request) => {
    if (request.startsWith('SENTINEL')) return `*2\r\n${bulk('127.0.0.1')}${bulk(String(first.broker.port))}`
    if (request.startsWith('HELLO')) return '%0\r\n'
    return request === 'SET a 1' ? `${moving}+OK\r\n` : '+OK\r\n'
  })
  const client = new ClusterClient([first.broker], new Random(1), { hearsNotices: true })
  expect(await client.askLeader([['SET', 'a', '1']])).toEqual(['OK'])
  expect(await client.askLeader([['SET', 'b', '2']])).toEqual(['OK'])
  client.forget()
  expect(first.asked).toContain('CLIENT MAINT_NOTIFICATIONS ON moving-endpoint-type internal-ip')
  expect(first.asked).not.toContain('SET b 2')
  expect(next.asked).toContain('SET b 2')
})

test('a client of several shards follows MOVED, and sends a refused request again', async () => {
  const owner = await startFake(() => '+OK\r\n')
  const { port } = owner.broker
  const other = await startFake(() => `-MOVED 5 127.0.0.1:${port}\r\n`)
  const client = new ClusterClient([other.broker], new Random(1), { key: '{a}' })
  expect(await client.askLeader([['SET', '{a}', '1']])).toEqual(['OK'])
  client.forget()
  expect(other.asked).toEqual(['EXISTS {a}'])
  expect(owner.asked).toEqual(['SET {a} 1'])
})
