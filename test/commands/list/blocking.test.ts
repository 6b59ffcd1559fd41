import { beforeEach, describe, expect, test } from 'vitest'
import { createEngine, encode, type TestClient, type TestEngine } from '../../support/engine.ts'
import { listen } from '../generic/listen.ts'

const WRONG_TYPE = '-WRONGTYPE Operation against a key holding the wrong kind of value\r\n'

let engine: TestEngine
let client: TestClient
let one: TestClient
let other: TestClient

beforeEach(() => {
  engine = createEngine()
  client = engine.connect()
  one = engine.connect(2)
  other = engine.connect(3)
})

describe('where there is something', () => {
  test('a blocking command is its twin at once, and is journaled as it', () => {
    client.ask('RPUSH', 'k', 'a', 'b', 'c', 'd', 'e', 'f', 'g')
    engine.journal.take()
    expect(one.ask('BLPOP', 'none', 'k', 0)).toBe('*2\r\n$1\r\nk\r\n$1\r\na\r\n')
    expect(other.ask('BRPOP', 'k', '0.5')).toBe('*2\r\n$1\r\nk\r\n$1\r\ng\r\n')
    expect(one.ask('BLMOVE', 'k', 'd', 'left', 'RIGHT', 0)).toBe('$1\r\nb\r\n')
    expect(one.ask('BRPOPLPUSH', 'k', 'd', 0)).toBe('$1\r\nf\r\n')
    expect(one.ask('BLMPOP', 0, 2, 'none', 'k', 'RIGHT', 'COUNT', 2)).toBe(
      '*2\r\n$1\r\nk\r\n*2\r\n$1\r\ne\r\n$1\r\nd\r\n',
    )
    expect(engine.journal.take()).toEqual([
      '0 LPOP k',
      '0 RPOP k',
      '0 LMOVE k d left RIGHT',
      '0 RPOPLPUSH k d',
      '0 RPOP k 2',
    ])
  })

  test.each([
    ['BLPOP k x', '-ERR timeout is not a float or out of range\r\n'],
    ['BLPOP k -1', '-ERR timeout is negative\r\n'],
    ['BLPOP k inf', '-ERR timeout is out of range\r\n'],
    ['BLPOP k 1e300', '-ERR timeout is out of range\r\n'],
    ['BLPOP s 0', WRONG_TYPE],
    ['BLPOP none s x', '-ERR timeout is not a float or out of range\r\n'],
    ['BLMOVE s k LEFT LEFT 0', WRONG_TYPE],
    ['BLMOVE k s LEFT LEFT 0', WRONG_TYPE],
    ['BLMOVE k s foo LEFT x', '-ERR syntax error\r\n'],
    ['BRPOPLPUSH k s -1', '-ERR timeout is negative\r\n'],
    ['BLMPOP x 0 k foo', '-ERR numkeys should be greater than 0\r\n'],
    ['BLMPOP x 1 k foo', '-ERR syntax error\r\n'],
    ['BLMPOP x 1 k LEFT COUNT 0', '-ERR count should be greater than 0\r\n'],
    ['BLMPOP x 1 k LEFT', '-ERR timeout is not a float or out of range\r\n'],
  ])('%s is refused', (line, error) => {
    client.ask('RPUSH', 'k', 'a')
    client.ask('SET', 's', 'x')
    engine.journal.take()
    expect(one.ask(...line.split(' '))).toBe(error)
    expect(one.client.requests.parked).toBe(false)
    expect(engine.journal.take()).toEqual([])
  })

  test('inside MULTI nothing waits: the reply is the one for an absent key', () => {
    for (const [asking, absent, absentArray] of [
      [one, '$-1', '*-1'],
      [other, '_', '_'],
    ] as const) {
      asking.ask('MULTI')
      asking.ask('BLPOP', 'k', 0)
      asking.ask('BLMOVE', 'k', 'd', 'LEFT', 'LEFT', 0)
      asking.ask('BRPOPLPUSH', 'k', 'd', 0)
      asking.ask('BLMPOP', 0, 1, 'k', 'LEFT')
      expect(asking.ask('EXEC')).toBe(`*4\r\n${absentArray}\r\n${absent}\r\n${absent}\r\n${absentArray}\r\n`)
    }
    expect(engine.journal.take()).toEqual([])
  })
})

describe('waiting', () => {
  test('ends with a push, whose reply counts the element before it is taken', () => {
    expect(one.ask('BLPOP', 'k', 0)).toBe('')
    expect(client.ask('RPUSH', 'k', 'a')).toBe(':1\r\n')
    expect(one.received()).toBe('*2\r\n$1\r\nk\r\n$1\r\na\r\n')
    expect(client.ask('EXISTS', 'k')).toBe(':0\r\n')
    expect(engine.journal.take()).toEqual(['0 RPUSH k a', '0 LPOP k'])
  })

  test.each([
    ['BLPOP k 0', '*2\r\n$1\r\nk\r\n$1\r\na\r\n', 'LPOP k'],
    ['BRPOP k 0', '*2\r\n$1\r\nk\r\n$1\r\nc\r\n', 'RPOP k'],
    ['BLMOVE k d RIGHT LEFT 0', '$1\r\nc\r\n', 'LMOVE k d RIGHT LEFT'],
    ['BRPOPLPUSH k d 0', '$1\r\nc\r\n', 'RPOPLPUSH k d'],
    ['BLMPOP 0 1 k LEFT COUNT 2', '*2\r\n$1\r\nk\r\n*2\r\n$1\r\na\r\n$1\r\nb\r\n', 'LPOP k 2'],
  ])('%s sees all that one push brought', (line, reply, journaled) => {
    one.ask(...line.split(' '))
    client.ask('RPUSH', 'k', 'a', 'b', 'c')
    expect(one.received()).toBe(reply)
    expect(engine.journal.take()).toEqual(['0 RPUSH k a b c', `0 ${journaled}`])
  })

  test('is served in order of arrival', () => {
    const clients = Array.from({ length: 5 }, () => engine.connect())
    for (const waiting of clients) waiting.ask('BLPOP', 'k', 0)
    client.ask('RPUSH', 'k', 'a', 'b', 'c')
    expect(clients.map((waiting) => waiting.received().slice(-3, -2))).toEqual(['a', 'b', 'c', '', ''])
    client.ask('RPUSH', 'k', 'd', 'e')
    expect(clients.map((waiting) => waiting.received().slice(-3, -2))).toEqual(['', '', '', 'd', 'e'])
  })

  test('on many keys ends with the first that is fed, and is over on all of them', () => {
    one.ask('BLPOP', 'a', 'b', 'b', 'c', 0)
    client.ask('RPUSH', 'b', 'x')
    expect(one.received()).toBe('*2\r\n$1\r\nb\r\n$1\r\nx\r\n')
    client.ask('RPUSH', 'a', 'y')
    client.ask('RPUSH', 'c', 'z')
    expect(one.received()).toBe('')
    expect(engine.engine.blocking.room.awaitedKeys).toBe(0)
  })

  test('sees a transaction only as a whole', () => {
    one.ask('BLPOP', 'k', 0)
    client.ask('MULTI')
    client.ask('RPUSH', 'k', 'a')
    client.ask('DEL', 'k')
    client.ask('EXEC')
    expect(one.received()).toBe('')
    client.ask('MULTI')
    client.ask('RPUSH', 'k', 'b')
    client.ask('LPUSH', 'k', 'c')
    engine.journal.take()
    expect(client.ask('EXEC')).toBe('*2\r\n:1\r\n:2\r\n')
    expect(one.received()).toBe('*2\r\n$1\r\nk\r\n$1\r\nc\r\n')
    expect(engine.journal.take()).toEqual(['MULTI', '0 RPUSH k b', '0 LPUSH k c', 'EXEC', '0 LPOP k'])
  })

  test('looks at its keys in its own order when a transaction fed several', () => {
    one.ask('BLPOP', 'first', 'second', 0)
    client.ask('MULTI')
    client.ask('RPUSH', 'second', 'b')
    client.ask('RPUSH', 'first', 'a')
    client.ask('EXEC')
    expect(one.received()).toBe('*2\r\n$5\r\nfirst\r\n$1\r\na\r\n')
  })

  test('goes in chains: what one waiter moves serves the next', () => {
    const last = engine.connect()
    const events = listen(engine)
    last.ask('BLPOP', 'c', 0)
    other.ask('BLMOVE', 'b', 'c', 'LEFT', 'LEFT', 0)
    one.ask('BLMOVE', 'a', 'b', 'LEFT', 'LEFT', 0)
    expect(client.ask('RPUSH', 'a', 'x')).toBe(':1\r\n')
    expect(one.received()).toBe('$1\r\nx\r\n')
    expect(other.received()).toBe('$1\r\nx\r\n')
    expect(last.received()).toBe('*2\r\n$1\r\nc\r\n$1\r\nx\r\n')
    expect(engine.engine.databases[0]!.size).toBe(0)
    expect(engine.journal.take()).toEqual(['0 RPUSH a x', '0 LMOVE a b LEFT LEFT', '0 LMOVE b c LEFT LEFT', '0 LPOP c'])
    expect(events()).toEqual([
      '0 new a',
      '0 rpush a',
      '0 new b',
      '0 lpush b',
      '0 lpop a',
      '0 del a',
      '0 new c',
      '0 lpush c',
      '0 lpop b',
      '0 del b',
      '0 lpop c',
      '0 del c',
    ])
  })

  test('a list moved in a circle is served once a waiter', () => {
    one.ask('BLMOVE', 'a', 'b', 'LEFT', 'LEFT', 0)
    other.ask('BLMOVE', 'b', 'a', 'LEFT', 'LEFT', 0)
    client.ask('RPUSH', 'a', 'x')
    expect([one.received(), other.received()]).toEqual(['$1\r\nx\r\n', '$1\r\nx\r\n'])
    expect(client.ask('LRANGE', 'a', 0, -1)).toBe('*1\r\n$1\r\nx\r\n')
  })

  test('goes on beside a value of another type, and ends when the key becomes a list', () => {
    one.ask('BLPOP', 'k', 0)
    client.ask('SET', 'k', 'text')
    expect(one.received()).toBe('')
    client.ask('DEL', 'k')
    client.ask('RPUSH', 'k', 'a')
    expect(one.received()).toBe('*2\r\n$1\r\nk\r\n$1\r\na\r\n')
  })

  test('ends with an error when the destination has become another type; the element stays for the next', () => {
    one.ask('BLMOVE', 'k', 's', 'LEFT', 'LEFT', 0)
    other.ask('BLPOP', 'k', 0)
    client.ask('SET', 's', 'x')
    engine.journal.take()
    client.ask('RPUSH', 'k', 'a')
    expect(one.received()).toBe(WRONG_TYPE)
    expect(other.received()).toBe('*2\r\n$1\r\nk\r\n$1\r\na\r\n')
    expect(engine.journal.take()).toEqual(['0 RPUSH k a', '0 LPOP k'])
  })

  test('ends with whatever brings a list: a rename, a copy, another database, a swap', () => {
    const commands: [string[], string[]][] = [
      [
        ['RPUSH', 'x', 'a'],
        ['RENAME', 'x', 'k'],
      ],
      [
        ['RPUSH', 'x', 'a'],
        ['COPY', 'x', 'k'],
      ],
    ]
    for (const [before, feed] of commands) {
      one.ask('BLPOP', 'k', 0)
      client.ask(...before)
      client.ask(...feed)
      expect(one.received()).toBe('*2\r\n$1\r\nk\r\n$1\r\na\r\n')
      client.ask('DEL', 'x')
    }
    client.ask('SELECT', 1)
    one.ask('BLPOP', 'k', 0)
    client.ask('RPUSH', 'k', 'b')
    expect(one.received()).toBe('')
    client.ask('MOVE', 'k', 0)
    expect(one.received()).toBe('*2\r\n$1\r\nk\r\n$1\r\nb\r\n')
    one.ask('BLPOP', 'k', 0)
    client.ask('RPUSH', 'k', 'c')
    client.ask('SWAPDB', 0, 1)
    expect(one.received()).toBe('*2\r\n$1\r\nk\r\n$1\r\nc\r\n')
  })

  test('keeps what its client sends meanwhile for afterwards', () => {
    one.sendRaw(encode(['BLPOP', 'k', 0]) + encode(['LLEN', 'k']) + encode(['BLPOP', 'k', 0]))
    one.sendRaw(encode(['ECHO', 'done']))
    expect(one.received()).toBe('')
    client.ask('RPUSH', 'k', 'a')
    expect(one.received()).toBe('*2\r\n$1\r\nk\r\n$1\r\na\r\n:0\r\n')
    client.ask('RPUSH', 'k', 'b')
    expect(one.received()).toBe('*2\r\n$1\r\nk\r\n$1\r\nb\r\n$4\r\ndone\r\n')
  })

  test('a pipeline that feeds itself through another client keeps its order', () => {
    one.ask('BLPOP', 'k', 0)
    expect(client.sendRaw(encode(['RPUSH', 'k', 'a']) + encode(['BLPOP', 'k', 0]) + encode(['PING']))).toBe(':1\r\n')
    expect(one.received()).toBe('*2\r\n$1\r\nk\r\n$1\r\na\r\n')
    one.ask('RPUSH', 'k', 'b')
    expect(client.received()).toBe('*2\r\n$1\r\nk\r\n$1\r\nb\r\n+PONG\r\n')
  })

  test('is in the database that was selected', () => {
    one.ask('SELECT', 3)
    one.ask('BLPOP', 'k', 0)
    client.ask('RPUSH', 'k', 'zero')
    expect(one.received()).toBe('')
    client.ask('SELECT', 3)
    engine.journal.take()
    client.ask('RPUSH', 'k', 'three')
    expect(one.received()).toBe('*2\r\n$1\r\nk\r\n$5\r\nthree\r\n')
    expect(engine.journal.take()).toEqual(['3 RPUSH k three', '3 LPOP k'])
  })

  test('breaks the WATCH of a client that saw the list before', () => {
    client.ask('WATCH', 'k')
    one.ask('BLPOP', 'k', 0)
    other.ask('RPUSH', 'k', 'a')
    client.ask('MULTI')
    expect(client.ask('EXEC')).toBe('*-1\r\n')
  })
})

describe('waiting in vain', () => {
  test('ends when the time is up, not before, in the shape of an absent array', () => {
    one.ask('BLPOP', 'k', '0.25')
    other.ask('BLMOVE', 'k', 'd', 'LEFT', 'LEFT', '0.2505')
    const third = engine.connect()
    third.ask('BRPOPLPUSH', 'k', 'd', 1)
    engine.clock.advance(249)
    expect([one.received(), other.received()]).toEqual(['', ''])
    engine.clock.advance(1)
    expect([one.received(), other.received()]).toEqual(['*-1\r\n', ''])
    engine.clock.advance(1)
    expect(other.received()).toBe('_\r\n')
    engine.clock.advance(749)
    expect(third.received()).toBe('*-1\r\n')
    expect(engine.engine.blocking.room.count).toBe(0)
    expect(engine.journal.take()).toEqual([])
  })

  test('a timeout of less than a millisecond is one, of 0 or of less than nothing rounded up none', () => {
    one.ask('BLPOP', 'k', '0.0001')
    other.ask('BLPOP', 'k', '-0.0001')
    engine.clock.advance(1)
    expect(one.received()).toBe('*-1\r\n')
    engine.clock.advance(10_000_000)
    expect(other.received()).toBe('')
  })

  test('goes on with what was sent meanwhile', () => {
    one.sendRaw(encode(['BLPOP', 'k', 1]) + encode(['PING']))
    engine.clock.advance(1000)
    expect(one.received()).toBe('*-1\r\n+PONG\r\n')
  })

  test('ends with CLIENT UNBLOCK, as if timed out or with an error', () => {
    one.ask('BLPOP', 'k', 0)
    expect(client.ask('CLIENT', 'UNBLOCK', one.client.id)).toBe(':1\r\n')
    expect(one.received()).toBe('*-1\r\n')
    other.ask('BLMPOP', 0, 1, 'k', 'LEFT')
    expect(client.ask('CLIENT', 'UNBLOCK', other.client.id, 'ERROR')).toBe(':1\r\n')
    expect(other.received()).toBe('-UNBLOCKED client unblocked via CLIENT UNBLOCK\r\n')
    expect(client.ask('CLIENT', 'UNBLOCK', one.client.id)).toBe(':0\r\n')
    expect(client.ask('RPUSH', 'k', 'a')).toBe(':1\r\n')
    expect(client.ask('LLEN', 'k')).toBe(':1\r\n')
  })

  test('ends with the connection: the element goes to the next in line', () => {
    one.ask('BLPOP', 'k', 5)
    other.ask('BLPOP', 'k', 0)
    one.disconnect()
    client.ask('RPUSH', 'k', 'a')
    expect(other.received()).toBe('*2\r\n$1\r\nk\r\n$1\r\na\r\n')
    expect(engine.engine.blocking.room.count).toBe(0)
    engine.clock.advance(5000)
    expect(one.received()).toBe('')
  })

  test('a list that expires before it is seen serves no client', () => {
    client.ask('RPUSH', 'x', 'a')
    client.ask('PEXPIRE', 'x', 10)
    one.ask('BLPOP', 'k', 0)
    client.ask('MULTI')
    client.ask('RENAME', 'x', 'k')
    engine.clock.advance(5)
    client.ask('EXEC')
    expect(one.received()).toBe('*2\r\n$1\r\nk\r\n$1\r\na\r\n')
    one.ask('BLPOP', 'k', 0)
    client.ask('RPUSH', 'k', 'b')
    expect(one.received()).toBe('*2\r\n$1\r\nk\r\n$1\r\nb\r\n')
  })
})

describe('many who wait', () => {
  test('ten thousand for one key: an element runs one command', () => {
    const clients = Array.from({ length: 10_000 }, () => engine.connect())
    for (const waiting of clients) waiting.sendRaw(encode(['BLPOP', 'k', 0]))
    const runs = () => engine.engine.figures.stats.commandsProcessed
    const before = runs()
    client.ask('RPUSH', 'k', 'a')
    expect(runs() - before).toBe(2)
    expect(clients[0]!.received()).toBe('*2\r\n$1\r\nk\r\n$1\r\na\r\n')
    expect(clients[1]!.received()).toBe('')
    expect(engine.engine.blocking.room.count).toBe(9999)
  })

  test('a value of a type that no client waits for serves no client', () => {
    for (let i = 0; i < 100; i++) engine.connect().ask('BLPOP', 'k', 0)
    let visited = 0
    const { room } = engine.engine.blocking
    const forEachOn = room.forEachOn.bind(room)
    room.forEachOn = (key, visit) =>
      forEachOn(key, (waiter) => {
        visited++
        return visit(waiter)
      })
    client.ask('SET', 'k', 'x')
    client.ask('GETDEL', 'k')
    client.ask('SADD', 'k', 'x')
    expect(visited).toBe(0)
  })
})
