// Replies as RESP2 and RESP3, journal lines, events. What every reply is, the differential test knows better.

import { beforeEach, describe, expect, test } from 'vitest'
import { createEngine, type TestClient, type TestEngine } from '../../support/engine.ts'
import { listen } from '../generic/listen.ts'

const WRONG_TYPE = '-WRONGTYPE Operation against a key holding the wrong kind of value\r\n'

let engine: TestEngine
let client: TestClient
let newer: TestClient

beforeEach(() => {
  engine = createEngine()
  client = engine.connect(2)
  newer = engine.connect(3)
})

const bulks = (...words: string[]): string => words.map((word) => `$${word.length}\r\n${word}\r\n`).join('')
const array = (...words: string[]): string => `*${words.length}\r\n${bulks(...words)}`
const memory = (): number => engine.engine.databases[0]!.arena.usedBytes

describe('ZADD', () => {
  test('counts what is new, with CH what is new or changed', () => {
    expect(client.ask('ZADD', 'k', 1, 'a', 2, 'b')).toBe(':2\r\n')
    expect(client.ask('ZADD', 'k', 1, 'a', 3, 'b', 4, 'c')).toBe(':1\r\n')
    expect(client.ask('ZADD', 'k', 'CH', 1, 'a', 9, 'b', 5, 'd')).toBe(':2\r\n')
    expect(client.ask('ZRANGE', 'k', 0, -1, 'WITHSCORES')).toBe(array('a', '1', 'c', '4', 'd', '5', 'b', '9'))
  })

  test('a member named twice ends with the last score', () => {
    expect(client.ask('ZADD', 'k', 'CH', 1, 'a', 2, 'a', 2, 'a')).toBe(':2\r\n')
    expect(client.ask('ZSCORE', 'k', 'a')).toBe('$1\r\n2\r\n')
  })

  test('NX, XX, GT and LT choose whom it concerns', () => {
    client.ask('ZADD', 'k', 5, 'a')
    expect(client.ask('ZADD', 'k', 'nx', 'CH', 1, 'a', 1, 'b')).toBe(':1\r\n')
    expect(client.ask('ZADD', 'k', 'xx', 'CH', 6, 'a', 1, 'c')).toBe(':1\r\n')
    expect(client.ask('ZADD', 'k', 'GT', 'CH', 5, 'a', 7, 'd')).toBe(':1\r\n')
    expect(client.ask('ZADD', 'k', 'LT', 'CH', 7, 'a', 0, 'd')).toBe(':1\r\n')
    expect(client.ask('ZRANGE', 'k', 0, -1, 'WITHSCORES')).toBe(array('d', '0', 'b', '1', 'a', '6'))
    expect(client.ask('ZADD', 'none', 'XX', 1, 'a')).toBe(':0\r\n')
    expect(client.ask('EXISTS', 'none')).toBe(':0\r\n')
  })

  test('INCR answers with the new score, or nil where it was forbidden', () => {
    expect(newer.ask('ZADD', 'k', 'INCR', '1.5', 'a')).toBe(',1.5\r\n')
    expect(client.ask('ZADD', 'k', 'INCR', '-0.25', 'a')).toBe('$4\r\n1.25\r\n')
    expect(client.ask('ZADD', 'k', 'NX', 'INCR', 1, 'a')).toBe('$-1\r\n')
    expect(newer.ask('ZADD', 'k', 'XX', 'INCR', 1, 'b')).toBe('_\r\n')
    expect(client.ask('ZADD', 'k', 'GT', 'INCR', -1, 'a')).toBe('$-1\r\n')
    expect(client.ask('ZINCRBY', 'k', 1, 'a')).toBe('$4\r\n2.25\r\n')
    client.ask('ZADD', 'k', 'inf', 'i')
    expect(client.ask('ZINCRBY', 'k', '-inf', 'i')).toBe('-ERR resulting score is not a number (NaN)\r\n')
    expect(client.ask('ZSCORE', 'k', 'i')).toBe('$3\r\ninf\r\n')
  })

  test.each([
    ['ZADD k NX XX 1 a', 'XX and NX options at the same time are not compatible'],
    ['ZADD k GT LT 1 a', 'GT, LT, and/or NX options at the same time are not compatible'],
    ['ZADD k NX GT 1 a', 'GT, LT, and/or NX options at the same time are not compatible'],
    ['ZADD k INCR 1 a 2 b', 'INCR option supports a single increment-element pair'],
    ['ZADD k 1 a 2', 'syntax error'],
    ['ZADD k NX XX CH', 'syntax error'],
    ['ZADD k 1 a nan b', 'value is not a valid float'],
    ['ZADD k 1 a 1e400 b', 'value is not a valid float'],
    ['ZINCRBY k NX a', 'syntax error'],
  ])('%s is refused before anything is changed', (line, error) => {
    expect(client.ask(...line.split(' '))).toBe(`-ERR ${error}\r\n`)
    expect(client.ask('EXISTS', 'k')).toBe(':0\r\n')
    expect(engine.journal.take()).toEqual([])
  })

  test('prints scores with the fewest digits that read back the same', () => {
    client.ask('ZADD', 'k', '0.1', 'a', '-0', 'z', '1e20', 'big', '12345678901234567', 'long', '-inf', 'low')
    expect(client.ask('ZMSCORE', 'k', 'a', 'z', 'big', 'long', 'low', 'none')).toBe(
      `*6\r\n${bulks('0.1', '0', '1e+20', '12345678901234568', '-inf')}$-1\r\n`,
    )
    expect(newer.ask('ZMSCORE', 'k', 'a', 'none')).toBe('*2\r\n,0.1\r\n_\r\n')
  })

  test('tells of changes, and of nothing where there was none', () => {
    const events = listen(engine)
    client.ask('ZADD', 'k', 1, 'a')
    client.ask('ZADD', 'k', 1, 'a')
    client.ask('ZADD', 'k', 'NX', 2, 'a')
    client.ask('ZINCRBY', 'k', 0, 'a')
    client.ask('ZINCRBY', 'k', 2, 'a')
    expect(events()).toEqual(['0 new k', '0 zadd k', '0 zincr k'])
    expect(engine.journal.take()).toEqual(['0 ZADD k 1 a', '0 ZINCRBY k 2 a'])
  })
})

describe('ranges', () => {
  beforeEach(() => {
    client.ask('ZADD', 'k', 1, 'a', 2, 'b', 2, 'c', 3, 'd', 4, 'e')
  })

  test('by rank, from both ends', () => {
    expect(client.ask('ZRANGE', 'k', 1, -2)).toBe(array('b', 'c', 'd'))
    expect(client.ask('ZRANGE', 'k', 0, 1, 'REV')).toBe(array('e', 'd'))
    expect(client.ask('ZREVRANGE', 'k', -2, -1, 'WITHSCORES')).toBe(array('b', '2', 'a', '1'))
    expect(client.ask('ZRANGE', 'k', 3, 2)).toBe('*0\r\n')
    expect(client.ask('ZRANGE', 'k', '-9223372036854775808', '9223372036854775807')).toBe(
      array('a', 'b', 'c', 'd', 'e'),
    )
  })

  test('by score, with LIMIT', () => {
    expect(client.ask('ZRANGEBYSCORE', 'k', '(1', 3)).toBe(array('b', 'c', 'd'))
    expect(client.ask('ZRANGEBYSCORE', 'k', '-inf', '+inf', 'LIMIT', 1, 2)).toBe(array('b', 'c'))
    expect(client.ask('ZREVRANGEBYSCORE', 'k', '+inf', '-inf', 'LIMIT', 1, 2)).toBe(array('d', 'c'))
    expect(client.ask('ZRANGE', 'k', '(4', 1, 'BYSCORE', 'REV', 'LIMIT', 0, -1)).toBe(array('d', 'c', 'b', 'a'))
    expect(client.ask('ZRANGEBYSCORE', 'k', 1, 4, 'LIMIT', -1, 2)).toBe('*0\r\n')
    expect(client.ask('ZRANGEBYSCORE', 'k', 1, 4, 'LIMIT', 9, 2)).toBe('*0\r\n')
    expect(client.ask('ZCOUNT', 'k', '(2', '(4')).toBe(':1\r\n')
    expect(client.ask('ZCOUNT', 'k', 4, 1)).toBe(':0\r\n')
  })

  test('with scores are flat in RESP2 and pairs in RESP3', () => {
    expect(client.ask('ZRANGEBYSCORE', 'k', 1, 2, 'WITHSCORES')).toBe(array('a', '1', 'b', '2', 'c', '2'))
    expect(newer.ask('ZRANGEBYSCORE', 'k', 1, 1, 'WITHSCORES')).toBe('*1\r\n*2\r\n$1\r\na\r\n,1\r\n')
    expect(newer.ask('ZRANGE', 'none', 0, -1, 'WITHSCORES')).toBe('*0\r\n')
  })

  test('by member, where scores are equal', () => {
    client.ask('ZADD', 'lex', 0, 'a', 0, 'b', 0, 'ba', 0, '\xff')
    expect(client.ask('ZRANGEBYLEX', 'lex', '[b', '+')).toBe(array('b', 'ba', '\xff'))
    expect(client.ask('ZRANGEBYLEX', 'lex', '-', '(b', 'LIMIT', 0, 5)).toBe(array('a'))
    expect(client.ask('ZREVRANGEBYLEX', 'lex', '(\xff', '-')).toBe(array('ba', 'b', 'a'))
    expect(client.ask('ZLEXCOUNT', 'lex', '(a', '[ba')).toBe(':2\r\n')
    expect(client.ask('ZRANGE', 'lex', '+', '-', 'BYLEX', 'REV', 'LIMIT', 1, 1)).toBe(array('ba'))
  })

  test.each([
    ['ZRANGE k 0 1 LIMIT 0 1', 'syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX'],
    ['ZRANGE k - + BYLEX WITHSCORES', 'syntax error, WITHSCORES not supported in combination with BYLEX'],
    ['ZRANGE k 0 x', 'value is not an integer or out of range'],
    ['ZRANGE k 0 1 BYSCORE BYLEX', 'syntax error'],
    ['ZREVRANGE k 0 1 REV', 'syntax error'],
    ['ZRANGEBYSCORE k 0 1 LIMIT 0', 'syntax error'],
    ['ZRANGEBYSCORE k x 1', 'min or max is not a float'],
    ['ZRANGEBYLEX k a +', 'min or max not valid string range item'],
    ['ZRANGESTORE d k 0 1 WITHSCORES', 'syntax error'],
  ])('%s is refused', (line, error) => {
    expect(client.ask(...line.split(' '))).toBe(`-ERR ${error}\r\n`)
  })

  test('are stored, or delete the key when they are empty', () => {
    client.ask('SET', 'd', 'x', 'EX', 100)
    const events = listen(engine)
    engine.journal.take()
    expect(client.ask('ZRANGESTORE', 'd', 'k', 1, 2, 'REV')).toBe(':2\r\n')
    expect(client.ask('ZRANGE', 'd', 0, -1, 'WITHSCORES')).toBe(array('c', '2', 'd', '3'))
    expect(client.ask('TTL', 'd')).toBe(':-1\r\n')
    expect(client.ask('ZRANGESTORE', 'd', 'none', 1, 2)).toBe(':0\r\n')
    expect(client.ask('EXISTS', 'd')).toBe(':0\r\n')
    expect(client.ask('ZRANGESTORE', 'd', 'none', 1, 2)).toBe(':0\r\n')
    expect(events()).toEqual(['0 zrangestore d', '0 del d'])
    expect(engine.journal.take()).toEqual(['0 ZRANGESTORE d k 1 2 REV', '0 ZRANGESTORE d none 1 2'])
    expect(client.ask('ZRANGESTORE', 'k', 'k', '(2', 4, 'BYSCORE')).toBe(':2\r\n')
    expect(client.ask('ZRANGE', 'k', 0, -1)).toBe(array('d', 'e'))
  })

  test('are removed, the key with the last member', () => {
    const events = listen(engine)
    engine.journal.take()
    expect(client.ask('ZREMRANGEBYSCORE', 'k', '-inf', '(2')).toBe(':1\r\n')
    expect(client.ask('ZREMRANGEBYRANK', 'k', 0, -4)).toBe(':1\r\n')
    expect(client.ask('ZREMRANGEBYRANK', 'k', 5, 9)).toBe(':0\r\n')
    expect(client.ask('ZREMRANGEBYLEX', 'k', '-', '+')).toBe(':3\r\n')
    expect(client.ask('EXISTS', 'k')).toBe(':0\r\n')
    expect(events()).toEqual(['0 zremrangebyscore k', '0 zremrangebyrank k', '0 zremrangebylex k', '0 del k'])
    expect(engine.journal.take()).toEqual([
      '0 ZREMRANGEBYSCORE k -inf (2',
      '0 ZREMRANGEBYRANK k 0 -4',
      '0 ZREMRANGEBYLEX k - +',
    ])
  })
})

describe('members', () => {
  test('have ranks from both ends', () => {
    client.ask('ZADD', 'k', 1, 'a', 2, 'b', 3, 'c')
    expect(client.ask('ZRANK', 'k', 'c')).toBe(':2\r\n')
    expect(client.ask('ZREVRANK', 'k', 'c')).toBe(':0\r\n')
    expect(client.ask('ZRANK', 'k', 'b', 'withscore')).toBe('*2\r\n:1\r\n$1\r\n2\r\n')
    expect(newer.ask('ZREVRANK', 'k', 'a', 'WITHSCORE')).toBe('*2\r\n:2\r\n,1\r\n')
    expect(client.ask('ZRANK', 'k', 'x')).toBe('$-1\r\n')
    expect(client.ask('ZRANK', 'k', 'x', 'WITHSCORE')).toBe('*-1\r\n')
    expect(newer.ask('ZRANK', 'none', 'x', 'WITHSCORE')).toBe('_\r\n')
    expect(client.ask('ZRANK', 'k', 'a', 'WITHSCORES')).toBe('-ERR syntax error\r\n')
    expect(client.ask('ZRANK', 'k', 'a', 'WITHSCORE', 'x')).toBe(
      "-ERR wrong number of arguments for 'zrank' command\r\n",
    )
  })

  test('are removed one by one, the key with the last', () => {
    const events = listen(engine)
    const before = memory()
    client.ask('ZADD', 'k', 1, 'a', 2, 'b', 3, 'c')
    engine.journal.take()
    events()
    expect(client.ask('ZREM', 'k', 'a', 'x', 'a')).toBe(':1\r\n')
    expect(client.ask('ZREM', 'k', 'x')).toBe(':0\r\n')
    expect(client.ask('ZREM', 'k', 'b', 'c', 'd')).toBe(':2\r\n')
    expect(client.ask('ZCARD', 'k')).toBe(':0\r\n')
    expect(events()).toEqual(['0 zrem k', '0 zrem k', '0 del k'])
    expect(engine.journal.take()).toEqual(['0 ZREM k a x a', '0 ZREM k b c d'])
    expect(memory()).toBe(before)
  })

  test('are popped with their scores', () => {
    const events = listen(engine)
    client.ask('ZADD', 'k', 1, 'a', 2, 'b', 3, 'c', 4, 'd', 5, 'e')
    engine.journal.take()
    events()
    expect(client.ask('ZPOPMIN', 'k')).toBe(array('a', '1'))
    expect(newer.ask('ZPOPMAX', 'k')).toBe('*2\r\n$1\r\ne\r\n,5\r\n')
    expect(newer.ask('ZPOPMIN', 'k', 1)).toBe('*1\r\n*2\r\n$1\r\nb\r\n,2\r\n')
    expect(client.ask('ZPOPMAX', 'k', 0)).toBe('*0\r\n')
    expect(client.ask('ZPOPMAX', 'k', 9)).toBe(array('d', '4', 'c', '3'))
    expect(client.ask('ZPOPMIN', 'k')).toBe('*0\r\n')
    expect(newer.ask('ZPOPMIN', 'k', 2)).toBe('*0\r\n')
    expect(client.ask('ZPOPMIN', 'k', -1)).toBe('-ERR value is out of range, must be positive\r\n')
    expect(client.ask('ZPOPMIN', 'k', 1, 2)).toBe('-ERR syntax error\r\n')
    expect(events()).toEqual(['0 zpopmin k', '0 zpopmax k', '0 zpopmin k', '0 zpopmax k', '0 del k'])
    expect(engine.journal.take()).toEqual(['0 ZPOPMIN k', '0 ZPOPMAX k', '0 ZPOPMIN k 1', '0 ZPOPMAX k 9'])
  })

  test('ZMPOP pops from the first key that has any, and is journaled as what it came to', () => {
    client.ask('ZADD', 'k', 1, 'a', 2, 'b', 3, 'c')
    engine.journal.take()
    expect(client.ask('ZMPOP', 2, 'none', 'k', 'MIN')).toBe('*2\r\n$1\r\nk\r\n*1\r\n*2\r\n$1\r\na\r\n$1\r\n1\r\n')
    expect(newer.ask('ZMPOP', 1, 'k', 'max', 'COUNT', 9)).toBe(
      '*2\r\n$1\r\nk\r\n*2\r\n*2\r\n$1\r\nc\r\n,3\r\n*2\r\n$1\r\nb\r\n,2\r\n',
    )
    expect(client.ask('ZMPOP', 1, 'k', 'MIN')).toBe('*-1\r\n')
    expect(newer.ask('ZMPOP', 1, 'k', 'MIN')).toBe('_\r\n')
    expect(client.ask('ZMPOP', 0, 'k', 'MIN')).toBe('-ERR numkeys should be greater than 0\r\n')
    expect(client.ask('ZMPOP', 1, 'k', 'MIN', 'COUNT', 0)).toBe('-ERR count should be greater than 0\r\n')
    expect(client.ask('ZMPOP', 1, 'k', 'LEFT')).toBe('-ERR syntax error\r\n')
    expect(engine.journal.take()).toEqual(['0 ZPOPMIN k 1', '0 ZPOPMAX k 2'])
  })

  test('are chosen at random, different ones or draws', () => {
    for (let i = 0; i < 50; i++) client.ask('ZADD', 'k', i, `m${i}`)
    const members = (reply: string): string[] => [...reply.matchAll(/\r\n(m\d+)\r\n/g)].map(([, member]) => member!)
    expect(members(client.ask('ZRANDMEMBER', 'k'))).toHaveLength(1)
    for (const count of [1, 5, 20, 49]) {
      const chosen = members(client.ask('ZRANDMEMBER', 'k', count))
      expect(chosen).toHaveLength(count)
      expect(new Set(chosen).size).toBe(count)
    }
    expect(members(client.ask('ZRANDMEMBER', 'k', 60))).toEqual(Array.from({ length: 50 }, (_, i) => `m${49 - i}`))
    expect(members(client.ask('ZRANDMEMBER', 'k', -70))).toHaveLength(70)
    expect(client.ask('ZRANDMEMBER', 'k', 2, 'WITHSCORES')).toMatch(/^\*4\r\n\$\d\r\nm(\d+)\r\n\$\d\r\n\1\r\n/)
    expect(newer.ask('ZRANDMEMBER', 'k', -2, 'WITHSCORES')).toMatch(/^\*2\r\n\*2\r\n\$\d\r\nm(\d+)\r\n,\1\r\n/)
    expect(client.ask('ZRANDMEMBER', 'k', 0)).toBe('*0\r\n')
    expect(client.ask('ZRANDMEMBER', 'none')).toBe('$-1\r\n')
    expect(client.ask('ZRANDMEMBER', 'none', 5)).toBe('*0\r\n')
    expect(client.ask('ZRANDMEMBER', 'k', '9223372036854775807', 'WITHSCORES')).toBe('-ERR value is out of range\r\n')
  })

  test.each([[3], [20]])('ZRANDMEMBER with COUNT %i chooses each member as often as any other', (count) => {
    for (let i = 0; i < 40; i++) client.ask('ZADD', 'k', i, `m${i}`)
    const counts = new Int32Array(40)
    const rounds = 4000
    for (let round = 0; round < rounds; round++) {
      for (const [, index] of client.ask('ZRANDMEMBER', 'k', count).matchAll(/m(\d+)/g)) counts[Number(index)]!++
    }
    const expected = (rounds * count) / 40
    let statistic = 0
    for (const times of counts) statistic += (times - expected) ** 2 / expected
    // 39 degrees of freedom: above 72.1 once in a thousand times. Choosing without repetition varies less.
    expect(statistic).toBeLessThan(72.1)
  })

  test('are scanned, a small set at once, a large one in steps', () => {
    client.ask('ZADD', 'k', 2, 'b', '0.1', 'a')
    expect(client.ask('ZSCAN', 'k', 0)).toBe(`*2\r\n$1\r\n0\r\n${array('a', '0.1', 'b', '2')}`)
    expect(newer.ask('ZSCAN', 'k', 0, 'MATCH', 'b*', 'COUNT', 1)).toBe(`*2\r\n$1\r\n0\r\n${array('b', '2')}`)
    expect(client.ask('ZSCAN', 'none', 0, 'COUNT', 'x')).toBe('*2\r\n$1\r\n0\r\n*0\r\n')
    expect(client.ask('ZSCAN', 'k', 'x')).toBe('-ERR invalid cursor\r\n')
    for (let i = 0; i < 1000; i++) client.ask('ZADD', 'large', `${i}.1`, `m${i}`)
    const found = new Map<string, string>()
    let cursor = '0'
    let calls = 0
    do {
      const words = client.ask('ZSCAN', 'large', cursor, 'COUNT', 64).split('\r\n')
      cursor = words[2]!
      for (let i = 5; i + 2 < words.length; i += 4) found.set(words[i]!, words[i + 2]!)
      calls++
    } while (cursor !== '0')
    expect(calls).toBe(16)
    expect(found.size).toBe(1000)
    // A table's scores are printed with seventeen digits.
    expect(found.get('m0')).toBe('0.10000000000000001')
  })
})

describe('combinations', () => {
  beforeEach(() => {
    client.ask('ZADD', 'x', 1, 'a', 2, 'b', 3, 'c')
    client.ask('ZADD', 'y', 10, 'b', 20, 'c', 30, 'd')
    client.ask('SADD', 'plain', 'c', 'e')
  })

  test('unite, intersect and subtract', () => {
    expect(client.ask('ZUNION', 2, 'x', 'y', 'WITHSCORES')).toBe(array('a', '1', 'b', '12', 'c', '23', 'd', '30'))
    expect(newer.ask('ZINTER', 2, 'x', 'y', 'WITHSCORES')).toBe(
      '*2\r\n*2\r\n$1\r\nb\r\n,12\r\n*2\r\n$1\r\nc\r\n,23\r\n',
    )
    expect(client.ask('ZDIFF', 2, 'x', 'y', 'WITHSCORES')).toBe(array('a', '1'))
    expect(client.ask('ZINTERCARD', 2, 'x', 'y')).toBe(':2\r\n')
    expect(client.ask('ZINTERCARD', 2, 'x', 'y', 'LIMIT', 1)).toBe(':1\r\n')
    expect(client.ask('ZINTER', 2, 'x', 'none')).toBe('*0\r\n')
    expect(client.ask('ZUNION', 2, 'x', 'x', 'WITHSCORES')).toBe(array('a', '2', 'b', '4', 'c', '6'))
    expect(client.ask('ZDIFF', 2, 'x', 'x')).toBe('*0\r\n')
  })

  test('weigh and aggregate', () => {
    expect(client.ask('ZUNION', 2, 'x', 'y', 'WEIGHTS', 2, '-1', 'AGGREGATE', 'MIN', 'WITHSCORES')).toBe(
      array('d', '-30', 'c', '-20', 'b', '-10', 'a', '2'),
    )
    expect(client.ask('ZINTER', 2, 'x', 'y', 'AGGREGATE', 'max', 'WITHSCORES')).toBe(array('b', '10', 'c', '20'))
    client.ask('ZADD', 'inf', 'inf', 'a', '-inf', 'b')
    client.ask('ZADD', 'minus', '-inf', 'a', 1, 'b')
    expect(client.ask('ZUNION', 2, 'inf', 'minus', 'WITHSCORES')).toBe(array('b', '-inf', 'a', '0'))
    expect(client.ask('ZUNION', 1, 'inf', 'WEIGHTS', 0, 'WITHSCORES')).toBe(array('a', '0', 'b', '0'))
  })

  test('sum up zeros of both signs as they come, whatever the size', () => {
    for (let i = 0; i < 200; i++) client.ask('ZADD', i < 100 ? 'some' : 'many', 0, `m${i}`)
    for (let i = 0; i < 100; i++) client.ask('ZADD', 'many', 0, `m${i}`)
    for (const key of ['some', 'many']) {
      expect(client.ask('ZUNION', 1, key, 'WEIGHTS', -1, 'WITHSCORES')).toContain('$2\r\n-0\r\n')
      const sum = client.ask('ZUNION', 2, key, key, 'WEIGHTS', '-0.5', 2, 'WITHSCORES')
      expect(sum).not.toContain('-0')
      expect(sum).toContain('$1\r\n0\r\n')
    }
  })

  test('unite many members in the right order, and leave nothing behind', () => {
    const sum = new Map<string, number>()
    for (const [key, from, weight] of [
      ['big', 0, 1],
      ['other', 250, -2],
    ] as const) {
      for (let i = from; i < from + 400; i++) {
        const score = Math.imul(i, 0x9e3779b1) % 50
        client.ask('ZADD', key, score, `m${i}`)
        sum.set(`m${i}`, (sum.get(`m${i}`) ?? 0) + weight * score + 0)
      }
    }
    client.ask('ZADD', 'few', 7, 'm3', 1, 'new')
    sum.set('m3', sum.get('m3')! + 7)
    sum.set('new', 1)
    const sorted = [...sum].sort(([a, x], [b, y]) => x - y || (a < b ? -1 : 1))
    const expected = array(...sorted.flatMap(([member, score]) => [member, String(score)]))
    const before = memory()
    const union = [3, 'big', 'other', 'few', 'WEIGHTS', 1, -2, 1]
    expect(client.ask('ZUNION', ...union, 'WITHSCORES').replaceAll('$2\r\n-0\r\n', '$1\r\n0\r\n')).toBe(expected)
    expect(memory()).toBe(before)
    expect(client.ask('ZUNIONSTORE', 'd', ...union)).toBe(`:${sum.size}\r\n`)
    expect(client.ask('OBJECT', 'ENCODING', 'd')).toBe('$8\r\nskiplist\r\n')
    for (const [rank, [member]] of sorted.entries()) expect(client.ask('ZRANK', 'd', member)).toBe(`:${rank}\r\n`)
    expect(client.ask('ZREM', 'd', ...sum.keys())).toBe(`:${sum.size}\r\n`)
    expect(memory()).toBe(before)
    // What is no skiplist for Redis is none here.
    client.ask('CONFIG', 'SET', 'zset-max-listpack-entries', 1000)
    client.ask('ZUNIONSTORE', 'd', ...union)
    expect(client.ask('OBJECT', 'ENCODING', 'd')).toBe('$8\r\nlistpack\r\n')
  })

  test('take plain sets, whose scores are 1', () => {
    expect(client.ask('ZUNION', 2, 'x', 'plain', 'WITHSCORES')).toBe(array('a', '1', 'e', '1', 'b', '2', 'c', '4'))
    expect(client.ask('ZINTER', 2, 'plain', 'x', 'WEIGHTS', 5, 1, 'WITHSCORES')).toBe(array('c', '8'))
    expect(client.ask('ZDIFF', 2, 'plain', 'x')).toBe(array('e'))
  })

  test('are stored, and leave nothing behind', () => {
    const events = listen(engine)
    engine.journal.take()
    const before = memory()
    expect(client.ask('ZUNIONSTORE', 'd', 2, 'x', 'y')).toBe(':4\r\n')
    expect(client.ask('ZINTERSTORE', 'd', 2, 'd', 'x', 'WEIGHTS', 1, 10)).toBe(':3\r\n')
    expect(client.ask('ZRANGE', 'd', 0, -1, 'WITHSCORES')).toBe(array('a', '11', 'b', '32', 'c', '53'))
    expect(client.ask('ZDIFFSTORE', 'd', 2, 'd', 'y')).toBe(':1\r\n')
    expect(client.ask('ZDIFFSTORE', 'd', 2, 'd', 'd')).toBe(':0\r\n')
    expect(client.ask('EXISTS', 'd')).toBe(':0\r\n')
    expect(memory()).toBe(before)
    expect(events()).toEqual(['0 new d', '0 zunionstore d', '0 zinterstore d', '0 zdiffstore d', '0 del d'])
    expect(engine.journal.take()).toEqual([
      '0 ZUNIONSTORE d 2 x y',
      '0 ZINTERSTORE d 2 d x WEIGHTS 1 10',
      '0 ZDIFFSTORE d 2 d y',
      '0 ZDIFFSTORE d 2 d d',
    ])
  })

  test.each([
    ['ZUNION 0 x', "ERR at least 1 input key is needed for 'zunion' command"],
    ['ZINTERCARD 0 x', "ERR at least 1 input key is needed for 'zintercard' command"],
    ['ZUNION 3 x y', 'ERR syntax error'],
    ['ZUNION x x', 'ERR value is not an integer or out of range'],
    ['ZUNION 1 x WEIGHTS y', 'ERR weight value is not a float'],
    ['ZUNION 2 x y WEIGHTS 1', 'ERR syntax error'],
    ['ZUNION 1 x AGGREGATE AVG', 'ERR syntax error'],
    ['ZDIFF 1 x WEIGHTS 1', 'ERR syntax error'],
    ['ZUNIONSTORE d 1 x WITHSCORES', 'ERR syntax error'],
    ['ZINTERCARD 1 x LIMIT -1', "ERR LIMIT can't be negative"],
    ['ZUNION 2 s x WEIGHTS y', 'WRONGTYPE Operation against a key holding the wrong kind of value'],
  ])('%s is refused', (line, error) => {
    client.ask('SET', 's', 'x')
    expect(client.ask(...line.split(' '))).toBe(`-${error}\r\n`)
    expect(client.ask('EXISTS', 'd')).toBe(':0\r\n')
  })
})

describe('waiting', () => {
  test('a blocking command is its twin at once, and is journaled as it', () => {
    client.ask('ZADD', 'k', 1, 'a', 2, 'b', 3, 'c', 4, 'd')
    engine.journal.take()
    expect(client.ask('BZPOPMIN', 'none', 'k', 0)).toBe(`*3\r\n${bulks('k', 'a', '1')}`)
    expect(newer.ask('BZPOPMAX', 'k', '0.001')).toBe('*3\r\n$1\r\nk\r\n$1\r\nd\r\n,4\r\n')
    expect(client.ask('BZMPOP', 0, 1, 'k', 'MIN', 'COUNT', 5)).toBe(
      `*2\r\n$1\r\nk\r\n*2\r\n${array('b', '2')}${array('c', '3')}`,
    )
    expect(engine.journal.take()).toEqual(['0 ZPOPMIN k', '0 ZPOPMAX k', '0 ZPOPMIN k 2'])
  })

  test('ends with ZADD, whose reply counts the member before it is taken', () => {
    const events = listen(engine)
    client.ask('BZPOPMIN', 'k', 0)
    newer.ask('BZMPOP', 0, 2, 'other', 'k', 'MAX')
    const writer = engine.connect()
    expect(writer.ask('ZADD', 'k', 1, 'a', 2, 'b', 3, 'c')).toBe(':3\r\n')
    expect(client.received()).toBe(`*3\r\n${bulks('k', 'a', '1')}`)
    expect(newer.received()).toBe('*2\r\n$1\r\nk\r\n*1\r\n*2\r\n$1\r\nc\r\n,3\r\n')
    expect(engine.journal.take()).toEqual(['0 ZADD k 1 a 2 b 3 c', '0 ZPOPMIN k', '0 ZPOPMAX k 1'])
    expect(events()).toEqual(['0 new k', '0 zadd k', '0 zpopmin k', '0 zpopmax k'])
  })

  test('ends with results that are stored', () => {
    client.ask('BZPOPMAX', 'd', 0)
    const writer = engine.connect()
    writer.ask('ZADD', 'x', 1, 'a', 2, 'b')
    expect(client.received()).toBe('')
    writer.ask('ZUNIONSTORE', 'd', 1, 'x')
    expect(client.received()).toBe(`*3\r\n${bulks('d', 'b', '2')}`)
  })

  test('ends with nil when the time is up', () => {
    client.ask('BZPOPMIN', 'k', '0.5')
    newer.ask('BZMPOP', '0.5', 1, 'k', 'MIN')
    engine.clock.advance(501)
    expect(client.received()).toBe('*-1\r\n')
    expect(newer.received()).toBe('_\r\n')
    expect(engine.engine.blocking.room.awaitedKeys).toBe(0)
  })
})

test('commands for sorted sets refuse other values', () => {
  client.ask('SET', 's', 'x')
  for (const line of [
    'ZADD s 1 a', 'ZINCRBY s 1 a', 'ZREM s a', 'ZCARD s', 'ZSCORE s a', 'ZMSCORE s a', 'ZRANK s a', 'ZREVRANK s a', 'ZCOUNT s 0 1',
    'ZLEXCOUNT s - +', 'ZRANGE s 0 1', 'ZREVRANGE s 0 1', 'ZRANGEBYSCORE s 0 1', 'ZREVRANGEBYSCORE s 0 1', 'ZRANGEBYLEX s - +',
    'ZREVRANGEBYLEX s + -', 'ZRANGESTORE d s 0 1', 'ZREMRANGEBYRANK s 0 1', 'ZREMRANGEBYSCORE s 0 1', 'ZREMRANGEBYLEX s - +', 'ZPOPMIN s',
    'ZPOPMAX s', 'ZMPOP 1 s MIN', 'BZPOPMIN s 0', 'BZPOPMAX s 0', 'BZMPOP 0 1 s MIN', 'ZRANDMEMBER s', 'ZSCAN s 0', 'ZUNION 1 s', 'ZINTER 1 s',
    'ZDIFF 1 s', 'ZINTERCARD 1 s', 'ZUNIONSTORE d 1 s', 'ZINTERSTORE d 1 s', 'ZDIFFSTORE d 1 s',
  ]) {
    expect(`${line}: ${client.ask(...line.split(' '))}`).toBe(`${line}: ${WRONG_TYPE}`)
  } // biome-ignore format: a table
})

test('journaled commands make the same sorted sets again', () => {
  const random = engine.engine.environment.random
  for (let i = 0; i < 600; i++) {
    const key = `k${random.below(3)}`
    const member = `m${random.below(60)}`
    switch (random.below(8)) {
      case 0:
        client.ask('ZINCRBY', key, '0.1', member)
        break
      case 1:
        client.ask('ZPOPMIN', key)
        break
      case 2:
        client.ask('ZADD', key, 'GT', 'CH', random.below(100) / 7, member)
        break
      case 3:
        client.ask('ZUNIONSTORE', key, 2, 'k0', 'k1', 'WEIGHTS', '0.3', '0.7')
        break
      case 4:
        client.ask('ZREMRANGEBYRANK', key, 20, -1)
        break
      default:
        client.ask('ZADD', key, random.below(1000) / 3, member)
    }
  }
  const replica = createEngine()
  const again = replica.connect()
  for (const line of engine.journal.take()) again.ask(...line.split(' ').slice(1))
  for (const key of ['k0', 'k1', 'k2']) {
    const content = client.ask('ZRANGE', key, 0, -1, 'WITHSCORES')
    expect(again.ask('ZRANGE', key, 0, -1, 'WITHSCORES')).toBe(content)
    expect(content.length).toBeGreaterThan(50)
  }
})

describe('clients that wait for a key', () => {
  const setUp = () => {
    const { connect } = createEngine()
    const [waiter, client] = [connect(), connect()]
    client.ask('ZADD', 'ready', 1, 'a')
    client.ask('RPUSH', 'elements', 1)
    return { waiter, client }
  }
  const SERVED = '*3\r\n$1\r\nk\r\n$1\r\na\r\n$1\r\n1\r\n'

  test.each([[['ZUNIONSTORE', 'k', 1, 'ready']], [['RENAME', 'ready', 'k']], [['COPY', 'ready', 'k', 'REPLACE']]])(
    'is served when a sorted set comes into being by %j',
    (words) => {
      const { waiter, client } = setUp()
      waiter.ask('BZPOPMIN', 'k', 0)
      client.ask(...words)
      expect(waiter.received()).toBe(SERVED)
    },
  )

  test('is not served when a result replaces a string, as in Redis, nor when that grows', () => {
    const { waiter, client } = setUp()
    waiter.ask('BZPOPMIN', 'k', 0)
    client.ask('SET', 'k', 'v')
    expect(client.ask('ZUNIONSTORE', 'k', 1, 'ready')).toBe(':1\r\n')
    expect(client.ask('ZADD', 'k', 2, 'b')).toBe(':1\r\n')
    expect(waiter.received()).toBe('')
    client.ask('DEL', 'k')
    client.ask('ZADD', 'k', 1, 'a')
    expect(waiter.received()).toBe(SERVED)
  })

  test('is served when what replaces a string was renamed or copied: that is a removal and a new key', () => {
    for (const words of [
      ['RENAME', 'ready', 'k'],
      ['COPY', 'ready', 'k', 'REPLACE'],
    ]) {
      const { waiter, client } = setUp()
      waiter.ask('BZPOPMIN', 'k', 0)
      client.ask('SET', 'k', 'v')
      client.ask(...words)
      expect(waiter.received()).toBe(SERVED)
    }
  })

  test('and for a list is not served by SORT … STORE over a string', () => {
    const { waiter, client } = setUp()
    waiter.ask('BLPOP', 'k', 0)
    client.ask('SET', 'k', 'v')
    expect(client.ask('SORT', 'elements', 'STORE', 'k')).toBe(':1\r\n')
    expect(waiter.received()).toBe('')
    client.ask('DEL', 'k')
    expect(client.ask('SORT', 'elements', 'STORE', 'k')).toBe(':1\r\n')
    expect(waiter.received()).toBe('*2\r\n$1\r\nk\r\n$1\r\n1\r\n')
  })
})
