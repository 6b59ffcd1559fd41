// DEBUG AUDIT names the keys whose values in memory are not what the append-only file says, and no others.

import { describe, expect, test } from 'vitest'
import type { AuditReport } from '../../../src/engine/effects/saving.ts'
import type { Engine } from '../../../src/engine/engine.ts'
import type { Hash } from '../../../src/store/hash/hash.ts'
import type { List } from '../../../src/store/list/list.ts'
import { ListPosition } from '../../../src/store/list/list-pages.ts'
import type { MemberSet } from '../../../src/store/set/member-set.ts'
import { type SortedSet, SortedSetPosition } from '../../../src/store/sorted-set/sorted-set.ts'
import type { Stream } from '../../../src/store/stream/stream.ts'
import { EntryCursor } from '../../../src/store/stream/stream-cursor.ts'
import { TYPE_STRING } from '../../../src/store/structures/value.ts'
import { Bytes } from '../../../src/util/bytes/bytes.ts'
import { Random } from '../../../src/util/numbers/random.ts'
import type { TestClient } from '../../support/engine.ts'
import { randomCommand } from '../../support/random-commands.ts'
import { type SavingEngine, type SavingOptions, startSaving } from '../../support/saving.ts'

const AOF = { appendonly: 'yes', 'auto-aof-rewrite-percentage': '0' }

function startAudited(options: SavingOptions = {}): Promise<SavingEngine> {
  return startSaving({ ...options, settings: { ...AOF, ...options.settings } })
}

interface Found {
  keys: number
  differing: number
  parts: number
  named: string[]
}

/** Asks for an audit, runs `meanwhile` between its slices, and reads the reply. */
async function audit(test: SavingEngine, words: string[] = [], meanwhile?: () => void): Promise<Found> {
  const client = test.connect()
  client.sendUnended('DEBUG', 'AUDIT', ...words)
  test.engine.endTurn()
  for (let i = 0; i < 20_000 && test.saving.isAuditing; i++) {
    await new Promise((resolve) => setImmediate(resolve))
    meanwhile?.()
    test.slice()
    test.clock.advance(0)
  }
  await test.finish()
  return readFound(client.received())
}

function readFound(reply: string): Found {
  expect(reply).toMatch(/^\*10\r\n/)
  const lines = reply.split('\r\n')
  const numberAfter = (word: string): number => Number(lines[lines.indexOf(word) + 1]!.slice(1))
  const named: string[] = []
  for (let i = lines.indexOf('named') + 2; lines[i] === '*3'; i += 6) {
    named.push(`${lines[i + 1]!.slice(1)} ${lines[i + 3]} ${lines[i + 5]}`)
  }
  return {
    keys: numberAfter('keys'),
    differing: numberAfter('differing'),
    parts: numberAfter('parts'),
    named: named.sort(),
  }
}

const long = (bytes: number): string => 'x'.repeat(bytes)

/** All types, small and large, in several databases. */
function fill(client: TestClient): void {
  client.ask('SET', 'string', 'value')
  client.ask('SET', 'integer', '12345', 'PX', '100000')
  client.ask('SET', 'raw', long(400))
  client.ask('SETRANGE', 'large string', '300000', 'end')
  client.ask('PFADD', 'hll', 'a', 'b')
  client.ask('PFCOUNT', 'hll')
  client.ask('RPUSH', 'list', 'a', 'b', '17')
  client.ask('SADD', 'integers', '1', '2', '3')
  client.ask('SADD', 'set', 'x', 'y')
  client.ask('ZADD', 'zset', '1.5', 'a', '-inf', 'b', '3e100', 'c')
  client.ask('HSET', 'hash', 'f', 'v', 'g', '')
  client.ask('HSET', 'fields', 'f', 'v', 'g', 'w', 'h', 'x')
  client.ask('HPEXPIRE', 'fields', '50000', 'FIELDS', '2', 'g', 'h')
  client.ask('XADD', 'stream', '1-1', 'f', 'v')
  client.ask('XADD', 'stream', '2-7', 'f', 'w', 'g', 'x')
  client.ask('XGROUP', 'CREATE', 'stream', 'group', '0')
  client.ask('XREADGROUP', 'GROUP', 'group', 'consumer', 'COUNT', '1', 'STREAMS', 'stream', '>')
  client.ask('XADD', 'empty', '1-1', 'f', 'v')
  client.ask('XDEL', 'empty', '1-1')
  for (let i = 0; i < 3000; i += 300) {
    const numbers = Array.from({ length: 300 }, (_, n) => i + n)
    client.ask('SADD', 'large set', ...numbers.map((n) => `member ${n}`))
    client.ask('HSET', 'large hash', ...numbers.flatMap((n) => [`field ${n}`, `value ${n}`]))
    client.ask('RPUSH', 'large list', ...numbers.map((n) => `element ${n}`))
    client.ask('ZADD', 'large zset', ...numbers.flatMap((n) => [String(n / 7), `member ${n}`]))
  }
  client.ask('MULTI')
  for (let i = 1; i <= 500; i++) client.ask('XADD', 'large stream', `${i}-1`, 'field', `value ${i}`)
  client.ask('EXEC')
  client.ask('XGROUP', 'CREATE', 'large stream', 'group', '0')
  client.ask('XREADGROUP', 'GROUP', 'group', 'consumer', 'COUNT', '400', 'STREAMS', 'large stream', '>')
  client.ask('XACK', 'large stream', 'group', '7-1', '9-1')
  client.ask('SELECT', '3')
  client.ask('SET', 'string', 'of another database')
  client.ask('HSET', 'hash', 'f', 'of another database')
  client.ask('SELECT', '0')
  client.ask('FUNCTION', 'LOAD', "#!lua name=library\nredis.register_function('f', function() return 1 end)")
}

const KEYS = 20

/** Changes a byte of a value where it lies in memory: nobody is told. */
function flip({ source, start, length }: Bytes): void {
  source.u8[start + (length >> 1)]! ^= 1
}

/** For each key of `fill`: finds bytes of its value. */
function bytesOf(engine: Engine, database: number, key: string): Bytes {
  const db = engine.databases[database]!
  const entry = db.keys.find(Bytes.from(key))
  const window = new Bytes()
  if (db.typeOf(entry) === TYPE_STRING) return db.strings.read(entry, window)
  const value = db.structureOf(entry)
  const type = value.constructor.name
  if (type === 'List') {
    const position = new ListPosition()
    const list = value as List
    list.seek(list.length >> 1, position)
    return list.element(position, window)
  }
  if (type === 'MemberSet') {
    const set = value as MemberSet
    return set.memberOf(set.next(set.first()), window)
  }
  if (type === 'SortedSet') {
    const position = new SortedSetPosition()
    const set = value as SortedSet
    set.seek(1, position)
    set.memberAt(position, window)
    return window
  }
  if (type === 'Hash') {
    const hash = value as Hash
    return hash.valueOf(hash.first(), window)
  }
  const cursor = new EntryCursor()
  const name = new Bytes()
  expect((value as Stream).first(cursor)).toBe(true)
  cursor.beginFields()
  cursor.nextField(name, window)
  return window
}

test('equal data of all types is found equal, after writes, a rewrite and a start', async () => {
  const first = await startAudited()
  fill(first.connect())
  expect(await audit(first)).toEqual({ keys: KEYS, differing: 0, parts: 1, named: [] })
  first.connect().ask('BGREWRITEAOF')
  await first.finish()
  first.connect().ask('APPEND', 'string', ' and more')
  expect(await audit(first)).toEqual({ keys: KEYS, differing: 0, parts: 1, named: [] })
  await first.saving.close()
  const second = await startAudited({ disk: first.disk.copy(), atMs: first.clock.now() })
  expect(await audit(second)).toEqual({ keys: KEYS, differing: 0, parts: 1, named: [] })
})

describe('a byte that changed in memory is found', () => {
  const PLACES = [
    ['0', 'string'],
    ['0', 'integer'],
    ['0', 'raw'],
    ['0', 'large string'],
    ['0', 'list'],
    ['0', 'large list'],
    ['0', 'set'],
    ['0', 'large set'],
    ['0', 'zset'],
    ['0', 'large zset'],
    ['0', 'hash'],
    ['0', 'large hash'],
    ['0', 'fields'],
    ['0', 'stream'],
    ['0', 'large stream'],
    ['3', 'string'],
    ['3', 'hash'],
  ] as const

  test.each(['always', 'everysec', 'no'])(
    'whatever type, under appendfsync %s, and nothing else is named',
    async (appendfsync) => {
      const started = await startAudited({ settings: { appendfsync } })
      fill(started.connect())
      const flipAll = (): void => {
        for (const [database, key] of PLACES) flip(bytesOf(started.engine, Number(database), key))
      }
      flipAll()
      const named = PLACES.map(([database, key]) => `${database} ${key} value`).sort()
      expect(await audit(started)).toEqual({ keys: KEYS, differing: PLACES.length, parts: 1, named })
      expect(started.warnings.filter((line) => line.includes('differ {'))).toHaveLength(PLACES.length)
      flipAll()
      expect((await audit(started)).differing).toBe(0)
    },
  )
})

describe('equal data is found equal', () => {
  const SEEDS = [1, 2, 3]

  test.each(SEEDS)(
    'while clients write, keys and fields expire, and a rewrite waits for its turn (seed %i)',
    async (seed) => {
      const random = new Random(seed)
      const started = await startAudited({
        tickMs: 0.4,
        settings: { appendfsync: ['always', 'everysec', 'no'][seed % 3]! },
      })
      const { clock } = started
      const clients = [started.connect(), started.connect()]
      clients[1]!.ask('SELECT', '2')
      const write = (count: number): void => {
        for (let i = 0; i < count; i++) {
          clients[random.below(2)]!.ask(...randomCommand(random, clock.now()))
          if (random.below(10) === 0) clock.advance(random.below(300))
          const due = clock.now() + random.below(2000)
          if (random.below(10) === 0) clients[0]!.ask('HSET', 'volatile', `f${random.below(900)}`, 'v')
          if (random.below(10) === 0)
            clients[0]!.ask('HPEXPIREAT', 'volatile', due, 'FIELDS', 1, `f${random.below(900)}`)
          if (random.below(300) === 0) clients[0]!.ask('SWAPDB', '0', '2')
          if (random.below(1000) === 0) clients[0]!.ask('FLUSHDB')
        }
      }
      for (let round = 0; round < 2; round++) {
        // A FLUSHDB of the round before may have left next to nothing.
        fill(clients[0]!)
        write(100)
        const parts = round === 1 ? ['PARTS', String(2 + random.below(3))] : []
        const found = await audit(started, parts, () => {
          write(1 + random.below(3))
          if (random.below(40) === 0) clients[0]!.ask('BGREWRITEAOF')
        })
        expect(found.named, `seed ${seed}`).toEqual([])
        expect(found.keys).toBeGreaterThan(10)
      }
    },
  )

  test('although a key and fields of a hash are due and not removed yet', async () => {
    const started = await startAudited()
    const client = started.connect()
    client.ask('CONFIG', 'SET', 'active-expire-enabled', 'no')
    client.ask('DEBUG', 'SET-ACTIVE-EXPIRE', '0')
    client.ask('SET', 'due', 'v', 'PX', '10')
    client.ask('HSET', 'all due', 'f', 'v')
    client.ask('HPEXPIRE', 'all due', '10', 'FIELDS', '1', 'f')
    for (let i = 0; i < 2000; i++) client.ask('HSET', 'many due', `field ${i}`, 'v')
    for (let i = 0; i < 2000; i += 2) client.ask('HPEXPIRE', 'many due', '10', 'FIELDS', '1', `field ${i}`)
    started.clock.advance(100)
    // Removes some of them; the others are hidden.
    client.ask('HLEN', 'many due')
    expect((await audit(started)).named).toEqual([])
  })

  test('although clients change what is large, or remove it, while it is summed up', async () => {
    const started = await startAudited({ tickMs: 1 })
    const client = started.connect()
    fill(client)
    let turns = 0
    const found = await audit(started, [], () => {
      turns++
      if (turns === 2) client.ask('EVAL', "return redis.call('DEL', 'large hash')", '0')
      if (turns === 3) client.ask('EVAL', "return redis.call('RPOP', 'large list')", '0')
      if (turns === 4) client.ask('SET', 'large string', 'small')
      if (turns === 5) client.ask('SWAPDB', '0', '3')
      if (turns === 6) client.ask('FLUSHALL')
    })
    expect(turns).toBeGreaterThan(6)
    expect(found).toEqual({ keys: KEYS, differing: 0, parts: 1, named: [] })
    expect((await audit(started)).keys).toBe(0)
  })
})

describe('differences', () => {
  test('of keys that are only on one side, of type and expiry, and of libraries have their names', async () => {
    const started = await startAudited()
    const { engine } = started
    const client = started.connect()
    fill(client)
    const behindTheGate = (...words: string[]): void => {
      const { propagation } = engine.effects
      propagation.remove(started.saving.journal!)
      client.ask(...words)
      propagation.add(started.saving.journal!)
    }
    behindTheGate('SET', 'new', 'v')
    behindTheGate('DEL', 'set')
    behindTheGate('PEXPIRE', 'integer', '50000')
    behindTheGate('PERSIST', 'integer')
    behindTheGate('HPERSIST', 'fields', 'FIELDS', '1', 'g')
    behindTheGate('XCLAIM', 'stream', 'group', 'other', '0', '1-1')
    behindTheGate('DEL', 'list')
    behindTheGate('SADD', 'list', 'a')
    behindTheGate('FUNCTION', 'FLUSH')
    const expected = [
      '-1 library function-library',
      '0 fields value',
      '0 integer expiry',
      '0 list type',
      '0 new only-in-memory',
      '0 set only-in-file',
      '0 stream value',
    ]
    expect((await audit(started)).named).toEqual(expected)
    const inParts = await audit(started, ['PARTS', '4'])
    expect(inParts.parts).toBe(4)
    expect(inParts.keys).toBe(KEYS + 1)
    expect([...new Set(inParts.named)]).toEqual(expected)
  })

  test('beyond a thousand are counted, and the first are named', async () => {
    const started = await startAudited()
    const { engine } = started
    const client = started.connect()
    const names = Array.from({ length: 1200 }, (_, i) => `k${i}`)
    client.ask('MSET', ...names.flatMap((name) => [name, 'value']))
    for (const name of names) flip(bytesOf(engine, 0, name))
    const { differing, named } = await audit(started)
    expect(differing).toBe(1200)
    expect(named).toHaveLength(1000)
  })

  test('a value that cannot be read is named, and the others are compared', async () => {
    const started = await startAudited()
    const client = started.connect()
    fill(client)
    const db = started.engine.databases[0]!
    const list = db.structureOf(db.keys.find(Bytes.from('large list'))) as List
    list.element = () => {
      throw new RangeError('beyond its end')
    }
    const found = await audit(started)
    expect(found.named).toEqual(['0 large list unreadable'])
    expect(found.keys).toBe(KEYS)
  })
})

test('clients are answered between slices of about a millisecond', async () => {
  const started = await startAudited({ tickMs: 0.25 })
  const client = started.connect()
  const count = 4000
  client.ask('MULTI')
  for (let i = 0; i < count; i++) client.ask('SET', `key ${i}`, long(100))
  client.ask('EXEC')
  let report: AuditReport | undefined
  started.saving.audit(undefined, (outcome) => {
    report = outcome as AuditReport
  })
  let pings = 0
  for (; started.saving.isAuditing; pings++) {
    expect(client.ask('PING')).toBe('+PONG\r\n')
    await new Promise((resolve) => setImmediate(resolve))
    started.slice()
  }
  expect(report).toMatchObject({ keys: count, differing: 0 })
  // Eight commands, or sixteen keys, take a quarter of a millisecond here.
  expect(pings).toBeGreaterThan((count / 8 + count / 16) / 8)
  expect(report!.longestSliceMs).toBeLessThan(3)
})

describe('there is no audit', () => {
  const NONE = '-ERR There was no audit:'

  test('without an append-only file', async () => {
    const { connect } = await startSaving()
    expect(connect().ask('DEBUG', 'AUDIT')).toBe(
      `${NONE} there is no append-only file to compare with (appendonly no); \`respite audit --dir\` looks at snapshots\r\n`,
    )
  })

  test('while another one is under way, in a transaction, or with words that make no sense', async () => {
    const started = await startAudited({ tickMs: 1 })
    const client = started.connect()
    const other = started.connect()
    expect(client.ask('DEBUG', 'AUDIT')).toBe('')
    expect(other.ask('DEBUG', 'AUDIT')).toBe(`${NONE} another audit is under way\r\n`)
    other.ask('MULTI')
    other.ask('DEBUG', 'AUDIT')
    expect(other.ask('EXEC')).toContain('-ERR DEBUG AUDIT is not allowed in a transaction')
    for (const words of [['X'], ['PART', '3'], ['PARTS', '0'], ['PARTS', 'x'], ['PARTS', '1025']])
      expect(other.ask('DEBUG', 'AUDIT', ...words)).toMatch(/^-ERR/)
    await started.finish()
    expect(client.received()).toMatch(/^\*10/)
  })

  test('when it needs more memory than maxmemory leaves; more parts need less', async () => {
    const started = await startAudited({ tickMs: 0.1 })
    const client = started.connect()
    for (let i = 0; i < 6000; i += 500) {
      client.ask('MULTI')
      for (let n = i; n < i + 500; n++) client.ask('SET', `key ${n}`, long(1000))
      client.ask('EXEC')
    }
    const used = started.engine.upkeep.memory.boundedBytes
    client.ask('CONFIG', 'SET', 'maxmemory', String(used + 6_000_000))
    client.sendUnended('DEBUG', 'AUDIT', 'PARTS', '1')
    started.engine.endTurn()
    await started.finish()
    expect(client.received()).toContain('needs more memory than maxmemory leaves')
    expect(client.ask('DBSIZE')).toBe(':6000\r\n')
    const found = await audit(started)
    expect(found).toMatchObject({ keys: 6000, differing: 0 })
    expect(found.parts).toBeGreaterThan(1)
  })

  test('of a log that cannot be replayed: its reply says where it is damaged', async () => {
    const started = await startAudited()
    const client = started.connect()
    client.ask('SET', 'k', 'value')
    const [file] = started.disk.files.filter((name) => name.endsWith('.incr.aof'))
    const bytes = started.disk.get(file!)
    bytes[bytes.indexOf('$3')] = 0x41
    started.disk.put(file!, bytes)
    client.sendUnended('DEBUG', 'AUDIT')
    started.engine.endTurn()
    await started.finish()
    expect(client.received()).toMatch(/^-ERR There was no audit: .*incr\.aof/)
  })

  test('when the server ends meanwhile', async () => {
    const started = await startAudited({ tickMs: 1 })
    const client = started.connect()
    fill(client)
    client.sendUnended('DEBUG', 'AUDIT')
    started.engine.endTurn()
    started.slice()
    const closed = started.saving.close()
    await started.finish()
    await closed
    expect(client.received()).toBe(`${NONE} the server is ending\r\n`)
  })
})

test('a user with the right to DEBUG may ask for an audit, whatever enable-debug-command says', async () => {
  const started = await startAudited({ settings: { 'enable-debug-command': 'no' } })
  expect(started.connect().ask('DEBUG', 'DIGEST')).toContain('not allowed')
  expect((await audit(started)).differing).toBe(0)
})

test('a command that was renamed is known to the engine that replays', async () => {
  const started = await startAudited()
  started.engine.commands.rename('set', 'put')
  const client = started.connect()
  expect(client.ask('PUT', 'k', 'v')).toBe('+OK\r\n')
  expect(await audit(started)).toMatchObject({ keys: 1, differing: 0 })
})

test('memory of an audit is none for which keys would be evicted', async () => {
  const started = await startAudited({ tickMs: 1 })
  const client = started.connect()
  fill(client)
  let most = 0
  await audit(started, [], () => {
    most = Math.max(most, started.engine.upkeep.memory.besideBytes?.() ?? 0)
  })
  expect(most).toBeGreaterThan(500_000)
  expect(started.engine.upkeep.memory.besideBytes).toBeUndefined()
})
