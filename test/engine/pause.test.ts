import { expect, test } from 'vitest'
import type { Client } from '../../src/engine/clients/client.ts'
import { Source } from '../../src/util/bytes/bytes.ts'
import { createEngine, encode } from '../support/engine.ts'

test('a pause of writes holds writes and PUBLISH, and lets reads through', () => {
  const { connect, clock } = createEngine()
  const [a, b, c, reader] = [connect(), connect(), connect(), connect()]
  expect(a.ask('CLIENT', 'PAUSE', '500', 'WRITE')).toBe('+OK\r\n')
  expect(b.ask('SET', 'k', 'v')).toBe('')
  expect(c.ask('PUBLISH', 'c', 'm')).toBe('')
  expect(reader.ask('GET', 'k')).toBe('$-1\r\n')
  clock.advance(499)
  expect(b.received()).toBe('')
  clock.advance(1)
  expect([b.received(), c.received()]).toEqual(['+OK\r\n', ':0\r\n'])
  expect(reader.ask('GET', 'k')).toBe('$1\r\nv\r\n')
})

test('held requests run in the order in which they came, and what followed them after that', () => {
  const { connect, engine, journal } = createEngine()
  const [a, b, c] = [connect(), connect(), connect()]
  a.ask('CLIENT', 'PAUSE', '500', 'WRITE')
  c.sendRaw(encode(['SET', 'k', 'c']) + encode(['SET', 'k', 'c2']))
  b.sendRaw(encode(['SET', 'k', 'b']))
  b.sendRaw(encode(['GET', 'k']))
  expect(journal.take()).toEqual([])
  a.ask('CLIENT', 'UNPAUSE')
  expect(journal.take()).toEqual(['0 SET k c', '0 SET k c2', '0 SET k b'])
  expect([b.received(), c.received()]).toEqual(['+OK\r\n$1\r\nb\r\n', '+OK\r\n+OK\r\n'])
  expect(engine.conditions.pause.active).toBe(false)
})

test('requests that come between the end of a pause and the end of its turn run after the postponed ones', () => {
  const { connect, engine, journal } = createEngine()
  const [a, b] = [connect(), connect()]
  const send = (client: Client, ...requests: string[][]): void => {
    const bytes = Buffer.from(requests.map(encode).join(''), 'latin1')
    engine.receive(client, new Source(bytes), 0, bytes.length)
  }
  a.ask('CLIENT', 'PAUSE', '500', 'WRITE')
  b.sendRaw(encode(['SET', 'k', '1']) + encode(['SET', 'k', '2']))
  send(a.client, ['CLIENT', 'UNPAUSE'])
  send(b.client, ['SET', 'k', '3'], ['GET', 'k'])
  // Once more: what is put off now must not take the place of what was put off before.
  send(a.client, ['CLIENT', 'PAUSE', '500', 'WRITE'])
  send(b.client, ['SET', 'k', '4'])
  engine.endTurn()
  a.ask('CLIENT', 'UNPAUSE')
  expect(journal.take()).toEqual(['0 SET k 1', '0 SET k 2', '0 SET k 3', '0 SET k 4'])
  expect(b.received()).toBe('+OK\r\n+OK\r\n+OK\r\n$1\r\n3\r\n+OK\r\n')
})

test('a pause of everything holds everything, CLIENT UNPAUSE too', () => {
  const { connect, clock } = createEngine()
  const [a, b] = [connect(), connect()]
  expect(a.sendRaw(encode(['CLIENT', 'PAUSE', '300']) + encode(['PING']))).toBe('+OK\r\n')
  expect(b.ask('CLIENT', 'UNPAUSE')).toBe('')
  clock.advance(300)
  expect([a.received(), b.received()]).toEqual(['+PONG\r\n', '+OK\r\n'])
})

test('a later pause makes neither shorter nor milder', () => {
  const { connect, clock, engine } = createEngine()
  const [a, b, c] = [connect(), connect(), connect()]
  a.ask('CLIENT', 'PAUSE', '500', 'WRITE')
  b.ask('CLIENT', 'PAUSE', '100', 'ALL')
  expect(engine.conditions.pause.mode).toBe('all')
  expect(c.ask('GET', 'k')).toBe('')
  clock.advance(100)
  expect(c.received()).toBe('')
  clock.advance(400)
  expect(c.received()).toBe('$-1\r\n')
})

test('a pause longer than a timer may be does not end early', () => {
  const { connect, clock, engine } = createEngine()
  const a = connect()
  a.ask('CLIENT', 'PAUSE', String(2 ** 40), 'WRITE')
  const { after } = clock
  clock.after = (delayMs, run) => after.call(clock, Math.min(delayMs, 2 ** 31), run)
  engine.conditions.pause.begin('client', 'write', clock.now() + 2 ** 40)
  clock.advance(2 ** 40 - 1)
  expect(engine.conditions.pause.active).toBe(true)
  clock.advance(1)
  expect(engine.conditions.pause.active).toBe(false)
})

test('CLIENT UNPAUSE leaves pauses alone that others have begun', () => {
  const { connect, engine } = createEngine()
  const [a, b] = [connect(), connect()]
  engine.conditions.pause.begin('shutdown', 'write', Number.MAX_SAFE_INTEGER)
  a.ask('CLIENT', 'PAUSE', '500', 'WRITE')
  expect(b.ask('SET', 'k', 'v')).toBe('')
  expect(a.ask('CLIENT', 'UNPAUSE')).toBe('+OK\r\n')
  expect(b.received()).toBe('')
  engine.conditions.pause.end('shutdown')
  expect(b.received()).toBe('+OK\r\n')
})

test('a pause of no time at all holds nothing', () => {
  const { connect, engine } = createEngine()
  const a = connect()
  expect(a.sendRaw(encode(['CLIENT', 'PAUSE', '0']) + encode(['SET', 'k', 'v']))).toBe('+OK\r\n+OK\r\n')
  expect(engine.conditions.pause.active).toBe(false)
})

test('CLIENT PAUSE refuses in Redis’s words', () => {
  const client = createEngine().connect()
  const errors: [string[], string][] = [
    [['x'], 'timeout is not an integer or out of range'],
    [['1.5'], 'timeout is not an integer or out of range'],
    [['-1'], 'timeout is negative'],
    [['9223372036854775807'], 'timeout is out of range'],
    [['1', 'foo'], 'CLIENT PAUSE mode must be WRITE or ALL'],
    [['1', 'WRITE', 'x'], "unknown subcommand or wrong number of arguments for 'PAUSE'. Try CLIENT HELP."],
  ]
  for (const [words, error] of errors) expect(client.ask('CLIENT', 'PAUSE', ...words)).toBe(`-ERR ${error}\r\n`)
})

test('EXEC is held when its transaction writes or publishes, queueing is not', () => {
  const { connect, clock } = createEngine()
  const [a, writer, publisher, reader] = [connect(), connect(), connect(), connect()]
  for (const client of [writer, publisher, reader]) client.ask('MULTI')
  a.ask('CLIENT', 'PAUSE', '100', 'WRITE')
  expect(reader.ask('GET', 'k')).toBe('+QUEUED\r\n')
  expect(reader.ask('EXEC')).toBe('*1\r\n$-1\r\n')
  clock.advance(100)
  writer.ask('SET', 'k', 'v')
  publisher.ask('PUBLISH', 'c', 'm')
  a.ask('CLIENT', 'PAUSE', '100', 'WRITE')
  expect(writer.ask('EXEC')).toBe('')
  expect(publisher.ask('EXEC')).toBe('')
  clock.advance(100)
  expect([writer.received(), publisher.received()]).toEqual(['*1\r\n+OK\r\n', '*1\r\n:0\r\n'])
})

test('a client parked before the pause still times out and can be unblocked', () => {
  const { connect, clock } = createEngine()
  const [a, first, second] = [connect(), connect(), connect()]
  first.ask('BLPOP', 'list', '0.1')
  second.ask('BLPOP', 'list', '0')
  a.ask('CLIENT', 'PAUSE', '1000', 'WRITE')
  clock.advance(200)
  expect(first.received()).toBe('*-1\r\n')
  expect(a.ask('CLIENT', 'UNBLOCK', second.client.id)).toBe(':1\r\n')
  expect(second.received()).toBe('*-1\r\n')
})

test.each(['WRITE', 'ALL'])('keys whose time is up stay until a pause of %s ends, and no client finds them', (mode) => {
  const { connect, clock, engine, journal } = createEngine()
  const [a, b] = [connect(), connect()]
  for (const key of ['read', 'resting']) a.ask('SET', key, 'v', 'PX', '100')
  a.ask('CLIENT', 'PAUSE', '500', mode)
  journal.take()
  clock.advance(300)
  if (mode === 'WRITE') {
    expect(b.ask('GET', 'read')).toBe('$-1\r\n')
    expect(b.ask('EXISTS', 'read')).toBe(':0\r\n')
    expect(b.ask('DBSIZE')).toBe(':2\r\n')
  }
  expect(journal.take()).toEqual([])
  expect(engine.figures.stats.expiredKeys).toBe(0)
  clock.advance(300)
  expect(b.received()).toBe('')
  expect(b.ask('DBSIZE')).toBe(':0\r\n')
  expect(journal.take().toSorted()).toEqual(['0 DEL read', '0 DEL resting'])
  expect(engine.figures.stats.expiredKeys).toBe(2)
})

test('a transaction that pauses writes finds expired keys gone: its next commands remove them', () => {
  const { connect, clock, engine, journal } = createEngine({ 'enable-debug-command': 'yes' })
  const client = connect()
  client.ask('DEBUG', 'SET-ACTIVE-EXPIRE', '0')
  client.ask('SET', 'k', '5', 'PX', '100')
  clock.advance(200)
  journal.take()
  client.ask('MULTI')
  client.ask('CLIENT', 'PAUSE', '500', 'WRITE')
  client.ask('GET', 'k')
  client.ask('INCR', 'k')
  client.ask('PEXPIRE', 'k', '-1')
  expect(client.ask('EXEC')).toBe('*4\r\n+OK\r\n$-1\r\n:1\r\n:1\r\n')
  expect(journal.take()).toEqual(['MULTI', '0 DEL k', '0 INCR k', '0 DEL k', 'EXEC'])
  for (const db of engine.data.dataset.databases) db.check()
})

test('a key expires as ever when the pause that began while data was loaded has ended', () => {
  const { connect, clock, engine } = createEngine()
  const client = connect()
  client.ask('SET', 'k', 'v', 'PX', '100')
  engine.conditions.loading.begin()
  engine.conditions.pause.begin('client', 'write', clock.now() + 500)
  expect(engine.data.dataset.expiry).toBe('keep')
  engine.conditions.loading.end()
  expect(engine.data.dataset.expiry).toBe('wait')
  clock.advance(600)
  expect(client.ask('DBSIZE')).toBe(':0\r\n')
})
