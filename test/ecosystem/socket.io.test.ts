// socket.io behind several servers: the adapters that carry its packets through Redis, over publish/subscribe (plain and by
// shards) and over streams, with real browsers' clients on real sockets.

import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createAdapter, createShardedAdapter } from '@socket.io/redis-adapter'
import { createAdapter as createStreamsAdapter } from '@socket.io/redis-streams-adapter'
import { Redis } from 'ioredis'
import { createClient } from 'redis'
import { Server, type ServerOptions } from 'socket.io'
import { io as connect, type Socket } from 'socket.io-client'
import { describe, expect, onTestFinished, test } from 'vitest'
import { eventually } from '../support/server.ts'
import { useTarget } from './target.ts'

const target = useTarget()

async function nodeRedis() {
  const client = createClient({ url: target.url })
  client.on('error', () => {})
  await client.connect()
  // Politely: an adapter's last words may still be on the way.
  onTestFinished(() => client.close())
  return client
}

function ioredis(): Redis {
  const client = new Redis(target.connection)
  client.on('error', () => {})
  onTestFinished(() => client.disconnect())
  return client
}

let lastStream = 0

const adapters = {
  'publish/subscribe over node-redis': () => async () => createAdapter(await nodeRedis(), await nodeRedis()),
  'publish/subscribe over ioredis': () => async () => createAdapter(ioredis(), ioredis()),
  'sharded publish/subscribe': () => async () => createShardedAdapter(await nodeRedis(), await nodeRedis()),
  'streams over node-redis': () => {
    const streamName = `socket.io-${++lastStream}`
    return async () => createStreamsAdapter(await nodeRedis(), { streamName, blockTimeInMs: 100 })
  },
  'streams over ioredis': () => {
    const streamName = `socket.io-${++lastStream}`
    return async () => createStreamsAdapter(ioredis(), { streamName, blockTimeInMs: 100 })
  },
}

/** Starts a socket.io server; the sockets that connect say who they are. */
async function listen(adapter: unknown) {
  const http = createServer()
  const server = new Server(http, {
    adapter: adapter as NonNullable<ServerOptions['adapter']>,
    connectionStateRecovery: { maxDisconnectionDuration: 60_000 },
  })
  server.on('connection', (socket) => {
    socket.data.name = socket.handshake.auth.name
    socket.on('join', (room: string, joined: () => void) => {
      void Promise.resolve(socket.join(room)).then(joined)
    })
  })
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => server.close())
  return { server, url: `http://127.0.0.1:${(http.address() as AddressInfo).port}` }
}

async function join(url: string, name: string, room: string) {
  const socket = connect(url, { auth: { name }, transports: ['websocket'], reconnection: false, forceNew: true })
  onTestFinished(() => {
    socket.disconnect()
  })
  const heard: unknown[] = []
  // Alone the first: where sessions can be recovered the place in the stream comes last.
  socket.on('news', (word) => heard.push(word))
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve)
    socket.once('connect_error', reject)
  })
  await socket.emitWithAck('join', room)
  return { socket, heard }
}

/** Both servers know of each other: what one says from now on the other hears. */
async function acquainted(servers: readonly Server[]): Promise<void> {
  for (const server of servers) {
    await eventually(
      async () => (await server.of('/').adapter.serverCount()) === servers.length,
      'both servers',
      10_000,
    )
  }
}

describe.each(Object.entries(adapters))('%s', (_name, prepare) => {
  test('messages of one server reach the sockets of the other', async () => {
    const make = prepare()
    const one = await listen(await make())
    const two = await listen(await make())
    await acquainted([one.server, two.server])
    const ann = await join(one.url, 'Ann', 'red')
    const bob = await join(two.url, 'Bob', 'red')
    const cid = await join(two.url, 'Cid', 'blue')

    one.server.emit('news', 'to all')
    one.server.to('red').emit('news', { to: 'red', bytes: Buffer.from([0, 255]) })
    await eventually(() => ann.heard.length === 2 && bob.heard.length === 2 && cid.heard.length === 1)
    two.server.except('red').emit('news', { not: 'to red' })
    await eventually(() => cid.heard.length === 2)
    expect(ann.heard).toEqual(['to all', { to: 'red', bytes: Buffer.from([0, 255]) }])
    expect(bob.heard).toEqual(['to all', { to: 'red', bytes: Buffer.from([0, 255]) }])
    expect(cid.heard).toEqual(['to all', { not: 'to red' }])

    const sockets = await one.server.fetchSockets()
    expect(sockets.map((socket) => socket.data.name).sort()).toEqual(['Ann', 'Bob', 'Cid'])
    one.server.in('blue').socketsJoin('red')
    await eventually(async () => (await one.server.in('red').fetchSockets()).length === 3)

    bob.socket.on('ask', (answer) => answer('Bob is here'))
    cid.socket.on('ask', (answer) => answer('Cid is here'))
    ann.socket.on('ask', (answer) => answer('Ann is here'))
    const answers = await one.server.timeout(5000).to('red').emitWithAck('ask')
    expect(answers.sort()).toEqual(['Ann is here', 'Bob is here', 'Cid is here'])

    two.server.on('between', (text, answer) => answer(`${text}, heard`))
    expect(await one.server.serverSideEmitWithAck('between', 'hello')).toEqual(['hello, heard'])

    one.server.in('red').disconnectSockets()
    await eventually(() => [ann, bob, cid].every(({ socket }) => socket.disconnected))
  })
})

test('streams: who was away is told what was missed, by the other server', async () => {
  const make = adapters['streams over node-redis']()
  const one = await listen(await make())
  const two = await listen(await make())
  await acquainted([one.server, two.server])
  const ann = await join(one.url, 'Ann', 'red')
  one.server.to('red').emit('news', 'before')
  await eventually(() => ann.heard.length === 1)
  const id = ann.socket.id
  // Cuts the transport, as a lost network does; a polite disconnect would end the session.
  ann.socket.io.engine.close()
  await eventually(() => ann.socket.disconnected)
  one.server.to('red').emit('news', 'meanwhile')
  const again = reconnect(ann.socket, two.url)
  await eventually(() => ann.heard.length === 2 || again.connected)
  await eventually(() => again.connected)
  expect(again.recovered).toBe(true)
  expect(again.id).toBe(id)
  await eventually(() => ann.heard.includes('meanwhile'))
})

/** Comes back to another server with what the client remembers of its session. */
function reconnect(socket: Socket, url: string): Socket {
  const manager = socket.io as unknown as { uri: string; engine: unknown; connect(): unknown }
  manager.uri = url
  return socket.connect()
}
