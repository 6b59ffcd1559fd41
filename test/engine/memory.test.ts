// Used memory: what is counted beside the data, and how what is measured enters into it.

import { describe, expect, test } from 'vitest'
import { CLIENT_BYTES } from '../../src/engine/clients/client.ts'
import type { Engine } from '../../src/engine/engine.ts'
import { Source } from '../../src/util/bytes/bytes.ts'
import { createEngine, encode, type TestClient } from '../support/engine.ts'

const MIB = 1024 * 1024
/** SLOWLOG counts, too, and a test's machine may be slow. */
const NOTHING_IS_SLOW = { 'slowlog-log-slower-than': '-1' }

/** An engine in a process that holds what the test says. */
function createMeasured(heldBytes: number) {
  const held = { bytes: heldBytes }
  const made = createEngine(NOTHING_IS_SLOW, 1, [], () => held.bytes)
  const { clock, engine } = made
  /** Lets a second pass in which something happens, so that the process is measured often enough. */
  const passSecond = (): void => {
    for (let i = 0; i < 4; i++) {
      engine.endTurn()
      clock.advance(250)
    }
  }
  return { ...made, held, passSecond }
}

/** What used memory gains by an act. */
function gain({ upkeep: { memory } }: Engine, act: () => void): number {
  const before = memory.usedBytes
  act()
  return memory.usedBytes - before
}

function field(client: TestClient, name: string): number {
  return Number(new RegExp(`\r\n${name}:(-?\\d+)`).exec(client.ask('INFO', 'all'))![1])
}

describe('used memory counts', () => {
  test('little before the first key, apart from the data', () => {
    const { connect } = createMeasured(20 * MIB)
    const client = connect()
    expect(field(client, 'used_memory_startup')).toBe(MIB)
    expect(field(client, 'used_memory')).toBeLessThan(2 * MIB)
    expect(field(client, 'used_memory_dataset')).toBe(0)
    client.ask('SET', 'k', 'x'.repeat(MIB))
    expect(field(client, 'used_memory_dataset')).toBeGreaterThan(MIB)
    expect(field(client, 'used_memory_overhead') + field(client, 'used_memory_dataset')).toBe(
      field(client, 'used_memory'),
    )
  })

  test('memory that the process keeps beyond that, and not its garbage', () => {
    const { clock, engine, held, passSecond } = createMeasured(20 * MIB)
    const start = engine.upkeep.memory.runtimeBytes
    /** By how much the process has grown, as the engine sees it. */
    const growth = () => Math.round((engine.upkeep.memory.runtimeBytes - start) / MIB)
    held.bytes += 7 * MIB
    passSecond()
    expect(growth()).toBe(0)
    held.bytes = 128 * MIB
    engine.endTurn()
    expect(growth()).toBe(0)
    passSecond()
    expect(growth()).toBe(100)
    for (let i = 0; i < 20; i++) {
      held.bytes = (128 + (i % 4) * 50) * MIB
      engine.endTurn()
      clock.advance(250)
    }
    held.bytes = 128 * MIB
    expect(growth()).toBe(100)
    held.bytes -= 2 * MIB
    passSecond()
    expect(growth()).toBe(100)
    held.bytes = 38 * MIB
    passSecond()
    expect(growth()).toBe(10)
  })

  test('data once, although the process holds it too', () => {
    const { engine, connect, held, passSecond } = createMeasured(20 * MIB)
    const client = connect()
    const { runtimeBytes } = engine.upkeep.memory
    client.ask('SET', 'k', 'x'.repeat(50 * MIB))
    held.bytes += 50 * MIB
    passSecond()
    expect(engine.upkeep.memory.runtimeBytes).toBe(runtimeBytes)
    expect(engine.upkeep.memory.usedBytes).toBeLessThan(79 * MIB)
  })

  test('the runtime for a quarter at most, so that a small limit is one of data and growth alone refuses nothing', () => {
    const { connect, engine, held, passSecond } = createMeasured(200 * MIB)
    const client = connect()
    client.ask('CONFIG', 'SET', 'maxmemory', 11 * MIB, 'maxmemory-policy', 'volatile-random')
    for (let i = 0; i < 9; i++) expect(client.ask('SET', `k${i}`, 'x'.repeat(MIB))).toBe('+OK\r\n')
    const limit = engine.upkeep.memory.boundedBytes + 100 * 1024
    client.ask('CONFIG', 'SET', 'maxmemory', limit)
    held.bytes += 400 * MIB
    passSecond()
    for (let i = 0; i < 200; i++) expect(client.ask('SETEX', `v${i}`, 1000, 'x'.repeat(1024))).toBe('+OK\r\n')
    expect(field(client, 'used_memory')).toBeLessThan(limit + 4096)
    expect(client.ask('EXISTS', ...Array.from({ length: 9 }, (_, i) => `k${i}`))).toBe(':9\r\n')

    // Beyond that it counts, and evicting keys is always enough.
    client.ask('CONFIG', 'SET', 'maxmemory', 60 * MIB, 'maxmemory-policy', 'allkeys-random')
    for (let i = 0; i < 60; i++) client.ask('SET', `k${i}`, 'x'.repeat(MIB))
    const { boundedBytes } = engine.upkeep.memory
    expect(boundedBytes).toBeLessThan(61 * MIB)
    expect(field(client, 'used_memory_dataset')).toBeLessThan(50 * MIB)
    expect(field(client, 'used_memory_dataset')).toBeGreaterThan(44 * MIB)
  })

  test('of a string that SETRANGE or SETBIT makes no more than its length', () => {
    const { engine, connect } = createEngine(NOTHING_IS_SLOW)
    const client = connect()
    expect(gain(engine, () => client.ask('SETRANGE', 'range', 100_000, 'x'))).toBeLessThan(102_000)
    expect(gain(engine, () => client.ask('SETBIT', 'bit', 800_000, 1))).toBeLessThan(102_000)
  })

  test('clients, their unfinished requests, queues, names and unread replies, while they are there', () => {
    const { engine, clock, connect } = createEngine(NOTHING_IS_SLOW)
    const before = engine.upkeep.memory.usedBytes
    const client = connect()
    expect(engine.upkeep.memory.usedBytes - before).toBe(CLIENT_BYTES)
    expect(gain(engine, () => client.sendRaw(`*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$${MIB}\r\nx`))).toBeGreaterThan(MIB)
    expect(gain(engine, () => client.sendRaw(`${'x'.repeat(MIB - 1)}\r\n${encode(['DEL', 'k'])}`))).toBeLessThan(-MIB)
    client.ask('MULTI')
    expect(gain(engine, () => client.ask('SET', 'k', 'x'.repeat(1000)))).toBeGreaterThan(1000)
    expect(gain(engine, () => client.ask('DISCARD'))).toBeLessThan(-1000)
    expect(gain(engine, () => client.ask('WATCH', 'x'.repeat(1000)))).toBeGreaterThan(1000)
    client.ask('UNWATCH')
    expect(gain(engine, () => client.ask('BLPOP', 'x'.repeat(1000), 0))).toBeGreaterThan(1000)
    engine.blocking.unblock(client.client, undefined)
    client.received()
    expect(gain(engine, () => client.ask('SUBSCRIBE', 'x'.repeat(1000)))).toBeGreaterThan(1000)
    client.ask('UNSUBSCRIBE')
    client.write = (bytes) => {
      client.backlogBytes += bytes.length
      return false
    }
    expect(gain(engine, () => client.ask('PING', 'x'.repeat(5000)))).toBe(5000 + 9)
    client.backlogBytes = 0
    expect(gain(engine, () => clock.advance(1000))).toBe(-5000 - 9)
    client.disconnect()
    expect(engine.upkeep.memory.usedBytes).toBe(before)
    expect(clock.timers).toBe(0)
  })

  test('a large value that was removed until it is free', () => {
    const { engine, clock, connect } = createEngine(NOTHING_IS_SLOW)
    const client = connect()
    const before = engine.upkeep.memory.usedBytes
    for (const removal of ['DEL', 'UNLINK']) {
      client.ask('SADD', 'k', ...Array.from({ length: 50_000 }, (_, i) => i))
      const peak = engine.upkeep.memory.usedBytes
      expect(client.ask(removal, 'k')).toBe(':1\r\n')
      expect(engine.upkeep.memory.usedBytes).toBeGreaterThan(before + 1000)
      clock.advance(1)
      expect(engine.upkeep.memory.usedBytes).toBeLessThan(peak)
      clock.advance(1000)
      expect(engine.upkeep.memory.usedBytes).toBe(before)
    }
  })

  test('scripts and functions, until they are flushed', () => {
    const { engine, connect } = createEngine(NOTHING_IS_SLOW)
    const client = connect()
    const code = `#!lua name=lib\nredis.register_function('f', function() return 1 end)`
    expect(gain(engine, () => client.ask('SCRIPT', 'LOAD', `return '${'x'.repeat(1000)}'`))).toBeGreaterThan(1000)
    expect(gain(engine, () => client.ask('FUNCTION', 'LOAD', code))).toBe(code.length)
    expect(field(client, 'used_memory_functions')).toBe(code.length)
    expect(gain(engine, () => client.ask('FUNCTION', 'FLUSH'))).toBe(-code.length)
    expect(gain(engine, () => client.ask('SCRIPT', 'FLUSH'))).toBeLessThan(-1000)
    expect([engine.parts.scripts.scriptBytes, engine.parts.scripts.functionBytes]).toEqual([0, 0])
  })

  test('users and their rules, until they are removed', () => {
    const { engine, connect } = createEngine(NOTHING_IS_SLOW)
    const client = connect()
    const patterns = Array.from({ length: 100 }, (_, i) => `~some:${i}:*`)
    expect(gain(engine, () => client.ask('ACL', 'SETUSER', 'worker', 'on', ...patterns))).toBeGreaterThan(2000)
    expect(gain(engine, () => client.ask('ACL', 'SETUSER', 'worker', 'resetkeys'))).toBeLessThan(-1500)
    client.ask('ACL', 'DELUSER', 'worker')
    expect(gain(engine, () => client.ask('ACL', 'SETUSER', 'worker'))).toBe(
      -gain(engine, () => client.ask('ACL', 'DELUSER', 'worker')),
    )
  })

  test('the entries of ACL LOG and SLOWLOG, until they are pushed out or forgotten', () => {
    const { engine, connect } = createEngine({ 'acllog-max-len': '2', 'slowlog-log-slower-than': '-1' })
    const client = connect()
    client.ask('AUTH', 'nobody', 'x')
    client.ask('ACL', 'LOG', 'RESET')
    const before = engine.upkeep.memory.usedBytes
    const refuse = (from: number, to: number) => {
      for (let i = from; i < to; i++) client.ask('AUTH', `${i}${'x'.repeat(2000)}`, 'x')
    }
    refuse(0, 2)
    const full = engine.upkeep.memory.usedBytes
    expect(full - before).toBeGreaterThan(4000)
    refuse(2, 8)
    expect(engine.upkeep.memory.usedBytes).toBe(full)
    client.ask('ACL', 'LOG', 'RESET')
    expect(engine.upkeep.memory.usedBytes).toBe(before)
    client.ask('CONFIG', 'SET', 'slowlog-log-slower-than', '0')
    const slow = gain(engine, () => client.ask('MGET', ...Array.from({ length: 30 }, () => 'x'.repeat(100))))
    expect(slow).toBeGreaterThan(3000)
    expect(gain(engine, () => client.ask('SLOWLOG', 'RESET'))).toBeLessThan(-slow)
  })

  test('the keys that clients cache', () => {
    const { engine, connect } = createEngine(NOTHING_IS_SLOW)
    const [cache, other] = [connect(3), connect()]
    cache.ask('CLIENT', 'TRACKING', 'on')
    const table = gain(engine, () => {
      for (let i = 0; i < 100; i++) cache.ask('GET', `key:${i}`)
    })
    expect(table).toBeGreaterThan(5000)
    expect(gain(engine, () => other.ask('FLUSHALL'))).toBeLessThanOrEqual(-table)
  })
})

describe('maxmemory-clients', () => {
  /** A client that holds about so many bytes of an unfinished request. */
  function hold(client: TestClient, bytes: number): TestClient {
    client.sendRaw(`*2\r\n$3\r\nGET\r\n$${bytes}\r\n${'x'.repeat(1000)}`)
    return client
  }

  test('closes the largest clients first, as many as it takes', () => {
    const { engine, connect } = createEngine({ 'maxmemory-clients': '1mb' })
    const [small, middle, large, spared] = [connect(), connect(), connect(), connect()]
    spared.ask('CLIENT', 'NO-EVICT', 'on')
    hold(small, 100_000)
    hold(large, 300_000)
    hold(spared, 310_000)
    expect(field(connect(), 'mem_clients_normal')).toBe(engine.clients.memory.bytes)
    hold(middle, 200_000)
    expect([small, middle, large, spared].map(({ closed }) => closed)).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
    ])
    hold(connect(), 250_000)
    expect([small, middle, large, spared].map(({ closed }) => closed)).toEqual([undefined, undefined, 'now', undefined])
    expect(field(connect(), 'evicted_clients')).toBe(1)
  })

  test('closes clients until the rest takes exactly as much as the limit', () => {
    const { engine, connect } = createEngine()
    const control = connect()
    const clients = Array.from({ length: 10 }, () => hold(connect(), 100_000))
    const each = clients[0]!.client.bytes.counted
    control.ask('CLIENT', 'NO-EVICT', 'on')
    control.ask('CONFIG', 'SET', 'maxmemory-clients', 5 * each + control.client.bytes.counted)
    engine.endTurn()
    expect(clients.filter(({ closed }) => closed === undefined)).toHaveLength(5)
  })

  test('closes a client as soon as its request is announced too large, though the rest is here in the same turn', () => {
    const { engine, connect } = createEngine({ 'maxmemory-clients': '3000000' })
    const [client, watcher] = [connect(), connect()]
    const request = new Source(Buffer.from(`*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$3000000\r\n${'v'.repeat(3_000_000)}\r\n`))
    const { length } = request.u8
    const READ_BYTES = 64 * 1024
    for (let at = 0; at < length; at += READ_BYTES) {
      engine.receive(client.client, request, at, Math.min(length, at + READ_BYTES))
    }
    expect(client.closed).toBe('now')
    expect(watcher.ask('EXISTS', 'k')).toBe(':0\r\n')
    expect(engine.figures.stats.evictedClients).toBe(1)
  })

  test('leaves a client that holds half of the limit, however its request is cut', () => {
    const limit = Math.floor((6 * MIB * 7) / 100)
    const half = Math.floor(limit / 2)
    const request = `*1\r\n$${half}\r\n${'v'.repeat(half)}`
    for (const cut of [1, 4, 5, 8, 11, 12, 13, 1000, 40_000, half]) {
      const { connect } = createEngine({ 'maxmemory-clients': '7%', maxmemory: '6mb' })
      const client = connect()
      client.sendRaw(request.slice(0, cut))
      client.sendRaw(request.slice(cut))
      expect(client.closed, `cut at ${cut}`).toBeUndefined()
      expect(client.client.bytes.counted, `cut at ${cut}`).toBeLessThan(limit)
      expect(client.client.bytes.counted, `cut at ${cut}`).toBeGreaterThanOrEqual(half)
    }
  })

  test('counts the prefixes that a client wants to hear of', () => {
    const { connect } = createEngine({ 'maxmemory-clients': '200000' })
    const client = connect(3)
    for (let i = 0; i < 10_000 && client.closed === undefined; i++) {
      client.ask('CLIENT', 'TRACKING', 'on', 'PREFIX', String(i).padStart(12, '0'), 'BCAST')
    }
    expect(client.closed).toBe('now')
  })

  test('closes clients before a key is evicted for what they take', () => {
    const { connect, engine } = createEngine({ 'maxmemory-clients': '1mb', 'maxmemory-policy': 'allkeys-lru' })
    const [client, large] = [connect(), connect()]
    client.ask('SET', 'k', 'x'.repeat(1000))
    client.ask('CONFIG', 'SET', 'maxmemory', engine.upkeep.memory.boundedBytes + 1_000_000)
    const held = hold(large, 1000)
    held.client.requests.parkedBytes = 2 * MIB
    engine.clients.memory.note(held.client)
    expect(client.ask('EXISTS', 'k')).toBe(':1\r\n')
    expect(large.closed).toBe('now')
    expect(engine.figures.stats.evictedKeys).toBe(0)
  })

  test('may be a part of maxmemory, and follows it', () => {
    const { engine, connect } = createEngine({ 'maxmemory-clients': '10%' })
    const [client, watcher] = [hold(connect(), 500_000), connect()]
    expect(client.closed).toBeUndefined()
    watcher.ask('CONFIG', 'SET', 'maxmemory', '100mb')
    expect(client.closed).toBeUndefined()
    watcher.ask('CONFIG', 'SET', 'maxmemory', '4mb')
    expect(client.closed).toBe('now')
    expect(watcher.closed).toBeUndefined()
    expect(engine.figures.stats.evictedClients).toBe(1)
  })

  test('closes who does not read, and leaves a server that can be talked to however small it is', () => {
    const { connect } = createEngine({ 'maxmemory-clients': '1' })
    const [reader, lazy] = [connect(), connect()]
    reader.ask('SET', 'k', 'x'.repeat(100_000))
    lazy.write = (bytes) => {
      lazy.backlogBytes += bytes.length
      return false
    }
    lazy.ask('GET', 'k')
    expect(lazy.closed).toBeUndefined()
    lazy.ask('GET', 'k')
    expect(lazy.closed).toBe('now')
    expect(reader.ask('GET', 'none')).toBe('$-1\r\n')
  })
})
