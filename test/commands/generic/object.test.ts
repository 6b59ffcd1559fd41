import { beforeEach, describe, expect, test } from 'vitest'
import { Bytes } from '../../../src/util/bytes/bytes.ts'
import { createEngine, type TestClient, type TestEngine } from '../../support/engine.ts'

let engine: TestEngine
let client: TestClient

beforeEach(() => {
  engine = createEngine()
  client = engine.connect()
})

const LFU_MISSING =
  '-ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that when switching between policies at runtime LRU and LFU data will take some time to adjust.\r\n'
const LFU_CHOSEN =
  '-ERR An LFU maxmemory policy is selected, idle time not tracked. Please note that when switching between policies at runtime LRU and LFU data will take some time to adjust.\r\n'

describe('OBJECT ENCODING', () => {
  test.each([
    ['0', 'int'],
    ['-1', 'int'],
    ['9223372036854775807', 'int'],
    ['-9223372036854775808', 'int'],
    ['9223372036854775808', 'embstr'],
    ['12345678901234567890', 'embstr'],
    ['01', 'embstr'],
    ['1.5', 'embstr'],
    ['', 'embstr'],
    ['x'.repeat(44), 'embstr'],
    ['x'.repeat(45), 'raw'],
    ['x'.repeat(100_000), 'raw'],
  ])('of %j is %s', (value, encoding) => {
    client.ask('SET', 'k', value)
    expect(client.ask('OBJECT', 'ENCODING', 'k')).toBe(`$${encoding.length}\r\n${encoding}\r\n`)
  })

  test('a string changed in place is raw, its copies too', () => {
    client.ask('SET', 'k', '12')
    const db = engine.engine.databases[0]!
    db.strings.resize(db.find(Bytes.from('k')), 2, new Bytes())
    client.ask('COPY', 'k', 'copy')
    expect([client.ask('OBJECT', 'ENCODING', 'k'), client.ask('OBJECT', 'ENCODING', 'copy')]).toEqual([
      '$3\r\nraw\r\n',
      '$3\r\nraw\r\n',
    ])
    client.ask('SET', 'k', '12')
    expect(client.ask('OBJECT', 'ENCODING', 'k')).toBe('$3\r\nint\r\n')
  })
})

describe('OBJECT REFCOUNT', () => {
  test.each([
    ['0', '2147483647'],
    ['9999', '2147483647'],
    ['10000', '1'],
    ['-1', '1'],
    ['abc', '1'],
    ['', '1'],
  ])('of %j is %s', (value, count) => {
    client.ask('SET', 'k', value)
    expect(client.ask('OBJECT', 'REFCOUNT', 'k')).toBe(`:${count}\r\n`)
  })

  test('a copy shares nothing until it is written', () => {
    client.ask('SET', 'k', '1')
    client.ask('COPY', 'k', 'copy')
    client.ask('RENAME', 'copy', 'c')
    expect(client.ask('OBJECT', 'REFCOUNT', 'c')).toBe(':1\r\n')
    client.ask('SET', 'c', '1')
    expect(client.ask('OBJECT', 'REFCOUNT', 'c')).toBe(':2147483647\r\n')
    client.ask('MOVE', 'c', 1)
    client.ask('SELECT', 1)
    expect(client.ask('OBJECT', 'REFCOUNT', 'c')).toBe(':2147483647\r\n')
  })

  test('nothing is shared while eviction looks at single keys', () => {
    client.ask('SET', 'k', '1')
    engine.engine.config.set('maxmemory-policy', 'allkeys-lru')
    expect(client.ask('OBJECT', 'REFCOUNT', 'k')).toBe(':2147483647\r\n')
    engine.engine.config.set('maxmemory', '100mb')
    expect(client.ask('OBJECT', 'REFCOUNT', 'k')).toBe(':1\r\n')
    engine.engine.config.set('maxmemory-policy', 'volatile-ttl')
    expect(client.ask('OBJECT', 'REFCOUNT', 'k')).toBe(':2147483647\r\n')
  })
})

describe('OBJECT FREQ and IDLETIME', () => {
  test('by default idle time is kept and frequency is not', () => {
    client.ask('SET', 'k', 'v')
    engine.clock.advance(3000)
    expect(client.ask('OBJECT', 'IDLETIME', 'k')).toBe(':3\r\n')
    expect(client.ask('OBJECT', 'FREQ', 'k')).toBe(LFU_MISSING)
  })

  test('under an LFU policy it is the other way round', () => {
    engine.engine.config.set('maxmemory-policy', 'allkeys-lfu')
    client.ask('SET', 'k', 'v')
    expect(client.ask('OBJECT', 'IDLETIME', 'k')).toBe(LFU_CHOSEN)
    expect(client.ask('OBJECT', 'FREQ', 'k')).toBe(':5\r\n')
  })
})

test('a missing key is nil before anything is an error', () => {
  for (const subcommand of ['ENCODING', 'REFCOUNT', 'FREQ', 'idletime']) {
    expect(client.ask('OBJECT', subcommand, 'none')).toBe('$-1\r\n')
    expect(engine.connect(3).ask('OBJECT', subcommand, 'none')).toBe('_\r\n')
  }
})

test.each([
  [[], "ERR wrong number of arguments for 'object' command"],
  [['ENCODING'], "ERR wrong number of arguments for 'object|encoding' command"],
  [['FOO', 'k'], "ERR unknown subcommand 'FOO'. Try OBJECT HELP."],
])('OBJECT %j is refused: %s', (words, error) => {
  expect(client.ask('OBJECT', ...words)).toBe(`-${error}\r\n`)
})

test('OBJECT HELP lists the subcommands', () => {
  const help = client.ask('OBJECT', 'HELP')
  expect(help).toMatch(/^\*15\r\n\+OBJECT <subcommand>/)
  for (const subcommand of ['ENCODING', 'FREQ', 'IDLETIME', 'REFCOUNT', 'HELP'])
    expect(help).toContain(`\r\n+${subcommand}`)
})
