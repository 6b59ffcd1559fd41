import net from 'node:net'
import { describe, expect, test } from 'vitest'
import { encode } from '../support/engine.ts'
import { eventually, listenTo, RawConnection } from '../support/server.ts'

for (const sharedReads of [true, false]) {
  describe(sharedReads ? 'reading into one shared buffer' : "reading through 'data' events", () => {
    test('requests are answered in order, however they arrive', async () => {
      const { port } = await listenTo({}, sharedReads)
      const connection = await RawConnection.open(port)
      expect(await connection.ask('PING\r\n', '+PONG\r\n')).toBe('+PONG\r\n')
      for (const char of encode(['SET', 'key', 'value'])) {
        connection.send(char)
        await new Promise(setImmediate)
      }
      expect(await connection.take(5)).toBe('+OK\r\n')
      const replies = Array.from({ length: 1000 }, (_, i) => `$${String(i).length}\r\n${i}\r\n`).join('')
      const requests = Array.from({ length: 1000 }, (_, i) => encode(['ECHO', i])).join('')
      expect(await connection.ask(requests, replies)).toBe(replies)
    })

    test('a request and a reply of 20 MB pass intact', async () => {
      const { port } = await listenTo({}, sharedReads)
      const connection = await RawConnection.open(port)
      const value = Array.from({ length: 20_000 }, (_, i) => String(i).padStart(1000, '.')).join('')
      expect(await connection.ask(encode(['SET', 'big', value]), '+OK\r\n')).toBe('+OK\r\n')
      const reply = `$${value.length}\r\n${value}\r\n`
      expect((await connection.ask(encode(['GET', 'big']), reply)) === reply).toBe(true)
      expect(await connection.ask('PING\r\n', '+PONG\r\n')).toBe('+PONG\r\n')
    })

    test('many clients at once get their own replies', async () => {
      const { port, engine } = await listenTo({}, sharedReads)
      const connections = await Promise.all(Array.from({ length: 100 }, () => RawConnection.open(port)))
      for (let round = 0; round < 20; round++) {
        await Promise.all(
          connections.map(async (connection, i) => {
            const word = `${round}:${i}:${'x'.repeat(i * 10)}`
            const reply = `$${word.length}\r\n${word}\r\n`
            expect(await connection.ask(encode(['ECHO', word]), reply)).toBe(reply)
          }),
        )
      }
      expect(engine.clients.connected.size).toBe(100)
      for (const { socket } of connections) socket.destroy()
      await eventually(() => engine.clients.connected.size === 0)
    })

    test('QUIT sends what is owed, then closes', async () => {
      const { port, engine } = await listenTo({}, sharedReads)
      const connection = await RawConnection.open(port)
      connection.send('ECHO first\r\nQUIT\r\nECHO never\r\n')
      expect(await connection.rest()).toBe('$5\r\nfirst\r\n+OK\r\n')
      expect(engine.clients.connected.size).toBe(0)
    })

    test('a protocol error is answered and ends that connection alone', async () => {
      const { port } = await listenTo({}, sharedReads)
      const other = await RawConnection.open(port)
      const connection = await RawConnection.open(port)
      connection.send(`PING\r\n*1\r\n$x\r\n${'garbage\r\n'.repeat(10_000)}`)
      expect(await connection.rest()).toBe('+PONG\r\n-ERR Protocol error: invalid bulk length\r\n')
      expect(await other.ask('PING\r\n', '+PONG\r\n')).toBe('+PONG\r\n')
    })

    test('a client that has said all it will still gets its replies', async () => {
      const { port, engine } = await listenTo({}, sharedReads)
      const connection = await RawConnection.open(port, { allowHalfOpen: true })
      connection.socket.end('ECHO a\r\nECHO b\r\n')
      expect(await connection.rest()).toBe('$1\r\na\r\n$1\r\nb\r\n')
      await eventually(() => connection.closed)
      expect(engine.clients.connected.size).toBe(0)
    })

    test('a client that vanishes in the middle of a request is forgotten', async () => {
      const { port, engine } = await listenTo({}, sharedReads)
      for (let i = 0; i < 20; i++) {
        const connection = await RawConnection.open(port)
        connection.send('*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$100000\r\nxxx')
        await eventually(() => engine.clients.connected.size === 1)
        connection.socket.resetAndDestroy()
        await eventually(() => engine.clients.connected.size === 0)
      }
    })

    test('replies to a client that has reset its connection are dropped, and nothing else happens', async () => {
      const { port, engine } = await listenTo({}, sharedReads)
      const survivor = await RawConnection.open(port)
      await survivor.ask(encode(['SET', 'v', 'x'.repeat(100_000)]), '+OK\r\n')
      for (let i = 0; i < 20; i++) {
        const connection = await RawConnection.open(port)
        connection.socket.pause()
        connection.send(encode(['GET', 'v']).repeat(50))
        await new Promise((resolve) => setTimeout(resolve, i))
        connection.socket.resetAndDestroy()
      }
      await eventually(() => engine.clients.connected.size === 1)
      expect(await survivor.ask('PING\r\n', '+PONG\r\n')).toBe('+PONG\r\n')
    })

    test('a reader that pauses gets everything in the end', async () => {
      const { port, engine } = await listenTo({}, sharedReads)
      const slow = await RawConnection.open(port)
      const other = await RawConnection.open(port)
      const value = 'v'.repeat(100_000)
      await other.ask(encode(['SET', 'v', value]), '+OK\r\n')
      slow.socket.pause()
      slow.send(encode(['GET', 'v']).repeat(200))
      const backlog = (): number =>
        [...engine.clients.connected.values()].reduce((sum, client) => sum + client.outputBytes, 0)
      await eventually(() => backlog() > 1_000_000, 'a backlog')
      // Whoever is served meanwhile uses the same buffers: the backlog must not change under way.
      for (let i = 0; i < 50; i++) {
        const reply = `$8\r\n${String(i).padStart(8, '#')}\r\n`
        expect(await other.ask(encode(['ECHO', String(i).padStart(8, '#')]), reply)).toBe(reply)
      }
      slow.socket.resume()
      const reply = `$${value.length}\r\n${value}\r\n`.repeat(200)
      expect((await slow.take(reply.length)) === reply).toBe(true)
      await eventually(() => backlog() === 0, 'an empty backlog')
    })

    test('CLIENT KILL closes the other connection at once', async () => {
      const { port, engine } = await listenTo({}, sharedReads)
      const victim = await RawConnection.open(port)
      const killer = await RawConnection.open(port)
      await victim.ask('PING\r\n', '+PONG\r\n')
      const [id] = [...engine.clients.connected.values()].map((client) => client.id)
      expect(await killer.ask(`CLIENT KILL ID ${id}\r\n`, ':1\r\n')).toBe(':1\r\n')
      await eventually(() => victim.closed)
      expect(engine.clients.connected.size).toBe(1)
    })
  })
}

test('a connection above maxclients hears so and is closed', async () => {
  const { port, engine } = await listenTo({ maxclients: '2' })
  const first = await RawConnection.open(port)
  const second = await RawConnection.open(port)
  await first.ask('PING\r\n', '+PONG\r\n')
  await second.ask('PING\r\n', '+PONG\r\n')
  const third = await RawConnection.open(port)
  expect(await third.rest()).toBe('-ERR max number of clients reached\r\n')
  expect(engine.figures.stats.connectionsRejected).toBe(1)
  first.socket.destroy()
  await eventually(() => engine.clients.connected.size === 1)
  const fourth = await RawConnection.open(port)
  expect(await fourth.ask('PING\r\n', '+PONG\r\n')).toBe('+PONG\r\n')
})

test('HTTP is cut off before its body can do anything', async () => {
  const { port, engine } = await listenTo()
  for (const request of ['POST / HTTP/1.1\r\n', 'GET a\r\nHost: localhost\r\n', encode(['post', '/'])]) {
    const connection = await RawConnection.open(port)
    connection.send(`${request}Content-Type: text/plain\r\n\r\nSET stolen yes\r\n`)
    await connection.rest()
    await eventually(() => connection.closed)
  }
  expect(engine.clients.connected.size).toBe(0)
  expect(engine.databases[0]!.keys.count).toBe(0)
})

test('a client is known by its addresses and its descriptor', async () => {
  const { port, engine } = await listenTo()
  const connection = await RawConnection.open(port)
  await connection.ask('PING\r\n', '+PONG\r\n')
  const [client] = engine.clients.connected.values()
  const { localPort } = connection.socket
  expect(client!.connection.transport.address).toBe(`127.0.0.1:${localPort}`)
  expect(client!.connection.transport.localAddress).toBe(`127.0.0.1:${port}`)
  expect(client!.connection.transport.descriptor).toBeGreaterThan(2)
})

describe('a subscriber that does not read', () => {
  test('is disconnected when its backlog passes the limit, and memory stays bounded', async () => {
    const { port, engine } = await listenTo({ 'client-output-buffer-limit': 'pubsub 4mb 0 0' })
    const subscriber = await RawConnection.open(port)
    const confirmation = '*3\r\n$9\r\nsubscribe\r\n$4\r\nnews\r\n:1\r\n'
    expect(await subscriber.ask('SUBSCRIBE news\r\n', confirmation)).toBe(confirmation)
    subscriber.socket.pause()
    const publisher = await RawConnection.open(port)
    const message = 'm'.repeat(64 * 1024)
    globalThis.gc?.()
    const before = process.memoryUsage()
    let reached = 0
    // 128 MB in all.
    for (let i = 0; i < 2000; i++) {
      const reply = await publisher.ask(encode(['PUBLISH', 'news', message]), ':1\r\n')
      if (reply === ':1\r\n') reached++
    }
    expect(reached).toBeGreaterThan(0)
    expect(reached).toBeLessThan(500)
    expect(engine.clients.connected.size).toBe(1)
    expect(engine.figures.stats.outputLimitDisconnects).toBe(1)
    globalThis.gc?.()
    const after = process.memoryUsage()
    expect(after.external + after.arrayBuffers - before.external - before.arrayBuffers).toBeLessThan(64 * 1024 * 1024)
    subscriber.socket.resume()
    await eventually(() => subscriber.closed)
  })

  test('does not slow down those who do', async () => {
    const { port } = await listenTo()
    const lazy = await RawConnection.open(port)
    const eager = await RawConnection.open(port)
    const confirmation = '*3\r\n$9\r\nsubscribe\r\n$4\r\nnews\r\n:1\r\n'
    await lazy.ask('SUBSCRIBE news\r\n', confirmation)
    await eager.ask('SUBSCRIBE news\r\n', confirmation)
    lazy.socket.pause()
    const publisher = await RawConnection.open(port)
    const message = (i: number): string => `${i}:${'m'.repeat(10_000)}`
    const expected = Array.from({ length: 500 }, (_, i) => {
      const text = message(i)
      return `*3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$${text.length}\r\n${text}\r\n`
    }).join('')
    for (let i = 0; i < 500; i++) publisher.send(encode(['PUBLISH', 'news', message(i)]))
    expect((await eager.take(expected.length)) === expected).toBe(true)
    lazy.socket.resume()
    expect((await lazy.take(expected.length)) === expected).toBe(true)
  })
})

test('an accepted connection reads into the shared buffer on this version of Node', async () => {
  // The fallback is for a Node that changes its insides: if that has happened, performance has gone and this says so.
  const accepted = await new Promise<net.Socket>((resolve) => {
    const server = net.createServer({ pauseOnConnect: true }, (socket) => {
      resolve(socket)
      server.close()
    })
    server.listen(0, '127.0.0.1', () => {
      net.connect((server.address() as net.AddressInfo).port, '127.0.0.1').on('error', () => {})
    })
  })
  const handle = (accepted as unknown as { _handle: { useUserBuffer?: unknown } })._handle
  expect(typeof handle.useUserBuffer).toBe('function')
  accepted.destroy()
})
