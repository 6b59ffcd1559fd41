// RESTORE and DUMP in process: types that no server here writes, what RESTORE refuses, and payloads of every damage.

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { PayloadReader } from '../../../src/persistence/rdb/payload.ts'
import type { Stream } from '../../../src/store/stream/stream.ts'
import { StreamId } from '../../../src/store/stream/stream-id.ts'
import { IndexCursor } from '../../../src/store/stream/stream-index.ts'
import { Bytes } from '../../../src/util/bytes/bytes.ts'
import { createEngine, type TestClient } from '../../support/engine.ts'
import {
  byte,
  double,
  intset,
  length,
  listpack,
  little,
  payload,
  stream,
  string,
  uint16,
  uint32,
  ziplist,
  zipmap,
} from './blobs.ts'

const bulks = (...words: string[]): string =>
  `*${words.length}\r\n${words.map((word) => `$${word.length}\r\n${word}\r\n`).join('')}`

const restore = (content: string): TestClient => {
  const client = createEngine().connect()
  expect(client.ask('RESTORE', 'k', 0, content)).toBe('+OK\r\n')
  return client
}

const INTEGERS = [
  { integer: 0n, as: 'immediate' },
  { integer: 12n, as: 'immediate' },
  { integer: -128n, as: 8 },
  { integer: 32767n, as: 16 },
  { integer: -8388608n, as: 24 },
  { integer: 8388607n, as: 24 },
  { integer: -2147483648n, as: 32 },
  { integer: 9223372036854775807n, as: 64 },
] as const
const INTEGER_TEXTS = INTEGERS.map(({ integer }) => String(integer))

describe('older and newer forms', () => {
  test('a list as a ziplist, with elements of all kinds', () => {
    const long = ['x'.repeat(63), 'y'.repeat(64), 'z'.repeat(300), 'w'.repeat(20_000), 'after']
    const client = restore(payload(10, string(ziplist('a', ...INTEGERS, ...long))))
    expect(client.ask('LRANGE', 'k', 0, -1)).toBe(bulks('a', ...INTEGER_TEXTS, ...long))
  })

  test('a list as elements, as a quicklist of ziplists, as nodes of both kinds', () => {
    expect(restore(payload(1, `\x03${string('a')}\xc0\xff${string('c')}`)).ask('LRANGE', 'k', 0, -1)).toBe(
      bulks('a', '-1', 'c'),
    )
    const nodes = `\x03${string(ziplist('a', 'b'))}${string(ziplist())}${string(ziplist('c'))}`
    expect(restore(payload(14, nodes)).ask('LRANGE', 'k', 0, -1)).toBe(bulks('a', 'b', 'c'))
    const mixed = `\x03\x02${string(listpack('a', 5))}\x01${string('plain')}\x02${string(listpack('c'))}`
    expect(restore(payload(18, mixed)).ask('LRANGE', 'k', 0, -1)).toBe(bulks('a', '5', 'plain', 'c'))
  })

  test('a hash as a zipmap, a ziplist, a listpack', () => {
    const long = 'x'.repeat(300)
    const map = restore(payload(9, string(zipmap(['f', 'v'], ['g', '', 3], [long, long, 255]))))
    expect(map.ask('HGETALL', 'k')).toBe(bulks('f', 'v', 'g', '', long, long))
    expect(restore(payload(13, string(ziplist('f', INTEGERS[3], 'g', '')))).ask('HGETALL', 'k')).toBe(
      bulks('f', '32767', 'g', ''),
    )
    expect(restore(payload(16, string(listpack('f', 1, 2, 'v')))).ask('HGETALL', 'k')).toBe(bulks('f', '1', '2', 'v'))
  })

  test('a hash whose fields expire, in all four forms, and written as it came', () => {
    const at = 4_102_444_800_000
    const time = little(BigInt(at), 8)
    const relative = `\x03\x01${string('f')}${string('v')}\x00${string('g')}${string('w')}\x05${string('h')}${string('x')}`
    const absolute = (ms: number) => `\x81${little(BigInt(ms), 8).split('').reverse().join('')}`
    const fields = `\x03${absolute(at)}${string('f')}${string('v')}\x00${string('g')}${string('w')}${absolute(at + 4)}${string('h')}${string('x')}`
    const pack = string(listpack('f', 'v', at, 'h', 'x', at + 4, 'g', 'w', 0))
    for (const content of [
      payload(24, time + relative, 12),
      payload(22, fields, 12),
      payload(25, time + pack, 12),
      payload(23, pack, 12),
    ]) {
      const { engine, connect } = createEngine()
      const client = connect()
      expect(client.ask('RESTORE', 'k', 0, content)).toBe('+OK\r\n')
      const dumped = client.ask('DUMP', 'k')
      expect(client.ask('RESTORE', 'copy', 0, dumped.slice(dumped.indexOf('\n') + 1, -2))).toBe('+OK\r\n')
      for (const key of ['k', 'copy']) {
        expect(client.ask('HPEXPIRETIME', key, 'FIELDS', 3, 'f', 'g', 'h')).toBe(
          `*3\r\n:${at}\r\n:-1\r\n:${at + 4}\r\n`,
        )
        expect(client.ask('HMGET', key, 'f', 'g', 'h')).toBe(bulks('v', 'w', 'x'))
      }
      client.ask('FLUSHALL')
      expect(engine.databases[0]!.arena.usedBytes).toBe(0)
    }
  })

  test('fields of a hash that expired long ago are gone at once, and the hash with the last', () => {
    const { connect } = createEngine()
    const client = connect()
    const past = payload(23, string(listpack('f', 'v', 1, 'g', 'w', 2)), 12)
    expect(client.ask('RESTORE', 'k', 5000, past)).toBe('+OK\r\n')
    expect(client.ask('EXISTS', 'k')).toBe(':0\r\n')
  })

  test('a set in a listpack, an intset of each width', () => {
    const client = restore(payload(20, string(listpack('a', 5, 'b'.repeat(100))), 11))
    expect(client.ask('SMISMEMBER', 'k', 'a', '5', 'b'.repeat(100), 'c')).toBe('*4\r\n:1\r\n:1\r\n:1\r\n:0\r\n')
    expect(client.ask('OBJECT', 'ENCODING', 'k')).toBe('$8\r\nlistpack\r\n')
    expect(restore(payload(20, string(listpack(1, 2)), 11)).ask('OBJECT', 'ENCODING', 'k')).toBe('$8\r\nlistpack\r\n')
    expect(restore(payload(11, string(intset(2, -5n, 7n)))).ask('SMEMBERS', 'k')).toBe(bulks('-5', '7'))
    expect(restore(payload(11, string(intset(4, -70000n, 7n)))).ask('SMEMBERS', 'k')).toBe(bulks('-70000', '7'))
    const wide = [-9223372036854775808n, 9007199254740993n]
    expect(restore(payload(11, string(intset(8, ...wide)))).ask('SMEMBERS', 'k')).toBe(bulks(...wide.map(String)))
  })

  test('a sorted set with scores as text, as doubles, in a ziplist', () => {
    const text = `\x04${string('a')}\x042.50${string('b')}\xfe${string('c')}\xff${string('d')}\x05-1e10`
    expect(restore(payload(3, text)).ask('ZRANGE', 'k', 0, -1, 'WITHSCORES')).toBe(
      bulks('c', '-inf', 'd', '-10000000000', 'a', '2.5', 'b', 'inf'),
    )
    const doubles = `\x02${string('a')}${double(2.5)}${string('b')}${double(-0)}`
    expect(restore(payload(5, doubles)).ask('ZRANGE', 'k', 0, -1, 'WITHSCORES')).toBe(bulks('b', '0', 'a', '2.5'))
    const zip = ziplist('a', { integer: 1n, as: 'immediate' }, 'b', '1.5', 'c', 'inf')
    expect(restore(payload(12, string(zip))).ask('ZRANGE', 'k', 0, -1, 'WITHSCORES')).toBe(
      bulks('a', '1', 'b', '1.5', 'c', 'inf'),
    )
  })
})

describe('a stream', () => {
  test('has groups that have read more than 64 bits can count, as in Redis', () => {
    const { connect } = createEngine()
    const client = connect()
    for (const id of ['1-0', '2-0']) client.ask('XADD', 's', id, 'f', 'v')
    client.ask('XGROUP', 'CREATE', 's', 'g', '1-0', 'ENTRIESREAD', '9223372036854775807')
    client.ask('XREADGROUP', 'GROUP', 'g', 'c', 'NOACK', 'STREAMS', 's', '>')
    const groups = client.ask('XINFO', 'GROUPS', 's')
    expect(groups).toContain('entries-read\r\n:-9223372036854775808\r\n')
    const dumped = client.ask('DUMP', 's')
    client.ask('RESTORE', 's', 0, dumped.slice(dumped.indexOf('\r\n') + 2, -2), 'REPLACE')
    expect(client.ask('XINFO', 'GROUPS', 's')).toBe(groups)
  })

  test.each([15, 19, 21] as const)('as type %i', (type) => {
    const { engine } = createEngine()
    const value = new PayloadReader().read(Bytes.from(payload(type, stream(type))), engine.databases[0]!) as Stream
    expect(value.length).toBe(2)
    expect(`${value.firstId} ${value.lastId} ${value.maxDeletedId}`).toBe(`1-0 6-1 ${type === 15 ? '0-0' : '3-0'}`)
    expect(value.entriesAdded).toBe(type === 15 ? 2 : 7)
    const [group] = value.groups.all
    expect(`${group!.name} ${group!.lastId} ${group!.entriesRead}`).toBe(`group 6-1 ${type === 15 ? 2 : 7}`)
    expect(group!.consumers.all.map(({ name, pending, seenTime }) => `${name} ${pending.count} ${seenTime}`)).toEqual([
      'a 1 1700000000000',
      'b 1 1700000000000',
    ])
    const at = new IndexCursor()
    expect(group!.find(StreamId.of(6, 1), at)).toBe(true)
    expect(group!.ownerOf(at).name.toString()).toBe('a')
    expect(group!.deliveryCount(at)).toBe(3)
    value.free()
    expect(engine.databases[0]!.arena.usedBytes).toBe(0)
  })

  const PENDING = `\x02${'\0'.repeat(7)}\x01${'\0'.repeat(8)}`
  test.each([
    ['an entry is pending for two', stream(19).replaceAll('\x01\x01b', '\x02\x01b')],
    ['an entry is pending for nobody', `${stream(19).slice(0, -17)}\0`],
    ['a consumer is there twice', stream(19).replace(string('b'), string('a'))],
    [
      'a node has another number of entries',
      stream(19).replace(listpack(2, 0, 1).slice(6, 10), listpack(1, 1, 1).slice(6, 10)),
    ],
    ['the last id is below the entries', stream(19).replace('\x02\x06\x01\x01', '\x02\x05\x01\x01')],
    ['the id of a node is short', stream(19).replace(`\x10${PENDING.slice(1, 17)}`, `\x0f${PENDING.slice(2, 17)}`)],
  ])('where %s is refused', (_, content) => {
    expect(content).not.toBe(stream(19))
    const { engine, connect } = createEngine()
    expect(connect().ask('RESTORE', 'k', 0, payload(19, content))).toBe('-ERR Bad data format\r\n')
    expect(engine.databases[0]!.arena.usedBytes).toBe(0)
  })
})

describe('RESTORE', () => {
  const value = payload(0, string('v'))

  test('refuses what is there, unless told to replace it', () => {
    const client = createEngine().connect()
    client.ask('RPUSH', 'k', 'a')
    expect(client.ask('RESTORE', 'k', 0, value)).toBe('-BUSYKEY Target key name already exists.\r\n')
    expect(client.ask('RESTORE', 'k', 0, 'x')).toBe('-BUSYKEY Target key name already exists.\r\n')
    expect(client.ask('RESTORE', 'k', 0, 'x', 'REPLACE')).toBe('-ERR DUMP payload version or checksum are wrong\r\n')
    expect(client.ask('RESTORE', 'k', 0, value, 'replace')).toBe('+OK\r\n')
    expect(client.ask('GET', 'k')).toBe('$1\r\nv\r\n')
  })

  test.each([
    [['abc', value], 'ERR value is not an integer or out of range'],
    [['-1', value], 'ERR Invalid TTL value, must be >= 0'],
    [['0', `${value}x`], 'ERR DUMP payload version or checksum are wrong'],
    [['0', payload(0, string('v'), 13)], 'ERR DUMP payload version or checksum are wrong'],
    [['0', ''], 'ERR DUMP payload version or checksum are wrong'],
    [['0', payload(0, '')], 'ERR Bad data format'],
    [['0', payload(8, string('v'))], 'ERR Bad data format'],
    [['0', payload(7, '\x05')], 'ERR Bad data format'],
    [['0', payload(1, '\0')], 'ERR Bad data format'],
    [['0', payload(18, '\0')], 'ERR Bad data format'],
    [['0', payload(16, string(listpack()))], 'ERR Bad data format'],
    [['0', payload(250, string('v'))], 'ERR Bad data format'],
    [['0', value, 'IDLETIME'], 'ERR syntax error'],
    [['0', value, 'IDLETIME', '-1'], 'ERR Invalid IDLETIME value, must be >= 0'],
    [['0', value, 'IDLETIME', 'x'], 'ERR value is not an integer or out of range'],
    [['0', value, 'FREQ', '256'], 'ERR Invalid FREQ value, must be >= 0 and <= 255'],
    [['0', value, 'FREQ', '1', 'IDLETIME', '1'], 'ERR syntax error'],
    [['0', value, 'X'], 'ERR syntax error'],
  ])('with %j', (words, error) => {
    const { connect, journal, engine } = createEngine()
    expect(connect(3).ask('RESTORE', 'k', ...words)).toBe(`-${error}\r\n`)
    expect(journal.take()).toEqual([])
    expect(engine.databases[0]!.arena.usedBytes).toBe(0)
  })

  test('is journaled with the point in time at which the key expires', () => {
    const { connect, journal, clock } = createEngine()
    const client = connect()
    client.ask('RESTORE', 'k', 0, value)
    expect(journal.take()).toEqual([`0 RESTORE k 0 ${value}`])
    const now = clock.now()
    client.ask('RESTORE', 'k', 1000, value, 'REPLACE', 'IDLETIME', '7')
    expect(journal.take()).toEqual([`0 RESTORE k ${now + 1000} ${value} ABSTTL REPLACE IDLETIME 7`])
    expect(client.ask('PTTL', 'k')).toBe(':1000\r\n')
    expect(client.ask('OBJECT', 'IDLETIME', 'k')).toBe(':7\r\n')
    client.ask('RESTORE', 'k', now + 5, value, 'ABSTTL', 'REPLACE')
    expect(journal.take()).toEqual([`0 RESTORE k ${now + 5} ${value} ABSTTL REPLACE`])
    expect(client.ask('PTTL', 'k')).toBe(':5\r\n')
  })

  test('of an expired key creates nothing, and the key that it replaces is gone', () => {
    const { connect, journal } = createEngine({ 'notify-keyspace-events': 'KEA' })
    const client = connect()
    const listener = connect()
    expect(client.ask('RESTORE', 'k', 1, value, 'ABSTTL')).toBe('+OK\r\n')
    expect(client.ask('EXISTS', 'k')).toBe(':0\r\n')
    expect(journal.take()).toEqual([])
    client.ask('SET', 'k', '1')
    listener.ask('SUBSCRIBE', '__keyspace@0__:k')
    journal.take()
    expect(client.ask('RESTORE', 'k', 1, value, 'ABSTTL', 'REPLACE')).toBe('+OK\r\n')
    expect(client.ask('EXISTS', 'k')).toBe(':0\r\n')
    expect(journal.take()).toEqual(['0 DEL k'])
    expect(listener.received()).toBe('*3\r\n$7\r\nmessage\r\n$16\r\n__keyspace@0__:k\r\n$3\r\ndel\r\n')
    client.ask('RESTORE', 'k', 0, value)
    expect(listener.received()).toBe('*3\r\n$7\r\nmessage\r\n$16\r\n__keyspace@0__:k\r\n$7\r\nrestore\r\n')
  })

  test('wakes clients that wait for the key', () => {
    const { connect } = createEngine()
    const waiter = connect()
    waiter.ask('BLPOP', 'k', 0)
    connect().ask('RESTORE', 'k', 0, payload(1, `\x01${string('a')}`))
    expect(waiter.received()).toBe('*2\r\n$1\r\nk\r\n$1\r\na\r\n')
  })

  test('the last expiry of all stays what it is', () => {
    const client = createEngine().connect()
    expect(client.ask('RESTORE', 'k', '9223372036854775807', value, 'ABSTTL')).toBe('+OK\r\n')
    expect(client.ask('PEXPIRETIME', 'k')).toBe(':9223372036854775807\r\n')
  })
})

test('DUMP of nothing is nothing, in either protocol', () => {
  const { connect } = createEngine()
  expect(connect().ask('DUMP', 'k')).toBe('$-1\r\n')
  expect(connect(3).ask('DUMP', 'k')).toBe('_\r\n')
})

/** Commands that go over a value and change it, by its type. */
const USES: Record<string, string[][]> = {
  string: [['APPEND', 'k', 'x']],
  list: [
    ['LRANGE', 'k', '0', '-1'],
    ['LINSERT', 'k', 'BEFORE', 'a', 'x'],
    ['RPUSH', 'k', 'y'],
    ['LPOP', 'k', '2'],
  ],
  set: [
    ['SMEMBERS', 'k'],
    ['SADD', 'k', 'x', '70000000000'],
    ['SPOP', 'k', '2'],
  ],
  zset: [
    ['ZRANGE', 'k', '0', '-1', 'WITHSCORES'],
    ['ZADD', 'k', '0', 'x'],
    ['ZREMRANGEBYRANK', 'k', '0', '0'],
  ],
  hash: [
    ['HGETALL', 'k'],
    ['HSET', 'k', 'f', 'x', 'z', 'y'],
    ['HDEL', 'k', 'g'],
  ],
  stream: [
    ['XINFO', 'STREAM', 'k', 'FULL'],
    ['XRANGE', 'k', '-', '+'],
    ['XADD', 'k', '*', 'f', 'v'],
    ['XREADGROUP', 'GROUP', 'group', 'someone', 'STREAMS', 'k', '>'],
    ['XTRIM', 'k', 'MAXLEN', '1'],
  ],
}

/** Payloads to damage: type and content of every form. */
const FORMS: [name: string, type: number, content: string][] = [
  ['compressed string', 0, '\xc3\x07\x40\x5a\x02abc\xe0\x4e\x02'],
  ['list', 1, `\x02${string('a')}\xc0\x05`],
  ['set', 2, `\x02${string('a')}\xc0\x05`],
  ['text zset', 3, `\x02${string('a')}\x031.5\x01b\xfe`],
  ['hash', 4, `\x02${string('a')}\xc0\x05\x01b\x01c`],
  ['zset', 5, `\x02${string('a')}${double(1)}\x01b${double(-2.5)}`],
  ['zipmap', 9, string(zipmap(['f', 'v', 1], ['g', 'w']))],
  ['ziplist list', 10, string(ziplist('a', ...INTEGERS, 'x'.repeat(70)))],
  ['intset', 11, string(intset(4, -70000n, 1n, 2n))],
  ['ziplist zset', 12, string(ziplist('a', INTEGERS[0], 'b', '1.5'))],
  ['ziplist hash', 13, string(ziplist('a', INTEGERS[0], 'b', '1.5'))],
  ['quicklist', 14, `\x02${string(ziplist('a'))}${string(ziplist('b'))}`],
  ['listpack hash', 16, string(listpack('a', 1, 'b', 70000))],
  ['listpack zset', 17, string(listpack('a', 1, 'b', '1.5'))],
  ['quicklist2', 18, `\x02\x02${string(listpack('a', 300))}\x01\x01b`],
  ['listpack set', 20, string(listpack('a', 1, 'b'.repeat(70)))],
  ['stream of version 1', 15, stream(15)],
  ['stream of version 2', 19, stream(19)],
  ['stream of version 3', 21, stream(21)],
  ['expiring hash', 24, `${little(4_102_444_800_000n, 8)}\x02\x01\x01f\x01v\x00\x01g\x01w`],
  ['expiring listpack', 25, little(4_102_444_800_000n, 8) + string(listpack('f', 'v', 4_102_444_800_000, 'g', 'w', 0))],
]

describe.each(FORMS)('a damaged %s', (_, type, content) => {
  const { engine, connect } = createEngine({ databases: '1' })
  const client = connect()

  /** Restores something with a valid footer: it is taken or refused, nothing else, and nothing is left of it. */
  function feed(damagedType: number, damaged: string): boolean {
    const reply = client.ask('RESTORE', 'k', 0, payload(damagedType, damaged))
    expect(['+OK\r\n', '-ERR Bad data format\r\n']).toContain(reply)
    if (reply.startsWith('+')) {
      // What was taken is a sound value: it can be written again, unless it was a hash whose fields are long over.
      expect(client.ask('DUMP', 'k')).toMatch(damagedType >= 22 ? /^\$/ : /^\$\d/)
      for (const words of USES[client.ask('TYPE', 'k').slice(1, -2)] ?? []) client.ask(...words)
      engine.databases[0]!.check()
      client.ask('DEL', 'k')
    }
    expect(engine.databases[0]!.arena.usedBytes).toBe(0)
    return reply.startsWith('+')
  }

  test('is taken when it is whole', () => {
    expect(feed(type, content)).toBe(true)
  })

  test('is refused when it is cut', () => {
    for (let end = 0; end < content.length; end++) expect(feed(type, content.slice(0, end)), String(end)).toBe(false)
  })

  test('is refused for its checksum whatever bit is changed, and wherever it is cut', () => {
    const whole = payload(type, content)
    const refused = '-ERR DUMP payload version or checksum are wrong\r\n'
    for (let at = 0; at < whole.length; at++) {
      expect(client.ask('RESTORE', 'k', 0, whole.slice(0, at)), `cut at ${at}`).toBe(refused)
      for (let bit = 0; bit < 8; bit++) {
        const damaged = whole.slice(0, at) + byte(whole.charCodeAt(at) ^ (1 << bit)) + whole.slice(at + 1)
        expect(client.ask('RESTORE', 'k', 0, damaged), `byte ${at}, bit ${bit}`).toBe(refused)
      }
    }
    expect(engine.databases[0]!.size).toBe(0)
  })

  test('does no harm whatever byte is changed', () => {
    for (let at = 0; at < content.length; at++) {
      for (const value of [0, 0x40, 0x81, 0xc3, 0xf0, 0xff, content.charCodeAt(at) ^ 1]) {
        feed(type, content.slice(0, at) + byte(value) + content.slice(at + 1))
      }
    }
  })

  test('does no harm as another type', () => {
    for (let other = 0; other < 30; other++) feed(other, content)
  })

  test('does no harm however it is mixed up', () => {
    const part = fc.oneof(
      fc.tuple(fc.nat(content.length), fc.nat(content.length)).map(([a, b]) => content.slice(a, b)),
      fc.uint8Array({ maxLength: 4 }).map((bytes) => Buffer.from(bytes).toString('latin1')),
      fc.constantFrom(
        length(2 ** 32 - 1),
        uint16(65535),
        uint32(0x7fffffff),
        '\x81\0\0\0\xff\xff\xff\xff\xff',
        content,
      ),
    )
    fc.assert(
      fc.property(fc.array(part, { maxLength: 5 }), (parts) => {
        feed(type, parts.join(''))
      }),
      { numRuns: 100 },
    )
  })
})
