// Nobody waits long for a snapshot, whatever it meets: its slices end by the clock.
//
// Time here is work: the clock goes on by a millisecond for each 128 KB that are
// gathered, and by nothing else.

import { describe, expect, test } from 'vitest'
import { CommandWriter } from '../../src/persistence/log/command-writer.ts'
import { RdbWriter } from '../../src/persistence/rdb/rdb-writer.ts'
import type { ImageWriter } from '../../src/persistence/snapshot/image-writer.ts'
import { loadSnapshot } from '../../src/persistence/snapshot/load-snapshot.ts'
import { Snapshot } from '../../src/persistence/snapshot/snapshot.ts'
import { ArenaFull } from '../../src/store/memory/arena.ts'
import { dump } from '../support/dump.ts'
import {
  createEngine as createJournaling,
  type TestClient,
  type TestEngine,
  withoutJournal,
} from '../support/engine.ts'
import { MemoryDisk } from '../support/memory-disk.ts'
import { startSaving } from '../support/saving.ts'

const BYTES_PER_MS = 128 * 1024
/** A slice is half a millisecond, and may go on to the next look at the clock. */
const SLICE_MS_MAX = 2

/** Without a journal: nobody looks at one here, and what is huge would take its time once more. */
function createEngine(...args: Parameters<typeof createJournaling>): TestEngine {
  const test = createJournaling(...args)
  withoutJournal(test)
  return test
}

/** Runs a snapshot by hand. */
function take({ engine, clock }: TestEngine, format: 'rdb' | 'aof' = 'rdb') {
  const writers: ImageWriter[] = []
  const make = (): ImageWriter => {
    const writer =
      format === 'aof' ? new CommandWriter() : new RdbWriter({ compress: false, checksum: false, use: 'nothing' })
    writers.push(writer)
    return writer
  }
  const pieces: Buffer[] = []
  let queue: (() => void)[] = []
  let failure: unknown
  let rests = 0
  const pictured = clock.now()
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
    rested: (run) => {
      rests++
      queue.push(run)
    },
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
    /** How often the loop could sleep. */
    rests: () => rests,
    /** Runs to the end; returns how many slices that took. */
    finish(): number {
      while (!snapshot.ended) slice()
      expect(failure).toBeUndefined()
      return slices
    },
    /** What the image holds. */
    async loaded(): Promise<Record<string, string>> {
      if (format === 'aof') {
        const { engine, clock: itsClock, connect } = createEngine()
        itsClock.advance(pictured - itsClock.now())
        connect().sendRaw(Buffer.concat(pieces).toString('latin1'))
        return dump(engine)
      }
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

test('a client that is answered and asks again is served before the next slice, and without clients there is no rest', () => {
  const test = createEngine()
  const client = test.connect()
  many(client, ['MSET'], 3000, (i) => [`key ${i}`, long(500)])
  const { snapshot, slice, rests } = take(test)
  while (snapshot.written === 0) slice()
  expect(rests()).toBe(0)
  for (let i = 1; i <= 3; i++) {
    client.ask('PING')
    // The turn that served somebody, and the first one without.
    slice()
    slice()
    expect(rests()).toBe(i)
    slice()
    expect(rests()).toBe(i)
  }
  expect(snapshot.ended).toBe(false)
})

/** With their lengths, enough for more than five slices. */
const COUNT = 3000
const HUGE: Record<string, (client: TestClient) => void> = {
  'a list of many elements': (client) => many(client, ['RPUSH', 'k'], COUNT, (i) => [`element ${i} ${long(300)}`]),
  'a list with a long element': (client) => void client.ask('RPUSH', 'k', 'a', long(2_000_000), 'b', long(1_000_000)),
  'a set of many members': (client) => many(client, ['SADD', 'k'], COUNT, (i) => [`member ${i} ${long(300)}`]),
  'a set with a long member': (client) => void client.ask('SADD', 'k', 'a', long(2_000_000), 'b'),
  'a set of many integers': (client) => {
    client.ask('CONFIG', 'SET', 'set-max-intset-entries', '1000000')
    many(client, ['SADD', 'k'], 36_000, (i) => [`${2 ** 40 + i}`])
  },
  'a sorted set of many members': (client) =>
    many(client, ['ZADD', 'k'], COUNT, (i) => [`${i / 4}`, `member ${i} ${long(300)}`]),
  'a sorted set of many members that is called a listpack': (client) => {
    client.ask('CONFIG', 'SET', 'zset-max-listpack-entries', '1000000')
    many(client, ['ZADD', 'k'], COUNT, (i) => [`${i}`, `member ${i} ${long(300)}`])
  },
  'a hash of many fields': (client) =>
    many(client, ['HSET', 'k'], COUNT, (i) => [`field ${i}`, `value ${i} ${long(300)}`]),
  'a hash of many fields that is called a listpack': (client) => {
    client.ask('CONFIG', 'SET', 'hash-max-listpack-entries', '1000000')
    many(client, ['HSET', 'k'], COUNT, (i) => [`field ${i}`, `value ${i} ${long(300)}`])
  },
  'a hash of long values that is called a listpack': (client) => {
    client.ask('CONFIG', 'SET', 'hash-max-listpack-value', '1000000')
    many(client, ['HSET', 'k'], 200, (i) => [`field ${i}`, long(20_000)])
  },
  'a hash with a long value': (client) => void client.ask('HSET', 'k', 'f', long(2_000_000), 'g', 'short'),
  'a string of many megabytes': (client) => void client.ask('SET', 'k', long(3_000_000)),
  'a stream of many entries, all pending': (client) => {
    for (let i = 1; i <= COUNT; i++) client.ask('XADD', 'k', `${i}-1`, 'field', `value ${i} ${long(300)}`)
    client.ask('XGROUP', 'CREATE', 'k', 'group', '0')
    client.ask('XREADGROUP', 'GROUP', 'group', 'me', 'COUNT', `${COUNT}`, 'STREAMS', 'k', '>')
  },
  'a stream of one node': (client) => {
    client.ask('CONFIG', 'SET', 'stream-node-max-bytes', '0', 'stream-node-max-entries', '0')
    for (let i = 1; i <= COUNT; i++) client.ask('XADD', 'k', `${i}-1`, 'field', `value ${i} ${long(300)}`)
  },
  'many keys': (client) => many(client, ['MSET'], COUNT, (i) => [`key ${i}`, `value ${i} ${long(500)}`]),
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

  test('keys that change while a large value is written', async () => {
    const started = createEngine()
    const client = started.connect()
    many(client, ['MSET'], COUNT, (i) => [`key ${i}`, `value ${i} ${long(430)}`])
    client.ask('SET', 'large', long(3_000_000))
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

test.each(['rdb', 'aof'] as const)(
  'keys that change in one database while large values of another are written stay in their own (%s)',
  async (format) => {
    const started = createEngine()
    const client = started.connect()
    // Three of them are more than a piece, and nothing is left behind it.
    many(client, ['MSET'], 12, (i) => [`key ${i}`, `value ${i} ${long(33_000)}`])
    client.ask('SELECT', 2)
    for (let i = 0; i < 4; i++) client.ask('SET', `large ${i}`, long(1_000_000))
    client.ask('SELECT', 0)
    const before = dump(started.engine)
    const { snapshot, slice, finish, loaded } = take(started, format)
    let changed = 0
    while (snapshot.hasLarge) {
      slice()
      for (const end = Math.min(12, changed + 3); snapshot.hasLarge && changed < end; changed++)
        client.ask('SET', `key ${changed}`, 'changed')
    }
    expect(changed).toBe(12)
    finish()
    expect(await loaded()).toEqual(before)
  },
)

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
    expect(engine.parts.saving!.busyWith).toBe('save')
    return slices
  }

  test('is written before all others, and without rests', async () => {
    const alone = await slicesUntilHeard(0)
    expect(alone).toBeLessThan(10)
    expect(await slicesUntilHeard(20)).toBe(alone)
  })
})

describe('a large value that goes as a whole before it is written', () => {
  interface Way {
    /** Before the snapshot. */
    prepare?: (client: TestClient) => void
    go: (client: TestClient, test: TestEngine) => void
  }
  /** A script may come upon any key; the client is not made to wait for it. */
  const script =
    (...words: string[]): Way['go'] =>
    (client) =>
      void client.ask('EVAL', 'return redis.call(unpack(ARGV))', '0', ...words)
  const withOther = (...words: string[]): Way => ({
    prepare: (client) => {
      client.ask('RPUSH', 'other', '3', '1', '2')
      client.ask('SADD', 'other set', 'a', 'b')
    },
    go: script(...words),
  })
  const mortal = (client: TestClient): void => void client.ask('PEXPIRE', 'k', '100')
  const WAYS: Record<string, Way> = {
    'its time is up': { prepare: mortal, go: (_, { clock }) => clock.advance(200) },
    'its time is up, which a reader finds': {
      prepare: (client) => {
        mortal(client)
        client.ask('DEBUG', 'SET-ACTIVE-EXPIRE', '0')
      },
      go: (client, { clock }) => {
        clock.advance(200)
        client.ask('TYPE', 'k')
      },
    },
    'it is evicted': {
      prepare: mortal,
      go: (client, { engine }) => {
        client.ask('CONFIG', 'SET', 'maxmemory-policy', 'volatile-ttl')
        client.ask('CONFIG', 'SET', 'maxmemory', `${engine.data.dataset.usedBytes - 1}`)
        client.ask('PING')
      },
    },
    DEL: { go: script('DEL', 'k') },
    UNLINK: { go: script('UNLINK', 'k') },
    'EXPIRE into the past': { go: script('EXPIRE', 'k', '-1') },
    'MOVE to another database': { go: script('MOVE', 'k', '1') },
    'SET over it': { go: script('SET', 'k', 'new') },
    'SET over it, which must be there, keeping its expiry': {
      prepare: (client) => void client.ask('PEXPIRE', 'k', '100000'),
      go: (client) => {
        script('SET', 'k', 'new', 'XX', 'KEEPTTL')(client, createEngine())
        expect(client.ask('PTTL', 'k')).toBe(':100000\r\n')
      },
    },
    'RENAME over it': withOther('RENAME', 'other', 'k'),
    'COPY over it': withOther('COPY', 'other', 'k', 'REPLACE'),
    'SUNIONSTORE over it': withOther('SUNIONSTORE', 'k', 'other set'),
    'SORT STORE over it': withOther('SORT', 'other', 'STORE', 'k'),
    FLUSHDB: { go: (client) => void client.ask('FLUSHDB') },
    FLUSHALL: { go: (client) => void client.ask('FLUSHALL') },
  }

  /** Takes a snapshot of `k`, which goes when nothing of it is written, or something. */
  async function check(kind: string, { prepare, go }: Way, format: 'rdb' | 'aof', begun: boolean): Promise<void> {
    const started = createEngine()
    const { engine, clock } = started
    const client = started.connect()
    HUGE[kind]!(client)
    client.ask('SET', 'small', '1')
    prepare?.(client)
    const before = dump(engine)
    const { snapshot, slice, finish, loaded } = take(started, format)
    while (begun && clock.monotonic() < 3) slice()
    const beganMs = clock.monotonic()
    go(client, started)
    expect(clock.monotonic() - beganMs).toBeLessThan(0.1)
    expect(dump(engine)['0 k']).not.toBe(before['0 k'])
    // Nor is what comes under that name any of the snapshot's.
    client.ask('DEL', 'k')
    HUGE[kind]!(client)
    client.ask('DEL', 'k')
    finish()
    expect(snapshot.longestSliceMs).toBeLessThan(SLICE_MS_MAX)
    expect(await loaded()).toEqual(before)
  }

  const LIST = 'a list of many elements'
  const KINDS = [
    LIST,
    'a set of many members',
    'a sorted set of many members',
    'a hash of many fields',
    'a string of many megabytes',
    'a stream of many entries, all pending',
  ]
  for (const format of ['rdb', 'aof'] as const) {
    for (const begun of [false, true]) {
      describe(`${format}, ${begun ? 'begun' : 'not begun'}`, () => {
        test.each(Object.keys(WAYS))('%s', (name) => check(LIST, WAYS[name]!, format, begun))
        test.each(KINDS.slice(1))('%s', (kind) => check(kind, WAYS.DEL!, format, begun))
      })
    }
  }

  test('takes nothing else with it when it is evicted', () => {
    const started = createEngine()
    const client = started.connect()
    HUGE[LIST]!(client)
    client.ask('PEXPIRE', 'k', 1000)
    for (let i = 0; i < 100; i++) client.ask('SET', `other ${i}`, 'v', 'PX', 2000)
    const { finish } = take(started)
    WAYS['it is evicted']!.go(client, started)
    for (let i = 0; i < 10; i++) {
      client.ask('PING')
      started.clock.advance(1)
    }
    expect(client.ask('DBSIZE')).toBe(':100\r\n')
    finish()
    client.ask('SET', 'one more', 'v')
    expect(client.ask('DBSIZE')).toBe(':101\r\n')
  })

  test.each(['finished', 'given up'])('is freed when the snapshot is %s', (end) => {
    const started = createEngine()
    const { engine, clock } = started
    const client = started.connect()
    const [db] = engine.databases
    HUGE[LIST]!(client)
    client.ask('RENAME', 'k', 'list')
    HUGE['a string of many megabytes']!(client)
    client.ask('RENAME', 'k', 'string')
    client.ask('SET', 'stays', '1')
    const { snapshot, slice, finish } = take(started)
    while (clock.monotonic() < 3) slice()
    for (const key of ['list', 'string']) script('DEL', key)(client, started)
    expect(engine.data.dataset.usedBytes).toBeLessThan(10_000)
    expect(db!.arena.usedBytes).toBeGreaterThan(500_000)
    if (end === 'finished') finish()
    else snapshot.abort(new Error('given up'))
    for (let i = 0; i < 100; i++) clock.advance(1)
    client.ask('DEL', 'stays')
    expect([db!.arena.usedBytes, db!.lazyFree.heldBytes]).toEqual([0, 0])
  })

  test('is not in the image of the next snapshot', async () => {
    const started = createEngine()
    const client = started.connect()
    HUGE[LIST]!(client)
    client.ask('SET', 'small', '1')
    const first = take(started)
    script('DEL', 'k')(client, started)
    first.snapshot.abort(new Error('given up'))
    const second = take(started)
    second.finish()
    expect(Object.keys(await second.loaded())).toEqual(['0 small'])
  })

  test('stays readable when its database is swapped, and then emptied', async () => {
    const started = createEngine()
    const client = started.connect()
    HUGE[LIST]!(client)
    client.ask('SET', 'small', '1')
    const before = dump(started.engine)
    const { slice, finish, loaded } = take(started)
    while (started.clock.monotonic() < 3) slice()
    script('DEL', 'k')(client, started)
    client.ask('SWAPDB', '0', '1')
    client.ask('FLUSHALL')
    for (let i = 0; i < 100; i++) client.ask('RPUSH', 'k', long(1000))
    finish()
    expect(await loaded()).toEqual(before)
  })

  test('stays when its place is to be taken and there is hardly any memory left', async () => {
    const started = createEngine()
    const { engine } = started
    const client = started.connect()
    HUGE[LIST]!(client)
    const before = dump(engine)
    const { finish, loaded } = take(started)
    const { arena } = engine.databases[0]!
    Object.defineProperty(arena, 'hasRoom', { value: false })
    arena.allocate = () => {
      throw new ArenaFull()
    }
    script('SET', 'k', long(40_000))(client, started)
    expect(client.ask('LLEN', 'k')).toBe(`:${COUNT}\r\n`)
    finish()
    expect(await loaded()).toEqual(before)
  })
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
