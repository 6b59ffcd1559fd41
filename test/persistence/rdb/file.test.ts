// Whole files: what redis-server saves is loaded here, what is written here redis-server starts from.

import { spawnSync } from 'node:child_process'
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { describe, expect, onTestFinished, test } from 'vitest'
import { RdbDamage } from '../../../src/persistence/rdb/damage.ts'
import { LoadTarget } from '../../../src/persistence/rdb/load-target.ts'
import { RdbWriter } from '../../../src/persistence/rdb/rdb-writer.ts'
import { readRdb } from '../../../src/persistence/rdb/read-rdb.ts'
import { loadSnapshot } from '../../../src/persistence/snapshot/load-snapshot.ts'
import { Bytes } from '../../../src/util/bytes/bytes.ts'
import { createEngine, type TestEngine } from '../../support/engine.ts'
import { MemoryDisk } from '../../support/memory-disk.ts'
import { redisServerCannotReadOurs, startRedisServer } from '../../support/redis-server.ts'
import { temporaryDirectory } from '../../support/server.ts'
import { SAMPLES } from './redis-values.ts'

async function startRedis(...options: string[]): Promise<Redis> {
  const server = await startRedisServer(['--enable-debug-command', 'yes', ...options])
  const redis = new Redis({ path: server.socketPath })
  onTestFinished(async () => {
    redis.disconnect()
    await server.stop()
  })
  return redis
}

const latin1 = (word: string): Buffer => Buffer.from(word, 'latin1')

/** Everything an engine holds as RDB bytes, taken away in pieces. */
function write(test: TestEngine, pieceBytes = 1000): Buffer {
  const writer = new RdbWriter({ compress: true, checksum: true, use: 'nothing' })
  const pieces: Buffer[] = []
  writer.header({ 'redis-ver': '7.2.6', 'redis-bits': 64, ctime: 1700000000, 'used-mem': 1000000, 'aof-base': 0 })
  for (const db of test.engine.databases) {
    if (db.size === 0) continue
    writer.database(db.index, db.size, db.keys.expiries.count)
    for (let entry = 0; entry < db.keys.entriesEnd; entry++) {
      if (!db.keys.isLive(entry)) continue
      if (!writer.begin(db, entry)) while (!writer.step(pieceBytes)) pieces.push(Buffer.from(writer.output.take()))
      pieces.push(Buffer.from(writer.output.take()))
    }
  }
  writer.end()
  pieces.push(writer.output.take())
  return Buffer.concat(pieces)
}

/** Reads RDB bytes into an engine in chunks of some size; returns where they end. */
async function read(test: TestEngine, bytes: Buffer, chunkBytes = 64 * 1024, checksum = true): Promise<number> {
  const file = {
    read: async (into: Buffer, start: number, length: number, position: number) =>
      bytes.copy(into, start, position, position + length),
  }
  const target = new LoadTarget(test.engine, { expired: 'kept' })
  return (await readRdb({ file, size: bytes.length, target, checksum, chunkBytes })).end
}

function usedBytes(test: TestEngine): number {
  let bytes = 0
  for (const db of test.engine.databases) {
    db.clear()
    bytes += db.arena.usedBytes
  }
  return bytes
}

/** DUMP of every key and its expiry, as plain data. */
function contents(test: TestEngine): Record<string, string> {
  const client = test.connect()
  const found: [string, string][] = []
  for (const db of test.engine.databases) {
    client.client.database = db.index
    for (const key of client
      .ask('KEYS', '*')
      .split(/\r\n\$\d+\r\n/)
      .slice(1)) {
      const name = key.replace(/\r\n$/, '')
      found.push([`${db.index} ${name}`, client.ask('DUMP', name) + client.ask('PEXPIRETIME', name)])
    }
  }
  return Object.fromEntries(found.sort(([a], [b]) => (a < b ? -1 : 1)))
}

describe.skipIf(redisServerCannotReadOurs())('with redis-server', () => {
  async function fill(redis: Redis): Promise<void> {
    for (const { commands } of SAMPLES)
      for (const [name, ...words] of commands) await redis.call(name!, ...words.map(latin1))
    await redis.call('SET', 'volatile', '1', 'PXAT', '4102444800123')
    await redis.select(5)
    await redis.call('RPUSH', 'in five', 'a', 'b')
    await redis.call('PEXPIREAT', 'in five', '4102444800999')
    await redis.select(0)
  }

  test('what it saved is loaded here; what is written here it starts from, and redis-check-rdb finds nothing wrong', async () => {
    const dir = temporaryDirectory()
    const redis = await startRedis('--dir', dir)
    await fill(redis)
    await redis.call('SAVE')
    const digest = await redis.call('DEBUG', 'DIGEST')

    const here = createEngine({ dir })
    const loaded = await loadSnapshot(here.engine)
    expect(loaded!.bytes).toBe(readFileSync(join(dir, 'dump.rdb')).length)
    expect(here.engine.conditions.state.special).toBe(0)
    const client = here.connect()
    expect(client.ask('DBSIZE')).toBe(`:${SAMPLES.length + 1}\r\n`)
    expect(client.ask('PEXPIRETIME', 'volatile')).toBe(':4102444800123\r\n')
    client.client.database = 5
    expect(client.ask('PEXPIRETIME', 'in five')).toBe(':4102444800999\r\n')

    const there = temporaryDirectory()
    writeFileSync(join(there, 'dump.rdb'), write(here))
    const check = spawnSync('redis-check-rdb', [join(there, 'dump.rdb')], { encoding: 'utf8' })
    expect(check.stdout).toContain('\\o/ RDB looks OK! \\o/')
    expect(check.stdout).toContain('Checksum OK')
    const again = await startRedis('--dir', there)
    expect(await again.call('DEBUG', 'DIGEST')).toBe(digest)
  })

  test('uncompressed, without a checksum', async () => {
    const dir = temporaryDirectory()
    const redis = await startRedis('--dir', dir, '--rdbcompression', 'no', '--rdbchecksum', 'no')
    await fill(redis)
    await redis.call('SAVE')
    const here = createEngine({ dir })
    await loadSnapshot(here.engine)
    const packed = temporaryDirectory()
    await redis.call('CONFIG', 'SET', 'rdbcompression', 'yes')
    await redis.call('SAVE')
    copyFileSync(join(dir, 'dump.rdb'), join(packed, 'dump.rdb'))
    const other = createEngine({ dir: packed })
    await loadSnapshot(other.engine)
    expect(contents(here)).toEqual(contents(other))
  })

  test('how long keys were not used comes along', async () => {
    const dir = temporaryDirectory()
    const redis = await startRedis('--dir', dir, '--maxmemory-policy', 'allkeys-lru')
    await redis.call('SET', 'k', '1')
    const payload = (await redis.callBuffer('DUMP', 'k')) as Buffer
    await redis.call('RESTORE', 'k', '0', payload, 'REPLACE', 'IDLETIME', '1000')
    await redis.call('SAVE')
    const here = createEngine({ dir })
    await loadSnapshot(here.engine)
    expect(Number(here.connect().ask('OBJECT', 'IDLETIME', 'k').slice(1))).toBeGreaterThanOrEqual(999)
  })
})

/** An engine with a bit of everything that commands here can make. */
function filled(): TestEngine {
  const test = createEngine()
  const client = test.connect()
  for (const { commands } of SAMPLES) {
    for (const words of commands)
      if (test.engine.commands.find(Bytes.from(words[0]!)) !== undefined) client.ask(...words)
  }
  client.ask('SELECT', '3')
  client.ask('SET', 'volatile', 'x', 'PXAT', '4102444800123')
  return test
}

test('chunks may end anywhere', async () => {
  const bytes = write(filled())
  const loaded = createEngine()
  expect(await read(loaded, bytes, 2 * bytes.length)).toBe(bytes.length)
  const whole = contents(loaded)
  expect(Object.keys(whole).length).toBeGreaterThan(25)
  for (const chunkBytes of [16, 17, 100, 1000, 65536]) {
    const to = createEngine()
    // What follows a snapshot is none of its business.
    expect(await read(to, Buffer.concat([bytes, latin1('*1\r\n')]), chunkBytes)).toBe(bytes.length)
    expect(contents(to)).toEqual(whole)
    expect(usedBytes(to)).toBe(0)
  }
})

/** A few keys of every kind, in few bytes. */
function small(): Buffer {
  const test = createEngine()
  const client = test.connect()
  for (const [name, ...words] of [
    ['SET', 'a', '1'],
    ['SET', 'b', 'abc'.repeat(20), 'PX', '100000'],
    ['RPUSH', 'l', 'x', '12', 'y'.repeat(70)],
    ['HSET', 'h', 'f', 'v', 'g', '5'],
    ['HSET', 'H', 'f', 'v'.repeat(65), 'g', '5'],
    ['SADD', 's', 'f', 'v'],
    ['SADD', 'i', '1', '70000'],
    ['ZADD', 'z', '1', 'f', '2.5', 'v'],
    ['ZADD', 'Z', '1', 'f', '2.5', 'v'.repeat(65)],
    ['XADD', 'x', '1-1', 'f', 'v'],
    ['XGROUP', 'CREATE', 'x', 'g', '0'],
    ['XREADGROUP', 'GROUP', 'g', 'c', 'STREAMS', 'x', '>'],
  ]) {
    if (test.engine.commands.find(Bytes.from(name!)) !== undefined)
      expect(client.ask(name!, ...words)).not.toMatch(/^-/)
  }
  return write(test)
}

/** Reads damaged bytes: that ends well or with RdbDamage, and nothing is kept. Returns what was wrong. */
async function readDamaged(
  bytes: Buffer,
  checksum: boolean,
  to = createEngine({ databases: '1' }),
): Promise<string | undefined> {
  let problem: string | undefined
  try {
    await read(to, bytes, 64, checksum)
  } catch (error) {
    if (!(error instanceof RdbDamage)) throw error
    // Which of two keys is one too many is known when all are there.
    expect(error.offset ?? (/is there twice/.test(error.message) ? 0 : -1)).toBeGreaterThanOrEqual(0)
    expect(error.offset ?? 0).toBeLessThanOrEqual(bytes.length)
    problem = error.message
  }
  expect(usedBytes(to)).toBe(0)
  return problem
}

/** Which bytes are tried: every day each third. */
const STEP = process.env.SOAK ? 1 : 3

test('a file cut anywhere is refused', async () => {
  const bytes = small()
  const to = createEngine({ databases: '1' })
  for (let length = 0; length < bytes.length; length += STEP) {
    expect(await readDamaged(bytes.subarray(0, length), false, to), String(length)).toBeDefined()
  }
})

/** What is done to each byte: every change to every byte takes 15 s of a core. */
const CHANGES = [0x01, 0x80, 0xff]

test('any byte changed is noticed by the checksum, and does no harm without it', async () => {
  const bytes = small()
  const to = createEngine({ databases: '1' })
  for (let at = 0; at < bytes.length; at += STEP) {
    for (const bits of process.env.SOAK ? CHANGES : [CHANGES[(at / STEP) % CHANGES.length]!]) {
      const damaged = Buffer.from(bytes)
      damaged[at]! ^= bits
      // A version before 5 has no checksum.
      if (at < 5 || at > 8) expect(await readDamaged(damaged, true, to), String(at)).toBeDefined()
      await readDamaged(damaged, false, to)
    }
  }
})

const END = latin1('\xff\0\0\0\0\0\0\0\0')

test.each([
  ['a newer version', latin1('REDIS0013'), /version 13/],
  ['no version', latin1('REDIS00x1'), /no RDB file/],
  ['something else', latin1('*1\r\n$4\r\nPING'), /no RDB file/],
  // 'hellotype' with version 0: the letters' numbers, six bits each, then ten bits.
  ["a module's key", Buffer.concat([latin1('REDIS0010\x07\x01k\x81'), moduleId('hellotype'), END]), /'hellotype'/],
  ["a module's own data", Buffer.concat([latin1('REDIS0010\xf7\x81'), moduleId('hellotype'), END]), /'hellotype'/],
  ['functions without anybody to take them', Buffer.concat([latin1('REDIS0010\xf5\x02#!'), END]), /function libraries/],
  ['a database too many', Buffer.concat([latin1('REDIS0010\xfe\x10\0\x01k\x01v'), END]), /database 16/],
  ['a key twice', Buffer.concat([latin1('REDIS0010\0\x01k\x01v\0\x01k\x01w'), END]), /'k' is there twice/],
  [
    'a key twice among as many as were announced',
    Buffer.concat([latin1('REDIS0010\xfb\x20\0'), ...keysFrom(0, 30), ...keysFrom(7, 9), END]),
    /'key:[78]' is there twice/,
  ],
  [
    'a key twice among more than were announced',
    Buffer.concat([latin1('REDIS0010\xfb\x20\0'), ...keysFrom(0, 40), ...keysFrom(7, 9), END]),
    /'key:7' is there twice/,
  ],
  ['an unknown opcode', Buffer.concat([latin1('REDIS0010\x63\x01k\x01v'), END]), /99 is no type/],
  ['a length that no file has', latin1('REDIS0010\0\x81\0\x1f\xff\xff\xff\xff\xff\xff'), /bytes are expected/],
  ['a length beyond exact numbers', latin1('REDIS0010\0\x81\xff\xff\xff\xff\xff\xff\xff\xff'), /beyond all bounds/],
])('%s is refused by name', async (_, bytes, problem) => {
  expect(await readDamaged(bytes, true)).toMatch(problem)
})

/** String keys key:<from> to key:<to - 1>, each its own value. */
function keysFrom(from: number, to: number): Buffer[] {
  const keys: Buffer[] = []
  for (let i = from; i < to; i++) {
    const name = latin1(`key:${i}`)
    keys.push(Buffer.from([0, name.length]), name, Buffer.from([name.length]), name)
  }
  return keys
}

test.each([0, 20, 1000, 20_000, 20_001, 100_000])(
  'of 20,000 keys in two databases all are there when %i were announced',
  async (announced) => {
    const to = createEngine()
    const size = Buffer.from([0xfb, 0x80, 0, 0, 0, 0, 0])
    size.writeUInt32BE(announced, 2)
    const bytes = Buffer.concat([
      latin1('REDIS0010'),
      ...[latin1('\xfe\x03'), size, ...keysFrom(0, 20_000)],
      ...[latin1('\xfe\x05'), size, ...keysFrom(10_000, 25_000)],
      // Database 3 once more: what was announced there still holds.
      ...[latin1('\xfe\x03'), latin1('\x04\x04hash\x01\x01f\x01v')],
      END,
    ])
    expect(await read(to, bytes)).toBe(bytes.length)
    const client = to.connect()
    client.client.database = 3
    expect(client.ask('DBSIZE')).toBe(':20001\r\n')
    expect(client.ask('HGETALL', 'hash')).toBe('*2\r\n$1\r\nf\r\n$1\r\nv\r\n')
    for (let i = 0; i < 20_000; i++) {
      if (client.ask('GET', `key:${i}`) !== `$${`key:${i}`.length}\r\nkey:${i}\r\n`) expect(i).toBe(-1)
    }
    expect(client.ask('GET', 'key:20000')).toBe('$-1\r\n')
    client.client.database = 5
    expect(client.ask('DBSIZE')).toBe(':15000\r\n')
    expect(client.ask('EXISTS', 'key:9999', 'key:10000', 'key:24999', 'key:25000')).toBe(':2\r\n')
    expect(client.ask('FLUSHALL')).toBe('+OK\r\n')
    expect(usedBytes(to)).toBe(0)
  },
)

test('reading begins with small chunks, so that clients are heard while nothing is compiled yet', async () => {
  const to = createEngine()
  const bytes = Buffer.concat([latin1('REDIS0010'), ...keysFrom(0, 200_000), END])
  const lengths: number[] = []
  const file = {
    read: async (into: Buffer, start: number, length: number, position: number) => {
      lengths.push(length)
      return bytes.copy(into, start, position, position + length)
    },
  }
  const target = new LoadTarget(to.engine, { expired: 'kept' })
  await readRdb({ file, size: bytes.length, target, checksum: true })
  expect(to.connect().ask('DBSIZE')).toBe(':200000\r\n')
  expect(lengths[0]).toBeLessThanOrEqual(16 * 1024)
  for (let i = 1; i < lengths.length - 1; i++) {
    expect(lengths[i]).toBeGreaterThanOrEqual(lengths[i - 1]!)
    expect(lengths[i]).toBeLessThanOrEqual(1.5 * lengths[i - 1]!)
  }
  // Each read costs some 50 µs: most of a large file comes in large ones.
  expect(lengths.at(-2)).toBe(256 * 1024)
})

function moduleId(name: string): Buffer {
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  let id = 0n
  for (const letter of name) id = (id << 6n) | BigInt(letters.indexOf(letter))
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64BE(id << 10n)
  return bytes
}

test('old files have no checksum, expiries in seconds, no databases named; a slot is passed over', async () => {
  const to = createEngine()
  const bytes = latin1('REDIS0004\xfd\x80\x12\x3a\x70\0\x01k\x01v\xf4\x01\x02\x03\0\x01l\xc0\xfe\xff')
  expect(await read(to, bytes)).toBe(bytes.length)
  const client = to.connect()
  expect(client.ask('PEXPIRETIME', 'k')).toBe(`:${0x703a1280}000\r\n`)
  expect(client.ask('GET', 'l')).toBe('$2\r\n-2\r\n')
})

test('a compressed value follows a field that is too long to be compressed', async () => {
  const from = createEngine()
  const field = 'f'.repeat(300 * 1024)
  const value = 'abc'.repeat(100)
  from.connect().ask('HSET', 'hash', field, value)
  from.connect().ask('SET', 'after', '1')
  const to = createEngine()
  await read(to, write(from))
  const client = to.connect()
  expect(client.ask('HGET', 'hash', field)).toBe(`$300\r\n${value}\r\n`)
  expect(client.ask('GET', 'after')).toBe('$1\r\n1\r\n')
})

test('a number of keys that did not come is forgotten', async () => {
  const to = createEngine()
  const [db] = to.engine.databases
  const empty = db!.usedBytes
  const bytes = Buffer.concat([
    latin1('REDIS0010\xfb\x80\x00\x01\x00\x00\x00\0\x01k\x01v\xf5\x80\x00\x04\x00\x00'),
    Buffer.alloc(262144),
    END,
  ])
  const target = new LoadTarget(to.engine, { expired: 'kept', loadFunction: () => {} })
  const file = {
    read: async (into: Buffer, at: number, length: number, from: number) => bytes.copy(into, at, from, from + length),
  }
  await readRdb({ file, size: bytes.length, target, checksum: true })
  expect(db!.usedBytes).toBeLessThan(empty + 1000)
  expect(to.connect().ask('GET', 'k')).toBe('$1\r\nv\r\n')
})

test("the file's notes about itself, functions and keys without elements reach the target", async () => {
  const test = createEngine()
  const codes: string[] = []
  const writer = new RdbWriter({ compress: true, checksum: true, use: 'nothing' })
  writer.header({ 'redis-ver': '7.0.15' })
  writer.function("#!lua name=x\nredis.register_function('f', function() return 1 end)")
  writer.database(0, 1, 0)
  writer.end()
  const bytes = Buffer.concat([writer.output.take().subarray(0, -9), latin1('\x01\x01e\0'), END])
  const target = new LoadTarget(test.engine, { expired: 'kept', loadFunction: (code) => codes.push(code) })
  const file = {
    read: async (into: Buffer, at: number, length: number, from: number) => bytes.copy(into, at, from, from + length),
  }
  await readRdb({ file, size: bytes.length, target, checksum: true })
  expect(codes).toEqual(["#!lua name=x\nredis.register_function('f', function() return 1 end)"])
  expect(target.auxiliaries.get('redis-ver')).toBe('7.0.15')
  expect(target.withoutElements).toBe(1)
  expect(target.keys).toBe(0)
})

describe('a snapshot at the start', () => {
  const disk = (bytes: Buffer): MemoryDisk => {
    const memory = new MemoryDisk()
    memory.put('/data/dump.rdb', bytes)
    return memory
  }

  test('leaves out what has expired', async () => {
    const from = createEngine()
    const client = from.connect()
    client.ask('SET', 'short', '1', 'PX', '1000')
    client.ask('SET', 'long', '1', 'PX', '100000')
    client.ask('RPUSH', 'list', 'a')
    client.ask('PEXPIRE', 'list', '1000')
    const bytes = write(from)
    const to = createEngine({ dir: '/data' })
    to.clock.advance(from.clock.now() - to.clock.now() + 1001)
    await loadSnapshot(to.engine, disk(bytes))
    expect(to.connect().ask('KEYS', '*')).toBe('*1\r\n$4\r\nlong\r\n')
    expect(to.journal.take()).toEqual([])
  })

  test('may be missing', async () => {
    const to = createEngine({ dir: '/data' })
    expect(await loadSnapshot(to.engine, new MemoryDisk())).toBeUndefined()
    expect(to.engine.conditions.state.special).toBe(0)
  })

  test('that is damaged refuses the start, naming file, place and remedy', async () => {
    const bytes = small()
    bytes[bytes.length - 12]! ^= 1
    const to = createEngine({ dir: '/data' })
    await expect(loadSnapshot(to.engine, disk(bytes))).rejects.toThrow(
      /^\/data\/dump\.rdb at offset \d+: .* respite check-rdb/,
    )
    expect(to.connect().ask('GET', 'a')).toMatch(/^-LOADING/)
  })

  test('that cannot be read refuses the start', async () => {
    const memory = disk(small())
    memory.fail('read', 'EIO')
    const to = createEngine({ dir: '/data' })
    await expect(loadSnapshot(to.engine, memory)).rejects.toThrow(/dump\.rdb: Input\/output error/)
  })
})
