import { describe, expect, test } from 'vitest'
import { digestOf } from '../../src/store/keyspace/data-digest.ts'
import { createEngine, type TestEngine } from '../support/engine.ts'

const MIB = 1024 * 1024
const KEYS = 4000

type Words = (string | number)[]

/** Sets keys of 16 KB each, more than a chunk of 32 MiB holds, and deletes all but one in ten, so that every slab keeps some. */
function leaveGaps({ connect }: TestEngine): void {
  const client = connect()
  for (let i = 0; i < KEYS; i++) client.ask('SET', `key:${i}`, textOf(i))
  for (let i = 0; i < KEYS; i++) if (i % 10 !== 0) client.ask('DEL', `key:${i}`)
}

const textOf = (i: number): string => `${i}${'x'.repeat(16_000)}`

/** The digest of each value of the first database, in the order of its entries. */
function digestsOf({ engine }: TestEngine): string[] {
  const db = engine.databases[0]!
  const digests: string[] = []
  for (let entry = 0; entry < db.keys.entriesEnd; entry++) {
    if (db.keys.isLive(entry)) digests.push(digestOf(db.structureOf(entry)))
  }
  return digests
}

/** Long enough for what is done now and then to be done. */
const QUIET_MS = 5000

describe('the gaps that removed keys leave', () => {
  test('are closed in steps while no client asks: chunks go back, and every key has its value', () => {
    const run = createEngine()
    leaveGaps(run)
    const { arena } = run.engine.databases[0]!
    expect(arena.gapBytes).toBeGreaterThan(50 * MIB)
    const client = run.connect()
    client.ask('PING')
    run.clock.advance(QUIET_MS)
    expect(arena.gapBytes).toBeLessThan(12 * MIB)
    run.engine.databases[0]!.check()
    for (let i = 0; i < KEYS; i += 10) expect(client.ask('GET', `key:${i}`)).toContain(textOf(i))
    run.engine.stop()
  })

  test('stay while an earlier state is kept, and when that begins in the middle nothing of it changes', () => {
    const run = createEngine()
    leaveGaps(run)
    const { arena, contents, keys } = run.engine.databases[0]!
    const { compaction } = contents
    compaction.step(keys.entriesEnd >> 1)
    expect(arena.isEmptying).toBe(true)
    const gapBytes = arena.gapBytes
    const state = contents.keep(false)
    expect(arena.isEmptying).toBe(false)
    compaction.step(keys.entriesEnd)
    expect(compaction.isDue).toBe(false)
    expect(arena.gapBytes).toBe(gapBytes)
    const client = run.connect()
    client.ask('SET', 'key:10', 'other')
    contents.restore(state)
    contents.release(state)
    expect(client.ask('GET', 'key:10')).toContain(textOf(10))
    expect(compaction.isDue).toBe(true)
    run.clock.advance(QUIET_MS)
    expect(arena.gapBytes).toBeLessThan(12 * MIB)
    run.engine.databases[0]!.check()
    run.engine.stop()
  })

  /** Texts that no other key has: stale bytes of another value are seen. */
  const short = (i: number): string[] => Array.from({ length: 100 }, (_, k) => `${i}:${k}:`.padEnd(50, `${i % 89}.`))
  const long = (i: number): string[] => Array.from({ length: 20 }, (_, k) => `${i}:${k}:`.padEnd(4000, `${i % 89}.`))

  test.each<[string, (i: number) => Words]>([
    ['a small hash', (i) => ['HSET', `key:${i}`, ...short(i).flatMap((text) => [text, text])]],
    ['a large hash', (i) => ['HSET', `key:${i}`, ...long(i).flatMap((text) => [text, text])]],
    ['a set of integers', (i) => ['SADD', `key:${i}`, ...Array.from({ length: 200 }, (_, k) => 2 ** 40 + 200 * i + k)]],
    ['a small set', (i) => ['SADD', `key:${i}`, ...short(i)]],
    ['a large set', (i) => ['SADD', `key:${i}`, ...long(i)]],
    ['a small sorted set', (i) => ['ZADD', `key:${i}`, ...short(i).flatMap((text, k) => [k, text])]],
    ['a list', (i) => ['RPUSH', `key:${i}`, ...long(i)]],
    ['a stream', (i) => ['XADD', `key:${i}`, '1-1', ...long(i).slice(0, 2)]],
  ])('that %s leaves are closed, and it is what it was', (_, make) => {
    const run = createEngine()
    const client = run.connect()
    const { arena, contents } = run.engine.databases[0]!
    // More than a chunk of 32 MiB; one key in ten stays.
    let keys = 0
    for (; arena.blockBytes < 40 * MIB; keys++) {
      // Those that go are copies, which are made faster.
      client.ask(...(keys % 10 === 0 ? make(keys) : ['COPY', 'key:0', `key:${keys}`]))
    }
    for (let i = 0; i < keys; i++) if (i % 10 !== 0) client.ask('DEL', `key:${i}`)
    const digest = digestsOf(run)
    expect(digest.length).toBe(Math.ceil(keys / 10))
    const before = arena.gapBytes
    expect(before).toBeGreaterThan(30 * MIB)
    while (contents.compaction.isDue) contents.compaction.step(1000)
    expect(arena.gapBytes).toBeLessThan(before / 2)
    expect(digestsOf(run)).toEqual(digest)
    run.engine.databases[0]!.check()
    run.engine.stop()
  })

  test('are left alone where few values have many sizes, and not moved again and again', () => {
    const run = createEngine()
    const client = run.connect()
    const { arena, contents } = run.engine.databases[0]!
    // A slab for each size in use, which hardly holds anything: that is how values of many sizes lie.
    for (let i = 0; i < 250; i++) client.ask('SET', `key:${i}`, 'x'.repeat(8 + Math.floor(1.04 ** i)))
    // The last key lies in the first chunk, which stays: a walk is over before it comes there.
    client.ask('SET', 'key:a', 'x'.repeat(9))
    expect(arena.hasGaps).toBe(true)
    let steps = 0
    while (contents.compaction.isDue && steps < 100) {
      contents.compaction.step(1000)
      steps++
    }
    expect(steps).toBeLessThan(100)
    for (let i = 0; i < 250; i++) expect(client.ask('STRLEN', `key:${i}`)).toBe(`:${8 + Math.floor(1.04 ** i)}\r\n`)
    run.engine.stop()
  })

  test('are left alone where large sorted sets are in the way, and not looked at again and again', () => {
    const run = createEngine()
    const client = run.connect()
    const { arena, contents } = run.engine.databases[0]!
    client.ask('ZADD', 'key', ...long(0).flatMap((text, k) => [k, text]))
    let keys = 0
    while (arena.blockBytes < 40 * MIB) client.ask('COPY', 'key', `key:${keys++}`)
    for (let i = 0; i < keys; i++) if (i % 10 !== 0) client.ask('DEL', `key:${i}`)
    const { gapBytes } = arena
    expect(contents.compaction.isDue).toBe(true)
    while (contents.compaction.isDue) contents.compaction.step(1000)
    expect(arena.gapBytes).toBeGreaterThan(gapBytes / 2)
    run.engine.databases[0]!.check()
    run.engine.stop()
  })

  test('stay while a snapshot reads structures in slices', () => {
    const run = createEngine()
    const client = run.connect()
    const { arena, contents } = run.engine.databases[0]!
    for (let i = 0; i < 6000; i++) client.ask('RPUSH', `key:${i}`, ...long(i).slice(0, 2))
    for (let i = 0; i < 6000; i++) if (i % 10 !== 0) client.ask('DEL', `key:${i}`)
    const snapshot = (): void => {}
    run.engine.data.dataset.on.beforeChange.add(snapshot)
    const { gapBytes } = arena
    expect(contents.compaction.isDue).toBe(false)
    run.engine.data.dataset.on.beforeChange.remove(snapshot)
    while (contents.compaction.isDue) contents.compaction.step(1000)
    expect(arena.gapBytes).toBeLessThan(gapBytes / 2)
    run.engine.stop()
  })
})
