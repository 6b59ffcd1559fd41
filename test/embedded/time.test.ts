// Time in a test's hands: fakes in the place of the global timers do not stop a broker, and a clock of the test's moves everything
// that has time in it.

import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import fc from 'fast-check'
import { Redis } from 'ioredis'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import {
  type Broker,
  type BrokerOptions,
  OptionError,
  openBroker,
  startServer,
  type TestClock,
  testClock,
} from '../../src/index.ts'
import { RawConnection, temporaryDirectory } from '../support/server.ts'

const START = Date.UTC(2030, 0, 1)
const DAY_MS = 86_400_000

/** All that can be faked where tests run in a process of their own, and what else may be there. */
const EVERYTHING = [
  'setTimeout',
  'clearTimeout',
  'setInterval',
  'clearInterval',
  'setImmediate',
  'clearImmediate',
  'Date',
  'performance',
  'hrtime',
  'queueMicrotask',
] as const

async function held(options: BrokerOptions = {}): Promise<{ broker: Broker; clock: TestClock }> {
  const clock = testClock(START)
  const broker = await openBroker({ clock, ...options })
  onTestFinished(() => broker.close())
  return { broker, clock }
}

/** Sinon's timers reach into Node's own modules, so they have a process of their own. */
const UNDER_SINON = `
const { install } = require('@sinonjs/fake-timers')
const [dist] = process.argv.slice(1)
async function use(broker) {
  const heard = new Promise((resolve) => void broker.subscribe('news', resolve))
  await broker.publish('news', 'hello')
  const said = [await broker.call('SET', 'k', 'v', 'PX', 5), await broker.call('BLPOP', 'nothing', 0.01), await heard]
  said.push(Number((await broker.call('TIME'))[0]) > 1_700_000_000)
  await broker.close()
  return said
}
async function main() {
  const early = await require(dist).openBroker()
  install({ now: 0 })
  for (const path of Object.keys(require.cache)) if (path.startsWith(dist)) delete require.cache[path]
  const late = await require(dist).openBroker()
  process.stdout.write(JSON.stringify([await use(early), await use(late)]))
  process.exit()
}
main()
`

describe('fake timers', () => {
  test('the built package may be imported while all timers are faked, and loads the rest of itself under them', async () => {
    vi.useFakeTimers({ now: 0, toFake: [...EVERYTHING] })
    onTestFinished(() => void vi.useRealTimers())
    const built = '../../dist/index.mjs'
    const { openBroker } = (await import(built)) as typeof import('../../src/index.ts')
    const broker = await openBroker()
    expect(await broker.call('EVAL', 'return redis.call("SET", "a", "b")', 0)).toBe('OK')
    expect(await broker.call('BLPOP', 'nothing', 0.01)).toBeNull()
    await broker.close()
  })

  test('leave a broker working: calls, waits, listeners, ioredis, the disk, and its end', async () => {
    const broker = await openBroker({ dir: temporaryDirectory(), appendfsync: 'always' })
    vi.useFakeTimers({ now: 0, toFake: [...EVERYTHING] })
    onTestFinished(() => void vi.useRealTimers())
    expect(await broker.call('SET', 'k', 'v', 'PX', 5)).toBe('OK')
    // Its time is the machine's.
    expect(Number(((await broker.call('TIME')) as string[])[0])).toBeGreaterThan(1_700_000_000)
    expect(await broker.call('BLPOP', 'nothing', 0.01)).toBeNull()
    const heard = new Promise((resolve) => void broker.subscribe('news', resolve))
    await broker.publish('news', 'hello')
    expect(await heard).toBe('hello')
    const redis = new Redis({ Connector: broker.Connector })
    expect(await redis.incr('n')).toBe(1)
    redis.disconnect()
    await broker.close()
  })

  test('leave a server working', async () => {
    vi.useFakeTimers({ now: 0, toFake: [...EVERYTHING] })
    onTestFinished(() => void vi.useRealTimers())
    const server = await startServer({ port: 0 })
    // node-redis would write in a faked setImmediate.
    const connection = await RawConnection.open(server.port)
    connection.send('BLPOP nothing 0.01\r\nPING\r\n')
    expect(await connection.take(12)).toBe('*-1\r\n+PONG\r\n')
    await server.close()
  })

  test("Sinon's leave a broker working, and one that is loaded under them", async () => {
    const run = promisify(execFile)
    const dist = join(import.meta.dirname, '../../dist')
    const { stdout } = await run(process.execPath, ['-e', UNDER_SINON, dist], { cwd: import.meta.dirname })
    const said = ['OK', null, 'hello', true]
    expect(JSON.parse(stdout)).toEqual([said, said])
  })

  test('that came before the program was loaded are seen through', async () => {
    const real = { setTimeout, setImmediate, now: Date.now() }
    vi.useFakeTimers({ now: 0, toFake: [...EVERYTHING] })
    onTestFinished(() => void vi.useRealTimers())
    // Loaded once more: other tests share the one that is there.
    const path = join(import.meta.dirname, '../../src/util/time/real-time.ts?late')
    const late = (await import(path)) as typeof import('../../src/util/time/real-time.ts')
    expect(late.setTimeout).toBe(real.setTimeout)
    expect(late.setImmediate).toBe(real.setImmediate)
    expect(late.dateNow()).toBeGreaterThanOrEqual(real.now)
    await late.sleep(1)
  })
})

describe('a clock', () => {
  test('stands still, and moves by durations and to moments', async () => {
    const { broker, clock } = await held()
    expect(clock.now()).toBe(START)
    expect(await broker.call('TIME')).toEqual([String(START / 1000), '0'])
    await clock.advance('7d')
    expect(clock.now()).toBe(START + 7 * DAY_MS)
    await clock.advance(1)
    await clock.advanceTo('2030-02-01T00:00:00Z')
    expect(new Date(clock.now())).toEqual(new Date('2030-02-01'))
    await clock.set(new Date(START))
    expect(await broker.call('TIME')).toEqual([String(START / 1000), '0'])
  })

  test('refuses what is no time', async () => {
    const clock = testClock(START)
    for (const wrong of ['soon', '7 days', -1, Number.NaN]) expect(() => clock.advance(wrong)).toThrow(OptionError)
    expect(() => clock.set('someday')).toThrow(OptionError)
    await expect(clock.advanceTo(START - 1)).rejects.toThrow(OptionError)
    expect(() => testClock('never')).toThrow(OptionError)
    const other = { now: () => 0 } as TestClock
    await expect(openBroker({ clock: other })).rejects.toThrow("option 'clock'")
    await expect(startServer({ port: 0, clock: other })).rejects.toThrow(OptionError)
  })

  /** What a broker is asked before, how far time moves, what is seen then; and just before it, where that is something else. */
  const TIMED: [
    what: string,
    before: (broker: Broker) => unknown,
    ms: number,
    look: (broker: Broker) => unknown,
    after: unknown,
    early?: unknown,
  ][] = [
    ['keys expire', (b) => b.call('SET', 'k', 'v', 'PX', 5000), 5001, (b) => b.call('EXISTS', 'k'), 0, 1],
    [
      'keys have less and less time to live',
      (b) => b.call('SET', 'k', 'v', 'EX', 100),
      40_000,
      (b) => b.call('TTL', 'k'),
      60,
    ],
    [
      'fields of hashes expire',
      async (b) => {
        await b.call('HSET', 'h', 'f', 1)
        await b.call('HPEXPIRE', 'h', 700, 'FIELDS', 1, 'f')
      },
      701,
      (b) => b.call('EXISTS', 'h'),
      0,
      1,
    ],
    ['stream ids are of its time', () => {}, 1234, (b) => b.call('XADD', 's', '*', 'f', 'v'), `${START + 1234}-0`],
    [
      'scripts are told it',
      () => {},
      2000,
      (b) => b.call('EVAL', "return redis.call('TIME')[1]", 0),
      String(START / 1000 + 2),
    ],
    [
      'entries of streams are pending for longer',
      async (b) => {
        await b.call('XGROUP', 'CREATE', 's', 'g', '$', 'MKSTREAM')
        await b.call('XADD', 's', '1-1', 'f', 'v')
        await b.call('XREADGROUP', 'GROUP', 'g', 'c', 'STREAMS', 's', '>')
      },
      60_000,
      (b) => b.call('XAUTOCLAIM', 's', 'g', 'd', 60_000, 0, 'JUSTID'),
      ['0-0', ['1-1'], []],
    ],
    [
      'scheduled messages are published',
      (b) => b.call('PUBLISH', 'log', 'm', 'IN', 90_000, 'ID', 'later'),
      90_000,
      (b) => b.call('CHANNEL', 'HISTORY', 'log', '-', '+'),
      [[`${START + 90_000}-0`, 'm', 'later']],
      [],
    ],
    [
      'kept messages become too old',
      (b) => b.publish('log', 'm'),
      2 * DAY_MS,
      (b) => b.call('CHANNEL', 'HISTORY', 'log', '-', '+'),
      [],
    ],
    [
      'keys have not been asked for, for longer',
      (b) => b.call('SET', 'k', 'v'),
      30_000,
      (b) => b.call('OBJECT', 'IDLETIME', 'k'),
      30,
    ],
    [
      'clients grow older',
      (b) => b.connect(),
      9000,
      async (b) => / age=9 idle=9 .* cmd=NULL/.test(String(await b.call('CLIENT', 'LIST'))),
      true,
    ],
  ]

  test.each(TIMED)('moves: %s', async (_, before, ms, look, after, early) => {
    const { broker, clock } = await held({ config: { channel: 'log keep 1d' } })
    await before(broker)
    if (early === undefined) {
      await clock.advance(ms)
    } else {
      await clock.advance(ms - 1)
      expect(await look(broker)).toEqual(early)
      await clock.advance(1)
    }
    expect(await look(broker)).toEqual(after)
  })

  const WAITING: [name: string, words: (string | number)[]][] = [
    ['BLPOP', ['k', 10]],
    ['BLMOVE', ['k', 'l', 'LEFT', 'RIGHT', 10]],
    ['BZPOPMIN', ['z', 10]],
    ['XREAD', ['BLOCK', 10_000, 'STREAMS', 's', '$']],
    ['WAIT', [1, 10_000]],
  ]

  test.each(WAITING)('moves: %s gives up', async (command, words) => {
    const { broker, clock } = await held()
    let reply: unknown = 'none'
    void broker.call(command, ...words).then((value) => {
      reply = value
    })
    await clock.advance(9999)
    expect(reply).toBe('none')
    await clock.advance(1)
    expect(reply).toEqual(command === 'WAIT' ? 0 : null)
  })

  test('moves: what CLIENT PAUSE puts off is run', async () => {
    const { broker, clock } = await held()
    await broker.call('CLIENT', 'PAUSE', 3000, 'WRITE')
    let reply: unknown
    void broker.call('INCR', 'n').then((value) => {
      reply = value
    })
    await clock.advance(2999)
    expect(reply).toBeUndefined()
    await clock.advance(1)
    expect(reply).toBe(1)
  })

  test('lets each thing come to its end, and those who hear of it act, before the next', async () => {
    const { broker, clock } = await held({ config: { 'notify-keyspace-events': 'Ex' } })
    const log: string[] = []
    const redis = new Redis({ Connector: broker.Connector })
    onTestFinished(() => redis.disconnect())
    await broker.subscribe('__keyevent@0__:expired', async (key) => {
      log.push(`${clock.now() - START}: ${key} expired`)
      // Asked for at that moment, through a client of its own, and due before the next key expires.
      await redis.set(`${key}'`, '', 'PX', 10)
      if (key.length < 3) log.push(`${clock.now() - START}: ${key}' was set`)
    })
    void broker.call('BLPOP', 'k', 0.1015).then(() => log.push(`${clock.now() - START}: gave up`))
    await broker.call('SET', 'a', '', 'PX', 100)
    await broker.call('SET', 'b', '', 'PX', 105)
    await clock.advance(112)
    expect(log).toEqual([
      '101: a expired',
      "101: a' was set",
      '102: gave up',
      '106: b expired',
      "106: b' was set",
      "112: a' expired",
      "112: a'' was set",
    ])
  })

  test('waits for replies that wait for the disk', async () => {
    const { broker, clock } = await held({ dir: temporaryDirectory(), appendfsync: 'always' })
    let reply: unknown
    void broker.call('BLMOVE', 'k', 'l', 'LEFT', 'RIGHT', 1).then((value) => {
      reply = value
    })
    await broker.call('PUBLISH', 'c', 'm', 'IN', 500)
    const popped = broker.call('RPUSH', 'k', 'job')
    await clock.advance(1)
    expect(reply).toBe('job')
    await popped
  })

  test('does not wait for what the machine does by itself: days pass in no time', async () => {
    const { broker, clock } = await held({ config: { channel: 'log keep 1d' } })
    const messages = broker.messages('log', { name: 'reader' })
    await messages.ready
    await clock.advance(DAY_MS)
    await messages.return()
    await clock.advance('1d')
    expect(clock.now()).toBe(START + 2 * DAY_MS)
  })

  test('serves several brokers and servers', async () => {
    const { broker, clock } = await held()
    const server = await startServer({ port: 0, clock })
    onTestFinished(() => server.close())
    const redis = new Redis(server.port)
    onTestFinished(() => redis.disconnect())
    const order: string[] = []
    await redis.ping()
    void redis.blpop('k', 2).then(() => order.push('server'))
    void broker.call('BLPOP', 'k', 1).then(() => order.push('broker'))
    await clock.advance('1s')
    expect(order).toEqual(['broker'])
    await clock.advance('1s')
    expect(order).toEqual(['broker', 'server'])
  })

  test('advances by a + b as by a and then by b', async () => {
    const action = fc.record({
      key: fc.integer({ min: 0, max: 4 }),
      ms: fc.integer({ min: 1, max: 300 }),
      kind: fc.integer({ min: 0, max: 3 }),
    })
    const run = async (actions: { key: number; ms: number; kind: number }[], steps: number[]): Promise<string[]> => {
      const clock = testClock(START)
      const broker = await openBroker({ clock, seed: 1, config: { 'notify-keyspace-events': 'Exl' } })
      const log: string[] = []
      const note = (what: string): void => void log.push(`${clock.now() - START} ${what}`)
      try {
        await broker.subscribePattern('__keyevent@0__:*', (key, event) => note(`${event} ${key}`))
        await broker.subscribe('c', (message) => note(message))
        for (const { key, ms, kind } of actions) {
          if (kind === 0) await broker.call('SET', `k${key}`, '', 'PX', ms)
          else if (kind === 1) await broker.call('PUBLISH', 'c', `m${key}`, 'IN', ms)
          else if (kind === 2)
            void broker.call('BLPOP', `l${key}`, ms / 1000).then(
              (got) => note(`l${key} ${got}`),
              () => {},
            )
          // Somebody answers each message: consequences have consequences.
          else await broker.subscribe('c', () => void broker.call('RPUSH', `l${key}`, 'x'))
        }
        for (const ms of steps) await clock.advance(ms)
        return log
      } finally {
        await broker.close()
      }
    }
    await fc.assert(
      fc.asyncProperty(fc.array(action, { maxLength: 8 }), fc.integer({ min: 0, max: 400 }), async (actions, a) => {
        expect(await run(actions, [a, 400 - a])).toEqual(await run(actions, [400]))
      }),
      { numRuns: 25 },
    )
  })
})

describe('a seed', () => {
  const draw = async (seed?: number): Promise<unknown> => {
    const broker = await openBroker(seed === undefined ? {} : { seed })
    for (let i = 0; i < 300; i++) {
      await broker.call('SET', `k${i}`, i)
      await broker.call('SADD', 's', `m${i}`)
      await broker.call('ZADD', 'z', i, `m${i}`)
      await broker.call('HSET', 'h', `f${i}`, i)
    }
    const drawn = [
      await broker.call('RANDOMKEY'),
      await broker.call('SRANDMEMBER', 's', 5),
      await broker.call('SPOP', 's', 5),
      await broker.call('ZRANDMEMBER', 'z', 5),
      await broker.call('HRANDFIELD', 'h', 5),
      await broker.call('EVAL', 'return math.random(1000000)', 0),
      [...((await broker.call('SMEMBERS', 's')) as Set<string>)],
    ]
    const secret = await broker.call('ACL', 'GENPASS')
    await broker.close()
    return { drawn, secret }
  }

  test('makes every random command answer the same again, but secrets', async () => {
    const [first, second, other] = (await Promise.all([draw(7), draw(7), draw(8)])) as {
      drawn: unknown[]
      secret: string
    }[]
    expect(second!.drawn).toEqual(first!.drawn)
    expect(second!.secret).not.toBe(first!.secret)
    for (const [i, value] of other!.drawn.entries()) expect(value).not.toEqual(first!.drawn[i])
  })

  test('is an integer of 32 bits', async () => {
    for (const seed of [-1, 1.5, 2 ** 32, '7' as unknown as number])
      await expect(openBroker({ seed })).rejects.toThrow("option 'seed': an integer from 0 to 4294967295")
    await expect(startServer({ port: 0, seed: -1 })).rejects.toThrow(OptionError)
  })
})
