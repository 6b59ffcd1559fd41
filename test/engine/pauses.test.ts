// However large what goes, and by whichever way: no round of freeing or expiring lasts long, by a clock that work moves.

import { describe, expect, test } from 'vitest'
import type { Engine } from '../../src/engine/engine.ts'
import { Arena } from '../../src/store/memory/arena.ts'
import { createEngine, type TestClient } from '../support/engine.ts'
import { callsOf, replaceMethod } from '../support/replace-method.ts'

/** By the time that a block takes, going at once would take them more than ten times the longest pause. */
const COUNT = 4000
const MEMBERS = Array.from({ length: COUNT }, (_, i) => `m${i}`)
/** What a block takes to be freed on a machine so slow that a million would stop it for seconds. */
const MS_PER_BLOCK = 0.01
const PAUSE_MS_MAX = 3

/** An engine whose clock goes on by the work done: each block that is given back takes its time. Rounds are measured. */
function createSlowEngine(settings: Parameters<typeof createEngine>[0] = {}) {
  const made = createEngine(settings)
  const { clock } = made
  let workMs = 0
  const rounds: number[] = []
  replaceMethod(
    Arena.prototype,
    'free',
    (free) =>
      function (this: Arena, ref) {
        workMs += MS_PER_BLOCK
        return free.call(this, ref)
      },
  )
  replaceMethod(clock, 'monotonic', (monotonic) => () => monotonic.call(clock) + workMs)
  const measured = (run: () => void) => (): void => {
    const before = workMs
    run()
    rounds.push(workMs - before)
  }
  replaceMethod(clock, 'after', (after) => (delayMs, run) => after.call(clock, delayMs, measured(run)))
  // What a round leaves goes on after this turn of the loop.
  const { later } = made.engine.environment
  Object.assign(made.engine.environment, { later: (run: () => void) => later(measured(run)) })
  return { ...made, rounds, work: () => workMs }
}

function pendingObjects(engine: Engine): number {
  return engine.databases.reduce((sum, { lazyFree }) => sum + lazyFree.pending, 0)
}

const MAKE: Record<string, (c: TestClient) => void> = {
  set: (c) => c.ask('SADD', 'k', ...MEMBERS),
  hash: (c) => c.ask('HSET', 'k', ...MEMBERS.flatMap((m) => [m, m])),
  'hash with expiries': (c) => {
    c.ask('HSET', 'k', ...MEMBERS.flatMap((m) => [m, m]))
    c.ask('HEXPIRE', 'k', 1000, 'FIELDS', COUNT, ...MEMBERS)
  },
  'sorted set': (c) => c.ask('ZADD', 'k', ...MEMBERS.flatMap((m, i) => [i, m])),
  list: (c) => c.ask('RPUSH', 'k', ...MEMBERS),
  stream: (c) => {
    for (let i = 0; i < COUNT; i++) c.ask('XADD', 'k', `${i + 1}-0`, 'field', MEMBERS[i]!)
  },
  'stream of which only pending entries are left': (c) => {
    for (let i = 0; i < COUNT; i++) c.ask('XADD', 'k', `${i + 1}-0`, 'field', MEMBERS[i]!)
    c.ask('XGROUP', 'CREATE', 'k', 'g', 0)
    c.ask('XREADGROUP', 'GROUP', 'g', 'c', 'STREAMS', 'k', '>')
    c.ask('XTRIM', 'k', 'MAXLEN', 0)
  },
}

const REMOVE: Record<string, (c: TestClient) => void> = {
  DEL: (c) => expect(c.ask('DEL', 'k')).toBe(':1\r\n'),
  UNLINK: (c) => expect(c.ask('UNLINK', 'k')).toBe(':1\r\n'),
  'SET over it': (c) => expect(c.ask('SET', 'k', 'v')).toBe('+OK\r\n'),
  'RENAME onto it': (c) => expect(c.ask('RENAME', 'small', 'k')).toBe('+OK\r\n'),
  'a STORE onto it': (c) => expect(c.ask('SUNIONSTORE', 'k', 'small')).toBe(':1\r\n'),
  'a STORE of nothing onto it': (c) => expect(c.ask('ZUNIONSTORE', 'k', 1, 'none')).toBe(':0\r\n'),
  'SORT … STORE onto it': (c) => expect(c.ask('SORT', 'small', 'ALPHA', 'STORE', 'k')).toBe(':1\r\n'),
  'COPY … REPLACE onto it': (c) => expect(c.ask('COPY', 'small', 'k', 'REPLACE')).toBe(':1\r\n'),
  'RESTORE … REPLACE onto it': (c) => {
    const payload = c
      .ask('DUMP', 'small')
      .replace(/^\$\d+\r\n/, '')
      .slice(0, -2)
    expect(c.ask('RESTORE', 'k', 0, payload, 'REPLACE')).toBe('+OK\r\n')
  },
  'EXPIREAT in the past': (c) => expect(c.ask('EXPIREAT', 'k', 1)).toBe(':1\r\n'),
}

describe.each(Object.entries(MAKE))('a %s of many elements', (_type, make) => {
  test.each(Object.entries(REMOVE))('goes by %s without a pause', (_way, remove) => {
    const { engine, clock, connect, rounds, work } = createSlowEngine()
    const c = connect()
    c.ask('SADD', 'small', 'a')
    make(c)
    const before = work()
    remove(c)
    expect(work() - before).toBeLessThan(PAUSE_MS_MAX)
    expect(pendingObjects(engine)).toBe(1)
    clock.advance(1000)
    expect(pendingObjects(engine)).toBe(0)
    expect(Math.max(...rounds)).toBeLessThan(PAUSE_MS_MAX)
  })

  test('expires without a pause', () => {
    const { engine, clock, connect, rounds } = createSlowEngine()
    const c = connect()
    make(c)
    c.ask('PEXPIRE', 'k', 100)
    rounds.length = 0
    clock.advance(200)
    expect(c.ask('EXISTS', 'k')).toBe(':0\r\n')
    expect(pendingObjects(engine)).toBe(0)
    expect(Math.max(...rounds)).toBeLessThan(PAUSE_MS_MAX)
  })

  test('is evicted without a pause', () => {
    const { engine, clock, connect, rounds, work } = createSlowEngine({ 'maxmemory-policy': 'allkeys-lru' })
    const c = connect()
    make(c)
    const before = work()
    c.ask('CONFIG', 'SET', 'maxmemory', 1)
    c.ask('SET', 'other', 'v')
    expect(work() - before).toBeLessThan(PAUSE_MS_MAX)
    clock.advance(1000)
    expect(c.ask('EXISTS', 'k')).toBe(':0\r\n')
    expect(pendingObjects(engine)).toBe(0)
    expect(Math.max(...rounds)).toBeLessThan(PAUSE_MS_MAX)
  })

  test.each(['SYNC', 'ASYNC'])('goes by FLUSHALL %s without a visit to any element', (how) => {
    const { engine, connect, work } = createSlowEngine()
    const c = connect()
    make(c)
    const before = work()
    expect(c.ask('FLUSHALL', how)).toBe('+OK\r\n')
    expect(work()).toBe(before)
    expect(pendingObjects(engine)).toBe(0)
  })
})

test.each([
  ['ZREMRANGEBYRANK', 'k', 0, -1],
  ['ZREMRANGEBYSCORE', 'k', '-inf', '+inf'],
  ['ZREMRANGEBYLEX', 'k', '-', '+'],
  ['ZPOPMIN', 'k', COUNT],
  ['ZPOPMAX', 'k', COUNT],
])('a sorted set that %s empties goes as a whole', (...words) => {
  const { engine, clock, connect, work } = createSlowEngine({ 'notify-keyspace-events': 'Kgz' })
  const c = connect()
  MAKE['sorted set']!(c)
  const listener = connect()
  listener.ask('SUBSCRIBE', '__keyspace@0__:k')
  const before = work()
  c.ask(...words)
  expect(work() - before).toBeLessThan(PAUSE_MS_MAX)
  expect(c.ask('EXISTS', 'k')).toBe(':0\r\n')
  expect([...listener.received().matchAll(/\r\n(z\w+|del)\r\n/g)].map(([, event]) => event)).toEqual([
    words[0]!.toString().toLowerCase(),
    'del',
  ])
  clock.advance(1000)
  expect(pendingObjects(engine)).toBe(0)
})

test('a string of 100 MB goes without a visit to its bytes', () => {
  const { connect, work } = createSlowEngine()
  const c = connect()
  const reads = callsOf(Buffer.prototype, 'copy')
  c.ask('SETRANGE', 'k', 100 * 1024 * 1024, 'x')
  const before = work()
  reads.length = 0
  expect(c.ask('DEL', 'k')).toBe(':1\r\n')
  expect(work() - before).toBeLessThan(1)
  expect(reads).toEqual([])
})

test('many keys that expire at once leave in rounds that the clock bounds', () => {
  const { clock, connect, engine, rounds } = createSlowEngine()
  const { databases } = engine
  const c = connect()
  for (const member of MEMBERS) c.ask('SET', member, 'v'.repeat(100), 'PX', 100)
  for (const member of MEMBERS.slice(0, 2000)) c.ask('HSET', `hash ${member}`, 'f', 'v')
  for (const member of MEMBERS.slice(0, 2000)) c.ask('HPEXPIRE', `hash ${member}`, 100, 'FIELDS', 1, 'f')
  rounds.length = 0
  clock.advance(200)
  while (rounds.length < 1000 && databases[0]!.size > 0) c.received()
  expect(c.ask('DBSIZE')).toBe(':0\r\n')
  expect(rounds.length).toBeGreaterThan(10)
  expect(Math.max(...rounds)).toBeLessThan(PAUSE_MS_MAX)
})
