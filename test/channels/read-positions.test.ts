// The read positions of subscribers that are away: their form, their lifetime, and their number.

import { describe, expect, test } from 'vitest'
import { parseChannelRules } from '../../src/config/channel-rules.ts'
import { createEngine, restarted, type TestClient, type TestEngine } from '../support/engine.ts'

const DAY_MS = 24 * 60 * 60 * 1000
const OUT_OF_MEMORY = "-OOM command not allowed when used memory > 'maxmemory'.\r\n"
const TOO_MANY = /^-ERR too many places of this user are remembered already/

function named({ connect }: TestEngine, name: string, user = ''): TestClient {
  const client = connect(3)
  if (user !== '') client.ask('AUTH', user, 'secret')
  client.ask('CLIENT', 'SETNAME', name)
  return client
}

/** Makes a named subscriber come and go. */
function visit(engine: TestEngine, name: string, ...channels: string[]): void {
  const client = named(engine, name)
  client.ask('SUBSCRIBE', ...channels)
  client.disconnect()
}

/** Returns the texts of the messages that a client was sent. */
function texts(reply: string): string[] {
  return [...reply.matchAll(/\$7\r\nmessage\r\n\$\d+\r\n.*\r\n\$\d+\r\n(.*)\r\n/g)].map(([, text]) => text!)
}

function remembered({ connect }: TestEngine): number {
  return Number(/remembered_subscribers:(\d+)/.exec(connect().ask('INFO', 'stats'))![1])
}

describe('a position', () => {
  test.each([
    ['of a version that wrote id and count', '0-0 0'],
    ['of a version that wrote the id alone', '0-0'],
    ['of this version', '0-0 0 1600000000'],
  ])('%s is one', (_, stored) => {
    const settings = { channel: 'orders.* keep 1h' }
    const first = createEngine(settings)
    first.connect().ask('HSET', 'places:channel:{orders.eu}', 'default billing', stored)
    first.connect().ask('PUBLISH', 'orders.eu', 'missed')
    const second = restarted(first, settings)
    // When its subscriber left is not known, or it may have been connected until the end.
    second.clock.advance(1000)
    expect(remembered(second)).toBe(1)
    const client = named(second, 'billing')
    expect(texts(client.ask('SUBSCRIBE', 'orders.eu'))).toEqual(['missed'])
    expect(client.ask('CHANNEL', 'LAG', 'orders.eu', 'default', 'billing')).toBe(':0\r\n')
    second.clock.advance(20_000)
    client.disconnect()
    expect(second.connect().ask('HGETALL', 'places:channel:{orders.eu}')).toMatch(/\d{13}-0 (1|-) 17\d{8}\r\n$/)
  })
})

describe('a subscriber that is away', () => {
  test.each([
    ['keep 1h', DAY_MS],
    ['keep 3d', 6 * DAY_MS],
    ['keep-last 3', 7 * DAY_MS],
    ['keep forever', Number.POSITIVE_INFINITY],
    ['keep 1h remember 5m', 300_000],
    ['keep 1h remember forever', Number.POSITIVE_INFINITY],
  ])('under %s is remembered for so many milliseconds: %s', (options, ms) => {
    expect(parseChannelRules(`orders.* ${options}`)[0]!.rememberMs).toBe(ms)
  })

  test.each([10_000, 30_000])('is remembered for exactly %i ms', (ms) => {
    const engine = createEngine({ channel: `orders.* keep 1s remember ${ms / 1000}s` })
    const [present, members] = [named(engine, 'present'), named(engine, 'member')]
    present.ask('SUBSCRIBE', 'orders.eu')
    members.ask('SUBSCRIBE', '$share/present/orders.eu')
    engine.clock.advance(ms)
    visit(engine, 'billing', 'orders.eu', '$share/workers/orders.eu')
    const pattern = named(engine, 'billing')
    pattern.ask('PSUBSCRIBE', 'orders.*')
    pattern.disconnect()
    engine.clock.advance(ms - 1000)
    expect(remembered(engine)).toBe(5)
    engine.clock.advance(5000)
    expect(remembered(engine)).toBe(2)
    expect(engine.connect().ask('EXISTS', 'places:pattern:{orders.*}')).toBe(':0\r\n')
  })

  test('of a rule that keeps for ever is remembered for ever, unless the rule says otherwise', () => {
    const engine = createEngine({ channel: 'orders.* keep forever rates.* keep forever remember 1m' })
    visit(engine, 'billing', 'orders.eu', 'rates.eur')
    engine.clock.advance(120_000)
    expect(remembered(engine)).toBe(1)
  })

  test('begins to be away when it leaves, although no message was published for long', () => {
    const engine = createEngine({ channel: 'orders.* keep 1s remember 1m' })
    const client = named(engine, 'billing')
    client.ask('SUBSCRIBE', 'orders.eu', '$share/workers/orders.eu')
    engine.clock.advance(120_000)
    client.disconnect()
    engine.clock.advance(55_000)
    expect(remembered(engine)).toBe(2)
    engine.clock.advance(10_000)
    expect(remembered(engine)).toBe(0)
  })

  test('may have been connected when the server died: the time begins again', () => {
    const settings = { channel: 'orders.* keep 1s remember 1m' }
    const first = createEngine(settings)
    named(first, 'billing').ask('SUBSCRIBE', 'orders.eu')
    first.clock.advance(120_000)
    const second = restarted(first, settings)
    second.clock.advance(55_000)
    expect(remembered(second)).toBe(1)
    second.clock.advance(10_000)
    expect(remembered(second)).toBe(0)
    expect(second.journal.lines).toContain('0 HDEL places:channel:{orders.eu} default billing')
  })

  test('is forgotten a few at a time, of one channel and of many', () => {
    const engine = createEngine({ channel: 'orders.* keep 1s remember 1m' })
    for (let i = 0; i < 700; i++) visit(engine, `billing-${i}`, 'orders.eu')
    visit(engine, 'billing', ...Array.from({ length: 700 }, (_, i) => `orders.${i}`))
    engine.clock.advance(65_000)
    expect(engine.connect().ask('DBSIZE')).toBe(':0\r\n')
  })
})

test('the positions of one name in very many channels take some hundred bytes each', () => {
  const COUNT = 5000
  const engine = createEngine({ channel: 'orders.* keep 1h' })
  const { dataset } = engine.engine.data
  const client = named(engine, 'billing')
  const before = dataset.usedBytes
  for (let i = 0; i < COUNT; i++) client.ask('SUBSCRIBE', `orders.${i}`)
  client.disconnect()
  expect(engine.connect().ask('DBSIZE')).toBe(`:${COUNT}\r\n`)
  expect((dataset.usedBytes - before) / COUNT).toBeLessThan(400)
})

describe('positions are bounded', () => {
  const USERS = ['ACL SETUSER anna on >secret +@all ~* &*', 'ACL SETUSER boris on >secret +@all ~* &*']
  const RULES = 'orders.* keep 1h max-remembered 3 rates.* keep-last 1 max-remembered 2'

  function engineOf(settings: Parameters<typeof createEngine>[0] = { channel: RULES }): TestEngine {
    const engine = createEngine(settings)
    for (const line of USERS) engine.connect().ask(...line.split(' '))
    return engine
  }

  test('by rule and by user: a command with too many is refused completely', () => {
    const engine = engineOf()
    const client = named(engine, 'billing', 'anna')
    client.ask('SUBSCRIBE', 'orders.1', 'orders.2')
    expect(client.ask('SUBSCRIBE', 'orders.3', 'orders.4')).toMatch(TOO_MANY)
    expect(client.client.subscriptions.channels.size).toBe(2)
    expect(client.ask('PSUBSCRIBE', 'orders.*')).toContain('orders.*')
    for (const command of ['SUBSCRIBE', 'PSUBSCRIBE', 'SSUBSCRIBE']) {
      expect(client.ask(command, 'orders.3')).toMatch(TOO_MANY)
      expect(named(engine, 'shipping', 'anna').ask(command, 'orders.3')).toMatch(TOO_MANY)
    }
    // It has these already, another rule bounds others, and positions in unkept channels are not
    // bounded.
    expect(client.ask('SUBSCRIBE', 'orders.1', 'rates.1', 'rates.2', 'other.1')).toMatch(/^>3/)
    expect(named(engine, 'billing', 'boris').ask('SUBSCRIBE', 'orders.3')).toMatch(/^>3/)
    const nameless = engine.connect()
    nameless.ask('AUTH', 'anna', 'secret')
    expect(nameless.ask('SUBSCRIBE', 'orders.3')).toMatch(/^\*3/)
  })

  test('until some are given back: by UNSUBSCRIBE, CHANNEL FORGET, and soon by DEL and FLUSHALL', () => {
    const engine = engineOf()
    const client = named(engine, 'billing', 'anna')
    client.ask('SUBSCRIBE', 'orders.1', 'orders.2', 'orders.3')
    client.ask('UNSUBSCRIBE', 'orders.1')
    expect(client.ask('SUBSCRIBE', 'orders.4')).toMatch(/^>3/)
    client.disconnect()
    const again = named(engine, 'shipping', 'anna')
    expect(again.ask('SUBSCRIBE', 'orders.1')).toMatch(TOO_MANY)
    again.ask('CHANNEL', 'FORGET', 'orders.2', 'anna', 'billing')
    expect(again.ask('SUBSCRIBE', 'orders.1')).toMatch(/^>3/)
    again.ask('DEL', 'places:channel:{orders.3}')
    engine.clock.advance(2500)
    expect(again.ask('SUBSCRIBE', 'orders.2')).toMatch(/^>3/)
    expect(again.ask('SUBSCRIBE', 'orders.3')).toMatch(TOO_MANY)
    again.ask('FLUSHALL')
    engine.clock.advance(2500)
    expect(again.ask('SUBSCRIBE', 'orders.3')).toMatch(/^>3/)
  })

  test('positions that exist when the server starts, or a rule comes, are counted', () => {
    const first = engineOf()
    const client = named(first, 'billing', 'anna')
    client.ask('SUBSCRIBE', 'orders.1', 'orders.2', 'orders.3')
    const second = restarted(first, { channel: RULES })
    for (const line of USERS) second.connect().ask(...line.split(' '))
    expect(named(second, 'billing', 'anna').ask('SUBSCRIBE', 'orders.4')).toMatch(TOO_MANY)
    second.connect().ask('CONFIG', 'SET', 'channel', 'orders.* keep 1h max-remembered 4')
    expect(named(second, 'billing', 'anna').ask('SUBSCRIBE', 'orders.4')).toMatch(/^>3/)
    expect(named(second, 'billing', 'anna').ask('SUBSCRIBE', 'orders.5')).toMatch(TOO_MANY)
  })

  test('subscriptions older than their rule are remembered up to its limit', () => {
    const engine = engineOf({})
    named(engine, 'billing', 'anna').ask('SUBSCRIBE', 'orders.1', 'orders.2', 'orders.3', 'orders.4')
    engine.connect().ask('CONFIG', 'SET', 'channel', RULES)
    expect(remembered(engine)).toBe(3)
    const publisher = engine.connect()
    expect(publisher.ask('PUBLISH', 'orders.4', 'text')).toBe(':1\r\n')
  })

  test('those of groups, all groups of a rule together', () => {
    const engine = engineOf()
    const client = named(engine, 'billing', 'anna')
    client.ask('SUBSCRIBE', '$share/a/orders.1', '$share/b/orders.1', '$share/a/orders.2')
    expect(client.ask('SUBSCRIBE', '$share/c/orders.1')).toMatch(TOO_MANY)
    expect(engine.connect().ask('SUBSCRIBE', '$share/a/orders.1')).toMatch(/^\*3/)
  })

  test('by maxmemory: new positions are refused, and nothing else', () => {
    const engine = engineOf({ channel: 'orders.* keep 1h', 'maxmemory-policy': 'noeviction' })
    visit(engine, 'billing', 'orders.1')
    const client = named(engine, 'billing')
    client.ask('CONFIG', 'SET', 'maxmemory', '1')
    for (const name of ['orders.2', '$share/a/orders.1']) expect(client.ask('SUBSCRIBE', name)).toBe(OUT_OF_MEMORY)
    expect(client.ask('PSUBSCRIBE', 'o*')).toBe(OUT_OF_MEMORY)
    expect(client.ask('SSUBSCRIBE', 'orders.1')).toBe(OUT_OF_MEMORY)
    expect(client.ask('SUBSCRIBE', 'orders.1', 'other')).toMatch(/^>3/)
    expect(engine.connect().ask('SUBSCRIBE', 'orders.2')).toMatch(/^\*3/)
  })

  test('are set by the rule, and shown when they differ from the default', () => {
    const { connect } = createEngine()
    const client = connect()
    const rules = 'a.* keep 1h remember forever max-remembered 7 b.* keep 1h remember 1d c.* keep-last 1 remember 2d'
    client.ask('CONFIG', 'SET', 'channel', rules)
    expect(client.ask('CONFIG', 'GET', 'channel')).toContain(
      'a.* keep 1h remember forever max-remembered 7 b.* keep 1h c.* keep-last 1 remember 2d\r\n',
    )
    for (const options of [
      'keep 1h remember',
      'keep 1h remember soon',
      'keep 1h max-remembered 0',
      'slow conflate remember 1h',
    ])
      expect(client.ask('CONFIG', 'SET', 'channel', `a.* ${options}`)).toMatch(/^-ERR/)
  })
})
