import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { loadSnapshot } from '../../src/persistence/snapshot/load-snapshot.ts'
import { dump } from '../support/dump.ts'
import { createEngine, type TestClient } from '../support/engine.ts'
import type { MemoryDisk } from '../support/memory-disk.ts'
import { type SavingEngine, startSaving } from '../support/saving.ts'

const FILE = '/data/dump.rdb'
const STARTED = '+Background saving started\r\n'

/** What an engine holds that loads a disk's snapshot. */
async function loaded(disk: MemoryDisk): Promise<Record<string, string>> {
  const { engine } = createEngine({ dir: '/data' })
  await loadSnapshot(engine, disk.copy())
  return dump(engine)
}

function fill(client: TestClient): void {
  for (let i = 0; i < 200; i++) client.ask('SET', `string:${i}`, 'x'.repeat(i % 100) + i)
  for (let i = 0; i < 20; i++) {
    client.ask('RPUSH', `list:${i}`, ...Array.from({ length: i + 1 }, (_, k) => `e${k}`))
    client.ask('HSET', `hash:${i}`, 'f', '1', 'g', `${i}`)
    client.ask('SADD', `set:${i}`, 'a', 'b', `${i}`)
    client.ask('ZADD', `zset:${i}`, '1', 'a', `${i}.5`, 'b')
    client.ask('XADD', `stream:${i}`, '5-1', 'f', `${i}`)
    client.ask('XGROUP', 'CREATE', `stream:${i}`, 'group', '0')
    client.ask('SET', `volatile:${i}`, '1', 'PX', `${1000 + i * 50}`)
    client.ask('HSET', `fields:${i}`, 'stays', '1', 'goes', '2')
    client.ask('HPEXPIRE', `fields:${i}`, `${900 + i * 60}`, 'FIELDS', '1', 'goes')
  }
}

const many = (count: number): string[] => Array.from({ length: count }, (_, i) => `element ${i}`)

/** A list, a set and a string that are written in steps. */
function fillLarge(client: TestClient): void {
  client.ask('RPUSH', 'large list', ...many(5000))
  client.ask('SADD', 'large set', ...many(3000))
  client.ask('SET', 'large string', 'abc'.repeat(200_000))
}

/** Runs slices until the client's request has run. */
function untilHeard({ slice }: SavingEngine, client: TestClient): void {
  for (let i = 0; client.client.paused && i < 10_000; i++) slice()
  expect(client.client.paused).toBe(false)
}

describe('a snapshot', () => {
  test('is the state at its beginning, whatever is done meanwhile', async () => {
    const started = await startSaving({ tickMs: 0.6 })
    const { connect, engine, disk, slice, finish } = started
    const client = connect()
    fill(client)
    const before = dump(engine)
    expect(client.ask('BGSAVE')).toBe(STARTED)
    for (let i = 0; i < 20; i++) {
      client.ask('SET', `string:${i * 10}`, 'changed')
      client.ask('DEL', `list:${i}`)
      client.ask('APPEND', `string:${199 - i}`, 'more')
      client.ask('SET', `new:${i}`, 'not in it')
      client.ask('RENAME', `hash:${i}`, `renamed:${i}`)
      if (i % 8 === 0) slice()
    }
    expect(engine.data.dataset.reports.beforeChange).not.toBeNull()
    await finish()
    expect(await loaded(disk)).toEqual(before)
    expect(engine.data.dataset.reports.beforeChange).toBeNull()
  })

  test('is the state at its beginning, under random commands', async () => {
    const key = fc.oneof(
      fc.nat(30).map((i) => `string:${i * 7}`),
      fc
        .constantFrom('list', 'hash', 'set', 'zset', 'stream', 'volatile', 'fields')
        .chain((type) => fc.nat(19).map((i) => `${type}:${i}`)),
      fc.constantFrom('large list', 'large set', 'large string', 'new'),
    )
    const value = fc.string({ maxLength: 40, unit: 'binary-ascii' })
    const command = fc.oneof(
      fc.tuple(fc.constantFrom('SET', 'APPEND', 'LPUSH', 'RPUSH', 'SADD', 'SREM', 'GETSET', 'PFADD'), key, value),
      fc.tuple(
        fc.constantFrom('DEL', 'UNLINK', 'LPOP', 'RPOP', 'SPOP', 'INCR', 'PERSIST', 'GETDEL', 'ZPOPMIN', 'TOUCH'),
        key,
      ),
      fc
        .tuple(fc.constantFrom('RENAME', 'COPY', 'RPOPLPUSH', 'SDIFFSTORE', 'ZUNIONSTORE', 'SMOVE'), key, key)
        .map((words) =>
          words[0] === 'SMOVE'
            ? [...words, 'a']
            : words[0] === 'ZUNIONSTORE'
              ? [words[0], words[1], '1', words[2]]
              : words,
        ),
      fc.tuple(fc.constant('SETRANGE'), key, fc.constant('2'), value),
      fc.tuple(fc.constant('HSET'), key, value, value),
      fc.tuple(fc.constant('HDEL'), key, fc.constantFrom('f', 'goes')),
      fc.tuple(fc.constant('ZADD'), key, fc.constantFrom('1', '2.5', '-3'), value),
      fc.tuple(fc.constant('LSET'), key, fc.constant('0'), value),
      fc.tuple(fc.constant('XADD'), key, fc.constant('*'), fc.constant('f'), value),
      fc.tuple(
        fc.constant('XREADGROUP'),
        fc.constant('GROUP'),
        fc.constant('group'),
        fc.constant('me'),
        fc.constant('STREAMS'),
        key,
        fc.constant('>'),
      ),
      fc.tuple(fc.constant('PEXPIRE'), key, fc.constantFrom('1', '500', '5000')),
      fc.tuple(fc.constant('MOVE'), key, fc.constantFrom('1', '2')),
      fc.tuple(fc.constant('SORT'), key, fc.constant('ALPHA'), fc.constant('STORE'), key),
      fc.constantFrom(
        ['FLUSHDB'],
        ['FLUSHALL'],
        ['SWAPDB', '0', '1'],
        ['SWAPDB', '1', '2'],
        ['SELECT', '0'],
        ['SELECT', '1'],
      ),
      fc.constantFrom(['MULTI'], ['EXEC']),
      // What a script does not declare it is not made to wait for.
      fc
        .oneof(
          fc.tuple(fc.constantFrom('DEL', 'UNLINK', 'LPOP', 'SPOP', 'GETDEL'), key),
          fc.tuple(fc.constantFrom('RENAME', 'SUNIONSTORE', 'RPOPLPUSH'), key, key),
          fc.tuple(fc.constant('COPY'), key, key, fc.constant('REPLACE')),
          fc.tuple(fc.constantFrom('SET', 'APPEND', 'GETSET', 'RPUSH', 'SADD'), key, value),
          fc.tuple(fc.constant('PEXPIRE'), key, fc.constantFrom('-1', '500')),
        )
        .map((words) => ['EVAL', 'return redis.pcall(unpack(ARGV))', '0', ...words]),
    )
    const step = fc.oneof(
      { weight: 6, arbitrary: command },
      fc.constant('slice' as const),
      fc.constant('time' as const),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 80 }), fc.boolean(), async (steps, withLarge) => {
        const started = await startSaving({ tickMs: 0.4 })
        const { connect, engine, clock, disk, slice, finish } = started
        const client = connect()
        fill(client)
        if (withLarge) fillLarge(client)
        client.ask('SELECT', '1')
        client.ask('MSET', 'string:7', 'one', 'other', '1')
        client.ask('SELECT', '0')
        const before = dump(engine)
        expect(client.ask('BGSAVE')).toBe(STARTED)
        for (const word of steps) {
          if (word === 'slice') slice()
          else if (word === 'time') clock.advance(700)
          else client.ask(...(word as string[]))
          untilHeard(started, client)
        }
        await finish()
        expect(engine.parts.saving!.status.lastSaveOk).toBe(true)
        expect(await loaded(disk)).toEqual(before)
      }),
      { numRuns: 30 },
    )
  })

  test('of an emptied database goes on with what was in it', async () => {
    const { connect, engine, disk, slice, finish } = await startSaving({ tickMs: 0.6 })
    const client = connect()
    fill(client)
    const before = dump(engine)
    client.ask('BGSAVE')
    slice()
    client.ask('FLUSHALL')
    client.ask('SET', 'string:3', 'new')
    expect(client.ask('DBSIZE')).toBe(':1\r\n')
    await finish()
    expect(await loaded(disk)).toEqual(before)
  })

  test('holds nothing of what it was about when it is done', async () => {
    const { connect, engine, finish } = await startSaving()
    const client = connect()
    fill(client)
    client.ask('BGSAVE')
    await finish()
    client.ask('FLUSHALL')
    expect([
      engine.data.dataset.reports.beforeChange,
      engine.data.dataset.reports.emptied,
      engine.data.dataset.usedBytes,
    ]).toEqual([null, null, 0])
  })

  test('rests while much waits for the disk', async () => {
    const { connect, engine, disk, slice, finish } = await startSaving({
      settings: { rdbcompression: 'no' },
      tickMs: 0.6,
    })
    const client = connect()
    for (let i = 0; i < 150; i++) client.ask('SET', `k${i}`, 'x'.repeat(100_000))
    disk.held = true
    client.ask('BGSAVE')
    for (let i = 0; i < 200; i++) slice()
    const { keysProcessed } = engine.parts.saving!.status
    expect(keysProcessed).toBeLessThan(150)
    for (let i = 0; i < 50; i++) slice()
    expect(engine.parts.saving!.status.keysProcessed).toBe(keysProcessed)
    disk.held = false
    await disk.release()
    await finish()
    expect(Object.keys(await loaded(disk))).toHaveLength(150)
  })

  test('takes a tenth of the time while clients are busy, all of it while they are not', async () => {
    const { connect, engine, clock, slice } = await startSaving()
    let now = 0
    clock.monotonic = () => now
    const client = connect()
    for (let i = 0; i < 2000; i++) client.ask('SET', `k${i}`, 'v')
    client.ask('BGSAVE')
    // From here on each look at the clock takes half a millisecond.
    clock.monotonic = () => (now += 0.5)
    slice()
    const walked = (): number => engine.parts.saving!.status.keysProcessed
    while (walked() === 0) slice()
    let slices = 0
    for (let i = 0; i < 20; i++) {
      const before = walked()
      client.ask('PING')
      slice()
      if (walked() > before) slices++
    }
    expect(slices).toBeGreaterThan(0)
    expect(slices).toBeLessThan(10)
    const before = walked()
    slice()
    slice()
    expect(walked()).toBeGreaterThan(before)
  })
})

describe('a large value', () => {
  test('is written in steps, while others are heard', async () => {
    const { connect, engine, disk, slice, finish } = await startSaving({ tickMs: 0.6 })
    const client = connect()
    fillLarge(client)
    fill(client)
    const before = dump(engine)
    client.ask('BGSAVE')
    let turns = 0
    while (engine.parts.saving!.status.keysProcessed < 3) {
      slice()
      expect(client.ask('SET', 'string:1', `${++turns}`)).toBe('+OK\r\n')
    }
    expect(turns).toBeGreaterThan(20)
    await finish()
    expect(await loaded(disk)).toEqual(before)
  })

  test.each([
    ['LPUSH', 'large list', 'x'],
    ['DEL', 'small', 'large list'],
    ['SADD', 'large set', 'x'],
    ['APPEND', 'large string', 'x'],
    ['SET', 'large string', 'x'],
    ['SMOVE', 'large set', 'small set', 'element 1'],
    ['RENAME', 'large list', 'other'],
  ])('is not changed by %s before it is written: the client waits, reads do not', async (...words) => {
    const started = await startSaving({ tickMs: 0.6 })
    const { connect, disk, engine, finish } = started
    const writer = connect()
    fillLarge(writer)
    writer.ask('SET', 'small', '1')
    const before = dump(engine)
    writer.ask('BGSAVE')
    expect(writer.ask(...words)).toBe('')
    expect(writer.ask('PING')).toBe('')
    const reader = connect()
    expect(reader.ask('LLEN', 'large list')).toBe(':5000\r\n')
    expect(reader.ask('SCARD', 'large set')).toBe(':3000\r\n')
    expect(reader.ask('STRLEN', 'large string')).toBe(':600000\r\n')
    expect(reader.ask('SET', 'small', '2')).toBe('+OK\r\n')
    untilHeard(started, writer)
    const replies = writer.received()
    expect(replies).toMatch(/^[:+].*\r\n\+PONG\r\n$/)
    await finish()
    expect(await loaded(disk)).toEqual(before)
  })

  test('is waited for by EXEC, and those who wait go on in order', async () => {
    const started = await startSaving({ tickMs: 0.6 })
    const { connect, disk, engine, finish, slice } = started
    const one = connect()
    const other = connect()
    fillLarge(one)
    const before = dump(engine)
    one.ask('MULTI')
    one.ask('RPUSH', 'large list', 'one')
    one.ask('PING')
    other.ask('BGSAVE')
    slice()
    expect(one.ask('EXEC')).toBe('')
    expect(other.ask('RPUSH', 'large list', 'other')).toBe('')
    untilHeard(started, other)
    expect(one.received()).toBe('*2\r\n:5001\r\n+PONG\r\n')
    expect(other.received()).toBe(':5002\r\n')
    await finish()
    expect(await loaded(disk)).toEqual(before)
  })

  test('is not mixed with what changes in other databases while it is written', async () => {
    const { connect, disk, engine, slice, finish } = await startSaving({ tickMs: 0.6 })
    const client = connect()
    const other = connect()
    fillLarge(client)
    fill(client)
    other.ask('SELECT', '3')
    for (let i = 0; i < 50; i++) other.ask('SET', `there:${i}`, 'before')
    const before = dump(engine)
    client.ask('BGSAVE')
    for (let i = 0; engine.parts.saving!.status.keysProcessed < 53 && i < 50; i++) {
      slice()
      other.ask('SET', `there:${i}`, 'after')
    }
    await finish()
    expect(await loaded(disk)).toEqual(before)
  })

  test('that expires is in the image', async () => {
    const { connect, disk, engine, clock, slice, finish } = await startSaving({ tickMs: 0.6 })
    const client = connect()
    fillLarge(client)
    client.ask('PEXPIRE', 'large list', '100')
    const before = dump(engine)
    client.ask('BGSAVE')
    slice()
    clock.advance(200)
    expect(client.ask('EXISTS', 'large list')).toBe(':0\r\n')
    await finish()
    expect(await loaded(disk)).toEqual(before)
  })

  test('that a script removes is in the image with its name, its expiries and its use', async () => {
    const settings = { 'maxmemory-policy': 'allkeys-lru' } as const
    const { connect, disk, engine, clock, finish } = await startSaving({ tickMs: 0.6, settings })
    const client = connect()
    // Longer than a block of the arena.
    const name = 'name '.repeat(20_000)
    client.ask('HSET', name, ...many(6000))
    client.ask('HPEXPIRE', name, '500000', 'FIELDS', '1', 'element 4')
    client.ask('PEXPIRE', name, '900000')
    clock.advance(70_000)
    const before = dump(engine)
    client.ask('BGSAVE')
    client.ask('EVAL', "return redis.call('UNLINK', ARGV[1])", '0', name)
    client.ask('SET', name, 'new')
    await finish()
    const after = await startSaving({ disk: disk.copy(), settings })
    expect(dump(after.engine)).toEqual(before)
    expect(after.connect().ask('OBJECT', 'IDLETIME', name)).toBe(':70\r\n')
  })

  test('is not waited for any more when it has expired', async () => {
    const { connect, disk, engine, clock, slice, finish } = await startSaving({ tickMs: 0.6 })
    const client = connect()
    fillLarge(client)
    client.ask('PEXPIRE', 'large list', '100')
    const before = dump(engine)
    client.ask('BGSAVE')
    slice()
    expect(client.ask('RPUSH', 'large list', 'new')).toBe('')
    clock.advance(200)
    expect(client.received()).toBe(':1\r\n')
    expect(engine.parts.saving!.status.keysProcessed).toBe(0)
    await finish()
    expect(await loaded(disk)).toEqual(before)
  })

  test('does not wait for a client that has gone', async () => {
    const { connect, disk, finish } = await startSaving({ tickMs: 0.6 })
    const client = connect()
    fillLarge(client)
    client.ask('BGSAVE')
    client.ask('DEL', 'large list')
    client.disconnect()
    await finish()
    expect(disk.files).toEqual([FILE])
  })
})
