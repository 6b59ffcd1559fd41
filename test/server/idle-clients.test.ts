import { expect, onTestFinished, test } from 'vitest'
import { catalog } from '../../src/commands/catalog.ts'
import { makeParts } from '../../src/commands/parts.ts'
import { Config } from '../../src/config/config.ts'
import { Engine } from '../../src/engine/engine.ts'
import { IdleClients } from '../../src/server/connection/idle-clients.ts'
import { Listeners } from '../../src/server/listening/listeners.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { eventually, RawConnection } from '../support/server.ts'

async function listen(timeoutSeconds: number) {
  const clock = new FakeClock()
  const config = new Config({ timeout: String(timeoutSeconds) })
  const engine = new Engine({ commands: catalog, config, clock }, makeParts)
  const listeners = new Listeners(engine)
  await listeners.open({ port: 0, addresses: ['127.0.0.1'], unixSocket: '', unixSocketMode: 0, backlog: 511 })
  const idle = new IdleClients(engine, listeners.transports)
  onTestFinished(() => {
    idle.stop()
    listeners.close()
    engine.stop()
  })
  return { clock, engine, idle, port: listeners.port, config }
}

test('a client that is silent for longer than the timeout is closed, one that talks is not', async () => {
  const { clock, engine, port } = await listen(10)
  const silent = await RawConnection.open(port)
  const talker = await RawConnection.open(port)
  await silent.ask('PING\r\n', '+PONG\r\n')
  for (let second = 0; second < 9; second++) {
    clock.advance(1000)
    await talker.ask('PING\r\n', '+PONG\r\n')
  }
  expect(engine.clients.connected.size).toBe(2)
  clock.advance(2000)
  await eventually(() => silent.closed)
  expect(await talker.ask('PING\r\n', '+PONG\r\n')).toBe('+PONG\r\n')
})

test('subscribers wait for ever', async () => {
  const { clock, engine, port } = await listen(5)
  const subscriber = await RawConnection.open(port)
  const confirmation = '*3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n'
  await subscriber.ask('SUBSCRIBE c\r\n', confirmation)
  clock.advance(60_000)
  expect(engine.clients.connected.size).toBe(1)
})

test('a blocked client waits for ever, and is not idle just after it was served', async () => {
  const { clock, engine, port } = await listen(5)
  const blocked = await RawConnection.open(port)
  const pusher = await RawConnection.open(port)
  blocked.send('BLPOP queue 0\r\n')
  await eventually(() => [...engine.clients.connected.values()].some(({ requests: { parked } }) => parked))
  clock.advance(60_000)
  await eventually(() => engine.clients.connected.size === 1)
  const again = await RawConnection.open(port)
  await again.ask('RPUSH queue a\r\n', ':1\r\n')
  expect(await blocked.take(22)).toBe('*2\r\n$5\r\nqueue\r\n$1\r\na\r\n')
  clock.advance(3000)
  expect(await blocked.ask('PING\r\n', '+PONG\r\n')).toBe('+PONG\r\n')
  expect(pusher.closed).toBe(true)
})

test('while the timeout is 0 no client is checked, and CONFIG SET begins the checks', async () => {
  const { clock, engine, port } = await listen(0)
  const connection = await RawConnection.open(port)
  await connection.ask('PING\r\n', '+PONG\r\n')
  expect(clock.timers).toBe(0)
  clock.advance(3_600_000)
  expect(await connection.ask('CONFIG SET timeout 3\r\n', '+OK\r\n')).toBe('+OK\r\n')
  clock.advance(5000)
  await eventually(() => connection.closed)
  expect(engine.clients.connected.size).toBe(0)
})
