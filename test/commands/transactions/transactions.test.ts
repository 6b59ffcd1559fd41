import { beforeEach, describe, expect, test } from 'vitest'
import { createEngine, type TestClient, type TestEngine } from '../../support/engine.ts'

let engine: TestEngine
let client: TestClient
let other: TestClient

beforeEach(() => {
  engine = createEngine()
  client = engine.connect()
  other = engine.connect()
})

const OK = '+OK\r\n'
const QUEUED = '+QUEUED\r\n'
const BROKEN = '*-1\r\n'
const EXECABORT = '-EXECABORT Transaction discarded because of previous errors.\r\n'

describe('MULTI and EXEC', () => {
  test('commands are queued, then run as one, their replies in one array', () => {
    expect(client.ask('MULTI')).toBe(OK)
    expect(client.ask('SET', 'a', '1')).toBe(QUEUED)
    expect(client.ask('GET', 'a')).toBe(QUEUED)
    expect(other.ask('EXISTS', 'a')).toBe(':0\r\n')
    expect(client.ask('EXEC')).toBe('*2\r\n+OK\r\n$1\r\n1\r\n')
    expect(client.ask('GET', 'a')).toBe('$1\r\n1\r\n')
  })

  test('replies nest as each protocol has them', () => {
    const three = engine.connect(3)
    for (const asker of [client, three]) {
      asker.ask('MULTI')
      asker.ask('SCAN', 0)
      asker.ask('GET', 'none')
    }
    expect(client.ask('EXEC')).toBe('*2\r\n*2\r\n$1\r\n0\r\n*0\r\n$-1\r\n')
    expect(three.ask('EXEC')).toBe('*2\r\n*2\r\n$1\r\n0\r\n*0\r\n_\r\n')
  })

  test('an empty transaction is an empty array', () => {
    client.ask('MULTI')
    expect(client.ask('EXEC')).toBe('*0\r\n')
  })

  test('a command that fails while running does not stop the others', () => {
    client.ask('MULTI')
    client.ask('RENAME', 'none', 'x')
    client.ask('SET', 'a', '1')
    expect(client.ask('EXEC')).toBe('*2\r\n-ERR no such key\r\n+OK\r\n')
    expect(client.ask('EXISTS', 'a')).toBe(':1\r\n')
  })

  test('queued arguments are copies: what is read next does not change them', () => {
    client.sendRaw('*1\r\n$5\r\nMULTI\r\n*3\r\n$3\r\nSET\r\n$1\r\na\r\n$5\r\nfirst\r\n')
    client.sendRaw('*3\r\n$3\r\nSET\r\n$1\r\nb\r\n$5\r\nother\r\n*1\r\n$4\r\nEXEC\r\n')
    expect(client.ask('GET', 'a')).toBe('$5\r\nfirst\r\n')
  })

  test('SELECT holds for the commands after it, and after EXEC', () => {
    client.ask('MULTI')
    client.ask('SELECT', 3)
    client.ask('SET', 'a', '1')
    client.ask('EXEC')
    expect(engine.journal.take()).toEqual(['3 SET a 1'])
    expect(client.ask('EXISTS', 'a')).toBe(':1\r\n')
    expect(other.ask('EXISTS', 'a')).toBe(':0\r\n')
  })

  test('time stands still within a transaction', () => {
    client.ask('SET', 'a', '1')
    client.ask('MULTI')
    client.ask('PEXPIRE', 'a', 10)
    client.ask('PTTL', 'a')
    engine.clock.advance(500)
    expect(client.ask('EXEC')).toBe('*2\r\n:1\r\n:10\r\n')
  })

  test('a pipeline of a whole transaction is answered in order', () => {
    expect(client.sendRaw('MULTI\r\nSET a 1\r\nEXEC\r\nPING\r\n')).toBe('+OK\r\n+QUEUED\r\n*1\r\n+OK\r\n+PONG\r\n')
  })
})

describe('the journal', () => {
  test('a transaction is one unit, in the words of its effects', () => {
    client.ask('SET', 'a', '1')
    engine.journal.take()
    client.ask('MULTI')
    client.ask('GET', 'a')
    client.ask('EXPIRE', 'a', 10)
    client.ask('SET', 'b', '2')
    client.ask('EXEC')
    expect(engine.journal.take()).toEqual(['MULTI', '0 PEXPIREAT a 1700000010000', '0 SET b 2', 'EXEC'])
  })

  test('nothing is journaled of a transaction that changed nothing', () => {
    client.ask('MULTI')
    client.ask('GET', 'a')
    client.ask('DEL', 'a')
    client.ask('EXEC')
    expect(engine.journal.take()).toEqual([])
  })

  test('keys that expire within it are part of the unit', () => {
    engine.engine.config.set('active-expire-enabled', 'no')
    client.ask('SET', 'a', '1')
    client.ask('PEXPIRE', 'a', 1)
    engine.clock.advance(2)
    engine.journal.take()
    client.ask('MULTI')
    client.ask('GET', 'a')
    client.ask('SET', 'b', '1')
    client.ask('EXEC')
    expect(engine.journal.take()).toEqual(['MULTI', '0 DEL a', '0 SET b 1', 'EXEC'])
  })
})

describe('errors while queueing', () => {
  test.each([
    [['NOPE', 'x'], "-ERR unknown command 'NOPE', with args beginning with: 'x' \r\n"],
    [['GET'], "-ERR wrong number of arguments for 'get' command\r\n"],
    [['OBJECT', 'FOO', 'x'], "-ERR unknown subcommand 'FOO'. Try OBJECT HELP.\r\n"],
  ])('%j spoils the transaction: EXEC runs nothing', (words, error) => {
    client.ask('MULTI')
    client.ask('SET', 'a', '1')
    expect(client.ask(...words)).toBe(error)
    expect(client.ask('EXEC')).toBe(EXECABORT)
    expect(client.ask('EXISTS', 'a')).toBe(':0\r\n')
    expect(client.ask('EXEC')).toBe('-ERR EXEC without MULTI\r\n')
  })

  test.each([
    [['MULTI'], '-ERR MULTI calls can not be nested\r\n'],
    [['WATCH', 'x'], '-ERR WATCH inside MULTI is not allowed\r\n'],
  ])('%j is an error, but spoils nothing', (words, error) => {
    client.ask('MULTI')
    client.ask('SET', 'a', '1')
    expect(client.ask(...words)).toBe(error)
    expect(client.ask('EXEC')).toBe('*1\r\n+OK\r\n')
  })

  test('EXEC with an argument ends the transaction, and says so even outside of one', () => {
    const refusal = "-EXECABORT Transaction discarded because of: wrong number of arguments for 'exec' command\r\n"
    client.ask('MULTI')
    expect(client.ask('EXEC', 'x')).toBe(refusal)
    expect(client.ask('EXEC')).toBe('-ERR EXEC without MULTI\r\n')
    expect(client.ask('EXEC', 'x')).toBe(refusal)
  })

  test('EXEC waits for the data if one of its commands does', () => {
    const { engine, connect } = createEngine()
    const client = connect()
    for (const [command, reply] of [
      ['GET', '-EXECABORT Transaction discarded because of: LOADING Redis is loading the dataset in memory\r\n'],
      ['UNWATCH', '*1\r\n+OK\r\n'],
    ] as const) {
      client.ask('MULTI')
      client.ask(...(command === 'GET' ? [command, 'k'] : [command]))
      engine.conditions.loading.begin()
      expect(client.ask('EXEC')).toBe(reply)
      engine.conditions.loading.end()
    }
  })

  test('a broken WATCH does not hide them', () => {
    client.ask('WATCH', 'a')
    other.ask('SET', 'a', '1')
    client.ask('MULTI')
    client.ask('NOPE')
    expect(client.ask('EXEC')).toBe(EXECABORT)
  })
})

describe('giving up', () => {
  test('DISCARD forgets the queue and the watched keys', () => {
    client.ask('WATCH', 'a')
    client.ask('MULTI')
    client.ask('SET', 'a', '1')
    expect(client.ask('DISCARD')).toBe(OK)
    expect(client.ask('EXISTS', 'a')).toBe(':0\r\n')
    expect(engine.engine.data.watches.size).toBe(0)
    other.ask('SET', 'a', '2')
    client.ask('MULTI')
    expect(client.ask('EXEC')).toBe('*0\r\n')
  })

  test('there must be something to give up, or to run', () => {
    expect(client.ask('DISCARD')).toBe('-ERR DISCARD without MULTI\r\n')
    expect(client.ask('EXEC')).toBe('-ERR EXEC without MULTI\r\n')
  })

  test('RESET gives up the transaction and the watched keys', () => {
    client.ask('WATCH', 'a')
    client.ask('MULTI')
    client.ask('SET', 'a', '1')
    expect(client.ask('RESET')).toBe('+RESET\r\n')
    expect(client.ask('GET', 'a')).toBe('$-1\r\n')
    expect(engine.engine.data.watches.size).toBe(0)
  })

  test('a client that disconnects leaves no queue and no watch behind', () => {
    client.ask('WATCH', 'a', 'b')
    client.ask('MULTI')
    client.ask('SET', 'a', '1')
    client.disconnect()
    expect(engine.engine.data.watches.size).toBe(0)
    expect(other.ask('EXISTS', 'a')).toBe(':0\r\n')
  })

  test('a queue larger than the query buffer may be ends the connection', () => {
    engine.engine.config.set('client-query-buffer-limit', '1mb')
    client.ask('MULTI')
    const value = 'x'.repeat(300_000)
    for (let i = 0; i < 3; i++) expect(client.ask('SET', 'a', value)).toBe(QUEUED)
    client.ask('SET', 'a', value)
    expect(client.closed).toBe('now')
    expect(other.ask('EXISTS', 'a')).toBe(':0\r\n')
  })
})

describe('WATCH', () => {
  /** WATCH a, then what happens, then an EXEC that would set b. */
  function watched(happens: () => void, key = 'a'): string {
    client.ask('WATCH', key)
    happens()
    client.ask('MULTI')
    client.ask('SET', 'b', '1')
    return client.ask('EXEC')
  }
  const DONE = '*1\r\n+OK\r\n'

  test('a change by another client, or by the same one, prevents EXEC', () => {
    expect(watched(() => other.ask('SET', 'a', '1'))).toBe(BROKEN)
    expect(watched(() => client.ask('SET', 'a', '1'))).toBe(BROKEN)
    expect(client.ask('EXISTS', 'b')).toBe(':0\r\n')
  })

  test('the refusal is a null in RESP3', () => {
    client = engine.connect(3)
    expect(watched(() => other.ask('SET', 'a', '1'))).toBe('_\r\n')
  })

  test('writing the same value again is a change; reading is none', () => {
    other.ask('SET', 'a', '1')
    expect(watched(() => other.ask('SET', 'a', '1'))).toBe(BROKEN)
    expect(watched(() => other.ask('GET', 'a'))).toBe(DONE)
    expect(watched(() => other.ask('TOUCH', 'a'))).toBe(DONE)
  })

  test.each([
    ['DEL', ['DEL', 'a']],
    ['EXPIRE', ['EXPIRE', 'a', 100]],
    ['RENAME away', ['RENAME', 'a', 'x']],
    ['RENAME over it', ['RENAME', 'y', 'a']],
    ['COPY over it', ['COPY', 'y', 'a', 'REPLACE']],
    ['MOVE', ['MOVE', 'a', 1]],
    ['FLUSHDB', ['FLUSHDB']],
    ['FLUSHALL', ['FLUSHALL']],
    ['SWAPDB', ['SWAPDB', 0, 1]],
  ] as const)('%s is a change', (_, words) => {
    other.ask('SET', 'a', '1')
    other.ask('SET', 'y', '1')
    expect(watched(() => other.ask(...words))).toBe(BROKEN)
  })

  test.each([['FLUSHALL'], ['FLUSHDB'], ['SWAPDB', '0', '1'], ['DEL', 'a'], ['PERSIST', 'a']])(
    'a command that does not concern a missing key does not break its watch: %s',
    (...words) => {
      expect(watched(() => other.ask(...words))).toBe(DONE)
    },
  )

  test('SWAPDB that brings a key breaks its watch', () => {
    other.ask('SELECT', 1)
    other.ask('SET', 'a', '1')
    expect(watched(() => other.ask('SWAPDB', 0, 1))).toBe(BROKEN)
  })

  test('a key of the same name in another database is another key', () => {
    other.ask('SELECT', 1)
    expect(watched(() => other.ask('SET', 'a', '1'))).toBe(DONE)
    expect(watched(() => other.ask('FLUSHDB'))).toBe(DONE)
  })

  test('a key that expires between WATCH and EXEC breaks it, whether removed already or not', () => {
    for (const active of ['yes', 'no']) {
      engine.engine.config.set('active-expire-enabled', active)
      client.ask('SET', 'a', '1')
      client.ask('PEXPIRE', 'a', 10)
      expect(watched(() => engine.clock.advance(11))).toBe(BROKEN)
    }
  })

  test('a key whose time was up at WATCH already is a missing key', () => {
    engine.engine.config.set('active-expire-enabled', 'no')
    client.ask('SET', 'a', '1')
    client.ask('PEXPIRE', 'a', 10)
    engine.clock.advance(11)
    expect(watched(() => other.ask('GET', 'a'))).toBe(DONE)
    client.ask('SET', 'a', '1')
    client.ask('PEXPIRE', 'a', 10)
    engine.clock.advance(11)
    expect(watched(() => other.ask('SET', 'a', '2'))).toBe(BROKEN)
  })

  test('UNWATCH forgets, EXEC and a refused EXEC do too', () => {
    client.ask('WATCH', 'a')
    other.ask('SET', 'a', '1')
    expect(client.ask('UNWATCH')).toBe(OK)
    client.ask('MULTI')
    expect(client.ask('EXEC')).toBe('*0\r\n')
    expect(watched(() => other.ask('SET', 'a', '1'))).toBe(BROKEN)
    client.ask('MULTI')
    expect(client.ask('EXEC')).toBe('*0\r\n')
    expect([engine.engine.data.watches.size, engine.engine.data.changes.told]).toEqual([0, null])
  })

  test('UNWATCH inside MULTI is queued: too late to save the transaction', () => {
    client.ask('WATCH', 'a')
    client.ask('MULTI')
    expect(client.ask('UNWATCH')).toBe(QUEUED)
    other.ask('SET', 'a', '1')
    expect(client.ask('EXEC')).toBe(BROKEN)
  })

  test('each client has watches of its own', () => {
    client.ask('WATCH', 'a')
    other.ask('WATCH', 'a')
    other.ask('UNWATCH')
    engine.connect().ask('SET', 'a', '1')
    for (const [asker, reply] of [
      [client, BROKEN],
      [other, '*0\r\n'],
    ] as const) {
      asker.ask('MULTI')
      expect(asker.ask('EXEC')).toBe(reply)
    }
  })

  test('the transaction itself does not break its own watch', () => {
    client.ask('WATCH', 'a')
    client.ask('MULTI')
    client.ask('SET', 'a', '1')
    expect(client.ask('EXEC')).toBe(DONE)
  })

  test('binary and empty keys are watched as they are', () => {
    expect(watched(() => other.ask('SET', 'a\xff\0', '1'), 'a\xff\0')).toBe(BROKEN)
    expect(watched(() => other.ask('SET', 'a\xff', '1'), 'a\xff\0')).toBe(DONE)
    expect(watched(() => other.ask('SET', '', '1'), '')).toBe(BROKEN)
  })
})
