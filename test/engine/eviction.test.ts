import { describe, expect, test } from 'vitest'
import type { ConfigSettings } from '../../src/config/config.ts'
import { Bytes } from '../../src/util/bytes/bytes.ts'
import { createEngine, type TestClient, type TestEngine } from '../support/engine.ts'

describe('maxmemory', () => {
  test('above it, commands that may use memory are refused and others go on', () => {
    const { connect } = createEngine()
    const client = connect()
    client.ask('SET', 'a', 'x'.repeat(5000))
    expect(client.ask('CONFIG', 'SET', 'maxmemory', '1000')).toBe('+OK\r\n')
    expect(client.ask('SET', 'b', 'y')).toBe("-OOM command not allowed when used memory > 'maxmemory'.\r\n")
    expect(client.ask('EXISTS', 'a')).toBe(':1\r\n')
    expect(client.ask('DEL', 'a')).toBe(':1\r\n')
    expect(client.ask('CONFIG', 'SET', 'maxmemory', '0')).toBe('+OK\r\n')
    expect(client.ask('SET', 'b', 'y')).toBe('+OK\r\n')
  })

  test('a limit that is not reached refuses nothing', () => {
    const client = createEngine({ maxmemory: '1gb' }).connect()
    expect(client.ask('SET', 'b', 'y')).toBe('+OK\r\n')
  })

  test('is in force from the start when it is configured', () => {
    const client = createEngine({ maxmemory: '1' }).connect()
    expect(client.ask('SET', 'a', 'x')).toMatch(/^-OOM /)
  })

  test('that what is beside the data passes alone evicts every key, and refuses writes', () => {
    const { clock, connect, engine } = createEngine({ 'maxmemory-policy': 'allkeys-lru' })
    const client = connect()
    fill(client, 'k', 300)
    engine.config.set('maxmemory', String(engine.clients.memory.bytes - 1))
    clock.advance(10)
    expect(client.ask('DBSIZE')).toBe(':0\r\n')
    expect(client.ask('SET', 'a', 'x')).toBe("-OOM command not allowed when used memory > 'maxmemory'.\r\n")
    expect(client.ask('GET', 'a')).toBe('$-1\r\n')
  })
})

/** Sets `count` keys of a KiB each, named prefix0, prefix1, … */
function fill(client: TestClient, prefix: string, count: number, ...options: string[]): void {
  for (let i = 0; i < count; i++) client.ask('SET', `${prefix}${i}`, 'x'.repeat(1024), ...options)
}

/** Names of the keys that are there, sorted. */
function names({ engine }: TestEngine, database = 0): string[] {
  const db = engine.databases[database]!
  const found: string[] = []
  const window = new Bytes()
  for (let entry = 0; entry < db.keys.entriesEnd; entry++) {
    if (db.keys.isLive(entry)) found.push(db.keys.keyOf(entry, window).toString())
  }
  return found.sort()
}

/** Lowers the limit by `bytes` from what is used, and lets what follows from it happen. */
function squeeze({ engine, clock }: TestEngine, bytes: number): void {
  engine.config.set('maxmemory', String(engine.upkeep.memory.boundedBytes - bytes))
  clock.advance(1)
}

describe('eviction', () => {
  /** Looks at so many keys that the choice is exact. */
  const exact = (policy: string): ConfigSettings => ({ 'maxmemory-policy': policy, 'maxmemory-samples': '1000' })

  test('makes room before a command and stops as soon as there is enough', () => {
    const run = createEngine(exact('allkeys-lru'))
    const client = run.connect()
    fill(client, 'k', 50)
    squeeze(run, 0)
    expect(names(run)).toHaveLength(50)
    squeeze(run, 1)
    expect(names(run)).toHaveLength(49)
    // Within the limit again: the next key passes it, the one after finds no room.
    expect(client.ask('SET', 'k50', 'x'.repeat(1024))).toBe('+OK\r\n')
    expect(client.ask('SET', 'k51', 'x'.repeat(1024))).toBe('+OK\r\n')
    expect(run.engine.upkeep.memory.boundedBytes).toBeGreaterThan(run.engine.config.get('maxmemory'))
    expect(client.ask('PING')).toBe('+PONG\r\n')
    expect(run.engine.upkeep.memory.boundedBytes).toBeLessThanOrEqual(run.engine.config.get('maxmemory'))
  })

  test('is journaled as DEL before the command that needed room, told as an event, counted, and breaks WATCH', () => {
    const run = createEngine({ ...exact('allkeys-random'), 'notify-keyspace-events': 'Ee' })
    const client = run.connect()
    const watcher = run.connect()
    const subscriber = run.connect()
    const gate: string[] = []
    run.engine.data.dataset.on.beforeChange.add((db, entry) => {
      gate.push(db.keys.keyOf(entry, new Bytes()).toString())
    })
    client.ask('SELECT', '3')
    client.ask('SET', 'old', 'x'.repeat(1024))
    watcher.ask('SELECT', '3')
    watcher.ask('WATCH', 'old')
    subscriber.ask('SUBSCRIBE', '__keyevent@3__:evicted')
    run.journal.take()
    run.engine.config.set('maxmemory', String(run.engine.upkeep.memory.boundedBytes - 1))
    expect(client.ask('SET', 'new', 'y')).toBe('+OK\r\n')
    expect(gate).toEqual(['old'])
    expect(run.journal.take()).toEqual(['3 DEL old', '3 SET new y'])
    expect(subscriber.received()).toBe('*3\r\n$7\r\nmessage\r\n$22\r\n__keyevent@3__:evicted\r\n$3\r\nold\r\n')
    expect(run.engine.figures.stats.evictedKeys).toBe(1)
    watcher.ask('MULTI')
    expect(watcher.ask('EXEC')).toBe('*-1\r\n')
  })

  test('is journaled as UNLINK where evicted values are freed in the background', () => {
    const run = createEngine({ ...exact('allkeys-random'), 'lazyfree-lazy-eviction': 'yes' })
    const client = run.connect()
    client.ask('SET', 'old', 'x'.repeat(1024))
    run.journal.take()
    squeeze(run, 1)
    expect(run.journal.take()).toEqual(['0 UNLINK old'])
  })

  test('allkeys-lru takes what was not used for longest, in whatever database', () => {
    const run = createEngine(exact('allkeys-lru'))
    const client = run.connect()
    fill(client, 'a', 10)
    client.ask('SELECT', '1')
    run.clock.advance(10_000)
    fill(client, 'b', 10)
    run.clock.advance(10_000)
    client.ask('SELECT', '0')
    for (let i = 0; i < 5; i++) client.ask('GET', `a${i}`)
    squeeze(run, 8 * 1024)
    expect(names(run).slice(0, 5)).toEqual(['a0', 'a1', 'a2', 'a3', 'a4'])
    expect(names(run)).toHaveLength(5)
    // Then, of those of the same age, whichever.
    expect(names(run, 1)).toHaveLength(8)
  })

  test('believes the pool only as long as a key was not used since', () => {
    const run = createEngine(exact('allkeys-lru'))
    const client = run.connect()
    fill(client, 'k', 10)
    run.clock.advance(10_000)
    // Ten candidates of the same age enter the pool, one goes.
    squeeze(run, 1)
    const left = names(run)
    for (const name of left.slice(1)) client.ask('GET', name)
    squeeze(run, 1)
    expect(names(run)).toEqual(left.slice(1))
  })

  test('approximates with few samples: most of what goes is old', () => {
    const run = createEngine({ 'maxmemory-policy': 'allkeys-lru' })
    const client = run.connect()
    fill(client, 'old', 200)
    run.clock.advance(60_000)
    fill(client, 'new', 200)
    squeeze(run, 100 * 1024)
    const left = names(run)
    expect(left.length).toBeLessThan(320)
    expect(left.filter((name) => name.startsWith('new')).length).toBeGreaterThan(190)
  })

  test('allkeys-lfu takes what is used least, and a count that rested counts less', () => {
    const run = createEngine({ ...exact('allkeys-lfu'), 'lfu-log-factor': '0' })
    const client = run.connect()
    fill(client, 'k', 4)
    for (let i = 0; i < 20; i++) client.ask('GET', 'k0')
    run.clock.advance(15 * 60_000)
    for (let i = 0; i < 15; i++) client.ask('GET', 'k1')
    client.ask('GET', 'k2')
    squeeze(run, 1)
    expect(names(run)).toEqual(['k0', 'k1', 'k2'])
    squeeze(run, 1)
    // k2: 5 - 5 + 1; k0: 25 - 15; k1: 15.
    expect(names(run)).toEqual(['k0', 'k1'])
    squeeze(run, 1)
    expect(names(run)).toEqual(['k1'])
  })

  test('allkeys-random takes from every database in turn', () => {
    const run = createEngine(exact('allkeys-random'))
    const client = run.connect()
    fill(client, 'a', 20)
    client.ask('SELECT', '5')
    fill(client, 'b', 20)
    squeeze(run, 10 * 1024)
    const evicted = [20 - names(run).length, 20 - names(run, 5).length]
    expect(Math.abs(evicted[0]! - evicted[1]!)).toBeLessThanOrEqual(1)
    expect(Math.min(...evicted)).toBeGreaterThan(3)
  })

  test('volatile-ttl takes what expires soonest', () => {
    const run = createEngine(exact('volatile-ttl'))
    const client = run.connect()
    for (const [name, seconds] of [
      ['c', '300'],
      ['a', '100'],
      ['d', '400'],
      ['b', '200'],
    ]) {
      client.ask('SET', name!, 'x'.repeat(1024), 'EX', seconds!)
    }
    client.ask('SELECT', '2')
    client.ask('SET', 'first', 'x'.repeat(1024), 'EX', '50')
    client.ask('SET', 'last', 'x'.repeat(1024), 'EX', '5000')
    squeeze(run, 2 * 1024)
    expect([names(run), names(run, 2)]).toEqual([['b', 'c', 'd'], ['last']])
    squeeze(run, 2 * 1024)
    expect([names(run), names(run, 2)]).toEqual([['d'], ['last']])
  })

  for (const policy of ['volatile-lru', 'volatile-lfu', 'volatile-random', 'volatile-ttl']) {
    test(`${policy} leaves keys that never expire alone, and refuses writes when only they are left`, () => {
      const run = createEngine(exact(policy))
      const client = run.connect()
      fill(client, 'stay', 5)
      run.clock.advance(10_000)
      fill(client, 'go', 5, 'EX', '1000')
      client.ask('PERSIST', 'go0')
      run.engine.config.set('maxmemory', '1000')
      expect(client.ask('SET', 'k', 'v')).toBe("-OOM command not allowed when used memory > 'maxmemory'.\r\n")
      expect(names(run)).toEqual(['go0', 'stay0', 'stay1', 'stay2', 'stay3', 'stay4'])
      expect(client.ask('STRLEN', 'go0')).toBe(':1024\r\n')
    })
  }

  test('of very many keys is done in parts, without another command', () => {
    const run = createEngine(exact('allkeys-random'))
    const client = run.connect()
    for (let i = 0; i < 1000; i++) client.ask('SET', `k${i}`, 'v')
    run.engine.config.set('maxmemory', '1')
    expect(client.ask('SET', 'k', 'v')).toBe('+OK\r\n')
    const { size } = run.engine.databases[0]!
    expect(size).toBeGreaterThan(500)
    expect(size).toBeLessThan(1000)
    run.clock.advance(1)
    expect(run.engine.databases[0]!.size).toBe(0)
    expect(run.engine.figures.stats.evictedKeys).toBe(1001)
  })

  test('waits while clients are paused', () => {
    const run = createEngine(exact('allkeys-lru'))
    const client = run.connect()
    fill(client, 'k', 5)
    client.ask('CLIENT', 'PAUSE', '1000', 'WRITE')
    run.engine.config.set('maxmemory', '1')
    expect(client.ask('GET', 'none')).toBe('$-1\r\n')
    expect(names(run)).toHaveLength(5)
    run.clock.advance(1001)
    client.ask('PING')
    expect(names(run)).toHaveLength(0)
  })

  test('happens before EXEC, not inside it', () => {
    const run = createEngine(exact('allkeys-lru'))
    const client = run.connect()
    fill(client, 'k', 2)
    run.clock.advance(10_000)
    client.ask('MULTI')
    client.ask('SET', 'a', 'x'.repeat(4096))
    client.ask('SET', 'b', 'y')
    run.journal.take()
    run.engine.config.set('maxmemory', String(run.engine.upkeep.memory.boundedBytes - 1))
    expect(client.ask('EXEC')).toBe('*2\r\n+OK\r\n+OK\r\n')
    const lines = run.journal.take()
    expect(lines[0]).toMatch(/^0 DEL k[01]$/)
    expect(lines.slice(1).map((line) => line.slice(0, 7))).toEqual(['MULTI', '0 SET a', '0 SET b', 'EXEC'])
  })
})

test.each(['allkeys-lru', 'volatile-lfu', 'volatile-random'])(
  'under %s the unread replies of many clients evict keys, and no write is refused while there are some',
  (policy) => {
    const CLIENTS = 40
    const run = createEngine({ 'maxmemory-policy': policy })
    const { connect, engine } = run
    const client = connect()
    fill(client, 'k', 3000, 'EX', '1000')
    client.ask('SET', 'large', 'x'.repeat(20_000))
    const readers = Array.from({ length: CLIENTS }, () => connect())
    const limit = engine.upkeep.memory.boundedBytes + 50_000
    client.ask('CONFIG', 'SET', 'maxmemory', limit)
    for (const [i, reader] of readers.entries()) {
      reader.write = (bytes) => {
        reader.backlogBytes += bytes.length
        return false
      }
      reader.ask('GET', 'large')
      reader.ask('GET', 'large')
      expect(client.ask('SET', `new${i}`, 'x'.repeat(1024), 'EX', '1000')).toBe('+OK\r\n')
    }
    expect(engine.clients.memory.bytes).toBeGreaterThan(CLIENTS * 20_000)
    expect(engine.upkeep.memory.boundedBytes).toBeLessThan(limit + 100_000)
    expect(engine.figures.stats.evictedKeys).toBeGreaterThan(500)
    expect(Number(client.ask('DBSIZE').slice(1))).toBeGreaterThan(500)
  },
)

describe('an LFU policy', () => {
  function frequency(reply: string): number {
    return Number(/^:(\d+)\r\n$/.exec(reply)?.[1])
  }

  test('counts the use of a key, ever more slowly, and forgets with time', () => {
    const { clock, connect } = createEngine({ 'maxmemory-policy': 'allkeys-lfu' })
    const client = connect()
    client.ask('SET', 'a', 'b')
    const first = frequency(client.ask('OBJECT', 'FREQ', 'a'))
    for (let i = 0; i < 1000; i++) client.ask('GET', 'a')
    const used = frequency(client.ask('OBJECT', 'FREQ', 'a'))
    expect(first).toBe(5)
    // With the default factor a thousand uses make about 18.
    expect(used).toBeGreaterThan(10)
    expect(used).toBeLessThan(30)
    clock.advance(5 * 60_000)
    client.ask('GET', 'a')
    const rested = frequency(client.ask('OBJECT', 'FREQ', 'a'))
    expect([used - 5, used - 4]).toContain(rested)
  })

  test('shows what time took from a count before the key is used again', () => {
    const { clock, connect } = createEngine({ 'maxmemory-policy': 'allkeys-lfu', 'lfu-decay-time': '2' })
    const client = connect()
    client.ask('SET', 'a', 'b')
    expect(frequency(client.ask('OBJECT', 'FREQ', 'a'))).toBe(5)
    clock.advance(4 * 60_000)
    expect(frequency(client.ask('OBJECT', 'FREQ', 'a'))).toBe(3)
    client.ask('CONFIG', 'SET', 'lfu-decay-time', '0')
    expect(frequency(client.ask('OBJECT', 'FREQ', 'a'))).toBe(5)
  })

  test('that is taken back stops the counting', () => {
    const { engine, connect } = createEngine({ 'maxmemory-policy': 'volatile-lfu' })
    expect(engine.data.dataset.use.frequency).not.toBeNull()
    connect().ask('CONFIG', 'SET', 'maxmemory-policy', 'noeviction')
    expect(engine.data.dataset.use.frequency).toBeNull()
  })
})
