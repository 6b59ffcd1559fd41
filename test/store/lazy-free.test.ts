import { describe, expect, test } from 'vitest'
import { Hash } from '../../src/store/hash/hash.ts'
import { List } from '../../src/store/list/list.ts'
import { Arena } from '../../src/store/memory/arena.ts'
import { LazyFree } from '../../src/store/memory/lazy-free.ts'
import { MemberSet } from '../../src/store/set/member-set.ts'
import { SortedSet } from '../../src/store/sorted-set/sorted-set.ts'
import { Stream } from '../../src/store/stream/stream.ts'
import { StreamGroup } from '../../src/store/stream/stream-group.ts'
import { StreamId } from '../../src/store/stream/stream-id.ts'
import { IndexCursor } from '../../src/store/stream/stream-index.ts'
import type { Value } from '../../src/store/structures/value.ts'
import { Bytes } from '../../src/util/bytes/bytes.ts'
import { createEngine } from '../support/engine.ts'
import { callsOf } from '../support/replace-method.ts'
import { structureHost } from '../support/structure-host.ts'

/** Whatever comes makes a table at once. */
const host = structureHost({ hash: { entries: 0 }, set: { integers: 0, entries: 0 }, sortedSet: { entries: 0 } })
const COUNT = 30_000

const MAKERS: [string, (arena: Arena) => Value][] = [
  ['a set', (arena) => fill(new MemberSet(arena, host), (set, text) => set.add(text))],
  ['a hash', (arena) => fill(new Hash(arena, host), (hash, text) => hash.set(text, text))],
  ['a sorted set', (arena) => fill(new SortedSet(arena, host), (set, text) => set.add(text, text.length))],
  ['a list', (arena) => fill(new List(arena, host), (list, text) => list.push('tail', text))],
  ['a stream', (arena) => fill(new Stream(arena), (stream, text) => append(stream, text))],
  ['an empty stream whose entries are still pending', pendingStream],
  ['a stream of many groups and consumers', crowdedStream],
]

let lastSeq = 0

function append(stream: Stream, text: Bytes): StreamId {
  const id = StreamId.of(BigInt(++lastSeq), 0n)
  stream.append(id, { bytes: () => text }, 0, 1, 4096, 100)
  return id
}

function pendingStream(arena: Arena): Stream {
  const stream = new Stream(arena)
  const group = new StreamGroup(arena, Bytes.from('group'))
  const consumer = group.addConsumer(Bytes.from('consumer'), 0)
  stream.groups.add(group)
  for (let i = 0; i < COUNT; i++) {
    const id = append(stream, Bytes.from('text'))
    group.deliver(id, consumer, 0, new IndexCursor())
    stream.delete(id)
  }
  expect(stream.length).toBe(0)
  return stream
}

function crowdedStream(arena: Arena): Stream {
  const stream = new Stream(arena)
  for (let i = 0; i < 300; i++) {
    const group = new StreamGroup(arena, Bytes.from(`group${i}`))
    for (let j = 0; j < 10; j++) group.addConsumer(Bytes.from(`consumer${j}`), 0)
    stream.groups.add(group)
  }
  return stream
}

function fill<T extends Value>(value: T, add: (value: T, text: Bytes) => void): T {
  for (let i = 0; i < COUNT; i++) add(value, Bytes.from(`element ${i}`))
  return value
}

describe.each(MAKERS)('%s of many elements', (_name, make) => {
  test('is freed in steps of as many elements as asked for', () => {
    const arena = new Arena()
    const lazyFree = new LazyFree()
    lazyFree.take(make(arena))
    expect(lazyFree.pending).toBe(1)
    let steps = 1
    let before = arena.usedBytes
    while (lazyFree.free(1000) === 0) {
      steps++
      expect(arena.usedBytes).toBeLessThan(before)
      before = arena.usedBytes
    }
    // A list goes by whole pages.
    expect(steps).toBeGreaterThan(20)
    expect(lazyFree.pending).toBe(0)
    expect(arena.usedBytes).toBe(0)
  })
})

test('a small value is freed at once', () => {
  const arena = new Arena()
  const lazyFree = new LazyFree()
  const set = new MemberSet(arena, host)
  set.add(Bytes.from('a'))
  lazyFree.take(set)
  expect(lazyFree.pending).toBe(0)
  expect(arena.usedBytes).toBe(0)
})

describe('a large set that goes', () => {
  const members = Array.from({ length: COUNT }, (_, i) => `m${i}`)
  const freed = (c: ReturnType<ReturnType<typeof createEngine>['connect']>): [string, string] => {
    const info = c.ask('INFO', 'memory')
    return [/lazyfree_pending_objects:(\d+)/.exec(info)![1]!, /lazyfreed_objects:(\d+)/.exec(info)![1]!]
  }

  test.each<[string, (string | number)[]]>([
    ['DEL', ['DEL', 'k']],
    ['UNLINK', ['UNLINK', 'k']],
    ['SET over it', ['SET', 'k', 'v']],
    ['RENAME onto it', ['RENAME', 'other', 'k']],
    ['SUNIONSTORE over it', ['SUNIONSTORE', 'k', 'small']],
    ['SPOP of all', ['SPOP', 'k', COUNT]],
    ['EXPIREAT in the past', ['EXPIREAT', 'k', 1]],
  ])('by %s is freed between other things, never much at a time', (_name, command) => {
    const { engine, clock, connect } = createEngine()
    const c = connect()
    c.ask('SADD', 'small', 'a')
    c.ask('SET', 'other', 'v')
    const before = engine.databases[0]!.usedBytes
    c.ask('SADD', 'k', ...members)
    const steps = callsOf(MemberSet.prototype, 'freeSome')
    c.ask(...command)
    expect(c.ask('SCARD', 'k')).not.toBe(`:${COUNT}\r\n`)
    expect(freed(c)).toEqual(['1', '0'])
    expect(steps).toEqual([])
    clock.advance(0)
    expect(freed(c)).toEqual(['0', '1'])
    expect(steps.length).toBeGreaterThan(2)
    for (const [max] of steps) expect(max).toBeLessThanOrEqual(10_000)
    expect(engine.databases[0]!.usedBytes).toBeLessThan(before + 4096)
    c.ask('CONFIG', 'RESETSTAT')
    expect(freed(c)).toEqual(['0', '0'])
  })

  test('by expiry is freed in steps too', () => {
    const { clock, connect } = createEngine()
    const c = connect()
    c.ask('SADD', 'k', ...members)
    c.ask('PEXPIRE', 'k', 100)
    const steps = callsOf(MemberSet.prototype, 'freeSome')
    clock.advance(200)
    expect(c.ask('EXISTS', 'k')).toBe(':0\r\n')
    expect(steps.length).toBeGreaterThan(2)
    expect(freed(c)).toEqual(['0', '1'])
  })

  test('is forgotten with its memory when the database is emptied', () => {
    const { clock, connect } = createEngine()
    const c = connect()
    c.ask('SADD', 'k', ...members)
    c.ask('DEL', 'k')
    c.ask('SET', 'other', 'v')
    c.ask('FLUSHALL')
    expect(freed(c)[0]).toBe('0')
    clock.advance(0)
    expect(c.ask('PING')).toBe('+PONG\r\n')
  })

  test('makes room where memory is limited, before other keys are evicted', () => {
    const { engine, connect } = createEngine({ 'maxmemory-policy': 'allkeys-random' })
    const c = connect()
    for (let i = 0; i < 100; i++) c.ask('SET', `key${i}`, 'v')
    const limit = engine.databases[0]!.usedBytes + 100_000
    c.ask('SADD', 'k', ...members)
    c.ask('DEL', 'k')
    c.ask('CONFIG', 'SET', 'maxmemory', limit)
    for (let i = 0; i < 10; i++) expect(c.ask('SET', 'new', 'v')).toBe('+OK\r\n')
    expect(c.ask('DBSIZE')).toBe(':101\r\n')
    expect(engine.databases[0]!.usedBytes).toBeLessThan(limit)
  })

  test('is no reason to refuse a write', () => {
    const { engine, connect } = createEngine({ 'maxmemory-policy': 'noeviction' })
    const c = connect()
    const limit = engine.databases[0]!.usedBytes + 100_000
    c.ask('SADD', 'k', ...members)
    c.ask('DEL', 'k')
    c.ask('CONFIG', 'SET', 'maxmemory', limit)
    for (let i = 0; i < 10; i++) expect(c.ask('SET', 'new', 'v')).toBe('+OK\r\n')
    expect(engine.databases[0]!.usedBytes).toBeLessThan(limit)
  })
})
