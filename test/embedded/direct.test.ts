// Calls within the process: words become arguments and replies become values, without bytes in between
// (src/engine/requests/direct-calls.ts). A broker whose faults were asked for says every request and reply as bytes: what
// the two answer is compared here. test/support/both-ways.ts compares the replies of every command test.

import { describe, expect, onTestFinished, test } from 'vitest'
import { type Broker, type BrokerOptions, CommandError, openBroker, type Session, testClock } from '../../src/index.ts'
import { Random } from '../../src/util/numbers/random.ts'
import { randomCommand } from '../support/random-commands.ts'
import { eventually, temporaryDirectory } from '../support/server.ts'

type Words = [string, ...(string | number | Uint8Array)[]]

async function open(options: BrokerOptions = {}): Promise<Broker> {
  const broker = await openBroker(options)
  onTestFinished(() => broker.close())
  return broker
}

/** Two brokers with one time and one seed: the first answers by values, the second by bytes. */
async function openBoth(options: BrokerOptions = {}): Promise<[values: Broker, bytes: Broker]> {
  const clock = testClock()
  const both: [Broker, Broker] = [
    await open({ ...options, clock, seed: 7 }),
    await open({ ...options, ...(options.dir === undefined ? {} : { dir: temporaryDirectory() }), clock, seed: 7 }),
  ]
  void both[1].faults
  return both
}

/** What came of a call, in a form that shows all of it. */
async function outcomeOf(call: Promise<unknown>): Promise<unknown> {
  return shown(await call.catch((error: unknown) => error))
}

function shown(value: unknown): unknown {
  if (value instanceof Error) return { error: value.message, name: value.name }
  if (Array.isArray(value)) return value.map(shown)
  if (value instanceof Set) return { set: [...value].map(shown) }
  if (value instanceof Map) return { map: [...value].flat().map(shown) }
  return value
}

const BYTES = Uint8Array.from({ length: 256 }, (_, i) => i)
const LONG = 'ü€😀'.repeat(20_000)

/** Every kind of reply and of word; errors, transactions and scripts. */
const PROGRAM: Words[] = [
  ['PING'],
  ['SET', 'text', 'grüß dich'],
  ['GET', 'text'],
  ['GET', 'missing'],
  ['SET', 'bytes', BYTES],
  ['GET', 'bytes'],
  ['STRLEN', 'bytes'],
  ['SET', 'long', LONG],
  ['GET', 'long'],
  ['APPEND', 'long', 'x'.repeat(40_000)],
  ['STRLEN', 'long'],
  ['SET', 'empty', ''],
  ['GET', 'empty'],
  ['INCR', 'n'],
  ['SET', 'huge', '9223372036854775806'],
  ['INCR', 'huge'],
  ['INCR', 'huge'],
  ['INCRBYFLOAT', 'n', '1.25'],
  ['LPUSH', 'text', 'x'],
  ['NONSENSE', 'a', 'ü'],
  ['GET'],
  ['CONFIG', 'NONSENSE'],
  ['CONFIG', 'GET', 'databases'],
  ['RPUSH', 'list', 'a', '', 'ü', 'd'.repeat(200), BYTES],
  ['LRANGE', 'list', 0, -1],
  ['LPOP', 'list', 2],
  ['LPOP', 'none', 2],
  ['LPOS', 'list', 'none'],
  ['HSET', 'hash', 'one', 1],
  ['HGETALL', 'hash'],
  ['HRANDFIELD', 'hash', 1, 'WITHVALUES'],
  ['HMGET', 'hash', 'one', 'two'],
  ['SADD', 'set', 'member'],
  ['SMEMBERS', 'set'],
  ['ZADD', 'zset', '1.5', 'a', '-inf', 'b', '1e20', 'c', '3', 'd'],
  ['ZRANGE', 'zset', 0, -1, 'WITHSCORES'],
  ['ZSCORE', 'zset', 'a'],
  ['ZSCORE', 'zset', 'b'],
  ['ZSCORE', 'zset', 'c'],
  ['ZMSCORE', 'zset', 'none', 'd'],
  ['ZPOPMIN', 'zset'],
  ['ZADD', 'zset', 'NX', 'INCR', '1', 'a'],
  ['GEOADD', 'geo', '13.361389', '38.115556', 'Palermo'],
  ['GEOPOS', 'geo', 'Palermo', 'none'],
  ['XADD', 'stream', '1-1', 'field', 'value'],
  ['XRANGE', 'stream', '-', '+'],
  ['XREAD', 'STREAMS', 'stream', 0],
  ['XREAD', 'STREAMS', 'stream', '9'],
  ['XINFO', 'STREAM', 'stream'],
  ['BLPOP', 'list', 1],
  ['DEBUG', 'PROTOCOL', 'bignum'],
  ['DEBUG', 'PROTOCOL', 'attrib'],
  ['DEBUG', 'PROTOCOL', 'push'],
  ['DEBUG', 'PROTOCOL', 'verbatim'],
  ['DEBUG', 'PROTOCOL', 'set'],
  ['DEBUG', 'PROTOCOL', 'map'],
  ['DEBUG', 'PROTOCOL', 'true'],
  ['DEBUG', 'PROTOCOL', 'double'],
  ['DEBUG', 'PROTOCOL', 'null'],
  ['DEBUG', 'ERROR', 'ODD words'],
  ['EVAL', "return {1, 'two', {3, false, {ok = 'fine'}, {err = 'BAD luck'}}}", 0],
  ['EVAL', "return redis.call('LPUSH', KEYS[1], 'x')", 1, 'text'],
  ['EVAL', "redis.setresp(3) return redis.call('HGETALL', KEYS[1])", 1, 'hash'],
  ['EVAL', "return redis.error_reply('MINE no')", 0],
  ['EVAL', 'return nonsense(', 0],
  ['EVALSHA', 'f'.repeat(40), 0],
  ['MULTI'],
  ['SET', 'in', 'transaction'],
  ['LPUSH', 'text', 'wrong type'],
  ['HGETALL', 'hash'],
  ['EXEC'],
  ['EXEC'],
  ['MULTI'],
  ['NONSENSE'],
  ['EXEC'],
  ['MULTI'],
  ['SET', 'in', 'vain'],
  ['DISCARD'],
  ['WATCH', 'in'],
  ['SET', 'in', 'between'],
  ['MULTI'],
  ['GET', 'in'],
  ['EXEC'],
  ['SELECT', 3],
  ['GET', 'text'],
  ['SELECT', 99],
  ['SELECT', 0],
  ['CLIENT', 'SETNAME', 'tester'],
  ['CLIENT', 'GETNAME'],
  ['CLIENT', 'TRACKING', 'on'],
  ['GET', 'text'],
  ['SET', 'text', 'changed under tracking'],
  ['GET', 'text'],
  ['CLIENT', 'TRACKING', 'on', 'OPTIN'],
  ['CLIENT', 'CACHING', 'yes'],
  ['GET', 'text'],
  ['CLIENT', 'TRACKINGINFO'],
  ['HELLO', 2],
  ['HGETALL', 'hash'],
  ['ZSCORE', 'zset', 'a'],
  ['HELLO', 3],
  ['HGETALL', 'hash'],
  ['HELLO', 4],
  ['RESET'],
  ['ZSCORE', 'zset', 'a'],
  ['OBJECT', 'ENCODING', 'list'],
  ['DBSIZE'],
  ['TYPE', 'zset'],
  ['EXPIRE', 'zset', 100],
  ['TTL', 'zset'],
  ['WAIT', 0, 0],
  ['QUIT'],
]

async function run(session: Session, program: readonly Words[], buffers: boolean): Promise<unknown[]> {
  const outcomes: unknown[] = []
  for (const words of program)
    outcomes.push(await outcomeOf(buffers ? session.callBuffer(...words) : session.call(...words)))
  return outcomes
}

describe('values and bytes say the same', () => {
  for (const protocol of [2, 3] as const) {
    for (const buffers of [false, true]) {
      for (const dir of [undefined, temporaryDirectory]) {
        const title = `RESP${protocol}, ${buffers ? 'bytes' : 'text'}, ${dir === undefined ? 'in memory' : 'on disk'}`
        test(`every kind of reply: ${title}`, async () => {
          const [values, bytes] = await openBoth({
            config: { 'enable-debug-command': 'yes' },
            ...(dir === undefined ? {} : { dir: dir(), appendfsync: 'always' }),
          })
          const direct = await run(values.session({ protocol }), PROGRAM, buffers)
          const encoded = await run(bytes.session({ protocol }), PROGRAM, buffers)
          expect(direct.length).toBe(PROGRAM.length)
          expect(direct).toEqual(encoded)
        })
      }
    }
  }

  test('random programs leave the same data behind, and are answered alike', async () => {
    const [values, bytes] = await openBoth({ dir: temporaryDirectory() })
    const random = new Random(3)
    const [direct, encoded] = [values.session(), bytes.session()]
    for (let i = 0; i < 3000; i++) {
      const words = randomCommand(random, 0) as Words
      // Removals at random draw from another hash secret in each process.
      if (/^(SPOP|HRANDFIELD|SRANDMEMBER)$/.test(words[0])) continue
      expect([words, await outcomeOf(direct.call(...words))]).toEqual([words, await outcomeOf(encoded.call(...words))])
    }
    await values.call('DEBUG', 'DIGEST').catch(() => {})
    expect(await values.call('DBSIZE')).toBe(await bytes.call('DBSIZE'))
  })

  test('a monitor is shown the words of both', async () => {
    const lines: string[][] = []
    for (const broker of await openBoth()) {
      const stream = broker.connect()
      onTestFinished(() => void stream.destroy())
      let shown = ''
      stream.on('data', (chunk: Buffer) => {
        shown += chunk.toString('latin1')
      })
      stream.write('MONITOR\r\n')
      await eventually(() => shown.startsWith('+OK'))
      await broker.call('SET', 'k', 'ü')
      await broker.transaction([['INCR', 'n']])
      await broker.call('ECHO', 'end')
      await eventually(() => shown.includes('"end"'))
      lines.push(shown.split('\r\n').map((line) => line.replace(/^\+[\d.]+/, '')))
    }
    expect(lines[0]).toEqual(lines[1])
  })
})

describe('order', () => {
  test('calls on disk, in memory, that wait and that fail are answered in the order they were made', async () => {
    for (const options of [{}, { dir: temporaryDirectory(), appendfsync: 'always' as const }]) {
      const broker = await open(options)
      const session = broker.session()
      const order: number[] = []
      const calls: Words[] = [
        ['GET', 'k'],
        ['SET', 'k', 1],
        ['LPUSH', 'k', 'wrong'],
        ['GET', 'k'],
        ['BLPOP', 'queue', 0],
        ['SET', 'k', 2],
        ['GET', 'k'],
      ]
      const all = calls.map((words, i) =>
        outcomeOf(session.call(...words)).then((outcome) => {
          order.push(i)
          return outcome
        }),
      )
      expect(await broker.call('RPUSH', 'queue', 'job')).toBe(1)
      expect(await Promise.all(all)).toEqual([
        null,
        'OK',
        { error: 'WRONGTYPE Operation against a key holding the wrong kind of value', name: 'CommandError' },
        '1',
        ['queue', 'job'],
        'OK',
        '2',
      ])
      expect(order).toEqual(calls.map((_, i) => i))
    }
  })

  test('a program that awaits one call after the other lets timers and sockets be served', async () => {
    const broker = await open()
    let isOver = false
    setTimeout(() => {
      isOver = true
    }, 1)
    let calls = 0
    while (!isOver && calls < 1_000_000) {
      await broker.call('GET', 'k')
      calls++
    }
    expect(isOver).toBe(true)
  })

  test('a message is delivered before a program goes on calling', async () => {
    const broker = await open()
    const heard: string[] = []
    await broker.subscribe('news', (message) => void heard.push(message))
    for (let i = 0; i < 20; i++) await broker.publish('news', String(i))
    expect(heard.length).toBeGreaterThan(18)
  })

  test('a session that was ended gets its last reply', async () => {
    const broker = await open()
    const session = broker.session()
    const [id, killed] = await Promise.all([session.call('CLIENT', 'ID'), outcomeOf(session.call('PING'))])
    expect(killed).toBe('PONG')
    expect(await broker.call('CLIENT', 'KILL', 'ID', id as number)).toBe(1)
    await expect(session.call('PING')).rejects.toThrow('the session is closed')
  })
})

describe('long replies', () => {
  test('an array of 800,000 elements is read in time that grows with its length', async () => {
    const broker = await open()
    const timeOf = async (count: number): Promise<number> => {
      const key = `list:${count}`
      for (let i = 0; i < count; i += 50_000) {
        await broker.call('RPUSH', key, ...Array.from({ length: 50_000 }, (_, n) => `element:${i + n}`))
      }
      const startedMs = performance.now()
      const elements = (await broker.call('LRANGE', key, 0, -1)) as string[]
      const took = performance.now() - startedMs
      expect(elements.length).toBe(count)
      expect(elements.at(-1)).toBe(`element:${count - 1}`)
      return took
    }
    const short = Math.min(await timeOf(100_000), await timeOf(100_000 + 50_000))
    // The square of eight is 64.
    expect(await timeOf(800_000)).toBeLessThan(40 * Math.max(short, 5))
  })

  test('as bytes, such a reply is read once, too', async () => {
    const broker = await open()
    void broker.faults
    const words = Array.from({ length: 50_000 }, (_, n) => `element:${n}`)
    for (let i = 0; i < 16; i++) await broker.call('RPUSH', 'list', ...words)
    expect(((await broker.call('LRANGE', 'list', 0, -1)) as string[]).length).toBe(800_000)
  })
})

test('errors of calls are CommandErrors', async () => {
  const broker = await open()
  await expect(broker.call('INCRBY', 'k', 'x')).rejects.toBeInstanceOf(CommandError)
})
