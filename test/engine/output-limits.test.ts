import { describe, expect, test } from 'vitest'
import { createEngine, encode, type TestClient } from '../support/engine.ts'

const MIB = 1024 * 1024

/** A client that takes nothing: whatever is written stays in its socket. */
function stopReading(client: TestClient): void {
  client.write = (bytes) => {
    client.backlogBytes += bytes.length
    return false
  }
}

describe('the setting', () => {
  test('prints every class, and takes some of them', () => {
    const { engine } = createEngine()
    const limits = (): string => engine.config.text('client-output-buffer-limit')
    expect(limits()).toBe('normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60')
    engine.config.set('client-output-buffer-limit', 'normal 1mb 2k 3 Replica 1 2 3')
    expect(limits()).toBe('normal 1048576 2000 3 slave 1 2 3 pubsub 33554432 8388608 60')
    engine.config.set('client-output-buffer-limit', '')
    engine.config.set('client-output-buffer-limit', 'slave 4 5 6')
    expect(limits()).toBe('normal 1048576 2000 3 slave 4 5 6 pubsub 33554432 8388608 60')
  })

  test.each([
    ['x', 'Wrong number of arguments in buffer limit configuration.'],
    ['normal 1 2', 'Wrong number of arguments in buffer limit configuration.'],
    ['foo 1 2 3', 'Invalid client class specified in buffer limit configuration.'],
    ['master 1 2 3', 'Invalid client class specified in buffer limit configuration.'],
    ['pubsub 0 0 0 bad 1 1 1', 'Invalid client class specified in buffer limit configuration.'],
    ['normal -1 2 3', 'Error in hard, soft or soft_seconds setting in buffer limit configuration.'],
    ['normal 1 2 -3', 'Error in hard, soft or soft_seconds setting in buffer limit configuration.'],
  ])('%s is refused and changes nothing', (text, message) => {
    const { engine } = createEngine()
    const before = engine.config.text('client-output-buffer-limit')
    expect(() => engine.config.set('client-output-buffer-limit', text)).toThrow(message)
    expect(engine.config.text('client-output-buffer-limit')).toBe(before)
  })
})

describe('a subscriber that does not read', () => {
  test('is disconnected when its hard limit is reached, and the publisher notices nothing', () => {
    const { connect, engine } = createEngine()
    const [subscriber, publisher] = [connect(), connect()]
    subscriber.ask('SUBSCRIBE', 'c')
    stopReading(subscriber)
    const message = 'x'.repeat(MIB)
    let published = 0
    while (subscriber.closed === undefined && published < 100) {
      expect(publisher.ask('PUBLISH', 'c', message)).toBe(':1\r\n')
      published++
    }
    expect(published).toBe(32)
    expect(subscriber.closed).toBe('now')
    expect(publisher.ask('PUBLISH', 'c', message)).toBe(':0\r\n')
    expect(engine.figures.stats.outputLimitDisconnects).toBe(1)
    expect(engine.clients.connected.get(subscriber.client.id)).toBeUndefined()
  })

  test('is cut off within the turn when one pipeline is too much for it', () => {
    const { connect } = createEngine({ 'client-output-buffer-limit': 'pubsub 1mb 0 0' })
    const [stuck, publisher] = [connect(), connect()]
    stuck.ask('SUBSCRIBE', 'c')
    let written = 0
    stuck.write = (bytes) => {
      written += bytes.length
      return true
    }
    let pending = 0
    const { addSegment } = stuck.client
    stuck.client.addSegment = function (source, start, end) {
      addSegment.call(this, source, start, end)
      pending = Math.max(pending, this.pendingBytes)
    }
    const request = encode(['PUBLISH', 'c', 'x'.repeat(100_000)])
    expect(publisher.sendRaw(request.repeat(50))).toBe(':1\r\n'.repeat(50))
    expect(stuck.closed).toBe('now')
    expect(written).toBe(0)
    expect(pending).toBeLessThan(MIB)
  })

  test('others on the channel receive every message', () => {
    const { connect } = createEngine({ 'client-output-buffer-limit': 'pubsub 10kb 0 0' })
    const [before, stuck, after, publisher] = [connect(), connect(), connect(), connect()]
    for (const client of [before, stuck, after]) client.ask('SUBSCRIBE', 'c')
    stopReading(stuck)
    for (let i = 0; i < 20; i++) publisher.ask('PUBLISH', 'c', `${i}`.padEnd(1000, 'x'))
    expect(stuck.closed).toBe('now')
    for (const client of [before, after]) expect(client.received().split('message').length).toBe(21)
  })

  test('may stay above its soft limit for the time given, no longer', () => {
    const { connect, clock } = createEngine({ 'client-output-buffer-limit': 'pubsub 0 1kb 10' })
    const [subscriber, publisher] = [connect(), connect()]
    subscriber.ask('SUBSCRIBE', 'c')
    stopReading(subscriber)
    publisher.ask('PUBLISH', 'c', 'x'.repeat(2000))
    clock.advance(10_000)
    publisher.ask('PUBLISH', 'c', 'x')
    expect(subscriber.closed).toBeUndefined()
    // Nothing more is sent to it: the clock alone finds it.
    clock.advance(1)
    expect(publisher.ask('PING')).toBe('+PONG\r\n')
    expect(subscriber.closed).toBe('now')
  })

  test('is forgiven when it catches up in time', () => {
    const { connect, clock } = createEngine({ 'client-output-buffer-limit': 'pubsub 0 1kb 10' })
    const [subscriber, publisher] = [connect(), connect()]
    subscriber.ask('SUBSCRIBE', 'c')
    stopReading(subscriber)
    publisher.ask('PUBLISH', 'c', 'x'.repeat(2000))
    clock.advance(9000)
    subscriber.backlogBytes = 0
    publisher.ask('PUBLISH', 'c', 'x')
    publisher.ask('PUBLISH', 'c', 'x'.repeat(2000))
    clock.advance(9000)
    expect(publisher.ask('PING')).toBe('+PONG\r\n')
    expect(subscriber.closed).toBeUndefined()
    clock.advance(1001)
    publisher.ask('PING')
    expect(subscriber.closed).toBe('now')
  })

  test('is forgiven by the clock too when it caught up and nothing more was sent', () => {
    const { connect, clock, engine } = createEngine({ 'client-output-buffer-limit': 'pubsub 0 1kb 10' })
    const [subscriber, publisher] = [connect(), connect()]
    subscriber.ask('SUBSCRIBE', 'c')
    stopReading(subscriber)
    publisher.ask('PUBLISH', 'c', 'x'.repeat(2000))
    subscriber.backlogBytes = 0
    clock.advance(20_000)
    engine.endTurn()
    expect(subscriber.closed).toBeUndefined()
    expect(clock.timers).toBe(0)
  })
})

describe('classes', () => {
  test('a normal client has no limit unless given one', () => {
    const { connect, engine } = createEngine()
    const client = connect()
    client.ask('SET', 'k', 'x'.repeat(MIB))
    stopReading(client)
    for (let i = 0; i < 50; i++) client.ask('GET', 'k')
    expect(client.closed).toBeUndefined()
    engine.config.set('client-output-buffer-limit', 'normal 40mb 0 0')
    client.ask('GET', 'k')
    expect(client.closed).toBe('now')
  })

  test('a pipeline of large replies is stopped where the limit is reached', () => {
    const { connect, engine } = createEngine({ 'client-output-buffer-limit': 'normal 1mb 0 0' })
    const client = connect()
    client.ask('SET', 'k', 'x'.repeat(100_000))
    const before = engine.figures.stats.commandsProcessed
    client.sendRaw(encode(['GET', 'k']).repeat(1000))
    expect(client.closed).toBe('now')
    expect(engine.figures.stats.commandsProcessed - before).toBeLessThan(20)
  })

  test('a subscription makes the difference, in RESP3 and to shard channels too', () => {
    for (const words of [['SUBSCRIBE'], ['PSUBSCRIBE'], ['SSUBSCRIBE']]) {
      const { connect } = createEngine({ 'client-output-buffer-limit': 'pubsub 1kb 0 0' })
      const client = connect(3)
      client.ask('SET', 'k', 'x'.repeat(2000))
      client.ask('GET', 'k')
      expect(client.closed).toBeUndefined()
      client.ask(words[0]!, 'c')
      client.ask('GET', 'k')
      expect(client.closed).toBe('now')
    }
  })
})

test('output held back until it is durable counts', () => {
  const { connect, journal } = createEngine({ 'client-output-buffer-limit': 'normal 10kb 0 0' })
  journal.waits = true
  const client = connect()
  client.ask('SET', 'k', 'x'.repeat(1000))
  for (let i = 0; i < 30; i++) client.ask('GET', 'k')
  expect(client.closed).toBe('now')
})
