import { beforeEach, describe, expect, test } from 'vitest'
import { createEngine, type TestClient, type TestEngine } from '../../support/engine.ts'
import { listen } from './listen.ts'

let engine: TestEngine
let client: TestClient
let events: () => string[]

beforeEach(() => {
  engine = createEngine()
  client = engine.connect()
  events = listen(engine)
})

/** Sets keys and forgets what was journaled and announced. */
function given(...names: string[]): void {
  for (const name of names) client.ask('SET', name, `value of ${name}`)
  engine.journal.take()
  events()
}

describe('DEL and UNLINK', () => {
  test.each(['DEL', 'UNLINK'])('%s counts what existed, announces each and journals the request', (command) => {
    given('a', 'b')
    expect(client.ask(command, 'a', 'none', 'b', 'a')).toBe(':2\r\n')
    expect(client.ask('EXISTS', 'a', 'b')).toBe(':0\r\n')
    expect(events()).toEqual(['0 del a', '0 del b'])
    expect(engine.journal.take()).toEqual([`0 ${command} a none b a`])
  })

  test('nothing is journaled when nothing was removed', () => {
    expect(client.ask('DEL', 'a')).toBe(':0\r\n')
    expect([engine.journal.take(), events()]).toEqual([[], []])
  })

  test('a key whose time is up is not counted: it expires before', () => {
    given('a')
    client.ask('PEXPIRE', 'a', 10)
    given()
    engine.engine.config.set('active-expire-enabled', 'no')
    engine.clock.advance(11)
    expect(client.ask('DEL', 'a')).toBe(':0\r\n')
    expect(events()).toEqual(['0 expired a'])
    expect(engine.journal.take()).toEqual(['0 DEL a'])
  })
})

describe('EXISTS, TOUCH and TYPE', () => {
  test('EXISTS and TOUCH count repetitions', () => {
    given('a', '')
    expect(client.ask('EXISTS', 'a', 'a', '', 'none')).toBe(':3\r\n')
    expect(client.ask('TOUCH', 'a', 'a', '', 'none')).toBe(':3\r\n')
  })

  test('only TOUCH counts as use, for clients under NO-TOUCH too', () => {
    given('a')
    engine.clock.advance(30_000)
    client.ask('EXISTS', 'a')
    client.ask('TYPE', 'a')
    client.ask('TTL', 'a')
    expect(client.ask('OBJECT', 'IDLETIME', 'a')).toBe(':30\r\n')
    client.ask('CLIENT', 'NO-TOUCH', 'on')
    client.ask('GET', 'a')
    expect(client.ask('OBJECT', 'IDLETIME', 'a')).toBe(':30\r\n')
    client.ask('TOUCH', 'a')
    expect(client.ask('OBJECT', 'IDLETIME', 'a')).toBe(':0\r\n')
  })

  test('TYPE is a status line', () => {
    given('a')
    expect([client.ask('TYPE', 'a'), client.ask('TYPE', 'none')]).toEqual(['+string\r\n', '+none\r\n'])
  })

  test('they count as hits and misses', () => {
    given('a')
    const { dataset } = engine.engine.data
    const {
      use: { hits, misses },
    } = dataset
    for (const command of ['EXISTS', 'TOUCH', 'TYPE', 'TTL']) {
      client.ask(command, 'a')
      client.ask(command, 'none')
    }
    client.ask('OBJECT', 'ENCODING', 'a')
    client.ask('OBJECT', 'ENCODING', 'none')
    expect([dataset.use.hits - hits, dataset.use.misses - misses]).toEqual([5, 5])
  })
})

describe('RENAME and RENAMENX', () => {
  test('the value goes with its expiry, and what bore the name is gone', () => {
    given('a', 'b')
    client.ask('PEXPIREAT', 'a', 1_800_000_000_000)
    given()
    expect(client.ask('RENAME', 'a', 'b')).toBe('+OK\r\n')
    expect(client.ask('GET', 'b')).toBe('$10\r\nvalue of a\r\n')
    expect(client.ask('PEXPIRETIME', 'b')).toBe(':1800000000000\r\n')
    expect(client.ask('EXISTS', 'a')).toBe(':0\r\n')
    expect(events()).toEqual(['0 new b', '0 rename_from a', '0 rename_to b'])
    expect(engine.journal.take()).toEqual(['0 RENAME a b'])
  })

  test('a missing key is an error, whatever the new name', () => {
    given('b')
    for (const to of ['none', 'b']) {
      expect(client.ask('RENAME', 'none', to)).toBe('-ERR no such key\r\n')
      expect(client.ask('RENAMENX', 'none', to)).toBe('-ERR no such key\r\n')
    }
  })

  test('a key renamed to itself is not changed', () => {
    given('a')
    expect(client.ask('RENAME', 'a', 'a')).toBe('+OK\r\n')
    expect(client.ask('RENAMENX', 'a', 'a')).toBe(':0\r\n')
    expect([engine.journal.take(), events()]).toEqual([[], []])
  })

  test('RENAMENX leaves a taken name alone', () => {
    given('a', 'b')
    expect(client.ask('RENAMENX', 'a', 'b')).toBe(':0\r\n')
    expect(engine.journal.take()).toEqual([])
    expect(client.ask('RENAMENX', 'a', 'c')).toBe(':1\r\n')
    expect(engine.journal.take()).toEqual(['0 RENAMENX a c'])
  })

  test('a name whose bearer has expired is free', () => {
    given('a', 'b')
    client.ask('PEXPIRE', 'b', 1)
    engine.engine.config.set('active-expire-enabled', 'no')
    engine.clock.advance(2)
    given()
    expect(client.ask('RENAMENX', 'a', 'b')).toBe(':1\r\n')
    expect(events()).toEqual(['0 expired b', '0 new b', '0 rename_from a', '0 rename_to b'])
    expect(engine.journal.take()).toEqual(['MULTI', '0 DEL b', '0 RENAMENX a b', 'EXEC'])
  })
})

describe('COPY', () => {
  test('copies value and expiry, here or into another database', () => {
    given('a')
    client.ask('PEXPIREAT', 'a', 1_800_000_000_000)
    given()
    expect(client.ask('COPY', 'a', 'b')).toBe(':1\r\n')
    expect(client.ask('COPY', 'a', 'a', 'DB', 3)).toBe(':1\r\n')
    expect(events()).toEqual(['0 new b', '0 copy_to b', '3 new a', '3 copy_to a'])
    expect(engine.journal.take()).toEqual(['0 COPY a b', '0 COPY a a DB 3'])
    expect(client.ask('PEXPIRETIME', 'b')).toBe(':1800000000000\r\n')
    client.ask('SELECT', 3)
    expect([client.ask('GET', 'a'), client.ask('PEXPIRETIME', 'a')]).toEqual([
      '$10\r\nvalue of a\r\n',
      ':1800000000000\r\n',
    ])
  })

  test('replaces only when told to', () => {
    given('a', 'b')
    expect(client.ask('COPY', 'a', 'b')).toBe(':0\r\n')
    expect(client.ask('COPY', 'none', 'b', 'REPLACE')).toBe(':0\r\n')
    expect(engine.journal.take()).toEqual([])
    client.ask('EXPIRE', 'b', 100)
    expect(client.ask('COPY', 'a', 'b', 'replace')).toBe(':1\r\n')
    expect([client.ask('GET', 'b'), client.ask('TTL', 'b')]).toEqual(['$10\r\nvalue of a\r\n', ':-1\r\n'])
  })

  test.each([
    [['a', 'a'], 'ERR source and destination objects are the same'],
    [['a', 'a', 'DB', '0'], 'ERR source and destination objects are the same'],
    [['a', 'c', 'DB'], 'ERR syntax error'],
    [['a', 'c', 'DB', 'x'], 'ERR value is not an integer or out of range'],
    [['a', 'c', 'DB', '16'], 'ERR DB index is out of range'],
    [['a', 'c', 'DB', '-1'], 'ERR DB index is out of range'],
    [['a', 'c', 'DB', '3000000000'], 'ERR value is out of range, value must between -2147483648 and 2147483647'],
    [['a', 'c', 'REPLACED'], 'ERR syntax error'],
  ])('COPY %j is refused: %s', (words, error) => {
    given('a')
    expect(client.ask('COPY', ...words)).toBe(`-${error}\r\n`)
    expect(engine.journal.take()).toEqual([])
  })
})

describe('MOVE', () => {
  test('the key leaves this database for the other, its expiry with it', () => {
    given('a')
    client.ask('PEXPIREAT', 'a', 1_800_000_000_000)
    given()
    expect(client.ask('MOVE', 'a', 2)).toBe(':1\r\n')
    expect(events()).toEqual(['2 new a', '0 move_from a', '2 move_to a'])
    expect(engine.journal.take()).toEqual(['0 MOVE a 2'])
    expect(client.ask('EXISTS', 'a')).toBe(':0\r\n')
    client.ask('SELECT', 2)
    expect(client.ask('PEXPIRETIME', 'a')).toBe(':1800000000000\r\n')
  })

  test('nothing moves where the name is taken', () => {
    given('a')
    client.ask('COPY', 'a', 'a', 'DB', 1)
    given()
    expect(client.ask('MOVE', 'a', 1)).toBe(':0\r\n')
    expect(client.ask('MOVE', 'none', 1)).toBe(':0\r\n')
    expect(engine.journal.take()).toEqual([])
  })

  test.each([
    ['0', 'ERR source and destination objects are the same'],
    ['16', 'ERR DB index is out of range'],
    ['x', 'ERR value is not an integer or out of range'],
    ['-3000000000', 'ERR value is out of range, value must between -2147483648 and 2147483647'],
  ])('MOVE to %j is refused: %s', (database, error) => {
    expect(client.ask('MOVE', 'none', database)).toBe(`-${error}\r\n`)
  })
})
