// Nobody waits long for a snapshot, whatever it meets: its slices end by the clock.
//
// Time here is work: the clock goes on by a millisecond for each 128 KB that are
// gathered, and by nothing else.

import { describe, expect, test } from 'vitest'
import { CommandWriter } from '../../src/persistence/command-writer.ts'
import type { ImageWriter } from '../../src/persistence/image-writer.ts'
import { loadSnapshot } from '../../src/persistence/load-snapshot.ts'
import { RdbWriter } from '../../src/persistence/rdb/rdb-writer.ts'
import { Snapshot } from '../../src/persistence/snapshot.ts'
import { dump } from '../support/dump.ts'
import { createEngine, type TestClient, type TestEngine } from '../support/engine.ts'
import { MemoryDisk } from '../support/memory-disk.ts'
import { startSaving } from '../support/saving.ts'

const BYTES_PER_MS = 128 * 1024
/** A slice is a millisecond, and may go on to the next look at the clock. */
const SLICE_MS_MAX = 2

/** Runs a snapshot by hand. */
function take({ engine, clock }: TestEngine, format: 'rdb' | 'aof' = 'rdb') {
  const writers: ImageWriter[] = []
  const make = (): ImageWriter => {
    const writer =
      format === 'aof' ? new CommandWriter() : new RdbWriter({ compress: false, checksum: true, use: 'nothing' })
    writers.push(writer)
    return writer
  }
  const pieces: Buffer[] = []
  let queue: (() => void)[] = []
  let failure: unknown
  clock.monotonic = () => writers.reduce((sum, { output }) => sum + output.total, 0) / BYTES_PER_MS
  const snapshot = new Snapshot({
    engine,
    writer: make(),
    aside: make,
    sink: {
      write: (bytes) => pieces.push(Buffer.from(bytes)),
      spare: () => undefined,
      waitingBytes: 0,
      onDrained() {},
    },
    auxiliary: {},
    functions: [],
    later: (run) => queue.push(run),
    ended: (error) => {
      failure = error
    },
    largeWritten() {},
  })
  let slices = 0
  const slice = (): void => {
    const due = queue
    queue = []
    for (const run of due) run()
    slices++
  }
  return {
    snapshot,
    slice,
    /** Runs to the end; returns how many slices that took. */
    finish(): number {
      while (!snapshot.ended) slice()
      expect(failure).toBeUndefined()
      return slices
    },
    async loaded(): Promise<Record<string, string>> {
      const disk = new MemoryDisk()
      disk.put('/data/dump.rdb', Buffer.concat(pieces))
      const { engine } = createEngine({ dir: '/data' })
      await loadSnapshot(engine, disk)
      return dump(engine)
    },
  }
}

const long = (bytes: number): string => 'x'.repeat(bytes)

/** Sends a command again and again, with a hundred of its arguments at a time. */
function many(client: TestClient, words: readonly string[], count: number, argument: (i: number) => string[]): void {
  for (let i = 0; i < count; ) {
    const batch: string[] = []
    for (const end = Math.min(count, i + 100); i < end; i++) batch.push(...argument(i))
    client.ask(...words, ...batch)
  }
}

const COUNT = 20_000
const HUGE: Record<string, (client: TestClient) => void> = {
  'a list of many elements': (client) => many(client, ['RPUSH', 'k'], COUNT, (i) => [`element ${i} ${long(50)}`]),
  'a list with a long element': (client) => void client.ask('RPUSH', 'k', 'a', long(4_000_000), 'b', long(3_000_000)),
  'a set of many members': (client) => many(client, ['SADD', 'k'], COUNT, (i) => [`member ${i} ${long(50)}`]),
  'a set with a long member': (client) => void client.ask('SADD', 'k', 'a', long(4_000_000), 'b'),
  'a set of many integers': (client) => {
    client.ask('CONFIG', 'SET', 'set-max-intset-entries', '1000000')
    many(client, ['SADD', 'k'], 3 * COUNT, (i) => [`${2 ** 40 + i}`])
  },
  'a sorted set of many members': (client) =>
    many(client, ['ZADD', 'k'], COUNT, (i) => [`${i / 4}`, `member ${i} ${long(50)}`]),
  'a sorted set of many members that is called a listpack': (client) => {
    client.ask('CONFIG', 'SET', 'zset-max-listpack-entries', '1000000')
    many(client, ['ZADD', 'k'], COUNT, (i) => [`${i}`, `member ${i} ${long(50)}`])
  },
  'a hash of many fields': (client) =>
    many(client, ['HSET', 'k'], COUNT, (i) => [`field ${i}`, `value ${i} ${long(50)}`]),
  'a hash of many fields that is called a listpack': (client) => {
    client.ask('CONFIG', 'SET', 'hash-max-listpack-entries', '1000000')
    many(client, ['HSET', 'k'], COUNT, (i) => [`field ${i}`, `value ${i} ${long(50)}`])
  },
  'a hash of long values that is called a listpack': (client) => {
    client.ask('CONFIG', 'SET', 'hash-max-listpack-value', '1000000')
    many(client, ['HSET', 'k'], 200, (i) => [`field ${i}`, long(20_000)])
  },
  'a hash with a long value': (client) => void client.ask('HSET', 'k', 'f', long(4_000_000), 'g', 'short'),
  'a string of many megabytes': (client) => void client.ask('SET', 'k', long(8_000_000)),
  'a stream of many entries, all pending': (client) => {
    for (let i = 1; i <= COUNT; i++) client.ask('XADD', 'k', `${i}-1`, 'field', `value ${i} ${long(50)}`)
    client.ask('XGROUP', 'CREATE', 'k', 'group', '0')
    client.ask('XREADGROUP', 'GROUP', 'group', 'me', 'COUNT', `${COUNT}`, 'STREAMS', 'k', '>')
  },
  'a stream of one node': (client) => {
    client.ask('CONFIG', 'SET', 'stream-node-max-bytes', '0', 'stream-node-max-entries', '0')
    for (let i = 1; i <= COUNT; i++) client.ask('XADD', 'k', `${i}-1`, 'field', `value ${i} ${long(50)}`)
  },
  'many keys': (client) => many(client, ['MSET'], COUNT, (i) => [`key ${i}`, `value ${i} ${long(100)}`]),
}

describe('slices are short, and whole, over', () => {
  test.each(Object.keys(HUGE))('%s', async (name) => {
    const started = createEngine()
    HUGE[name]!(started.connect())
    const before = dump(started.engine)
    const { snapshot, finish, loaded } = take(started)
    expect(finish()).toBeGreaterThan(5)
    expect(snapshot.longestSliceMs).toBeLessThan(SLICE_MS_MAX)
    expect(await loaded()).toEqual(before)
  })

  test.each(Object.keys(HUGE))('%s, written as commands', (name) => {
    const started = createEngine()
    HUGE[name]!(started.connect())
    const { snapshot, finish } = take(started, 'aof')
    expect(finish()).toBeGreaterThan(5)
    expect(snapshot.longestSliceMs).toBeLessThan(SLICE_MS_MAX)
  })

  test('what changed while something large was written', async () => {
    const started = createEngine()
    const client = started.connect()
    many(client, ['MSET'], COUNT, (i) => [`key ${i}`, `value ${i} ${long(200)}`])
    client.ask('SET', 'large', long(8_000_000))
    const before = dump(started.engine)
    const { snapshot, slice, finish, loaded } = take(started)
    let changed = 0
    while (snapshot.hasLarge) {
      for (let i = 0; i < 400 && changed < COUNT; i++, changed++) client.ask('SET', `key ${changed}`, 'changed')
      slice()
    }
    expect(changed).toBeGreaterThan(COUNT / 2)
    finish()
    expect(snapshot.longestSliceMs).toBeLessThan(SLICE_MS_MAX)
    expect(await loaded()).toEqual(before)
  })
})

describe('a large value that a client waits for', () => {
  const slicesUntilHeard = async (others: number): Promise<number> => {
    const { connect, engine, clock, slice } = await startSaving()
    let now = 0
    clock.monotonic = () => now
    const client = connect()
    const busy = connect()
    many(client, ['RPUSH', 'queue'], 3000, (i) => [`job ${i}`])
    for (let i = 0; i < others; i++) client.ask('SET', `other ${i}`, long(400_000))
    busy.ask('BGSAVE')
    // From here on each look at the clock takes a millisecond: a slice ends at its first look.
    clock.monotonic = () => ++now
    client.ask('LPUSH', 'queue', 'new')
    let slices = 0
    for (; client.client.paused; slices++) {
      busy.ask('PING')
      slice()
    }
    expect(client.received()).toBe(':3001\r\n')
    expect(engine.saving!.busyWith).toBe('save')
    return slices
  }

  test('is written before all others, and without rests', async () => {
    const alone = await slicesUntilHeard(0)
    expect(alone).toBeLessThan(10)
    expect(await slicesUntilHeard(20)).toBe(alone)
  })
})

test('the large value that expires first is written first', async () => {
  const started = createEngine()
  const client = started.connect()
  for (const [key, ms] of [
    ['later', 5000],
    ['soon', 300],
    ['never', 0],
    ['last', 9000],
  ] as const) {
    client.ask('SET', key, long(600_000))
    if (ms > 0) client.ask('PEXPIRE', key, ms)
  }
  const before = dump(started.engine)
  const { snapshot, slice, finish, loaded } = take(started)
  while (snapshot.written < 1) slice()
  started.clock.advance(400)
  expect(client.ask('EXISTS', 'soon', 'later', 'never', 'last')).toBe(':3\r\n')
  finish()
  expect(snapshot.longestSliceMs).toBeLessThan(SLICE_MS_MAX)
  expect(await loaded()).toEqual(before)
})

test('the longest slice is told in INFO, and is of the last snapshot', async () => {
  const { connect, clock, slice, finish, info } = await startSaving({ settings: { appendonly: 'yes' } })
  const client = connect()
  many(client, ['MSET'], 2000, (i) => [`key ${i}`, 'v'])
  expect(info().respite_snapshot_longest_slice_usec).toBe('0')
  let now = 0
  let tick = 0.4
  clock.monotonic = () => (now += tick)
  client.ask('BGSAVE')
  slice()
  expect(Number(info().respite_snapshot_longest_slice_usec)).toBeGreaterThan(0)
  await finish()
  const ofSave = Number(info().respite_snapshot_longest_slice_usec)
  expect(ofSave).toBeGreaterThanOrEqual(1000)
  expect(ofSave).toBeLessThan(2500)
  tick = 0.001
  client.ask('BGREWRITEAOF')
  await finish()
  expect(Number(info().respite_snapshot_longest_slice_usec)).toBeLessThan(1000)
})
