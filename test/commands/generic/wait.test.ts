import { beforeEach, expect, test } from 'vitest'
import { createEngine, type TestClient, type TestEngine } from '../../support/engine.ts'

let engine: TestEngine
let client: TestClient

beforeEach(() => {
  engine = createEngine()
  client = engine.connect()
})

test('a client that waits for no replicas is answered at once', () => {
  expect([client.ask('WAIT', 0, 0), client.ask('WAIT', -1, 100)]).toEqual([':0\r\n', ':0\r\n'])
})

test('a client that waits for replicas gets 0 at the timeout, and goes on then', () => {
  expect(client.ask('WAIT', 1, 50)).toBe('')
  expect(client.ask('PING')).toBe('')
  engine.clock.advance(49)
  expect(client.received()).toBe('')
  engine.clock.advance(1)
  expect(client.received()).toBe(':0\r\n+PONG\r\n')
})

test('without a timeout it takes CLIENT UNBLOCK to go on', () => {
  client.ask('WAIT', 1, 0)
  engine.clock.advance(1e9)
  expect(client.received()).toBe('')
  expect(engine.connect().ask('CLIENT', 'UNBLOCK', client.client.id)).toBe(':1\r\n')
  expect(client.received()).toBe(':0\r\n')
})

test('no write wakes who waits, nor does SWAPDB', () => {
  client.ask('WAIT', 1, 0)
  const other = engine.connect()
  other.ask('SET', 'a', 'v')
  other.ask('SWAPDB', 0, 1)
  expect(client.received()).toBe('')
})

test('inside a transaction no client waits', () => {
  client.ask('MULTI')
  client.ask('WAIT', 1, 0)
  expect(client.ask('EXEC')).toBe('*1\r\n:0\r\n')
})

test('a client that disconnects while waiting leaves nothing behind', () => {
  client.ask('WAIT', 1, 1000)
  client.disconnect()
  expect(engine.engine.blocking.room.count).toBe(0)
  engine.clock.advance(2000)
})

test.each([
  [['x', '0'], 'ERR value is not an integer or out of range'],
  [['1', 'x'], 'ERR timeout is not an integer or out of range'],
  [['1', '1.5'], 'ERR timeout is not an integer or out of range'],
  [['0', '-1'], 'ERR timeout is negative'],
  [['0', '9223372036854775807'], 'ERR timeout is out of range'],
])('WAIT %j is refused: %s', (words, error) => {
  expect(client.ask('WAIT', ...words)).toBe(`-${error}\r\n`)
})

test.each([
  [['WAIT', 0, 100], ':0\r\n'],
  [['WAITAOF', 0, 0, 100], '*2\r\n:1\r\n:0\r\n'],
])('a clock may tell fractions of a millisecond: %j', (words, reply) => {
  engine.clock.advance(0.25)
  expect(client.ask(...words)).toBe(reply)
})
