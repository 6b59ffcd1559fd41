// Names that clients invent under a rule leave nothing behind, or something that is bounded and
// counted.

import { describe, expect, test } from 'vitest'
import { ArenaFull } from '../../src/store/memory/arena.ts'
import { createEngine, type TestEngine } from '../support/engine.ts'

const COUNT = 2000
const RULES = { channel: 'k.* keep 1h dedupe 1h s.* slow conflate', 'maxmemory-policy': 'noeviction' }

/** Returns the number of known channels, and the bytes of that knowledge. */
function known({ engine }: TestEngine): readonly [logs: number, bytes: number] {
  const { bytes, logs } = engine.parts.channels
  return [logs.count, bytes]
}

function usedMemory({ connect }: TestEngine): number {
  return Number(/used_memory:(\d+)/.exec(connect().ask('INFO', 'memory'))![1])
}

describe('leaves nothing behind', () => {
  test.each([
    ['CHANNEL INFO', (name: string) => ['CHANNEL', 'INFO', name]],
    ['CHANNEL INFO of a shard channel', (name: string) => ['CHANNEL', 'INFO', name, 'SHARD']],
    ['CHANNEL HISTORY', (name: string) => ['CHANNEL', 'HISTORY', name, '-', '+']],
    ['CHANNEL LAG', (name: string) => ['CHANNEL', 'LAG', name]],
    ['CHANNEL SUBSCRIBERS', (name: string) => ['CHANNEL', 'SUBSCRIBERS', name]],
    ['CHANNEL PENDING', (name: string) => ['CHANNEL', 'PENDING', name]],
    ['CHANNEL TRIM', (name: string) => ['CHANNEL', 'TRIM', name, 'MAXLEN', '0']],
    ['CHANNEL CANCEL', (name: string) => ['CHANNEL', 'CANCEL', name, 'id']],
    ['CHANNEL FORGET', (name: string) => ['CHANNEL', 'FORGET', name, 'default', 'name']],
    ['CHANNEL ACK', (name: string) => ['CHANNEL', 'ACK', name, '1-1']],
    ['PUBSUB NUMSUB', (name: string) => ['PUBSUB', 'NUMSUB', name]],
  ])('a question: %s', (_, command) => {
    const engine = createEngine(RULES)
    const client = engine.connect()
    client.ask('CLIENT', 'SETNAME', 'billing')
    for (let i = 0; i < 50; i++) {
      client.ask(...command(`k.${i}`))
      client.ask(...command(`s.${i}`))
    }
    expect(known(engine)).toEqual([0, 0])
  })

  test.each([
    ['PUBLISH', ['text']],
    ['SPUBLISH', ['text']],
    ['PUBLISH', ['text', 'ID', 'a']],
    ['PUBLISH', ['text', 'IN', '1000']],
  ])('a refused write: %s %j', (command, words) => {
    const engine = createEngine({ ...RULES, maxmemory: '1' })
    const client = engine.connect()
    for (let i = 0; i < 50; i++) expect(client.ask(command, `k.${i}`, ...words)).toMatch(/^-OOM/)
    client.ask('MULTI')
    expect(client.ask(command, 'k.1', ...words)).toMatch(/^-OOM/)
    client.ask('EXEC')
    expect(client.ask('EVAL', `return redis.call('${command}', 'k.1', 'text')`, '0')).toMatch(/^-/)
    expect(known(engine)).toEqual([0, 0])
  })

  test('a message that the store has no room for', () => {
    const engine = createEngine(RULES)
    const { db } = engine.engine.parts.channels
    const { allocate } = db.arena
    const client = engine.connect()
    db.arena.allocate = () => {
      throw new ArenaFull()
    }
    for (let i = 0; i < 50; i++) expect(client.ask('PUBLISH', `k.${i}`, 'text')).toMatch(/^-OOM/)
    db.arena.allocate = allocate
    expect(known(engine)).toEqual([0, 0])
    expect(client.ask('PUBLISH', 'k.1', 'text')).toBe(':0\r\n')
    expect(known(engine)[0]).toBe(1)
  })

  test('a subscription that has ended, and an existing one makes no log', () => {
    const engine = createEngine(RULES)
    const client = engine.connect()
    client.ask('CLIENT', 'SETNAME', 'billing')
    for (let i = 0; i < 50; i++) client.ask('SUBSCRIBE', `k.${i}`, `s.${i}`)
    engine.clock.advance(5000)
    expect(known(engine)[0]).toBe(0)
    client.ask('UNSUBSCRIBE')
    expect(known(engine)).toEqual([0, 0])
    expect(client.client.bytes.listeners).toBe(0)
  })
})

describe('is bounded', () => {
  test.each([['PUBLISH'], ['SPUBLISH']])(
    '%s to channels that keep nothing leaves no memory in use, with subscribers or without',
    (command) => {
      const engine = createEngine(RULES)
      engine.connect(3).ask('PSUBSCRIBE', 's.*')
      const client = engine.connect()
      for (let i = 0; i < COUNT; i++) client.ask(command, `s.${i}`, 'text')
      expect(known(engine)[0]).toBeLessThan(COUNT / 2)
      engine.clock.advance(10_000)
      expect(known(engine)).toEqual([0, 0])
    },
  )

  test('and a slow subscriber still hears only the last message of each channel', () => {
    const engine = createEngine(RULES)
    const client = engine.connect(3)
    client.ask('PSUBSCRIBE', 's.*')
    client.backlogBytes = 100_000
    const publisher = engine.connect()
    for (let round = 0; round < 3; round++) {
      for (let i = 0; i < 20; i++) publisher.ask('PUBLISH', `s.${i}`, `${round}`)
    }
    client.backlogBytes = 0
    engine.clock.advance(10)
    expect(client.received().match(/\$1\r\n2\r\n/g)).toHaveLength(20)
  })
})

describe('is counted as used memory', () => {
  test('the knowledge about channels, until they are empty', () => {
    const engine = createEngine(RULES)
    const client = engine.connect()
    const before = usedMemory(engine)
    for (let i = 0; i < COUNT; i++) client.ask('PUBLISH', `k.${i}`, 'text')
    const { usedBytes } = engine.engine.data.dataset
    expect(usedMemory(engine) - before - usedBytes).toBeGreaterThan(COUNT * 500)
    client.ask('FLUSHALL')
    engine.clock.advance(10_000)
    expect(known(engine)).toEqual([0, 0])
  })

  test.each([
    ['SUBSCRIBE', 'k.'],
    ['SSUBSCRIBE', 'k.'],
    ['PSUBSCRIBE', 'k.*'],
    ['SUBSCRIBE', '$share/workers/k.'],
  ])('what listens in the place of a client: %s %s', (command, prefix) => {
    const engine = createEngine(RULES)
    const client = engine.connect(3)
    client.ask('CLIENT', 'SETNAME', 'billing')
    const before = client.client.requestBytes
    for (let i = 0; i < 100; i++) client.ask(command, `${prefix}${i}`)
    expect(client.client.requestBytes - before).toBeGreaterThan(100 * 1000)
    client.ask(command === 'SUBSCRIBE' ? 'UNSUBSCRIBE' : command.replace('SUB', 'UNSUB'))
    expect(client.client.bytes.listeners).toBe(0)
  })

  test('a client with many subscriptions is closed at maxmemory-clients', () => {
    const engine = createEngine({ ...RULES, 'maxmemory-clients': '500kb' })
    const client = engine.connect(3)
    client.ask('CLIENT', 'SETNAME', 'billing')
    for (let i = 0; i < 1000 && client.closed === undefined; i++) client.ask('SUBSCRIBE', `k.${i}`)
    expect(client.closed).toBe('now')
  })
})

test('a user that may only subscribe does not get beyond maxmemory', () => {
  const engine = createEngine(RULES)
  const admin = engine.connect()
  admin.ask('ACL', 'SETUSER', 'anna', 'on', '>secret', '+subscribe', '+client|setname', '&k.*')
  const maxBytes = usedMemory(engine) + 2_000_000
  admin.ask('CONFIG', 'SET', 'maxmemory', maxBytes)
  for (let round = 0; round < 20; round++) {
    const client = engine.connect(3)
    client.ask('AUTH', 'anna', 'secret')
    client.ask('CLIENT', 'SETNAME', 'billing')
    for (let i = 0; i < 500; i++) client.ask('SUBSCRIBE', `k.${round}.${i}`)
    expect(usedMemory(engine)).toBeLessThan(maxBytes + 100_000)
    client.disconnect()
  }
  expect(usedMemory(engine)).toBeLessThan(maxBytes + 100_000)
})
