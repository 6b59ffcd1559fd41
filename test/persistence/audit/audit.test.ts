// DEBUG AUDIT names the keys whose values in memory are not what the append-only file says, and no others.

import { describe, expect, test } from 'vitest'
import type { Engine } from '../../../src/engine/engine.ts'
import type { Hash } from '../../../src/store/hash.ts'
import type { List } from '../../../src/store/list.ts'
import { ListPosition } from '../../../src/store/list-pages.ts'
import type { MemberSet } from '../../../src/store/member-set.ts'
import { type SortedSet, SortedSetPosition } from '../../../src/store/sorted-set.ts'
import type { Stream } from '../../../src/store/stream.ts'
import { EntryCursor } from '../../../src/store/stream-cursor.ts'
import { TYPE_STRING } from '../../../src/store/value.ts'
import { Bytes } from '../../../src/util/bytes.ts'
import type { TestClient } from '../../support/engine.ts'
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
  return { keys: numberAfter('keys'), differing: numberAfter('differing'), parts: numberAfter('parts'), named: named.sort() }
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
  for (let i = 1; i <= 500; i++) client.ask('XADD', 'large stream', `${i}-1`, 'field', `value ${i}`)
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

  test.each(['always', 'everysec', 'no'])('whatever type, under appendfsync %s, and nothing else is named', async (appendfsync) => {
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
  })
})
