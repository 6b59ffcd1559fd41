import fs from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { PersistenceError, startServer } from '../../src/index.ts'
import { encode } from '../support/engine.ts'
import { eventually, RawConnection, startTestServer, temporaryDirectory } from '../support/server.ts'

test('written data is there after a restart', async () => {
  const dir = temporaryDirectory()
  const first = await startTestServer({ dir })
  const connection = await RawConnection.open(first.port)
  await connection.ask(encode(['SET', 'a', '1']) + encode(['RPUSH', 'list', 'x', 'y']), '+OK\r\n:2\r\n')
  await first.close()
  expect(connection.closed || (await connection.rest()) === '').toBe(true)
  const second = await startTestServer({ dir })
  const again = await RawConnection.open(second.port)
  expect(await again.ask('GET a\r\n', '$1\r\n1\r\n')).toBe('$1\r\n1\r\n')
  expect(await again.ask('LLEN list\r\n', ':2\r\n')).toBe(':2\r\n')
})

test('without a directory nothing is written anywhere', async () => {
  const server = await startTestServer()
  const connection = await RawConnection.open(server.port)
  await connection.ask('SET a 1\r\n', '+OK\r\n')
  expect(fs.existsSync('appendonlydir')).toBe(false)
})

test('a client that connects while the data is loaded gets LOADING, then is served', async () => {
  const dir = temporaryDirectory()
  const filled = join(dir, 'appendonlydir')
  fs.mkdirSync(filled)
  fs.writeFileSync(join(filled, 'appendonly.aof.manifest'), 'file appendonly.aof.1.incr.aof seq 1 type i\n')
  const lines: string[] = []
  for (let i = 0; i < 300_000; i++) lines.push(encode(['SET', `key:${i}`, 'some value']))
  fs.writeFileSync(join(filled, 'appendonly.aof.1.incr.aof'), lines.join(''))
  const unixSocket = join(dir, 'respite.sock')
  let started = false
  const starting = startTestServer({ dir, unixSocket, port: false }).then(() => {
    started = true
  })
  await eventually(() => fs.existsSync(unixSocket))
  const connection = await RawConnection.open(unixSocket)
  const loading = '-LOADING Redis is loading the dataset in memory\r\n'
  expect(await connection.ask('GET key:1\r\n', loading)).toBe(loading)
  expect(started).toBe(false)
  await starting
  expect(await connection.ask('DBSIZE\r\n', ':300000\r\n')).toBe(':300000\r\n')
})

test('a write that is sent while loading is refused, not lost', async () => {
  const dir = temporaryDirectory()
  const unixSocket = join(dir, 'respite.sock')
  for (let round = 0; round < 3; round++) {
    const starting = startServer({ dir, unixSocket, port: false })
    await eventually(() => fs.existsSync(unixSocket))
    const connection = await RawConnection.open(unixSocket)
    // As fast as it goes, across the moment when loading ends.
    let acknowledged = 0
    let sent = 0
    while (acknowledged < 50) {
      connection.send(encode(['SET', `round:${round}:${sent++}`, 'x']))
      while (!connection.received.includes('\r\n')) await new Promise(setImmediate)
      const reply = connection.received
      connection.received = ''
      if (reply === '+OK\r\n') acknowledged++
      else expect(reply).toBe('-LOADING Redis is loading the dataset in memory\r\n')
    }
    connection.send('DBSIZE\r\n')
    await eventually(() => connection.received.startsWith(':'))
    expect(connection.received).toBe(`:${50 * (round + 1)}\r\n`)
    connection.socket.destroy()
    await (await starting).close()
  }
})

test('closing sends the pending replies of all clients, blocked and subscribed ones included', async () => {
  const server = await startTestServer()
  const asking = await RawConnection.open(server.port)
  const blocked = await RawConnection.open(server.port)
  const subscriber = await RawConnection.open(server.port)
  await blocked.ask('PING\r\n', '+PONG\r\n')
  blocked.send('BLPOP nothing 0\r\n')
  await subscriber.ask('SUBSCRIBE c\r\n', '*3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n')
  await asking.ask(encode(['SET', 'v', 'x'.repeat(1_000_000)]), '+OK\r\n')
  const reply = `$1000000\r\n${'x'.repeat(1_000_000)}\r\n`
  asking.send(encode(['GET', 'v']))
  await eventually(() => asking.received.length > 0)
  await Promise.all([server.close(), server.close()])
  expect((await asking.rest()) === reply).toBe(true)
  expect(await blocked.rest()).toBe('')
  expect(await subscriber.rest()).toBe('')
})

test('a client that takes nothing does not hold up the end', async () => {
  const server = await startTestServer()
  const stuck = await RawConnection.open(server.port)
  await stuck.ask(encode(['SET', 'v', 'x'.repeat(1_000_000)]), '+OK\r\n')
  stuck.socket.pause()
  stuck.send(encode(['GET', 'v']).repeat(20))
  const other = await RawConnection.open(server.port)
  await other.ask('PING\r\n', '+PONG\r\n')
  const started = performance.now()
  await server.close()
  expect(performance.now() - started).toBeLessThan(5000)
  await server.stopped
})

test('SHUTDOWN stops the server as close does', async () => {
  const dir = temporaryDirectory()
  const server = await startTestServer({ dir, appendfsync: 'no' })
  const connection = await RawConnection.open(server.port)
  await connection.ask('SET a 1\r\n', '+OK\r\n')
  connection.send('SET b 2\r\nSHUTDOWN\r\nSET c 3\r\n')
  expect(await connection.rest()).toBe('+OK\r\n')
  await server.stopped
  const again = await startTestServer({ dir })
  const reader = await RawConnection.open(again.port)
  const reply = '*3\r\n$1\r\n1\r\n$1\r\n2\r\n$-1\r\n'
  expect(await reader.ask('MGET a b c\r\n', reply)).toBe(reply)
})

test('SHUTDOWN waits for replicas, and ABORT ends that', async () => {
  const server = await startTestServer({ dir: temporaryDirectory(), config: { 'shutdown-timeout': 1000 } })
  const [client, other, writer] = await Promise.all([1, 2, 3].map(() => RawConnection.open(server.port)))
  const none = '-ERR No shutdown in progress.\r\n'
  expect(await other!.ask('SHUTDOWN ABORT\r\n', none)).toBe(none)
  // A replica that never says how far it is.
  const replica = await RawConnection.open(server.port)
  replica.send('SYNC\r\n')
  await eventually(async () => String(await server.call('INFO', 'replication')).includes('state=online'))
  await server.call('SET', 'k', 'v')
  const refused = '-ERR Errors trying to SHUTDOWN. Check logs.\r\n+PONG\r\n'
  client!.send('SHUTDOWN\r\nPING\r\n')
  await eventually(async () => {
    const info = String(await server.call('INFO', 'server', 'clients'))
    return /shutdown_in_milliseconds:\d+\r\n/.test(info) && info.includes('blocked_clients:1\r\n')
  })
  await eventually(async () => {
    other!.send('SHUTDOWN ABORT\r\n')
    return (await other!.takeLine()) === '+OK\r\n'
  })
  expect(await client!.take(refused.length)).toBe(refused)
  expect(await writer!.ask('SET k w\r\n', '+OK\r\n')).toBe('+OK\r\n')
  expect(await other!.ask('SHUTDOWN ABORT\r\n', none)).toBe(none)
  client!.send('SHUTDOWN NOW\r\n')
  expect(await client!.rest()).toBe('')
  await server.stopped
})

describe('with save points', () => {
  const config = { save: '100 1', appendonly: false }

  test('SHUTDOWN, and closing, make a snapshot first; SHUTDOWN NOSAVE does not', async () => {
    const dir = temporaryDirectory()
    for (const [end, value] of [
      ['SHUTDOWN', '1'],
      ['SHUTDOWN NOSAVE', '1'],
      ['close', '2'],
      ['SHUTDOWN NOSAVE', '2'],
      ['SHUTDOWN SAVE', '3'],
    ]) {
      const server = await startTestServer({ dir, config })
      const connection = await RawConnection.open(server.port)
      expect(await connection.ask('INCR runs\r\n', ':1\r\n')).toMatch(/^:/)
      if (end === 'close') await server.close()
      else connection.send(`${end}\r\nSET runs 100\r\n`)
      await server.stopped
      const again = await startTestServer({ dir, appendonly: false })
      const reader = await RawConnection.open(again.port)
      expect(await reader.ask('GET runs\r\n', `$1\r\n${value}\r\n`)).toBe(`$1\r\n${value}\r\n`)
      await again.close()
    }
  })

  test('SHUTDOWN is refused while the snapshot cannot be made, unless it is forced', async () => {
    const dir = temporaryDirectory()
    const server = await startTestServer({ dir, config })
    fs.mkdirSync(join(dir, 'dump.rdb'))
    const connection = await RawConnection.open(server.port)
    await connection.ask('SET a 1\r\n', '+OK\r\n')
    const refused = '-ERR Errors trying to SHUTDOWN. Check logs.\r\n+PONG\r\n'
    expect(await connection.ask('SHUTDOWN\r\nPING\r\n', refused)).toBe(refused)
    connection.send('SHUTDOWN FORCE\r\n')
    expect(await connection.rest()).toBe('')
    await expect(server.stopped).rejects.toThrow('the snapshot could not be saved')
  })
})

test('options that cannot be taken are named', async () => {
  await expect(startServer({ port: 0, config: { maxclients: 'many' } })).rejects.toThrow(/^option 'maxclients': /)
  await expect(startServer({ port: 0, config: { nonsense: 1 } as object })).rejects.toThrow("unknown option 'nonsense'")
})

test('files that cannot be trusted stop the start, and nothing is left open', async () => {
  const dir = temporaryDirectory()
  fs.mkdirSync(join(dir, 'appendonlydir'))
  fs.writeFileSync(join(dir, 'appendonlydir', 'appendonly.aof.manifest'), 'nonsense\n')
  const unixSocket = join(dir, 'respite.sock')
  await expect(startServer({ port: false, unixSocket, dir })).rejects.toThrow(PersistenceError)
  expect(fs.existsSync(unixSocket)).toBe(false)
})

test('settings reach the engine under the names of redis.conf', async () => {
  const server = await startTestServer({ password: 'secret', config: { databases: 4, 'aof-load-truncated': false } })
  const connection = await RawConnection.open(server.port)
  const denied = '-NOAUTH Authentication required.\r\n'
  expect(await connection.ask('PING\r\n', denied)).toBe(denied)
  await connection.ask('AUTH secret\r\n', '+OK\r\n')
  const reply = '*4\r\n$9\r\ndatabases\r\n$1\r\n4\r\n$18\r\naof-load-truncated\r\n$2\r\nno\r\n'
  expect((await connection.ask('CONFIG GET databases aof-load-truncated\r\n', reply)).length).toBe(reply.length)
})
